//! A cluster in miniature: objects with versions, an engine that watches them, and its writes applied to them.

#![allow(
    dead_code,
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    clippy::unwrap_used,
    missing_docs,
    unreachable_pub,
    reason = "shared by several test programs, of which each uses a part"
)]

use core::time::Duration;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use ferrolb_api::Reservations;
use ferrolb_api::facts::{
    FamilyPolicy, Fence, Ingress, NamespaceFacts, Port, Protocol, Request, ServiceFacts,
};
use ferrolb_api::resolved::{AddressEntry, Pool, ServiceAllocation};
use ferrolb_ipam::{
    Effect, Engine, Event, EventSeverity, Options, Outcome, PoolUsage, Pools, ServiceEvent, StatusWrite,
    WriteOutcome,
};
use ferrolb_types::selector::Requirement;
use ferrolb_types::{Instant, IpFamily, IpRange, Labels, ObjectKey, PoolName, Selector};

pub fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

pub fn key(name: &str) -> ObjectKey {
    match name.split_once('/') {
        Some(_) => ObjectKey::from_text(name),
        None => ObjectKey::new("default", name),
    }
}

pub fn labels(pairs: &[(&str, &str)]) -> Labels {
    pairs.iter().copied().collect()
}

pub fn selector(label: &str, value: &str) -> Selector {
    Selector::new(vec![Requirement::equals(label, value)]).unwrap()
}

pub fn pool(name: &str, addresses: &[&str]) -> Pool {
    let entry = |text: &&str| AddressEntry {
        text: (*text).into(),
        prefixes: text.parse::<IpRange>().unwrap().prefixes(),
    };
    Pool {
        name: name.into(),
        labels: Labels::default(),
        entries: addresses.iter().map(entry).collect(),
        auto_assign: true,
        avoid_buggy_ips: false,
        allocation: None,
        release_delay: core::time::Duration::ZERO,
        max_per_namespace: None,
    }
}

pub fn manual(mut pool: Pool) -> Pool {
    pool.auto_assign = false;
    pool
}

pub fn avoiding_buggy(mut pool: Pool) -> Pool {
    pool.avoid_buggy_ips = true;
    pool
}

pub fn pinned(mut pool: Pool, priority: i64, allocation: ServiceAllocation) -> Pool {
    pool.allocation = Some(ServiceAllocation {
        priority,
        ..allocation
    });
    pool
}

pub fn resting(mut pool: Pool, delay: Duration) -> Pool {
    pool.release_delay = delay;
    pool
}

pub fn at_most(mut pool: Pool, per_namespace: u32) -> Pool {
    pool.max_per_namespace = Some(per_namespace);
    pool
}

pub fn namespace(name: &str, labels: Labels, fence: Fence) -> NamespaceFacts {
    let name = name.into();
    NamespaceFacts { name, labels, fence }
}

pub fn for_namespace(name: &str) -> ServiceAllocation {
    ServiceAllocation {
        namespaces: [name.into()].into(),
        ..ServiceAllocation::default()
    }
}

pub fn for_labels(label: &str, value: &str) -> ServiceAllocation {
    ServiceAllocation {
        service_selectors: vec![selector(label, value)],
        ..ServiceAllocation::default()
    }
}

pub fn for_namespace_labels(label: &str, value: &str) -> ServiceAllocation {
    ServiceAllocation {
        namespace_selectors: vec![selector(label, value)],
        ..ServiceAllocation::default()
    }
}

/// A LoadBalancer Service with an IPv4 cluster address and port 80.
pub fn service(name: &str) -> ServiceFacts {
    let key = key(name);
    ServiceFacts {
        uid: format!("uid of {key}").into(),
        resource_version: "1".into(),
        created_at: "2026-01-01T00:00:00Z".into(),
        generation: 0,
        labels: Labels::default(),
        is_load_balancer: true,
        class: None,
        cluster_ips: vec!["10.96.0.1".into()],
        family_policy: FamilyPolicy::SingleStack,
        families: vec![IpFamily::V4],
        ports: vec![tcp(80)],
        local_traffic_only: false,
        pod_selector: "".into(),
        request: Request::default(),
        deprecated_annotations: Vec::new(),
        ingress: Vec::new(),
        pool_annotation: None,
        request_condition: None,
        key,
    }
}

