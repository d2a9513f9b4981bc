//! All deadlines of the machine in one ordered set.

use core::net::IpAddr;
use std::collections::BTreeSet;

use ferrolb_types::{Instant, InterfaceIndex};

/// What is to be done at a deadline. Of those due at one instant, sockets come before filters and filters before frames,
/// so that an answer to a frame is not missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    Reopen(InterfaceIndex),
    Filter(InterfaceIndex),
    Refine(InterfaceIndex),
    Report(InterfaceIndex),
    Announce(IpAddr, InterfaceIndex),
}

/// Deadlines in order. Whoever has a timer keeps its deadline in a slot; slot and set change together.
#[derive(Debug, Default)]
pub(crate) struct Timers(BTreeSet<(Instant, Timer)>);

impl Timers {
    /// Moves `timer` from the deadline in `slot`, if there is one, to `at`.
    pub(crate) fn arm(&mut self, slot: &mut Option<Instant>, timer: Timer, at: Instant) {
        self.disarm(slot, timer);
        self.0.insert((at, timer));
        *slot = Some(at);
    }

    pub(crate) fn disarm(&mut self, slot: &mut Option<Instant>, timer: Timer) {
        if let Some(before) = slot.take() {
            self.0.remove(&(before, timer));
        }
    }

    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.0.first().map(|&(at, _)| at)
    }

    /// Takes the first timer whose deadline has come; its slot is to be cleared or armed again.
    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<Timer> {
        let &(at, timer) = self.0.first().filter(|(at, _)| *at <= now)?;
        self.0.remove(&(at, timer));
        Some(timer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Instant = Instant::from_millis(1);
    const TWO: Instant = Instant::from_millis(2);

    #[test]
    fn timers_come_in_order_and_not_before_their_time() {
        let eth = InterfaceIndex(1);
        let announce = Timer::Announce("192.0.2.1".parse().unwrap(), eth);
        let mut timers = Timers::default();
        timers.arm(&mut None, announce, ONE);
        timers.arm(&mut None, Timer::Filter(eth), ONE);
        timers.arm(&mut None, Timer::Reopen(eth), TWO);
        assert_eq!(timers.pop_due(Instant::ZERO), None);
        assert_eq!(timers.pop_due(ONE), Some(Timer::Filter(eth)));
        assert_eq!(timers.pop_due(ONE), Some(announce));
        assert_eq!(timers.pop_due(ONE), None);
        assert_eq!(timers.next_deadline(), Some(TWO));
    }

    #[test]
    fn rearming_moves_and_disarming_removes() {
        let timer = Timer::Filter(InterfaceIndex(1));
        let (mut timers, mut slot) = (Timers::default(), None);
        timers.arm(&mut slot, timer, ONE);
        timers.arm(&mut slot, timer, TWO);
        assert_eq!((timers.next_deadline(), slot), (Some(TWO), Some(TWO)));
        timers.disarm(&mut slot, timer);
        assert_eq!((timers.next_deadline(), slot), (None, None));
    }
}
