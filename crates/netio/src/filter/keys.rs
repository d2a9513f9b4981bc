//! A set of 32-bit keys as ranges, which can be made smaller by letting foreign keys in.

/// An inclusive run of keys, `first <= last`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct KeyRange {
    pub(super) first: u32,
    pub(super) last: u32,
}

/// Disjoint ranges, ascending, with at least one foreign key between any two.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct KeyRanges(Vec<KeyRange>);

impl FromIterator<u32> for KeyRanges {
    fn from_iter<I: IntoIterator<Item = u32>>(keys: I) -> Self {
        let mut keys: Vec<u32> = keys.into_iter().collect();
        keys.sort_unstable();
        let mut ranges: Vec<KeyRange> = Vec::new();
        for key in keys {
            match ranges.last_mut() {
                Some(range) if key <= range.last.saturating_add(1) => range.last = key,
                _ => ranges.push(KeyRange {
                    first: key,
                    last: key,
                }),
            }
        }
        Self(ranges)
    }
}

impl KeyRanges {
    pub(super) fn as_slice(&self) -> &[KeyRange] {
        &self.0
    }

    /// Joins neighbours until at most `max` ranges (at least one) are left, the smallest gaps first, which
    /// lets in as few foreign keys as possible. Returns how many those are.
    pub(super) fn join_until(&mut self, max: usize) -> u64 {
        let Some(excess) = self.0.len().checked_sub(max.max(1)).filter(|&n| n > 0) else {
            return 0;
        };
        let mut gaps: Vec<(u32, usize)> = self.0.windows(2).map(gap).zip(1..).collect();
        gaps.select_nth_unstable(excess - 1);
        let closed = &gaps[..excess];
        let foreign = closed.iter().map(|&(size, _)| u64::from(size)).sum();
        let mut joins: Vec<bool> = vec![false; self.0.len()];
        for &(_, right) in closed {
            joins[right] = true;
        }
        self.join_marked(&joins);
        foreign
    }

    /// Joins each marked range to the one on its left.
    fn join_marked(&mut self, joins: &[bool]) {
        let mut joined: Vec<KeyRange> = Vec::new();
        for (range, &join) in self.0.iter().zip(joins) {
            match joined.last_mut() {
                Some(left) if join => left.last = range.last,
                _ => joined.push(*range),
            }
        }
        self.0 = joined;
    }
}

/// Keys strictly between two neighbours.
fn gap(pair: &[KeyRange]) -> u32 {
    pair[1].first - pair[0].last - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranges(keys: &[u32], max: usize) -> (Vec<(u32, u32)>, u64) {
        let mut ranges: KeyRanges = keys.iter().copied().collect();
        let foreign = ranges.join_until(max);
        (ranges.0.iter().map(|r| (r.first, r.last)).collect(), foreign)
    }

    #[test]
    fn keys_in_a_row_are_one_range() {
        assert_eq!(ranges(&[7, 5, 6, 6, 9], 9), (vec![(5, 7), (9, 9)], 0));
        assert_eq!(
            ranges(&[u32::MAX, u32::MAX - 1, 0], 9),
            (vec![(0, 0), (u32::MAX - 1, u32::MAX)], 0)
        );
        assert_eq!(ranges(&[], 9), (vec![], 0));
    }

    #[test]
    fn the_smallest_gaps_are_closed_first() {
        assert_eq!(
            ranges(&[1, 100, 103, 200], 3),
            (vec![(1, 1), (100, 103), (200, 200)], 2)
        );
        assert_eq!(ranges(&[1, 100, 103, 200], 1), (vec![(1, 200)], 196));
        assert_eq!(ranges(&[1, 100], 0), (vec![(1, 100)], 98));
    }
}