pub fn tcp(number: u16) -> Port {
    Port {
        protocol: Protocol::Tcp,
        number,
    }
}

pub fn udp(number: u16) -> Port {
    Port {
        protocol: Protocol::Udp,
        number,
    }
}

/// Builder steps, so that tests read as one line.
pub trait With: Sized {
    fn cluster(self, ips: &[&str]) -> Self;
    fn dual(self, policy: FamilyPolicy) -> Self;
    fn status(self, ips: &[&str]) -> Self;
    fn with_pool(self, pool: &str) -> Self;
    fn asking(self, addresses: &str) -> Self;
    fn load_balancer_ip(self, address: &str) -> Self;
    fn in_pool(self, pool: &str) -> Self;
    fn sharing(self, key: &str) -> Self;
    fn ports(self, ports: &[Port]) -> Self;
    fn local(self, selector: &str) -> Self;
    fn labelled(self, pairs: &[(&str, &str)]) -> Self;
    fn created(self, at: &str) -> Self;
    fn reserving(self, name: &str) -> Self;
}

impl With for ServiceFacts {
    fn cluster(mut self, ips: &[&str]) -> Self {
        self.cluster_ips = ips.iter().map(|ip| (*ip).into()).collect();
        self.families = ips
            .iter()
            .filter_map(|ip| ip.parse().ok())
            .map(IpFamily::of)
            .collect();
        self
    }
    fn dual(mut self, policy: FamilyPolicy) -> Self {
        self.family_policy = policy;
        self.cluster(&["10.96.0.1", "3000::1"])
    }
    fn status(mut self, ips: &[&str]) -> Self {
        self.ingress = ips.iter().map(|text| Ingress::Address(ip(text))).collect();
        self
    }
    fn with_pool(mut self, pool: &str) -> Self {
        self.pool_annotation = Some(pool.into());
        self
    }
    fn asking(mut self, addresses: &str) -> Self {
        self.request.addresses = addresses.into();
        self
    }
    fn load_balancer_ip(mut self, address: &str) -> Self {
        self.request.load_balancer_ip = address.into();
        self
    }
    fn in_pool(mut self, pool: &str) -> Self {
        self.request.pool = pool.into();
        self
    }
    fn sharing(mut self, key: &str) -> Self {
        self.request.sharing_key = key.into();
        self
    }
    fn ports(mut self, ports: &[Port]) -> Self {
        self.ports = ports.to_vec();
        self
    }
    fn local(mut self, selector: &str) -> Self {
        self.local_traffic_only = true;
        self.pod_selector = selector.into();
        self
    }
    fn labelled(mut self, pairs: &[(&str, &str)]) -> Self {
        self.labels = labels(pairs);
        self
    }
    fn reserving(mut self, name: &str) -> Self {
        self.request.reserve_as = name.into();
        self
    }
    fn created(mut self, at: &str) -> Self {
        self.created_at = at.into();
        self
    }
}

/// Whether writes reach the API server by themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writes {
    /// At once, and the watch shows them.
    Immediate,
    /// When the test says so.
    Held,
}

/// Objects, the engine that watches them, and everything it ever asked for.
pub struct Cluster {
    pub engine: Engine,
    pub now: Instant,
    pub objects: BTreeMap<ObjectKey, ServiceFacts>,
    pub version: u64,
    pub writes: Writes,
    /// Writes that wait for the test.
    pub held: Vec<StatusWrite>,
    /// All status writes.
    pub written: Vec<StatusWrite>,
    /// All events.
    pub events: Vec<ServiceEvent>,
    /// The last reported counters.
    pub usage: BTreeMap<PoolName, PoolUsage>,
    /// Reservations as the objects of the pools hold them.
    pub recorded: BTreeMap<PoolName, Reservations>,
    pools: Pools,
}

