//! One controller: its engine, what its watches have shown it, its writes and their answers. Everything that it is fed
//! is followed by a look at whether the rules hold.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;

use ferrolb_api::Reservations;
use ferrolb_api::facts::{NamespaceFacts, ServiceFacts};
use ferrolb_ipam::{Effect, Engine, Event, Options, Outcome, Pools, StatusWrite, WriteOutcome};
use ferrolb_types::{Instant, NamespaceName, ObjectKey, PoolName};

use crate::api_server::ApiServer;
use crate::naive::World;
use crate::specs::{NAMES, NAMESPACES, POOLS};
use crate::support::key;

/// What happened so far, told when a rule is broken.
#[derive(Clone, Default)]
pub(crate) struct Log(Rc<RefCell<Vec<String>>>);

impl Log {
    pub(crate) fn note(&self, line: String) {
        self.0.borrow_mut().push(line);
    }

    pub(crate) fn text(&self) -> String {
        self.0.borrow().join("\n")
    }
}

/// How the answer to a write gets back.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Delivery {
    Arrives,
    /// All that is heard is that the connection was lost.
    Lost,
    /// It arrives, and once more later.
    Twice,
}

/// What the events of one step were about, as far as it excuses changes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cause {
    /// The Service that the event is about.
    pub(crate) own: Option<ObjectKey>,
    /// A Service of another UID came in the place of one that was known.
    pub(crate) successor: Option<ObjectKey>,
    pub(crate) pools_changed: bool,
    pub(crate) is_tick: bool,
}

pub(crate) struct Controller {
    pub(crate) name: usize,
    pub(crate) options: Options,
    pub(crate) engine: Engine,
    /// What its watches have shown.
    pub(crate) services: BTreeMap<ObjectKey, ServiceFacts>,
    pub(crate) namespaces: BTreeMap<NamespaceName, NamespaceFacts>,
    pub(crate) pools: Pools,
    pub(crate) recorded: BTreeMap<PoolName, (u64, Reservations)>,
    /// Lists of reservations to be written.
    pub(crate) to_record: BTreeMap<PoolName, Reservations>,
    pub(crate) resting: BTreeMap<IpAddr, Instant>,
    /// The opinion of the engine before the last event.
    pub(crate) before: BTreeMap<ObjectKey, Outcome>,
    pub(crate) reserved_before: BTreeMap<PoolName, Reservations>,
    /// A Service that is about to be shown in the place of another of its name.
    successor: Option<ObjectKey>,
    /// Counts processes: nobody hears the answers to the writes of an earlier one.
    process: u32,
    /// Writes on their way to the API server, each with its process, and answers on their way back.
    writes: Vec<(u32, StatusWrite)>,
    answers: Vec<(StatusWrite, WriteOutcome)>,
    pub(crate) log: Log,
}

impl Controller {
    pub(crate) fn new(name: usize, options: Options, log: Log) -> Self {
        Self {
            name,
            engine: Engine::new(options.clone()),
            options,
            services: BTreeMap::new(),
            namespaces: BTreeMap::new(),
            pools: Pools::default(),
            recorded: BTreeMap::new(),
            to_record: BTreeMap::new(),
            resting: BTreeMap::new(),
            before: BTreeMap::new(),
            reserved_before: BTreeMap::new(),
            successor: None,
            process: 0,
            writes: Vec::new(),
            answers: Vec::new(),
            log,
        }
    }

    /// A new process; whatever was in flight may still land, its answer is never heard. With `is_poolless` pools are
    /// not there at first, as while their definition is being replaced.
    pub(crate) fn restart(&mut self, api: &ApiServer, now: Instant, is_poolless: bool) {
        self.engine = Engine::new(self.options.clone());
        self.process += 1;
        self.answers.clear();
        self.before.clear();
        self.resting.clear();
        self.to_record.clear();
        self.recorded.clear();
        self.pools = Pools::default();
        self.namespaces = api.namespaces.clone();
        for facts in api.namespaces.values() {
            self.feed(api, now, Event::NamespaceApplied(facts.clone()));
        }
        self.services.clone_from(&api.objects);
        for facts in api.objects.values() {
            self.feed(api, now, Event::ServiceApplied(Arc::new(facts.clone())));
        }
        if is_poolless {
            self.feed(api, now, Event::PoolsResolved(Pools::default()));
            self.feed(api, now, Event::Synced);
        } else {
            self.feed(api, now, Event::Synced);
            self.show_pools(api, now);
        }
    }

