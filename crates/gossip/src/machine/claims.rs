//! What is said about nodes: alive, suspect, dead.

use core::net::SocketAddr;
use core::time::Duration;
use std::sync::Arc;

use ferrolb_types::Instant;
use ferrolb_wire::memberlist::{Alive, Claim, Message, NodeState, Versions};

use super::{Machine, Phase};
use crate::members::{Node, NodeId};
use crate::suspicion::Suspicion;
use crate::timer::Timer;
use crate::{Meta, Output};

/// Between two reports about one name that two nodes want.
const CONFLICT_QUIET: Duration = Duration::from_secs(60);

impl Machine {
    pub(super) fn alive(&mut self, now: Instant, alive: &Alive<'_>, out: &mut Vec<Output>) {
        if alive.node.is_empty() {
            return;
        }
        if *alive.node == *self.name {
            return self.alive_about_self(now, alive, out);
        }
        let (id, known) = match self.members.find(alive.node) {
            Some(id) => (id, true),
            None => match self.add_node(now, alive) {
                Some(id) => (id, false),
                None => return,
            },
        };
        if known && !self.is_news(now, id, alive, out) {
            return;
        }
        self.accept_alive(now, id, alive, out);
    }

    /// A new node is dead until its message is accepted, which follows at once.
    fn add_node(&mut self, now: Instant, alive: &Alive<'_>) -> Option<NodeId> {
        let node = Node {
            name: alive.node.into(),
            address: alive.address,
            meta_octets: Box::default(),
            meta: None,
            versions: alive.versions.unwrap_or(Versions::CURRENT),
            incarnation: 0,
            state: NodeState::Dead,
            changed: now,
            suspicion: None,
            conflict_told: None,
        };
        self.members.add(node, &mut self.random)
    }

    fn is_news(&mut self, now: Instant, id: NodeId, alive: &Alive<'_>, out: &mut Vec<Output>) -> bool {
        let reclaim = self.config.dead_node_reclaim_time;
        let Some(node) = self.members.get_mut(id) else {
            return false;
        };
        if node.address == alive.address {
            return alive.incarnation > node.incarnation;
        }
        let reclaimable = node.state == NodeState::Left
            || node.state == NodeState::Dead && !reclaim.is_zero() && now - node.changed > reclaim;
        if !reclaimable && node.conflict_told.is_none_or(|told| now - told > CONFLICT_QUIET) {
            node.conflict_told = Some(now);
            out.push(conflict(&node.name, node.address, alive.address));
        }
        reclaimable
    }

    fn accept_alive(&mut self, now: Instant, id: NodeId, alive: &Alive<'_>, out: &mut Vec<Output>) {
        self.timers.disarm(Timer::Suspicion(id));
        let Some(node) = self.members.get_mut(id) else {
            return;
        };
        let (came, changed) = (
            !node.is_usable(),
            *node.meta_octets != *alive.meta || node.address != alive.address,
        );
        node.suspicion = None;
        node.incarnation = alive.incarnation;
        node.address = alive.address;
        node.versions = alive.versions.unwrap_or(node.versions);
        if changed {
            node.meta_octets = alive.meta.into();
            node.meta = Meta::decode(alive.meta);
        }
        if node.state != NodeState::Alive {
            node.state = NodeState::Alive;
            node.changed = now;
        }
        let (name, member) = (Arc::clone(&node.name), node.to_member());
        self.broadcast(now, &name, &Message::Alive(alive.clone()));
        self.lost.remove(&name);
        if came {
            out.push(Output::ReportMemberJoined(member));
        } else if changed {
            out.push(Output::ReportMemberChanged(member));
        }
        if came || changed {
            self.update_watching(now, id, out);
        }
        if came {
            self.greet(now, id, out);
        }
    }

