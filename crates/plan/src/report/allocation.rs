//! Who gets which addresses: the engine of the controller, run once over everything.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::collections::BTreeMap;
use std::sync::Arc;

use ferrolb_api::RawConfig;
use ferrolb_api::annotations::RESERVATIONS;
use ferrolb_api::core::Service;
use ferrolb_api::facts::{FamilyPolicy, Ingress, ServiceFacts};
use ferrolb_api::metallb::IpAddressPool;
use ferrolb_api::resolved::Config;
use ferrolb_ipam::{Effect, Engine, Event, Outcome, Pools, ServiceEvent};
use ferrolb_types::{Instant, IpFamily, IpNet, IpRange, ObjectKey, PoolName};

use super::Options;
use super::objects::Objects;

/// What becomes of Services and pools.
pub(super) struct Allocation {
    engine: Engine,
    facts: BTreeMap<ObjectKey, Arc<ServiceFacts>>,
    events: BTreeMap<ObjectKey, Vec<ServiceEvent>>,
}

impl Allocation {
    pub(super) fn run(objects: &Objects, config: &Config, options: &Options) -> Self {
        let facts: BTreeMap<_, _> = objects
            .services
            .iter()
            .map(|(key, service)| (key.clone(), Arc::new(observe(service))))
            .collect();
        let mut engine = Engine::new(ferrolb_ipam::Options {
            class: options.class.clone(),
            strict_requests: options.strict_requests,
            ..ferrolb_ipam::Options::default()
        });
        let mut effects = Vec::new();
        for event in events(objects, &facts, config) {
            engine.handle(Instant::ZERO, event, &mut effects);
        }
        let mut events: BTreeMap<ObjectKey, Vec<ServiceEvent>> = BTreeMap::new();
        for effect in effects {
            if let Effect::RecordEvent(event) = effect {
                events.entry(event.service.clone()).or_default().push(event);
            }
        }
        Self {
            engine,
            facts,
            events,
        }
    }

    /// Services that want addresses or carry some, by key.
    pub(super) fn outcomes(&self) -> impl Iterator<Item = (&ObjectKey, Outcome)> {
        let outcome = |key| Some((key, self.engine.outcome(key)?));
        self.facts.keys().filter_map(outcome)
    }

    pub(super) fn engine(&self) -> &Engine {
        &self.engine
    }

    pub(super) fn events(&self, service: &ObjectKey) -> &[ServiceEvent] {
        self.events.get(service).map_or(&[], Vec::as_slice)
    }

    /// The Service as it is once its status is written.
    pub(super) fn settled(&self, service: &ObjectKey, outcome: &Outcome) -> Option<ServiceFacts> {
        let mut facts = ServiceFacts::clone(self.facts.get(service)?);
        facts
            .ingress
            .retain(|entry| matches!(entry, Ingress::Hostname(_)));
        let addresses = outcome.addresses.iter().copied().map(Ingress::Address);
        facts.ingress = addresses.chain(facts.ingress).collect();
        Some(facts)
    }
}

fn events<'a>(
    objects: &'a Objects,
    services: &'a BTreeMap<ObjectKey, Arc<ServiceFacts>>,
    config: &Config,
) -> impl Iterator<Item = Event> + use<'a> {
    let pools = Event::PoolsResolved(Pools {
        accepted: config.pools.clone(),
        refused: refused(&objects.raw, config),
    });
    let namespaces = objects
        .namespaces
        .values()
        .map(|namespace| Event::NamespaceApplied(namespace.observe()));
    let services = services.values().cloned().map(Event::ServiceApplied);
    reservations(&objects.raw)
        .chain([pools])
        .chain(namespaces)
        .chain(services)
        .chain([Event::Synced])
}

/// What the pools say is reserved; a list that cannot be read is a problem of its pool.
fn reservations(raw: &RawConfig) -> impl Iterator<Item = Event> + use<'_> {
    let counts = |pool: &&IpAddressPool| *raw.rules.namespace == *pool.metadata.namespace;
    raw.pools.iter().filter(counts).filter_map(|pool| {
        let reservations = pool.metadata.annotations.get(RESERVATIONS)?.parse().ok()?;
        let pool = PoolName::new(&*pool.metadata.name);
        Some(Event::ReservationsObserved { pool, reservations })
    })
}

/// Pools that are there but refused, with what can be read of their addresses.
fn refused(raw: &RawConfig, config: &Config) -> BTreeMap<PoolName, Vec<IpNet>> {
    let counts = |pool: &&IpAddressPool| *raw.rules.namespace == *pool.metadata.namespace;
    let refused = raw.pools.iter().filter(counts);
    let refused = refused.filter(|pool| !config.pools.contains_key(&*pool.metadata.name));
    refused
        .map(|pool| {
            let ranges = pool
                .spec
                .addresses
                .iter()
                .filter_map(|text| text.parse::<IpRange>().ok());
            let name = PoolName::new(&*pool.metadata.name);
            (name, ranges.flat_map(|range| range.prefixes()).collect())
        })
        .collect()
}

/// The Service as the API server would hold it: plain manifests lack cluster addresses.
fn observe(service: &Service) -> ServiceFacts {
    let mut facts = service.observe();
    if facts.cluster_ips.is_empty() && facts.ingress.is_empty() {
        let families = assumed_families(&facts);
        facts.cluster_ips = families
            .iter()
            .map(|f| placeholder(*f).to_string().into())
            .collect();
    }
    facts
}

/// One cluster address for each family asked for; without any, IPv4, or both if two are wanted.
fn assumed_families(facts: &ServiceFacts) -> &[IpFamily] {
    match (&*facts.families, facts.family_policy) {
        ([], FamilyPolicy::SingleStack) => &[IpFamily::V4],
        ([], FamilyPolicy::PreferDualStack | FamilyPolicy::RequireDualStack) => &[IpFamily::V4, IpFamily::V6],
        (families, _) => families,
    }
}

/// Only the family of a cluster address matters.
const fn placeholder(family: IpFamily) -> IpAddr {
    match family {
        IpFamily::V4 => IpAddr::V4(Ipv4Addr::new(10, 96, 0, 1)),
        IpFamily::V6 => IpAddr::V6(Ipv6Addr::new(0xfd00, 0x10, 0x96, 0, 0, 0, 0, 1)),
    }
}
