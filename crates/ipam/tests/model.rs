//! Random histories against the rules written down naively: Services, pools and Namespaces change, watches lag,
//! repeat and go back, writes are delayed, fail, conflict or lose their answer, others edit statuses, the controller
//! restarts. After every event the state must obey the rules, and in the end the statuses say what was decided.

#[path = "model/naive.rs"]
mod naive;
#[path = "model/specs.rs"]
mod specs;
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use ferrolb_api::facts::{Ingress, ServiceFacts};
use ferrolb_ipam::{Effect, Engine, Event, Options, Outcome, Pools, State, StatusWrite, WriteOutcome};
use ferrolb_types::{Instant, Labels, NamespaceName, ObjectKey};
use naive::World;
use proptest::prelude::*;
use specs::{NAMES, PoolsSpec, Spec, address, build_pools, build_service, pools_spec, spec};
use support::{apply_write, labels};

/// One thing that happens to the world.
#[derive(Clone, Debug)]
enum Op {
    Apply(usize, Spec),
    Delete(usize),
    Pools(PoolsSpec),
    Namespace(bool, bool),
    /// The watch shows the newest version of a Service.
    Show(usize),
    /// The watch shows an older version again.
    ShowOld(usize, usize),
    /// The API server executes a write.
    Execute(usize),
    /// The answer of an executed write arrives, or is lost.
    Answer(usize, bool),
    /// A write fails without having been executed.
    Fail(usize, u8),
    /// Somebody else writes a status.
    Edit(usize, Vec<usize>),
    Tick,
    Restart,
}

fn op() -> impl Strategy<Value = Op> {
    let name = || 0..NAMES.len();
    prop_oneof![
        8 => (name(), spec()).prop_map(|(n, s)| Op::Apply(n, s)),
        2 => name().prop_map(Op::Delete),
        2 => pools_spec().prop_map(Op::Pools),
        1 => any::<(bool, bool)>().prop_map(|(n, l)| Op::Namespace(n, l)),
        6 => name().prop_map(Op::Show),
        1 => (name(), 0usize..8).prop_map(|(n, v)| Op::ShowOld(n, v)),
        6 => (0usize..4).prop_map(Op::Execute),
        5 => (0usize..4, prop::bool::weighted(0.8)).prop_map(|(n, arrives)| Op::Answer(n, arrives)),
        1 => (0usize..4, 0u8..3).prop_map(|(n, how)| Op::Fail(n, how)),
        1 => (name(), prop::collection::vec(0usize..14, 0..3)).prop_map(|(n, a)| Op::Edit(n, a)),
        1 => Just(Op::Tick),
        1 => Just(Op::Restart),
    ]
}

struct Sim {
    engine: Engine,
    strict: bool,
    now: Instant,
    version: u64,
    /// What the API server holds.
    objects: BTreeMap<ObjectKey, ServiceFacts>,
    /// All versions there ever were.
    history: BTreeMap<(ObjectKey, Box<str>), ServiceFacts>,
    /// What the engine has been shown.
    shown: BTreeMap<ObjectKey, ServiceFacts>,
    namespaces: BTreeMap<NamespaceName, Labels>,
    pools: Pools,
    /// Counts processes: nobody hears the answers to the writes of an earlier one.
    process: u32,
    /// Writes on their way to the API server, each with its process, and answers on their way back.
    writes: Vec<(u32, StatusWrite)>,
    answers: Vec<(StatusWrite, WriteOutcome)>,
    /// The engine's opinion before the last event.
    before: BTreeMap<ObjectKey, Outcome>,
    /// Services of which the last event was about another of the same name.
    successors: BTreeSet<ObjectKey>,
    log: Vec<String>,
}

impl Sim {
    fn new(strict: bool) -> Self {
        let mut sim = Self {
            engine: Engine::new(Options::default()),
            strict,
            now: Instant::ZERO,
            version: 1,
            objects: BTreeMap::new(),
            history: BTreeMap::new(),
            shown: BTreeMap::new(),
            namespaces: BTreeMap::new(),
            pools: Pools::default(),
            process: 0,
            writes: Vec::new(),
            answers: Vec::new(),
            before: BTreeMap::new(),
            successors: BTreeSet::new(),
            log: Vec::new(),
        };
        sim.restart();
        sim
    }

