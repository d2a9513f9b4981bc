//! Last known good: when more than half of the nodes are not ready at once, that is more likely a fault of the control plane than
//! of the nodes, and what follows from it, endpoints that are not ready any more, must not withdraw anything.

use std::collections::BTreeMap;

use ferrolb_api::facts::SliceFacts;
use ferrolb_types::{NodeName, ObjectKey};

/// What is known of the nodes' readiness, and the slices that wait until it is believed again.
#[derive(Debug, Default)]
pub(crate) struct Freeze {
    /// By node, whether it is not ready.
    nodes: BTreeMap<NodeName, bool>,
    not_ready: usize,
    /// The latest word on each; none: deleted.
    held: BTreeMap<ObjectKey, Option<SliceFacts>>,
}

impl Freeze {
    /// Takes in whether a node is not ready; none if it is gone.
    pub(crate) fn observe(&mut self, node: &NodeName, not_ready: Option<bool>) {
        let before = match not_ready {
            Some(not_ready) => self.nodes.insert(node.clone(), not_ready),
            None => self.nodes.remove(node),
        };
        self.not_ready -= usize::from(before == Some(true));
        self.not_ready += usize::from(not_ready == Some(true));
    }

    /// Whether what takes something away is not believed.
    pub(crate) fn is_on(&self) -> bool {
        2 * self.not_ready > self.nodes.len()
    }

    /// Keeps the latest word on a slice until it is believed.
    pub(crate) fn hold(&mut self, key: ObjectKey, word: Option<SliceFacts>) {
        self.held.insert(key, word);
    }

    /// Forgets an older word.
    pub(crate) fn forget(&mut self, key: &ObjectKey) {
        self.held.remove(key);
    }

    /// What was held, once it is believed.
    pub(crate) fn release(&mut self) -> BTreeMap<ObjectKey, Option<SliceFacts>> {
        if self.is_on() {
            return BTreeMap::new();
        }
        core::mem::take(&mut self.held)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_the_nodes_may_fail_and_more_are_not_believed() {
        let mut freeze = Freeze::default();
        assert!(!freeze.is_on(), "no node is no fault");
        for node in ["a", "b", "c", "d"] {
            freeze.observe(&node.into(), Some(false));
        }
        for (node, on) in [("a", false), ("b", false), ("c", true), ("d", true)] {
            freeze.observe(&node.into(), Some(true));
            assert_eq!(freeze.is_on(), on, "{node}");
        }
        for (node, on) in [("a", true), ("b", false)] {
            freeze.observe(&node.into(), None);
            freeze.observe(&node.into(), Some(false));
            assert_eq!(freeze.is_on(), on, "{node} is back");
        }
    }
}
