//! Two controllers that both write, as when a leader does not know yet that it lost its lease. Each sees the other's
//! writes through a watch that lags. When everything has been seen they agree, and no address is in two statuses that
//! may not share it.

#[path = "model/naive.rs"]
mod naive;
#[path = "model/specs.rs"]
mod specs;
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use ferrolb_api::facts::ServiceFacts;
use ferrolb_ipam::{Effect, Engine, Event, Options, Pools, StatusWrite, WriteOutcome};
use ferrolb_types::{Instant, ObjectKey};
use proptest::prelude::*;
use specs::{NAMES, PoolsSpec, Spec, build_pools, build_service, pools_spec, spec};
use support::{apply_write, key};

#[derive(Clone, Debug)]
enum Op {
    Apply(usize, Spec),
    Delete(usize),
    Show(usize, usize),
    Execute(usize, usize),
    Answer(usize, usize),
    Tick(usize),
}

fn op() -> impl Strategy<Value = Op> {
    let name = || 0..NAMES.len();
    prop_oneof![
        4 => (name(), spec()).prop_map(|(n, s)| Op::Apply(n, s)),
        1 => name().prop_map(Op::Delete),
        8 => (0usize..2, name()).prop_map(|(c, n)| Op::Show(c, n)),
        5 => (0usize..2, 0usize..3).prop_map(|(c, n)| Op::Execute(c, n)),
        5 => (0usize..2, 0usize..3).prop_map(|(c, n)| Op::Answer(c, n)),
        1 => (0usize..2).prop_map(Op::Tick),
    ]
}

#[derive(Default)]
struct Controller {
    engine: Engine,
    writes: Vec<StatusWrite>,
    answers: Vec<(StatusWrite, WriteOutcome)>,
}

struct Sim {
    objects: BTreeMap<ObjectKey, ServiceFacts>,
    version: u64,
    now: Instant,
    controllers: [Controller; 2],
    log: Vec<String>,
}

impl Sim {
    fn new(pools: &Pools) -> Self {
        let mut sim = Self {
            objects: BTreeMap::new(),
            version: 0,
            now: Instant::ZERO,
            controllers: Default::default(),
            log: Vec::new(),
        };
        for c in 0..2 {
            sim.controllers[c].engine = Engine::new(Options::default());
            sim.feed(c, Event::PoolsResolved(pools.clone()));
            sim.feed(c, Event::Synced);
        }
        sim
    }

    fn run(&mut self, op: &Op) {
        match op {
            Op::Apply(n, spec) => self.apply(NAMES[*n], spec),
            Op::Delete(n) => {
                self.objects.remove(&key(NAMES[*n]));
            }
            Op::Show(c, n) => self.show(*c, &key(NAMES[*n])),
            Op::Execute(c, n) => self.execute(*c, *n),
            Op::Answer(c, n) => self.answer(*c, *n),
            Op::Tick(c) => self.tick(*c),
        }
    }

    fn store(&mut self, mut facts: ServiceFacts) {
        self.version += 1;
        facts.resource_version = self.version.to_string().into();
        self.log.push(format!(
            "stored {} {} {:?} {:?}",
            facts.key,
            facts.resource_version,
            facts.addresses().collect::<Vec<_>>(),
            facts.request
        ));
        self.objects.insert(facts.key.clone(), facts);
    }

    fn apply(&mut self, name: &str, spec: &Spec) {
        let mut facts = build_service(name, spec);
        facts.uid = format!("uid {}", self.version).into();
        if let Some(old) = self.objects.get(&facts.key) {
            facts.uid = old.uid.clone();
            facts.pool_annotation = old.pool_annotation.clone();
            facts.request_condition = old.request_condition.clone();
            facts.ingress = if facts.is_load_balancer {
                old.ingress.clone()
            } else {
                Vec::new()
            };
        }
        self.store(facts);
    }

    fn show(&mut self, c: usize, key: &ObjectKey) {
        let event = match self.objects.get(key) {
            Some(facts) => Event::ServiceApplied(Arc::new(facts.clone())),
            None => Event::ServiceDeleted(key.clone()),
        };
        self.feed(c, event);
    }