impl Cluster {
    /// An engine that has not started.
    pub fn stopped(strict: bool) -> Self {
        let options = Options {
            class: "".into(),
            strict_requests: strict,
            ..Options::default()
        };
        Self::with(options)
    }

    pub fn with(options: Options) -> Self {
        Self {
            engine: Engine::new(options),
            now: Instant::ZERO,
            objects: BTreeMap::new(),
            version: 1,
            writes: Writes::Immediate,
            held: Vec::new(),
            written: Vec::new(),
            events: Vec::new(),
            usage: BTreeMap::new(),
            recorded: BTreeMap::new(),
            pools: Pools::default(),
        }
    }

    /// A started engine with these pools.
    pub fn started(strict: bool, pools: &[Pool]) -> Self {
        let mut cluster = Self::stopped(strict);
        cluster.pools(pools);
        cluster.feed(Event::Synced);
        cluster
    }

    /// An engine that is started with these Services present.
    pub fn restarted(strict: bool, pools: &[Pool], services: Vec<ServiceFacts>) -> Self {
        let mut cluster = Self::stopped(strict);
        for service in services {
            cluster.apply(service);
        }
        cluster.pools(pools);
        cluster.feed(Event::Synced);
        cluster
    }

    pub fn pools(&mut self, pools: &[Pool]) {
        let accepted = pools.iter().map(|p| (p.name.clone(), Arc::new(p.clone())));
        self.pools.accepted = accepted.collect();
        self.feed(Event::PoolsResolved(self.pools.clone()));
    }

    pub fn refuse(&mut self, name: &str, prefixes: &[&str]) {
        let prefixes = prefixes.iter().map(|p| p.parse().unwrap()).collect();
        self.pools.refused.insert(name.into(), prefixes);
        self.feed(Event::PoolsResolved(self.pools.clone()));
    }

    /// Creates a Service or replaces all of it.
    pub fn apply(&mut self, mut facts: ServiceFacts) {
        self.version += 1;
        facts.resource_version = self.version.to_string().into();
        self.objects.insert(facts.key.clone(), facts.clone());
        self.feed(Event::ServiceApplied(Arc::new(facts)));
    }

    /// Changes a Service as a user does: its status stays.
    pub fn change(&mut self, name: &str, edit: impl FnOnce(ServiceFacts) -> ServiceFacts) {
        let facts = self.objects[&key(name)].clone();
        self.apply(edit(facts));
    }

    pub fn delete(&mut self, name: &str) {
        self.objects.remove(&key(name));
        self.feed(Event::ServiceDeleted(key(name)));
    }

    pub fn namespace(&mut self, name: &str, pairs: &[(&str, &str)]) {
        self.feed(Event::NamespaceApplied(namespace(
            name,
            labels(pairs),
            Fence::Open,
        )));
    }

    /// Confines a namespace to these pools.
    pub fn confine(&mut self, name: &str, pools: &[&str]) {
        let fence = Fence::Pools(pools.iter().map(|name| (*name).into()).collect());
        self.feed(Event::NamespaceApplied(namespace(name, Labels::default(), fence)));
    }

    /// What the object of a pool holds of reservations is edited by hand.
    pub fn edit_reservations(&mut self, pool: &str, text: &str) {
        self.recorded.insert(pool.into(), text.parse().unwrap());
        self.show_reservations(pool);
    }

    /// The watch shows the object of a pool.
    pub fn show_reservations(&mut self, pool: &str) {
        let reservations = self.recorded.get(pool).cloned().unwrap_or_default();
        self.feed(Event::ReservationsObserved {
            pool: pool.into(),
            reservations,
        });
    }

