//! What a node hears of the others, and when it may claim addresses because of that.

use core::net::SocketAddr;
use std::collections::BTreeSet;

use ferrolb_claim::{Gate, Step, electable};
use ferrolb_gossip::{Input as GossipInput, Member, Output as GossipOutput};
use ferrolb_l2::Input as Layer2Input;
use ferrolb_plan::{Input as PlanInput, Members};
use ferrolb_types::Instant;

use super::{Effect, HAND_OVER, Node};

impl Node {
    pub(super) fn tell_ring(&mut self, now: Instant, input: GossipInput, out: &mut Vec<Effect>) {
        let (mut outputs, mut is_changed) = (Vec::new(), false);
        self.ring.handle(now, input, &mut outputs);
        for output in outputs {
            match output {
                GossipOutput::SendPacket { .. }
                | GossipOutput::OpenStream { .. }
                | GossipOutput::AnswerStream { .. }
                | GossipOutput::CloseStream { .. } => out.push(Effect::Ring(output)),
                GossipOutput::ReportJoined { address, .. }
                | GossipOutput::ReportJoinFailed { address, .. } => {
                    self.gate.answer(address, now);
                }
                GossipOutput::ReportUnheard => (self.is_unheard, is_changed) = (true, true),
                GossipOutput::ReportHeard => (self.is_unheard, is_changed) = (false, true),
                GossipOutput::ReportMemberJoined(_)
                | GossipOutput::ReportMemberChanged(_)
                | GossipOutput::ReportMemberGone { .. }
                | GossipOutput::ReportElectionOut { .. }
                | GossipOutput::ReportElectionIn { .. } => is_changed = true,
                _ => {}
            }
        }
        if is_changed {
            self.hear_members(now, out);
        }
    }

    fn hear_members(&mut self, now: Instant, out: &mut Vec<Effect>) {
        let members = self.ring.members();
        if members.len() > 1 {
            self.gate.join(now);
        }
        let others = members
            .iter()
            .filter(|member| *member.name != *self.name.as_str());
        self.acquaintances.observe(others, |_| None);
        self.tell_layer2(now, Layer2Input::PeersObserved(self.acquaintances.macs()), out);
        if self.is_ready {
            self.plan(now, PlanInput::MembersChanged(self.electable(&members)), out);
        }
        let step = self.isolation.observe(now, self.is_unheard);
        self.take_step(now, step, out);
    }

    /// How many may be elected.
    fn candidates(&self) -> usize {
        let (members, out) = self.ring_size();
        members.saturating_sub(out)
    }

    /// Those of `members` that may be elected.
    pub(super) fn electable(&self, members: &[Member]) -> Members {
        let out: BTreeSet<_> = self.ring.out_for_elections().collect();
        electable(members.iter().filter(|member| !out.contains(&member.name)))
    }

    pub(super) fn find(&mut self, now: Instant, pods: &BTreeSet<SocketAddr>, out: &mut Vec<Effect>) {
        self.has_pods = true;
        if pods.iter().eq([&self.address]) {
            return self.gate.be_alone();
        }
        let members = self.ring.members();
        let is_unknown = |address: &&SocketAddr| !members.iter().any(|member| member.address == **address);
        let unknown: BTreeSet<SocketAddr> = pods.iter().filter(is_unknown).copied().collect();
        self.gate.ask(&unknown, now);
        if !unknown.is_empty() {
            let found = GossipInput::PeersFound(unknown.into_iter().collect());
            self.tell_ring(now, found, out);
        }
    }

    pub(super) fn leave(&mut self, now: Instant, out: &mut Vec<Effect>) {
        let has_others = self.ring.members().len() > 1;
        self.ends = Some(if has_others { now + HAND_OVER } else { now });
        self.tell_ring(now, GossipInput::LeaveRequested, out);
    }

    pub(super) fn take_step(&mut self, now: Instant, step: Option<Step>, out: &mut Vec<Effect>) {
        match step {
            None => {}
            Some(Step::Ask) => out.push(Effect::AskGateway),
            Some(Step::Stop) => {
                self.cut_off_from = self.candidates();
                self.set_link(now);
            }
            // As after a lost link: the others stand in for this node until they have been asked.
            Some(Step::Resume) => {
                if self.candidates() < self.cut_off_from {
                    self.gate = Gate::closed_again(self.ring.members().len() > 1, now);
                }
                self.is_link_withheld = true;
            }
        }
    }
}
