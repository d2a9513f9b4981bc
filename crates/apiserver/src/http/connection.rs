//! Connections: accepted in bounded numbers, ended in good order.

use std::io;
use std::sync::Arc;

use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::Duration;

use crate::server::ApiServer;

/// How long connections may take to end after a shutdown was asked for.
const DRAIN: Duration = Duration::from_secs(2);

/// How long the accept loop rests when the process is out of descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

impl ApiServer {
    /// Serves plain HTTP/1.1 on `listener` until `shutdown` is done, then ends watches and connections.
    ///
    /// For TLS, accept connections yourself and give each to [`ApiServer::serve_connection`].
    ///
    /// # Errors
    /// If the listener breaks for good.
    pub async fn serve(&self, listener: TcpListener, shutdown: impl Future<Output = ()>) -> io::Result<()> {
        let slots = Arc::new(Semaphore::new(self.shared.options.max_connections));
        let (stop, stopped) = watch::channel(false);
        let mut connections = JoinSet::new();
        tokio::pin!(shutdown);
        let result = loop {
            let slot = tokio::select! {
                () = &mut shutdown => break Ok(()),
                Ok(slot) = Arc::clone(&slots).acquire_owned() => slot,
            };
            let accepted = tokio::select! {
                () = &mut shutdown => break Ok(()),
                accepted = listener.accept() => accepted,
            };
            while connections.try_join_next().is_some() {}
            match accepted {
                Ok((stream, _)) => {
                    // Small answers go out at once; a socket that refuses the option serves all the same.
                    let _nodelay = stream.set_nodelay(true);
                    let (server, stopped) = (self.clone(), stopped.clone());
                    connections.spawn(async move {
                        server.serve_connection(stream, stopped).await;
                        drop(slot);
                    });
                }
                Err(error) if is_passing(&error) => tokio::time::sleep(ACCEPT_PAUSE).await,
                Err(error) => break Err(error),
            }
        };
        stop.send_replace(true);
        self.close_watches();
        let ended = async { while connections.join_next().await.is_some() {} };
        if tokio::time::timeout(DRAIN, ended).await.is_err() {
            connections.abort_all();
        }
        result
    }

    /// Serves one connection over any stream (TLS included) until it ends or `stopped` turns true.
    pub async fn serve_connection<S>(&self, stream: S, mut stopped: watch::Receiver<bool>)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let service = TowerToHyperService::new(self.clone());
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(None)
            .serve_connection(TokioIo::new(stream), service);
        tokio::pin!(connection);
        // A sender that is gone means the same as a stop.
        let stop = async { drop(stopped.wait_for(|stop| *stop).await) };
        let result = tokio::select! {
            result = connection.as_mut() => result,
            () = stop => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = result {
            tracing::trace!(%error, "connection ended");
        }
    }
}

/// Errors of one connection or of a moment, not of the listener.
fn is_passing(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted, WouldBlock};
    const EMFILE: i32 = 24;
    const ENFILE: i32 = 23;
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionReset | Interrupted | WouldBlock
    ) || matches!(error.raw_os_error(), Some(EMFILE | ENFILE))
}
