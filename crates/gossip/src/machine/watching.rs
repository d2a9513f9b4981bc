//! Fast mutual watching: sessions with ring neighbours, questions to silent ones, words about them, and who is out for elections.

mod judging;
mod questions;
mod sessions;
mod telling;

use core::net::SocketAddr;

use ferrolb_bfd::Input as SessionInput;
use ferrolb_types::Instant;

use super::Machine;
use crate::Output;
use crate::members::NodeId;
use crate::timer::Timer;
use crate::watch::message::WatchMessage;

/// How often one decision leads to the next at one time. What is left over is for the next time: there is always one, since whoever
/// accuses renews it.
const ROUNDS: usize = 8;

impl Machine {
    /// A node came, went or changed what it offers.
    pub(super) fn update_watching(&mut self, now: Instant, id: NodeId, out: &mut Vec<Output>) {
        if !self.watch.enabled {
            return;
        }
        let Some(node) = self.members.get(id) else { return };
        let (offers, life) = (
            node.offers_watching(),
            node.meta.as_ref().and_then(|meta| meta.life),
        );
        if !node.is_usable() {
            self.forget_watching(id);
        } else if offers {
            self.watch.ring.insert(id, &node.name);
        } else {
            self.watch.ring.remove(id);
        }
        if let Some(life) = life {
            self.begin_life(id, life);
        }
        self.watch.is_ring_stale = true;
        self.watch.undecided.insert(id);
        if offers {
            self.take_back(now, id);
        }
        self.settle_watching(now, out);
    }

    /// A node that was given up is there again. Others may still count this node's word against it, which it would only now
    /// begin to find out anew.
    fn take_back(&mut self, now: Instant, id: NodeId) {
        if self.watch.own.is_left_standing(id) {
            self.watch.own.contradict(id, now);
        }
    }

    /// Forgets a node that is gone. Whom it had judged stays out until somebody who is there says otherwise, or all words about
    /// it are old.
    pub(super) fn forget_watching(&mut self, id: NodeId) {
        self.watch.ring.remove(id);
        self.drop_neighbour(id);
        self.watch.out.remove(&id);
        self.watch.undecided.remove(&id);
        self.watch.judgements.forget_all(id);
        self.watch.own.lapse(id);
        self.timers.disarm(Timer::Decide(id));
        self.watch.is_ring_stale = true;
    }

    pub(super) fn take_watch_message(
        &mut self,
        now: Instant,
        from: SocketAddr,
        data: &[u8],
        out: &mut Vec<Output>,
    ) {
        if !self.watch.enabled {
            return;
        }
        match WatchMessage::decode(data) {
            Some(Ok(WatchMessage::Session {
                sender,
                guest,
                packet,
            })) => {
                if let Some(id) = self.session_partner(now, from, sender, guest, &packet) {
                    self.drive_session(now, id, SessionInput::PacketReceived(packet), out);
                    self.is_heard(now, id);
                }
            }
            Some(Ok(WatchMessage::Judgement(judgement))) => {
                self.hear_from(now, from, judgement.watcher);
                self.take_judgement(now, &judgement, out);
            }
            Some(Err(_)) | None => {}
        }
    }

    /// A message of `sender`, if it comes from where that node is.
    fn hear_from(&mut self, now: Instant, from: SocketAddr, sender: &str) {
        let sender = self.members.find(sender);
        let is_other = |id: &NodeId| {
            let node = self.members.get(*id);
            *id != self.this && node.is_some_and(|node| node.is_usable() && node.address == from)
        };
        if sender.filter(is_other).is_some() {
            self.keep_company(now);
        }
    }

    /// Draws the conclusions from what one input has brought about: decides, watches whom that makes a neighbour, and tells what is
    /// due, all of it together.
    pub(super) fn settle_watching(&mut self, now: Instant, out: &mut Vec<Output>) {
        for _ in 0..ROUNDS {
            for id in core::mem::take(&mut self.watch.undecided) {
                self.decide(now, id, out);
            }
            if core::mem::take(&mut self.watch.is_ring_stale) {
                self.meet_neighbours(now, out);
            }
            self.tell_due(now, out);
            if self.watch.undecided.is_empty() && !self.watch.is_ring_stale {
                break;
            }
        }
        match self.watch.own.next_due() {
            Some(due) => self.timers.arm(Timer::Tell, due),
            None => self.timers.disarm(Timer::Tell),
        }
    }
}
