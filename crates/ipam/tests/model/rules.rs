//! What must hold after every event.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ferrolb_api::facts::{RequestCondition, ServiceFacts};
use ferrolb_ipam::{Outcome, Reason, State, StatusWrite};
use ferrolb_types::{Instant, ObjectKey};

use crate::api_server::ApiServer;
use crate::controller::{Cause, Controller};
use crate::naive::{self, World};
use crate::support::apply_write;

impl Controller {
    /// No write without a difference.
    pub(crate) fn check_write(&self, api: &ApiServer, write: &StatusWrite) {
        let id = (write.key.clone(), write.resource_version.clone());
        let Some(base) = api.history.get(&id) else {
            self.fault(&format!("a write to a version that never was: {write:?}"));
        };
        let mut written = base.clone();
        apply_write(&mut written, write);
        let addresses = |facts: &ServiceFacts| facts.addresses().collect::<BTreeSet<_>>();
        let is_same = addresses(&written) == addresses(base)
            && written.pool_annotation == base.pool_annotation
            && written.request_condition == base.request_condition;
        if is_same {
            self.fault(&format!("a write that changes nothing: {write:?}"));
        }
    }

    /// Addresses of pools with a delay that nobody holds any more begin to rest; nothing else does; time ends a rest.
    pub(crate) fn check_rests(&mut self, cause: &Cause, now: Instant) {
        let (before, after) = (held(&self.before), held(&self.engine.outcomes()));
        let rests: BTreeMap<IpAddr, Instant> = self.engine.resting().collect();
        let owner = |addr: &IpAddr| self.pools.accepted.values().find(|pool| pool.owns(*addr));
        let delays = |addr: &&IpAddr| owner(addr).is_some_and(|pool| !pool.release_delay.is_zero());
        let mut released = before.difference(&after).filter(delays);
        if let Some(addr) = released.find(|addr| !rests.contains_key(*addr)) {
            self.fault(&format!("{addr} was released and does not rest"));
        }
        let shown: BTreeSet<IpAddr> = self.services.values().flat_map(addresses_of).collect();
        for (addr, until) in &rests {
            let begun = self.resting.get(addr) != Some(until);
            if after.contains(addr) || (begun && !before.contains(addr) && !shown.contains(addr)) {
                self.fault(&format!("{addr} rests without a release"));
            }
            if cause.is_tick && *until <= now {
                self.fault(&format!("{addr} rests too long"));
            }
        }
        self.resting = rests;
    }

    /// No double use; nothing waits that could be served; counters equal the truth; a valid holder never changes; what is
    /// reserved goes to its name.
    pub(crate) fn check(&self, cause: &Cause) {
        if !self.engine.is_started() {
            return;
        }
        let (outcomes, reservations) = (self.engine.outcomes(), self.reservations());
        let world = self.world(&outcomes, &reservations);
        let mut found = world.violations();
        found.extend(self.miscounts(&world));
        found.extend(self.given_to_others(&world));
        found.extend(self.unreserved(&world));
        found.extend(self.changes_without_cause(&world, cause));
        if !found.is_empty() {
            self.fault(&found.join("\n"));
        }
    }

    fn miscounts(&self, world: &World<'_>) -> Vec<String> {
        let mut found = Vec::new();
        for (name, usage) in self.engine.usage() {
            let pool = &self.pools.accepted[name];
            let (truth, withheld) = (world.used(pool), world.withheld(pool));
            if (usage.assigned_ipv4, usage.assigned_ipv6) != truth {
                found.push(format!("pool {name} counts {usage:?}, in use are {truth:?}"));
            }
            if usage.withheld != withheld {
                found.push(format!("pool {name} counts {usage:?}, withheld are {withheld}"));
            }
        }
        found
    }

    /// An address that nobody held and that is reserved goes to its name only, or to whoever has it in its status.
    fn given_to_others(&self, world: &World<'_>) -> Vec<String> {
        let was_held = held(&self.before);
        let mut found = Vec::new();
        for (name, list) in &self.reserved_before {
            let Some(pool) = world.pools.accepted.get(name) else {
                continue;
            };
            for (key, addresses) in list.iter() {
                let fresh = |addr: &&IpAddr| pool.owns(**addr) && !was_held.contains(*addr);
                for addr in addresses.iter().filter(fresh) {
                    let mut users = world.users(*addr).peekable();
                    let named = |facts: &ServiceFacts| {
                        naive::reservation_key(facts).is_some_and(|own| world.is_reserved(name, *addr, &own))
                    };
                    let entitled = |facts: &ServiceFacts| named(facts) || addresses_of(facts).contains(addr);
                    let still = world.is_reserved(name, *addr, key);
                    if still && users.peek().is_some() && !users.any(entitled) {
                        found.push(format!("{addr} is reserved under {key} and was given to others"));
                    }
                }
            }
        }
        found
    }

