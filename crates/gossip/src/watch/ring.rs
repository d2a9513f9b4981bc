//! Who watches whom.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use crate::members::NodeId;

/// Place on the ring: the first 16 octets of SHA-256 of the name.
type Place = u128;

/// Nodes in the order of the hashes of their names, so that neighbours differ in rack and age, and all nodes agree.
#[derive(Debug, Default)]
pub(crate) struct Ring {
    order: BTreeSet<(Place, NodeId)>,
    places: BTreeMap<NodeId, Place>,
}

impl Ring {
    pub(crate) fn insert(&mut self, id: NodeId, name: &str) {
        let place = place(name);
        self.order.insert((place, id));
        self.places.insert(id, place);
    }

    pub(crate) fn remove(&mut self, id: NodeId) {
        if let Some(place) = self.places.remove(&id) {
            self.order.remove(&(place, id));
        }
    }

    /// The `count` nodes after `id`; fewer in a small ring.
    pub(crate) fn successors(&self, id: NodeId, count: usize) -> Vec<NodeId> {
        let Some(&place) = self.places.get(&id) else {
            return Vec::new();
        };
        let after = self.order.range((place, NodeId(id.0.saturating_add(1)))..);
        let wrapped = after.chain(self.order.range(..(place, id)));
        wrapped.map(|(_, id)| *id).take(count).collect()
    }

    /// The `count` nodes before `id`; fewer in a small ring.
    pub(crate) fn predecessors(&self, id: NodeId, count: usize) -> Vec<NodeId> {
        let Some(&place) = self.places.get(&id) else {
            return Vec::new();
        };
        let before = self.order.range(..(place, id)).rev();
        let after = self.order.range((place, NodeId(id.0.saturating_add(1)))..).rev();
        before.chain(after).map(|(_, id)| *id).take(count).collect()
    }
}

fn place(name: &str) -> Place {
    let hash: [u8; 32] = Sha256::digest(name.as_bytes()).into();
    let (first, _) = hash.split_first_chunk().expect("32 octets hold 16");
    Place::from_be_bytes(*first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(nodes: u32) -> Ring {
        let mut ring = Ring::default();
        (0..nodes).for_each(|n| ring.insert(NodeId(n), &format!("node-{n}")));
        ring
    }

    #[test]
    fn whoever_is_watched_by_a_node_is_a_predecessor_of_it() {
        let ring = ring(20);
        for watched in (0..20).map(NodeId) {
            for watcher in ring.successors(watched, 3) {
                assert!(ring.predecessors(watcher, 3).contains(&watched));
            }
            assert_eq!(ring.predecessors(watched, 3).len(), 3);
        }
    }

    #[test]
    fn in_a_small_ring_all_others_watch() {
        for nodes in 1..=4 {
            let ring = ring(nodes);
            for id in (0..nodes).map(NodeId) {
                let watchers = ring.successors(id, 3);
                assert_eq!(watchers.len(), usize::try_from(nodes).unwrap() - 1);
                assert!(!watchers.contains(&id));
            }
        }
    }

    #[test]
    fn a_node_that_leaves_changes_its_neighbours_alone() {
        let mut ring = ring(30);
        let before: Vec<Vec<NodeId>> = (0..30).map(|n| ring.successors(NodeId(n), 3)).collect();
        ring.remove(NodeId(7));
        let changed = (0..30)
            .filter(|n| *n != 7 && ring.successors(NodeId(*n), 3) != before[*n as usize])
            .count();
        assert_eq!(changed, 3);
        assert!(ring.successors(NodeId(7), 3).is_empty());
    }
}
