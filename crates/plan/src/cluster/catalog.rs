//! The configuration, indexed for questions about one address or one node.

use core::net::IpAddr;
use std::sync::Arc;

use ferrolb_api::resolved::{Config, Interfaces, L2Advertisement, Pool, any_or_empty};
use ferrolb_types::{Labels, PoolName};

use super::roster::{Place, Roster};

/// A pool's place in one catalog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PoolIndex(usize);

/// Pools and the advertisements that reach them.
#[derive(Debug)]
pub(crate) struct Catalog {
    /// First and last address of every prefix, ascending; they do not overlap.
    spans: Vec<(IpAddr, IpAddr, PoolIndex)>,
    pools: Vec<PoolEntry>,
    advertisements: Vec<Advertisement>,
}

#[derive(Debug)]
struct PoolEntry {
    pool: Arc<Pool>,
    advertisements: Vec<usize>,
}

/// An advertisement with its answer for every node.
#[derive(Debug)]
pub(crate) struct Advertisement {
    config: Arc<L2Advertisement>,
    /// By place: the sum of preferences where it covers the node.
    weights: Vec<Option<u32>>,
}

impl Catalog {
    pub(crate) fn new(config: &Config, roster: &Roster) -> Self {
        let advertisements: Vec<Advertisement> = config
            .l2_advertisements
            .values()
            .map(|ad| Advertisement::new(ad.clone(), roster))
            .collect();
        let reaching = |pool: &Pool| {
            let reached = |(_, ad): &(usize, &Advertisement)| ad.config.pools.reaches(pool);
            advertisements
                .iter()
                .enumerate()
                .filter(reached)
                .map(|(i, _)| i)
                .collect()
        };
        let pools: Vec<PoolEntry> = config
            .pools
            .values()
            .map(|pool| PoolEntry {
                pool: pool.clone(),
                advertisements: reaching(pool),
            })
            .collect();
        Self {
            spans: spans(&pools),
            pools,
            advertisements,
        }
    }

    /// The one pool that contains all of `addresses`. Addresses that `avoidBuggyIPs` leaves out still belong to their
    /// pool: a Service that has one is moved by the controller, not silenced.
    pub(crate) fn pool_of(&self, addresses: &[IpAddr]) -> Option<PoolIndex> {
        let (first, others) = addresses.split_first()?;
        let pool = self.pool_of_one(*first)?;
        others
            .iter()
            .all(|a| self.pool_of_one(*a) == Some(pool))
            .then_some(pool)
    }

    pub(crate) fn pool_name(&self, pool: PoolIndex) -> &PoolName {
        &self.pools[pool.0].pool.name
    }

    fn pool_of_one(&self, address: IpAddr) -> Option<PoolIndex> {
        let after = self.spans.partition_point(|(first, ..)| *first <= address);
        let (_, last, pool) = self.spans.get(after.checked_sub(1)?)?;
        (address <= *last).then_some(*pool)
    }

    /// The pool's advertisements that cover a Service with these labels, whatever the node.
    pub(crate) fn selected<'a>(
        &'a self,
        pool: PoolIndex,
        service: &'a Labels,
    ) -> impl Iterator<Item = &'a Advertisement> {
        let reaching = self.pools[pool.0].advertisements.iter();
        reaching
            .map(|&i| &self.advertisements[i])
            .filter(|ad| any_or_empty(&ad.config.service_selectors, service))
    }

    /// Learns a node anew.
    pub(crate) fn cover(&mut self, place: Place, roster: &Roster) {
        for ad in &mut self.advertisements {
            ad.weights.resize(roster.places().count(), None);
            ad.weights[place.index()] = ad.weigh(place, roster);
        }
    }

    /// For each pool: its place in `newer`, if neither it nor any advertisement that reaches it differs.
    pub(crate) fn carried_over(&self, newer: &Self) -> Carried {
        Carried(self.pools.iter().map(|pool| self.same_in(newer, pool)).collect())
    }

    fn same_in(&self, newer: &Self, mine: &PoolEntry) -> Option<PoolIndex> {
        let by_name = |theirs: &PoolEntry| theirs.pool.name.cmp(&mine.pool.name);
        let at = newer.pools.binary_search_by(by_name).ok()?;
        let theirs = &newer.pools[at];
        let same = mine.pool == theirs.pool && self.configs(mine).eq(newer.configs(theirs));
        same.then_some(PoolIndex(at))
    }

    fn configs<'a>(&'a self, entry: &'a PoolEntry) -> impl Iterator<Item = &'a Arc<L2Advertisement>> {
        entry
            .advertisements
            .iter()
            .map(|&i| &self.advertisements[i].config)
    }
}

