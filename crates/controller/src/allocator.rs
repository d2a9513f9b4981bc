//! The task that owns all decisions: pools and Services in, writes and events out.
//!
//! Around the engine it adds what the engine does not care about: which lists are complete, which pools are refused, and
//! that counters of a burst are one change.

use core::time::Duration;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use ferrolb_api::annotations::RESERVATIONS;
use ferrolb_api::core::{Namespace, Service};
use ferrolb_api::facts::{NamespaceFacts, ServiceFacts};
use ferrolb_api::metallb::{IpAddressPool, IpAddressPoolStatus};
use ferrolb_api::{Change, Kept, Object, Reservations, Told};
use ferrolb_driver::Machine;
use ferrolb_driver::clock::Stopwatch;
use ferrolb_ipam::{
    Effect, Engine, Event, Options, PoolUsage, Reason, ServiceEvent, StatusWrite, Ticket, WriteOutcome,
};
use ferrolb_kube::configuration_state::Wanted;
use ferrolb_telemetry::metrics::Histogram;
use ferrolb_types::{Instant, NamespaceName, ObjectKey, PoolName};
use serde_json::Value;
use tokio::sync::oneshot;

use crate::Config;
use crate::configuration::{Configuration, News};
use crate::fences::{MalformedFence, MalformedFences};

/// What the allocator is told.
#[derive(Debug)]
pub(crate) enum Input {
    /// A Service exists and looks like this.
    ServiceApplied(Arc<ServiceFacts>),
    /// A Service is gone.
    ServiceDeleted(ObjectKey),
    /// A Namespace exists and looks like this, with a fence that cannot be read, if so.
    NamespaceApplied(Box<NamespaceFacts>, Option<Box<MalformedFence>>),
    /// A Namespace is gone.
    NamespaceDeleted(NamespaceName),
    /// What an earlier process left; before everything else.
    Restored {
        /// Versions that it had accepted.
        kept: Kept,
        /// Events that it had sent.
        told: Told,
    },
    /// This process decides from now on; with what another leader has told, if it may have told anything.
    Led(Option<Told>),
    /// An object that configures came, changed or went.
    ConfigChanged {
        /// Its UID; empty if it is gone.
        uid: Box<str>,
        /// What happened.
        change: Box<Change>,
    },
    /// Everything of this kind that existed at the start has been told.
    Listed(&'static str),
    /// Objects of this kind cannot be read now.
    LeftOut(&'static str),
    /// A status write has an end.
    WriteFinished(ObjectKey, Ticket, WriteOutcome),
    /// Somebody wants to see the state.
    StateAsked(oneshot::Sender<Value>),
    /// A deadline has passed.
    Tick,
}

/// Kinds that must be known before anything is decided.
const REQUIRED: [&str; 3] = [Service::KIND, Namespace::KIND, IpAddressPool::KIND];

/// What the allocator asks for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Output {
    /// Write a Service's status.
    WriteStatus {
        /// What to write.
        write: StatusWrite,
        /// Whether the status had neither an entry nor a condition of ours when it was last seen.
        is_blank: bool,
    },
    /// Record an event on a Service.
    RecordEvent(ServiceEvent),
    /// Tell what is new about an object that configures.
    TellNews(News),
    /// Let the ConfigurationState say this.
    Report(Wanted),
    /// A pool's counters are these.
    ShowUsage(PoolName, PoolUsage),
    /// A pool is not in force any more.
    HideUsage(PoolName),
    /// So many Services wait, by reason.
    ShowWaiting(BTreeMap<Reason, usize>),
    /// A pool's object holds this.
    NotePool(PoolNote),
    /// The reservations of a pool shall be these.
    RecordReservations(PoolName, Reservations),
    /// A pool's object is gone.
    ForgetPool(PoolName),
    /// What is in force.
    ShowConfiguration {
        /// Whether anything is.
        is_loaded: bool,
        /// Whether it is older than what is written, for some object is refused.
        is_stale: bool,
    },
    /// The fence of a Namespace cannot be read, so that it lets nobody through.
    TellFence(MalformedFence),
    /// Everything is known that decisions rest on.
    ReportReady,
    /// Decisions are being made from now on.
    ReportStarted,
}

/// What a pool's object holds of what is written there.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PoolNote {
    pub(crate) pool: PoolName,
    pub(crate) version: Box<str>,
    pub(crate) status: Option<IpAddressPoolStatus>,
    /// None: the list cannot be read, so nothing is written over it.
    pub(crate) reservations: Option<Reservations>,
}

/// How old the count of those who wait may be.
const COUNT_PERIOD: Duration = Duration::from_secs(1);

