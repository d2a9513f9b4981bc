//! The rules, written down once more as plainly as possible: lists that are walked, nothing remembered.

#![allow(dead_code, reason = "shared by two test programs, of which each uses a part")]

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ferrolb_api::facts::{FamilyPolicy, NamespaceFacts, ServiceFacts};
use ferrolb_api::resolved::{Pool, any_or_empty};
use ferrolb_api::{ReservationKey, Reservations};
use ferrolb_ipam::{Outcome, Pools, State};
use ferrolb_types::address::{addr_of, bits_of, parse_address};
use ferrolb_types::{Instant, IpFamily, IpNet, NamespaceName, ObjectKey, PoolName};

/// What the engine has been told, and what it says it decided.
pub(crate) struct World<'a> {
    pub(crate) pools: &'a Pools,
    pub(crate) namespaces: &'a BTreeMap<NamespaceName, NamespaceFacts>,
    /// Whether nothing is given out in a Namespace that has not been seen.
    pub(crate) await_namespaces: bool,
    pub(crate) reservations: &'a BTreeMap<PoolName, Reservations>,
    /// Addresses that may not be used yet.
    pub(crate) resting: &'a BTreeMap<IpAddr, Instant>,
    pub(crate) services: &'a BTreeMap<ObjectKey, ServiceFacts>,
    pub(crate) outcomes: &'a BTreeMap<ObjectKey, Outcome>,
}

/// Sharing key, backends and ports; none for a Service that does not share.
fn claim(facts: &ServiceFacts) -> Option<(String, String, BTreeSet<ferrolb_api::facts::Port>)> {
    let backend = if facts.local_traffic_only && !facts.pod_selector.is_empty() {
        format!("{} {}", facts.key.namespace, facts.pod_selector)
    } else {
        String::new()
    };
    let ports = facts.ports.iter().copied().collect();
    let key = facts.request.sharing_key.to_string();
    (!key.is_empty()).then_some((key, backend, ports))
}

pub(crate) fn may_share(a: &ServiceFacts, b: &ServiceFacts) -> bool {
    match (claim(a), claim(b)) {
        (Some(a), Some(b)) => a.0 == b.0 && a.1 == b.1 && a.2.is_disjoint(&b.2),
        _ => false,
    }
}

/// The name that a Service reserves under, if it is one.
pub(crate) fn reservation_key(facts: &ServiceFacts) -> Option<ReservationKey> {
    ReservationKey::new(facts.key.namespace.clone(), &facts.request.reserve_as).ok()
}

pub(crate) fn families(facts: &ServiceFacts) -> Option<BTreeSet<IpFamily>> {
    let parsed: Option<Vec<IpFamily>> = facts
        .cluster_ips
        .iter()
        .map(|ip| parse_address(ip).ok().map(IpFamily::of))
        .collect();
    let parsed = parsed?;
    let set: BTreeSet<IpFamily> = parsed.iter().copied().collect();
    (!parsed.is_empty() && set.len() == parsed.len()).then_some(set)
}

