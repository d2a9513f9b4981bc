//! Bringing decisions into Service statuses: one write at a time per Service, none without a difference, again after
//! a conflict when the fresh object is there, and slowly where the API server refuses.
//!
//! ```text
//!   idle ──difference──▶ in flight ──Written──▶ unseen ──observed──▶ idle
//!    ▲                      │ Conflict: until a fresher object comes (or a deadline)
//!    └──────────────────────┘ Refused, Failed: until a deadline
//! ```

use core::net::IpAddr;
use core::time::Duration;
use std::sync::Arc;

use ferrolb_api::facts::{RequestCondition, ServiceFacts};
use ferrolb_types::{Instant, ObjectKey, PoolName};

use crate::effect::{Effect, EventSeverity, StatusWrite, Ticket};
use crate::engine::{Engine, Step};
use crate::event::WriteOutcome;
use crate::reason::events;
use crate::record::{Addresses, Record, ServiceId, Source, has_malformed_ingress};
use crate::settle::Concern;

/// What a status says, as far as it is ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Content {
    pub(crate) addresses: Option<Addresses>,
    pub(crate) pool: Option<PoolName>,
    pub(crate) request_condition: Option<Box<RequestCondition>>,
}

/// How far the writing of one Service's status is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Writing {
    in_flight: Option<Box<InFlight>>,
    /// Stored, but the watch has not shown it yet.
    unseen: Option<Box<Unseen>>,
    /// The version that was written to is outdated: once a fresher one is observed there is nothing to wait for.
    is_outdated: bool,
    /// The object is gone; nothing is written before one of its name is observed.
    is_gone: bool,
    backoff: Option<Box<Backoff>>,
    deadline: Option<Instant>,
    /// The deprecated annotations have been complained about.
    pub(crate) warned_of_deprecation: bool,
    /// What the API server refuses, in its words.
    pub(crate) refused: Option<Box<str>>,
}

#[derive(Clone, Debug)]
struct InFlight {
    ticket: Ticket,
    base: Box<str>,
    content: Content,
    /// What the API server held when the write was asked for.
    before: Stored,
}

/// A status as known.
#[derive(Clone, Debug)]
enum Stored {
    Observed(Arc<ServiceFacts>),
    Written(Content),
}

#[derive(Clone, Debug)]
struct Unseen {
    resource_version: Box<str>,
    content: Content,
}

/// Grows with every trouble and is forgotten after a quiet time.
#[derive(Clone, Debug)]
struct Backoff {
    troubles: u32,
    not_before: Instant,
    calm_at: Instant,
}

/// Why a write has to wait.
#[derive(Clone, Copy, Debug)]
enum Trouble {
    /// Somebody else keeps changing what we wrote. The first time it is simply put right.
    Edited,
    /// A conflict whose fresh object has not come yet.
    Conflict,
    /// No answer, or a failure of the server.
    Failed,
    /// Not permitted, or not valid.
    Refused,
}

impl Trouble {
    const fn first_and_longest(self) -> (Duration, Duration) {
        let seconds = Duration::from_secs;
        match self {
            Self::Edited => (Duration::ZERO, seconds(300)),
            Self::Conflict | Self::Failed => (seconds(1), seconds(60)),
            Self::Refused => (seconds(30), seconds(600)),
        }
    }
}

/// Trouble longer ago than this does not count any more.
const CALM: Duration = Duration::from_secs(600);

impl Writing {
    pub(crate) const fn is_idle(&self) -> bool {
        self.in_flight.is_none() && self.unseen.is_none() && self.deadline.is_none()
    }

    /// Takes in that the object was observed at `resource_version`. Afterwards what is unseen, if anything, is newer.
    pub(crate) fn observe(&mut self, resource_version: &str) {
        self.is_gone = false;
        // What a conflict waited for is here.
        if core::mem::take(&mut self.is_outdated)
            && let Some(backoff) = &mut self.backoff
        {
            backoff.not_before = Instant::ZERO;
        }
        if self
            .unseen
            .as_ref()
            .is_some_and(|unseen| !is_older(resource_version, &unseen.resource_version))
        {
            self.unseen = None;
        }
    }

