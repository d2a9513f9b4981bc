//! Whether this node hears any other one: for it alone nothing else tells a ring that has died from a cable that was pulled.

use ferrolb_bfd::State;

use super::Machine;
use crate::Output;

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

    /// Every neighbour is silent: those that this node watches have not answered its questions, and the sessions of its own
    /// watchers are down. Without neighbours, the membership decides; a node whose others have all left is not cut off.
    fn hears_nobody(&self, told: &[Output]) -> bool {
        let mut neighbours = self.watch.neighbours.values().filter(|n| n.on_ring).peekable();
        if neighbours.peek().is_some() {
            return neighbours.all(|neighbour| {
                if neighbour.watched {
                    neighbour.told.is_some_and(|told| told.silent)
                } else {
                    neighbour.session.state() != State::Up
                }
            });
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
