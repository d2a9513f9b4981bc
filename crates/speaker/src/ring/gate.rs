//! When addresses may be claimed after the start (layer2 5.5, **Defect**): a speaker that does not know the others yet would
//! claim everybody's.
//!
//! | Known | Claims |
//! |---|---|
//! | the pod list names nobody else | at once |
//! | another one has answered | when all that were asked have answered or failed, or 300 ms later |
//! | nobody has answered | 5 s after the first pod list |
//!
//! The same when this node has had no link for so long that the ring has lost others.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::Instant;

use super::Opening;

/// How long nobody may answer before this speaker acts alone.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long to wait for the rest once one has answered: it knows the others already unless all start at once.
const REST: Duration = Duration::from_millis(300);
/// From the last answer until what it tells has arrived here.
const SETTLE: Duration = Duration::from_millis(20);

/// Opens once.
#[derive(Debug)]
pub(super) struct Gate(State);

#[derive(Debug)]
enum State {
    Open,
    Closed {
        /// Asked and not answered yet.
        asked: BTreeSet<SocketAddr>,
        is_alone: bool,
        is_joined: bool,
        /// None before the first pod list.
        deadline: Option<Instant>,
    },
}

impl Gate {
    pub(super) const fn open() -> Self {
        Self(State::Open)
    }

    pub(super) const fn closed() -> Self {
        Self(State::Closed {
            asked: BTreeSet::new(),
            is_alone: false,
            is_joined: false,
            deadline: None,
        })
    }

    /// Once more, of a node that had no link, when it may know some of the others still.
    pub(super) fn closed_again(is_joined: bool, now: Instant) -> Self {
        Self(State::Closed {
            asked: BTreeSet::new(),
            is_alone: false,
            is_joined,
            deadline: Some(now + if is_joined { REST } else { PATIENCE }),
        })
    }

    pub(super) const fn is_open(&self) -> bool {
        matches!(self.0, State::Open)
    }

    /// When to check again, if nothing happens before.
    pub(super) const fn deadline(&self) -> Option<Instant> {
        match &self.0 {
            State::Open => None,
            State::Closed { deadline, .. } => *deadline,
        }
    }

    /// `others` are asked now. Also when the pod list could not be had: others may be there, and may yet come.
    pub(super) fn ask(&mut self, others: &BTreeSet<SocketAddr>, now: Instant) {
        if let State::Closed { asked, deadline, .. } = &mut self.0 {
            asked.extend(others);
            deadline.get_or_insert(now + PATIENCE);
        }
    }

    /// The pod list names this speaker and nobody else.
    pub(super) const fn be_alone(&mut self) {
        if let State::Closed { is_alone, .. } = &mut self.0 {
            *is_alone = true;
        }
    }

    /// One that was asked has answered, or failed.
    pub(super) fn answer(&mut self, address: SocketAddr, now: Instant) {
        if let State::Closed {
            asked,
            is_joined,
            deadline,
            ..
        } = &mut self.0
        {
            let was_asked = asked.remove(&address);
            if was_asked && asked.is_empty() && *is_joined {
                *deadline = earlier(*deadline, now + SETTLE);
            }
        }
    }

    /// Another node is known.
    pub(super) fn join(&mut self, now: Instant) {
        if let State::Closed {
            asked,
            is_joined: is_joined @ false,
            deadline,
            ..
        } = &mut self.0
        {
            *is_joined = true;
            let rest = if asked.is_empty() { SETTLE } else { REST };
            *deadline = earlier(*deadline, now + rest);
        }
    }

    /// Opens if it is time.
    pub(super) fn check(&mut self, now: Instant) -> Option<Opening> {
        let State::Closed {
            is_alone,
            is_joined,
            deadline,
            ..
        } = self.0
        else {
            return None;
        };
        let is_due = deadline.is_some_and(|deadline| deadline <= now);
        let opening = match (is_joined, is_due) {
            (true, true) => Opening::Joined,
            (false, _) if is_alone => Opening::Alone,
            (false, true) => Opening::Unanswered,
            (_, false) => return None,
        };
        self.0 = State::Open;
        Some(opening)
    }
}

