//! Objects with versions, an engine that watches them, and its writes applied to them.

use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::Arc;

use ferrolb_api::Reservations;
use ferrolb_api::facts::{Fence, Ingress, ServiceFacts};
use ferrolb_api::resolved::Pool;
use ferrolb_ipam::{
    Effect, Engine, Event, EventSeverity, Options, Outcome, PoolUsage, Pools, ServiceEvent, StatusWrite,
    WriteOutcome,
};
use ferrolb_types::{Instant, Labels, ObjectKey, PoolName};

use super::objects::{key, labels, namespace};

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
