//! What happens on the segment: links that come and go, a node that is cut off, and other speakers that claim the same addresses.

use std::net::IpAddr;
use std::sync::atomic::Ordering;

use ferrolb_api::resolved::Interfaces;
use ferrolb_claim::{Step, gives_way};
use ferrolb_l2::Input as Layer2Input;
use ferrolb_netio::link::{Link, LinkChange};
use ferrolb_types::{InterfaceIndex, InterfaceName, MacAddr};

use super::Task;
use crate::gateway::Gateways;
use crate::ring::Membership;

impl Task {
    /// Passes a change of a link on.
    pub(super) fn take_link(&mut self, change: LinkChange, ring: &mut Membership) -> anyhow::Result<()> {
        let could_announce = self.links.any_usable();
        let (LinkChange::Applied(Link { index, .. }) | LinkChange::Removed(index)) = change;
        let before = self.links.find(index).map(|link| link.name.clone());
        let input = self.links.observe(change);
        let after = self.links.find(index).map(|link| link.name.clone());
        if before != after {
            self.place_again(&[before, after]);
        }
        self.pass_links(could_announce, vec![(index, input)], ring)
    }

    /// Interfaces of these names have come or gone: Services may be announced on them, or nowhere.
    fn place_again(&mut self, names: &[Option<InterfaceName>]) {
        for (service, announcement) in self.planner.announced() {
            let Interfaces::Named(wanted) = &announcement.interfaces else {
                continue;
            };
            if names.iter().flatten().any(|name| wanted.contains(name)) {
                self.reporter.tell_interfaces(service, announcement, &self.links);
            }
        }
    }

    /// A node that could announce nowhere, and comes back into a ring that has gone on without it, claims nothing before it has
    /// asked: the layer 2 thread does not learn of the links before.
    fn pass_links(
        &mut self,
        could_announce: bool,
        inputs: Vec<(InterfaceIndex, Layer2Input)>,
        ring: &mut Membership,
    ) -> anyhow::Result<()> {
        let can_announce = self.links.any_usable();
        match (could_announce, can_announce) {
            (true, false) => ring.cut_off(),
            (false, true) => ring.reunite(),
            _ => {}
        }
        let is_ready = self.is_ready.load(Ordering::Relaxed);
        let is_withheld = is_ready && can_announce && !ring.is_open();
        for (index, input) in inputs {
            self.withheld.remove(&index);
            if is_withheld {
                self.withheld.insert(index, input);
            } else {
                self.outbox.tell(input)?;
            }
        }
        Ok(())
    }

    /// Whether other speakers are heard may be different now.
    pub(super) fn observe_isolation(&mut self, ring: &mut Membership) -> anyhow::Result<()> {
        let step = self.isolation.observe(self.clock.now(), ring.is_unheard());
        self.take_step(step, ring)
    }

    /// The gateway has had its time to answer, or is to be asked.
    pub(super) fn look_for_gateway(&mut self, ring: &mut Membership) -> anyhow::Result<()> {
        let now = self.clock.now();
        let step = if self.gateways.has_answered() {
            self.gateways = Gateways::default();
            self.isolation.answered(now)
        } else {
            self.isolation.tick(now)
        };
        self.take_step(step, ring)
    }

    fn take_step(&mut self, step: Option<Step>, ring: &mut Membership) -> anyhow::Result<()> {
        match step {
            None => Ok(()),
            Some(Step::Ask) if self.gateways.ask(&self.links) => Ok(()),
            Some(Step::Ask) => {
                let step = self.isolation.answered(self.clock.now());
                self.take_step(step, ring)
            }
            Some(Step::Stop) => self.isolate(true, ring),
            Some(Step::Resume) => self.isolate(false, ring),
        }
    }

    fn isolate(&mut self, is_isolated: bool, ring: &mut Membership) -> anyhow::Result<()> {
        self.reporter.tell_isolated(is_isolated);
        let could_announce = self.links.any_usable();
        let inputs = self.links.isolate(is_isolated);
        self.pass_links(could_announce, inputs, ring)
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
        let Some(acquaintances) = ring.acquaintances() else {
            return Ok(());
        };
        let yields = gives_way(&self.planner, acquaintances, address, mac);
        let rival = acquaintances.find(mac).map(|(name, _)| name.as_str());
        let rival = rival.unwrap_or_default();
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
        self.rivals.note(address, self.clock.now());
        Ok(())
    }

    /// Announces again what the election still gives to this node.
    pub(super) fn prevail(&mut self) -> anyhow::Result<()> {
        for address in self.rivals.take_due(self.clock.now()) {
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
