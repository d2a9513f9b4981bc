//! Bringing decisions into Service statuses: one write at a time per Service, none without a difference, again after
//! a conflict when the fresh object is there, and slowly where the API server refuses.
//!
//! ```text
//!   idle ──difference──▶ in flight ──Written──▶ unseen ──observed──▶ idle
//!    ▲                      │ Conflict: until a fresher object comes (or a deadline)
//!    └──────────────────────┘ Refused, Failed: until a deadline
//! ```

use std::sync::Arc;

use ferrolb_api::facts::ServiceFacts;
use ferrolb_types::{Instant, ObjectKey};

use crate::backoff::{Backoff, Trouble};
use crate::content::{Content, same_status};
use crate::effect::{Effect, EventSeverity, StatusWrite, Ticket};
use crate::engine::{Engine, Step};
use crate::event::WriteOutcome;
use crate::reason::events;
use crate::record::{Record, ServiceId};

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
            backoff.end_wait();
        }
        if self
            .unseen
            .as_ref()
            .is_some_and(|unseen| !is_older(resource_version, &unseen.resource_version))
        {
            self.unseen = None;
        }
    }

    /// Whether somebody else's status was put right a short time ago.
    pub(crate) fn has_corrected(&self, now: Instant) -> bool {
        let backoff = self.backoff.as_ref();
        backoff.is_some_and(|backoff| backoff.has_corrected(now))
    }

    fn trouble(&mut self, now: Instant, trouble: Trouble) {
        let backoff = Backoff::after(self.backoff.as_deref(), now, trouble);
        self.backoff = Some(Box::new(backoff));
    }

    /// What was stored and has not been shown yet.
    pub(crate) fn unseen_content(&self) -> Option<&Content> {
        self.unseen.as_ref().map(|unseen| &unseen.content)
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

impl Engine {
    /// Asks for a write if the status differs from the decision and nothing stands in the way.
    pub(crate) fn write_if_needed(&mut self, step: &mut Step<'_>, id: ServiceId) {
        let record = &self.directory[id];
        let writing = &record.writing;
        if writing.in_flight.is_some() {
            return;
        }
        let wait = writing
            .backoff
            .as_ref()
            .and_then(|backoff| backoff.wait(step.now));
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
