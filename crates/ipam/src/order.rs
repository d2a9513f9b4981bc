//! The order in which a pool hands out the addresses of one family, as numbers without gaps.
//!
//! ```text
//!   spec.addresses   192.0.2.8/30         192.0.2.0-192.0.2.2
//!   position         0    1    2    3     4    5    6
//!   address          .8   .9   .10  .11   .0   .1   .2
//! ```
//!
//! "Lowest free address" is then the lowest free position, whatever the order of the spec (controller 15.2). With
//! `avoidBuggyIPs` the addresses that are left out have no position, so they cost nothing.

use core::net::IpAddr;

use ferrolb_api::resolved::{Pool, is_buggy};
use ferrolb_types::IpFamily;
use ferrolb_types::address::{addr_of, bits_of};

/// Positions of one family of one pool.
#[derive(Clone, Debug)]
pub(crate) struct AddressOrder {
    family: IpFamily,
    avoid_buggy: bool,
    /// In order of position.
    runs: Vec<Run>,
    /// Indices into `runs`, in order of address.
    by_address: Vec<usize>,
}

/// Consecutive addresses, as numbers, of which both ends count, and the position of the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Run {
    first: u128,
    last: u128,
    base: u128,
}

impl AddressOrder {
    pub(crate) fn new(pool: &Pool, family: IpFamily) -> Self {
        let mut order = Self {
            family,
            avoid_buggy: pool.avoid_buggy_ips && family == IpFamily::V4,
            runs: Vec::new(),
            by_address: Vec::new(),
        };
        for net in pool.prefixes().filter(|net| IpFamily::of(net.addr()) == family) {
            order.push(bits_of(net.network()), bits_of(net.broadcast()));
        }
        order.by_address = (0..order.runs.len()).collect();
        order.by_address.sort_by_key(|&i| order.runs[i].first);
        order
    }

    /// Appends a prefix; one that continues the last run extends it.
    fn push(&mut self, first: u128, last: u128) {
        let Some((first, last)) = self.trim(first, last) else {
            return;
        };
        let base = self.last_position().map_or(Some(0), |p| p.checked_add(1));
        match self.runs.last_mut() {
            Some(run) if run.last.checked_add(1) == Some(first) => run.last = last,
            // All positions are given out only by `::/0`, beside which there is no other prefix.
            _ => self.runs.extend(base.map(|base| Run { first, last, base })),
        }
    }

    /// The run without ends that do not count, if anything is left. Two such addresses are never followed by a third.
    fn trim(&self, first: u128, last: u128) -> Option<(u128, u128)> {
        let first = (first..=last).take(3).find(|n| self.counts(*n))?;
        let last = (first..=last).rev().take(3).find(|n| self.counts(*n))?;
        Some((first, last))
    }

    /// The highest position, if there is any address.
    pub(crate) fn last_position(&self) -> Option<u128> {
        let run = self.runs.last()?;
        Some(run.base + (self.rank(run.last) - self.rank(run.first)))
    }

    /// The position of `addr`, if the pool owns it.
    pub(crate) fn position(&self, addr: IpAddr) -> Option<u128> {
        let n = bits_of(addr);
        let at = self.by_address.partition_point(|&i| self.runs[i].first <= n);
        let run = self.runs[self.by_address[at.checked_sub(1)?]];
        (IpFamily::of(addr) == self.family && n <= run.last && self.counts(n))
            .then(|| run.base + (self.rank(n) - self.rank(run.first)))
    }

    /// The address at `position`, which must exist.
    pub(crate) fn address(&self, position: u128) -> IpAddr {
        let at = self.runs.partition_point(|run| run.base <= position);
        let run = self.runs[at.saturating_sub(1)];
        addr_of(
            self.family,
            self.at_rank(self.rank(run.first) + (position - run.base)),
        )
    }

    fn counts(&self, n: u128) -> bool {
        !(self.avoid_buggy && is_buggy(addr_of(self.family, n)))
    }

    /// How many addresses below `n` count, of all of the family.
    fn rank(&self, n: u128) -> u128 {
        if !self.avoid_buggy {
            return n;
        }
        (n >> 8) * USABLE_PER_BLOCK + (n & 0xff).saturating_sub(1).min(USABLE_PER_BLOCK)
    }

