//! Listening and serving, with bounds on what a peer can hold.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use ferrolb_telemetry::admin::Listener;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use rustls::ServerConfig;
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Connections at a time; more wait to be accepted. An API server keeps one or two.
const CONNECTIONS: usize = 256;
/// How long a peer may take to shake hands.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long a connection may be idle or take to send a request's header. API servers close idle connections after 90 s
/// themselves: whoever closes first must not be the one who is being asked.
const HEADER: Duration = Duration::from_secs(100);
/// How long a request that is being answered may take when the process ends.
const FAREWELL: Duration = Duration::from_secs(3);
/// Pause after the process ran out of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(500);
/// Requests at a time on one connection of HTTP/2.
const STREAMS: u32 = 100;

/// Serves `routes` until `shutdown`, then finishes what is under way.
pub(crate) async fn serve(
    listener: Listener,
    tls: ServerConfig,
    routes: Router,
    shutdown: CancellationToken,
) {
    let acceptor = TlsAcceptor::from(Arc::new(tls));
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    let tracker = TaskTracker::new();
    let accept_all = async {
        // The semaphore is never closed.
        while let Ok(permit) = Arc::clone(&room).acquire_owned().await {
            match listener.accept().await {
                Ok((stream, _)) => {
                    let (acceptor, routes, shutdown) = (acceptor.clone(), routes.clone(), shutdown.clone());
                    tracker.spawn(connection(stream, acceptor, routes, shutdown, permit));
                }
                Err(error) if is_of_peer(&error) => {}
                Err(error) => {
                    tracing::warn!(op = "webhook", %error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    };
    shutdown.run_until_cancelled(accept_all).await;
    tracker.close();
    let _ = tokio::time::timeout(FAREWELL, tracker.wait()).await;
}

/// The peer went away between its connection and our accepting it.
fn is_of_peer(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset
    )
}

/// Whatever ends it is the peer's doing, and its right.
async fn connection(
    stream: TcpStream,
    acceptor: TlsAcceptor,
    routes: Router,
    shutdown: CancellationToken,
    _permit: OwnedSemaphorePermit,
) {
    // Answers are small and awaited.
    let _ = stream.set_nodelay(true);
    let Ok(Ok(stream)) = tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await else {
        return;
    };
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .keep_alive_interval(HEADER)
        .keep_alive_timeout(HANDSHAKE);
    let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    let builder = if is_http2 {
        builder.http2_only()
    } else {
        builder.http1_only()
    };
    let served = builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(routes));
    tokio::pin!(served);
    tokio::select! {
        _ = &mut served => {}
        () = shutdown.cancelled() => {
            served.as_mut().graceful_shutdown();
            let _ = served.await;
        }
    }
}
