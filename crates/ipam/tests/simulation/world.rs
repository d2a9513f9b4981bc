//! The network and the controllers, driven by a queue of what happens when.

mod api_server;

use core::time::Duration;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use ferrolb_api::Reservations;
use ferrolb_api::facts::{NamespaceFacts, ServiceFacts};
use ferrolb_ipam::{Effect, Event, Pools, StatusWrite, WriteOutcome};
use ferrolb_types::{Instant, NamespaceName, ObjectKey, PoolName};

use crate::process::Process;
use crate::random::Random;
use crate::users::{Users, first_pools};

/// More than happens in any history that comes to rest.
const MANY: u64 = 50_000;

/// Longer than any backoff and any rest.
const PATIENCE: Duration = Duration::from_secs(4 * 60 * 60);

/// When a controller is to crash: at its n-th write.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Crash {
    pub(crate) at: u32,
    pub(crate) point: CrashPoint,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CrashPoint {
    /// The decision is made, the write is never sent.
    BeforeSending,
    /// The write is stored, the answer is never heard.
    BeforeTheAnswer,
}

/// What happens at some time. Controllers are named by process: nobody hears what is meant for one that crashed.
#[derive(Clone, Debug)]
enum Happening {
    Act,
    /// The watch with this number shows something.
    Watch(u32, u32, Event),
    /// A watch begins anew at this version.
    Again(u32, Arc<ServiceFacts>),
    /// The watch is back: everything is listed anew.
    List(u32),
    Write(u32, StatusWrite, Fate),
    Answer(u32, ObjectKey, ferrolb_ipam::Ticket, WriteOutcome),
    Record(u32, PoolName),
    Tick(u32),
    Start,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Done,
    /// It never arrives.
    Lost,
    /// It is stored and the answer is lost.
    Unanswered,
}

pub(crate) struct World {
    pub(crate) random: Random,
    pub(crate) now: Instant,
    pub(crate) log: Vec<String>,
    pub(crate) crash: Option<Crash>,
    /// Status writes that were decided.
    pub(crate) writes: u32,
    pub(crate) starts: u32,
    /// Services whose stored address changed to another one.
    pub(crate) moved: Vec<String>,
    /// Controllers that run to the end, at most.
    pub(crate) survivors: usize,
    is_stormy: bool,
    queue: BTreeMap<(Instant, u64), Happening>,
    sequence: u64,
    version: u64,
    objects: BTreeMap<ObjectKey, ServiceFacts>,
    pools: Pools,
    recorded: BTreeMap<PoolName, (u64, Reservations)>,
    namespaces: BTreeMap<NamespaceName, NamespaceFacts>,
    controllers: BTreeMap<u32, Process>,
    /// Rules that were broken on the way.
    broken: Vec<String>,
}

impl World {
    pub(crate) fn new(random: Random, is_stormy: bool) -> Self {
        let mut world = Self {
            random,
            now: Instant::ZERO,
            log: Vec::new(),
            crash: None,
            writes: 0,
            starts: 0,
            moved: Vec::new(),
            survivors: 2,
            is_stormy,
            queue: BTreeMap::new(),
            sequence: 0,
            version: 1,
            objects: BTreeMap::new(),
            pools: Pools::default(),
            recorded: BTreeMap::new(),
            namespaces: BTreeMap::new(),
            controllers: BTreeMap::new(),
            broken: Vec::new(),
        };
        world.set_pools(first_pools());
        world.start();
        world
    }

