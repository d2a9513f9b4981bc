//! All pools: which one owns an address, in which order they are tried, and what changed with a new configuration.

use core::net::IpAddr;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ferrolb_api::resolved::Pool;
use ferrolb_types::{IpNet, PoolName};

use crate::event;
use crate::holder::Holders;
use crate::pool::PoolState;
use crate::usage::PoolUsage;

/// The pools in force.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pools {
    by_name: BTreeMap<PoolName, PoolState>,
    /// First address of every prefix, with the last and the pool. Prefixes never overlap.
    owners: BTreeMap<IpAddr, (IpAddr, PoolName)>,
    refused: BTreeMap<PoolName, Vec<IpNet>>,
    /// Pinned pools that are assigned automatically, best first.
    pinned: Vec<PoolName>,
    /// Unpinned pools that are assigned automatically, by name.
    unpinned: Vec<PoolName>,
    /// Pools whose counters may have changed since they were last reported.
    touched: BTreeSet<PoolName>,
    /// Grows with every change.
    generation: u64,
    ever_existed: bool,
}

/// What a new set of pools changed.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    /// Gone, as they were.
    pub(crate) removed: Vec<Arc<Pool>>,
    /// New or different, as they were and as they are.
    pub(crate) applied: Vec<(Option<Arc<Pool>>, Arc<Pool>)>,
    /// Whether the set of refused pools changed.
    pub(crate) refusals: bool,
}

impl Changes {
    pub(crate) fn is_empty(&self) -> bool {
        self.removed.is_empty() && self.applied.is_empty() && !self.refusals
    }

    /// Whether an admin has just changed who may use the pool of this name.
    pub(crate) fn restricts(&self, name: &PoolName) -> bool {
        self.applied.iter().any(|(old, new)| {
            let before = old.as_ref().and_then(|old| old.allocation.as_ref());
            new.name == *name && before != new.allocation.as_ref()
        })
    }

    /// Every prefix of a pool that is or was concerned.
    pub(crate) fn prefixes(&self) -> impl Iterator<Item = IpNet> {
        let applied = self.applied.iter().flat_map(|(old, new)| old.iter().chain([new]));
        self.removed
            .iter()
            .chain(applied)
            .flat_map(|pool| pool.prefixes())
            .collect::<BTreeSet<_>>()
            .into_iter()
    }
}

impl Pools {
    pub(crate) fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    pub(crate) fn get(&self, name: &PoolName) -> Option<&PoolState> {
        self.by_name.get(name)
    }

    pub(crate) fn get_mut(&mut self, name: &PoolName) -> Option<&mut PoolState> {
        self.touched.insert(name.clone());
        self.by_name.get_mut(name)
    }

    /// The counters that are different from those last reported.
    pub(crate) fn changed_usage(&mut self) -> Vec<(PoolName, PoolUsage)> {
        let mut changed = Vec::new();
        for name in core::mem::take(&mut self.touched) {
            let Some(state) = self.by_name.get_mut(&name) else {
                continue;
            };
            let usage = state.usage();
            if state.reported.replace(usage) != Some(usage) {
                changed.push((name, usage));
            }
        }
        changed
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&PoolName, &PoolState)> {
        self.by_name.iter()
    }

    /// The pool that owns `addr`.
    pub(crate) fn owner(&self, addr: IpAddr) -> Option<&PoolName> {
        let (_, (last, name)) = self.owners.range(..=addr).next_back()?;
        let owns = addr <= *last && self.by_name.get(name).is_some_and(|pool| pool.owns(addr));
        owns.then_some(name)
    }

    /// Whether there ever was a pool.
    pub(crate) const fn ever_existed(&self) -> bool {
        self.ever_existed
    }

    pub(crate) const fn generation(&self) -> u64 {
        self.generation
    }

    /// Pinned pools that are assigned automatically, best first.
    pub(crate) fn pinned(&self) -> impl Iterator<Item = &PoolState> {
        self.pinned.iter().filter_map(|name| self.by_name.get(name))
    }

    /// Unpinned pools that are assigned automatically, in the order in which they are tried.
    pub(crate) fn unpinned(&self) -> impl Iterator<Item = &PoolState> {
        self.unpinned.iter().filter_map(|name| self.by_name.get(name))
    }