    fn run(&mut self, op: &Op) {
        self.log.push(format!("{op:?}"));
        match op {
            Op::Apply(n, spec) => self.apply(NAMES[*n], spec),
            Op::Delete(n) => {
                self.objects.remove(&support::key(NAMES[*n]));
            }
            Op::Pools(spec) => {
                self.pools = build_pools(spec);
                self.feed(Event::PoolsResolved(self.pools.clone()));
            }
            Op::Namespace(a, labelled) => {
                let name: NamespaceName = if *a { "a" } else { "b" }.into();
                let labels = if *labelled {
                    labels(&[("tier", "x")])
                } else {
                    Labels::default()
                };
                self.namespaces.insert(name.clone(), labels.clone());
                self.feed(Event::NamespaceApplied { name, labels });
            }
            Op::Show(n) => self.show(&support::key(NAMES[*n])),
            Op::ShowOld(n, back) => self.show_old(&support::key(NAMES[*n]), *back),
            Op::Execute(n) => self.execute(*n),
            Op::Answer(n, arrives) => self.answer(*n, *arrives),
            Op::Fail(n, how) => self.fail(*n, *how),
            Op::Edit(n, addresses) => self.edit(&support::key(NAMES[*n]), addresses),
            Op::Tick => self.tick(),
            Op::Restart => self.restart(),
        }
    }

    fn store(&mut self, mut facts: ServiceFacts) {
        self.version += 1;
        facts.resource_version = self.version.to_string().into();
        let id = (facts.key.clone(), facts.resource_version.clone());
        self.history.insert(id, facts.clone());
        self.objects.insert(facts.key.clone(), facts);
    }

    fn apply(&mut self, name: &str, spec: &Spec) {
        let mut facts = build_service(name, spec);
        match self.objects.get(&facts.key) {
            Some(old) => {
                facts.uid = old.uid.clone();
                facts.pool_annotation = old.pool_annotation.clone();
                // The API server empties the status of what is no load balancer.
                facts.ingress = if facts.is_load_balancer {
                    old.ingress.clone()
                } else {
                    Vec::new()
                };
            }
            None => facts.uid = format!("uid {}", self.version).into(),
        }
        self.store(facts);
    }

    fn show(&mut self, key: &ObjectKey) {
        match self.objects.get(key).cloned() {
            Some(facts) => {
                let known = self.shown.insert(key.clone(), facts.clone());
                if known.is_some_and(|known| known.uid != facts.uid) {
                    self.successors.insert(key.clone());
                }
                self.feed(Event::ServiceApplied(Arc::new(facts)));
            }
            None => {
                self.shown.remove(key);
                self.feed(Event::ServiceDeleted(key.clone()));
            }
        }
    }

    fn show_old(&mut self, key: &ObjectKey, back: usize) {
        // What does not concern the engine is not remembered, so there is nothing to compare an old version with; a
        // watch shows the newer one again soon.
        let Some(shown) = self
            .shown
            .get(key)
            .filter(|_| self.engine.outcome(key).is_some())
            .cloned()
        else {
            return;
        };
        let old = self
            .history
            .values()
            .rev()
            .filter(|f| f.key == *key && f.uid == shown.uid)
            .nth(back)
            .cloned();
        if let Some(old) = old.filter(|old| version_of(old) <= version_of(&shown)) {
            self.feed(Event::ServiceApplied(Arc::new(old)));
        }
    }

    fn execute(&mut self, n: usize) {
        if n >= self.writes.len() {
            return;
        }
        let (process, write) = self.writes.remove(n);
        let object = self
            .objects
            .get(&write.key)
            .filter(|object| object.uid == write.uid)
            .cloned();
        let outcome = match object {
            None => WriteOutcome::Gone,
            Some(object) if object.resource_version != write.resource_version => WriteOutcome::Conflict,
            Some(mut object) => {
                apply_write(&mut object, &write);
                self.store(object);
                WriteOutcome::Written {
                    resource_version: self.version.to_string().into(),
                }
            }
        };
        if process == self.process {
            self.answers.push((write, outcome));
        }
    }

    fn answer(&mut self, n: usize, arrives: bool) {
        if n >= self.answers.len() {
            return;
        }
        let (write, outcome) = self.answers.remove(n);
        self.finish(&write, if arrives { outcome } else { WriteOutcome::Failed });
    }