    /// Shows everything that there is.
    pub(crate) fn show_all(&mut self, api: &ApiServer, now: Instant) {
        self.show_pools(api, now);
        for namespace in NAMESPACES {
            self.show_namespace(api, now, namespace);
        }
        for name in NAMES {
            self.show(api, now, &key(name));
        }
    }

    /// The watch shows all pools, each with its reservations before the set that results.
    pub(crate) fn show_pools(&mut self, api: &ApiServer, now: Instant) {
        self.show_pool_set(api, now, api.pools.clone());
    }

    /// The watch shows the pools as they once were, maybe after it has shown newer ones.
    pub(crate) fn show_old_pools(&mut self, api: &ApiServer, now: Instant, back: usize) {
        if let Some(pools) = api.pool_sets.iter().rev().nth(back) {
            self.show_pool_set(api, now, pools.clone());
        }
    }

    fn show_pool_set(&mut self, api: &ApiServer, now: Instant, pools: Pools) {
        let exists = |pool: &PoolName| pools.accepted.contains_key(pool) || pools.refused.contains_key(pool);
        for pool in POOLS.map(PoolName::from) {
            if exists(&pool) && api.has_pool(&pool) {
                self.show_reservations(api, now, &pool, api.reservations(&pool));
            }
        }
        self.recorded.retain(|pool, _| exists(pool));
        self.to_record.retain(|pool, _| exists(pool));
        self.pools = pools.clone();
        self.feed(api, now, Event::PoolsResolved(pools));
    }

    /// The watch shows the object of a pool whose specification is as it was.
    pub(crate) fn show_pool(&mut self, api: &ApiServer, now: Instant, pool: &PoolName) {
        if self.knows(pool) && api.has_pool(pool) {
            self.show_reservations(api, now, pool, api.reservations(pool));
        }
    }

    /// The watch shows an older list of a pool.
    pub(crate) fn show_old_list(&mut self, api: &ApiServer, now: Instant, pool: &PoolName, back: usize) {
        let lists = api.lists.get(pool).into_iter().flatten().rev();
        if let Some(list) = lists.skip(back).find(|_| self.knows(pool)) {
            self.show_reservations(api, now, pool, list.clone());
        }
    }

    fn knows(&self, pool: &PoolName) -> bool {
        self.pools.accepted.contains_key(pool) || self.pools.refused.contains_key(pool)
    }

    fn show_reservations(
        &mut self,
        api: &ApiServer,
        now: Instant,
        pool: &PoolName,
        list: (u64, Reservations),
    ) {
        self.recorded.insert(pool.clone(), list.clone());
        let (pool, reservations) = (pool.clone(), list.1);
        self.feed(api, now, Event::ReservationsObserved { pool, reservations });
    }

    pub(crate) fn show_namespace(&mut self, api: &ApiServer, now: Instant, name: &str) {
        let facts = api.namespaces.get(&NamespaceName::from(name));
        self.show_namespace_as(api, now, name, facts.cloned());
    }

    /// The watch shows a Namespace as it once was, maybe after it has shown a newer state.
    pub(crate) fn show_old_namespace(&mut self, api: &ApiServer, now: Instant, name: &str, back: usize) {
        let states = api.namespace_states.get(&NamespaceName::from(name));
        let old = states.and_then(|states| states.iter().rev().nth(back));
        if let Some(facts) = old.cloned() {
            self.show_namespace_as(api, now, name, facts);
        }
    }