    /// Until the users are done and everything has come to rest.
    pub(crate) fn run(&mut self, users: &mut Users) {
        self.after(Duration::ZERO, Happening::Act);
        let end = Instant::ZERO + PATIENCE;
        while let Some(((at, _), happening)) = self.queue.pop_first() {
            if at > end || self.sequence > MANY {
                self.broken.push("it never comes to rest".to_owned());
                return;
            }
            self.now = at.max(self.now);
            match happening {
                Happening::Act if users.act(self) => {
                    let pause = Duration::from_millis(self.random.below(60));
                    self.after(pause, Happening::Act);
                }
                Happening::Act => self.calm_down(),
                Happening::Watch(process, watch, event) => {
                    if self.controllers.get(&process).is_some_and(|c| c.watch == watch) {
                        self.feed(process, event);
                    }
                }
                Happening::Again(process, facts) => {
                    if self.controllers.get(&process).is_some_and(|c| c.knows(&facts)) {
                        self.show_again(process, facts);
                    }
                }
                Happening::List(process) => self.list(process),
                Happening::Write(process, write, fate) => self.arrive(process, &write, fate),
                Happening::Answer(process, key, ticket, outcome) => {
                    self.feed(process, Event::WriteFinished { key, ticket, outcome });
                }
                Happening::Record(process, pool) => self.record(process, &pool),
                Happening::Tick(process) => {
                    if let Some(controller) = self.controllers.get_mut(&process) {
                        controller.tick_at = None;
                        self.feed(process, Event::Tick);
                    }
                }
                Happening::Start => self.start(),
            }
        }
    }

    /// The storm is over: so many controllers are left, and they watch.
    fn calm_down(&mut self) {
        self.is_stormy = false;
        while self.controllers.len() > self.survivors {
            self.controllers.pop_first();
        }
        if self.controllers.is_empty() && !self.queue.values().any(|h| matches!(h, Happening::Start)) {
            self.after(Duration::ZERO, Happening::Start);
        }
        for process in self.controllers.keys().copied().collect::<Vec<_>>() {
            self.after(Duration::from_millis(100), Happening::List(process));
        }
    }

    fn after(&mut self, delay: Duration, happening: Happening) {
        self.sequence += 1;
        self.queue.insert((self.now + delay, self.sequence), happening);
    }

    fn latency(&mut self) -> Duration {
        let slow = self.is_stormy && self.random.percent(5);
        Duration::from_micros(200 + self.random.below(if slow { 900_000 } else { 15_000 }))
    }

    // Controllers.

    fn start(&mut self) {
        self.starts += 1;
        let process = self.starts;
        self.log
            .push(format!("{:?} controller {process} starts", self.now));
        self.controllers.insert(process, Process::new(self.now));
        self.list(process);
        self.feed(process, Event::PoolsResolved(self.pools.clone()));
        self.feed(process, Event::Synced);
    }

    pub(crate) fn start_another(&mut self) {
        if self.controllers.len() < 2 {
            self.start();
        }
    }

    pub(crate) fn crash_one(&mut self) {
        if let Some((process, _)) = self.controllers.pop_first() {
            self.log
                .push(format!("{:?} controller {process} crashes", self.now));
            if self.controllers.is_empty() {
                self.after(Duration::from_millis(50), Happening::Start);
            }
        }
    }

    pub(crate) fn break_watch(&mut self) {
        let processes: Vec<u32> = self.controllers.keys().copied().collect();
        if let Some(process) = processes.first().copied() {
            let pause = Duration::from_millis(self.random.below(200));
            if let Some(controller) = self.controllers.get_mut(&process) {
                controller.is_watching = false;
            }
            self.after(pause, Happening::List(process));
        }
    }

    /// Everything as it is now; what is gone is told too.
    fn list(&mut self, process: u32) {
        let Some(controller) = self.controllers.get_mut(&process) else {
            return;
        };
        controller.is_watching = true;
        controller.watch += 1;
        let gone = controller.gone(&self.objects);
        for facts in self.namespaces.clone().into_values() {
            self.feed(process, Event::NamespaceApplied(facts));
        }
        for pool in self.pools.accepted.keys().cloned().collect::<Vec<_>>() {
            let event = self.pool_event(&pool);
            self.feed(process, event);
        }
        self.feed(process, Event::PoolsResolved(self.pools.clone()));
        for key in gone {
            self.feed(process, Event::ServiceDeleted(key));
        }
        for facts in self.objects.clone().into_values() {
            self.feed(process, Event::ServiceApplied(Arc::new(facts)));
        }
    }

