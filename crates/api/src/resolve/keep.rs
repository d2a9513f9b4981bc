//! The last accepted version of a refused object stays in force (spec/plan.md, "What a problem stops").

use std::collections::{BTreeMap, BTreeSet};

use ferrolb_types::{IpNet, IpRange, PoolName};

use super::{RawConfig, Resolved, resolve};
use crate::metallb::{IpAddressPool, L2Advertisement};
use crate::resolved::Config;
use crate::{Object, Problem, Severity};

/// Resolves configuration after configuration and remembers what was accepted.
///
/// A refused object counts in its last accepted version until it is repaired or deleted. What two objects contest is
/// decided as always, between the versions that count.
#[derive(Clone, Debug, Default)]
pub struct LastAccepted {
    pools: BTreeMap<Box<str>, IpAddressPool>,
    l2_advertisements: BTreeMap<Box<str>, L2Advertisement>,
}

/// What counts now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InForce {
    /// Everything accepted, now or before.
    pub config: Config,
    /// Everything that is wrong with what is written now.
    pub problems: Vec<Problem>,
    /// Pools that exist but do not count in any version, with those of their prefixes that can be read.
    pub refused_pools: BTreeMap<PoolName, Vec<IpNet>>,
}

impl InForce {
    /// Whether something that is written now is refused.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        self.problems.iter().any(|p| p.severity == Severity::Error)
    }
}

