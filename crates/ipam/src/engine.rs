//! The machine: events in, effects out.

use core::net::IpAddr;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use ferrolb_api::Reservations;
use ferrolb_api::facts::ServiceFacts;
use ferrolb_types::{Instant, ObjectKey, PoolName};

use crate::directory::Directory;
use crate::effect::{Effect, EventSeverity, ServiceEvent, Ticket};
use crate::event::Event;
use crate::holder::Holders;
use crate::ledger::Ledger;
use crate::limit::Quotas;
use crate::namesakes::Namesakes;
use crate::outcome::Outcome;
use crate::pools::Pools;
use crate::reason::Reason;
use crate::record::{ServiceId, Turn};
use crate::resting::Resting;
use crate::usage::PoolUsage;
use crate::waiting::Waiting;
use crate::wake::Opening;

/// What the command line decides.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Options {
    /// `--lb-class`; empty: Services without a class (controller 3.4).
    pub class: Box<str>,
    /// `--strict-requests`: as in the reference, a changed request that cannot be met costs the address, and so does
    /// the absence of every pool.
    pub strict_requests: bool,
    /// Whether a Service gets nothing before its Namespace is known. Without labels and annotations of the Namespace it
    /// is not known either which pools it may use; manifests often lack Namespaces, a cluster does not.
    pub await_namespaces: bool,
}

/// Decides which Service holds which addresses.
#[derive(Clone, Debug, Default)]
pub struct Engine {
    options: Options,
    pub(crate) directory: Directory,
    pub(crate) pools: Pools,
    pub(crate) holders: Holders,
    pub(crate) waiting: Waiting,
    pub(crate) ledger: Ledger,
    pub(crate) namesakes: Namesakes,
    pub(crate) resting: Resting,
    pub(crate) quotas: Quotas,
    /// Services that keep addresses which no pool owns.
    pub(crate) orphans: BTreeSet<Arc<Turn>>,
    pub(crate) deadlines: BTreeSet<(Instant, ServiceId)>,
    pub(crate) last_ticket: Ticket,
    pub(crate) decisions: u64,
    pub(crate) pools_known: bool,
    pub(crate) synced: bool,
    pub(crate) started: bool,
}

/// One event being handled.
#[derive(Debug)]
pub(crate) struct Step<'a> {
    pub(crate) now: Instant,
    pub(crate) out: &'a mut Vec<Effect>,
    /// What has become possible and has not been offered yet.
    pub(crate) openings: VecDeque<Opening>,
    /// Whether this is the start, at which nothing is news that was so before.
    pub(crate) starting: bool,
}

impl Step<'_> {
    pub(crate) fn record(
        &mut self,
        facts: &ServiceFacts,
        severity: EventSeverity,
        reason: &'static str,
        message: String,
    ) {
        self.out.push(Effect::RecordEvent(ServiceEvent {
            service: facts.key.clone(),
            uid: facts.uid.clone(),
            severity,
            reason: reason.into(),
            message,
            is_restated: self.starting && severity == EventSeverity::Warning,
        }));
    }
}

impl Engine {
    /// An engine that knows nothing and decides nothing yet.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self {
            options,
            ..Self::default()
        }
    }

    /// Takes in `event` and appends what is to be done to `out`.
    pub fn handle(&mut self, now: Instant, event: Event, out: &mut Vec<Effect>) {
        let mut step = Step {
            now,
            out,
            openings: VecDeque::new(),
            starting: false,
        };
        self.take_in(&mut step, event);
        self.start_if_ready(&mut step);
        self.serve(&mut step);
        self.report_usage(&mut step);
        self.report_reservations(&mut step);
    }

    fn take_in(&mut self, step: &mut Step<'_>, event: Event) {
        match event {
            Event::PoolsResolved(pools) => self.pools_resolved(step, pools),
            Event::ReservationsObserved { pool, reservations } => {
                self.reservations_observed(step, &pool, reservations);
            }
            Event::NamespaceApplied(facts) => self.namespace_changed(step, &facts.name.clone(), Some(facts)),
            Event::NamespaceDeleted { name } => self.namespace_changed(step, &name, None),
            Event::ServiceApplied(facts) => self.service_applied(step, facts),
            Event::ServiceDeleted(key) => self.service_deleted(step, &key),
            Event::Synced => self.synced = true,
            Event::WriteFinished { key, ticket, outcome } => self.write_finished(step, &key, ticket, outcome),
            Event::Tick => self.tick(step),
        }
    }

    /// When to call with [`Event::Tick`], if at all.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        let write = self.deadlines.first().map(|(at, _)| *at);
        write.into_iter().chain(self.resting.next()).min()
    }

    /// How many decisions on single Services were taken: the work that events have caused.
    #[must_use]
    pub const fn decisions(&self) -> u64 {
        self.decisions
    }

    /// The options it was made with.
    #[must_use]
    pub const fn options(&self) -> &Options {
        &self.options
    }

    /// Whether decisions are being made: pools are known and [`Event::Synced`] came.
    #[must_use]
    pub const fn is_started(&self) -> bool {
        self.started
    }

    /// What became of a Service; none for one that never concerned the engine.
    #[must_use]
    pub fn outcome(&self, key: &ObjectKey) -> Option<Outcome> {
        let id = self.directory.find(key)?;
        Some(self.outcome_of(id))
    }

    /// All Services that concern the engine, by key.
    #[must_use]
    pub fn outcomes(&self) -> BTreeMap<ObjectKey, Outcome> {
        let outcome = |turn: &Turn| (turn.key.clone(), self.outcome_of(turn.id));
        self.directory
            .records()
            .map(|record| outcome(&record.turn))
            .collect()
    }

    /// The Services that hold `addr`, sorted.
    #[must_use]
    pub fn holders(&self, addr: IpAddr) -> Vec<ObjectKey> {
        let users = self
            .holders
            .get(addr)
            .into_iter()
            .flat_map(|holding| holding.users());
        let mut keys: Vec<ObjectKey> = users.map(|id| self.directory[id].facts.key.clone()).collect();
        keys.sort_unstable();
        keys
    }

    /// The pool that owns `addr`, whether it is in use or not.
    #[must_use]
    pub fn owner(&self, addr: IpAddr) -> Option<&PoolName> {
        self.pools.owner(addr)
    }

    /// What is reserved in `pool`, whether its object shows it yet or not.
    #[must_use]
    pub fn reservations(&self, pool: &PoolName) -> Reservations {
        self.ledger.list(pool)
    }

    /// Addresses that were released a short time ago, and until when they are not given out.
    pub fn resting(&self) -> impl Iterator<Item = (IpAddr, Instant)> {
        self.resting.iter()
    }

    /// Counters of every pool, by name.
    pub fn usage(&self) -> impl Iterator<Item = (&PoolName, PoolUsage)> {
        self.pools.iter().map(|(name, state)| (name, state.usage()))
    }

    /// How many Services wait without an address, by reason.
    #[must_use]
    pub fn waiting(&self) -> BTreeMap<Reason, usize> {
        let records = self
            .waiting
            .everyone()
            .iter()
            .map(|turn| &self.directory[turn.id]);
        let mut counts = BTreeMap::new();
        for record in records.filter(|record| record.held.is_none()) {
            if let Some(standing) = &record.standing {
                *counts.entry(standing.reason).or_default() += 1;
            }
        }
        counts
    }
}
