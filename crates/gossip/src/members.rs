//! Who is known.

use core::net::SocketAddr;
use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::Arc;

use ferrolb_types::{Instant, SplitMix64};
use ferrolb_wire::memberlist::{NODES_MAX, NodeState, VERSION_CRC, Versions};

use crate::suspicion::Suspicion;
use crate::{Meta, Output};

/// A node for as long as it is known; never used again for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct NodeId(pub(crate) u32);

/// What is known about a node.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) name: Arc<str>,
    pub(crate) address: SocketAddr,
    /// As it was told.
    pub(crate) meta_octets: Box<[u8]>,
    /// What it means; none for a node that is no FerroLB speaker.
    pub(crate) meta: Option<Meta>,
    pub(crate) versions: Versions,
    pub(crate) incarnation: u32,
    pub(crate) state: NodeState,
    /// Since when.
    pub(crate) changed: Instant,
    pub(crate) suspicion: Option<Suspicion>,
    pub(crate) conflict_told: Option<Instant>,
}

impl Node {
    pub(crate) fn is_usable(&self) -> bool {
        matches!(self.state, NodeState::Alive | NodeState::Suspect)
    }

    pub(crate) fn offers_watching(&self) -> bool {
        self.is_usable() && self.meta.as_ref().is_some_and(|meta| meta.fast_watch)
    }

    /// Whether it understands the checksum of a datagram.
    pub(crate) const fn checks(&self) -> bool {
        self.versions.protocol_max >= VERSION_CRC
    }

    /// A datagram to it, as it is.
    pub(crate) const fn packet(&self, payload: Vec<u8>) -> Output {
        Output::SendPacket {
            to: self.address,
            checksum: self.checks(),
            payload,
        }
    }
}

/// All nodes, this one included, in the order in which they are probed.
#[derive(Debug, Default)]
pub(crate) struct Members {
    nodes: BTreeMap<NodeId, Node>,
    by_name: BTreeMap<Arc<str>, NodeId>,
    order: Vec<NodeId>,
    probed: usize,
    ids: u32,
}

impl Members {
    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }

    pub(crate) fn find(&self, name: &str) -> Option<NodeId> {
        self.by_name.get(name).copied()
    }

    pub(crate) fn get(&self, id: NodeId) -> Option<&Node> {
        self.nodes.get(&id)
    }

    pub(crate) fn get_mut(&mut self, id: NodeId) -> Option<&mut Node> {
        self.nodes.get_mut(&id)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (NodeId, &Node)> {
        self.nodes.iter().map(|(id, node)| (*id, node))
    }

    /// Adds a node at a random place of the order, so that new nodes are not all probed last. None when there are too many.
    pub(crate) fn add(&mut self, node: Node, random: &mut SplitMix64) -> Option<NodeId> {
        if self.nodes.len() >= NODES_MAX {
            return None;
        }
        let id = NodeId(self.ids);
        self.ids += 1;
        self.by_name.insert(Arc::clone(&node.name), id);
        self.nodes.insert(id, node);
        self.order.push(id);
        let place = index_below(random, self.order.len());
        let last = self.order.len() - 1;
        self.order.swap(place, last);
        Some(id)
    }

    /// Forgets nodes that have been dead or gone for longer than `dead_time`, and shuffles the order.
    pub(crate) fn reset(
        &mut self,
        now: Instant,
        dead_time: Duration,
        random: &mut SplitMix64,
    ) -> Vec<(NodeId, Node)> {
        let old = |_: &NodeId, node: &mut Node| !node.is_usable() && now - node.changed > dead_time;
        let forgotten: Vec<(NodeId, Node)> = self.nodes.extract_if(.., old).collect();
        for (_, node) in &forgotten {
            self.by_name.remove(&node.name);
        }
        self.order.retain(|id| self.nodes.contains_key(id));
        shuffle(&mut self.order, random);
        self.probed = 0;
        forgotten
    }

    /// The next node in the order for which `wanted` holds, in this round.
    pub(crate) fn next_probed(&mut self, wanted: impl Fn(NodeId, &Node) -> bool) -> Option<NodeId> {
        while let Some(&id) = self.order.get(self.probed) {
            self.probed += 1;
            if self.nodes.get(&id).is_some_and(|node| wanted(id, node)) {
                return Some(id);
            }
        }
        None
    }

    /// `count` different nodes for which `wanted` holds, or all of them if there are fewer, at random in random order.
    pub(crate) fn choose(
        &self,
        random: &mut SplitMix64,
        count: u32,
        wanted: impl Fn(NodeId, &Node) -> bool,
    ) -> Vec<NodeId> {
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        let mut chosen = Vec::new();
        let candidates = self.iter().filter(|(id, node)| wanted(*id, node));
        // Each one that comes later takes the place of another with the chance that all have.
        for (before, (id, _)) in candidates.enumerate() {
            if chosen.len() < count {
                chosen.push(id);
            } else if let Some(place) = chosen.get_mut(index_below(random, before + 1)) {
                *place = id;
            }
        }
        shuffle(&mut chosen, random);
        chosen
    }
}

fn shuffle(ids: &mut [NodeId], random: &mut SplitMix64) {
    for at in (1..ids.len()).rev() {
        ids.swap(at, index_below(random, at + 1));
    }
}

pub(crate) fn index_below(random: &mut SplitMix64, bound: usize) -> usize {
    let bound = u32::try_from(bound).expect("a ring is far smaller");
    usize::try_from(random.below(bound)).expect("it is below the bound")
}
