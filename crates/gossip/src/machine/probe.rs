//! One node after the other is asked whether it is there.

use ferrolb_types::Instant;
use ferrolb_wire::memberlist::{
    Claim, IndirectPing, Message, NodeState, Ping, Source, StreamMessage, VERSION_NACK, VERSION_TCP_PING,
};

use super::Machine;
use super::exchange::Purpose;
use crate::Output;
use crate::members::NodeId;
use crate::timer::Timer;
use crate::watch::ring::Standing;

/// The question that is open.
#[derive(Debug)]
pub(super) struct Probe {
    target: NodeId,
    sequence: u32,
    end: Instant,
    /// Others who were asked and would tell that they got no answer.
    nacks_expected: i32,
    nacks: i32,
    /// It answered over a stream: it is there, only datagrams are lost.
    reached_by_stream: bool,
}

impl Machine {
    pub(super) fn probe_next(&mut self, now: Instant, out: &mut Vec<Output>) {
        self.timers.arm(Timer::Probe, now + self.config.probe_interval);
        self.call_somebody(now, out);
        if self.probe.is_some() {
            return;
        }
        let this = self.this;
        let wanted = |id: NodeId, node: &crate::members::Node| id != this && node.is_usable();
        if let Some(target) = self.members.next_probed(wanted) {
            return self.start_probe(now, target, out);
        }
        let dead_time = self.config.gossip_to_the_dead_time;
        for (id, node) in self.members.reset(now, dead_time, &mut self.random) {
            self.forget_watching(id);
            self.watch.own.forget(id);
            self.lost.note(now, &node);
        }
        if let Some(target) = self.members.next_probed(wanted) {
            self.start_probe(now, target, out);
        }
    }

    fn start_probe(&mut self, now: Instant, target: NodeId, out: &mut Vec<Output>) {
        let sequence = self.next_sequence();
        let end = now + self.awareness.scale(self.config.probe_interval);
        self.probe = Some(Probe {
            target,
            sequence,
            end,
            nacks_expected: 0,
            nacks: 0,
            reached_by_stream: false,
        });
        self.timers
            .arm(Timer::ProbeTimeout, now + self.config.probe_timeout);
        self.timers.arm(Timer::ProbeEnd, end);
        self.question(target, sequence, out);
    }

    /// Asks a node whether it is there. If it is suspect it learns of it with the same packet, and can defend itself.
    pub(super) fn question(&mut self, target: NodeId, sequence: u32, out: &mut Vec<Output>) {
        let Some(node) = self.members.get(target) else {
            return;
        };
        let (to, checksum) = (node.address, node.checks());
        let mut parts = vec![self.ping(sequence, &node.name).into()];
        if node.state == NodeState::Suspect {
            let claim = Claim {
                incarnation: node.incarnation,
                node: &node.name,
                from: &self.name,
            };
            parts.push(Message::Suspect(claim).encode().into());
        }
        self.send_with_changes(to, checksum, parts, out);
    }

    pub(super) fn ping(&self, sequence: u32, node: &str) -> Vec<u8> {
        let source = Some(Source {
            address: self.address(),
            node: &self.name,
        });
        Message::Ping(Ping {
            sequence,
            node,
            source,
        })
        .encode()
    }

    pub(super) fn confirm_probe(&mut self, sequence: u32) {
        if self
            .probe
            .as_ref()
            .is_some_and(|probe| probe.sequence == sequence)
        {
            self.awareness.apply(-1);
            self.close_probe();
        }
    }

    fn close_probe(&mut self) {
        self.probe = None;
        self.timers.disarm(Timer::ProbeTimeout);
        self.timers.disarm(Timer::ProbeEnd);
    }

    pub(super) fn take_nack(&mut self, sequence: u32) {
        if let Some(probe) = self.probe.as_mut().filter(|probe| probe.sequence == sequence) {
            probe.nacks += 1;
        }
    }

    pub(super) fn confirm_by_stream(&mut self, sequence: u32) {
        if let Some(probe) = self.probe.as_mut().filter(|probe| probe.sequence == sequence) {
            probe.reached_by_stream = true;
        }
    }

    pub(super) fn ask_others(&mut self, now: Instant, out: &mut Vec<Output>) {
        let Some(probe) = &self.probe else { return };
        let (target, sequence, end) = (probe.target, probe.sequence, probe.end);
        let helpers = self.ask_helpers(target, sequence, true, out);
        if let Some(probe) = &mut self.probe {
            probe.nacks_expected = helpers;
        }
        let Some(node) = self.members.get(target) else {
            return;
        };
        if !self.config.disable_tcp_pings && node.versions.protocol_max >= VERSION_TCP_PING {
            let payload = StreamMessage::Ping(Ping {
                sequence,
                node: &node.name,
                source: Some(Source {
                    address: self.address(),
                    node: &self.name,
                }),
            })
            .encode();
            let to = node.address;
            self.open_stream(to, payload, end - now, Purpose::Ping(sequence), out);
        }
    }

    /// Asks random others that are heard to ask `target`, and tells how many of them would tell that they got no answer.
    pub(super) fn ask_helpers(
        &mut self,
        target: NodeId,
        sequence: u32,
        nack: bool,
        out: &mut Vec<Output>,
    ) -> i32 {
        let (this, watch) = (self.this, &self.watch);
        let helpers = self
            .members
            .choose(&mut self.random, self.config.indirect_checks, |id, node| {
                let is_there = node.state == NodeState::Alive && watch.standing(id) == Standing::In;
                id != this && id != target && is_there
            });
        let Some(node) = self.members.get(target) else {
            return 0;
        };
        let (name, this) = (node.name.clone(), self.name.clone());
        let question = IndirectPing {
            sequence,
            target: node.address,
            node: &name,
            nack: false,
            source: Some(Source {
                address: self.address(),
                node: &this,
            }),
        };
        let mut would_tell = 0;
        for helper in helpers {
            let knows = self
                .members
                .get(helper)
                .is_some_and(|node| node.versions.protocol_max >= VERSION_NACK);
            let nack = nack && knows;
            would_tell += i32::from(nack);
            let question = IndirectPing {
                nack,
                ..question.clone()
            };
            self.send(helper, &Message::IndirectPing(question), out);
        }
        would_tell
    }

    pub(super) fn end_probe(&mut self, now: Instant) {
        let Some(probe) = self.probe.take() else { return };
        self.close_probe();
        if probe.reached_by_stream {
            self.awareness.apply(-1);
            return;
        }
        // Others who did not even say that they got no answer are a sign that this node does not hear well.
        self.awareness.apply(match probe.nacks_expected {
            0 => 1,
            expected => (expected - probe.nacks).max(0),
        });
        let Some(node) = self.members.get(probe.target) else {
            return;
        };
        let (incarnation, name) = (node.incarnation, node.name.clone());
        let from = self.name.clone();
        let claim = Claim {
            incarnation,
            node: &name,
            from: &from,
        };
        self.suspect(now, &claim);
    }
}
