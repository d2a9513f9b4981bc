//! One wanted address on one interface, and how far using it there has got.
//!
//! ```text
//!   first use                          foreign claim                      take-over
//!       ▼      ┌──────────────────────────────────────────────▶ Yielded      │
//!    Claimed ─▶ Probe 0 ─▶ 1 ─▶ 2 ──nobody──┐                    │  ▲        │
//!       ▲                                   ▼                    │  │ second claim in 10 s, another speaker prevails
//!       └──── 2 s, 10 s or a minute later ──┼────────────────────┘  │        │
//!                                           ▼                       │        ▼
//!   Burst 0 ─50─▶ 1 ─100─▶ 2 ─350─▶ 3 ─1100─▶ 4 ─1100─▶ 5 ─1100─▶ 6 ─1100─▶ Burst 7        (pauses in ms)
//!                                                                             │ 0.5 to 1.5 refresh intervals
//!                  ┌──────────────── too much refreshing at present ──────────▼
//!               Reserved ──────────────── slot reached, announced ─────────▶ Refresh ──announced──┐
//!                                                                             ▲───────────────────┘
//! ```
//!
//! Burst 0 is where it begins when the address appears on the interface, and again when a foreign host claims it, or
//! the interface changes its MAC address or had no carrier for a moment.

use core::net::IpAddr;
use core::time::Duration;

use ferrolb_types::{Instant, InterfaceIndex, IpFamily};
use ferrolb_wire::ndp::Nonce;

use crate::probe::Prober;
use crate::refresh::Refresher;
use crate::timer::{Timer, Timers};
use crate::{Claim, Config, Reaction};

/// Pauses between the rounds of a burst: front-loaded, because the first frame that arrives ends an outage, then wider
/// than the second during which a Linux neighbour ignores further changes (`locktime`). 8 rounds within 5 s.
///
/// Deviation: RFC 4861 section 7.2.6 and RFC 5227 section 2.3 space announcements by 1 s and 2 s. The first rounds are
/// closer, against the loss of a single frame.
const BURST_PAUSES_MS: [u64; 7] = [50, 100, 350, 1100, 1100, 1100, 1100];

/// A second claim within this time ends the use of an address (RFC 5227 section 2.4 (b)). Also the pause before an address
/// is probed for again that was given up.
const DEFEND_INTERVAL: Duration = Duration::from_secs(10);
/// A claim is told by several frames, request and reply form and each more than once. What comes this soon after a defence
/// belongs to the claim that was answered by it.
const SAME_CLAIM: Duration = Duration::from_secs(1);
/// MAX_CONFLICTS and RATE_LIMIT_INTERVAL of RFC 5227 section 2.1.1: after so many attempts they get rare.
const MAX_CONFLICTS: u8 = 10;
const RATE_LIMIT_INTERVAL: Duration = Duration::from_secs(60);
/// Another speaker has the address: by then both know the same again, or it still answers.
const RIVAL_INTERVAL: Duration = Duration::from_secs(2);
/// How often the election is asked about another speaker that goes on claiming.
const RIVAL_REPORT_INTERVAL: Duration = Duration::from_secs(1);

/// What spreads deadlines.
#[derive(Debug)]
pub(crate) struct Pace {
    refresher: Refresher,
    prober: Prober,
}

impl Pace {
    pub(crate) fn new(config: &Config, seed: u64) -> Self {
        Self {
            refresher: Refresher::new(config, seed),
            prober: Prober::new(config, seed),
        }
    }

    /// See [`Prober::needed`].
    pub(crate) fn needed(&self, claim: Claim) -> Claim {
        self.prober.needed(claim)
    }
}

/// What is to be sent about an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Round {
    /// A question whether anybody has it.
    Probe(Nonce),
    /// The n-th of a burst, from 0.
    Burst(usize),
    /// A single reminder.
    Refresh,
}

