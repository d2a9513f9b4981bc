//! The embedded API server: state, manifests, listener, kubeconfig.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::{Context as _, ensure};
use ferrolb_apiserver::auth::Tokens;
use ferrolb_apiserver::{ApiServer, Applied, Options, Report};
use ferrolb_kube::Client;
use http::header::AUTHORIZATION;
use http::{HeaderValue, Request};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tower::ServiceExt as _;

use super::tls::{self, Acceptor};
use super::tls_files;
use crate::args::{Component, StandaloneArgs};
use crate::command::process::{Process, readable};

/// Only the owner may read a file that can hold a token.
const PRIVATE: u32 = 0o600;

/// Everybody who reaches a listener without tokens may do everything: loopback only.
pub(super) fn check_exposure(args: &StandaloneArgs) -> anyhow::Result<()> {
    let is_protected = tls_files(args).is_some() && args.token_file.is_some();
    ensure!(
        args.listen.ip().is_loopback() || is_protected,
        "`--listen {}` is not on loopback: give `--tls-cert-file`, `--tls-private-key-file` and `--token-file` too",
        args.listen
    );
    Ok(())
}

/// A running API server.
pub(super) struct Api {
    pub(super) server: ApiServer,
    token: Option<String>,
}

impl Api {
    /// A client that reaches it in memory, whatever its listener asks for.
    pub(super) fn client(&self, namespace: &str) -> Client {
        let authorization = self
            .token
            .as_deref()
            .and_then(|t| HeaderValue::from_str(&format!("Bearer {t}")).ok());
        let authorize = move |mut request: Request<kube::client::Body>| {
            if let Some(value) = &authorization {
                request.headers_mut().insert(AUTHORIZATION, value.clone());
            }
            request
        };
        Client::new(self.server.clone().map_request(authorize), namespace)
    }
}

/// Our own webhooks, unless somebody else's are meant.
fn webhook_address(args: &StandaloneArgs) -> SocketAddr {
    let own = SocketAddr::from((Ipv4Addr::LOCALHOST, args.webhook.webhook_port));
    args.webhook_address.unwrap_or(own)
}

/// Starts it if it is among the components.
pub(super) async fn start(
    args: &StandaloneArgs,
    process: &Process,
    parts: &mut JoinSet<anyhow::Result<()>>,
) -> anyhow::Result<Option<Api>> {
    if !args.components.contains(&Component::Api) {
        return Ok(None);
    }
    let token_file = args
        .token_file
        .as_ref()
        .map(|file| readable("--token-file", file))
        .transpose()?;
    let tokens = token_file.as_deref().map(Tokens::parse).transpose()?;
    let options = Options {
        tokens,
        webhook_address: webhook_address(args),
        ..Options::default()
    };
    let api = match &args.state {
        Some(path) => ApiServer::with_state(options, path)?,
        None => ApiServer::new(options)?,
    };
    let acceptor = tls_files(args)
        .map(|(certificate, key)| tls::acceptor(certificate, key))
        .transpose()?;
    let listener = TcpListener::bind(args.listen).await.with_context(|| {
        format!(
            "cannot listen on `{}`; choose another address with `--listen`",
            args.listen
        )
    })?;
    let address = listener.local_addr()?;
    follow(args, process, &api, parts)?;
    serve(api.clone(), listener, acceptor, process, parts);
    let token = token_file.as_deref().and_then(first_token).map(str::to_owned);
    if let Some(path) = &args.write_kubeconfig {
        let scheme = if tls_files(args).is_some() {
            "https"
        } else {
            "http"
        };
        write_kubeconfig(path, &format!("{scheme}://{address}"), token.as_deref(), args)?;
    }
    tracing::info!(op = "startup", %address, "the API server listens");
    Ok(Some(Api { server: api, token }))
}

fn serve(
    api: ApiServer,
    listener: TcpListener,
    acceptor: Option<Acceptor>,
    process: &Process,
    parts: &mut JoinSet<anyhow::Result<()>>,
) {
    let stop = process.shutdown.clone().cancelled_owned();
    match acceptor {
        None => drop(parts.spawn(async move { Ok(api.serve(listener, stop).await?) })),
        Some(acceptor) => drop(parts.spawn(tls::serve(api, listener, acceptor, process.shutdown.clone()))),
    }
}

/// Keeps the state file and the manifests' directory in step.
fn follow(
    args: &StandaloneArgs,
    process: &Process,
    api: &ApiServer,
    parts: &mut JoinSet<anyhow::Result<()>>,
) -> anyhow::Result<()> {
    if let Some(path) = args.state.clone() {
        api.save_state(&path)
            .with_context(|| format!("cannot write `{}` of `--state`", path.display()))?;
        let (api, stop) = (api.clone(), process.shutdown.clone().cancelled_owned());
        parts.spawn(async move { Ok(api.keep_state(&path, stop).await?) });
    }
    if let Some(dir) = args.manifests.clone() {
        ensure!(
            dir.is_dir(),
            "`{}` of `--manifests` is no directory",
            dir.display()
        );
        let (api, stop) = (api.clone(), process.shutdown.clone().cancelled_owned());
        parts.spawn(async move {
            api.follow_manifests(&dir, tell, stop).await;
            Ok(())
        });
    }
    Ok(())
}

fn tell(report: Report) {
    let file = report.file.display();
    match report.result {
        Ok(applied) => tracing::info!(op = "apply", %file, object = report.object, "{}", word(applied)),
        Err(error) => {
            tracing::error!(op = "apply", %file, object = report.object, error, "a manifest was not applied");
        }
    }
}

const fn word(applied: Applied) -> &'static str {
    match applied {
        Applied::Created => "created",
        Applied::Changed => "changed",
        Applied::Unchanged => "unchanged",
    }
}

fn first_token(file: &str) -> Option<&str> {
    let lines = file.lines().map(str::trim);
    lines
        .filter(|l| !l.is_empty() && !l.starts_with('#'))
        .find_map(|l| l.split(',').next())
        .map(str::trim)
}

fn write_kubeconfig(
    path: &Path,
    server: &str,
    token: Option<&str>,
    args: &StandaloneArgs,
) -> anyhow::Result<()> {
    let certificate = args.tls_cert_file.as_ref().map(std::path::absolute).transpose()?;
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{ "name": "ferrolb", "cluster": { "server": server, "certificate-authority": certificate } }],
        "users": [{ "name": "ferrolb", "user": { "token": token } }],
        "contexts": [{ "name": "ferrolb", "context": { "cluster": "ferrolb", "user": "ferrolb" } }],
        "current-context": "ferrolb",
    });
    let mut open = OpenOptions::new();
    let file = open
        .write(true)
        .create(true)
        .truncate(true)
        .mode(PRIVATE)
        .open(path);
    file.and_then(|mut file| writeln!(file, "{config:#}"))
        .with_context(|| format!("cannot write `{}` of `--write-kubeconfig`", path.display()))
}