fn earlier(deadline: Option<Instant>, other: Instant) -> Option<Instant> {
    Some(deadline.map_or(other, |deadline| deadline.min(other)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn others(ports: &[u16]) -> BTreeSet<SocketAddr> {
        ports
            .iter()
            .map(|port| SocketAddr::from(([192, 0, 2, 1], *port)))
            .collect()
    }

    fn asking(ports: &[u16]) -> (Gate, Instant) {
        let (mut gate, now) = (Gate::closed(), Instant::now());
        assert_eq!(gate.check(now), None, "nothing is known yet");
        assert_eq!(gate.deadline(), None);
        gate.ask(&others(ports), now);
        (gate, now)
    }

    #[test]
    fn a_speaker_that_is_alone_claims_at_once() {
        let (mut gate, now) = asking(&[]);
        assert_eq!(
            gate.check(now),
            None,
            "an empty list does not even name this speaker"
        );
        gate.be_alone();
        assert_eq!(gate.check(now), Some(Opening::Alone));
        assert_eq!((gate.is_open(), gate.check(now)), (true, None), "it opens once");
    }

    #[test]
    fn nothing_is_claimed_for_five_seconds_while_nobody_answers() {
        let (mut gate, now) = asking(&[1, 2]);
        for address in others(&[1, 2]) {
            gate.answer(address, now + MS);
        }
        assert_eq!(gate.check(now + 4999 * MS), None, "failures are no answers");
        gate.ask(&others(&[1, 2]), now + 1000 * MS);
        assert_eq!(
            gate.check(now + 5000 * MS),
            Some(Opening::Unanswered),
            "asking again does not prolong it"
        );
    }

    #[test]
    fn the_ring_is_joined_when_all_have_answered_or_a_moment_after_the_first() {
        let (mut gate, now) = asking(&[1, 2]);
        gate.join(now + 10 * MS);
        gate.answer(SocketAddr::from(([192, 0, 2, 1], 1)), now + 10 * MS);
        assert_eq!(gate.check(now + 309 * MS), None);
        assert_eq!(gate.check(now + 310 * MS), Some(Opening::Joined));

        let (mut gate, now) = asking(&[1]);
        gate.join(now + 10 * MS);
        gate.answer(SocketAddr::from(([192, 0, 2, 1], 1)), now + 11 * MS);
        assert_eq!(gate.deadline(), Some(now + 31 * MS));
        assert_eq!(gate.check(now + 31 * MS), Some(Opening::Joined));
    }

    #[test]
    fn one_that_is_found_by_another_has_joined_too() {
        let (mut gate, now) = (Gate::closed(), Instant::now());
        gate.join(now);
        assert_eq!(gate.check(now + 20 * MS), Some(Opening::Joined));
    }

    #[test]
    fn a_node_that_had_no_link_claims_when_others_have_answered_or_after_the_same_time() {
        let now = Instant::now();
        let mut alone = Gate::closed_again(false, now);
        assert_eq!((alone.is_open(), alone.check(now + 4999 * MS)), (false, None));
        assert_eq!(alone.check(now + 5000 * MS), Some(Opening::Unanswered));

        let mut met = Gate::closed_again(false, now);
        met.ask(&others(&[1]), now);
        met.join(now + 10 * MS);
        met.answer(SocketAddr::from(([192, 0, 2, 1], 1)), now + 11 * MS);
        assert_eq!(met.check(now + 31 * MS), Some(Opening::Joined));

        let mut known = Gate::closed_again(true, now);
        known.ask(&others(&[1]), now);
        assert_eq!(
            known.check(now + 299 * MS),
            None,
            "the one that is missing may answer"
        );
        assert_eq!(known.check(now + 300 * MS), Some(Opening::Joined), "or is dead");
    }
}