    /// Lets time pass, up to and including every deadline on the way.
    pub fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(at) = self.engine.next_deadline().filter(|at| *at <= end) {
            self.now = at.max(self.now);
            self.feed(Event::Tick);
        }
        self.now = end;
    }

    pub fn feed(&mut self, event: Event) {
        let mut out = Vec::new();
        self.engine.handle(self.now, event, &mut out);
        for effect in out {
            self.take(effect);
        }
        if self.writes == Writes::Immediate {
            while let Some(write) = self.held.pop() {
                self.finish(&write);
            }
        }
    }

    fn take(&mut self, effect: Effect) {
        match effect {
            Effect::WriteStatus(write) => {
                self.written.push(write.clone());
                self.held.push(write);
            }
            Effect::RecordEvent(event) => self.events.push(event),
            Effect::PoolUsageChanged { pool, usage } => {
                self.usage.insert(pool, usage);
            }
            Effect::RecordReservations { pool, reservations } => {
                self.recorded.insert(pool, reservations);
            }
            Effect::PoolRemoved { pool } => {
                self.usage.remove(&pool);
            }
        }
    }

    /// Lets a write happen, shows the result to the watch and then gives the answer.
    pub fn finish(&mut self, write: &StatusWrite) {
        let outcome = self.store(write);
        if let (WriteOutcome::Written { .. }, Some(object)) = (&outcome, self.objects.get(&write.key)) {
            let shown = Event::ServiceApplied(Arc::new(object.clone()));
            self.feed(shown);
        }
        self.answer(write, outcome);
    }

    pub fn answer(&mut self, write: &StatusWrite, outcome: WriteOutcome) {
        self.feed(Event::WriteFinished {
            key: write.key.clone(),
            ticket: write.ticket,
            outcome,
        });
    }

    /// What the API server does with a write.
    pub fn store(&mut self, write: &StatusWrite) -> WriteOutcome {
        let Some(object) = self.objects.get_mut(&write.key).filter(|o| o.uid == write.uid) else {
            return WriteOutcome::Gone;
        };
        if object.resource_version != write.resource_version {
            return WriteOutcome::Conflict;
        }
        self.version += 1;
        object.resource_version = self.version.to_string().into();
        apply_write(object, write);
        WriteOutcome::Written {
            resource_version: object.resource_version.clone(),
        }
    }

    pub fn outcome(&self, name: &str) -> Outcome {
        self.engine
            .outcome(&key(name))
            .expect("the engine knows the Service")
    }

    /// Addresses in the status, as text separated by spaces.
    pub fn status(&self, name: &str) -> String {
        let texts: Vec<String> = self.objects[&key(name)]
            .addresses()
            .map(|a| a.to_string())
            .collect();
        texts.join(" ")
    }

    pub fn annotation(&self, name: &str) -> Option<&str> {
        self.objects[&key(name)].pool_annotation.as_deref()
    }

    /// `Severity reason` of all events of a Service, in order.
    pub fn events_of(&self, name: &str) -> Vec<String> {
        let of = |event: &&ServiceEvent| event.service == key(name);
        self.events
            .iter()
            .filter(of)
            .map(|e| format!("{} {}", e.severity, e.reason))
            .collect()
    }

    pub fn has_warning(&self) -> bool {
        self.events
            .iter()
            .any(|event| event.severity == EventSeverity::Warning)
    }

    /// Forgets what was asked for so far.
    pub fn forget(&mut self) {
        self.written.clear();
        self.events.clear();
    }
}

/// Entries whose address stays, and host names, stay; the order is that of the write.
pub fn apply_write(object: &mut ServiceFacts, write: &StatusWrite) {
    let mut ingress: Vec<Ingress> = write.addresses.iter().copied().map(Ingress::Address).collect();
    let names = object
        .ingress
        .iter()
        .filter(|entry| matches!(entry, Ingress::Hostname(_)));
    ingress.extend(names.cloned());
    object.ingress = ingress;
    object.pool_annotation = write.pool.as_ref().map(|pool| pool.as_str().into());
    object.request_condition = write.request_condition.clone();
}
