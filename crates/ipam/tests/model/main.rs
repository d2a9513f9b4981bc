//! Random histories against the rules written down naively: Services, pools and Namespaces come, change and go; watches lag,
//! lose what happened in between, repeat themselves and go back; writes are delayed, fail, conflict, arrive twice, lose
//! their answer or get it twice; others edit statuses and reservations; controllers restart, also without pools, and two of
//! them may write at once. After every event of a controller what it knows and what it decided must obey the rules. In the
//! end every status says what was decided, all controllers agree, and a restart writes nothing.
//!
//! Reservations, rests, fences, quotas and refused pools take part in all of it.

mod api_server;
mod controller;
mod histories;
mod naive;
mod rules;
mod specs;
#[path = "../support/mod.rs"]
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use api_server::ApiServer;
use controller::{Controller, Delivery, Log};
use ferrolb_api::Reservations;
use ferrolb_api::facts::FamilyPolicy;
use ferrolb_ipam::Options;
use ferrolb_types::{Instant, ObjectKey, PoolName};
use histories::{Change, Happening, Op, Pace, Round, op, round};
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;
use specs::{NAMES, NAMESPACES, POOLS, PoolsSpec, Spec, pools_spec};
use support::key;

/// How controllers are run: requests strict or not, Namespaces awaited or not.
fn options() -> impl Strategy<Value = Options> {
    (prop::bool::weighted(0.25), any::<bool>()).prop_map(|(strict_requests, await_namespaces)| Options {
        strict_requests,
        await_namespaces,
        ..Options::default()
    })
}

struct Sim {
    api: ApiServer,
    now: Instant,
    controllers: Vec<Controller>,
    log: Log,
}

impl Sim {
    fn new(controllers: usize, options: &Options, pools: &PoolsSpec) -> Self {
        let log = Log::default();
        log.note(format!("{options:?} {pools:?}"));
        let new = |name| Controller::new(name, options.clone(), log.clone());
        let mut sim = Self {
            api: ApiServer::default(),
            now: Instant::ZERO,
            controllers: (0..controllers).map(new).collect(),
            log: log.clone(),
        };
        sim.api.set_pools(pools);
        for controller in &mut sim.controllers {
            controller.restart(&sim.api, sim.now, false);
        }
        sim
    }

    fn run(&mut self, op: &Op) {
        self.log.note(format!("{op:?}"));
        match op {
            Op::Change(change) => self.change(change),
            Op::Controller(c, happening) => self.happen(c % self.controllers.len(), happening),
        }
    }

    fn change(&mut self, change: &Change) {
        let api = &mut self.api;
        match change {
            Change::Apply(n, spec) => api.apply(NAMES[*n], spec),
            Change::Delete(n) => api.delete(&key(NAMES[*n])),
            Change::Edit(n, addresses, forgets) => api.edit(&key(NAMES[*n]), addresses, *forgets),
            Change::Pools(spec) => api.set_pools(spec),
            Change::Namespace(n, spec) => api.set_namespace(*n, *spec),
            Change::Reservations(p, name, addr) => api.edit_reservations(&POOLS[*p].into(), *name, *addr),
        }
    }

    fn happen(&mut self, c: usize, happening: &Happening) {
        let (api, now, controller) = (&mut self.api, self.now, &mut self.controllers[c]);
        match happening {
            Happening::Show(n) => controller.show(api, now, &key(NAMES[*n])),
            Happening::ShowPools => controller.show_pools(api, now),
            Happening::ShowPool(p) => controller.show_pool(api, now, &POOLS[*p].into()),
            Happening::ShowNamespace(n) => controller.show_namespace(api, now, NAMESPACES[*n]),
            Happening::ShowOld(n, back) => controller.show_old(api, now, &key(NAMES[*n]), *back),
            Happening::ShowOldPools(back) => controller.show_old_pools(api, now, *back),
            Happening::ShowOldList(p, back) => controller.show_old_list(api, now, &POOLS[*p].into(), *back),
            Happening::ShowOldNamespace(n, back) => {
                controller.show_old_namespace(api, now, NAMESPACES[*n], *back);
            }
            Happening::Execute(n, again) => controller.execute(api, *n, *again),
            Happening::Answer(n, how) => controller.answer(api, now, *n, *how),
            Happening::Fail(n, outcome) => controller.fail(api, now, *n, outcome.clone()),
            Happening::Record(p) => drop(controller.record(api, &POOLS[*p].into())),
            Happening::Tick => {
                let at = controller.engine.next_deadline();
                self.now = at.map_or(now, |at| at.max(now));
                controller.tick_at(api, self.now);
            }
            Happening::Restart(is_poolless) => controller.restart(api, now, *is_poolless),
        }
    }

