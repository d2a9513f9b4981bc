//! A set of numbers, kept as disjoint runs: "lowest member" costs O(log n) however many members there are.

use std::collections::BTreeMap;

/// Numbers as maximal inclusive runs: first to last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct IntervalSet {
    /// Disjoint, never adjacent.
    runs: BTreeMap<u128, u128>,
}

impl IntervalSet {
    /// All numbers from zero to `last`.
    pub(crate) fn up_to(last: u128) -> Self {
        Self {
            runs: BTreeMap::from([(0, last)]),
        }
    }

    /// The lowest member.
    pub(crate) fn first(&self) -> Option<u128> {
        self.runs.first_key_value().map(|(first, _)| *first)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    #[cfg(test)]
    pub(crate) fn contains(&self, n: u128) -> bool {
        self.run_around(n).is_some()
    }

    /// Adds `n`; false if it was a member.
    pub(crate) fn insert(&mut self, n: u128) -> bool {
        if self.run_around(n).is_some() {
            return false;
        }
        // A run that begins right behind `n` grows down to it; one that ends right before it grows up.
        let above = n.checked_add(1).and_then(|next| self.runs.remove(&next));
        let last = above.unwrap_or(n);
        let below = n
            .checked_sub(1)
            .and_then(|previous| self.runs.range_mut(..=previous).next_back())
            .filter(|(_, end)| **end + 1 == n);
        match below {
            Some((_, end)) => *end = last,
            None => {
                self.runs.insert(n, last);
            }
        }
        true
    }

    /// Removes `n`; false if it was no member.
    pub(crate) fn remove(&mut self, n: u128) -> bool {
        let Some((first, last)) = self.run_around(n) else {
            return false;
        };
        if first == n {
            self.runs.remove(&first);
        } else {
            self.runs.insert(first, n - 1);
        }
        if n < last {
            self.runs.insert(n + 1, last);
        }
        true
    }

    fn run_around(&self, n: u128) -> Option<(u128, u128)> {
        let (first, last) = self.runs.range(..=n).next_back()?;
        (n <= *last).then_some((*first, *last))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_ends_of_the_number_line_are_members_like_others() {
        let mut set = IntervalSet::up_to(u128::MAX);
        set.remove(u128::MAX);
        set.remove(0);
        assert_eq!(set.first(), Some(1));
        assert!(!set.contains(u128::MAX));
        set.insert(u128::MAX);
        set.insert(0);
        assert_eq!(set, IntervalSet::up_to(u128::MAX));
    }

    #[test]
    fn an_empty_set_has_no_first() {
        let mut set = IntervalSet::up_to(0);
        set.remove(0);
        assert!(set.is_empty());
        assert_eq!(set.first(), None);
    }

    fn runs_are_maximal(set: &IntervalSet) -> bool {
        let runs: Vec<_> = set.runs.iter().collect();
        runs.iter().all(|(first, last)| first <= last)
            && runs
                .windows(2)
                .all(|w| w[0].1.checked_add(1).is_some_and(|next| next < *w[1].0))
    }

    proptest! {
        #[test]
        fn behaves_like_a_set_of_numbers(
            last in 0u128..64,
            steps in prop::collection::vec((any::<bool>(), 0u128..64), 0..200),
        ) {
            let mut set = IntervalSet::up_to(last);
            let mut naive: BTreeSet<u128> = (0..=last).collect();
            for (add, n) in steps {
                if add {
                    prop_assert_eq!(set.insert(n), naive.insert(n));
                } else {
                    prop_assert_eq!(set.remove(n), naive.remove(&n));
                }
                prop_assert_eq!(set.first(), naive.first().copied());
                prop_assert_eq!(set.is_empty(), naive.is_empty());
                prop_assert!(runs_are_maximal(&set));
            }
            for n in 0..64 {
                prop_assert_eq!(set.contains(n), naive.contains(&n));
            }
        }
    }
}
