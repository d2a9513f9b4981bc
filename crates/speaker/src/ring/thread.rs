//! The thread of the ring.

use std::io;
use std::net::SocketAddr;

use ferrolb_driver::Clock;
use ferrolb_driver::ring::{self, Handle, Ring, Setup, View};
use ferrolb_gossip::Output;
use ferrolb_types::Instant;
use tokio::runtime::Builder;
use tokio::sync::{mpsc, oneshot, watch};

/// A node of a ring on a thread of its own.
pub(super) struct RingThread {
    pub(super) address: SocketAddr,
    pub(super) handle: Handle,
    pub(super) clock: Clock,
    pub(super) view: watch::Receiver<View>,
    pub(super) reports: mpsc::Receiver<(Instant, Output)>,
    /// Ends with the node, which is when it has left.
    pub(super) ended: oneshot::Receiver<()>,
}

/// Binds the sockets in the network namespace of the caller.
pub(super) async fn start(setup: Setup) -> io::Result<RingThread> {
    let (started, outcome) = oneshot::channel();
    std::thread::Builder::new()
        .name("ring".to_owned())
        .spawn(move || run(setup, started))?;
    outcome.await.map_err(io::Error::other)?
}

fn run(setup: Setup, started: oneshot::Sender<io::Result<RingThread>>) {
    let runtime = match Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return drop(started.send(Err(error))),
    };
    runtime.block_on(async {
        match ring::start(setup).await {
            Ok(node) => serve(node, started).await,
            Err(error) => drop(started.send(Err(error))),
        }
    });
}

async fn serve(node: Ring, started: oneshot::Sender<io::Result<RingThread>>) {
    let (end, ended) = oneshot::channel();
    let Ring {
        address,
        handle,
        clock,
        view,
        reports,
        task,
    } = node;
    let thread = RingThread {
        address,
        handle,
        clock,
        view,
        reports,
        ended,
    };
    // Without anybody who waits for it, the node ends with its handle.
    let _gone = started.send(Ok(thread));
    if let Err(error) = task.await {
        tracing::error!(%error, bug = "true", "the node of the ring ended");
    }
    let _unheard = end.send(());
}
