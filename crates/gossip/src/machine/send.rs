//! Datagrams, with changes in the room that is left in them.

use core::net::SocketAddr;
use std::sync::Arc;

use ferrolb_types::Instant;
use ferrolb_wire::memberlist::{
    COMPOUND_HEADER_LEN, COMPOUND_PART_LEN, COMPOUND_PARTS_MAX, Message, NodeState, compound,
};

use super::{Machine, Phase};
use crate::Output;
use crate::broadcast::{Ride, retransmit_limit};
use crate::members::NodeId;
use crate::timer::Timer;

impl Machine {
    /// Sends `message` to a known node, with changes.
    pub(super) fn send(&mut self, to: NodeId, message: &Message<'_>, out: &mut Vec<Output>) {
        if let Some(node) = self.members.get(to) {
            let (address, checksum) = (node.address, node.checks());
            self.send_with_changes(address, checksum, vec![message.encode().into()], out);
        }
    }

    /// Sends `message` where an answer is expected, with changes.
    pub(super) fn send_to_address(&mut self, to: SocketAddr, message: &Message<'_>, out: &mut Vec<Output>) {
        self.send_with_changes(to, false, vec![message.encode().into()], out);
    }

    /// Sends `message` to a known node, alone.
    pub(super) fn send_alone(&self, to: NodeId, message: &Message<'_>, out: &mut Vec<Output>) {
        if let Some(node) = self.members.get(to) {
            out.push(node.packet(message.encode()));
        }
    }

    pub(super) fn send_with_changes(
        &mut self,
        to: SocketAddr,
        checksum: bool,
        mut parts: Vec<Arc<[u8]>>,
        out: &mut Vec<Output>,
    ) {
        let used: usize = parts.iter().map(|part| COMPOUND_PART_LEN + part.len()).sum();
        let room = self.room().saturating_sub(used);
        self.take_changes(Ride::Along, room, &mut parts);
        out.push(Output::SendPacket {
            to,
            checksum,
            payload: joined(&parts),
        });
    }

    /// Octets of a datagram that are free for parts of a compound message.
    pub(super) fn room(&self) -> usize {
        let taken = self.packet_overhead + COMPOUND_HEADER_LEN;
        self.config.udp_buffer_size.saturating_sub(taken)
    }

    fn take_changes(&mut self, ride: Ride, room: usize, parts: &mut Vec<Arc<[u8]>>) {
        let limit = retransmit_limit(self.config.retransmit_mult, self.members.len());
        self.broadcasts
            .take(ride, (COMPOUND_PART_LEN, room), limit, parts);
        debug_assert!(
            parts.len() <= COMPOUND_PARTS_MAX,
            "a message has five octets at least"
        );
    }

    /// Tells `message` about `node` to all, little by little.
    pub(super) fn broadcast(&mut self, now: Instant, node: &Arc<str>, message: &Message<'_>) {
        self.broadcasts.queue(node, message.encode());
        let interval = self.config.gossip_interval;
        self.timers.arm_once(Timer::Gossip, now + interval);
    }

    /// Sends changes to some random nodes. A node that is believed to be dead is told so, because it may not be.
    pub(super) fn gossip(&mut self, now: Instant, out: &mut Vec<Output>) {
        let dead_time = self.config.gossip_to_the_dead_time;
        let this = self.this;
        let chosen = self
            .members
            .choose(&mut self.random, self.config.gossip_nodes, |id, node| {
                let worth_telling = match node.state {
                    NodeState::Alive | NodeState::Suspect => true,
                    NodeState::Dead => now - node.changed <= dead_time,
                    NodeState::Left => false,
                };
                id != this && worth_telling
            });
        for id in chosen {
            let (room, mut parts) = (self.room(), Vec::new());
            self.take_changes(Ride::Round, room, &mut parts);
            if parts.is_empty() {
                break;
            }
            let node = self.members.get(id);
            out.extend(node.map(|node| node.packet(joined(&parts))));
        }
        if self.phase == Phase::Leaving && !self.broadcasts.holds(&self.name) {
            self.finish_leaving(out);
        } else if !self.broadcasts.is_empty() {
            self.timers.arm(Timer::Gossip, now + self.config.gossip_interval);
        }
    }
}

pub(super) fn joined(parts: &[Arc<[u8]>]) -> Vec<u8> {
    match parts {
        [single] => single.to_vec(),
        several => compound(several),
    }
}
