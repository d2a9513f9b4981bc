//! Nodes that have failed and are forgotten as members, so that their names are free. They may be behind a switch that will work
//! again, so they are still called, for an hour.

use core::net::SocketAddr;
use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::Arc;

use ferrolb_types::{Instant, SplitMix64};
use ferrolb_wire::memberlist::NodeState;

use crate::members::{Node, index_below};

/// Longer cuts are for the pod list to heal.
const PATIENCE: Duration = Duration::from_hours(1);
/// The one lost longest ago makes room.
const LOST_MAX: usize = 256;

/// What is needed to call one.
#[derive(Clone, Debug)]
pub(crate) struct LostNode {
    pub(crate) name: Arc<str>,
    pub(crate) address: SocketAddr,
    pub(crate) incarnation: u32,
    since: Instant,
}

#[derive(Debug, Default)]
pub(crate) struct Lost(BTreeMap<Arc<str>, LostNode>);

impl Lost {
    /// Keeps a node that is forgotten now, unless it said goodbye.
    pub(crate) fn note(&mut self, now: Instant, node: &Node) {
        if node.state != NodeState::Dead {
            return;
        }
        if self.0.len() >= LOST_MAX {
            let oldest = self.0.values().min_by_key(|lost| lost.since);
            let oldest = oldest.map(|lost| Arc::clone(&lost.name));
            oldest.and_then(|name| self.0.remove(&name));
        }
        let lost = LostNode {
            name: Arc::clone(&node.name),
            address: node.address,
            incarnation: node.incarnation,
            since: now,
        };
        self.0.insert(Arc::clone(&node.name), lost);
    }

    /// A node of this name is known again, wherever it is.
    pub(crate) fn remove(&mut self, name: &str) {
        self.0.remove(name);
    }

    /// One of them.
    pub(crate) fn choose(&mut self, now: Instant, random: &mut SplitMix64) -> Option<&LostNode> {
        self.0.retain(|_, lost| now - lost.since <= PATIENCE);
        if self.0.is_empty() {
            return None;
        }
        self.0.values().nth(index_below(random, self.0.len()))
    }
}

#[cfg(test)]
mod tests {
    use ferrolb_wire::memberlist::Versions;

    use super::*;

    fn node(number: usize, state: NodeState) -> Node {
        Node {
            name: format!("n{number}").into(),
            address: ([192, 0, 2, 1], 7946).into(),
            meta_octets: Box::default(),
            meta: None,
            versions: Versions::CURRENT,
            incarnation: 1,
            state,
            changed: Instant::ZERO,
            suspicion: None,
            conflict_told: None,
        }
    }

    #[test]
    fn only_those_that_failed_are_called_and_for_an_hour() {
        let (mut lost, mut random) = (Lost::default(), SplitMix64::new(1));
        lost.note(Instant::ZERO, &node(1, NodeState::Left));
        assert!(lost.choose(Instant::ZERO, &mut random).is_none());
        lost.note(Instant::ZERO, &node(2, NodeState::Dead));
        let last = Instant::ZERO + PATIENCE;
        assert_eq!(lost.choose(last, &mut random).map(|lost| &*lost.name), Some("n2"));
        assert!(lost.choose(last + Duration::from_nanos(1), &mut random).is_none());
    }

    #[test]
    fn the_oldest_makes_room_and_one_that_is_back_is_not_called() {
        let mut lost = Lost::default();
        for number in 0..=LOST_MAX {
            let now = Instant::from_millis(number as u64);
            lost.note(now, &node(number, NodeState::Dead));
        }
        assert_eq!((lost.0.len(), lost.0.contains_key("n0")), (LOST_MAX, false));
        lost.remove("n1");
        assert!(!lost.0.contains_key("n1"));
    }
}
