//! What datagrams say.

use core::net::SocketAddr;

use ferrolb_types::Instant;
use ferrolb_wire::memberlist::{Ack, IndirectPing, Message, Ping, Source, each_message};

use super::relay::Relay;
use super::{Machine, Phase};
use crate::Output;

impl Machine {
    /// What cannot be read is passed over: a newer version may say more than is understood here.
    pub(super) fn receive(&mut self, now: Instant, from: SocketAddr, payload: &[u8], out: &mut Vec<Output>) {
        let _cut_off = each_message(payload, |bytes| {
            if let Ok(message) = Message::decode(bytes) {
                self.take(now, from, &message, out);
            }
        });
    }

    fn take(&mut self, now: Instant, from: SocketAddr, message: &Message<'_>, out: &mut Vec<Output>) {
        match message {
            Message::Ping(ping) => self.answer_ping(from, ping, out),
            Message::IndirectPing(ping) => self.relay_ping(now, from, ping, out),
            Message::Ack(ack) => self.take_ack(now, ack.sequence, out),
            Message::Nack { sequence } => self.take_nack(*sequence),
            Message::Suspect(claim) => {
                self.suspect(now, claim);
                self.defend(from, claim, out);
            }
            Message::Alive(alive) => {
                self.alive(now, alive, out);
                self.correct(from, alive, out);
            }
            Message::Dead(claim) => {
                self.dead(now, claim, out);
                self.defend(from, claim, out);
            }
            Message::User(data) => self.take_watch_message(now, from, data, out),
        }
    }

    /// A question to a node that was here before, under another name, is not for this one.
    pub(super) fn is_for_this(&self, node: &str) -> bool {
        node.is_empty() || *node == *self.name
    }

    /// Whoever is not known here is told what this node is, too: it asks because it knows an earlier life, and gossip about this
    /// one may pass it by. Deviation: memberlist leaves that to the next exchange of states, half a minute later.
    fn answer_ping(&mut self, from: SocketAddr, ping: &Ping<'_>, out: &mut Vec<Output>) {
        if !self.is_for_this(ping.node) {
            return;
        }
        let answer = Message::Ack(Ack {
            sequence: ping.sequence,
            payload: &[],
        });
        let mut parts = vec![answer.encode().into()];
        let is_unknown = |source: &Source<'_>| self.members.find(source.node).is_none();
        if self.phase == Phase::Running && ping.source.as_ref().is_some_and(is_unknown) {
            parts.push(self.about_self().into());
        }
        let to = ping.source.map_or(from, |source| source.address);
        self.send_with_changes(to, false, parts, out);
    }

    fn relay_ping(&mut self, now: Instant, from: SocketAddr, ping: &IndirectPing<'_>, out: &mut Vec<Output>) {
        let relay = Relay {
            asker: ping.source.map_or(from, |source| source.address),
            sequence: ping.sequence,
            nack: ping.nack,
        };
        let Some(sequence) = self.start_relay(now, relay) else {
            return;
        };
        let name = self.name.clone();
        let question = Message::Ping(Ping {
            sequence,
            node: ping.node,
            source: Some(Source {
                address: self.address(),
                node: &name,
            }),
        });
        self.send_to_address(ping.target, &question, out);
    }

    fn take_ack(&mut self, now: Instant, sequence: u32, out: &mut Vec<Output>) {
        self.confirm_probe(sequence);
        self.confirm_greeting(sequence, out);
        self.pass_ack_on(sequence, out);
        self.confirm_presence(now, sequence);
    }

    /// Where others reach this node.
    pub(super) fn address(&self) -> SocketAddr {
        self.members
            .get(self.this)
            .expect("this node is never forgotten")
            .address
    }
}
