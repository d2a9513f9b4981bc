//! Listening and serving, with bounds on what a peer can hold.

use core::net::{Ipv4Addr, SocketAddr};
use core::time::Duration;
use std::io;
use std::sync::Arc;

use axum::Router;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use super::Peer;

/// Connections at a time; more wait to be accepted.
const CONNECTIONS: usize = 64;
/// How long a connection may be idle or take to send a request's header.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a connection may live, so that no peer holds one for ever by reading slowly.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(120);
/// Pause after the process ran out of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(500);

/// A listening socket.
pub type Listener = TcpListener;

/// Why an address cannot be listened on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Somebody else has the port.
    #[error("port {} of `{}` is already in use by another process; free it or choose another port", addr.port(), addr.ip())]
    PortTaken {
        /// What was asked for.
        addr: SocketAddr,
    },
    /// Any other reason.
    #[error("cannot listen on `{addr}`")]
    Listen {
        /// What was asked for.
        addr: SocketAddr,
        /// The kernel's reason.
        #[source]
        cause: io::Error,
    },
}

/// Listens on `addr`. `[::]` takes IPv4 too, and falls back to `0.0.0.0` on a host without IPv6.
///
/// # Errors
/// When the port is taken, or the kernel refuses for another reason.
pub async fn bind(addr: SocketAddr) -> Result<Listener, Error> {
    match TcpListener::bind(addr).await {
        Err(cause) if addr.is_ipv6() && addr.ip().is_unspecified() && lacks_ipv6(&cause) => {
            let v4 = SocketAddr::from((Ipv4Addr::UNSPECIFIED, addr.port()));
            TcpListener::bind(v4).await.map_err(|cause| refused(v4, cause))
        }
        result => result.map_err(|cause| refused(addr, cause)),
    }
}

fn lacks_ipv6(cause: &io::Error) -> bool {
    matches!(
        cause.kind(),
        io::ErrorKind::AddrNotAvailable | io::ErrorKind::Unsupported
    ) || cause.raw_os_error() == Some(EAFNOSUPPORT)
}

/// "Address family not supported", which has no kind of its own.
const EAFNOSUPPORT: i32 = 97;

fn refused(addr: SocketAddr, cause: io::Error) -> Error {
    match cause.kind() {
        io::ErrorKind::AddrInUse => Error::PortTaken { addr },
        _ => Error::Listen { addr, cause },
    }
}

/// Serves `routes` on `listener` until `shutdown`.
pub async fn serve(listener: Listener, routes: Router, shutdown: CancellationToken) {
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    let accept_all = async {
        // The semaphore is never closed.
        while let Ok(permit) = Arc::clone(&room).acquire_owned().await {
            match listener.accept().await {
                Ok((stream, peer)) => {
                    let connection = connection(stream, peer, routes.clone(), permit);
                    tokio::spawn(shutdown.clone().run_until_cancelled_owned(connection));
                }
                Err(error) if is_of_peer(&error) => {}
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection to the admin server");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    };
    shutdown.run_until_cancelled(accept_all).await;
}

/// The peer went away between its connection and our accepting it.
fn is_of_peer(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset
    )
}

async fn connection(stream: TcpStream, peer: SocketAddr, routes: Router, _permit: OwnedSemaphorePermit) {
    let service = TowerToHyperService::new(routes.layer(axum::Extension(Peer(peer))));
    let served = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service);
    // Whatever ended it was the peer's doing, and its right.
    let _ = tokio::time::timeout(CONNECTION_TIMEOUT, served).await;
}
