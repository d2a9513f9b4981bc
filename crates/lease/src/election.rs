//! One candidate.

use core::time::Duration;

use ferrolb_types::{Instant, SplitMix64};

use crate::config::JITTER_TENTHS;
use crate::{Claim, Config, Lease, Record};

/// What the machine is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A deadline has passed.
    Tick,
    /// The answer to a `Get`, or that there is nothing to update: the Lease, if there is one.
    Read(Option<Lease>),
    /// A create or update succeeded, and this is stored now.
    Written(Lease),
    /// It was refused since another version is stored.
    Conflict,
    /// No answer within the time, or one that says nothing about the Lease; it may have been stored.
    Failed,
    /// The role does not permit it, or there is no place for the Lease.
    Denied,
    /// A watch shows the Lease; none: it is gone.
    Seen(Option<Lease>),
    /// The process ends, and writes nothing any more.
    Stopped,
}

/// What the machine asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Ask the API server; the answer or [`Input::Failed`] must come within this time. One at a time.
    Send {
        /// What to ask.
        request: Request,
        /// The time for it.
        within: Duration,
    },
    /// Leader from now on.
    Lead,
    /// Writes may be under way until then, and not a moment longer.
    MayWriteUntil(Instant),
    /// Not the leader any more: nothing may be begun, and what waits must be dropped.
    Stop(Loss),
    /// Write without election, for Leases are out of reach.
    LeadUnelected,
    /// Somebody else holds the Lease; nobody, if empty.
    NoteHolder(Box<str>),
    /// Nothing more comes.
    End,
}

/// A request to the API server about the Lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Read it.
    Get,
    /// Create it.
    Create(Claim),
    /// Change it, if this version is stored.
    Update {
        /// The version.
        version: Box<str>,
        /// What it shall say.
        claim: Claim,
    },
}

/// Why a leader is none any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Loss {
    /// It could not renew in time, or was stopped for so long.
    NotRenewed,
    /// Somebody else holds the Lease.
    Taken(Box<str>),
    /// It leaves.
    Left,
}

/// Where a candidate stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Waits for its turn.
    Candidate,
    /// Writes.
    Leader,
    /// Writes, since no election can be held.
    Unelected,
    /// Has left or is leaving.
    Left,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Candidate,
    Leader { until: Instant },
    Unelected,
    Leaving,
    Ended,
}

/// What is known of the stored Lease.
#[derive(Debug)]
enum Stored {
    Unknown,
    Missing,
    Present(Lease),
}

/// A record, and since when it has been like this, by the own clock.
#[derive(Debug)]
struct Observed {
    record: Record,
    since: Instant,
}

/// A candidate for the Lease. To be fed with every answer.
#[derive(Debug)]
pub struct Election {
    config: Config,
    identity: Box<str>,
    random: SplitMix64,
    role: Role,
    stored: Stored,
    observed: Option<Observed>,
    /// When the request that is under way was sent.
    asked: Option<Instant>,
    /// When to ask next, unless a request is under way.
    ask_at: Instant,
}

impl Election {
    /// A candidate called `identity`, which must be unique over all processes and restarts. `seed` spreads its attempts.
    #[must_use]
    pub fn new(config: Config, identity: impl Into<Box<str>>, seed: u64) -> Self {
        Self {
            config,
            identity: identity.into(),
            random: SplitMix64::new(seed),
            role: Role::Candidate,
            stored: Stored::Unknown,
            observed: None,
            asked: None,
            ask_at: Instant::ZERO,
        }
    }

    /// Whether a write may be under way at `now`.
    #[must_use]
    pub fn may_write(&self, now: Instant) -> bool {
        match self.role {
            Role::Leader { until } => now < until,
            Role::Unelected => true,
            Role::Candidate | Role::Leaving | Role::Ended => false,
        }
    }

    /// Where it stands.
    #[must_use]
    pub const fn standing(&self) -> Standing {
        match self.role {
            Role::Candidate => Standing::Candidate,
            Role::Leader { .. } => Standing::Leader,
            Role::Unelected => Standing::Unelected,
            Role::Leaving | Role::Ended => Standing::Left,
        }
    }

    /// Who held the Lease when it was seen last; empty: nobody, or it has not been seen.
    #[must_use]
    pub fn holder(&self) -> &str {
        self.observed.as_ref().map_or("", |seen| &seen.record.holder)
    }

