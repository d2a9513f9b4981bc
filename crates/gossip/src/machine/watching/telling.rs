//! What this node says about its neighbours, and to whom.

use core::time::Duration;
use std::sync::Arc;

use ferrolb_types::Instant;
use ferrolb_wire::memberlist::{COMPOUND_PART_LEN, COMPOUND_PARTS_MAX, Message};

use crate::Output;
use crate::machine::Machine;
use crate::machine::send::joined;
use crate::members::NodeId;
use crate::timer::Timer;
use crate::watch::company::SOLITUDE;
use crate::watch::judgement::Word;
use crate::watch::message::{Judgement, WatchMessage};
use crate::watch::own::Due;
use crate::watch::ring::Standing;
use crate::watch::{QUESTION_INTERVAL, QUESTIONS};

/// For so long a node that hears others again asks those that it missed meanwhile, before it says so.
const SECOND_THOUGHT: Duration = QUESTION_INTERVAL.saturating_mul(QUESTIONS as u32);
/// Most of them that are asked at once; the rest wait for their turn.
const ASKED_AGAIN_MAX: usize = 32;

impl Machine {
    /// A neighbour is silent: tells all, or keeps it to itself as long as it hears nobody.
    pub(super) fn accuse(&mut self, now: Instant, id: NodeId) {
        if self.watch.own.is_silent(id) {
            return;
        }
        let others = self.watch.others_in(self.this);
        if self.watch.company.miss(now, others) {
            self.timers.arm(Timer::Solitude, now + SOLITUDE);
        }
        let is_told = !self.watch.company.is_in_doubt();
        self.watch.own.accuse(id, is_told.then_some(now));
        self.watch.is_ring_stale = true;
    }

    /// A neighbour is heard: takes back what was said about it, and contradicts what others say.
    pub(super) fn vouch(&mut self, now: Instant, id: NodeId) {
        if self.watch.own.is_silent(id) || self.watch.is_missed(id, self.this) {
            self.watch.own.contradict(id, now);
            self.watch.is_ring_stale = true;
        }
    }

    /// Another node is heard. Those that this one did not hear while it heard nobody it asks again, before it accuses them.
    pub(super) fn keep_company(&mut self, now: Instant) {
        if !self.watch.company.hear(now) {
            return;
        }
        self.timers.disarm(Timer::Solitude);
        self.watch.undecided.extend(self.watch.judgements.accused());
        let missed: Vec<NodeId> = self.watch.own.silent().collect();
        for (n, id) in missed.into_iter().enumerate() {
            self.watch.own.begin_anew(id, now + SECOND_THOUGHT);
            if !self.watch.out.contains_key(&id) {
                self.watch.judgements.forget(id, self.this);
            }
            if n < ASKED_AGAIN_MAX {
                self.timers.arm(Timer::Confirm(id), now);
            }
        }
    }

    /// Nobody was heard for long: it is as if all were dead.
    pub(in crate::machine) fn be_alone(&mut self, now: Instant) {
        self.watch.company.despair();
        self.watch.undecided.extend(self.watch.judgements.accused());
        let missed: Vec<NodeId> = self.watch.own.silent().collect();
        for id in missed {
            self.watch.own.begin_anew(id, now);
        }
    }

    /// Says what is due, all in as few packets as possible, and takes it in itself.
    pub(super) fn tell_due(&mut self, now: Instant, out: &mut Vec<Output>) {
        let mut said = Vec::new();
        for due in self.watch.own.take_due(now) {
            let heard = self.watch.neighbours.get(&due.node).and_then(|n| n.heard);
            self.watch.serial = self.watch.serial.wrapping_add(1);
            let word = Word {
                silent: due.silent,
                serial: self.watch.serial,
                heard,
                since: now,
            };
            if let Some(message) = self.message(now, due.node, word) {
                said.push((due, word, message));
            }
        }
        if self.watch.company.is_worth_telling() {
            self.spread(&said, out);
        }
        for (due, word, _) in said {
            self.judge(now, due.node, self.this, word, out);
        }
    }

    pub(super) fn message(&self, now: Instant, node: NodeId, word: Word) -> Option<Arc<[u8]>> {
        let data = WatchMessage::Judgement(Judgement {
            silent: word.silent,
            serial: word.serial,
            watcher: &self.name,
            node: &self.members.get(node)?.name,
            silent_for: word.heard.map(|at| now - at),
            life: self.watch.life,
        })
        .encode();
        Some(Message::User(&data).encode().into())
    }

    /// Tells all that can understand it. Those that are out, or not heard, are probably dead: they are told who is heard, lest an
    /// accusation stands there that nobody takes back, and, while it is new, what is said of themselves; the rest when they are
    /// back.
    fn spread(&self, said: &[(Due, Word, Arc<[u8]>)], out: &mut Vec<Output>) {
        if said.is_empty() {
            return;
        }
        let (all, heard) = (
            self.packed_where(said, |_| true),
            self.packed_where(said, |due| !due.silent),
        );
        for (id, node) in self.members.iter() {
            if id == self.this || !node.offers_watching() {
                continue;
            }
            if self.watch.standing(id) == Standing::In {
                self.send_packets(id, &all, out);
            } else {
                let of_itself = self.packed_where(said, |due| due.node == id && due.silent && due.is_news);
                self.send_packets(id, &heard, out);
                self.send_packets(id, &of_itself, out);
            }
        }
    }

    fn packed_where(&self, said: &[(Due, Word, Arc<[u8]>)], is_told: impl Fn(&Due) -> bool) -> Vec<Vec<u8>> {
        let told = said.iter().filter(|(due, _, _)| is_told(due));
        let messages: Vec<Arc<[u8]>> = told.map(|(_, _, message)| Arc::clone(message)).collect();
        self.packed(&messages)
    }

    /// Tells a node that is in again whom this one does not hear.
    pub(super) fn brief(&self, now: Instant, id: NodeId, out: &mut Vec<Output>) {
        let own = self.watch.own.silent().filter(|node| *node != id);
        let words = own.filter_map(|node| {
            let word = self.watch.judgements.word(node, self.this)?;
            self.message(now, node, *word)
        });
        let packets = self.packed(&words.collect::<Vec<_>>());
        self.send_packets(id, &packets, out);
    }

    fn packed(&self, messages: &[Arc<[u8]>]) -> Vec<Vec<u8>> {
        let (mut packets, mut parts, mut used) = (Vec::new(), Vec::new(), 0);
        for message in messages {
            let needed = COMPOUND_PART_LEN + message.len();
            if !parts.is_empty() && (used + needed > self.room() || parts.len() == COMPOUND_PARTS_MAX) {
                packets.push(joined(&parts));
                (parts, used) = (Vec::new(), 0);
            }
            parts.push(Arc::clone(message));
            used += needed;
        }
        if !parts.is_empty() {
            packets.push(joined(&parts));
        }
        packets
    }

    fn send_packets(&self, to: NodeId, packets: &[Vec<u8>], out: &mut Vec<Output>) {
        let Some(node) = self.members.get(to) else { return };
        out.extend(packets.iter().map(|payload| node.packet(payload.clone())));
    }
}