    /// The address of which exactly `rank` lower ones count, and which counts itself.
    fn at_rank(&self, rank: u128) -> u128 {
        if !self.avoid_buggy {
            return rank;
        }
        (rank / USABLE_PER_BLOCK) * 256 + rank % USABLE_PER_BLOCK + 1
    }
}

/// Of 256 addresses, those that end in neither 0 nor 255.
const USABLE_PER_BLOCK: u128 = 254;

#[cfg(test)]
mod tests {
    use ferrolb_api::resolved::AddressEntry;
    use ferrolb_types::{IpRange, Labels};
    use proptest::prelude::*;

    use super::*;

    fn pool(avoid_buggy_ips: bool, ranges: &[IpRange]) -> Pool {
        let entry = |range: &IpRange| AddressEntry {
            text: range.to_string().into(),
            prefixes: range.prefixes(),
        };
        Pool {
            name: "p".into(),
            labels: Labels::default(),
            entries: ranges.iter().map(entry).collect(),
            auto_assign: true,
            avoid_buggy_ips,
            allocation: None,
            release_delay: core::time::Duration::ZERO,
            max_per_namespace: None,
        }
    }

    fn addresses(avoid_buggy: bool, ranges: &[&str]) -> Vec<String> {
        let ranges: Vec<IpRange> = ranges.iter().map(|r| r.parse().unwrap()).collect();
        let order = AddressOrder::new(&pool(avoid_buggy, &ranges), IpFamily::V4);
        let last = order.last_position();
        (0..last.map_or(0, |l| l + 1))
            .map(|p| order.address(p).to_string())
            .collect()
    }

    #[test]
    fn the_order_is_that_of_the_spec_and_ascending_within_an_entry() {
        assert_eq!(
            addresses(false, &["1.2.3.4/31", "1.2.3.1-1.2.3.3"]),
            ["1.2.3.4", "1.2.3.5", "1.2.3.1", "1.2.3.2", "1.2.3.3"]
        );
    }

    #[test]
    fn buggy_addresses_have_no_position() {
        assert_eq!(
            addresses(true, &["1.2.4.0/31", "1.2.4.254/31"]),
            ["1.2.4.1", "1.2.4.254"]
        );
        assert!(addresses(true, &["1.2.4.0/32", "1.2.4.255/32"]).is_empty());
    }

    #[test]
    fn the_whole_of_ipv6_has_positions() {
        let everything = pool(false, &["::/0".parse().unwrap()]);
        let order = AddressOrder::new(&everything, IpFamily::V6);
        assert_eq!(order.last_position(), Some(u128::MAX));
        let top = order.address(u128::MAX);
        assert_eq!(order.position(top), Some(u128::MAX));
        assert_eq!(order.position("1.2.3.4".parse().unwrap()), None);
    }

    proptest! {
        #[test]
        fn positions_are_the_ranks_in_a_walk(
            avoid in any::<bool>(),
            mut cuts in prop::collection::btree_set(0u32..1500, 2..12),
            backwards in any::<bool>(),
        ) {
            if cuts.len() % 2 == 1 {
                cuts.pop_last();
            }
            let cuts: Vec<u32> = cuts.into_iter().collect();
            let addr = |n: u32| IpAddr::from((0x0a00_0000 + n).to_be_bytes());
            let mut ranges: Vec<IpRange> =
                cuts.chunks(2).map(|c| IpRange::new(addr(c[0]), addr(c[1] - 1)).unwrap()).collect();
            if backwards {
                ranges.reverse();
            }
            let pool = pool(avoid, &ranges);
            let order = AddressOrder::new(&pool, IpFamily::V4);
            let walk: Vec<IpAddr> = ranges
                .iter()
                .flat_map(|r| bits_of(r.first())..=bits_of(r.last()))
                .map(|n| addr_of(IpFamily::V4, n))
                .filter(|a| pool.owns(*a))
                .collect();
            prop_assert_eq!(order.last_position(), (walk.len() as u128).checked_sub(1));
            for (position, addr) in walk.iter().enumerate() {
                prop_assert_eq!(order.address(position as u128), *addr);
                prop_assert_eq!(order.position(*addr), Some(position as u128));
            }
            for n in 0..1500 {
                prop_assert_eq!(order.position(addr(n)).is_some(), pool.owns(addr(n)));
            }
        }
    }
}
