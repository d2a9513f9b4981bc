//! A client of the API server that does nothing but send requests.

use std::path::Path;
use std::sync::mpsc;
use std::thread::JoinHandle;

use anyhow::{Context as _, Result};
use ferrolb_kube::Client;
use ferrolb_kube::client::{Source, connect};
use ferrolb_netio::Namespace;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use http::header::CONTENT_TYPE;
use http::{Method, Request};
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

/// Requests under way at a time: as many as the controller has status writes.
pub(crate) const CONCURRENCY: usize = 32;

/// Runs its requests on a thread inside the namespace of the API server; the thread ends with this value.
pub(crate) struct Plain {
    pub(crate) client: Client,
    runtime: Handle,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<Result<()>>>,
}

impl Plain {
    /// A client with the rights of this kubeconfig.
    pub(crate) fn start(namespace: &Namespace, kubeconfig: &Path) -> Result<Self> {
        let source = Source {
            kubeconfig: Some(kubeconfig.to_path_buf()),
            ..Source::default()
        };
        let namespace = namespace.run(Namespace::current)??;
        let (stop, stopped) = oneshot::channel();
        let (sender, started) = mpsc::channel();
        let serve = move || -> Result<()> {
            let runtime = Builder::new_current_thread().enable_all().build()?;
            let client = runtime.block_on(connect(&source, "ferrolb-bench"))?;
            sender.send((client, runtime.handle().clone()))?;
            // The sender is dropped at the end; it sends nothing.
            drop(runtime.block_on(stopped));
            Ok(())
        };
        let thread = std::thread::Builder::new()
            .name("plain-client".to_owned())
            .spawn(move || namespace.run(serve)?)?;
        let Ok((client, runtime)) = started.recv() else {
            let ended = thread.join().ok().context("the client's thread panicked")?;
            ended?;
            anyhow::bail!("the client's thread ended by itself");
        };
        Ok(Self {
            client,
            runtime,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Begins something that goes on beside everything else.
    pub(crate) fn begin(&self, work: impl Future<Output = ()> + Send + 'static) {
        drop(self.runtime.spawn(work));
    }

    /// Does something and returns what it returns.
    pub(crate) fn run<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> Result<T> {
        Ok(self.runtime.block_on(self.runtime.spawn(work))?)
    }

    /// Sends requests, 32 at a time; each must succeed.
    pub(crate) fn send_all(&self, requests: Vec<Request<Vec<u8>>>) -> Result<()> {
        let client = self.client.clone();
        self.run(async move {
            stream::iter(requests)
                .map(|request| send(&client, request))
                .buffer_unordered(CONCURRENCY)
                .try_collect()
                .await
        })?
    }
}

impl Drop for Plain {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(Ok(Err(error))) = self.thread.take().map(JoinHandle::join) {
            ferrolb_bench::report::say(format_args!("the client failed: {error:#}"));
        }
    }
}

/// Sends a request; what it answers is not looked at, unless it is an error.
pub(crate) async fn send(client: &Client, request: Request<Vec<u8>>) -> Result<()> {
    let what = format!("{} {}", request.method(), request.uri());
    client.request_text(request).await.context(what)?;
    Ok(())
}

/// A request with a body of this media type.
pub(crate) fn request(
    method: Method,
    path: &str,
    media: &str,
    body: &serde_json::Value,
) -> Result<Request<Vec<u8>>> {
    Ok(Request::builder()
        .method(method)
        .uri(path)
        .header(CONTENT_TYPE, media)
        .body(body.to_string().into_bytes())?)
}
