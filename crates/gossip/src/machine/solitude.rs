//! Whether this node hears any other one: for it alone nothing else tells a ring that has died from a cable that was pulled.

use super::Machine;
use crate::Output;
use crate::watch::company::State;

impl Machine {
    /// Tells when nobody is heard any more, and when somebody is again. `told` is what one input has brought about.
    pub(super) fn notice_solitude(&mut self, told: usize, out: &mut Vec<Output>) {
        let is_unheard = self.hears_nobody(&out[told..]);
        if core::mem::replace(&mut self.is_unheard, is_unheard) != is_unheard {
            out.push(if is_unheard {
                Output::ReportUnheard
            } else {
                Output::ReportHeard
            });
        }
    }

    /// With neighbours, what was found out by asking them ([`Company`](crate::watch::company::Company)); without, the membership
    /// decides. A node whose others have all left is not cut off.
    fn hears_nobody(&self, told: &[Output]) -> bool {
        if self.watch.neighbours.values().any(|neighbour| neighbour.on_ring) {
            return self.watch.company.state() != State::Heard;
        }
        let has_others = self
            .members
            .iter()
            .any(|(id, node)| self.is_other_usable(id, node));
        let left = told.iter().rev().find_map(|output| match output {
            Output::ReportMemberGone { left, .. } => Some(*left),
            _ => None,
        });
        !has_others && left.map_or(self.is_unheard, |left| !left)
    }
}
