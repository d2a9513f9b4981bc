//! A neighbour is not heard: it is asked, and others are asked for it.

use ferrolb_bfd::State;
use ferrolb_types::Instant;

use crate::Output;
use crate::machine::Machine;
use crate::machine::send::joined;
use crate::members::NodeId;
use crate::timer::Timer;
use crate::watch::{ANSWERS_BEFORE_SESSION, QUESTION_INTERVAL, QUESTIONS, SILENCE};

impl Machine {
    /// The next question; when all stay open, the neighbour is judged. One that is judged already is asked now and then.
    pub(in crate::machine) fn confirm_silence(&mut self, now: Instant, id: NodeId, out: &mut Vec<Output>) {
        let (has_word, is_silent) = (self.watch.own.contains(id), self.watch.own.is_silent(id));
        let recheck = now + self.watch.recheck_interval();
        let Some(neighbour) = self.watch.neighbours.get_mut(&id) else {
            return;
        };
        if !neighbour.on_ring && !has_word {
            return self.drop_neighbour(id);
        }
        if is_silent {
            self.watch.questions.retain(|_, asked| *asked != id);
            self.timers.arm(Timer::Confirm(id), recheck);
        } else if neighbour.asked >= QUESTIONS {
            neighbour.asked = 0;
            self.watch.questions.retain(|_, asked| *asked != id);
            self.timers.arm(Timer::Confirm(id), recheck);
            return self.accuse(now, id);
        } else {
            neighbour.asked += 1;
            self.timers.arm(Timer::Confirm(id), now + QUESTION_INTERVAL);
        }
        self.ask(now, id, out);
    }

    /// It learns with the question what is said about it: if it is there it answers for no address, although it hears all others.
    fn ask(&mut self, now: Instant, id: NodeId, out: &mut Vec<Output>) {
        let sequence = self.next_sequence();
        self.watch.questions.insert(sequence, id);
        let Some(node) = self.members.get(id) else { return };
        let (to, ping) = (node.address, self.ping(sequence, &node.name));
        let word = self.watch.judgements.word(id, self.this);
        let word = word.filter(|word| word.silent && self.watch.company.is_worth_telling());
        let mut parts = vec![ping.into()];
        parts.extend(word.and_then(|word| self.message(now, id, *word)));
        out.push(Output::SendPacket {
            to,
            checksum: false,
            payload: joined(&parts),
        });
        self.ask_helpers(id, sequence, false, out);
    }

    /// An answer to one of those questions.
    pub(in crate::machine) fn confirm_presence(&mut self, now: Instant, sequence: u32) {
        let Some(id) = self.watch.questions.remove(&sequence) else {
            return;
        };
        self.watch.questions.retain(|_, asked| *asked != id);
        let recheck = self.watch.recheck_interval();
        if let Some(neighbour) = self.watch.neighbours.get_mut(&id) {
            neighbour.asked = 0;
            neighbour.answered = neighbour.answered.saturating_add(1);
            neighbour.heard = Some(now);
            // It may die before its session is up, and would be missed late.
            let is_new = neighbour.answered <= ANSWERS_BEFORE_SESSION;
            let pause = if is_new { SILENCE } else { recheck };
            match neighbour.session.state() {
                State::Up => self.timers.disarm(Timer::Confirm(id)),
                _ => self.timers.arm(Timer::Confirm(id), now + pause),
            }
            self.vouch(now, id);
        }
        self.keep_company(now);
    }
}