    pub(crate) fn is_refused(&self, name: &PoolName) -> bool {
        self.refused.contains_key(name)
    }

    /// Whether there is a pool of this name, accepted or not.
    pub(crate) fn exists(&self, name: &PoolName) -> bool {
        self.by_name.contains_key(name) || self.is_refused(name)
    }

    /// The refused pool that seems to own `addr`.
    pub(crate) fn refused_owner(&self, addr: IpAddr) -> Option<&PoolName> {
        let covers = |nets: &[IpNet]| nets.iter().any(|net| net.contains(&addr));
        self.refused
            .iter()
            .find(|(_, nets)| covers(nets))
            .map(|(name, _)| name)
    }

    /// Takes over a new set. Pools whose addresses stay the same keep the state of their addresses.
    pub(crate) fn replace(&mut self, new: event::Pools, holders: &Holders) -> Changes {
        let mut changes = Changes {
            refusals: self.refused != new.refused,
            ..Changes::default()
        };
        self.refused = new.refused;
        self.by_name.retain(|name, state| {
            let stays = new.accepted.contains_key(name);
            if !stays {
                changes.removed.push(Arc::clone(&state.pool));
            }
            stays
        });
        for pool in new.accepted.into_values() {
            self.apply(pool, &mut changes);
        }
        self.ever_existed |= !changes.applied.is_empty();
        if !changes.is_empty() {
            self.generation += 1;
            self.rebuild(&changes, holders);
            self.reorder();
        }
        changes
    }

    fn apply(&mut self, pool: Arc<Pool>, changes: &mut Changes) {
        match self.by_name.get_mut(&pool.name) {
            Some(state) if *state.pool == *pool => {}
            Some(state) => {
                let old = core::mem::replace(&mut state.pool, Arc::clone(&pool));
                changes.applied.push((Some(old), pool));
            }
            None => changes.applied.push((None, pool)),
        }
    }

    /// Brings owners and stocks in line with pools whose addresses changed.
    fn rebuild(&mut self, changes: &Changes, holders: &Holders) {
        let moved = |(old, new): &&(Option<Arc<Pool>>, Arc<Pool>)| {
            old.as_ref().is_none_or(|old| !same_addresses(old, new))
        };
        let old = changes
            .applied
            .iter()
            .filter(moved)
            .filter_map(|(old, _)| old.as_ref());
        for net in changes.removed.iter().chain(old).flat_map(|pool| pool.prefixes()) {
            self.owners.remove(&net.network());
        }
        for (_, pool) in changes.applied.iter().filter(moved) {
            for net in pool.prefixes() {
                let owner = (net.broadcast(), pool.name.clone());
                self.owners.insert(net.network(), owner);
            }
            let reported = self.by_name.get(&pool.name).and_then(|state| state.reported);
            let mut state = PoolState::new(Arc::clone(pool), holders);
            state.reported = reported;
            self.by_name.insert(pool.name.clone(), state);
            self.touched.insert(pool.name.clone());
        }
    }

    fn reorder(&mut self) {
        let automatic = self.by_name.values().filter(|state| state.pool.auto_assign);
        let (pinned, unpinned): (Vec<_>, Vec<_>) =
            automatic.partition(|state| state.pool.allocation.is_some());
        self.unpinned = unpinned.iter().map(|state| state.pool.name.clone()).collect();
        let mut ranked: Vec<_> = pinned
            .iter()
            .map(|state| (rank(&state.pool), state.pool.name.clone()))
            .collect();
        ranked.sort();
        self.pinned = ranked.into_iter().map(|(_, name)| name).collect();
    }
}

/// Smaller is tried first: 1 is best, 0 is last (controller 8.3).
fn rank(pool: &Pool) -> (bool, i64) {
    let priority = pool
        .allocation
        .as_ref()
        .map_or(0, |allocation| allocation.priority);
    (priority == 0, priority)
}

fn same_addresses(a: &Pool, b: &Pool) -> bool {
    a.avoid_buggy_ips == b.avoid_buggy_ips && a.prefixes().eq(b.prefixes())
}