    fn feed(&mut self, process: u32, event: Event) {
        let Some(controller) = self.controllers.get_mut(&process) else {
            return;
        };
        controller.hear(&event);
        if let Event::ReservationsObserved { pool, .. } = &event {
            // What is observed is the newest: a version that is older would only make the write conflict.
            let newest = self.recorded.get(pool).cloned().unwrap_or_default();
            controller.recorded.insert(pool.clone(), newest);
        }
        let mut effects = Vec::new();
        let what = brief(&event);
        controller.engine.handle(self.now, event, &mut effects);
        let violations = controller.violations();
        self.log.push(format!("{:?} {process} hears {what}", self.now));
        self.broken.extend(
            violations
                .into_iter()
                .map(|text| format!("{:?} {process}: {text}", self.now)),
        );
        for effect in effects {
            self.carry_out(process, effect);
            if !self.controllers.contains_key(&process) {
                return;
            }
        }
        self.schedule_tick(process);
    }

    fn schedule_tick(&mut self, process: u32) {
        let Some(controller) = self.controllers.get_mut(&process) else {
            return;
        };
        let next = controller.engine.next_deadline();
        if let Some(at) = next.filter(|at| controller.tick_at.is_none_or(|planned| *at < planned)) {
            controller.tick_at = Some(at);
            let delay = at.saturating_since(self.now);
            self.after(delay, Happening::Tick(process));
        }
    }

    fn carry_out(&mut self, process: u32, effect: Effect) {
        match effect {
            Effect::WriteStatus(write) => self.send(process, write),
            Effect::RecordReservations { pool, reservations } => {
                if let Some(controller) = self.controllers.get_mut(&process) {
                    controller.wanted.insert(pool.clone(), reservations);
                }
                let latency = self.latency();
                self.after(latency, Happening::Record(process, pool));
            }
            _ => {}
        }
    }

    fn send(&mut self, process: u32, write: StatusWrite) {
        self.writes += 1;
        if self.controllers.get(&process).is_some_and(|c| c.is_idle(&write)) {
            self.broken.push(format!(
                "{:?} {process} writes without a change: {write:?}",
                self.now
            ));
        }
        let crash = self
            .crash
            .filter(|crash| crash.at == self.writes)
            .map(|crash| crash.point);
        if crash == Some(CrashPoint::BeforeSending) {
            return self.crash_one();
        }
        let fate = match self.random.below(100) {
            0..3 if self.is_stormy => Fate::Lost,
            3..6 if self.is_stormy => Fate::Unanswered,
            _ => Fate::Done,
        };
        let latency = self.latency();
        if self.is_stormy && self.random.percent(2) {
            self.after(
                latency * 3,
                Happening::Write(process, write.clone(), Fate::Unanswered),
            );
        }
        if crash == Some(CrashPoint::BeforeTheAnswer) {
            self.after(latency, Happening::Write(process, write, Fate::Unanswered));
            return self.crash_one();
        }
        self.after(latency, Happening::Write(process, write, fate));
    }

    // What is wrong in the end.

    pub(crate) fn faults(&self) -> Vec<String> {
        let mut faults = self.broken.clone();
        if self.controllers.is_empty() {
            faults.push("no controller is left".to_owned());
        }
        for (process, controller) in &self.controllers {
            let found = controller
                .violations()
                .into_iter()
                .chain(controller.differences(&self.objects, &self.recorded));
            faults.extend(found.map(|text| format!("in the end {process}: {text}")));
        }
        faults
    }
}

fn brief(event: &Event) -> String {
    match event {
        Event::ServiceApplied(facts) => {
            let addresses: Vec<IpAddr> = facts.addresses().collect();
            format!("{} at {} with {addresses:?}", facts.key, facts.resource_version)
        }
        Event::PoolsResolved(pools) => format!("pools {:?}", pools.accepted.keys().collect::<Vec<_>>()),
        other => format!("{other:?}"),
    }
}