impl Round {
    /// Whether its frames tell something; a probe asks.
    pub(crate) const fn is_gratuitous(self) -> bool {
        !matches!(self, Self::Probe(_))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// To be probed for.
    Claimed,
    /// So many probes have been sent.
    Probe(u8),
    /// Another host has it.
    Yielded,
    Burst(usize),
    Refresh,
    Reserved,
}

/// A wanted address on an interface that allows it.
#[derive(Debug)]
pub(crate) struct Presence {
    pub(crate) interface: InterfaceIndex,
    /// The slot of its timer.
    due: Option<Instant>,
    step: Step,
    defended_at: Option<Instant>,
    rival_reported_at: Option<Instant>,
    /// How often in succession a foreign host kept it from being used.
    conflicts: u8,
    /// Of the last probe sent.
    nonce: Option<Nonce>,
}

impl Presence {
    /// Begins at `from`, with probes if it is the first use.
    pub(crate) fn begin(
        interface: InterfaceIndex,
        claim: Claim,
        from: Instant,
        address: IpAddr,
        timers: &mut Timers,
    ) -> Self {
        let step = match claim {
            Claim::TakeOver => Step::Burst(0),
            Claim::FirstUse => Step::Claimed,
        };
        let mut presence = Self {
            interface,
            due: None,
            step,
            defended_at: None,
            rival_reported_at: None,
            conflicts: 0,
            nonce: None,
        };
        presence.enter(step, from, address, timers);
        presence
    }

    /// Whether questions are answered.
    pub(crate) const fn is_in_use(&self) -> bool {
        matches!(self.step, Step::Burst(_) | Step::Refresh | Step::Reserved)
    }

    /// Whether another host has it.
    pub(crate) const fn is_yielded(&self) -> bool {
        matches!(self.step, Step::Yielded)
    }

    /// Whether a foreign host has kept it from being used, and no probe has found it free since.
    pub(crate) const fn is_disputed(&self) -> bool {
        self.conflicts > 0
    }

    /// Whether the nonce is that of the own probe, which came back.
    pub(crate) fn is_own(&self, nonce: Option<Nonce>) -> bool {
        nonce.is_some() && nonce == self.nonce
    }

    /// Begins a burst at `now`, if the address is in use.
    pub(crate) fn announce_again(&mut self, now: Instant, address: IpAddr, timers: &mut Timers) {
        if self.is_in_use() {
            self.enter(Step::Burst(0), now, address, timers);
        }
    }

    /// Nothing is announced any more.
    pub(crate) fn end(mut self, address: IpAddr, timers: &mut Timers) {
        timers.disarm(&mut self.due, Timer::Announce(address, self.interface));
    }

    /// A foreign host claims the address. What is done about it, if that is to be told.
    pub(crate) fn dispute(&mut self, now: Instant, address: IpAddr, timers: &mut Timers) -> Option<Reaction> {
        match self.step {
            Step::Yielded => None,
            Step::Claimed | Step::Probe(_) => {
                let is_first = self.conflicts == 0;
                self.give_up(now, address, timers);
                is_first.then_some(Reaction::NotTaken)
            }
            Step::Burst(_) | Step::Refresh | Step::Reserved => self.defend(now, address, timers),
        }
    }

    /// "If this is not the first conflicting ARP packet the host has seen, and the time recorded for the previous
    /// conflicting ARP packet is recent, within DEFEND_INTERVAL seconds, then the host MUST immediately cease using this
    /// address" (RFC 5227 section 2.4 (b)). The same for Neighbor Discovery, for which no RFC says anything.
    fn defend(&mut self, now: Instant, address: IpAddr, timers: &mut Timers) -> Option<Reaction> {
        match self.defended_at.map(|at| now - at) {
            Some(since) if since < SAME_CLAIM => None,
            Some(since) if since < DEFEND_INTERVAL => {
                self.give_up(now, address, timers);
                Some(Reaction::GivenUp)
            }
            _ => {
                self.defended_at = Some(now);
                self.enter(Step::Burst(0), now, address, timers);
                Some(Reaction::Defended)
            }
        }
    }

