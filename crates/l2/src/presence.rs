//! One held address on one interface, and how far announcing it there has got.
//!
//! ```text
//!   Burst 0 ─50─▶ 1 ─100─▶ 2 ─350─▶ 3 ─1100─▶ 4 ─1100─▶ 5 ─1100─▶ 6 ─1100─▶ Burst 7        (pauses in ms)
//!                                                                             │ 0.5 to 1.5 refresh intervals
//!                  ┌──────────────── too much refreshing at present ──────────▼
//!               Reserved ──────────────── slot reached, announced ─────────▶ Refresh ──announced──┐
//!                                                                             ▲───────────────────┘
//! ```
//!
//! Burst 0 is where it begins when the address appears on the interface, and again when a foreign host claims it or the
//! interface changes its MAC address.

use core::net::IpAddr;
use core::time::Duration;

use ferrolb_types::{Instant, InterfaceIndex};

use crate::refresh::Refresher;
use crate::timer::{Timer, Timers};

/// Pauses between the rounds of a burst: front-loaded, because the first frame that arrives ends an outage, then wider
/// than the second during which a Linux neighbour ignores further changes (`locktime`). 8 rounds within 5 s.
///
/// Deviation: RFC 4861 section 7.2.6 and RFC 5227 section 2.3 space announcements by 1 s and 2 s. The first rounds are
/// closer, against the loss of a single frame.
const BURST_PAUSES_MS: [u64; 7] = [50, 100, 350, 1100, 1100, 1100, 1100];

/// Within this time one defence is enough (RFC 5227 section 2.4, DEFEND_INTERVAL).
const DEFEND_INTERVAL: Duration = Duration::from_secs(10);

/// What is to be sent when an address is announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Round {
    /// The n-th of a burst, from 0.
    Burst(usize),
    /// A single reminder.
    Refresh,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Burst(usize),
    Refresh,
    Reserved,
}

/// An address on an interface that it is answered for on.
#[derive(Debug)]
pub(crate) struct Presence {
    pub(crate) interface: InterfaceIndex,
    /// The slot of its timer.
    due: Option<Instant>,
    step: Step,
    defended_at: Option<Instant>,
}

impl Presence {
    pub(crate) const fn new(interface: InterfaceIndex) -> Self {
        Self {
            interface,
            due: None,
            step: Step::Burst(0),
            defended_at: None,
        }
    }

    /// Begins a burst at `now`.
    pub(crate) fn restart(&mut self, now: Instant, address: IpAddr, timers: &mut Timers) {
        self.step = Step::Burst(0);
        timers.arm(&mut self.due, Timer::Announce(address, self.interface), now);
    }

    /// Nothing is announced any more.
    pub(crate) fn end(mut self, address: IpAddr, timers: &mut Timers) {
        timers.disarm(&mut self.due, Timer::Announce(address, self.interface));
    }

    /// Begins a burst because of a claim heard at `now`, and returns true; unless it did so a short time ago
    /// (RFC 5227 section 2.4 (b) without giving up).
    pub(crate) fn defend(&mut self, now: Instant, address: IpAddr, timers: &mut Timers) -> bool {
        let rests = self.defended_at.is_some_and(|at| now - at < DEFEND_INTERVAL);
        if !rests {
            self.defended_at = Some(now);
            self.restart(now, address, timers);
        }
        !rests
    }

    /// Its timer has run out: arms the next and returns what is to be sent now.
    pub(crate) fn advance(
        &mut self,
        now: Instant,
        address: IpAddr,
        refresher: &mut Refresher,
        timers: &mut Timers,
    ) -> Option<Round> {
        let (round, step, at) = self.turn(now, refresher);
        self.step = step;
        self.due = None;
        if let Some(at) = at {
            timers.arm(&mut self.due, Timer::Announce(address, self.interface), at);
        }
        round
    }

    /// What to send, the next step and its deadline.
    fn turn(&self, now: Instant, refresher: &mut Refresher) -> (Option<Round>, Step, Option<Instant>) {
        if let Step::Burst(number) = self.step
            && let Some(&pause_ms) = BURST_PAUSES_MS.get(number)
        {
            return (
                Some(Round::Burst(number)),
                Step::Burst(number + 1),
                Some(now + Duration::from_millis(pause_ms)),
            );
        }
        if self.step == Step::Refresh {
            let slot = refresher.reserve_slot(now);
            if slot > now {
                return (None, Step::Reserved, Some(slot));
            }
        }
        let round = match self.step {
            Step::Burst(number) => Round::Burst(number),
            Step::Refresh | Step::Reserved => Round::Refresh,
        };
        (Some(round), Step::Refresh, refresher.next_due(now))
    }
}