    fn fail(&mut self, n: usize, how: u8) {
        if n >= self.writes.len() {
            return;
        }
        let (process, write) = self.writes.remove(n);
        if process != self.process {
            return;
        }
        let outcome = match how {
            0 => WriteOutcome::Failed,
            1 => WriteOutcome::Conflict,
            _ => WriteOutcome::Refused {
                message: "forbidden".into(),
            },
        };
        self.finish(&write, outcome);
    }

    fn finish(&mut self, write: &StatusWrite, outcome: WriteOutcome) {
        let (key, ticket) = (write.key.clone(), write.ticket);
        self.feed(Event::WriteFinished { key, ticket, outcome });
    }

    fn edit(&mut self, key: &ObjectKey, addresses: &[usize]) {
        if let Some(mut facts) = self
            .objects
            .get(key)
            .filter(|facts| facts.is_load_balancer)
            .cloned()
        {
            facts.ingress = addresses.iter().map(|i| Ingress::Address(address(*i))).collect();
            self.store(facts);
        }
    }

    fn tick(&mut self) {
        if let Some(at) = self.engine.next_deadline() {
            self.now = at.max(self.now);
            self.feed(Event::Tick);
        }
    }

    /// A new process: whatever was in flight may still land, its answer is never heard.
    fn restart(&mut self) {
        self.engine = Engine::new(Options {
            strict_requests: self.strict,
            ..Options::default()
        });
        self.process += 1;
        self.answers.clear();
        self.before.clear();
        for (name, labels) in self.namespaces.clone() {
            self.feed(Event::NamespaceApplied { name, labels });
        }
        self.shown = self.objects.clone();
        for facts in self.objects.clone().into_values() {
            self.feed(Event::ServiceApplied(Arc::new(facts)));
        }
        self.feed(Event::Synced);
        self.feed(Event::PoolsResolved(self.pools.clone()));
    }

    fn feed(&mut self, event: Event) {
        self.log.push(format!("  {event:?}"));
        let mut out = Vec::new();
        self.before = self.engine.outcomes();
        let own = match &event {
            Event::ServiceApplied(facts) => Some(facts.key.clone()),
            _ => None,
        };
        let pools_changed = matches!(event, Event::PoolsResolved(_));
        self.engine.handle(self.now, event, &mut out);
        for effect in out {
            self.log.push(format!("    {effect:?}"));
            if let Effect::WriteStatus(write) = effect {
                self.check_write(&write);
                self.writes.push((self.process, write));
            }
        }
        self.check(own.as_ref(), pools_changed);
        self.successors.clear();
    }

    fn fault(&self, what: &str) -> ! {
        panic!("{what}\n{}", self.log.join("\n"));
    }

    /// No write without a difference.
    fn check_write(&self, write: &StatusWrite) {
        let id = (write.key.clone(), write.resource_version.clone());
        let Some(base) = self.history.get(&id) else {
            self.fault(&format!("a write to a version that never was: {write:?}"));
        };
        let mut written = base.clone();
        apply_write(&mut written, write);
        let sorted = |facts: &ServiceFacts| {
            let mut list: Vec<IpAddr> = facts.addresses().collect();
            list.sort();
            list
        };
        if sorted(&written) == sorted(base) && written.pool_annotation == base.pool_annotation {
            self.fault(&format!("a write that changes nothing: {write:?}"));
        }
    }

    fn check(&self, own: Option<&ObjectKey>, pools_changed: bool) {
        if !self.engine.is_started() {
            return;
        }
        let outcomes = self.engine.outcomes();
        let world = World {
            pools: &self.pools,
            namespaces: &self.namespaces,
            services: &self.shown,
            outcomes: &outcomes,
        };
        let mut found = world.violations();
        for (name, usage) in self.engine.usage() {
            let truth = world.used(&self.pools.accepted[name]);
            if (usage.assigned_ipv4, usage.assigned_ipv6) != truth {
                found.push(format!("pool {name} counts {usage:?}, in use are {truth:?}"));
            }
        }
        found.extend(self.changes_without_cause(&world, own, pools_changed));
        if !found.is_empty() {
            self.fault(&found.join("\n"));
        }
    }

