//! Who watches whom.

use core::ops::Bound;
use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use crate::members::NodeId;

/// Place on the ring: the first 16 octets of SHA-256 of the name.
type Place = u128;

/// Nodes that a node watches on each side, of those that are in; they watch it, too.
pub(crate) const WATCHED: usize = 3;
/// Further ones on each side that it looks for at a time.
const AHEAD_MAX: usize = 13;

/// What a node knows of another one's presence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    In,
    /// This node does not hear it; the others have not decided.
    Accused,
    /// Out for elections.
    Out,
}

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

    pub(crate) fn len(&self) -> usize {
        self.order.len()
    }

    pub(crate) fn contains(&self, id: NodeId) -> bool {
        self.places.contains_key(&id)
    }

    /// Whom `id` watches: on each side the nearest until the third that is in has been passed, so that those that are out are
    /// seen when they come back. Behind some that it alone does not hear yet there may be more: it looks ahead as far again.
    pub(crate) fn watched_by(&self, id: NodeId, standing: impl Fn(NodeId) -> Standing) -> BTreeSet<NodeId> {
        let Some(&place) = self.places.get(&id) else {
            return BTreeSet::new();
        };
        let here = (place, id);
        let before = self.order.range(..here);
        let after = self.order.range((Bound::Excluded(here), Bound::Unbounded));
        let forwards = after.clone().chain(before.clone()).map(|(_, id)| *id);
        let backwards = before.rev().chain(after.rev()).map(|(_, id)| *id);
        let mut watched = near(forwards, &standing);
        watched.extend(near(backwards, &standing));
        watched
    }
}

fn near(side: impl Iterator<Item = NodeId>, standing: impl Fn(NodeId) -> Standing) -> BTreeSet<NodeId> {
    let (mut present, mut accused) = (0, 0);
    side.take_while(|id| {
        let is_wanted = present < WATCHED + accused.min(AHEAD_MAX);
        match standing(*id) {
            Standing::In => present += 1,
            Standing::Accused => accused += 1,
            Standing::Out => {}
        }
        is_wanted
    })
    .collect()
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

    /// All of them in their order.
    fn order(ring: &Ring) -> Vec<NodeId> {
        ring.order.iter().map(|(_, id)| *id).collect()
    }

    /// How many `id` watches when those at `gone` of the order have this standing.
    fn count(nodes: u32, gone: core::ops::Range<usize>, standing: Standing) -> usize {
        let ring = ring(nodes);
        let order = order(&ring);
        let gone: BTreeSet<NodeId> = order[gone].iter().copied().collect();
        let of = |id: NodeId| {
            if gone.contains(&id) {
                standing
            } else {
                Standing::In
            }
        };
        ring.watched_by(order[0], of).len()
    }

    #[test]
    fn a_node_watches_three_on_each_side_which_watch_it() {
        let ring = ring(20);
        let watched = |id| ring.watched_by(id, |_| Standing::In);
        for id in (0..20).map(NodeId) {
            assert_eq!(watched(id).len(), 6);
            assert!(watched(id).into_iter().all(|other| watched(other).contains(&id)));
        }
    }

    #[test]
    fn in_a_small_ring_all_watch_all_others() {
        for nodes in 1..=7 {
            let ring = ring(nodes);
            for id in (0..nodes).map(NodeId) {
                let watched = ring.watched_by(id, |_| Standing::In);
                assert_eq!(watched.len(), usize::try_from(nodes).unwrap() - 1);
                assert!(!watched.contains(&id));
            }
        }
    }

    #[test]
    fn those_that_are_out_are_watched_until_three_that_are_in_have_been_passed() {
        for out in 0..10 {
            assert_eq!(count(40, 1..1 + out, Standing::Out), 6 + out);
            assert_eq!(count(40, 4..4 + out, Standing::Out), 6, "beyond the third");
        }
        assert_eq!(count(40, 1..40, Standing::Out), 39);
    }

    #[test]
    fn behind_accused_ones_it_looks_ahead_in_growing_but_bounded_steps() {
        let mut waves = Vec::new();
        let mut known = 3;
        while known < 99 {
            let next = count(200, 1..1 + known, Standing::Accused) - 3;
            waves.push(next - known);
            known = next;
        }
        assert_eq!(waves, [6, 12, 16, 16, 16, 16, 16]);
    }

    #[test]
    fn a_node_that_leaves_changes_its_neighbours_alone() {
        let mut ring = ring(30);
        let watched = |ring: &Ring, n| ring.watched_by(NodeId(n), |_| Standing::In);
        let before: Vec<BTreeSet<NodeId>> = (0..30).map(|n| watched(&ring, n)).collect();
        ring.remove(NodeId(7));
        let changed = (0..30).filter(|n| *n != 7 && watched(&ring, *n) != before[*n as usize]);
        assert_eq!(changed.count(), 6);
        assert!(watched(&ring, 7).is_empty());
    }
}
