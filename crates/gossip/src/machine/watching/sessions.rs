//! Sessions with neighbours.

use core::net::SocketAddr;
use core::num::NonZeroU32;
use core::time::Duration;

use ferrolb_bfd::{
    ControlPacket, Diagnostic, Input as SessionInput, Output as SessionOutput, Session, State,
};
use ferrolb_types::Instant;
use ferrolb_wire::memberlist::Message;

use crate::Output;
use crate::machine::Machine;
use crate::members::NodeId;
use crate::timer::Timer;
use crate::watch::message::WatchMessage;
use crate::watch::{GUESTS_MAX, Neighbour, SILENCE, session_config};

impl Machine {
    /// Brings the sessions in step with the ring. One that is being asked, or about whom something is being said, stays until that
    /// is settled: a withdrawal only because the ring looks different would bring a dead node back.
    pub(super) fn meet_neighbours(&mut self, now: Instant, out: &mut Vec<Output>) {
        let mut wanted = self
            .watch
            .ring
            .watched_by(self.this, |id| self.watch.standing(id));
        let former = self.watch.neighbours.iter().filter(|(_, n)| n.on_ring);
        let (engaged, former): (Vec<NodeId>, Vec<NodeId>) = former
            .filter(|(id, _)| !wanted.contains(id))
            .map(|(id, _)| *id)
            .partition(|id| self.is_engaged_with(*id));
        wanted.extend(engaged);
        for id in former {
            self.part(now, id, out);
        }
        // Where somebody is missing, whoever takes the place may be missing, too.
        let is_whole = self.watch.out.is_empty() && self.watch.own.silent_count() == 0;
        let patience = if is_whole { SILENCE } else { Duration::ZERO };
        for id in wanted {
            if !self.watch.neighbours.contains_key(&id) {
                self.meet(now, id);
                self.timers.arm(Timer::Confirm(id), now + patience);
            }
            if let Some(neighbour) = self.watch.neighbours.get_mut(&id) {
                neighbour.on_ring = true;
            }
        }
    }

    fn is_engaged_with(&self, id: NodeId) -> bool {
        let is_asked = |neighbour: &Neighbour| neighbour.asked > 0;
        self.watch.own.contains(id) || self.watch.neighbours.get(&id).is_some_and(is_asked)
    }

    fn meet(&mut self, now: Instant, id: NodeId) {
        let discriminator = self.watch.new_discriminator(id, self.random.next_u64());
        let session = Session::new(session_config(), discriminator, self.random.next_u64());
        self.watch.neighbours.insert(
            id,
            Neighbour {
                session,
                on_ring: false,
                asked: 0,
                answered: 0,
                heard: None,
                next_call: now,
            },
        );
        self.timers.arm(Timer::Session(id), now);
        self.timers.arm(Timer::Confirm(id), now + SILENCE);
    }

    /// Ends a session without the other side taking it for a failure.
    fn part(&mut self, now: Instant, id: NodeId, out: &mut Vec<Output>) {
        self.drive_session(now, id, SessionInput::AdminDownRequested, out);
        self.drop_neighbour(id);
    }

    pub(super) fn drop_neighbour(&mut self, id: NodeId) {
        let Some(neighbour) = self.watch.neighbours.remove(&id) else {
            return;
        };
        self.watch
            .discriminators
            .remove(&neighbour.session.local_discriminator());
        self.watch.questions.retain(|_, asked| *asked != id);
        for timer in [Timer::Session(id), Timer::Confirm(id)] {
            self.timers.disarm(timer);
        }
    }

    /// Whose packet it is, if it comes from the address of that node. A node that sees this one as its neighbour is answered
    /// even if this one sees the ring differently for a while.
    pub(super) fn session_partner(
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
    pub(super) fn is_heard(&mut self, now: Instant, id: NodeId) {
        self.watch.questions.retain(|_, asked| *asked != id);
        let Some(neighbour) = self.watch.neighbours.get_mut(&id) else {
            return;
        };
        (neighbour.asked, neighbour.answered) = (0, 0);
        neighbour.heard = Some(now);
        match neighbour.session.state() {
            State::Up => self.timers.disarm(Timer::Confirm(id)),
            // It had been up, and ended.
            State::Down if !neighbour.on_ring && neighbour.session.diagnostic() != Diagnostic::None => {}
            // A node that has just started may die before the session is up.
            _ => self.timers.arm(Timer::Confirm(id), now + SILENCE),
        }
        self.vouch(now, id);
        self.keep_company(now);
    }

    pub(in crate::machine) fn tick_session(&mut self, now: Instant, id: NodeId, out: &mut Vec<Output>) {
        self.drive_session(now, id, SessionInput::Tick, out);
    }

    pub(super) fn drive_session(
        &mut self,
        now: Instant,
        id: NodeId,
        input: SessionInput,
        out: &mut Vec<Output>,
    ) {
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
                SessionOutput::SendPacket(packet) => self.send_session_packet(now, id, packet, out),
                SessionOutput::StateChanged { to: State::Up, .. } => self.end_greeting(id, out),
                SessionOutput::StateChanged { to, diagnostic, .. } => {
                    let silent = diagnostic == Diagnostic::ControlDetectionTimeExpired;
                    let is_guest = self.watch.neighbours.get(&id).is_some_and(|n| !n.on_ring);
                    // A guest's session that ends is forgotten, for whatever reason.
                    if to == State::Down && (silent || is_guest) {
                        self.timers.arm(Timer::Confirm(id), now);
                    }
                }
            }
        }
    }

    /// To those that are silent only now and then, if they are many.
    fn send_session_packet(
        &mut self,
        now: Instant,
        id: NodeId,
        packet: ControlPacket,
        out: &mut Vec<Output>,
    ) {
        let (is_silent, pause) = (self.watch.own.is_silent(id), self.watch.call_interval());
        let Some(neighbour) = self.watch.neighbours.get_mut(&id) else {
            return;
        };
        if is_silent && now < neighbour.next_call {
            return;
        }
        // An interval of the session may be a quarter shorter.
        neighbour.next_call = now + pause * 3 / 4;
        let sender = if packet.your_discriminator == 0 {
            &*self.name
        } else {
            ""
        };
        let data = WatchMessage::Session {
            sender,
            guest: !neighbour.on_ring,
            packet,
        }
        .encode();
        self.send_alone(id, &Message::User(&data), out);
    }
}
