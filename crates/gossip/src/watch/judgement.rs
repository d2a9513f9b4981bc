//! What watchers say about whom.

use std::collections::{BTreeMap, BTreeSet};

use ferrolb_types::Instant;

use crate::members::NodeId;

/// One watcher's word.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Word {
    pub(crate) silent: bool,
    /// Larger in later words of the same watcher; datagrams overtake each other.
    pub(crate) serial: u32,
    /// When the watcher heard the node last, if it ever did.
    pub(crate) heard: Option<Instant>,
}

/// The last word of each watcher about each node.
#[derive(Debug, Default)]
pub(crate) struct Judgements(BTreeMap<NodeId, BTreeMap<NodeId, Word>>);

impl Judgements {
    /// Takes in a word, and tells whether it is not older than the last one.
    pub(crate) fn hear(&mut self, node: NodeId, watcher: NodeId, word: Word) -> bool {
        let words = self.0.entry(node).or_default();
        let newer = |known: &Word| word.serial.wrapping_sub(known.serial) < u32::MAX / 2;
        if !words.get(&watcher).is_none_or(newer) {
            return false;
        }
        words.insert(watcher, word);
        true
    }

    /// Who does not hear `node`.
    pub(crate) fn silent(&self, node: NodeId) -> usize {
        self.0
            .get(&node)
            .map_or(0, |words| words.values().filter(|word| word.silent).count())
    }

    /// When one of those who do not hear `node` any more heard it last.
    pub(crate) fn last_heard(&self, node: NodeId) -> Option<Instant> {
        let words = self.0.get(&node)?.values();
        words
            .filter(|word| word.silent)
            .filter_map(|word| word.heard)
            .max()
    }

    pub(crate) fn forget(&mut self, node: NodeId, watcher: NodeId) {
        if let Some(words) = self.0.get_mut(&node) {
            words.remove(&watcher);
            if words.is_empty() {
                self.0.remove(&node);
            }
        }
    }

    /// Forgets all that was said about `gone` and by it, and tells about whom it had said something.
    pub(crate) fn forget_all(&mut self, gone: NodeId) -> BTreeSet<NodeId> {
        self.0.remove(&gone);
        let judged: BTreeSet<NodeId> = self
            .0
            .iter()
            .filter(|(_, words)| words.contains_key(&gone))
            .map(|(node, _)| *node)
            .collect();
        judged.iter().for_each(|node| self.forget(*node, gone));
        judged
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NODE: NodeId = NodeId(1);

    const fn word(silent: bool, serial: u32) -> Word {
        Word {
            silent,
            serial,
            heard: Some(Instant::from_millis(serial as u64)),
        }
    }

    #[test]
    fn an_older_word_does_not_replace_a_newer_one() {
        let mut judgements = Judgements::default();
        assert!(judgements.hear(NODE, NodeId(2), word(true, 5)));
        assert!(judgements.hear(NODE, NodeId(2), word(false, 6)));
        assert!(!judgements.hear(NODE, NodeId(2), word(true, 5)));
        assert_eq!(judgements.silent(NODE), 0);
        assert!(judgements.hear(NODE, NodeId(3), word(true, 1)));
        assert_eq!(judgements.silent(NODE), 1);
    }

    #[test]
    fn the_last_sign_of_life_is_the_latest_of_those_who_do_not_hear_it_any_more() {
        let mut judgements = Judgements::default();
        assert_eq!(judgements.last_heard(NODE), None);
        for (watcher, word) in [(2, word(true, 5)), (3, word(true, 7)), (4, word(false, 9))] {
            judgements.hear(NODE, NodeId(watcher), word);
        }
        assert_eq!(judgements.last_heard(NODE), Some(Instant::from_millis(7)));
    }

    #[test]
    fn the_words_of_a_node_that_is_gone_do_not_count() {
        let mut judgements = Judgements::default();
        judgements.hear(NODE, NodeId(2), word(true, 1));
        judgements.hear(NODE, NodeId(3), word(true, 1));
        assert_eq!(judgements.forget_all(NodeId(2)), BTreeSet::from([NODE]));
        assert_eq!(judgements.silent(NODE), 1);
        assert!(judgements.forget_all(NODE).is_empty());
        assert_eq!(judgements.silent(NODE), 0);
    }
}