    fn trouble(&mut self, now: Instant, kind: Trouble) {
        let troubles = match &self.backoff {
            Some(backoff) if now < backoff.calm_at => backoff.troubles,
            _ => 0,
        };
        let (first, longest) = kind.first_and_longest();
        let base = first.max(Duration::from_secs(1));
        let grown = base.saturating_mul(1u32.checked_shl(troubles.min(16)).unwrap_or(u32::MAX));
        let delay = if troubles == 0 { first } else { grown.min(longest) };
        let not_before = now + delay;
        self.backoff = Some(Box::new(Backoff {
            troubles: troubles.saturating_add(1),
            not_before,
            calm_at: not_before + CALM,
        }));
    }
}

/// Whether version `a` is older than `b`. Versions are opaque by the API's contract, but every server counts; where
/// one does not, only equality is known, and what differs is taken for newer.
pub(crate) fn is_older(a: &str, b: &str) -> bool {
    match (a.parse::<u64>(), b.parse::<u64>()) {
        (Ok(a), Ok(b)) => a < b,
        _ => false,
    }
}

impl Record {
    /// Whether the API server holds `content`, as far as known.
    fn is_stored(&self, content: &Content) -> bool {
        match &self.writing.unseen {
            Some(unseen) => unseen.content.is_same(content),
            None => content.is_in(&self.facts),
        }
    }

    /// The pool annotation that the API server holds, as far as known.
    fn stored_pool(&self) -> Option<PoolName> {
        match &self.writing.unseen {
            Some(unseen) => unseen.content.pool.clone(),
            None => self.facts.pool_annotation.as_deref().map(PoolName::from),
        }
    }

    /// Whether the API server holds `addr` for this Service, as far as known.
    pub(crate) fn is_shown_with(&self, addr: IpAddr) -> bool {
        match &self.writing.unseen {
            Some(unseen) => unseen
                .content
                .addresses
                .is_some_and(|stored| stored.contains(addr)),
            None => self.facts.addresses().any(|shown| shown == addr),
        }
    }

    /// Whether `facts` show a status that nobody here wrote: another than was known before.
    pub(crate) fn is_edited_by_others(&self, facts: &ServiceFacts) -> bool {
        let writing = &self.writing;
        let known = match &writing.unseen {
            Some(unseen) if is_older(&facts.resource_version, &unseen.resource_version) => return false,
            Some(unseen) => unseen.content.is_in(facts),
            None => same_status(&self.facts, facts),
        };
        !known && writing.in_flight.is_none()
    }
}

impl Stored {
    fn is_in(&self, facts: &ServiceFacts) -> bool {
        match self {
            Self::Observed(known) => same_status(known, facts),
            Self::Written(content) => content.is_in(facts),
        }
    }
}

impl InFlight {
    /// Whether `facts` show a status that is neither the one before the write nor the one after it.
    fn is_interrupted(&self, facts: &ServiceFacts) -> bool {
        is_fresher(&facts.resource_version, &self.base)
            && !self.before.is_in(facts)
            && !self.content.is_in(facts)
    }
}

fn same_status(a: &ServiceFacts, b: &ServiceFacts) -> bool {
    a.pool_annotation == b.pool_annotation
        && a.ingress == b.ingress
        && a.request_condition == b.request_condition
}

impl Content {
    /// Addresses compare as sets: a status is never rewritten for its order (controller 15.3).
    fn is_same(&self, other: &Self) -> bool {
        let addresses = match (&self.addresses, &other.addresses) {
            (Some(a), Some(b)) => a.same_set(b.as_slice()),
            (a, b) => a.is_none() && b.is_none(),
        };
        addresses && self.pool == other.pool && self.request_condition == other.request_condition
    }

    fn is_in(&self, facts: &ServiceFacts) -> bool {
        let mut observed: [Option<_>; 3] = [None; 3];
        for (slot, addr) in observed.iter_mut().zip(facts.addresses()) {
            *slot = Some(addr);
        }
        let own = self
            .addresses
            .as_ref()
            .map_or(&[][..], |addresses| addresses.as_slice());
        let same = match observed {
            [None, ..] => own.is_empty(),
            [Some(a), None, _] => own == [a],
            [Some(a), Some(b), None] => self.addresses.is_some_and(|own| own.same_set(&[a, b])),
            _ => false,
        };
        let pool = self.pool.as_ref().map(PoolName::as_str);
        same && !has_malformed_ingress(facts)
            && pool == facts.pool_annotation.as_deref()
            && self.request_condition == facts.request_condition
    }
}