    /// Only this node tells what it is; what is wrong, or from an earlier life, is corrected.
    fn alive_about_self(&mut self, now: Instant, alive: &Alive<'_>, out: &mut Vec<Output>) {
        let Some(node) = self.members.get_mut(self.this) else {
            return;
        };
        if self.phase != Phase::Running || alive.incarnation < node.incarnation {
            return;
        }
        if node.address != alive.address {
            if node.conflict_told.is_none_or(|told| now - told > CONFLICT_QUIET) {
                node.conflict_told = Some(now);
                out.push(conflict(&node.name, node.address, alive.address));
            }
            return;
        }
        let same = *node.meta_octets == *alive.meta
            && alive.versions.is_none_or(|versions| versions == node.versions);
        if alive.incarnation > node.incarnation || !same {
            self.refute(now, alive.incarnation);
        }
    }

    /// A node that tells of itself what others know better has restarted and met nobody yet. It is told how it is known, which it
    /// corrects; else it would count as what it was before, as long as it answers.
    pub(super) fn correct(&self, from: SocketAddr, alive: &Alive<'_>, out: &mut Vec<Output>) {
        let known = self.members.find(alive.node).and_then(|id| self.members.get(id));
        let Some(node) = known.filter(|node| node.is_usable() && node.address == from) else {
            return;
        };
        let is_other = node.incarnation > alive.incarnation || *node.meta_octets != *alive.meta;
        if is_other && *alive.node != *self.name {
            out.push(node.packet(about(node)));
        }
    }

    /// A suspect node stays a candidate, so nothing is reported.
    pub(super) fn suspect(&mut self, now: Instant, claim: &Claim<'_>) {
        let Some(id) = self.members.find(claim.node) else {
            return;
        };
        let nodes = self.members.len();
        let Some(node) = self.members.get_mut(id) else {
            return;
        };
        if claim.incarnation < node.incarnation {
            return;
        }
        let accuser: Arc<str> = claim.from.into();
        if let Some(suspicion) = &mut node.suspicion {
            if suspicion.confirm(&accuser) {
                let (deadline, name) = (suspicion.deadline(), Arc::clone(&node.name));
                self.timers.arm(Timer::Suspicion(id), deadline);
                self.broadcast(now, &name, &Message::Suspect(claim.clone()));
            }
            return;
        }
        if node.state != NodeState::Alive {
            return;
        }
        if id == self.this {
            if self.phase == Phase::Running {
                self.awareness.apply(1);
                self.refute(now, claim.incarnation);
            }
            return;
        }
        let suspicion = Suspicion::new(now, accuser, nodes, &self.config);
        self.timers.arm(Timer::Suspicion(id), suspicion.deadline());
        self.timers
            .arm(Timer::Remind(id), now + self.config.probe_interval);
        node.incarnation = claim.incarnation;
        node.state = NodeState::Suspect;
        node.changed = now;
        node.suspicion = Some(suspicion);
        let name = Arc::clone(&node.name);
        self.broadcast(now, &name, &Message::Suspect(claim.clone()));
    }

    /// The defence of a suspect node may not have come through to this node, in a large ring with loss: it is asked for it.
    /// Deviation: memberlist does that only when the node is the next to be probed.
    pub(super) fn remind(&mut self, now: Instant, id: NodeId, out: &mut Vec<Output>) {
        let Some(node) = self.members.get(id) else { return };
        if node.state == NodeState::Suspect {
            let sequence = self.next_sequence();
            self.question(id, sequence, out);
            self.timers
                .arm(Timer::Remind(id), now + self.config.probe_interval);
        }
    }

    /// Tells who sent it when a claim against this node has been refuted, or just was: they may have missed it.
    pub(super) fn defend(&mut self, from: SocketAddr, claim: &Claim<'_>, out: &mut Vec<Output>) {
        if *claim.node != *self.name || self.phase != Phase::Running {
            return;
        }
        out.push(Output::SendPacket {
            to: from,
            checksum: false,
            payload: self.about_self(),
        });
        self.call_back(from, claim.from, out);
    }

