//! What this node says about others, and when it says it again.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use ferrolb_types::Instant;

use crate::members::NodeId;

/// When an accusation is told again after the first time; then every [`RENEW`], because the messages may be lost and nodes join.
const REPEATS: [Duration; 2] = [Duration::from_millis(50), Duration::from_millis(100)];
const RENEW: Duration = Duration::from_secs(2);
/// That a node is heard is told so often, with this time between. It has to arrive before a lone accusation counts, which takes
/// 300 ms ([`LONE_WORD_STANDS`](crate::watch::verdict::LONE_WORD_STANDS)).
///
/// With a fifth of the packets lost, a contradictor gets the accusation with one of its three packets but for 1 of 125 times, and
/// all that it then says in time gets lost 1 of 2,500 times. A false accusation of a node with five others that hear it puts
/// it out at a given node with a probability below 10⁻¹⁰.
const HEARD_TIMES: usize = 6;
const HEARD_INTERVAL: Duration = Duration::from_millis(50);

/// This node's last word about another.
#[derive(Clone, Copy, Debug)]
struct OwnWord {
    silent: bool,
    /// How often it has been told.
    times: usize,
    told_at: Option<Instant>,
    /// When to tell it, if at all.
    due: Option<Instant>,
    /// Others may have heard that the node is silent.
    is_known: bool,
}

/// A word that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Due {
    pub(crate) node: NodeId,
    pub(crate) silent: bool,
    /// It is not only a renewal.
    pub(crate) is_news: bool,
}

/// At most one word about each node.
#[derive(Debug, Default)]
pub(crate) struct OwnWords {
    words: BTreeMap<NodeId, OwnWord>,
    /// How many of them say that a node is silent.
    silent: usize,
    /// Of whom it said so when they were given up.
    left_standing: BTreeSet<NodeId>,
}

impl OwnWords {
    /// `node` is not heard: to be told at `due`, or to be kept to itself.
    pub(crate) fn accuse(&mut self, node: NodeId, due: Option<Instant>) {
        let is_known = self.words.get(&node).is_some_and(|word| word.is_known);
        let word = OwnWord {
            silent: true,
            times: 0,
            told_at: None,
            due,
            is_known,
        };
        self.set(node, Some(word));
    }

    /// `node` is heard, and somebody may believe that it is not. Whoever says so again and again is not answered each time.
    pub(crate) fn contradict(&mut self, node: NodeId, now: Instant) {
        let former = self.words.get(&node).copied();
        match former {
            Some(word) if word.silent && !word.is_known => return self.set(node, None),
            Some(word) if !word.silent && word.told_at.is_none_or(|at| now - at < RENEW) => return,
            _ => {}
        }
        let word = OwnWord {
            silent: false,
            times: 0,
            told_at: None,
            due: Some(now),
            is_known: false,
        };
        self.left_standing.remove(&node);
        self.set(node, Some(word));
    }

    /// Says nothing about `node` any more, and remembers whether the last word was that it is silent: others may still count it.
    pub(crate) fn lapse(&mut self, node: NodeId) {
        if self
            .words
            .get(&node)
            .is_some_and(|word| word.silent && word.is_known)
        {
            self.left_standing.insert(node);
        }
        self.set(node, None);
    }

    pub(crate) fn forget(&mut self, node: NodeId) {
        self.left_standing.remove(&node);
        self.set(node, None);
    }

    /// Whether the last word about `node` was that it is silent, and this node stopped watching it then.
    pub(crate) fn is_left_standing(&self, node: NodeId) -> bool {
        self.left_standing.contains(&node)
    }

    /// Says what was kept back about `node`, or was said before, from `at` on as if it were new.
    pub(crate) fn begin_anew(&mut self, node: NodeId, at: Instant) {
        if let Some(word) = self.words.get_mut(&node) {
            (word.times, word.due) = (0, Some(at));
        }
    }

    fn set(&mut self, node: NodeId, word: Option<OwnWord>) {
        self.silent += usize::from(word.is_some_and(|word| word.silent));
        let former = match word {
            Some(word) => self.words.insert(node, word),
            None => self.words.remove(&node),
        };
        self.silent -= usize::from(former.is_some_and(|word| word.silent));
    }

    pub(crate) fn contains(&self, node: NodeId) -> bool {
        self.words.contains_key(&node)
    }

    pub(crate) fn is_silent(&self, node: NodeId) -> bool {
        self.words.get(&node).is_some_and(|word| word.silent)
    }