impl Engine {
    /// What the status of a Service should say; none if that is up to others.
    fn wanted(&self, id: ServiceId) -> Option<Content> {
        let record = &self.directory[id];
        if Concern::of(&record.facts, &self.options().class) == Concern::Ignored {
            return None;
        }
        let Some(held) = &record.held else {
            return Some(Content {
                addresses: None,
                pool: None,
                request_condition: None,
            });
        };
        let pool = match &held.source {
            // The name of a pool that is not there stays too: after a restart it says why the addresses are kept.
            Source::Pool(pool) | Source::Missing(pool) | Source::Refused(pool) => Some(pool.clone()),
            Source::Unknown => record.stored_pool(),
        };
        Some(Content {
            addresses: Some(held.addresses),
            pool,
            request_condition: record.request_condition(),
        })
    }

    /// Whether the API server holds what was decided, as far as known.
    pub(crate) fn is_written(&self, id: ServiceId) -> bool {
        self.wanted(id)
            .is_none_or(|content| self.directory[id].is_stored(&content))
    }

    /// Whether a Service was given addresses that the API server does not hold yet.
    pub(crate) fn is_undecided(&self, id: ServiceId) -> bool {
        let record = &self.directory[id];
        let held = record.held.as_ref().map(|held| held.addresses);
        held.is_some_and(|held| !held.as_slice().iter().all(|addr| record.is_shown_with(*addr)))
    }

    /// Asks for a write if the status differs from the decision and nothing stands in the way.
    pub(crate) fn write_if_needed(&mut self, step: &mut Step<'_>, id: ServiceId) {
        let record = &self.directory[id];
        let writing = &record.writing;
        if writing.in_flight.is_some() {
            return;
        }
        let not_before = writing.backoff.as_ref().map(|backoff| backoff.not_before);
        let wait = not_before.filter(|at| *at > step.now);
        let blocked = wait.is_some() || writing.is_gone;
        let content = self.wanted(id).filter(|content| !record.is_stored(content));
        self.wake_at(id, wait.filter(|_| content.is_some()));
        if let Some(content) = content.filter(|_| !blocked) {
            self.warn_of_deprecation(step, id);
            self.write(step, id, content);
        }
    }

    fn write(&mut self, step: &mut Step<'_>, id: ServiceId, content: Content) {
        self.last_ticket.0 += 1;
        let ticket = self.last_ticket;
        let record = &mut self.directory[id];
        let (base, before) = match &record.writing.unseen {
            Some(unseen) => (
                unseen.resource_version.clone(),
                Stored::Written(unseen.content.clone()),
            ),
            None => (
                record.facts.resource_version.clone(),
                Stored::Observed(Arc::clone(&record.facts)),
            ),
        };
        step.out.push(Effect::WriteStatus(StatusWrite {
            key: record.facts.key.clone(),
            ticket,
            uid: record.facts.uid.clone(),
            resource_version: base.clone(),
            addresses: content
                .addresses
                .map_or_else(Vec::new, |addresses| addresses.as_slice().to_vec()),
            pool: content.pool.clone(),
            request_condition: content.request_condition.clone(),
        }));
        record.writing.is_outdated = false;
        record.writing.in_flight = Some(Box::new(InFlight {
            ticket,
            base,
            content,
            before,
        }));
    }

    /// Controller 4.1 step 6: only when something is written, and once.
    fn warn_of_deprecation(&mut self, step: &mut Step<'_>, id: ServiceId) {
        let record = &mut self.directory[id];
        if core::mem::replace(&mut record.writing.warned_of_deprecation, true) {
            return;
        }
        let facts = Arc::clone(&record.facts);
        for annotation in &facts.deprecated_annotations {
            let message = format!("Service uses deprecated annotation \"{annotation}\"");
            step.record(
                &facts,
                EventSeverity::Warning,
                events::DEPRECATED_ANNOTATION,
                message,
            );
        }
    }

