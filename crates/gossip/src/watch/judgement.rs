//! What watchers say about whom.

use std::collections::{BTreeMap, BTreeSet};

use ferrolb_types::Instant;

use crate::members::NodeId;
use crate::meta::Life;
use crate::watch::verdict::Evidence;

/// One watcher's word.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Word {
    pub(crate) silent: bool,
    /// Larger in later words of the same watcher in the same life; datagrams overtake each other.
    pub(crate) serial: u32,
    /// When the watcher heard the node last, if it ever did.
    pub(crate) heard: Option<Instant>,
    /// When it was said, or first was if it was only said again.
    pub(crate) since: Instant,
}

/// The last word of each watcher about each node.
#[derive(Debug, Default)]
pub(crate) struct Judgements {
    /// By node, then by watcher.
    words: BTreeMap<NodeId, BTreeMap<NodeId, Word>>,
    /// In which the words of each watcher were said.
    lives: BTreeMap<NodeId, Life>,
}

impl Judgements {
    /// `watcher` is in this life now. Forgets what it said in another one, since nobody would take it back, and tells about whom
    /// that was.
    pub(crate) fn begin_life(&mut self, watcher: NodeId, life: Life) -> BTreeSet<NodeId> {
        if self.lives.insert(watcher, life) == Some(life) {
            return BTreeSet::new();
        }
        self.forget_said_by(watcher)
    }

    /// The life in which `watcher` said its words, as far as known.
    pub(crate) fn life(&self, watcher: NodeId) -> Option<Life> {
        self.lives.get(&watcher).copied()
    }

    /// All that somebody does not hear.
    pub(crate) fn accused(&self) -> impl Iterator<Item = NodeId> {
        let accused = self.words.iter().filter(|(_, words)| is_accused(words));
        accused.map(|(node, _)| *node)
    }

    /// Who does not hear whom, and who contradicts that: node, watcher, its word.
    pub(crate) fn standing(&self) -> impl Iterator<Item = (NodeId, NodeId, &Word)> {
        let accused = self.words.iter().filter(|(_, words)| is_accused(words));
        accused.flat_map(|(node, words)| words.iter().map(|(watcher, word)| (*node, *watcher, word)))
    }

    /// Takes in a word, and tells whether it is not older than the last one.
    pub(crate) fn hear(&mut self, node: NodeId, watcher: NodeId, mut word: Word) -> bool {
        let words = self.words.entry(node).or_default();
        let newer = |known: &Word| word.serial.wrapping_sub(known.serial) < u32::MAX / 2;
        let known = words.get(&watcher);
        if !known.is_none_or(newer) {
            return false;
        }
        let same = known.filter(|known| known.silent == word.silent);
        word.since = same.map_or(word.since, |known| known.since);
        words.insert(watcher, word);
        true
    }

    /// Whether `watcher` does not hear `node`.
    pub(crate) fn is_silent_for(&self, node: NodeId, watcher: NodeId) -> bool {
        self.word(node, watcher).is_some_and(|word| word.silent)
    }

    /// The last word of `watcher` about `node`.
    pub(crate) fn word(&self, node: NodeId, watcher: NodeId) -> Option<&Word> {
        self.words.get(&node)?.get(&watcher)
    }

    /// Whether anybody for whom `counts` holds does not hear `node`.
    pub(crate) fn is_accused(&self, node: NodeId, counts: impl Fn(NodeId) -> bool) -> bool {
        let mut words = self.words.get(&node).into_iter().flatten();
        words.any(|(watcher, word)| word.silent && counts(*watcher))
    }

    /// What is said about `node`, where the words of those count for whom `counts` holds.
    pub(crate) fn evidence(&self, node: NodeId, counts: impl Fn(NodeId) -> bool) -> Evidence {
        let mut evidence = Evidence::default();
        for (watcher, word) in self.words.get(&node).into_iter().flatten() {
            evidence.is_accused |= word.silent;
            match word.silent {
                _ if !counts(*watcher) => {}
                true => {
                    evidence.accusers += 1;
                    evidence.since = Some(evidence.since.map_or(word.since, |at| at.min(word.since)));
                }
                false => evidence.is_contradicted = true,
            }
        }
        evidence
    }

    /// When one of those who do not hear `node` any more heard it last.
    pub(crate) fn last_heard(&self, node: NodeId) -> Option<Instant> {
        let words = self.words.get(&node)?.values();
        words
            .filter(|word| word.silent)
            .filter_map(|word| word.heard)
            .max()
    }

    pub(crate) fn forget(&mut self, node: NodeId, watcher: NodeId) {
        if let Some(words) = self.words.get_mut(&node) {
            words.remove(&watcher);
            if words.is_empty() {
                self.words.remove(&node);
            }
        }
    }