/// Pools of an older catalog that are the same in a newer one.
#[derive(Debug)]
pub(crate) struct Carried(Vec<Option<PoolIndex>>);

impl Carried {
    pub(crate) fn get(&self, older: PoolIndex) -> Option<PoolIndex> {
        self.0.get(older.0).copied().flatten()
    }
}

impl Advertisement {
    fn new(config: Arc<L2Advertisement>, roster: &Roster) -> Self {
        let mut new = Self {
            config,
            weights: Vec::new(),
        };
        new.weights = roster.places().map(|p| new.weigh(p, roster)).collect();
        new
    }

    fn weigh(&self, place: Place, roster: &Roster) -> Option<u32> {
        let Some(labels) = roster.labels(place) else {
            return self.covers_everything().then_some(0);
        };
        any_or_empty(&self.config.node_selectors, labels).then(|| {
            let matching = self.config.preferred_nodes.iter();
            let weights = matching
                .filter(|p| p.preference.matches(labels))
                .map(|p| p.weight);
            weights.fold(0, u32::saturating_add)
        })
    }

    fn covers_everything(&self) -> bool {
        self.config.node_selectors.is_empty()
    }

    /// The node's sum of preferences, if the advertisement covers it.
    pub(crate) fn weight(&self, place: Place) -> Option<u32> {
        self.weights.get(place.index()).copied().flatten()
    }

    /// Whether it covers a node; one that is not known at all has no labels to select by.
    pub(crate) fn covers(&self, place: Option<Place>) -> bool {
        match place {
            Some(place) => self.weight(place).is_some(),
            None => self.covers_everything(),
        }
    }

    pub(crate) fn selects_services(&self) -> bool {
        !self.config.service_selectors.is_empty()
    }

    pub(crate) fn interfaces(&self) -> &Interfaces {
        &self.config.interfaces
    }

    pub(crate) fn name(&self) -> &str {
        &self.config.name
    }
}

/// The sum of preferences of all advertisements that cover the node; none if none does.
pub(crate) fn score(advertisements: &[&Advertisement], place: Place) -> Option<u32> {
    let weights = advertisements.iter().filter_map(|ad| ad.weight(place));
    weights.reduce(u32::saturating_add)
}

fn spans(pools: &[PoolEntry]) -> Vec<(IpAddr, IpAddr, PoolIndex)> {
    let mut spans: Vec<_> = pools
        .iter()
        .enumerate()
        .flat_map(|(i, entry)| {
            let prefixes = entry.pool.prefixes();
            prefixes.map(move |p| (p.network(), p.broadcast(), PoolIndex(i)))
        })
        .collect();
    spans.sort_unstable_by_key(|(first, ..)| *first);
    spans
}

/// The union of the interfaces of all advertisements that cover the node; none if none does.
pub(crate) fn interfaces<'a>(
    advertisements: impl Iterator<Item = &'a Advertisement>,
    place: Option<Place>,
) -> Option<Interfaces> {
    advertisements
        .filter(|ad| ad.covers(place))
        .map(|ad| ad.interfaces().clone())
        .reduce(Interfaces::union)
}