    fn show_namespace_as(
        &mut self,
        api: &ApiServer,
        now: Instant,
        name: &str,
        facts: Option<NamespaceFacts>,
    ) {
        let name: NamespaceName = name.into();
        match facts {
            Some(facts) => {
                self.namespaces.insert(name, facts.clone());
                self.feed(api, now, Event::NamespaceApplied(facts));
            }
            None => {
                self.namespaces.remove(&name);
                self.feed(api, now, Event::NamespaceDeleted { name });
            }
        }
    }

    /// The watch shows the newest version of a Service. Versions in between are lost, and so is the deletion of one that
    /// was created anew.
    pub(crate) fn show(&mut self, api: &ApiServer, now: Instant, key: &ObjectKey) {
        match api.objects.get(key) {
            Some(facts) => {
                let known = self.services.insert(key.clone(), facts.clone());
                let other = known.filter(|known| known.uid != facts.uid);
                self.successor = other.map(|known| known.key);
                self.feed(api, now, Event::ServiceApplied(Arc::new(facts.clone())));
            }
            None => {
                self.services.remove(key);
                self.feed(api, now, Event::ServiceDeleted(key.clone()));
            }
        }
    }

    /// The watch shows an older version of a Service again.
    pub(crate) fn show_old(&mut self, api: &ApiServer, now: Instant, key: &ObjectKey, back: usize) {
        // What does not concern the engine is not remembered, so there is nothing to compare an old version with; a
        // watch shows the newer one again soon.
        let is_known = self.engine.outcome(key).is_some();
        let Some(shown) = self.services.get(key).filter(|_| is_known) else {
            return;
        };
        let of_it = |facts: &&ServiceFacts| facts.key == *key && facts.uid == shown.uid;
        let old = api.history.values().rev().filter(of_it).nth(back).cloned();
        if let Some(old) = old.filter(|old| version_of(old) <= version_of(shown)) {
            self.feed(api, now, Event::ServiceApplied(Arc::new(old)));
        }
    }

    /// The API server executes a write; with `again` the network delivers it once more later.
    pub(crate) fn execute(&mut self, api: &mut ApiServer, n: usize, again: bool) {
        if n >= self.writes.len() {
            return;
        }
        let (process, write) = self.writes.remove(n);
        let outcome = api.execute(&write);
        if again {
            self.writes.push((process, write.clone()));
        }
        if process == self.process {
            self.answers.push((write, outcome));
        }
    }

    pub(crate) fn answer(&mut self, api: &ApiServer, now: Instant, n: usize, how: Delivery) {
        if n >= self.answers.len() {
            return;
        }
        let (write, outcome) = self.answers.remove(n);
        if matches!(how, Delivery::Twice) {
            self.answers.push((write.clone(), outcome.clone()));
        }
        let is_lost = matches!(how, Delivery::Lost);
        self.finish(
            api,
            now,
            &write,
            if is_lost { WriteOutcome::Failed } else { outcome },
        );
    }

    /// A write comes to an end without having been executed.
    pub(crate) fn fail(&mut self, api: &ApiServer, now: Instant, n: usize, outcome: WriteOutcome) {
        if n >= self.writes.len() {
            return;
        }
        let (process, write) = self.writes.remove(n);
        if process == self.process {
            self.finish(api, now, &write, outcome);
        }
    }

    fn finish(&mut self, api: &ApiServer, now: Instant, write: &StatusWrite, outcome: WriteOutcome) {
        let (key, ticket) = (write.key.clone(), write.ticket);
        self.feed(api, now, Event::WriteFinished { key, ticket, outcome });
    }

    /// The reservations of a pool are written where its object is not known to hold them; stored if it is as known.
    pub(crate) fn record(&mut self, api: &mut ApiServer, pool: &PoolName) -> bool {
        let (Some(list), Some((version, seen))) = (self.to_record.get(pool), self.recorded.get(pool)) else {
            return false;
        };
        list != seen && api.record(pool, *version, list.clone())
    }

    /// Its deadline, if it has one, has passed if it is not later than `now`.
    pub(crate) fn tick_at(&mut self, api: &ApiServer, now: Instant) {
        if self.engine.next_deadline().is_some_and(|at| at <= now) {
            self.feed(api, now, Event::Tick);
        }
    }

