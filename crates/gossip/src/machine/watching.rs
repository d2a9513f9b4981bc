//! Fast mutual watching: sessions with ring neighbours, judgements, and who is out for elections.

use core::net::SocketAddr;
use core::num::NonZeroU32;
use std::collections::BTreeSet;
use std::sync::Arc;

use ferrolb_bfd::{
    ControlPacket, Diagnostic, Input as SessionInput, Output as SessionOutput, Session, State,
};
use ferrolb_types::Instant;
use ferrolb_wire::memberlist::Message;

use super::Machine;
use crate::Output;
use crate::members::NodeId;
use crate::meta::Life;
use crate::timer::Timer;
use crate::watch::judgement::Word;
use crate::watch::message::{Judgement, WatchMessage, decode_standing, encode_standing};
use crate::watch::{
    EXPIRY, GUESTS_MAX, Neighbour, QUESTION_INTERVAL, QUESTIONS, QUORUM, RECHECK, RENEW, REPEATS, SILENCE,
    Told, WATCHERS, session_config,
};

impl Machine {
    /// A node came, went or changed what it offers.
    pub(super) fn update_watching(&mut self, now: Instant, id: NodeId, out: &mut Vec<Output>) {
        if !self.watch.enabled {
            return;
        }
        let Some(node) = self.members.get(id) else { return };
        if !node.is_usable() {
            self.forget_watching(id);
        }
        if self.members.get(id).is_some_and(|node| node.offers_watching()) {
            let name = self
                .members
                .get(id)
                .map(|node| node.name.clone())
                .unwrap_or_default();
            self.watch.ring.insert(id, &name);
        } else {
            self.watch.ring.remove(id);
        }
        let life = self.members.get(id).and_then(|node| node.meta.as_ref()?.life);
        if let Some(life) = life {
            self.begin_life(id, life, out);
        }
        self.meet_neighbours(now, out);
        self.take_back(now, id, out);
    }

    /// A node that was given up is there again. Others may still count this node's word against it, which it would only now
    /// begin to find out anew.
    fn take_back(&mut self, now: Instant, id: NodeId, out: &mut Vec<Output>) {
        let is_told = self
            .watch
            .neighbours
            .get(&id)
            .is_some_and(|neighbour| neighbour.told.is_some());
        if !is_told && self.offers_watching(id) && self.watch.accused.contains(&id) {
            self.say(now, id, false, None, out);
        }
    }

    /// A node is in this life now. What it said in an earlier one is forgotten.
    fn begin_life(&mut self, watcher: NodeId, life: Life, out: &mut Vec<Output>) {
        let judged = self.watch.judgements.begin_life(watcher, life);
        judged.into_iter().for_each(|node| self.decide(node, out));
    }

    /// Forgets a node that is gone. Whom it had judged stays out until somebody who is there says otherwise, or all words about
    /// it are old.
    pub(super) fn forget_watching(&mut self, id: NodeId) {
        self.watch.ring.remove(id);
        self.drop_neighbour(id);
        self.watch.out.remove(&id);
        self.watch.judgements.forget_all(id);
    }

    /// Brings the sessions in step with the ring.
    fn meet_neighbours(&mut self, now: Instant, out: &mut Vec<Output>) {
        let watched = self.watch.ring.predecessors(self.this, WATCHERS);
        let watchers = self.watch.ring.successors(self.this, WATCHERS);
        let wanted: BTreeSet<NodeId> = watched.iter().chain(&watchers).copied().collect();
        let left_ring = |(id, neighbour): (&NodeId, &Neighbour)| {
            (neighbour.on_ring && !wanted.contains(id)).then_some(*id)
        };
        let former: Vec<NodeId> = self.watch.neighbours.iter().filter_map(left_ring).collect();
        for id in former {
            self.part(now, id, out);
        }
        for id in wanted {
            if !self.watch.neighbours.contains_key(&id) {
                self.meet(now, id);
            }
            if let Some(neighbour) = self.watch.neighbours.get_mut(&id) {
                neighbour.on_ring = true;
                neighbour.watched = watched.contains(&id);
            }
        }
    }

    fn meet(&mut self, now: Instant, id: NodeId) {
        let discriminator = self.watch.new_discriminator(id, self.random.next_u64());
        let session = Session::new(session_config(), discriminator, self.random.next_u64());
        self.watch.neighbours.insert(
            id,
            Neighbour {
                session,
                watched: false,
                on_ring: false,
                asked: 0,
                heard: None,
                told: None,
            },
        );
        self.timers.arm(Timer::Session(id), now);
        self.timers.arm(Timer::Confirm(id), now + SILENCE);
    }

