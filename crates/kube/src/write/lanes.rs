//! Which job goes next: at most one per key at a time, and the newest of each key.

use core::hash::Hash;
use std::collections::{HashMap, HashSet, VecDeque};

/// Jobs by key, in the order in which the keys began to wait.
#[derive(Debug)]
pub(super) struct Lanes<K, J> {
    waiting: HashMap<K, J>,
    /// Keys that wait and are not busy.
    order: VecDeque<K>,
    busy: HashSet<K>,
}

impl<K, J> Default for Lanes<K, J> {
    fn default() -> Self {
        Self {
            waiting: HashMap::new(),
            order: VecDeque::new(),
            busy: HashSet::new(),
        }
    }
}

impl<K: Hash + Eq + Clone, J> Lanes<K, J> {
    /// Adds a job; returns the one of the same key that it takes the place of.
    pub(super) fn push(&mut self, key: K, job: J) -> Option<J> {
        let replaced = self.waiting.insert(key.clone(), job);
        if replaced.is_none() && !self.busy.contains(&key) {
            self.order.push_back(key);
        }
        replaced
    }

    /// Takes the next job; its key is busy until [`Self::done`].
    pub(super) fn next(&mut self) -> Option<(K, J)> {
        let key = self.order.pop_front()?;
        let job = self.waiting.remove(&key)?;
        self.busy.insert(key.clone());
        Some((key, job))
    }

    /// The job of this key has ended.
    pub(super) fn done(&mut self, key: &K) {
        if self.busy.remove(key) && self.waiting.contains_key(key) {
            self.order.push_back(key.clone());
        }
    }

    /// Whether a job could be worked on and is not.
    pub(super) fn has_next(&self) -> bool {
        !self.order.is_empty()
    }

    /// Jobs that are being worked on.
    pub(super) fn busy(&self) -> usize {
        self.busy.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_take_turns_and_one_key_has_one_job_at_a_time() {
        let mut lanes = Lanes::default();
        assert_eq!(lanes.push("a", 1), None);
        lanes.push("b", 2);
        assert_eq!(lanes.next(), Some(("a", 1)));
        lanes.push("a", 3);
        assert_eq!(lanes.next(), Some(("b", 2)));
        assert_eq!(lanes.next(), None);
        lanes.done(&"a");
        assert!(lanes.has_next());
        assert_eq!((lanes.next(), lanes.busy()), (Some(("a", 3)), 2));
        assert!(!lanes.has_next());
        lanes.done(&"a");
        lanes.done(&"a");
        assert_eq!((lanes.next(), lanes.busy()), (None, 1));
    }

    #[test]
    fn a_newer_job_takes_the_place_of_a_waiting_one_and_keeps_its_turn() {
        let mut lanes = Lanes::default();
        lanes.push("a", 1);
        lanes.push("b", 2);
        assert_eq!(lanes.push("a", 3), Some(1));
        assert_eq!(lanes.next(), Some(("a", 3)));
        assert_eq!(lanes.next(), Some(("b", 2)));
        assert_eq!(lanes.next(), None);
    }
}