    fn give_up(&mut self, now: Instant, address: IpAddr, timers: &mut Timers) {
        self.conflicts = self.conflicts.saturating_add(1);
        self.defended_at = None;
        let pause = if self.conflicts > MAX_CONFLICTS {
            RATE_LIMIT_INTERVAL
        } else {
            DEFEND_INTERVAL
        };
        self.enter(Step::Yielded, now + pause, address, timers);
    }

    /// Another speaker claims the address. Whether the election is to be asked. One that uses it while it is probed for is
    /// left alone.
    pub(crate) fn note_rival(&mut self, now: Instant, address: IpAddr, timers: &mut Timers) -> bool {
        if !self.is_in_use() {
            self.yield_to_rival(now, address, timers);
            return false;
        }
        let is_due = self
            .rival_reported_at
            .is_none_or(|at| now - at >= RIVAL_REPORT_INTERVAL);
        if is_due {
            self.rival_reported_at = Some(now);
        }
        is_due
    }

    /// Ends the use until a probe finds nobody.
    pub(crate) fn yield_to_rival(&mut self, now: Instant, address: IpAddr, timers: &mut Timers) {
        if !self.is_yielded() {
            self.enter(Step::Yielded, now + RIVAL_INTERVAL, address, timers);
        }
    }

    fn enter(&mut self, step: Step, at: Instant, address: IpAddr, timers: &mut Timers) {
        self.step = step;
        timers.arm(&mut self.due, Timer::Announce(address, self.interface), at);
    }

    /// Its timer has run out: arms the next and returns what is to be sent now.
    pub(crate) fn advance(
        &mut self,
        now: Instant,
        address: IpAddr,
        pace: &mut Pace,
        timers: &mut Timers,
    ) -> Option<Round> {
        let (round, step, at) = self.turn(now, IpFamily::of(address), pace);
        self.step = step;
        self.due = None;
        if let Some(at) = at {
            timers.arm(&mut self.due, Timer::Announce(address, self.interface), at);
        }
        round
    }

    /// What to send, the next step and its deadline.
    fn turn(
        &mut self,
        now: Instant,
        family: IpFamily,
        pace: &mut Pace,
    ) -> (Option<Round>, Step, Option<Instant>) {
        match self.step {
            Step::Claimed | Step::Yielded => (None, Step::Probe(0), Some(now + pace.prober.delay())),
            Step::Probe(sent) if sent < pace.prober.count(family) => {
                let nonce = pace.prober.nonce();
                self.nonce = Some(nonce);
                let next = now + pace.prober.pause(sent + 1, family);
                (Some(Round::Probe(nonce)), Step::Probe(sent + 1), Some(next))
            }
            Step::Probe(_) => {
                self.conflicts = 0;
                burst(now, 0, &mut pace.refresher)
            }
            Step::Burst(number) => burst(now, number, &mut pace.refresher),
            Step::Refresh => refresh(now, &mut pace.refresher),
            Step::Reserved => (Some(Round::Refresh), Step::Refresh, pace.refresher.next_due(now)),
        }
    }
}

fn burst(now: Instant, number: usize, refresher: &mut Refresher) -> (Option<Round>, Step, Option<Instant>) {
    let round = Some(Round::Burst(number));
    match BURST_PAUSES_MS.get(number) {
        Some(&pause_ms) => {
            let next = now + Duration::from_millis(pause_ms);
            (round, Step::Burst(number + 1), Some(next))
        }
        None => (round, Step::Refresh, refresher.next_due(now)),
    }
}

fn refresh(now: Instant, refresher: &mut Refresher) -> (Option<Round>, Step, Option<Instant>) {
    let slot = refresher.reserve_slot(now);
    if slot > now {
        return (None, Step::Reserved, Some(slot));
    }
    (Some(Round::Refresh), Step::Refresh, refresher.next_due(now))
}