    /// A write has an end.
    pub(crate) fn write_finished(
        &mut self,
        step: &mut Step<'_>,
        key: &ObjectKey,
        ticket: Ticket,
        outcome: WriteOutcome,
    ) {
        let Some(id) = self.directory.find(key) else {
            return;
        };
        let record = &mut self.directory[id];
        // Anything else is the end of a write to an earlier Service of this name.
        let Some(in_flight) = record.writing.in_flight.take_if(|write| write.ticket == ticket) else {
            return;
        };
        let interrupted = in_flight.is_interrupted(&record.facts);
        match outcome {
            WriteOutcome::Written { resource_version } => {
                record.writing.refused = None;
                if is_unseen(&record.facts, &resource_version, &in_flight.content) {
                    record.writing.unseen = Some(Box::new(Unseen {
                        resource_version,
                        content: in_flight.content,
                    }));
                }
            }
            WriteOutcome::Conflict if is_fresher(&record.facts.resource_version, &in_flight.base) => {}
            WriteOutcome::Conflict => {
                record.writing.is_outdated = true;
                record.writing.trouble(step.now, Trouble::Conflict);
            }
            WriteOutcome::Gone => record.writing.is_gone = true,
            WriteOutcome::Failed => record.writing.trouble(step.now, Trouble::Failed),
            WriteOutcome::Refused { message } => self.write_refused(step, id, message),
        }
        if interrupted {
            let lost = self.take_over_edit(step, id, true);
            self.settle(step, id, lost);
        } else {
            self.write_if_needed(step, id);
            self.forget_if_done(id);
        }
    }

    fn write_refused(&mut self, step: &mut Step<'_>, id: ServiceId, message: Box<str>) {
        let record = &mut self.directory[id];
        record.writing.trouble(step.now, Trouble::Refused);
        if record.writing.refused.as_ref() != Some(&message) {
            let text = format!(
                "the API server refuses the status of {}: {message}",
                record.facts.key
            );
            record.writing.refused = Some(message);
            let facts = Arc::clone(&record.facts);
            step.record(&facts, EventSeverity::Warning, events::STATUS_REFUSED, text);
        }
    }

    /// The object was observed with a status that somebody else wrote and that does not count: it is put right, more
    /// slowly each time.
    pub(crate) fn slow_down_corrections(&mut self, step: &Step<'_>, id: ServiceId) {
        self.directory[id].writing.trouble(step.now, Trouble::Edited);
    }

    /// Deadlines have passed.
    pub(crate) fn tick(&mut self, step: &mut Step<'_>) {
        self.end_rests(step);
        while let Some((at, id)) = self.deadlines.first().copied().filter(|(at, _)| *at <= step.now) {
            self.deadlines.remove(&(at, id));
            self.directory[id].writing.deadline = None;
            // After a conflict a fresher object should have come long ago; the next answer will say whether it is one.
            self.write_if_needed(step, id);
        }
    }

    pub(crate) fn wake_at(&mut self, id: ServiceId, at: Option<Instant>) {
        let old = core::mem::replace(&mut self.directory[id].writing.deadline, at);
        if old == at {
            return;
        }
        if let Some(old) = old {
            self.deadlines.remove(&(old, id));
        }
        if let Some(at) = at {
            self.deadlines.insert((at, id));
        }
    }
}

/// Whether the watch has yet to show what was stored as `stored`.
fn is_unseen(facts: &ServiceFacts, stored: &str, content: &Content) -> bool {
    let counted = facts.resource_version.parse::<u64>().is_ok() && stored.parse::<u64>().is_ok();
    if counted {
        is_older(&facts.resource_version, stored)
    } else {
        *facts.resource_version != *stored && !content.is_in(facts)
    }
}

/// Whether the object has been observed again since `base`.
fn is_fresher(observed: &str, base: &str) -> bool {
    match (observed.parse::<u64>(), base.parse::<u64>()) {
        (Ok(observed), Ok(base)) => observed > base,
        _ => observed != base,
    }
}
