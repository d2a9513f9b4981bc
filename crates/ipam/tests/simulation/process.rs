//! One controller: its engine, and the world as it was told.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ferrolb_api::Reservations;
use ferrolb_api::facts::{NamespaceFacts, ServiceFacts};
use ferrolb_ipam::{Engine, Event, Options, Pools, StatusWrite};
use ferrolb_types::{Instant, NamespaceName, ObjectKey, PoolName};

use crate::naive;
use crate::support::apply_write;

pub(crate) struct Process {
    pub(crate) engine: Engine,
    /// What is on its way arrives in order.
    pub(crate) watched_until: Instant,
    pub(crate) is_watching: bool,
    /// Grows with every list: what an earlier watch has under way is not heard any more.
    pub(crate) watch: u32,
    pub(crate) tick_at: Option<Instant>,
    /// Reservations as the engine wants them.
    pub(crate) wanted: BTreeMap<PoolName, Reservations>,
    /// Reservations as last observed, with the version that held them.
    pub(crate) recorded: BTreeMap<PoolName, (u64, Reservations)>,
    services: BTreeMap<ObjectKey, ServiceFacts>,
    namespaces: BTreeMap<NamespaceName, NamespaceFacts>,
    pools: Pools,
}

impl Process {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            engine: Engine::new(Options::default()),
            watched_until: now,
            is_watching: true,
            watch: 0,
            tick_at: None,
            wanted: BTreeMap::new(),
            recorded: BTreeMap::new(),
            services: BTreeMap::new(),
            namespaces: BTreeMap::new(),
            pools: Pools::default(),
        }
    }

    /// Remembers what the engine is about to be told.
    pub(crate) fn hear(&mut self, event: &Event) {
        match event {
            Event::ServiceApplied(facts) if !self.has_newer(facts) => {
                self.services.insert(facts.key.clone(), (**facts).clone());
            }
            Event::ServiceDeleted(key) => drop(self.services.remove(key)),
            Event::NamespaceApplied(facts) => {
                self.namespaces.insert(facts.name.clone(), facts.clone());
            }
            Event::PoolsResolved(pools) => self.pools = pools.clone(),
            _ => {}
        }
    }

    /// Of Services that do not concern it the engine remembers nothing, versions neither.
    fn has_newer(&self, facts: &ServiceFacts) -> bool {
        let version = |facts: &ServiceFacts| facts.resource_version.parse::<u64>().expect("a number");
        let is_remembered = self.engine.outcome(&facts.key).is_some();
        let known = self.services.get(&facts.key).filter(|_| is_remembered);
        known.is_some_and(|known| version(known) > version(facts))
    }

    /// Whether it knows this very Service, in whatever version.
    pub(crate) fn knows(&self, facts: &ServiceFacts) -> bool {
        self.services
            .get(&facts.key)
            .is_some_and(|known| known.uid == facts.uid)
    }

    /// Services that it knows and that are not among `existing`.
    pub(crate) fn gone(&self, existing: &BTreeMap<ObjectKey, ServiceFacts>) -> Vec<ObjectKey> {
        let gone = self.services.keys().filter(|key| !existing.contains_key(*key));
        gone.cloned().collect()
    }

    /// Whether a write would change nothing in the version that it is based on.
    pub(crate) fn is_idle(&self, write: &StatusWrite) -> bool {
        let base = self.services.get(&write.key);
        base.filter(|base| base.resource_version == write.resource_version)
            .is_some_and(|base| {
                let mut after = base.clone();
                apply_write(&mut after, write);
                let set = |facts: &ServiceFacts| facts.addresses().collect::<BTreeSet<IpAddr>>();
                set(&after) == set(base)
                    && after.pool_annotation == base.pool_annotation
                    && after.request_condition == base.request_condition
            })
    }

    /// What it has decided against the rules, by what it was told.
    pub(crate) fn violations(&self) -> Vec<String> {
        if !self.engine.is_started() {
            return Vec::new();
        }
        let outcomes = self.engine.outcomes();
        let names = self.pools.accepted.keys();
        let reservations = names
            .map(|name| (name.clone(), self.engine.reservations(name)))
            .collect();
        let world = naive::World {
            pools: &self.pools,
            namespaces: &self.namespaces,
            await_namespaces: false,
            reservations: &reservations,
            resting: &self.engine.resting().collect(),
            services: &self.services,
            outcomes: &outcomes,
        };
        let mut found = world.violations();
        for (name, usage) in self.engine.usage() {
            let truth = world.used(&self.pools.accepted[name]);
            if (usage.assigned_ipv4, usage.assigned_ipv6) != truth {
                found.push(format!("{name} counts {usage:?}, in use are {truth:?}"));
            }
        }
        found
    }

    /// What it wants and the API server does not hold.
    pub(crate) fn differences(
        &self,
        stored: &BTreeMap<ObjectKey, ServiceFacts>,
        recorded: &BTreeMap<PoolName, (u64, Reservations)>,
    ) -> Vec<String> {
        let mut found = Vec::new();
        for (key, facts) in stored {
            let stored: BTreeSet<IpAddr> = facts.addresses().collect();
            let outcome = self.engine.outcome(key);
            let decided: BTreeSet<IpAddr> = outcome.into_iter().flat_map(|o| o.addresses).collect();
            if stored != decided {
                found.push(format!("{key} has {stored:?} but was given {decided:?}"));
            }
        }
        for pool in self.pools.accepted.keys() {
            let list = self.engine.reservations(pool);
            let recorded = recorded
                .get(pool)
                .map(|(_, list)| list.clone())
                .unwrap_or_default();
            if list != recorded {
                found.push(format!("{pool} holds {recorded}, decided is {list}"));
            }
        }
        found
    }
}