    /// Hears the answers to all writes.
    pub(crate) fn hear_all(&mut self, api: &ApiServer, now: Instant) {
        while !self.answers.is_empty() {
            self.answer(api, now, 0, Delivery::Arrives);
        }
    }

    /// Lets all writes be executed. Its watch, which goes on, shows it the lists that it wrote before it shows what others
    /// make of them.
    pub(crate) fn flush(&mut self, api: &mut ApiServer, now: Instant) {
        while !self.writes.is_empty() {
            self.execute(api, 0, false);
        }
        for pool in POOLS.map(PoolName::from) {
            if self.record(api, &pool) {
                self.show_pool(api, now, &pool);
            }
        }
    }

    /// Whether nothing more will happen by itself.
    pub(crate) fn is_quiet(&self, api: &ApiServer) -> bool {
        let is_recorded = |(pool, list): (&PoolName, &Reservations)| api.reservations(pool).1 == *list;
        self.writes.is_empty()
            && self.answers.is_empty()
            && self.engine.next_deadline().is_none()
            && self.to_record.iter().all(is_recorded)
    }

    /// Status writes that were asked for and not executed.
    pub(crate) fn pending_writes(&self) -> Vec<&StatusWrite> {
        self.writes.iter().map(|(_, write)| write).collect()
    }

    fn feed(&mut self, api: &ApiServer, now: Instant, event: Event) {
        self.log.note(format!("  {} <- {event:?}", self.name));
        let cause = self.cause_of(&event);
        self.before = self.engine.outcomes();
        self.reserved_before = self.reservations();
        let mut out = Vec::new();
        self.engine.handle(now, event, &mut out);
        for effect in out {
            self.log.note(format!("    {} -> {effect:?}", self.name));
            match effect {
                Effect::WriteStatus(write) => {
                    self.check_write(api, &write);
                    self.writes.push((self.process, write));
                }
                Effect::RecordReservations { pool, reservations } => {
                    self.to_record.insert(pool, reservations);
                }
                _ => {}
            }
        }
        self.check_rests(&cause, now);
        self.check(&cause);
    }

    fn cause_of(&mut self, event: &Event) -> Cause {
        Cause {
            own: match event {
                Event::ServiceApplied(facts) => Some(facts.key.clone()),
                // What others wrote meanwhile is looked at when the own write has an end.
                Event::WriteFinished { key, .. } => Some(key.clone()),
                _ => None,
            },
            successor: self.successor.take(),
            pools_changed: matches!(event, Event::PoolsResolved(_)),
            is_tick: matches!(event, Event::Tick),
        }
    }

    pub(crate) fn reservations(&self) -> BTreeMap<PoolName, Reservations> {
        let names = self.pools.accepted.keys().chain(self.pools.refused.keys());
        names
            .map(|name| (name.clone(), self.engine.reservations(name)))
            .collect()
    }

    /// What the naive rules look at.
    pub(crate) fn world<'a>(
        &'a self,
        outcomes: &'a BTreeMap<ObjectKey, Outcome>,
        reservations: &'a BTreeMap<PoolName, Reservations>,
    ) -> World<'a> {
        World {
            pools: &self.pools,
            namespaces: &self.namespaces,
            await_namespaces: self.options.await_namespaces,
            reservations,
            resting: &self.resting,
            services: &self.services,
            outcomes,
        }
    }

    pub(crate) fn fault(&self, what: &str) -> ! {
        panic!("controller {}: {what}\n{}", self.name, self.log.text());
    }

    /// What the engine has decided for a Service.
    pub(crate) fn decided(&self, key: &ObjectKey) -> BTreeSet<IpAddr> {
        let outcome = self.engine.outcome(key);
        outcome
            .into_iter()
            .flat_map(|outcome| outcome.addresses)
            .collect()
    }
}

fn version_of(facts: &ServiceFacts) -> u64 {
    facts.resource_version.parse().unwrap_or_default()
}
