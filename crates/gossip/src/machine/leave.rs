//! Saying goodbye.

use core::time::Duration;

use ferrolb_types::Instant;
use ferrolb_wire::memberlist::{Claim, Message};

use super::{Machine, Phase};
use crate::Output;
use crate::timer::{Timer, Timers};

/// How long the goodbye may take; the reference's.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(1);

impl Machine {
    /// Tells every member directly, so that a successor takes over within one network latency, and by gossip, for those that
    /// do not get it.
    pub(super) fn leave(&mut self, now: Instant, out: &mut Vec<Output>) {
        if self.phase != Phase::Running {
            return;
        }
        self.phase = Phase::Leaving;
        let name = self.name.clone();
        let claim = Claim {
            incarnation: self.incarnation,
            node: &name,
            from: &name,
        };
        let is_alone = !self
            .members
            .iter()
            .any(|(id, node)| self.is_other_usable(id, node));
        self.tell_all(&Message::Dead(claim.clone()).encode(), out);
        self.dead(now, &claim, out);
        if is_alone {
            self.finish_leaving(out);
        } else {
            self.timers.arm(Timer::LeaveEnd, now + LEAVE_TIMEOUT);
        }
    }

    pub(super) fn finish_leaving(&mut self, out: &mut Vec<Output>) {
        self.phase = Phase::Left;
        self.timers = Timers::default();
        out.push(Output::ReportLeft);
    }
}
