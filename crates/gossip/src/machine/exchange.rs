//! Streams: comparing all with another node, joining, and pings where datagrams are lost.

use core::net::SocketAddr;
use core::time::Duration;
use std::collections::VecDeque;

use ferrolb_types::Instant;
use ferrolb_wire::memberlist::{
    Ack, Alive, Claim, NODES_MAX, NodeState, PushPull, PushPullNode, StreamMessage, Versions,
};

use super::Machine;
use super::claims::about;
use crate::members::NodeId;
use crate::timer::Timer;
use crate::{Member, Output, StreamId};

/// Rings up to this size compare all at the configured interval; each doubling adds one interval.
const SCALE_FROM: usize = 32;

/// Streams to addresses of [`Input::PeersFound`](crate::Input::PeersFound) at a time.
const JOINS_AT_ONCE: usize = 4;

/// What a stream was opened for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Purpose {
    Join(SocketAddr),
    Exchange,
    /// The probe with this number.
    Ping(u32),
}

impl Machine {
    /// Asks those that are not known as members, a few at a time: what the first ones tell makes most of the others known.
    pub(super) fn join(&mut self, addresses: &[SocketAddr], out: &mut Vec<Output>) {
        for address in addresses.iter().take(NODES_MAX) {
            if !self.joins.contains(address) {
                self.joins.push_back(*address);
            }
        }
        self.call_all(addresses, out);
        self.join_next(out);
    }

    fn join_next(&mut self, out: &mut Vec<Output>) {
        let joining = |purpose: &&Purpose| matches!(purpose, Purpose::Join(_));
        let mut open = self.streams.values().filter(joining).count();
        let mut waiting = VecDeque::new();
        while open < JOINS_AT_ONCE
            && let Some(address) = self.joins.pop_front()
        {
            if self.is_asked(address) {
                // Perhaps before its link came back: once more when that question has failed.
                waiting.push_back(address);
            } else if !self.is_member_at(address) {
                let (state, purpose) = (self.state(true, &[]), Purpose::Join(address));
                self.open_stream(address, state, self.config.tcp_timeout, purpose, out);
                open += 1;
            }
        }
        self.joins.append(&mut waiting);
    }

    fn is_asked(&self, address: SocketAddr) -> bool {
        let mut purposes = self.streams.values();
        purposes.any(|purpose| matches!(purpose, Purpose::Join(to) if *to == address))
    }

    fn is_member_at(&self, address: SocketAddr) -> bool {
        let mut members = self.members.iter();
        members.any(|(_, node)| node.is_usable() && node.address == address)
    }

    pub(super) fn exchange(&mut self, now: Instant, out: &mut Vec<Output>) {
        let interval = self.config.push_pull_interval * scale(self.members.len());
        self.timers.arm(Timer::PushPull, now + interval);
        let this = self.this;
        let wanted = |id: NodeId, node: &crate::members::Node| id != this && node.state == NodeState::Alive;
        let chosen = self.members.choose(&mut self.random, 1, wanted);
        if let Some(node) = chosen.first().and_then(|id| self.members.get(*id)) {
            let (to, state) = (node.address, self.state(false, &[]));
            self.open_stream(to, state, self.config.tcp_timeout, Purpose::Exchange, out);
        }
    }

    pub(super) fn open_stream(
        &mut self,
        to: SocketAddr,
        payload: Vec<u8>,
        timeout: Duration,
        purpose: Purpose,
        out: &mut Vec<Output>,
    ) {
        let stream = StreamId(self.next_stream);
        self.next_stream += 1;
        self.streams.insert(stream, purpose);
        out.push(Output::OpenStream {
            stream,
            to,
            payload,
            timeout,
        });
    }

    /// All that this node knows, the dead included.
    fn state(&self, join: bool, user_state: &[u8]) -> Vec<u8> {
        let nodes = self.members.iter().map(|(_, node)| PushPullNode {
            name: &node.name,
            address: node.address,
            meta: &node.meta_octets,
            incarnation: node.incarnation,
            state: node.state,
            versions: Some(node.versions),
        });
        PushPull {
            join,
            nodes: nodes.collect(),
            user_state,
        }
        .encode()
    }

    pub(super) fn answer_stream(
        &mut self,
        now: Instant,
        stream: StreamId,
        _from: SocketAddr,
        payload: &[u8],
        out: &mut Vec<Output>,
    ) {
        let payload = match StreamMessage::decode(payload) {
            Ok(StreamMessage::PushPull(theirs)) => self.answer_exchange(now, &theirs, out),
            Ok(StreamMessage::Ping(ping)) if self.is_for_this(ping.node) => {
                let sequence = ping.sequence;
                Some(
                    StreamMessage::Ack(Ack {
                        sequence,
                        payload: &[],
                    })
                    .encode(),
                )
            }
            _ => None,
        };
        out.push(match payload {
            Some(payload) => Output::AnswerStream { stream, payload },
            None => Output::CloseStream { stream },
        });
    }

