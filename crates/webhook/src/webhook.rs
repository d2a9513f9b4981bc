//! Putting the parts together.

use core::net::{Ipv6Addr, SocketAddr};
use core::sync::atomic::{AtomicBool, Ordering};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use ferrolb_api::Rules;
use ferrolb_kube::connection::Connection;
use ferrolb_kube::{Client, WallClock};
use ferrolb_telemetry::admin::{self, Listener, Readiness};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::certificate::{Current, Show, Shown};
use crate::files::Files;
use crate::keeper::{Keeper, Settings};
use crate::{TlsOptions, routes, server};

/// What the command line decides.
#[derive(Clone, Debug)]
pub struct Config {
    /// What is accepted, and which namespace counts.
    pub rules: Rules,
    /// `--cert-service-name`: the Service by which API servers reach this process.
    pub service: Box<str>,
    /// Where certificates come from.
    pub certificates: Certificates,
    /// Where to listen, on all addresses of both families; 0: any free port.
    pub port: u16,
    /// Versions, suites and groups.
    pub tls: TlsOptions,
    /// `--webhook-http2`: offer HTTP/2 too.
    pub http2: bool,
    /// For the validity of certificates.
    pub clock: WallClock,
    /// What is said about the API server, once for all components of the process.
    pub connection: Connection,
}

/// Where certificates come from.
#[derive(Clone, Debug)]
pub enum Certificates {
    /// Made here, kept in this Secret and renewed in time.
    Rotated {
        /// `--webhook-secret`.
        secret: Box<str>,
    },
    /// Somebody else's business (`--disable-cert-rotation`).
    Files {
        /// `--cert-dir`, with `tls.crt` and `tls.key`.
        directory: PathBuf,
    },
}

/// Webhooks that are set up and not yet served.
pub struct Webhook {
    config: Config,
    client: Client,
    listener: Listener,
    show: Show,
    shown: Shown,
    excused: Arc<AtomicBool>,
}

impl Webhook {
    /// Takes the port, and reads the certificate if it is somebody else's.
    ///
    /// # Errors
    /// When the port is taken or the certificate files cannot be used.
    pub async fn bind(config: Config, client: Client) -> anyhow::Result<Self> {
        let first = match &config.certificates {
            Certificates::Files { directory } => Some(Files(directory.clone()).read().await?),
            Certificates::Rotated { .. } => None,
        };
        let any = SocketAddr::from((Ipv6Addr::UNSPECIFIED, config.port));
        let listener = admin::bind(any).await.context("`--webhook-port`")?;
        for note in &config.tls.notes {
            tracing::warn!(op = "startup", note, "a TLS flag is followed only in part");
        }
        let (show, shown) = watch::channel(first);
        Ok(Self {
            config,
            client,
            listener,
            show,
            shown,
            excused: Arc::default(),
        })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// When the kernel does not tell.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// For `/readyz`: reviews can be answered, or never will for lack of permission.
    #[must_use]
    pub fn readiness(&self) -> Readiness {
        let (shown, excused) = (self.shown.clone(), Arc::clone(&self.excused));
        Arc::new(move || {
            let is_ready = shown.borrow().is_some() || excused.load(Ordering::Relaxed);
            (!is_ready).then(|| "webhooks: there is no certificate yet".to_owned())
        })
    }

    /// Serves until `shutdown`. An API server that is away is waited for.
    ///
    /// # Errors
    /// When TLS cannot be set up, which is a mistake in the program.
    pub async fn run(self, shutdown: CancellationToken) -> anyhow::Result<()> {
        let tls = self
            .config
            .tls
            .server(Arc::new(Current(self.shown)), self.config.http2)
            .context("cannot set up TLS")?;
        let routes = routes::routes(self.client.clone(), self.config.rules.clone());
        let serve = server::serve(self.listener, tls, routes, shutdown);
        match self.config.certificates {
            Certificates::Files { directory } => beside(Files(directory).follow(self.show), serve).await,
            Certificates::Rotated { secret } => {
                let namespace = &self.config.rules.namespace;
                let keeper = Keeper::new(Settings {
                    name: format!("{}.{namespace}.svc", self.config.service),
                    namespace: (&**namespace).into(),
                    secret,
                    client: self.client,
                    clock: self.config.clock,
                    connection: self.config.connection,
                    show: self.show,
                    excused: self.excused,
                });
                beside(keeper.run(), serve).await;
            }
        }
        Ok(())
    }
}

/// Until the second one ends.
async fn beside(endless: impl Future<Output = ()>, work: impl Future<Output = ()>) {
    tokio::select! {
        () = endless => {}
        () = work => {}
    }
}