/// Owner of the engine.
pub(crate) struct Allocator {
    engine: Engine,
    configuration: Configuration,
    missing: Vec<&'static str>,
    /// Services whose status has an entry, or a condition of ours: a write to another one need not look at what is there.
    with_status: HashSet<ObjectKey>,
    /// Namespaces whose fence cannot be read.
    malformed_fences: MalformedFences,
    /// Whether this process decides; one that stands by only knows.
    is_leading: bool,
    has_started: bool,
    /// As [`Output::ShowConfiguration`] said last.
    shown: Option<(bool, bool)>,
    /// When to count those who wait; they are counted one by one, so not at every event.
    count_at: Option<Instant>,
    waiting: BTreeMap<Reason, usize>,
    effects: Vec<Effect>,
    /// How long decisions take.
    decisions: Histogram,
}

impl Allocator {
    pub(crate) fn new(config: &Config, decisions: Histogram) -> Self {
        let options = Options {
            class: config.class.clone(),
            strict_requests: config.strict_requests,
            await_namespaces: true,
        };
        Self {
            engine: Engine::new(options),
            configuration: Configuration::new(&config.namespace, config.bgp_mode),
            missing: REQUIRED.to_vec(),
            with_status: HashSet::new(),
            malformed_fences: MalformedFences::default(),
            is_leading: false,
            has_started: false,
            shown: None,
            count_at: None,
            waiting: BTreeMap::new(),
            effects: Vec::new(),
            decisions,
        }
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    pub(crate) fn configuration(&self) -> &Configuration {
        &self.configuration
    }

    /// Kinds whose objects are not all known yet.
    pub(crate) fn missing(&self) -> &[&'static str] {
        &self.missing
    }

    fn note_service(&mut self, facts: &ServiceFacts) {
        if facts.ingress.is_empty() && facts.request_condition.is_none() {
            self.with_status.remove(&facts.key);
        } else if !self.with_status.contains(&facts.key) {
            self.with_status.insert(facts.key.clone());
        }
    }

    fn change_config(&mut self, now: Instant, uid: Box<str>, change: Change, out: &mut Vec<Output>) {
        match &change {
            Change::Pool(pool) => self.note_pool(now, pool, out),
            Change::Deleted { kind, key } if *kind == IpAddressPool::KIND => {
                out.push(Output::ForgetPool(PoolName::new(key.name.clone())));
            }
            _ => {}
        }
        self.configuration.apply(uid, change);
        self.settle_config(now, out);
    }

    /// What the object of a pool holds of what is written there.
    fn note_pool(&mut self, now: Instant, pool: &IpAddressPool, out: &mut Vec<Output>) {
        let name = PoolName::new(&*pool.metadata.name);
        let reservations = reservations(pool);
        if let Some(reservations) = reservations.clone() {
            let pool = name.clone();
            self.tell(now, Event::ReservationsObserved { pool, reservations });
            // What is wanted from now on comes before what is there now: an accepted edit is not written over.
            self.pass_on(out);
        }
        out.push(Output::NotePool(PoolNote {
            pool: name,
            version: pool.metadata.resource_version.clone(),
            status: pool.status,
            reservations,
        }));
    }

    fn list_complete(&mut self, now: Instant, kind: &'static str, out: &mut Vec<Output>) {
        let was_missing = self.missing.contains(&kind);
        self.missing.retain(|missing| *missing != kind);
        self.configuration.list_complete(kind);
        self.settle_config(now, out);
        if was_missing && self.missing.is_empty() {
            out.push(Output::ReportReady);
            self.begin(now);
        }
    }

    fn lead(&mut self, now: Instant, told: Option<Told>, out: &mut Vec<Output>) {
        self.is_leading = true;
        self.configuration.lead(told);
        out.extend(self.malformed_fences.all().map(Output::TellFence));
        self.settle_config(now, out);
        self.begin(now);
    }

    /// Holders are adopted and waiting Services served once everything is known and this process decides.
    fn begin(&mut self, now: Instant) {
        if self.is_leading && self.missing.is_empty() {
            self.tell(now, Event::Synced);
        }
    }

    /// Half of the pools is not a configuration: nothing is resolved before all are known.
    fn settle_config(&mut self, now: Instant, out: &mut Vec<Output>) {
        if self.missing.contains(&IpAddressPool::KIND) {
            return;
        }
        let resolution = self.configuration.settle();
        let shown = (resolution.is_loaded, resolution.is_stale);
        if self.shown.replace(shown) != Some(shown) {
            let (is_loaded, is_stale) = shown;
            out.push(Output::ShowConfiguration { is_loaded, is_stale });
        }
        out.extend(resolution.news.into_iter().map(Output::TellNews));
        out.extend(resolution.report.map(Output::Report));
        if let Some(pools) = resolution.pools {
            self.tell(now, Event::PoolsResolved(pools));
        }
    }

    fn tell(&mut self, now: Instant, event: Event) {
        self.count_at.get_or_insert(now + COUNT_PERIOD);
        let stopwatch = Stopwatch::start();
        self.engine.handle(now, event, &mut self.effects);
        self.decisions.observe(stopwatch.elapsed());
    }

    /// Passes effects on; of the counters of a pool the last ones, and none before decisions are being made: until
    /// then not all holders are known.
    fn pass_on(&mut self, out: &mut Vec<Output>) {
        let mut usage = BTreeMap::new();
        for effect in self.effects.drain(..) {
            match effect {
                Effect::WriteStatus(write) => {
                    let is_blank = !self.with_status.contains(&write.key);
                    out.push(Output::WriteStatus { write, is_blank });
                }
                Effect::RecordEvent(event) => out.push(Output::RecordEvent(event)),
                Effect::RecordReservations { pool, reservations } => {
                    out.push(Output::RecordReservations(pool, reservations));
                }
                Effect::PoolUsageChanged { pool, usage: latest } => drop(usage.insert(pool, latest)),
                Effect::PoolRemoved { pool } => {
                    usage.remove(&pool);
                    out.push(Output::HideUsage(pool));
                }
            }
        }
        if self.engine.is_started() && !self.has_started {
            self.has_started = true;
            usage = self
                .engine
                .usage()
                .map(|(pool, usage)| (pool.clone(), usage))
                .collect();
            out.push(Output::ReportStarted);
        }
        if self.has_started {
            out.extend(
                usage
                    .into_iter()
                    .map(|(pool, usage)| Output::ShowUsage(pool, usage)),
            );
        }
    }
}

impl Allocator {
    fn count_waiting(&mut self, now: Instant, out: &mut Vec<Output>) {
        if self.count_at.is_none_or(|at| now < at) {
            return;
        }
        self.count_at = None;
        let waiting = self.engine.waiting();
        if waiting != self.waiting {
            self.waiting.clone_from(&waiting);
            out.push(Output::ShowWaiting(waiting));
        }
    }
}

/// The annotation of a pool; a malformed one is a problem of the pool, whose last list counts on.
fn reservations(pool: &IpAddressPool) -> Option<Reservations> {
    match pool.metadata.annotations.get(RESERVATIONS) {
        Some(text) => text.parse().ok(),
        None => Some(Reservations::default()),
    }
}

impl Machine for Allocator {
    type Input = Input;
    type Output = Output;
    const TICK: Input = Input::Tick;