    /// Ends a session without the other side taking it for a failure.
    fn part(&mut self, now: Instant, id: NodeId, out: &mut Vec<Output>) {
        self.withdraw(now, id, out);
        self.drive_session(now, id, SessionInput::AdminDownRequested, out);
        self.publish(now, id, out);
        self.drop_neighbour(id);
    }

    fn drop_neighbour(&mut self, id: NodeId) {
        let Some(neighbour) = self.watch.neighbours.remove(&id) else {
            return;
        };
        self.watch
            .discriminators
            .remove(&neighbour.session.local_discriminator());
        self.watch.questions.retain(|_, asked| *asked != id);
        for timer in [Timer::Session(id), Timer::Confirm(id), Timer::Publish(id)] {
            self.timers.disarm(timer);
        }
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
                    self.is_heard(now, id, out);
                }
            }
            Some(Ok(WatchMessage::Judgement(judgement))) => self.take_judgement(now, &judgement, out),
            Some(Err(_)) | None => {}
        }
    }

    fn take_judgement(&mut self, now: Instant, judgement: &Judgement<'_>, out: &mut Vec<Output>) {
        let parties = (
            self.members.find(judgement.watcher),
            self.members.find(judgement.node),
        );
        let (Some(watcher), Some(node)) = parties else {
            return;
        };
        if watcher == self.this || watcher == node || !self.offers_watching(watcher) {
            return;
        }
        let heard = |time| Instant::ZERO + (now - Instant::ZERO).saturating_sub(time);
        let word = Word {
            silent: judgement.silent,
            serial: judgement.serial,
            heard: judgement.silent_for.map(heard),
        };
        // It may come before the metadata that tell of the new life.
        self.begin_life(watcher, judgement.life, out);
        self.judge(now, node, watcher, word, out);
    }

    /// What one that joins cannot have heard: who is out for elections.
    pub(super) fn standing_judgements(&self, now: Instant) -> Vec<u8> {
        let judgements = &self.watch.judgements;
        let name = |id| Some(&*self.members.get(id)?.name);
        let told = |(node, watcher, word): (NodeId, NodeId, &Word)| {
            let life = if watcher == self.this {
                self.watch.life
            } else {
                judgements.life(watcher)?
            };
            Some(Judgement {
                silent: word.silent,
                serial: word.serial,
                watcher: name(watcher)?,
                node: name(node)?,
                silent_for: word.heard.map(|at| now - at),
                life,
            })
        };
        encode_standing(judgements.standing().filter_map(told))
    }

    /// What one tells that was asked to join. It is hearsay: of a watcher that has told its life itself only that life counts.
    pub(super) fn take_standing(&mut self, now: Instant, told: &[u8], out: &mut Vec<Output>) {
        if !self.watch.enabled {
            return;
        }
        for judgement in decode_standing(told) {
            let watcher = self.members.find(judgement.watcher);
            let life = watcher.and_then(|watcher| self.watch.judgements.life(watcher));
            if life.is_none_or(|life| life == judgement.life) {
                self.take_judgement(now, &judgement, out);
            }
        }
    }

    fn offers_watching(&self, id: NodeId) -> bool {
        self.members.get(id).is_some_and(|node| node.offers_watching())
    }

    /// Whose packet it is, if it comes from the address of that node. A node that sees this one as its neighbour is answered
    /// even if this one sees the ring differently for a while.
    fn session_partner(
        &mut self,
        now: Instant,
        from: SocketAddr,
        sender: &str,
        guest: bool,
        packet: &ControlPacket,
    ) -> Option<NodeId> {
        let id = match NonZeroU32::new(packet.your_discriminator) {
            Some(ours) => self.watch.discriminators.get(&ours).copied()?,
            None => self.members.find(sender)?,
        };
        let node = self.members.get(id)?;
        if id == self.this || !node.offers_watching() || node.address != from {
            return None;
        }
        if !self.watch.neighbours.contains_key(&id) {
            let guests = self
                .watch
                .neighbours
                .values()
                .filter(|neighbour| !neighbour.on_ring)
                .count();
            if guest || guests >= GUESTS_MAX || packet.state == State::AdminDown {
                return None;
            }
            self.meet(now, id);
        }
        Some(id)
    }

    /// Whoever is heard is there, whatever its session says: perhaps it does not hear us.
    fn is_heard(&mut self, now: Instant, id: NodeId, out: &mut Vec<Output>) {
        self.watch.questions.retain(|_, asked| *asked != id);
        let Some(neighbour) = self.watch.neighbours.get_mut(&id) else {
            return;
        };
        neighbour.asked = 0;
        neighbour.heard = Some(now);
        match neighbour.session.state() {
            State::Up => self.timers.disarm(Timer::Confirm(id)),
            // It had been up, and ended.
            State::Down if !neighbour.on_ring && neighbour.session.diagnostic() != Diagnostic::None => {}
            // A node that has just started may die before the session is up.
            _ => self.timers.arm(Timer::Confirm(id), now + SILENCE),
        }
        self.withdraw(now, id, out);
    }

    pub(super) fn tick_session(&mut self, now: Instant, id: NodeId, out: &mut Vec<Output>) {
        self.drive_session(now, id, SessionInput::Tick, out);
    }

    fn drive_session(&mut self, now: Instant, id: NodeId, input: SessionInput, out: &mut Vec<Output>) {
        let Some(neighbour) = self.watch.neighbours.get_mut(&id) else {
            return;
        };
        let mut session_out = Vec::new();
        neighbour.session.handle(now, input, &mut session_out);
        match neighbour.session.next_deadline() {
            Some(at) => self.timers.arm(Timer::Session(id), at),
            None => self.timers.disarm(Timer::Session(id)),
        }
        for output in session_out {
            match output {
                SessionOutput::SendPacket(packet) => self.send_session_packet(id, packet, out),
                SessionOutput::StateChanged { to: State::Up, .. } => self.end_greeting(id, out),
                SessionOutput::StateChanged { to, diagnostic, .. } => {
                    let silent = diagnostic == Diagnostic::ControlDetectionTimeExpired;
                    let is_guest = self
                        .watch
                        .neighbours
                        .get(&id)
                        .is_some_and(|neighbour| !neighbour.on_ring);
                    // A guest's session that ends is forgotten, for whatever reason.
                    if to == State::Down && (silent || is_guest) {
                        self.timers.arm(Timer::Confirm(id), now);
                    }
                }
            }
        }
    }

    fn send_session_packet(&self, id: NodeId, packet: ControlPacket, out: &mut Vec<Output>) {
        let sender = if packet.your_discriminator == 0 {
            &*self.name
        } else {
            ""
        };
        let guest = self
            .watch
            .neighbours
            .get(&id)
            .is_some_and(|neighbour| !neighbour.on_ring);
        let data = WatchMessage::Session {
            sender,
            guest,
            packet,
        }
        .encode();
        self.send_alone(id, &Message::User(&data), out);
    }

    /// A neighbour is not heard: asks it, and others for it; when all questions stay open, judges it.
    pub(super) fn confirm_silence(&mut self, now: Instant, id: NodeId, out: &mut Vec<Output>) {
        let Some(neighbour) = self.watch.neighbours.get_mut(&id) else {
            return;
        };
        if !neighbour.watched {
            if !neighbour.on_ring {
                self.drop_neighbour(id);
            }
            return;
        }
        if neighbour.asked >= QUESTIONS {
            neighbour.asked = 0;
            self.watch.questions.retain(|_, asked| *asked != id);
            self.timers.arm(Timer::Confirm(id), now + RECHECK);
            return self.tell(now, id, true, out);
        }
        neighbour.asked += 1;
        self.timers.arm(Timer::Confirm(id), now + QUESTION_INTERVAL);
        self.ask(id, out);
    }

    fn ask(&mut self, id: NodeId, out: &mut Vec<Output>) {
        let sequence = self.next_sequence();
        self.watch.questions.insert(sequence, id);
        let Some(node) = self.members.get(id) else { return };
        let (to, ping) = (node.address, self.ping(sequence, &node.name));
        out.push(Output::SendPacket {
            to,
            checksum: false,
            payload: ping,
        });
        self.ask_helpers(id, sequence, false, out);
    }

    /// An answer to one of those questions.
    pub(super) fn confirm_presence(&mut self, now: Instant, sequence: u32, out: &mut Vec<Output>) {
        let Some(id) = self.watch.questions.remove(&sequence) else {
            return;
        };
        self.watch.questions.retain(|_, asked| *asked != id);
        let Some(neighbour) = self.watch.neighbours.get_mut(&id) else {
            return;
        };
        neighbour.asked = 0;
        neighbour.heard = Some(now);
        self.timers.arm(Timer::Confirm(id), now + RECHECK);
        self.withdraw(now, id, out);
    }

    fn withdraw(&mut self, now: Instant, id: NodeId, out: &mut Vec<Output>) {
        let told_silent = |neighbour: &Neighbour| neighbour.told.is_some_and(|told| told.silent);
        if self.watch.neighbours.get(&id).is_some_and(told_silent) {
            self.tell(now, id, false, out);
        }
    }

    /// Begins to tell a judgement; one that is being told already goes on.
    fn tell(&mut self, now: Instant, id: NodeId, silent: bool, out: &mut Vec<Output>) {
        let Some(neighbour) = self.watch.neighbours.get_mut(&id) else {
            return;
        };
        if neighbour.told.is_some_and(|told| told.silent == silent) {
            return;
        }
        neighbour.told = Some(Told { silent, times: 0 });
        self.publish(now, id, out);
    }

    /// Tells all who can understand it, and itself.
    pub(super) fn publish(&mut self, now: Instant, id: NodeId, out: &mut Vec<Output>) {
        let Some(neighbour) = self.watch.neighbours.get_mut(&id) else {
            return;
        };
        let Some(told) = &mut neighbour.told else { return };
        let (silent, again) = (told.silent, REPEATS.get(told.times).copied());
        told.times += 1;
        let heard = neighbour.heard;
        match again {
            Some(after) => self.timers.arm(Timer::Publish(id), now + after),
            None if silent => self.timers.arm(Timer::Publish(id), now + RENEW),
            None => neighbour.told = None,
        }
        self.say(now, id, silent, heard, out);
    }

    fn say(&mut self, now: Instant, id: NodeId, silent: bool, heard: Option<Instant>, out: &mut Vec<Output>) {
        let Some(name) = self.members.get(id).map(|node| node.name.clone()) else {
            return;
        };
        if silent {
            self.watch.accused.insert(id);
        } else {
            self.watch.accused.remove(&id);
        }
        self.watch.serial = self.watch.serial.wrapping_add(1);
        let serial = self.watch.serial;
        let data = WatchMessage::Judgement(Judgement {
            silent,
            serial,
            watcher: &self.name,
            node: &name,
            silent_for: heard.map(|at| now - at),
            life: self.watch.life,
        })
        .encode();
        for (other, node) in self.members.iter() {
            if other != self.this && node.offers_watching() {
                self.send_alone(other, &Message::User(&data), out);
            }
        }
        let word = Word {
            silent,
            serial,
            heard,
        };
        self.judge(now, id, self.this, word, out);
    }

    /// Takes in the judgement of `watcher` about `id`.
    fn judge(&mut self, now: Instant, id: NodeId, watcher: NodeId, word: Word, out: &mut Vec<Output>) {
        let was_silent = self.watch.judgements.is_silent_for(id, watcher);
        if !self.watch.judgements.hear(id, watcher, word) {
            return;
        }
        self.timers.arm(Timer::Expire(id, watcher), now + EXPIRY);
        if was_silent != word.silent {
            self.report_judged(id, watcher, word.silent, out);
        }
        self.decide(id, out);
    }

    fn report_judged(&self, id: NodeId, watcher: NodeId, silent: bool, out: &mut Vec<Output>) {
        let name = |id| self.members.get(id).map(|node| Arc::clone(&node.name));
        if let (Some(name), Some(watcher)) = (name(id), name(watcher)) {
            out.push(Output::ReportJudged {
                name,
                watcher,
                silent,
            });
        }
    }

    pub(super) fn expire_judgement(&mut self, id: NodeId, watcher: NodeId, out: &mut Vec<Output>) {
        self.watch.judgements.forget(id, watcher);
        self.decide(id, out);
    }

    /// Out with enough judgements, in with none: a node does not flap while its watchers disagree.
    fn decide(&mut self, id: NodeId, out: &mut Vec<Output>) {
        let Some(node) = self.members.get(id).filter(|node| node.is_usable()) else {
            return;
        };
        let watchers = self.watch.ring.successors(id, WATCHERS).len();
        let silent = self.watch.judgements.silent(id);
        if silent >= QUORUM.min(watchers).max(1) && self.watch.out.insert(id) {
            let name = node.name.clone();
            let last_heard = self.watch.judgements.last_heard(id);
            out.push(Output::ReportElectionOut { name, last_heard });
        } else if silent == 0 && self.watch.out.remove(&id) {
            let name = node.name.clone();
            out.push(Output::ReportElectionIn { name });
        }
    }
}