    /// The own name in the Lease.
    #[must_use]
    pub fn identity(&self) -> &str {
        &self.identity
    }

    /// When it wants a [`Input::Tick`] at the latest.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        let until = match self.role {
            Role::Unelected | Role::Ended => return None,
            Role::Leader { until } => Some(until),
            Role::Candidate | Role::Leaving => None,
        };
        let ask_at = self.asked.is_none().then_some(self.ask_at);
        until.into_iter().chain(ask_at).min()
    }

    /// Takes one input at time `now`, which never runs backwards, and appends what is to be done, in order.
    pub fn handle(&mut self, now: Instant, input: Input, out: &mut Vec<Output>) {
        if matches!(self.role, Role::Unelected | Role::Ended) && input != Input::Stopped {
            return;
        }
        match input {
            Input::Tick => {}
            Input::Read(lease) => self.read(now, lease, out),
            Input::Written(lease) => self.written(now, lease, out),
            Input::Conflict => self.look_again(now, now),
            Input::Denied if self.is_out_of_reach() => {
                (self.role, self.asked) = (Role::Unelected, None);
                out.push(Output::LeadUnelected);
                return;
            }
            Input::Denied | Input::Failed => {
                let pause = self.pause();
                self.look_again(now, now + pause);
            }
            Input::Seen(lease) => self.seen(now, lease, out),
            Input::Stopped => self.leave(out),
        }
        self.expire(now, out);
        self.proceed(now, out);
    }

    fn read(&mut self, now: Instant, lease: Option<Lease>, out: &mut Vec<Output>) {
        self.asked = None;
        self.note(now, lease, out);
        let holder = self.holder();
        if matches!(self.role, Role::Leader { .. }) && !holder.is_empty() && *holder != *self.identity {
            let loss = Loss::Taken(holder.into());
            self.lose(now, loss, out);
        }
        self.plan_next(now);
    }

    fn written(&mut self, now: Instant, lease: Lease, out: &mut Vec<Output>) {
        let sent = self.asked.take().unwrap_or(now);
        // What changed nothing, as with a wall clock that stands still, is a renewal that nobody sees.
        let is_seen = self
            .observed
            .as_ref()
            .is_none_or(|seen| seen.record != lease.record);
        self.note(sent, Some(lease), out);
        if is_seen {
            self.hold(now, sent + self.config.renew_deadline, out);
        }
        self.ask_at = now.max(sent + self.pause());
    }

    /// An answer that comes too late, as after the process was stopped, makes no leader.
    fn hold(&mut self, now: Instant, until: Instant, out: &mut Vec<Output>) {
        if *self.holder() != *self.identity || until <= now || self.role == Role::Leaving {
            return;
        }
        if self.role == Role::Candidate {
            out.push(Output::Lead);
        }
        self.role = Role::Leader { until };
        out.push(Output::MayWriteUntil(until));
    }

    /// A leader learns from its own requests: what a watch shows is older.
    fn seen(&mut self, now: Instant, lease: Option<Lease>, out: &mut Vec<Output>) {
        if self.role == Role::Candidate && self.asked.is_none() {
            self.note(now, lease, out);
            self.plan_next(now);
        }
    }

    /// Leases cannot be used at all, as far as is known.
    const fn is_out_of_reach(&self) -> bool {
        matches!(self.role, Role::Candidate) && self.observed.is_none()
    }

    fn look_again(&mut self, now: Instant, at: Instant) {
        self.asked = None;
        self.stored = Stored::Unknown;
        self.ask_at = at.max(now);
    }

    fn note(&mut self, now: Instant, lease: Option<Lease>, out: &mut Vec<Output>) {
        let Some(lease) = lease else {
            self.stored = Stored::Missing;
            return;
        };
        if self
            .observed
            .as_ref()
            .is_none_or(|seen| seen.record != lease.record)
        {
            let holder = &lease.record.holder;
            let is_new = self.observed.is_none() || *self.holder() != **holder;
            if is_new && **holder != *self.identity {
                out.push(Output::NoteHolder(holder.clone()));
            }
            let record = lease.record.clone();
            self.observed = Some(Observed { record, since: now });
        }
        self.stored = Stored::Present(lease);
    }

    /// At once if the Lease can be had, else later: when it expires, or earlier to see whether it has been given back.
    fn plan_next(&mut self, now: Instant) {
        let free_at = self.free_at();
        self.ask_at = now.max(free_at.min(now + self.pause()));
    }

    /// When the Lease may be taken, unless it changes before. One that was deleted counts on: its holder need not know yet.
    fn free_at(&self) -> Instant {
        let Some(Observed { record, since }) = &self.observed else {
            return Instant::ZERO;
        };
        if record.holder.is_empty() || record.holder == self.identity {
            return Instant::ZERO;
        }
        let duration = match record.duration {
            Duration::ZERO => self.config.lease_duration,
            duration => duration,
        };
        *since + duration
    }

    /// A leader asks a little before its period is over, a candidate at a random time after it, as in client-go.
    fn pause(&mut self) -> Duration {
        let tenths = match self.role {
            Role::Leader { .. } => 8 + self.random.below(3),
            _ => 10 + self.random.below(JITTER_TENTHS + 1),
        };
        self.config.retry_period.saturating_mul(tenths) / 10
    }

    fn expire(&mut self, now: Instant, out: &mut Vec<Output>) {
        if matches!(self.role, Role::Leader { until } if until <= now) {
            self.lose(now, Loss::NotRenewed, out);
        }
    }

    fn lose(&mut self, now: Instant, loss: Loss, out: &mut Vec<Output>) {
        self.role = Role::Candidate;
        self.stored = Stored::Unknown;
        self.ask_at = now;
        out.push(Output::Stop(loss));
    }

    /// What is under way is waited for: it may make this process the holder.
    fn leave(&mut self, out: &mut Vec<Output>) {
        if matches!(self.role, Role::Leader { .. } | Role::Unelected) {
            out.push(Output::Stop(Loss::Left));
        }
        if self.role != Role::Ended {
            self.role = Role::Leaving;
        }
    }

    fn proceed(&mut self, now: Instant, out: &mut Vec<Output>) {
        if self.asked.is_some() || self.role == Role::Ended {
            return;
        }
        if self.role == Role::Leaving {
            return self.give_back(now, out);
        }
        if self.ask_at <= now {
            let request = self.next_request(now);
            self.send(now, request, out);
        }
    }

    fn next_request(&self, now: Instant) -> Request {
        let is_free = self.free_at() <= now;
        match &self.stored {
            Stored::Missing if is_free => Request::Create(self.claim(None)),
            Stored::Present(lease) if is_free => Request::Update {
                version: lease.version.clone(),
                claim: self.claim(Some(&lease.record)),
            },
            _ => Request::Get,
        }
    }

    /// Once, and only what is known to be held.
    fn give_back(&mut self, now: Instant, out: &mut Vec<Output>) {
        self.role = Role::Ended;
        let Stored::Present(lease) = core::mem::replace(&mut self.stored, Stored::Unknown) else {
            return out.push(Output::End);
        };
        if lease.record.holder != self.identity {
            return out.push(Output::End);
        }
        let claim = Claim {
            holder: "".into(),
            duration: Duration::from_secs(1),
            acquired: None,
            transitions: lease.record.transitions,
        };
        let version = lease.version;
        self.send(now, Request::Update { version, claim }, out);
        out.push(Output::End);
    }

    /// A renewal that hangs leaves time for another one before the deadline.
    fn send(&mut self, now: Instant, request: Request, out: &mut Vec<Output>) {
        let half = self.config.renew_deadline / 2;
        let within = match self.role {
            Role::Leader { until } => half.min(until - now),
            _ => half,
        };
        self.asked = Some(now);
        out.push(Output::Send { request, within });
    }

    fn claim(&self, present: Option<&Record>) -> Claim {
        let own = present.filter(|record| record.holder == self.identity);
        let transitions = present.map_or(0, |record| record.transitions);
        Claim {
            holder: self.identity.clone(),
            duration: whole_seconds(self.config.lease_duration),
            acquired: own.map(|record| record.acquired.clone()),
            transitions: match (own, present) {
                (None, Some(_)) => transitions.saturating_add(1),
                _ => transitions,
            },
        }
    }
}

/// The API knows whole seconds; others wait rather too long than too short.
fn whole_seconds(duration: Duration) -> Duration {
    let more = u64::from(duration.subsec_nanos() > 0);
    Duration::from_secs(duration.as_secs().saturating_add(more))
}

#[cfg(test)]
mod tests;