    fn answer_exchange(
        &mut self,
        now: Instant,
        theirs: &PushPull<'_>,
        out: &mut Vec<Output>,
    ) -> Option<Vec<u8>> {
        let standing = if theirs.join {
            self.standing_judgements(now)
        } else {
            Vec::new()
        };
        // What this node knew before; the other one knows its own part.
        let ours = self.state(false, &standing);
        let before = out.len();
        if let Err(reason) = self.merge(now, theirs, out) {
            return Some(StreamMessage::Error(&reason).encode());
        }
        if theirs.join {
            self.introduce(before, out);
        }
        Some(ours)
    }

    /// A speaker of ours that joins greets everybody it is told of. One of MetalLB does not, so it is made known here, directly as
    /// all that elections depend on; a whole ring of them that joins is left to gossip.
    fn introduce(&self, before: usize, out: &mut Vec<Output>) {
        let came = |output: &Output| match output {
            Output::ReportMemberJoined(member) => Some(member.clone()),
            _ => None,
        };
        let newcomers: Vec<Member> = out[before..].iter().filter_map(came).collect();
        let [newcomer @ Member { meta: None, .. }] = &newcomers[..] else {
            return;
        };
        if let Some(node) = self
            .members
            .find(&newcomer.name)
            .and_then(|id| self.members.get(id))
        {
            self.tell_all(&about(node), out);
        }
    }

    pub(super) fn take_answer(
        &mut self,
        now: Instant,
        stream: StreamId,
        payload: &[u8],
        out: &mut Vec<Output>,
    ) {
        let Some(purpose) = self.streams.remove(&stream) else {
            return;
        };
        let merged = match (purpose, StreamMessage::decode(payload)) {
            (Purpose::Ping(sequence), Ok(StreamMessage::Ack(ack))) if ack.sequence == sequence => {
                return self.confirm_by_stream(sequence);
            }
            (Purpose::Ping(_), _) => return,
            (_, Ok(StreamMessage::PushPull(theirs))) => self.merge(now, &theirs, out).map(|()| {
                self.take_standing(now, theirs.user_state, out);
                theirs.nodes.len()
            }),
            (_, Ok(StreamMessage::Error(reason))) => Err(format!("it refuses: {reason}")),
            (_, Ok(_)) => Err("it answers something else".to_owned()),
            (_, Err(error)) => Err(format!("its answer is malformed: {error}")),
        };
        if let Purpose::Join(address) = purpose {
            out.push(match merged {
                Ok(nodes) => Output::ReportJoined { address, nodes },
                Err(reason) => Output::ReportJoinFailed { address, reason },
            });
            self.join_next(out);
        }
    }

    pub(super) fn fail_stream(&mut self, stream: StreamId, reason: String, out: &mut Vec<Output>) {
        if let Some(Purpose::Join(address)) = self.streams.remove(&stream) {
            out.push(Output::ReportJoinFailed { address, reason });
            self.join_next(out);
        }
    }

    /// Takes in what another node believes, all or nothing.
    fn merge(&mut self, now: Instant, theirs: &PushPull<'_>, out: &mut Vec<Output>) -> Result<(), String> {
        check_versions(theirs)?;
        let this = self.name.clone();
        for node in &theirs.nodes {
            let claim = |from| Claim {
                incarnation: node.incarnation,
                node: node.name,
                from,
            };
            match node.state {
                NodeState::Alive => self.alive(now, &alive_of(node), out),
                NodeState::Left => self.dead(now, &claim(node.name), out),
                // Whom another one calls dead may still defend itself here.
                NodeState::Dead | NodeState::Suspect => self.suspect(now, &claim(&this)),
            }
        }
        Ok(())
    }
}

fn alive_of<'a>(node: &PushPullNode<'a>) -> Alive<'a> {
    Alive {
        incarnation: node.incarnation,
        node: node.name,
        address: node.address,
        meta: node.meta,
        versions: node.versions,
    }
}

/// What this node speaks must be understood by each node that is there.
fn check_versions(theirs: &PushPull<'_>) -> Result<(), String> {
    let ours = Versions::CURRENT.protocol;
    for node in theirs.nodes.iter().filter(|node| node.state == NodeState::Alive) {
        let understood = node
            .versions
            .is_none_or(|v| (v.protocol_min..=v.protocol_max).contains(&ours));
        if !understood {
            return Err(format!(
                "node `{}` does not understand protocol version {ours}",
                node.name
            ));
        }
    }
    Ok(())
}

/// How many intervals lie between two comparisons: `⌈log2 n − log2 32⌉ + 1`, so that large rings do not drown in them.
fn scale(nodes: usize) -> u32 {
    if nodes <= SCALE_FROM {
        return 1;
    }
    let doublings = nodes.next_power_of_two().ilog2() - SCALE_FROM.ilog2();
    doublings + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_rings_compare_less_often() {
        let scales = [1, 32, 33, 64, 65, 128, 1000].map(scale);
        assert_eq!(scales, [1, 1, 2, 2, 3, 3, 6]);
    }
}
