//! An API server in this process, reached over HTTP from one namespace.

use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::path::Path;
use std::thread::JoinHandle;

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use ferrolb_apiserver::{ApiServer, Options};
use ferrolb_netio::Namespace;
use http::Request;
use http::header::CONTENT_TYPE;
use http_body_util::Full;
use serde_json::{Value, json};
use tempfile::NamedTempFile;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

use crate::objects;
use crate::report::Progress;

/// More than any measurement causes: nothing that was written may be forgotten.
const REQUESTS: usize = 200_000;
/// As etcd keeps five minutes: a watch that is a little late is not told to start anew.
const HISTORY: usize = 100_000;

/// A running API server; it stops with this value.
pub(crate) struct Cluster {
    pub(crate) api: ApiServer,
    kubeconfig: NamedTempFile,
    /// For requests without a socket.
    runtime: Runtime,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<Result<()>>>,
}

impl Cluster {
    /// Serves an API server with the pool on the loopback interface of `namespace`.
    pub(crate) fn start(namespace: &Namespace) -> Result<Self> {
        let api = ApiServer::new(Options {
            request_log: REQUESTS,
            history: HISTORY,
            ..Options::default()
        })?;
        let listener = namespace.run(|| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))??;
        listener.set_nonblocking(true)?;
        let mut kubeconfig = NamedTempFile::new()?;
        write!(kubeconfig, "{:#}", objects::kubeconfig(listener.local_addr()?))?;
        let (stop, stopped) = oneshot::channel();
        let served = api.clone();
        let serve = move || {
            runtime()?.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener)?;
                let shutdown = async { drop(stopped.await) };
                Ok(served.serve(listener, shutdown).await?)
            })
        };
        let thread = std::thread::Builder::new()
            .name("apiserver".to_owned())
            .spawn(serve)?;
        api.create(objects::pool())?;
        Ok(Self {
            api,
            kubeconfig,
            runtime: runtime()?,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    pub(crate) fn kubeconfig(&self) -> &Path {
        self.kubeconfig.path()
    }

    /// Creates `count` objects.
    pub(crate) fn fill(&self, what: &'static str, count: u32, object: impl Fn(u32) -> Value) -> Result<()> {
        let mut progress = Progress::new(what, count as usize);
        for number in 0..count {
            self.api.create(object(number))?;
            progress.at(number as usize);
        }
        Ok(())
    }

    /// Gives a Service its address, as a controller would.
    pub(crate) fn assign(&self, number: u32, address: IpAddr) -> Result<()> {
        let (namespace, name) = (objects::NAMESPACE, objects::name(number));
        let path = format!("/api/v1/namespaces/{namespace}/services/{name}/status");
        self.patch(&path, &objects::assignment(address))
    }

    /// Creates a Pod with its status, as a kubelet would.
    pub(crate) fn run_pod(&self, pod: Value) -> Result<()> {
        let (metadata, status) = (pod["metadata"].clone(), json!({ "status": pod["status"] }));
        self.api.create(pod)?;
        let [namespace, name] = ["namespace", "name"].map(|key| metadata[key].as_str().unwrap_or_default());
        self.patch(
            &format!("/api/v1/namespaces/{namespace}/pods/{name}/status"),
            &status,
        )
    }

    /// Changes an object by a merge patch (RFC 7396).
    pub(crate) fn patch(&self, path: &str, patch: &Value) -> Result<()> {
        let request = Request::patch(path)
            .header(CONTENT_TYPE, "application/merge-patch+json")
            .body(Full::new(Bytes::from(patch.to_string())))?;
        let answer = self.runtime.block_on(self.api.clone().handle(request))?;
        ensure!(
            answer.status().is_success(),
            "a change of `{path}` is refused: {}",
            answer.status()
        );
        Ok(())
    }

    /// Whether the Service of this name has an address.
    pub(crate) fn is_assigned(&self, name: &str) -> bool {
        let service = self.api.get("services", objects::NAMESPACE, name);
        service.is_some_and(|service| objects::is_assigned(&service))
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(Ok(Err(error))) = self.thread.take().map(JoinHandle::join) {
            crate::report::say(format_args!("the API server failed: {error:#}"));
        }
    }
}

fn runtime() -> Result<Runtime> {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().build().context("cannot start a runtime")
}