    /// Lets everything that is under way come to an end, over and over in these rounds.
    fn quiesce(&mut self, rounds: &[Round]) -> TestCaseResult {
        for round in rounds.iter().cycle().take(200) {
            let version = self.api.version;
            for (c, happening) in &round.mingled {
                self.happen(c % self.controllers.len(), happening);
            }
            let is_quiet = match round.pace {
                Pace::InTurn => self.write_in_turn(),
                Pace::Lockstep => self.write_in_lockstep(),
            };
            if is_quiet && self.api.version == version {
                return Ok(());
            }
            for controller in &mut self.controllers {
                controller.hear_all(&self.api, self.now);
            }
            self.pass_time();
        }
        self.fail("writes do not come to an end")
    }

    /// Whether there was nothing to write.
    fn write_in_turn(&mut self) -> bool {
        let mut is_quiet = true;
        for controller in &mut self.controllers {
            controller.show_all(&self.api, self.now);
            is_quiet &= controller.is_quiet(&self.api);
            controller.flush(&mut self.api, self.now);
        }
        is_quiet
    }

    /// Whether there was nothing to write.
    fn write_in_lockstep(&mut self) -> bool {
        for controller in &mut self.controllers {
            controller.show_all(&self.api, self.now);
        }
        let is_quiet = self.controllers.iter().all(|c| c.is_quiet(&self.api));
        while self.controllers.iter().any(|c| !c.pending_writes().is_empty()) {
            for controller in &mut self.controllers {
                controller.execute(&mut self.api, 0, false);
            }
        }
        for controller in &mut self.controllers {
            controller.flush(&mut self.api, self.now);
        }
        is_quiet
    }

    /// The earliest deadline comes, for everybody whose it is.
    fn pass_time(&mut self) {
        let deadlines = self.controllers.iter().filter_map(|c| c.engine.next_deadline());
        if let Some(at) = deadlines.min() {
            self.now = at.max(self.now);
            for controller in &mut self.controllers {
                controller.tick_at(&self.api, self.now);
            }
        }
    }

    fn fail(&self, what: &str) -> TestCaseResult {
        Err(TestCaseError::fail(format!("{what}\n{}", self.log.text())))
    }

    fn recorded(&self) -> BTreeMap<PoolName, Reservations> {
        let lists = self
            .api
            .recorded
            .iter()
            .map(|(pool, (_, list))| (pool.clone(), list.clone()));
        lists.filter(|(_, list)| !list.is_empty()).collect()
    }

    /// Statuses and pools say what every controller decided; nobody is where he may not be.
    fn check_agreement(&self) -> TestCaseResult {
        for (key, facts) in &self.api.objects {
            let stored: BTreeSet<IpAddr> = facts.addresses().collect();
            for controller in &self.controllers {
                let outcome = controller.engine.outcome(key);
                if let Some(told) = rules::unfounded(facts, outcome.as_ref()) {
                    return self.fail(&format!("{key} is told {told:?}, decided is {outcome:?}"));
                }
                let decided = controller.decided(key);
                if decided != stored {
                    return self.fail(&format!(
                        "{key} says {stored:?}, controller {} decided {decided:?}",
                        controller.name
                    ));
                }
            }
            for other in self.api.objects.values().filter(|other| other.key != *key) {
                let together = other.addresses().any(|addr| stored.contains(&addr));
                if together && !naive::may_share(facts, other) {
                    return self.fail(&format!("{key} and {} are both on {stored:?}", other.key));
                }
            }
        }
        for controller in &self.controllers {
            let mut decided = controller.reservations();
            decided.retain(|_, list| !list.is_empty());
            if decided != self.recorded() {
                return self.fail(&format!(
                    "reserved are {decided:?}, recorded {:?}",
                    self.recorded()
                ));
            }
        }
        Ok(())
    }