/// Kind and name of an object.
type Id = (&'static str, Box<str>);

impl LastAccepted {
    /// What counts, given everything that exists: `raw`, and `unreadable` objects (kind and name) that do not decode;
    /// whoever reads them reports why.
    pub fn resolve(&mut self, raw: &RawConfig, unreadable: &BTreeSet<Id>) -> InForce {
        self.forget_deleted(raw, unreadable);
        let mut counting = raw.clone();
        let mut replaced = unreadable.clone();
        self.add_versions_of(unreadable, &mut counting);
        let mut problems = Vec::new();
        let resolved = loop {
            let resolved = resolve(&counting);
            let refused = self.replaceable(&counting, &resolved.config, &replaced);
            if refused.is_empty() {
                break resolved;
            }
            problems.extend(problems_of(&resolved, |id| refused.contains(id)));
            remove(&mut counting, &refused);
            self.add_versions_of(&refused, &mut counting);
            replaced.extend(refused);
        };
        problems.extend(problems_of(&resolved, |id| !replaced.contains(id)));
        problems.sort_by(|a, b| (&a.kind, &a.namespace, &a.name).cmp(&(&b.kind, &b.namespace, &b.name)));
        self.remember(&counting, &resolved.config);
        InForce {
            refused_pools: refused_pools(raw, unreadable, &resolved.config),
            config: resolved.config,
            problems,
        }
    }

    fn forget_deleted(&mut self, raw: &RawConfig, unreadable: &BTreeSet<Id>) {
        let mut existing: BTreeSet<Id> = ids(&raw.pools).chain(ids(&raw.l2_advertisements)).collect();
        existing.extend(unreadable.iter().cloned());
        self.pools.retain(|name, _| existing.contains(&(IpAddressPool::KIND, name.clone())));
        self.l2_advertisements
            .retain(|name, _| existing.contains(&(L2Advertisement::KIND, name.clone())));
    }

    fn add_versions_of(&self, ids: &BTreeSet<Id>, counting: &mut RawConfig) {
        counting.pools.extend(versions(&self.pools, ids));
        counting.l2_advertisements.extend(versions(&self.l2_advertisements, ids));
    }

    /// Refused objects that have an accepted version and do not yet count in it.
    fn replaceable(&self, counting: &RawConfig, config: &Config, replaced: &BTreeSet<Id>) -> BTreeSet<Id> {
        let pools = ids(&counting.pools)
            .filter(|(_, name)| self.pools.contains_key(name) && !config.pools.contains_key(&**name));
        let advertisements = ids(&counting.l2_advertisements).filter(|(_, name)| {
            self.l2_advertisements.contains_key(name) && !config.l2_advertisements.contains_key(name)
        });
        pools.chain(advertisements).filter(|id| !replaced.contains(id)).collect()
    }

    fn remember(&mut self, counting: &RawConfig, config: &Config) {
        for pool in counting.pools.iter().filter(|p| config.pools.contains_key(&*p.metadata.name)) {
            self.pools.insert(pool.metadata.name.clone(), pool.clone());
        }
        let accepted = |a: &&L2Advertisement| config.l2_advertisements.contains_key(&a.metadata.name);
        for advertisement in counting.l2_advertisements.iter().filter(accepted) {
            self.l2_advertisements.insert(advertisement.metadata.name.clone(), advertisement.clone());
        }
    }
}

fn ids<T: Object>(objects: &[T]) -> impl Iterator<Item = Id> {
    objects.iter().map(|object| (T::KIND, object.meta().name.clone()))
}

fn versions<T: Object>(accepted: &BTreeMap<Box<str>, T>, ids: &BTreeSet<Id>) -> impl Iterator<Item = T> {
    let of_kind = ids.iter().filter(|(kind, _)| *kind == T::KIND);
    of_kind.filter_map(|(_, name)| accepted.get(name).cloned())
}

fn remove(counting: &mut RawConfig, ids: &BTreeSet<Id>) {
    fn keep<T: Object>(object: &T, ids: &BTreeSet<Id>) -> bool {
        !ids.contains(&(T::KIND, object.meta().name.clone()))
    }
    counting.pools.retain(|pool| keep(pool, ids));
    counting.l2_advertisements.retain(|advertisement| keep(advertisement, ids));
}

fn problems_of(resolved: &Resolved, wanted: impl Fn(&Id) -> bool) -> impl Iterator<Item = Problem> {
    let kinds = [IpAddressPool::KIND, L2Advertisement::KIND];
    let is_wanted = move |problem: &&Problem| {
        let kind = kinds.into_iter().find(|kind| *kind == problem.kind).unwrap_or_default();
        wanted(&(kind, problem.name.as_str().into()))
    };
    resolved.problems.iter().filter(is_wanted).cloned()
}

fn refused_pools(
    raw: &RawConfig,
    unreadable: &BTreeSet<Id>,
    config: &Config,
) -> BTreeMap<PoolName, Vec<IpNet>> {
    let counts = |name: &str| config.pools.contains_key(name);
    let unreadable = unreadable
        .iter()
        .filter(|(kind, name)| *kind == IpAddressPool::KIND && !counts(name))
        .map(|(_, name)| (PoolName::new(&**name), Vec::new()));
    let refused = raw
        .pools
        .iter()
        .filter(|pool| raw.rules.counts(*pool) && !counts(&pool.metadata.name))
        .map(|pool| (PoolName::new(&*pool.metadata.name), readable_prefixes(pool)));
    unreadable.chain(refused).collect()
}

fn readable_prefixes(pool: &IpAddressPool) -> Vec<IpNet> {
    let ranges = pool.spec.addresses.iter().filter_map(|text| text.parse::<IpRange>().ok());
    ranges.flat_map(|range| range.prefixes()).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::decode;

    fn pool(name: &str, addresses: &[&str]) -> IpAddressPool {
        decode(&json!({ "metadata": { "name": name }, "spec": { "addresses": addresses } })).unwrap()
    }

    fn raw(pools: impl IntoIterator<Item = IpAddressPool>) -> RawConfig {
        RawConfig {
            pools: pools.into_iter().collect(),
            ..RawConfig::default()
        }
    }

    fn none() -> BTreeSet<Id> {
        BTreeSet::new()
    }

    /// Names and first entries of the pools that count.
    fn counting(in_force: &InForce) -> Vec<(&str, &str)> {
        let pools = in_force.config.pools.values();
        pools.map(|pool| (pool.name.as_str(), &*pool.entries[0].text)).collect()
    }

    fn reasons(in_force: &InForce) -> Vec<(&str, &str)> {
        in_force.problems.iter().map(|p| (&*p.name, &*p.reason)).collect()
    }

    #[test]
    fn a_bad_edit_leaves_the_last_version_in_force_until_it_is_repaired() {
        let mut keeper = LastAccepted::default();
        let good = raw([pool("a", &["192.0.2.0/28"]), pool("b", &["198.51.100.0/28"])]);
        assert!(!keeper.resolve(&good, &none()).is_stale());
        let bad = raw([pool("a", &["192.0.2.0/99"]), pool("b", &["198.51.100.16/28"])]);
        for _ in 0..2 {
            let kept = keeper.resolve(&bad, &none());
            assert_eq!(counting(&kept), [("a", "192.0.2.0/28"), ("b", "198.51.100.16/28")]);
            assert_eq!(reasons(&kept), [("a", "InvalidAddress")]);
            assert!(kept.is_stale() && kept.refused_pools.is_empty());
        }
        let repaired = keeper.resolve(&raw([pool("a", &["192.0.2.16/28"])]), &none());
        assert_eq!(counting(&repaired), [("a", "192.0.2.16/28")]);
        assert!(!repaired.is_stale());
    }

    #[test]
    fn a_deleted_object_is_not_kept_and_does_not_come_back() {
        let mut keeper = LastAccepted::default();
        keeper.resolve(&raw([pool("a", &["192.0.2.0/28"])]), &none());
        assert!(counting(&keeper.resolve(&raw([]), &none())).is_empty());
        let again = keeper.resolve(&raw([pool("a", &["bad", "203.0.113.0/28"])]), &none());
        assert!(counting(&again).is_empty());
        let prefixes = vec!["203.0.113.0/28".parse().unwrap()];
        assert_eq!(again.refused_pools, BTreeMap::from([("a".into(), prefixes)]));
    }

    #[test]
    fn an_object_that_does_not_decode_any_more_counts_as_it_did() {
        let mut keeper = LastAccepted::default();
        let unreadable = BTreeSet::from([(IpAddressPool::KIND, "a".into())]);
        let unknown = keeper.resolve(&raw([]), &unreadable);
        assert_eq!(unknown.refused_pools, BTreeMap::from([("a".into(), vec![])]));
        keeper.resolve(&raw([pool("a", &["192.0.2.0/28"])]), &none());
        let kept = keeper.resolve(&raw([]), &unreadable);
        assert_eq!(counting(&kept), [("a", "192.0.2.0/28")]);
        assert!(kept.refused_pools.is_empty());
    }

    #[test]
    fn an_edit_that_collides_with_a_kept_version_is_refused_and_says_so() {
        let mut keeper = LastAccepted::default();
        keeper.resolve(&raw([pool("a", &["192.0.2.0/28"]), pool("b", &["198.51.100.0/28"])]), &none());
        let kept = keeper.resolve(&raw([pool("a", &["oops"]), pool("b", &["192.0.2.0/28"])]), &none());
        assert_eq!(counting(&kept), [("a", "192.0.2.0/28"), ("b", "198.51.100.0/28")]);
        assert_eq!(reasons(&kept), [("a", "InvalidAddress"), ("b", "OverlappingAddresses")]);
    }
}
