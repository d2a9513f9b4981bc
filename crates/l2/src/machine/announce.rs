//! Timers that have run out: sockets, filters, announcements.

use core::net::IpAddr;

use ferrolb_types::{Instant, InterfaceIndex};

use super::Machine;
use crate::timer::Timer;
use crate::{Claim, Output, round};

/// At most so many timers run in one call, with up to two frames each: a quarter of a millisecond of sending. A burst of
/// 10,000 addresses is sent in pieces, and questions are answered in between.
const TIMERS_PER_CALL: usize = 128;

impl Machine {
    pub(super) fn run_timers(&mut self, now: Instant, out: &mut Vec<Output>) {
        for _ in 0..TIMERS_PER_CALL {
            match self.timers.pop_due(now) {
                None => return,
                Some(Timer::Reopen(index)) => self.reopen_sockets(now, index, out),
                Some(Timer::Filter(index)) => self.apply_filter(now, index, out),
                Some(Timer::Refine(index)) => self.refine_filter(index, out),
                Some(Timer::Report(index)) => self.report_groups(now, index, out),
                Some(Timer::Announce(address, index)) => self.announce(now, address, index, out),
            }
        }
    }

    fn announce(&mut self, now: Instant, address: IpAddr, index: InterfaceIndex, out: &mut Vec<Output>) {
        let (Some(interface), Some(held)) = (self.interfaces.get(&index), self.held.get_mut(&address)) else {
            return;
        };
        let Some(presence) = held.presence(index) else {
            return;
        };
        let was_disputed = presence.is_disputed();
        let Some(round) = presence.advance(now, address, &mut self.pace, &mut self.timers) else {
            return;
        };
        let is_reclaimed = was_disputed && !presence.is_disputed();
        if presence.is_in_use() {
            held.claim = Claim::TakeOver;
        }
        if is_reclaimed {
            out.push(Output::ReportReclaimed {
                address,
                interface: index,
            });
        }
        for frame in round::frames(round, address, interface).into_iter().flatten() {
            held.counters.gratuitous_sent += u64::from(round.is_gratuitous());
            out.push(Output::SendFrame {
                interface: index,
                frame,
            });
        }
    }
}