    /// Forgets all that was said about `gone` and by it, and tells about whom it had said something.
    pub(crate) fn forget_all(&mut self, gone: NodeId) -> BTreeSet<NodeId> {
        self.words.remove(&gone);
        self.lives.remove(&gone);
        self.forget_said_by(gone)
    }

    /// About whom `watcher` has said something.
    pub(crate) fn judged_by(&self, watcher: NodeId) -> BTreeSet<NodeId> {
        let judged = self
            .words
            .iter()
            .filter(|(_, words)| words.contains_key(&watcher));
        judged.map(|(node, _)| *node).collect()
    }

    fn forget_said_by(&mut self, watcher: NodeId) -> BTreeSet<NodeId> {
        let judged = self.judged_by(watcher);
        judged.iter().for_each(|node| self.forget(*node, watcher));
        judged
    }
}

fn is_accused(words: &BTreeMap<NodeId, Word>) -> bool {
    words.values().any(|word| word.silent)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many do not hear `node`.
    fn silent(judgements: &Judgements, node: NodeId) -> usize {
        judgements.evidence(node, |_| true).accusers
    }

    const NODE: NodeId = NodeId(1);

    const fn word(silent: bool, serial: u32) -> Word {
        Word {
            silent,
            serial,
            heard: Some(Instant::from_millis(serial as u64)),
            since: Instant::from_millis(serial as u64),
        }
    }

    #[test]
    fn an_older_word_does_not_replace_a_newer_one() {
        let mut judgements = Judgements::default();
        assert!(judgements.hear(NODE, NodeId(2), word(true, 5)));
        assert!(judgements.hear(NODE, NodeId(2), word(false, 6)));
        assert!(!judgements.hear(NODE, NodeId(2), word(true, 5)));
        assert_eq!(silent(&judgements, NODE), 0);
        assert!(judgements.hear(NODE, NodeId(3), word(true, 1)));
        assert_eq!(silent(&judgements, NODE), 1);
    }

    #[test]
    fn a_watcher_that_has_started_again_counts_from_the_beginning_and_takes_back_what_it_had_said() {
        let mut judgements = Judgements::default();
        assert!(judgements.begin_life(NodeId(2), Life(7)).is_empty());
        judgements.hear(NODE, NodeId(2), word(true, 500));
        assert!(
            judgements.begin_life(NodeId(2), Life(7)).is_empty(),
            "it is the same"
        );
        assert_eq!(silent(&judgements, NODE), 1);
        assert_eq!(judgements.begin_life(NodeId(2), Life(8)), BTreeSet::from([NODE]));
        assert_eq!(silent(&judgements, NODE), 0);
        assert!(judgements.hear(NODE, NodeId(2), word(true, 1)));
        assert_eq!(silent(&judgements, NODE), 1);
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
        assert_eq!(silent(&judgements, NODE), 1);
        assert!(judgements.forget_all(NODE).is_empty());
        assert_eq!(silent(&judgements, NODE), 0);
    }

    #[test]
    fn a_word_that_is_said_again_stands_since_it_was_said_first() {
        let mut judgements = Judgements::default();
        let since = |judgements: &Judgements| judgements.evidence(NODE, |_| true).since;
        for (said, stands) in [
            (word(true, 5), Some(5)),
            (word(true, 9), Some(5)),
            (word(false, 10), None),
            (word(true, 11), Some(11)),
        ] {
            judgements.hear(NODE, NodeId(2), said);
            assert_eq!(since(&judgements), stands.map(Instant::from_millis));
        }
    }

    #[test]
    fn words_of_those_that_do_not_count_neither_accuse_nor_contradict() {
        let mut judgements = Judgements::default();
        judgements.hear(NODE, NodeId(2), word(true, 1));
        judgements.hear(NODE, NodeId(3), word(false, 1));
        let all = judgements.evidence(NODE, |_| true);
        assert_eq!(
            (all.accusers, all.is_contradicted, all.is_accused),
            (1, true, true)
        );
        let none = judgements.evidence(NODE, |_| false);
        assert_eq!(
            (none.accusers, none.is_contradicted, none.is_accused),
            (0, false, true)
        );
        assert!(!judgements.is_accused(NODE, |watcher| watcher == NodeId(3)));
    }

    #[test]
    fn whoever_is_told_what_stands_is_told_the_contradictions_too() {
        let mut judgements = Judgements::default();
        judgements.hear(NODE, NodeId(2), word(true, 1));
        judgements.hear(NODE, NodeId(3), word(false, 1));
        judgements.hear(NodeId(4), NodeId(3), word(false, 2));
        let told: Vec<_> = judgements
            .standing()
            .map(|(node, watcher, _)| (node, watcher))
            .collect();
        assert_eq!(told, [(NODE, NodeId(2)), (NODE, NodeId(3))]);
    }
}