impl World<'_> {
    pub(crate) fn pool_list(&self) -> impl Iterator<Item = &Pool> {
        self.pools.accepted.values().map(|pool| &**pool)
    }

    fn exists(&self, pool: &PoolName) -> bool {
        self.pools.accepted.contains_key(pool) || self.pools.refused.contains_key(pool)
    }

    pub(crate) fn owner(&self, addr: IpAddr) -> Option<&Pool> {
        self.pool_list().find(|pool| pool.owns(addr))
    }

    /// Whether `facts` may use `pool`, labels of its namespace included.
    pub(crate) fn allowed(&self, pool: &Pool, facts: &ServiceFacts) -> bool {
        let Some(allocation) = &pool.allocation else {
            return true;
        };
        let labels = self
            .namespaces
            .get(&facts.key.namespace)
            .map(|facts| &facts.labels);
        let selected =
            labels.is_some_and(|labels| allocation.namespace_selectors.iter().any(|s| s.matches(labels)));
        let anywhere = allocation.namespaces.is_empty() && allocation.namespace_selectors.is_empty();
        let here = anywhere || selected || allocation.namespaces.contains(&facts.key.namespace);
        here && any_or_empty(&allocation.service_selectors, &facts.labels)
    }

    /// Whether fence and quota let `facts` use `pool`.
    pub(crate) fn within_limits(&self, pool: &Pool, facts: &ServiceFacts) -> bool {
        let namespace = &facts.key.namespace;
        let fence = self
            .namespaces
            .get(namespace)
            .map(|facts| facts.fence.clone())
            .unwrap_or_default();
        let inside = |key: &ObjectKey| {
            self.outcomes
                .get(key)
                .is_some_and(|o| o.pool.as_ref() == Some(&pool.name))
        };
        let users = self
            .outcomes
            .keys()
            .filter(|key| key.namespace == *namespace && inside(key))
            .count();
        let room = pool.max_per_namespace.is_none_or(|most| users < most as usize) || inside(&facts.key);
        fence.admits(&pool.name) && room
    }

    /// Whether an address of `pool` is reserved under `key`.
    pub(crate) fn is_reserved(&self, pool: &PoolName, addr: IpAddr, key: &ReservationKey) -> bool {
        let own = self.reservations.get(pool).and_then(|list| list.get(key));
        own.is_some_and(|own| own.contains(&addr))
    }

    /// Whether an address of `pool` that nobody holds is in stock.
    pub(crate) fn in_stock(&self, pool: &PoolName, addr: IpAddr) -> bool {
        let mut entries = self
            .reservations
            .get(pool)
            .into_iter()
            .flat_map(Reservations::iter);
        let is_reserved = entries.any(|(_, addresses)| addresses.contains(&addr));
        self.users(addr).next().is_some() || (!is_reserved && !self.resting.contains_key(&addr))
    }

    /// The pool of the oldest living holder of a name, and of each family what the oldest has that has one there. A pool
    /// counts as long as it exists, be it refused. None without a holder.
    pub(crate) fn reserved_by_the_living(
        &self,
        key: &ReservationKey,
    ) -> Option<(PoolName, BTreeSet<IpAddr>)> {
        let named = |facts: &&ServiceFacts| reservation_key(facts).as_ref() == Some(key);
        let home = |outcome: &Outcome| outcome.origin.clone().filter(|pool| self.exists(pool));
        let mut living: Vec<_> = self
            .services
            .values()
            .filter(named)
            .filter_map(|facts| Some((facts, self.outcomes.get(&facts.key)?)))
            .filter(|(_, outcome)| home(outcome).is_some())
            .collect();
        living.sort_by_key(|(facts, _)| (facts.created_at.clone(), facts.key.clone()));
        let pool = home(living.first()?.1)?;
        let there = living
            .iter()
            .filter(|(_, outcome)| outcome.origin.as_ref() == Some(&pool));
        let all: Vec<IpAddr> = there.flat_map(|(_, outcome)| outcome.addresses.clone()).collect();
        let first_of = |family| all.iter().copied().find(|addr| IpFamily::of(*addr) == family);
        let list = [IpFamily::V4, IpFamily::V6].into_iter().filter_map(first_of);
        Some((pool, list.collect()))
    }

    /// Whether what was held of a pool is of one that is refused now, so that nothing may be lost by it.
    pub(crate) fn outlasts_its_pool(&self, facts: &ServiceFacts, before: &Outcome) -> bool {
        let families = families(facts);
        let fits = |addr: &IpAddr| families.as_ref().is_none_or(|f| f.contains(&IpFamily::of(*addr)));
        let covers = |nets: &Vec<IpNet>| {
            before
                .addresses
                .iter()
                .all(|addr| nets.iter().any(|net| net.contains(addr)))
        };
        let of_refused = match &before.pool {
            Some(pool) if self.pools.refused.contains_key(pool) => true,
            _ => before.addresses.len() == 1 && self.pools.refused.values().any(covers),
        };
        let is_unowned =
            |addr: &IpAddr| self.owner(*addr).is_none() && fits(addr) && self.usable(*addr, facts);
        facts.is_load_balancer && of_refused && before.addresses.iter().all(is_unowned)
    }

    /// Addresses that are reserved for `facts` and that it could have now.
    fn reserved(&self, facts: &ServiceFacts, within: Option<&PoolName>) -> Option<Vec<IpAddr>> {
        let wanted = families(facts)?;
        let key = reservation_key(facts)?;
        if wanted.len() == 2 && facts.family_policy == FamilyPolicy::SingleStack {
            return None;
        }
        let both = facts.family_policy == FamilyPolicy::RequireDualStack && wanted.len() == 2;
        let pools = self
            .pool_list()
            .filter(|pool| within.is_none_or(|name| pool.name == *name));
        for pool in pools.filter(|pool| self.allowed(pool, facts) && self.within_limits(pool, facts)) {
            let entry = self.reservations.get(&pool.name).and_then(|list| list.get(&key));
            let usable = |addr: &&IpAddr| {
                pool.owns(**addr) && wanted.contains(&IpFamily::of(**addr)) && self.usable(**addr, facts)
            };
            let mut found: Vec<IpAddr> = entry.unwrap_or_default().iter().filter(usable).copied().collect();
            if found.is_empty() {
                continue;
            }
            let missing = wanted
                .iter()
                .find(|family| !found.iter().any(|a| IpFamily::of(*a) == **family));
            found.extend(missing.and_then(|family| self.first(pool, *family, facts)));
            found.sort_by_key(|addr| !addr.is_ipv4());
            if !both || found.len() == 2 {
                return Some(found);
            }
        }
        None
    }

    /// Whether `facts` may stay in `pool`: labels of its namespace do not count.
    pub(crate) fn may_stay(&self, pool: &Pool, facts: &ServiceFacts) -> bool {
        let Some(allocation) = &pool.allocation else {
            return true;
        };
        let here = !allocation.namespace_selectors.is_empty()
            || allocation.namespaces.is_empty()
            || allocation.namespaces.contains(&facts.key.namespace);
        here && any_or_empty(&allocation.service_selectors, &facts.labels)
    }

    pub(crate) fn users(&self, addr: IpAddr) -> impl Iterator<Item = &ServiceFacts> {
        let holds = move |outcome: &Outcome| outcome.addresses.contains(&addr);
        self.outcomes
            .iter()
            .filter(move |(_, o)| holds(o))
            .filter_map(|(key, _)| self.services.get(key))
    }

    /// Whether `facts` may be on `addr` with those who are there.
    pub(crate) fn usable(&self, addr: IpAddr, facts: &ServiceFacts) -> bool {
        self.users(addr)
            .all(|other| other.key == facts.key || may_share(other, facts))
    }

    pub(crate) fn addresses(pool: &Pool, family: IpFamily) -> impl Iterator<Item = IpAddr> {
        pool.prefixes()
            .filter(move |net| IpFamily::of(net.addr()) == family)
            .flat_map(|net| bits_of(net.network())..=bits_of(net.broadcast()))
            .map(move |bits| addr_of(family, bits))
            .filter(|addr| pool.owns(*addr))
    }

    fn first(&self, pool: &Pool, family: IpFamily, facts: &ServiceFacts) -> Option<IpAddr> {
        let other = |addr: &IpAddr| {
            let own = self
                .outcomes
                .get(&facts.key)
                .is_some_and(|o| o.addresses.contains(addr));
            !own && self.usable(*addr, facts) && self.in_stock(&pool.name, *addr)
        };
        Self::addresses(pool, family).find(other)
    }

    /// The first pool of a list that serves best.
    fn best(&self, pools: &[&Pool], facts: &ServiceFacts) -> Option<Vec<IpAddr>> {
        let wanted = families(facts)?;
        let find = |pool: &Pool| -> Vec<IpAddr> {
            [IpFamily::V4, IpFamily::V6]
                .into_iter()
                .filter(|family| wanted.contains(family))
                .filter_map(|family| self.first(pool, family, facts))
                .collect()
        };
        let found: Vec<Vec<IpAddr>> = pools.iter().map(|pool| find(pool)).collect();
        let complete = found.iter().find(|list| list.len() == wanted.len());
        if wanted.len() == 1 || facts.family_policy == FamilyPolicy::RequireDualStack {
            return complete.cloned();
        }
        if facts.family_policy == FamilyPolicy::SingleStack {
            return None;
        }
        let primary = facts.families.first().copied().unwrap_or(IpFamily::V4);
        let of_primary = |list: &&Vec<IpAddr>| list.first().is_some_and(|a| IpFamily::of(*a) == primary);
        let one = || {
            found
                .iter()
                .find(of_primary)
                .or_else(|| found.iter().find(|list| !list.is_empty()))
        };
        complete.or_else(one).cloned()
    }

    /// What a Service would be given by its wish; none if that is impossible now.
    pub(crate) fn allocate(&self, facts: &ServiceFacts) -> Option<Vec<IpAddr>> {
        let wanted = families(facts)?;
        if self.await_namespaces && !self.namespaces.contains_key(&facts.key.namespace) {
            return None;
        }
        if facts.cluster_ips.len() < 2 && facts.family_policy == FamilyPolicy::RequireDualStack {
            return None;
        }
        let request = &facts.request;
        let key = reservation_key(facts);
        if !request.reserve_as.is_empty() && key.is_none() {
            return None;
        }
        if !request.addresses.is_empty() {
            let list: Option<Vec<IpAddr>> = request
                .addresses
                .split(',')
                .map(|a| parse_address(a.trim()).ok())
                .collect();
            let list = list?;
            let asked: BTreeSet<IpFamily> = list.iter().copied().map(IpFamily::of).collect();
            let pool = self.owner(*list.first()?)?;
            let fits = asked == wanted
                && list.len() == asked.len()
                && list.iter().all(|addr| {
                    let own = key
                        .as_ref()
                        .is_some_and(|key| self.is_reserved(&pool.name, *addr, key));
                    pool.owns(*addr) && self.usable(*addr, facts) && (own || self.in_stock(&pool.name, *addr))
                })
                && self.allowed(pool, facts)
                && self.within_limits(pool, facts)
                && (request.pool.is_empty() || *request.pool == *pool.name.as_str());
            return fits.then_some(list);
        }
        if !request.pool.is_empty() {
            let pool = self.pools.accepted.get(&PoolName::from(&*request.pool))?;
            if let Some(addresses) = self.reserved(facts, Some(&pool.name)) {
                return Some(addresses);
            }
            return self.best(
                &[&**pool]
                    .into_iter()
                    .filter(|p| self.allowed(p, facts) && self.within_limits(p, facts))
                    .collect::<Vec<_>>(),
                facts,
            );
        }
        if let Some(addresses) = self.reserved(facts, None) {
            return Some(addresses);
        }
        let usable = |pool: &&Pool| self.allowed(pool, facts) && self.within_limits(pool, facts);
        let automatic = self.pool_list().filter(|pool| pool.auto_assign && usable(pool));
        let (mut pinned, unpinned): (Vec<&Pool>, Vec<&Pool>) =
            automatic.partition(|p| p.allocation.is_some());
        let priority = |pool: &Pool| pool.allocation.as_ref().map_or(0, |a| a.priority);
        pinned.sort_by_key(|pool| (priority(pool) == 0, priority(pool), pool.name.clone()));
        self.best(&pinned, facts).or_else(|| self.best(&unpinned, facts))
    }

    /// Whether a Service could get the second family now.
    pub(crate) fn could_extend(&self, facts: &ServiceFacts, outcome: &Outcome) -> bool {
        let both =
            families(facts).is_some_and(|f| f.len() == 2) && facts.family_policy != FamilyPolicy::SingleStack;
        let ([only], Some(pool)) = (outcome.addresses.as_slice(), &outcome.pool) else {
            return false;
        };
        let Some(pool) = self.pools.accepted.get(pool) else {
            return false;
        };
        both && self.within_limits(pool, facts)
            && self.first(pool, IpFamily::of(*only).other(), facts).is_some()
    }

    /// Whether all of `addresses` may be kept by `facts`.
    pub(crate) fn keepable(&self, facts: &ServiceFacts, addresses: &[IpAddr]) -> bool {
        let Some(pool) = addresses.first().and_then(|addr| self.owner(*addr)) else {
            return false;
        };
        let families = families(facts);
        facts.is_load_balancer
            && self.may_stay(pool, facts)
            && addresses.iter().all(|addr| {
                let family = families.as_ref().is_none_or(|f| f.contains(&IpFamily::of(*addr)));
                family && pool.owns(*addr) && self.usable(*addr, facts)
            })
    }

    /// What is wrong with the state as such.
    pub(crate) fn violations(&self) -> Vec<String> {
        let mut found = Vec::new();
        for (key, outcome) in self.outcomes {
            let Some(facts) = self.services.get(key) else {
                found.push(format!("{key} is known to the engine but gone"));
                continue;
            };
            for addr in &outcome.addresses {
                if !self.usable(*addr, facts) {
                    found.push(format!(
                        "{key} is on {addr} with a Service that it may not share it with"
                    ));
                }
            }
            match outcome.state {
                State::Assigned if outcome.pool.is_some() => {
                    if !self.keepable(facts, &outcome.addresses) {
                        found.push(format!("{key} holds {:?}, which it may not", outcome.addresses));
                    }
                    if outcome.pool.as_ref() != self.owner(outcome.addresses[0]).map(|pool| &pool.name) {
                        found.push(format!("{key} names the wrong pool {:?}", outcome.pool));
                    }
                    if outcome.reason.is_some() && self.wish_could_be_met(facts) {
                        found.push(format!(
                            "{key} keeps waiting ({}) although it could be served",
                            outcome.message
                        ));
                    }
                    if self.could_extend(facts, outcome) && facts.request == Default::default() {
                        found.push(format!("{key} could have the second family"));
                    }
                }
                State::Pending | State::Released => {
                    if !outcome.addresses.is_empty() || outcome.reason.is_none() {
                        found.push(format!("{key} is pending without a reason"));
                    }
                    if let Some(addresses) = self.allocate(facts) {
                        found.push(format!(
                            "{key} waits ({}) but could have {addresses:?}",
                            outcome.message
                        ));
                    }
                }
                _ => {}
            }
        }
        found
    }

    /// Whether a Service with an address and a wish that is not met could have what it asks for.
    fn wish_could_be_met(&self, facts: &ServiceFacts) -> bool {
        let both = families(facts).is_some_and(|f| f.len() == 2);
        let explicit = !facts.request.addresses.is_empty() || !facts.request.pool.is_empty();
        // Half of a dual-stack wish is no reason to leave: only a wish for other addresses is looked at.
        explicit && !both && self.allocate(facts).is_some()
    }

    /// Addresses of a pool that nobody holds and that are not in stock.
    pub(crate) fn withheld(&self, pool: &Pool) -> i64 {
        let all = [IpFamily::V4, IpFamily::V6]
            .into_iter()
            .flat_map(|family| Self::addresses(pool, family));
        let withheld = all.filter(|addr| !self.in_stock(&pool.name, *addr));
        i64::try_from(withheld.count()).expect("few addresses")
    }

    /// In use per pool: IPv4, IPv6.
    pub(crate) fn used(&self, pool: &Pool) -> (i64, i64) {
        let count = |family| {
            let used = Self::addresses(pool, family).filter(|addr| self.users(*addr).next().is_some());
            i64::try_from(used.count()).expect("few addresses")
        };
        (count(IpFamily::V4), count(IpFamily::V6))
    }
}
