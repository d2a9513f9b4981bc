//! Ranges of keys in the form that costs a program least.
//!
//! A pool of addresses of which this node holds a part is neither a range nor few single keys. Such a part is told
//! exactly by one bit for each key of a word of 32:
//!
//! ```text
//!   held       10 13 16 19 22 25 28 31   33 36 … 61    64–95    700
//!   segments   word 0–31, 8 bits set     word 32–63    range    single
//!   costs      4 instructions            3             2        1
//! ```

use super::keys::KeyRange;

/// Keys in a word: as many as a comparison has bits.
const WORD: u32 = 32;

/// Keys from `first` to `last`: all of them, or those whose bit is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) first: u32,
    pub(super) last: u32,
    /// Bit n is for the key whose last five bits are n; none for all keys.
    pub(super) bits: Option<u32>,
}

impl Segment {
    pub(super) const fn of_range(range: KeyRange) -> Self {
        let KeyRange { first, last } = range;
        Self {
            first,
            last,
            bits: None,
        }
    }

    pub(super) const fn is_single(&self) -> bool {
        self.first == self.last && self.bits.is_none()
    }

    /// Instructions that tell whether a key is in it, at most.
    const fn cost(&self) -> usize {
        match (self.bits, self.is_single()) {
            (Some(_), _) => 4,
            (None, true) => 1,
            (None, false) => 2,
        }
    }
}

/// `ranges` exactly, ascending and disjoint: words where that costs less than their ranges one by one.
pub(super) fn segments(ranges: &[KeyRange]) -> Vec<Segment> {
    let mut segments = Vec::new();
    let mut rest = ranges;
    while let Some(next) = rest.first() {
        let end = next.first | (WORD - 1);
        let count = rest.iter().take_while(|range| range.last <= end).count();
        let (inside, behind) = rest.split_at(count.max(1));
        let apart = inside.iter().copied().map(Segment::of_range);
        if apart.clone().map(|segment| segment.cost()).sum::<usize>() > 4 {
            let floor = segments
                .last()
                .map_or(0, |before: &Segment| before.last.saturating_add(1));
            segments.push(word(inside, floor, behind));
        } else {
            segments.extend(apart);
        }
        rest = behind;
    }
    segments
}

/// The ranges `inside` one word as bits. The segment reaches as far in the word as its neighbours leave room, so that the
/// one behind can begin where it ends.
fn word(inside: &[KeyRange], floor: u32, behind: &[KeyRange]) -> Segment {
    let begin = inside[0].first & !(WORD - 1);
    let ceiling = behind.first().map_or(u32::MAX, |next| next.first - 1);
    let mask = |range: &KeyRange| u32::MAX >> (WORD - 1 - (range.last - range.first)) << (range.first % WORD);
    Segment {
        first: begin.max(floor),
        last: (begin | (WORD - 1)).min(ceiling),
        bits: Some(inside.iter().map(mask).fold(0, |bits, more| bits | more)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::keys::KeyRanges;
    use super::*;

    fn of(keys: impl IntoIterator<Item = u32>) -> Vec<(u32, u32, Option<u32>)> {
        let ranges: KeyRanges = keys.into_iter().collect();
        let segments = segments(ranges.as_slice());
        segments.iter().map(|s| (s.first, s.last, s.bits)).collect()
    }

    #[test]
    fn few_keys_and_runs_stay_what_they_are() {
        assert_eq!(of([1, 5, 9, 13]), [1, 5, 9, 13].map(|key| (key, key, None)));
        assert_eq!(of(10..100), [(10, 99, None)]);
        assert_eq!(of([]), []);
    }

    #[test]
    fn many_keys_of_a_word_are_its_bits() {
        assert_eq!(of([33, 35, 37, 39, 63]), [(32, 63, Some(0x8000_00aa))]);
        assert_eq!(of([32, 34, 36, 37, 40]), [(32, 63, Some(0x0000_0135))]);
    }

    #[test]
    fn a_word_ends_where_a_range_over_its_border_begins() {
        let keys = [0, 2, 4, 6, 8]
            .into_iter()
            .chain(30..40)
            .chain([42, 44, 46, 48, 50]);
        assert_eq!(
            of(keys),
            [(0, 29, Some(0x155)), (30, 39, None), (40, 63, Some(0x0005_5400))]
        );
    }

    #[test]
    fn the_last_word_and_the_first_are_words_too() {
        let ends = [
            0,
            2,
            4,
            6,
            8,
            u32::MAX,
            u32::MAX - 2,
            u32::MAX - 4,
            u32::MAX - 6,
            u32::MAX - 8,
        ];
        assert_eq!(
            of(ends),
            [(0, 31, Some(0x155)), (u32::MAX - 31, u32::MAX, Some(0xaa80_0000))]
        );
    }
}