    /// Whether everything has been said about `node`, and nothing against it.
    pub(crate) fn is_settled(&self, node: NodeId) -> bool {
        let word = self.words.get(&node);
        word.is_some_and(|word| !word.silent && word.due.is_none())
    }

    /// All that are not heard.
    pub(crate) fn silent(&self) -> impl Iterator<Item = NodeId> {
        let silent = self.words.iter().filter(|(_, word)| word.silent);
        silent.map(|(node, _)| *node)
    }

    pub(crate) const fn silent_count(&self) -> usize {
        self.silent
    }

    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.words.values().filter_map(|word| word.due).min()
    }

    /// What is to be said now. Renewals that are due soon come along, so that they need no packets of their own.
    pub(crate) fn take_due(&mut self, now: Instant) -> Vec<Due> {
        if self.next_due().is_none_or(|due| due > now) {
            return Vec::new();
        }
        let mut taken = Vec::new();
        for (node, word) in &mut self.words {
            let is_news = !word.silent || word.times <= REPEATS.len();
            let latest = if is_news { now } else { now + RENEW / 2 };
            if word.due.is_some_and(|due| due <= latest) {
                taken.push(Due {
                    node: *node,
                    silent: word.silent,
                    is_news,
                });
                word.tell(now);
            }
        }
        taken
    }
}

impl OwnWord {
    fn tell(&mut self, now: Instant) {
        self.times += 1;
        self.told_at = Some(now);
        self.is_known = self.silent;
        self.due = if self.silent {
            let pause = REPEATS.get(self.times - 1).copied().unwrap_or(RENEW);
            Some(now + pause)
        } else {
            (self.times < HEARD_TIMES).then_some(now + HEARD_INTERVAL)
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NODE: NodeId = NodeId(1);

    const fn at(ms: u64) -> Instant {
        Instant::from_millis(ms)
    }

    /// When something is said, until `end`.
    fn times(own: &mut OwnWords, end: u64) -> Vec<Instant> {
        let mut times = Vec::new();
        while let Some(due) = own.next_due().filter(|due| *due <= at(end)) {
            assert!(!own.take_due(due).is_empty());
            times.push(due);
        }
        times
    }

    #[test]
    fn an_accusation_is_told_three_times_and_then_renewed() {
        let mut own = OwnWords::default();
        own.accuse(NODE, Some(at(0)));
        assert_eq!(times(&mut own, 5000), [0, 50, 150, 2150, 4150].map(at));
        assert!(own.is_silent(NODE) && own.silent_count() == 1);
    }

    #[test]
    fn that_a_node_is_heard_is_told_six_times_and_again_after_two_seconds_at_the_earliest() {
        let mut own = OwnWords::default();
        own.contradict(NODE, at(0));
        assert_eq!(times(&mut own, 5000), [0, 50, 100, 150, 200, 250].map(at));
        assert!(own.is_settled(NODE));
        own.contradict(NODE, at(2249));
        assert_eq!(own.next_due(), None);
        own.contradict(NODE, at(2250));
        assert_eq!(own.next_due(), Some(at(2250)));
    }

    #[test]
    fn what_nobody_has_heard_needs_no_taking_back() {
        let mut own = OwnWords::default();
        own.accuse(NODE, None);
        assert_eq!((own.next_due(), own.is_silent(NODE)), (None, true));
        own.contradict(NODE, at(1));
        assert!(!own.contains(NODE) && own.silent_count() == 0);
        own.accuse(NODE, Some(at(2)));
        own.take_due(at(2));
        own.contradict(NODE, at(3));
        assert_eq!(own.next_due(), Some(at(3)), "this they may have heard");
    }

    #[test]
    fn renewals_come_along_with_other_words() {
        let mut own = OwnWords::default();
        own.accuse(NODE, Some(at(0)));
        times(&mut own, 200);
        own.accuse(NodeId(2), Some(at(1200)));
        assert_eq!(own.take_due(at(1200)).len(), 2);
    }

    #[test]
    fn a_word_about_a_node_that_is_given_up_is_remembered_only_if_it_was_told() {
        let mut own = OwnWords::default();
        own.accuse(NODE, Some(at(0)));
        own.accuse(NodeId(2), None);
        own.take_due(at(0));
        own.lapse(NODE);
        own.lapse(NodeId(2));
        assert_eq!(own.next_due(), None);
        assert_eq!(
            [NODE, NodeId(2)].map(|node| own.is_left_standing(node)),
            [true, false]
        );
        assert!(!own.contains(NODE) && own.silent_count() == 0);
        own.contradict(NODE, at(9));
        assert!(!own.is_left_standing(NODE));
    }
}