    fn handle(&mut self, now: Instant, input: Input, out: &mut Vec<Output>) {
        match input {
            Input::ServiceApplied(facts) => {
                self.note_service(&facts);
                self.tell(now, Event::ServiceApplied(facts));
            }
            Input::ServiceDeleted(key) => {
                self.with_status.remove(&key);
                self.tell(now, Event::ServiceDeleted(key));
            }
            Input::NamespaceApplied(facts, malformed) => {
                let news = self
                    .malformed_fences
                    .note(&facts.name, malformed.map(|malformed| *malformed));
                out.extend(news.filter(|_| self.is_leading).map(Output::TellFence));
                self.tell(now, Event::NamespaceApplied(*facts));
            }
            Input::NamespaceDeleted(name) => {
                self.malformed_fences.forget(&name);
                self.tell(now, Event::NamespaceDeleted { name });
            }
            Input::Restored { kept, told } => self.configuration.restore(kept, told),
            Input::Led(told) => self.lead(now, told, out),
            Input::ConfigChanged { uid, change } => self.change_config(now, uid, *change, out),
            Input::Listed(kind) => self.list_complete(now, kind, out),
            Input::LeftOut(kind) => {
                self.configuration.know(kind);
                self.settle_config(now, out);
            }
            Input::WriteFinished(key, ticket, outcome) => {
                self.tell(now, Event::WriteFinished { key, ticket, outcome });
            }
            // Whoever asked may have given up.
            Input::StateAsked(answer) => drop(answer.send(crate::state::of(self))),
            Input::Tick if self.engine.next_deadline().is_some_and(|at| at <= now) => {
                self.tell(now, Event::Tick);
            }
            Input::Tick => {}
        }
        self.pass_on(out);
        self.count_waiting(now, out);
    }

    fn next_deadline(&self) -> Option<Instant> {
        self.engine.next_deadline().into_iter().chain(self.count_at).min()
    }
}
