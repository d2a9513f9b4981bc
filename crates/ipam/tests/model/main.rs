//! Random histories against the rules written down naively: Services, pools and Namespaces come, change and go; watches lag,
//! lose what happened in between, repeat themselves and go back; writes are delayed, fail, conflict, arrive twice, lose
//! their answer or get it twice; others edit statuses and reservations; controllers restart, also without pools, and two of
//! them may write at once. After every event of a controller what it knows and what it decided must obey the rules. In the
//! end every status says what was decided, all controllers agree, and a restart writes nothing.
//!
//! Reservations, rests, fences, quotas and refused pools take part in all of it.

mod api_server;
mod controller;
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
use ferrolb_ipam::{Options, WriteOutcome};
use ferrolb_types::{Instant, ObjectKey, PoolName};
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;
use specs::{NAMES, NAMESPACES, POOLS, PoolsSpec, Spec, pools_spec, spec};
use support::key;

/// One thing that happens to the objects.
#[derive(Clone, Debug)]
enum Change {
    Apply(usize, Spec),
    Delete(usize),
    /// Somebody else writes a status, and with `true` removes the pool annotation.
    Edit(usize, Vec<usize>, bool),
    Pools(PoolsSpec),
    /// Labels and fence of a Namespace; none deletes it.
    Namespace(usize, Option<(bool, u8)>),
    /// An entry of the reservations of a pool is added or removed.
    Reservations(usize, u8, Option<usize>),
}

/// One thing that happens to a controller.
#[derive(Clone, Debug)]
enum Happening {
    Show(usize),
    ShowPools,
    ShowPool(usize),
    ShowNamespace(usize),
    /// A watch shows how something was some versions ago, also after it has shown what came later.
    ShowOld(usize, usize),
    ShowOldPools(usize),
    ShowOldList(usize, usize),
    ShowOldNamespace(usize, usize),
    /// The API server executes a write; with `true` it comes once more later.
    Execute(usize, bool),
    Answer(usize, Delivery),
    /// A write fails without having been executed.
    Fail(usize, WriteOutcome),
    /// Reservations are written.
    Record(usize),
    Tick,
    /// A new process takes over; with `true` it finds no pools at first.
    Restart(bool),
}

#[derive(Clone, Debug)]
enum Op {
    Change(Change),
    Controller(usize, Happening),
}

fn change() -> impl Strategy<Value = Change> {
    let name = || 0..NAMES.len();
    let pool = || 0..POOLS.len();
    let addresses = prop::collection::vec(0usize..14, 0..3);
    let namespace = prop::option::weighted(0.8, (any::<bool>(), 0u8..16));
    prop_oneof![
        8 => (name(), spec()).prop_map(|(n, s)| Change::Apply(n, s)),
        2 => name().prop_map(Change::Delete),
        1 => (name(), addresses, any::<bool>()).prop_map(|(n, a, f)| Change::Edit(n, a, f)),
        2 => pools_spec().prop_map(Change::Pools),
        1 => (0..NAMESPACES.len(), namespace).prop_map(|(n, s)| Change::Namespace(n, s)),
        1 => (pool(), 0u8..6, prop::option::of(0usize..14)).prop_map(|(p, k, a)| Change::Reservations(p, k, a)),
    ]
}

/// What a watch shows in order.
fn orderly() -> impl Strategy<Value = Happening> {
    prop_oneof![
        8 => (0..NAMES.len()).prop_map(Happening::Show),
        3 => Just(Happening::ShowPools),
        2 => (0..POOLS.len()).prop_map(Happening::ShowPool),
        2 => (0..NAMESPACES.len()).prop_map(Happening::ShowNamespace),
    ]
}

fn happening() -> impl Strategy<Value = Happening> {
    let name = || 0..NAMES.len();
    let pool = || 0..POOLS.len();
    let delivery =
        prop_oneof![6 => Just(Delivery::Arrives), 1 => Just(Delivery::Lost), 1 => Just(Delivery::Twice)];
    let message = "forbidden".into();
    let failure = prop_oneof![
        Just(WriteOutcome::Failed),
        Just(WriteOutcome::Conflict),
        Just(WriteOutcome::Refused { message }),
    ];
    prop_oneof![
        15 => orderly(),
        1 => (name(), 0usize..8).prop_map(|(n, back)| Happening::ShowOld(n, back)),
        1 => (1usize..4).prop_map(Happening::ShowOldPools),
        1 => (pool(), 1usize..4).prop_map(|(p, back)| Happening::ShowOldList(p, back)),
        1 => (0..NAMESPACES.len(), 1usize..4).prop_map(|(n, back)| Happening::ShowOldNamespace(n, back)),
        6 => (0usize..4, prop::bool::weighted(0.1)).prop_map(|(n, again)| Happening::Execute(n, again)),
        5 => (0usize..4, delivery).prop_map(|(n, how)| Happening::Answer(n, how)),
        1 => (0usize..4, failure).prop_map(|(n, how)| Happening::Fail(n, how)),
        2 => pool().prop_map(Happening::Record),
        1 => Just(Happening::Tick),
        1 => prop::bool::weighted(0.2).prop_map(Happening::Restart),
    ]
}

/// What happens where nothing goes wrong.
fn uneventful() -> impl Strategy<Value = Happening> {
    prop_oneof![
        4 => orderly(),
        3 => (0usize..4).prop_map(|n| Happening::Execute(n, false)),
        3 => (0usize..4).prop_map(|n| Happening::Answer(n, Delivery::Arrives)),
        1 => (0..POOLS.len()).prop_map(Happening::Record),
        1 => Just(Happening::Tick),
    ]
}

/// A while at the end, when users and administrators leave everything alone and nothing is lost: some of what the
/// controllers do in any order, and then the rest of it.
#[derive(Clone, Debug)]
struct Round {
    mingled: Vec<(usize, Happening)>,
    pace: Pace,
}

/// How the controllers do the rest.
#[derive(Clone, Copy, Debug)]
enum Pace {
    /// One has written everything before the next one sees anything.
    InTurn,
    /// All see the same, then all write, one write each in turns, then all hear of it.
    Lockstep,
}

fn round() -> impl Strategy<Value = Round> {
    let mingled = prop::collection::vec((0usize..2, uneventful()), 0..12);
    let pace = prop_oneof![Just(Pace::InTurn), Just(Pace::Lockstep)];
    let lockstep = Just(Round {
        mingled: Vec::new(),
        pace: Pace::Lockstep,
    });
    prop_oneof![
        1 => lockstep,
        1 => (mingled, pace).prop_map(|(mingled, pace)| Round { mingled, pace }),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        1 => change().prop_map(Op::Change),
        2 => (0usize..2, happening()).prop_map(|(c, h)| Op::Controller(c, h)),
    ]
}

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
            controller.flush(&mut self.api);
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
            controller.flush(&mut self.api);
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
        sim.happen(n, &Happening::Show(n));
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
