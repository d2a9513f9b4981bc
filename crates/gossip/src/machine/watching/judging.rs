//! What others say, and who is out for elections.

use std::sync::Arc;

use ferrolb_types::Instant;

use crate::Output;
use crate::machine::Machine;
use crate::members::NodeId;
use crate::meta::Life;
use crate::timer::Timer;
use crate::watch::judgement::Word;
use crate::watch::message::{Judgement, decode_standing, encode_standing};
use crate::watch::verdict::Ground;
use crate::watch::{CONFIRMED_WITHIN, EXPIRY, HEARD_LATELY};

impl Machine {
    /// A node is in this life now. What it said in an earlier one is forgotten.
    pub(super) fn begin_life(&mut self, watcher: NodeId, life: Life) {
        let judged = self.watch.judgements.begin_life(watcher, life);
        self.watch.undecided.extend(judged);
    }

    pub(super) fn take_judgement(&mut self, now: Instant, judgement: &Judgement<'_>, out: &mut Vec<Output>) {
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
            since: now,
        };
        // It may come before the metadata that tell of the new life.
        self.begin_life(watcher, judgement.life);
        self.judge(now, node, watcher, word, out);
        if word.silent {
            self.answer_accusation(now, node);
        }
    }

    /// Whoever hears a node that another accuses contradicts; whoever has not heard it lately asks at once.
    fn answer_accusation(&mut self, now: Instant, id: NodeId) {
        let Some(neighbour) = self.watch.neighbours.get(&id) else {
            return;
        };
        if neighbour.heard.is_some_and(|at| now - at <= HEARD_LATELY) {
            self.vouch(now, id);
        } else if neighbour.on_ring && neighbour.asked == 0 && !self.watch.own.is_silent(id) {
            self.timers.arm(Timer::Confirm(id), now);
        }
    }

    /// What one that joins cannot have heard: who is out for elections, or accused.
    pub(in crate::machine) fn standing_judgements(&self, now: Instant) -> Vec<u8> {
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
    pub(in crate::machine) fn take_standing(&mut self, now: Instant, told: &[u8], out: &mut Vec<Output>) {
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

    /// Takes in the judgement of `watcher` about `id`.
    pub(super) fn judge(
        &mut self,
        now: Instant,
        id: NodeId,
        watcher: NodeId,
        word: Word,
        out: &mut Vec<Output>,
    ) {
        let was_silent = self.watch.judgements.is_silent_for(id, watcher);
        if !self.watch.judgements.hear(id, watcher, word) {
            return;
        }
        self.timers.arm(Timer::Expire(id, watcher), now + EXPIRY);
        if was_silent != word.silent {
            self.report_judged(id, watcher, word.silent, out);
        }
        self.watch.undecided.insert(id);
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

    pub(in crate::machine) fn expire_judgement(&mut self, id: NodeId, watcher: NodeId) {
        self.watch.judgements.forget(id, watcher);
        self.watch.undecided.insert(id);
    }

    /// Looks whether a node is out or in, from what is said about it now.
    pub(super) fn decide(&mut self, now: Instant, id: NodeId, out: &mut Vec<Output>) {
        if self.watch.company.is_in_doubt() || !self.members.get(id).is_some_and(|node| node.is_usable()) {
            return;
        }
        let (watch, this) = (&self.watch, self.this);
        let evidence = watch
            .judgements
            .evidence(id, |watcher| watch.counts(watcher, this));
        let before = watch.out.get(&id).copied();
        let verdict = evidence
            .judge(before, watch.others_in(id), now)
            .filter(|_| watch.ring.contains(id));
        match evidence.ripens().filter(|_| verdict.is_none()) {
            Some(at) => self.timers.arm(Timer::Decide(id), at),
            None => self.timers.disarm(Timer::Decide(id)),
        }
        if !evidence.is_accused && self.watch.own.is_settled(id) {
            self.watch.own.forget(id);
            self.watch.is_ring_stale = true;
        }
        if verdict != before {
            self.pass(now, id, verdict, out);
        }
    }

    /// What a node said before it was out it may have taken back meanwhile. What still holds it says again.
    fn doubt_words_of(&mut self, now: Instant, watcher: NodeId) {
        for node in self.watch.judgements.judged_by(watcher) {
            self.timers
                .arm(Timer::Expire(node, watcher), now + CONFIRMED_WITHIN);
        }
    }

    fn pass(&mut self, now: Instant, id: NodeId, verdict: Option<Ground>, out: &mut Vec<Output>) {
        let Some(name) = self.members.get(id).map(|node| Arc::clone(&node.name)) else {
            return;
        };
        let before = match verdict {
            Some(ground) => self.watch.out.insert(id, ground),
            None => self.watch.out.remove(&id),
        };
        if before.is_some() == verdict.is_some() {
            return;
        }
        if verdict.is_some() {
            let last_heard = self.watch.judgements.last_heard(id);
            out.push(Output::ReportElectionOut { name, last_heard });
        } else {
            out.push(Output::ReportElectionIn { name });
            self.brief(now, id, out);
            self.doubt_words_of(now, id);
        }
        // Others have lost, or have found, somebody who watches them and whose words count.
        self.watch.is_ring_stale = true;
        self.watch.undecided.extend(self.watch.judgements.judged_by(id));
    }
}