    /// Another process comes to the same decisions and has nothing to write.
    fn check_restart(&mut self) -> TestCaseResult {
        let before = self.assigned();
        let controller = &mut self.controllers[0];
        controller.restart(&self.api, self.now, false);
        if !controller.to_record.is_empty() {
            let lists = format!("{:?}", controller.to_record);
            return self.fail(&format!("a restart records {lists}"));
        }
        if !controller.pending_writes().is_empty() {
            let writes = format!("{:?}", controller.pending_writes());
            return self.fail(&format!("a restart writes {writes}"));
        }
        if self.assigned() != before {
            return self.fail(&format!(
                "before a restart: {before:?}, after it: {:?}",
                self.assigned()
            ));
        }
        Ok(())
    }

    fn assigned(&self) -> BTreeMap<ObjectKey, BTreeSet<IpAddr>> {
        let controller = &self.controllers[0];
        let keys = controller.engine.outcomes().into_keys();
        let assigned = keys.map(|key| (key.clone(), controller.decided(&key)));
        assigned.filter(|(_, addresses)| !addresses.is_empty()).collect()
    }
}

fn tell(
    controllers: usize,
    options: &Options,
    pools: &PoolsSpec,
    ops: &[Op],
    rounds: &[Round],
) -> TestCaseResult {
    let mut sim = Sim::new(controllers, options, pools);
    for op in ops {
        sim.run(op);
    }
    sim.quiesce(rounds)?;
    sim.check_agreement()?;
    sim.check_restart()
}

#[test]
fn two_controllers_in_lockstep_that_gave_one_address_to_two_services_leave_it_to_the_older() {
    let pools = PoolsSpec {
        owners: [3, 3, 0, 3, 3, 3],
        auto: [true; 3],
        avoid: [false; 3],
        allocation: [3; 3],
        delay: [0; 3],
        most: [0; 3],
        refused: [false; 3],
    };
    let spec = Spec {
        dual: false,
        v6: false,
        policy: FamilyPolicy::SingleStack,
        sharing: 0,
        local: false,
        ports: [80].into(),
        pool: 7,
        address: None,
        label: false,
        load_balancer: true,
        reserve: 13,
    };
    let lockstep = Round {
        mingled: Vec::new(),
        pace: Pace::Lockstep,
    };
    let mut sim = Sim::new(2, &Options::default(), &pools);
    for n in [0, 1] {
        sim.change(&Change::Apply(n, spec.clone()));
    }
    // Each sees the other Service when it has given the address to the first one that it saw.
    for n in [0, 1] {
        sim.happen(n, &Happening::Show(n));
        sim.happen(n, &Happening::Show(1 - n));
    }
    for n in [0, 1] {
        sim.happen(n, &Happening::Execute(0, false));
        sim.happen(n, &Happening::Answer(0, Delivery::Arrives));
    }
    assert_eq!(
        sim.api.objects.values().filter(|s| !s.ingress.is_empty()).count(),
        2
    );
    sim.quiesce(&[lockstep]).unwrap();
    sim.check_agreement().unwrap();
    let [younger, older] = [0, 1].map(|n| sim.api.objects[&key(NAMES[n])].addresses().count());
    assert_eq!((younger, older), (0, 1));
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        max_shrink_iters: 4000,
        ..ProptestConfig::default()
    })]

    #[test]
    fn every_history_obeys_the_rules(
        options in options(),
        pools in pools_spec(),
        ops in prop::collection::vec(op(), 1..120),
        rounds in prop::collection::vec(round(), 1..4),
    ) {
        tell(1, &options, &pools, &ops, &rounds)?;
    }

    #[test]
    fn two_controllers_obey_the_rules_and_end_in_agreement(
        options in options(),
        pools in pools_spec(),
        ops in prop::collection::vec(op(), 1..120),
        rounds in prop::collection::vec(round(), 1..4),
    ) {
        tell(2, &options, &pools, &ops, &rounds)?;
    }
}