    /// A suspect node has had its time.
    pub(super) fn give_up(&mut self, now: Instant, id: NodeId, out: &mut Vec<Output>) {
        let Some(node) = self.members.get(id) else { return };
        if node.state != NodeState::Suspect {
            return;
        }
        let (incarnation, name, from) = (node.incarnation, Arc::clone(&node.name), self.name.clone());
        let claim = Claim {
            incarnation,
            node: &name,
            from: &from,
        };
        self.dead(now, &claim, out);
    }

    pub(super) fn dead(&mut self, now: Instant, claim: &Claim<'_>, out: &mut Vec<Output>) {
        let Some(id) = self.members.find(claim.node) else {
            return;
        };
        let Some(node) = self.members.get_mut(id) else {
            return;
        };
        if claim.incarnation < node.incarnation || !node.is_usable() {
            return;
        }
        if id == self.this && self.phase == Phase::Running {
            self.awareness.apply(1);
            return self.refute(now, claim.incarnation);
        }
        let left = claim.node == claim.from;
        let suspected = (node.state == NodeState::Suspect).then_some(node.changed);
        node.incarnation = claim.incarnation;
        node.state = if left { NodeState::Left } else { NodeState::Dead };
        node.changed = now;
        node.suspicion = None;
        let name = Arc::clone(&node.name);
        self.timers.disarm(Timer::Suspicion(id));
        self.timers.disarm(Timer::Remind(id));
        self.broadcast(now, &name, &Message::Dead(claim.clone()));
        if id != self.this {
            let last_heard = self
                .watch
                .judgements
                .last_heard(id)
                .or(suspected)
                .filter(|_| !left);
            out.push(Output::ReportMemberGone {
                name,
                left,
                last_heard,
            });
            self.update_watching(now, id, out);
        }
    }

    /// Defends this node against what is said about the incarnation `accused`.
    fn refute(&mut self, now: Instant, accused: u32) {
        self.incarnation = self.incarnation.max(accused).saturating_add(1);
        self.announce_self(now);
    }

    pub(super) fn change_meta(&mut self, now: Instant, meta: Meta, out: &mut Vec<Output>) {
        let meta = Meta {
            fast_watch: self.config.fast_watch,
            life: self.config.fast_watch.then_some(self.watch.life),
            ..meta
        };
        let Some(node) = self.members.get_mut(self.this) else {
            return;
        };
        let octets = meta.encode();
        if *node.meta_octets != *octets && self.phase == Phase::Running {
            node.meta_octets = octets.into();
            node.meta = Some(meta);
            out.push(Output::ReportMemberChanged(node.to_member()));
            self.incarnation = self.incarnation.saturating_add(1);
            self.announce_self(now);
            self.tell_all(&self.about_self(), out);
        }
    }

    /// Tells every member directly, since elections depend on it; gossip follows, for those that do not get it.
    pub(super) fn tell_all(&self, payload: &[u8], out: &mut Vec<Output>) {
        for (_, node) in self
            .members
            .iter()
            .filter(|(id, node)| self.is_other_usable(*id, node))
        {
            out.push(node.packet(payload.to_vec()));
        }
    }

    /// Tells all what this node is, in its present incarnation.
    pub(super) fn announce_self(&mut self, now: Instant) {
        if let Some(node) = self.members.get_mut(self.this) {
            node.incarnation = self.incarnation;
            node.state = NodeState::Alive;
        }
        let message = self.about_self();
        let name = Arc::clone(&self.name);
        self.broadcasts.queue(&name, message);
        self.timers
            .arm_once(Timer::Gossip, now + self.config.gossip_interval);
    }

    pub(super) fn about_self(&self) -> Vec<u8> {
        self.members.get(self.this).map(about).unwrap_or_default()
    }
}

/// That a node is alive, as it is known.
pub(super) fn about(node: &Node) -> Vec<u8> {
    Message::Alive(Alive {
        incarnation: node.incarnation,
        node: &node.name,
        address: node.address,
        meta: &node.meta_octets,
        versions: Some(node.versions),
    })
    .encode()
}

fn conflict(name: &Arc<str>, known: SocketAddr, other: SocketAddr) -> Output {
    Output::ReportConflict {
        name: Arc::clone(name),
        known,
        other,
    }
}