    /// While Services of a name live, what they hold is reserved where the oldest of them has its addresses.
    fn unreserved(&self, world: &World<'_>) -> Vec<String> {
        let names: BTreeSet<_> = world
            .services
            .values()
            .filter_map(naive::reservation_key)
            .collect();
        let mut found = Vec::new();
        for key in names {
            let expected = world.reserved_by_the_living(&key);
            for (pool, list) in world.reservations {
                let own: BTreeSet<IpAddr> = list.get(&key).unwrap_or_default().iter().copied().collect();
                let fits = match &expected {
                    None => true,
                    Some((of, addresses)) if of == pool => addresses.is_subset(&own),
                    Some(_) => own.is_empty(),
                };
                if !fits {
                    found.push(format!(
                        "under {key} {own:?} of {pool} is reserved, not {expected:?}"
                    ));
                }
            }
        }
        found
    }

    /// A valid holder never changes: only by an event of its own, by an edit of its pool, or because it asks for
    /// something else and can have it now.
    fn changes_without_cause(&self, world: &World<'_>, cause: &Cause) -> Vec<String> {
        let assigned = self
            .before
            .iter()
            .filter(|(_, before)| before.state == State::Assigned);
        let lost = assigned.filter_map(|(key, before)| {
            let (after, facts) = (world.outcomes.get(key)?, world.services.get(key)?);
            let kept = before.addresses.iter().all(|addr| after.addresses.contains(addr));
            let excused = kept
                || cause.successor.as_ref() == Some(key)
                || self.may_change(world, cause, facts, before, after);
            (!excused).then(|| format!("{key} lost {:?} for {:?}", before.addresses, after.addresses))
        });
        lost.collect()
    }

    fn may_change(
        &self,
        world: &World<'_>,
        cause: &Cause,
        facts: &ServiceFacts,
        before: &Outcome,
        after: &Outcome,
    ) -> bool {
        let owner = world.owner(before.addresses[0]);
        let is_own = cause.own.as_ref() == Some(&facts.key);
        let is_strict = self.options.strict_requests;
        let outlasts = !is_own && !is_strict && world.outlasts_its_pool(facts, before);
        if !outlasts && !world.keepable(facts, &before.addresses) {
            return true;
        }
        let restricted = owner.is_some_and(|pool| !world.allowed(pool, facts));
        let edited = (cause.pools_changed || is_strict) && restricted;
        // A wish that was not met, or that the address no longer meets since it has come into another pool.
        let wish = facts.request.pool.as_ref();
        let outside = !wish.is_empty() && owner.is_none_or(|pool| pool.name.as_str() != wish);
        // Where requests are strict, one that is not met costs the address.
        let moved = is_strict || !after.addresses.is_empty();
        let by_wish = moved && (is_own || before.reason.is_some() || outside);
        // What a status holds counts more than what was decided and has not been written.
        let mut gained = after
            .addresses
            .iter()
            .filter(|addr| !before.addresses.contains(addr));
        let in_status = gained.any(|addr| addresses_of(facts).contains(addr));
        let displaced = before.addresses.iter().any(|addr| {
            let mut others = world.users(*addr).filter(|other| other.key != facts.key);
            others.any(|other| addresses_of(other).contains(addr))
        });
        edited || by_wish || in_status || displaced
    }
}

/// What a status says of an unmet request, if nothing of the kind was decided.
pub(crate) fn unfounded<'a>(
    facts: &'a ServiceFacts,
    outcome: Option<&Outcome>,
) -> Option<&'a RequestCondition> {
    let told = facts.request_condition.as_deref()?;
    let is_decided = outcome.is_some_and(|outcome| {
        let reason = outcome.reason.map(Reason::as_str);
        reason == Some(&*told.reason) && outcome.state == State::Assigned && outcome.message == *told.message
    });
    (!is_decided).then_some(told)
}

fn held(outcomes: &BTreeMap<ObjectKey, Outcome>) -> BTreeSet<IpAddr> {
    outcomes
        .values()
        .flat_map(|outcome| outcome.addresses.clone())
        .collect()
}

fn addresses_of(facts: &ServiceFacts) -> Vec<IpAddr> {
    facts.addresses().collect()
}
