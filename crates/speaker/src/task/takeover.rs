//! How long a fail-over takes, from the last sign of life of the speaker that was lost to the first frame of this one.

use std::net::IpAddr;

use ferrolb_driver::clock;
use ferrolb_plan::Output;
use ferrolb_types::Instant;
use tokio::sync::oneshot;

use super::Task;
use crate::announcer::Command;
use crate::ring::Membership;

/// Addresses of a speaker that was lost, on their way to the wire.
pub(super) struct Takeover {
    lost_at: Instant,
    addresses: usize,
    /// When the first frame about one of them went out.
    announced: oneshot::Receiver<Instant>,
}

impl Task {
    /// A speaker was lost, and `outputs` are what is about to be done because of it.
    pub(super) fn follow_takeover(&mut self, outputs: &[Output], ring: &Membership) -> anyhow::Result<()> {
        let mut announced = outputs.iter().filter_map(announced);
        let (Some(first), Some(lost_at)) = (announced.next(), ring.lost_at()) else {
            return Ok(());
        };
        let addresses = 1 + announced.count();
        let (tell, announced) = oneshot::channel();
        self.outbox.ask(Command::Follow(first, tell))?;
        self.takeover = Some(Takeover {
            lost_at,
            addresses,
            announced,
        });
        Ok(())
    }

    /// The first frame went out; none if the thread was told of another take-over first.
    pub(super) fn finish_takeover(&mut self, at: Option<Instant>) {
        let (Some(takeover), Some(at)) = (self.takeover.take(), at) else {
            return;
        };
        let took = at.saturating_since(takeover.lost_at);
        self.reporter.metrics.ring.failed_over(took, clock::wall());
        tracing::info!(
            event = "failover",
            addresses = takeover.addresses,
            ?took,
            "took addresses of a lost speaker over"
        );
    }
}

const fn announced(output: &Output) -> Option<IpAddr> {
    match output {
        Output::Announce { ip, .. } => Some(*ip),
        _ => None,
    }
}

/// When the first frame of a take-over went out; never without one.
pub(super) async fn first_frame(takeover: &mut Option<Takeover>) -> Option<Instant> {
    match takeover {
        Some(takeover) => (&mut takeover.announced).await.ok(),
        None => std::future::pending().await,
    }
}