    /// A valid holder never changes: only by an event of its own, by an edit of its pool, or because it asks for
    /// something else and can have it now.
    fn changes_without_cause(
        &self,
        world: &World<'_>,
        own: Option<&ObjectKey>,
        pools_changed: bool,
    ) -> Vec<String> {
        let mut found = Vec::new();
        for (key, before) in self
            .before
            .iter()
            .filter(|(_, before)| before.state == State::Assigned)
        {
            let (Some(after), Some(facts)) = (world.outcomes.get(key), world.services.get(key)) else {
                continue;
            };
            let kept = before.addresses.iter().all(|addr| after.addresses.contains(addr));
            if kept || self.successors.contains(key) || !world.keepable(facts, &before.addresses) {
                continue;
            }
            let edited = pools_changed
                && world
                    .owner(before.addresses[0])
                    .is_some_and(|pool| !world.allowed(pool, facts));
            // A wish that was not met, or that the address no longer meets since it has come into another pool.
            let wish = facts.request.pool.as_ref();
            let outside = !wish.is_empty()
                && world
                    .owner(before.addresses[0])
                    .is_none_or(|pool| pool.name.as_str() != wish);
            // What a status holds counts more than what was decided and has not been written.
            let shows = |facts: &ServiceFacts, addr: &IpAddr| facts.addresses().any(|shown| shown == *addr);
            let taken_over = |addr: &&IpAddr| !before.addresses.contains(addr) && shows(facts, addr);
            let in_status = after.addresses.iter().find(taken_over).is_some();
            let displaced = before.addresses.iter().any(|addr| {
                world
                    .users(*addr)
                    .any(|other| other.key != *key && shows(other, addr))
            });
            if in_status || displaced {
                continue;
            }
            let moved_by_wish = (before.reason.is_some() || outside) && !after.addresses.is_empty();
            let by_itself = own == Some(key) && (self.strict || !after.addresses.is_empty());
            if !edited && !moved_by_wish && !by_itself && !self.strict {
                found.push(format!(
                    "{key} lost {:?} for {:?}",
                    before.addresses, after.addresses
                ));
            }
        }
        found
    }

    /// Lets everything that is under way come to an end.
    fn quiesce(&mut self) {
        for _ in 0..200 {
            for key in NAMES.map(support::key) {
                self.show(&key);
            }
            if self.writes.is_empty() && self.answers.is_empty() && self.engine.next_deadline().is_none() {
                return;
            }
            while !self.writes.is_empty() {
                self.execute(0);
            }
            while !self.answers.is_empty() {
                self.answer(0, true);
            }
            self.tick();
        }
        self.fault("writes do not come to an end");
    }

    /// Every status says what was decided.
    fn check_statuses(&self) {
        for (key, facts) in &self.objects {
            let decided = self.engine.outcome(key);
            let decided: BTreeSet<IpAddr> = decided
                .into_iter()
                .flat_map(|outcome| outcome.addresses)
                .collect();
            let written: BTreeSet<IpAddr> = facts.addresses().collect();
            if decided != written {
                self.fault(&format!("{key} says {written:?} but was given {decided:?}"));
            }
        }
    }
}

fn version_of(facts: &ServiceFacts) -> u64 {
    facts.resource_version.parse().unwrap_or_default()
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        max_shrink_iters: 4000,
        ..ProptestConfig::default()
    })]

    #[test]
    fn every_history_obeys_the_rules(
        first in pools_spec(),
        strict in prop::bool::weighted(0.25),
        ops in prop::collection::vec(op(), 1..80),
    ) {
        let mut sim = Sim::new(strict);
        sim.run(&Op::Pools(first));
        for op in &ops {
            sim.run(op);
        }
        sim.quiesce();
        sim.check_statuses();
        // Kept because no pool was known at the start; with pools there is no sign left of why.
        let unexplained = sim.objects.values().any(|facts| {
            let outcome = sim.engine.outcome(&facts.key);
            let kept = |o: Outcome| o.state == State::Assigned && o.pool.is_none();
            facts.pool_annotation.is_none() && outcome.is_some_and(kept)
        });
        if unexplained {
            return Ok(());
        }
        let before = sim.engine.outcomes();
        sim.restart();
        prop_assert!(sim.writes.is_empty(), "a restart writes {:?}\n{}", sim.writes, sim.log.join("\n"));
        let assigned = |outcomes: &BTreeMap<ObjectKey, Outcome>| -> BTreeMap<ObjectKey, BTreeSet<IpAddr>> {
            let assigned = outcomes.iter().filter(|(_, o)| o.state == State::Assigned);
            assigned.map(|(key, o)| (key.clone(), o.addresses.iter().copied().collect())).collect()
        };
        prop_assert_eq!(assigned(&before), assigned(&sim.engine.outcomes()));
    }
}
