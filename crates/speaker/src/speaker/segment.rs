//! What happens on the segment: links that come and go, and other speakers that claim the same addresses.

use std::net::IpAddr;
use std::sync::atomic::Ordering;

use ferrolb_l2::Input as Layer2Input;
use ferrolb_netio::link::{Link, LinkChange};
use ferrolb_types::MacAddr;
use tokio::time::Instant;

use super::Task;
use crate::ring::Membership;

impl Task {
    /// Passes a change of a link on. A node that had no link, and comes back into a ring that has gone on without it, claims
    /// nothing before it has asked: the layer 2 thread does not learn of the link before.
    pub(super) fn take_link(&mut self, change: LinkChange, ring: &mut Membership) -> anyhow::Result<()> {
        let could_announce = self.links.any_usable();
        let (LinkChange::Applied(Link { index, .. }) | LinkChange::Removed(index)) = change;
        let input = self.links.observe(change);
        let can_announce = self.links.any_usable();
        match (could_announce, can_announce) {
            (true, false) => ring.cut_off(),
            (false, true) => ring.reunite(),
            _ => {}
        }
        self.withheld.remove(&index);
        let is_ready = self.is_ready.load(Ordering::Relaxed);
        if ring.is_open() || !is_ready || !can_announce {
            return Ok(self.outbox.tell(input)?);
        }
        self.withheld.insert(index, input);
        Ok(())
    }

    /// Addresses may be claimed: the links that came back count.
    pub(super) fn release_links(&mut self) -> anyhow::Result<()> {
        for input in std::mem::take(&mut self.withheld).into_values() {
            self.outbox.tell(input)?;
        }
        Ok(())
    }

    /// Another speaker claims an address, too. The one that the election does not name gives way at once; the other one
    /// announces again, after a moment.
    pub(super) fn judge_rival(
        &mut self,
        address: IpAddr,
        mac: MacAddr,
        ring: &Membership,
    ) -> anyhow::Result<()> {
        let rival = ring.speaker_at(mac);
        let yields = match &rival {
            Some((name, speaker)) => self.planner.yields_to(address, name, speaker),
            None => !self.planner.announces(address),
        };
        let rival = rival.map(|(name, _)| name.to_string()).unwrap_or_default();
        tracing::info!(
            event = "addressRival", ip = %address, %mac, rival, prevails = !yields,
            "another speaker claims an address"
        );
        // What carries its claims may carry its gossip, too.
        ring.seek();
        if yields {
            let judged = Layer2Input::RivalJudged {
                address,
                prevails: false,
            };
            return Ok(self.outbox.tell(judged)?);
        }
        self.rivals.note(address, Instant::now());
        Ok(())
    }

    /// Announces again what the election still gives to this node.
    pub(super) fn prevail(&mut self) -> anyhow::Result<()> {
        for address in self.rivals.take_due(Instant::now()) {
            if self.planner.announces(address) {
                self.outbox.tell(Layer2Input::RivalJudged {
                    address,
                    prevails: true,
                })?;
            }
        }
        Ok(())
    }
}
