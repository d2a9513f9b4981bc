//! What every long-running command does around its components: log, signals, API server, admin HTTP server.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use ferrolb_api::BgpMode;
use ferrolb_driver::clock;
use ferrolb_kube::connection::Connection;
use ferrolb_kube::{Client, client};
use ferrolb_telemetry::admin::{self, Admin, Readiness, StateSource};
use ferrolb_telemetry::log::{self, Format, Guard, LevelHandle};
use ferrolb_telemetry::metrics::{ClientMetrics, Registry};
use ferrolb_types::NamespaceName;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::args::ProcessArgs;
use crate::environment;

/// Where Kubernetes puts the namespace of a pod's ServiceAccount.
const NAMESPACE_FILE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";
/// The host's name, which a kubelet takes as the node's.
const HOSTNAME_FILE: &str = "/proc/sys/kernel/hostname";

/// A process with its log and its metrics.
pub(crate) struct Process {
    pub(crate) namespace: NamespaceName,
    pub(crate) bgp_mode: BgpMode,
    /// The own Pod, if it is known.
    pub(crate) pod: Option<Box<str>>,
    pub(crate) registry: Registry,
    pub(crate) client_metrics: ClientMetrics,
    /// What is said about the API server.
    pub(crate) connection: Connection,
    pub(crate) shutdown: CancellationToken,
    level: LevelHandle,
    _log: Guard,
}

/// Who may ask for health: the kubelet, from the node itself for a pod in the host's network.
#[derive(Clone, Copy)]
pub(crate) enum HealthFrom {
    Anywhere,
    Loopback,
}

/// What the admin server shows of one component.
pub(crate) struct Component {
    pub(crate) name: &'static str,
    pub(crate) readiness: Readiness,
    /// Absent where there is none to speak of.
    pub(crate) state: Option<StateSource>,
}

/// Runs `work` on a runtime of its own: one thread, so that what it opens stays in the caller's network namespace.
pub(crate) fn block_on(work: impl Future<Output = anyhow::Result<ExitCode>>) -> anyhow::Result<ExitCode> {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder
        .enable_all()
        .build()
        .context("cannot start the runtime")?
        .block_on(work)
}

impl Process {
    /// Sets up the log and what stops the process; must be called on the runtime.
    pub(crate) fn start(name: &'static str, args: &ProcessArgs, format: Format) -> anyhow::Result<Self> {
        let level = args.log_level.parse()?;
        let writer = Box::new(std::io::stdout());
        let (level, log) = log::init(log::Options {
            format,
            level,
            writer,
            clock: clock::wall,
        })?;
        let registry = Registry::new();
        registry.add_process()?;
        tracing::info!(version = env!("CARGO_PKG_VERSION"), "FerroLB {name} starting");
        Ok(Self {
            namespace: namespace(args)?,
            bgp_mode: args.bgp_mode()?,
            pod: args
                .pod_name
                .as_deref()
                .filter(|name| !name.is_empty())
                .map(Into::into),
            client_metrics: ClientMetrics::register(&registry)?,
            registry,
            connection: Connection::default(),
            shutdown: stop_on_signal()?,
            level,
            _log: log,
        })
    }

    /// A client for the API server that flags and environment name. No request is sent yet.
    pub(crate) async fn connect(name: &str, args: &ProcessArgs) -> anyhow::Result<Client> {
        let source = client::Source {
            kubeconfig: args.kubeconfig.clone(),
            variable: environment::kubeconfig(),
            home: environment::home(),
        };
        let agent = format!("ferrolb-{name}/{}", env!("CARGO_PKG_VERSION"));
        Ok(client::connect(&source, &agent).await?)
    }

    /// Serves metrics, health and state until the process ends. Taken ports are an error at once.
    pub(crate) async fn serve_admin(
        &self,
        args: &ProcessArgs,
        from: HealthFrom,
        components: Vec<Component>,
    ) -> anyhow::Result<()> {
        let readiness: Vec<Readiness> = components.iter().map(|c| Arc::clone(&c.readiness)).collect();
        let admin = Admin {
            registry: self.registry.clone(),
            readiness: Arc::new(move || readiness.iter().find_map(|missing| missing())),
            state: components
                .into_iter()
                .filter_map(|c| Some((c.name, c.state?)))
                .collect(),
            level: Some(self.level.clone()),
        };
        let any = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
        let health = match from {
            HealthFrom::Anywhere => any,
            HealthFrom::Loopback => IpAddr::V4(Ipv4Addr::LOCALHOST),
        };
        self.serve(any, args.port, admin.clone().routes())
            .await
            .context("`--port`")?;
        self.serve(health, args.health_probe_port, admin.health_routes())
            .await
            .context("`--health-probe-port`")
    }

    /// Until a signal comes or a part ends, which it does only by a fault.
    pub(crate) async fn wait(&self, mut parts: JoinSet<anyhow::Result<()>>) -> anyhow::Result<ExitCode> {
        let mut outcome = Ok(ExitCode::SUCCESS);
        while let Some(ended) = parts.join_next().await {
            self.shutdown.cancel();
            let ended = ended.context("a part has panicked").flatten();
            if let (Err(error), Ok(_)) = (ended, &outcome) {
                outcome = Err(error);
            }
        }
        outcome
    }

    async fn serve(&self, ip: IpAddr, port: u16, routes: axum::Router) -> anyhow::Result<()> {
        if port != 0 {
            let listener = admin::bind(SocketAddr::new(ip, port)).await?;
            tokio::spawn(admin::serve(listener, routes, self.shutdown.clone()));
        }
        Ok(())
    }
}

/// Tells once which flags were taken for the sake of existing manifests.
pub(crate) fn warn_unused(flags: &[&str]) {
    if !flags.is_empty() {
        tracing::warn!(
            op = "startup",
            flags = flags.join(","),
            "these flags are accepted and have no effect yet"
        );
    }
}

fn namespace(args: &ProcessArgs) -> anyhow::Result<NamespaceName> {
    if let Some(name) = args.namespace.as_deref().filter(|n| !n.is_empty()) {
        return Ok(name.into());
    }
    let name = read_trimmed(Path::new(NAMESPACE_FILE)).with_context(|| {
        format!("the namespace is unknown: use `--namespace`, set `METALLB_NAMESPACE`, or run in a pod (`{NAMESPACE_FILE}`)")
    })?;
    Ok(name.into())
}

/// The name of this host.
pub(super) fn host_name() -> std::io::Result<String> {
    read_trimmed(Path::new(HOSTNAME_FILE))
}

fn read_trimmed(path: &Path) -> std::io::Result<String> {
    Ok(std::fs::read_to_string(path)?.trim().to_owned())
}

/// A token that is cancelled by SIGINT, SIGTERM or SIGQUIT. A second signal ends the process the hard way.
pub(crate) fn stop_on_signal() -> anyhow::Result<CancellationToken> {
    let token = CancellationToken::new();
    for kind in [
        SignalKind::interrupt(),
        SignalKind::terminate(),
        SignalKind::quit(),
    ] {
        let mut signals = signal(kind).context("cannot handle signals")?;
        let token = token.clone();
        tokio::spawn(async move {
            while signals.recv().await.is_some() {
                if token.is_cancelled() {
                    std::process::exit(130);
                }
                tracing::info!(op = "shutdown", "a signal asks to stop");
                token.cancel();
            }
        });
    }
    Ok(token)
}

/// The file that a flag names must be readable now, not when it is needed.
pub(crate) fn readable(flag: &str, path: &PathBuf) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read `{}` of `{flag}`", path.display()))
}