    fn execute(&mut self, c: usize, n: usize) {
        if n >= self.controllers[c].writes.len() {
            return;
        }
        let write = self.controllers[c].writes.remove(n);
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
                let resource_version = self.version.to_string().into();
                WriteOutcome::Written { resource_version }
            }
        };
        self.controllers[c].answers.push((write, outcome));
    }

    fn answer(&mut self, c: usize, n: usize) {
        if n < self.controllers[c].answers.len() {
            let (write, outcome) = self.controllers[c].answers.remove(n);
            let (key, ticket) = (write.key, write.ticket);
            self.feed(c, Event::WriteFinished { key, ticket, outcome });
        }
    }

    fn tick(&mut self, c: usize) {
        if let Some(at) = self.controllers[c].engine.next_deadline() {
            self.now = at.max(self.now);
            self.feed(c, Event::Tick);
        }
    }

    fn feed(&mut self, c: usize, event: Event) {
        self.log.push(format!("{c} <- {}", brief(&event)));
        let mut out = Vec::new();
        self.controllers[c].engine.handle(self.now, event, &mut out);
        for effect in out {
            match effect {
                Effect::WriteStatus(write) => {
                    self.log.push(format!("{c} -> {write:?}"));
                    self.controllers[c].writes.push(write);
                }
                Effect::RecordEvent(event) => self.log.push(format!("{c}    {event:?}")),
                _ => {}
            }
        }
    }

    /// Lets both see everything until neither has anything to write.
    fn quiesce(&mut self) -> bool {
        for _ in 0..100 {
            let version = self.version;
            for c in 0..2 {
                for name in NAMES {
                    self.show(c, &key(name));
                }
                while !self.controllers[c].writes.is_empty() {
                    self.execute(c, 0);
                }
            }
            for c in 0..2 {
                while !self.controllers[c].answers.is_empty() {
                    self.answer(c, 0);
                }
                self.tick(c);
            }
            let idle = |c: &Controller| c.writes.is_empty() && c.engine.next_deadline().is_none();
            if self.controllers.iter().all(idle) && self.version == version {
                return true;
            }
        }
        false
    }

    fn disagreements(&self) -> Vec<String> {
        let mut found = Vec::new();
        for (key, facts) in &self.objects {
            let stored: BTreeSet<IpAddr> = facts.addresses().collect();
            for (c, controller) in self.controllers.iter().enumerate() {
                let outcome = controller.engine.outcome(key);
                let decided: BTreeSet<IpAddr> = outcome.into_iter().flat_map(|o| o.addresses).collect();
                if decided != stored {
                    found.push(format!(
                        "{key}: stored {stored:?}, controller {c} decided {decided:?}"
                    ));
                }
            }
            for other in self.objects.values().filter(|other| other.key != *key) {
                let both = other.addresses().any(|addr| stored.contains(&addr));
                if both && !naive::may_share(facts, other) {
                    found.push(format!("{key} and {} are both on {stored:?}", other.key));
                }
            }
        }
        found
    }
}

fn brief(event: &Event) -> String {
    match event {
        Event::ServiceApplied(facts) => format!("{} at {}", facts.key, facts.resource_version),
        Event::PoolsResolved(pools) => format!("{:?}", pools.accepted.values().collect::<Vec<_>>()),
        other => format!("{other:?}"),
    }
}

fn pools_with_room() -> impl Strategy<Value = PoolsSpec> {
    pools_spec().prop_filter("some pool", |spec| spec.owners.iter().any(|owner| *owner < 3))
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        max_shrink_iters: 4000,
        ..ProptestConfig::default()
    })]

    #[test]
    fn two_controllers_end_in_agreement(
        pools in pools_with_room(),
        ops in prop::collection::vec(op(), 1..80),
    ) {
        let mut sim = Sim::new(&build_pools(&pools));
        for op in &ops {
            sim.run(op);
        }
        let quiet = sim.quiesce();
        let found = sim.disagreements();
        prop_assert!(quiet && found.is_empty(), "quiet: {quiet}\n{}\n{}", found.join("\n"), sim.log.join("\n"));
    }
}
