//! Nodes that are believed dead are told so: they may be alive behind a link or a switch that works again.
//!
//! Both halves of a ring that was parted believe each other dead, and then nobody says anything to the other half: what was to
//! be told has been told, and only members are probed. Memberlist waits for the next join.
//!
//! ```text
//!   a (b is dead for it)                                  b (a is dead for it)
//!     │── you are dead (incarnation 3); I am alive (5) ────▶│ defends itself: alive (4); of a it has heard that before
//!     │◀─ alive (4); you are dead (5); I am alive (4) ──────│
//!     │── alive (6) ───────────────────────────────────────▶│      and both tell the rest of their halves
//! ```

use core::net::SocketAddr;
use std::sync::Arc;

use ferrolb_types::Instant;
use ferrolb_wire::memberlist::{Claim, Message, NodeState};

use super::{Machine, Phase};
use crate::Output;
use crate::members::NodeId;

impl Machine {
    /// Calls one of those that have failed, and one of those that are forgotten as members; with every probe.
    pub(super) fn call_somebody(&mut self, now: Instant, out: &mut Vec<Output>) {
        let failed = |_, node: &crate::members::Node| node.state == NodeState::Dead;
        if let Some(id) = self.members.choose(&mut self.random, 1, failed).first() {
            self.call_member(*id, out);
        }
        if let Some(lost) = self.lost.choose(now, &mut self.random).cloned() {
            self.call(lost.address, false, &lost.name, lost.incarnation, out);
        }
    }

    /// Calls those of `addresses` that have failed: somebody has seen them there.
    pub(super) fn call_all(&mut self, addresses: &[SocketAddr], out: &mut Vec<Output>) {
        let failed: Vec<NodeId> = self
            .members
            .iter()
            .filter(|(_, node)| node.state == NodeState::Dead && addresses.contains(&node.address))
            .map(|(id, _)| id)
            .collect();
        failed.into_iter().for_each(|id| self.call_member(id, out));
    }

    /// Calls back whoever has just called, if it has failed for this node, too.
    pub(super) fn call_back(&mut self, from: SocketAddr, caller: &str, out: &mut Vec<Output>) {
        let failed = |id: &NodeId| {
            let caller = self.members.get(*id);
            caller.is_some_and(|node| node.state == NodeState::Dead && node.address == from)
        };
        if let Some(id) = self.members.find(caller).filter(failed) {
            self.call_member(id, out);
        }
    }

    fn call_member(&mut self, id: NodeId, out: &mut Vec<Output>) {
        let Some(node) = self.members.get(id) else { return };
        let (name, incarnation) = (Arc::clone(&node.name), node.incarnation);
        self.call(node.address, node.checks(), &name, incarnation, out);
    }

    fn call(&mut self, to: SocketAddr, checksum: bool, node: &str, incarnation: u32, out: &mut Vec<Output>) {
        if self.phase != Phase::Running {
            return;
        }
        let claim = Claim {
            incarnation,
            node,
            from: &self.name,
        };
        let parts = vec![Message::Dead(claim).encode().into(), self.about_self().into()];
        self.send_with_changes(to, checksum, parts, out);
    }
}
