//! A map that forgets what has not been used for long.

use core::borrow::Borrow;
use core::hash::Hash;
use std::collections::HashMap;

/// Holds at least the `half` most recently used entries and at most twice as many, in constant time: when the young half
/// is full it becomes the old one, and what is still there of the former old one is forgotten.
#[derive(Debug)]
pub(super) struct Recent<K, V> {
    half: usize,
    young: HashMap<K, V>,
    old: HashMap<K, V>,
}

impl<K: Hash + Eq, V> Recent<K, V> {
    pub(super) fn new(half: usize) -> Self {
        Self {
            half,
            young: HashMap::new(),
            old: HashMap::new(),
        }
    }

    /// Takes out the entry of `key`; whoever uses it puts it back.
    pub(super) fn take<Q: Hash + Eq + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        self.young.remove(key).or_else(|| self.old.remove(key))
    }

    /// Adds or replaces an entry.
    pub(super) fn put(&mut self, key: K, value: V) {
        self.old.remove(&key);
        if self.young.len() >= self.half {
            self.old = core::mem::take(&mut self.young);
        }
        self.young.insert(key, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_stays_and_what_is_not_goes() {
        let mut recent = Recent::new(2);
        recent.put("used", 0);
        for (round, key) in ["a", "b", "c", "d"].into_iter().enumerate() {
            recent.put(key, 0);
            let used = recent.take("used").expect("used again and again");
            assert_eq!(used, round);
            recent.put("used", used + 1);
        }
        assert_eq!(recent.take("a"), None);
        assert!(recent.young.len() + recent.old.len() <= 4);
    }
}
