//! Where other speakers may be: the addresses of their pods.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ferrolb_kube::{Client, Error, pods};
use ferrolb_types::NamespaceName;
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, timeout};

use super::RingConfig;

/// How often the pod list is read again.
const REFRESH: Duration = Duration::from_mins(5);
/// How often those that are missing are asked, as long as this speaker is young: others may be starting, too. Also how often the
/// list is tried that was never had.
const RETRY_YOUNG: Duration = Duration::from_millis(500);
/// How long it is young.
const YOUTH: Duration = Duration::from_secs(15);
/// How often they are asked later.
const RETRY: Duration = Duration::from_mins(1);

/// The pod list, read again and again; each answer is a reason to ask those that are missing.
#[derive(Debug)]
pub(super) struct Peers {
    found: mpsc::Receiver<Result<BTreeSet<SocketAddr>, Error>>,
    again: Arc<Notify>,
}

impl Peers {
    /// Starts to read; ends when this is dropped.
    pub(super) fn follow(client: Client, namespace: NamespaceName, config: &RingConfig) -> Self {
        let (found, receiver) = mpsc::channel(1);
        let (labels, port) = (config.labels.clone(), config.bind.port());
        let again = Arc::new(Notify::new());
        let asked = Arc::clone(&again);
        tokio::spawn(async move {
            let closed = found.clone();
            tokio::select! {
                () = closed.closed() => {}
                () = read(&client, &namespace, &labels, port, &found, &asked) => {}
            }
        });
        Self {
            found: receiver,
            again,
        }
    }

    /// Tells what was found once more, now.
    pub(super) fn look_again(&self) {
        self.again.notify_one();
    }

    /// What was found; the same again when it is time to ask again.
    pub(super) async fn next(&mut self) -> Option<Result<BTreeSet<SocketAddr>, Error>> {
        self.found.recv().await
    }
}

async fn read(
    client: &Client,
    namespace: &NamespaceName,
    labels: &str,
    port: u16,
    found: &mpsc::Sender<Result<BTreeSet<SocketAddr>, Error>>,
    again: &Notify,
) {
    let started = Instant::now();
    let mut known: Option<(BTreeSet<SocketAddr>, Instant)> = None;
    loop {
        let is_due = known.as_ref().is_none_or(|(_, read)| read.elapsed() >= REFRESH);
        let is_young = known.is_none() || started.elapsed() < YOUTH;
        if is_due || is_young {
            match pods::addresses(client, namespace, labels).await {
                Ok(ips) => {
                    let addresses = ips.into_iter().map(|ip| SocketAddr::new(ip, port)).collect();
                    known = Some((addresses, Instant::now()));
                }
                // The old list stays (layer2 5.5).
                Err(error) => drop(found.send(Err(error)).await),
            }
        }
        if let Some((addresses, _)) = &known {
            // Nobody waits for it any more: the speaker ends.
            let _ended = found.send(Ok(addresses.clone())).await;
        }
        let pause = if is_young { RETRY_YOUNG } else { RETRY };
        // Whichever comes first.
        let _late = timeout(pause, again.notified()).await;
    }
}
