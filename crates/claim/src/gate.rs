//! When addresses may be claimed after the start (layer2 5.5, **Defect**): a speaker that does not know the others yet would
//! claim everybody's.
//!
//! | Known | Claims |
//! |---|---|
//! | the pod list names nobody else | at once |
//! | another one has answered | when all that were asked have answered or failed, or 300 ms later |
//! | nobody has answered | 5 s after the first pod list |
//!
//! The same when this node has had no link for so long that the ring has lost others, and when the pod list could not be had before
//! all facts were known: the API server was away.

use core::net::SocketAddr;
use core::time::Duration;
use std::collections::BTreeSet;

use ferrolb_types::Instant;

/// How long nobody may answer before this speaker acts alone.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long to wait for the rest once one has answered: it knows the others already unless all start at once.
const REST: Duration = Duration::from_millis(300);
/// From the last answer until what it tells has arrived here.
const SETTLE: Duration = Duration::from_millis(20);

/// Why addresses may be claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// The others are known.
    Joined,
    /// There are no others.
    Alone,
    /// No other one has answered in time.
    Unanswered,
}

/// Opens once.
#[derive(Debug)]
pub struct Gate(State);

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
    /// Of a speaker without gossip, which has nobody to wait for.
    #[must_use]
    pub const fn open() -> Self {
        Self(State::Open)
    }

    /// Of a speaker that has just started.
    #[must_use]
    pub const fn closed() -> Self {
        Self(State::Closed {
            asked: BTreeSet::new(),
            is_alone: false,
            is_joined: false,
            deadline: None,
        })
    }

    /// Once more, when some of the others may be known.
    #[must_use]
    pub fn closed_again(is_joined: bool, now: Instant) -> Self {
        Self(State::Closed {
            asked: BTreeSet::new(),
            is_alone: false,
            is_joined,
            deadline: Some(now + if is_joined { REST } else { PATIENCE }),
        })
    }

    /// Whether addresses may be claimed.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        matches!(self.0, State::Open)
    }

    /// When to check again, if nothing happens before.
    #[must_use]
    pub const fn deadline(&self) -> Option<Instant> {
        match &self.0 {
            State::Open => None,
            State::Closed { deadline, .. } => *deadline,
        }
    }

    /// `others` are asked now. Also when the pod list could not be had: others may be there, and may yet come.
    pub fn ask(&mut self, others: &BTreeSet<SocketAddr>, now: Instant) {
        if let State::Closed { asked, deadline, .. } = &mut self.0 {
            asked.extend(others);
            deadline.get_or_insert(now + PATIENCE);
        }
    }

    /// The pod list names this speaker and nobody else.
    pub const fn be_alone(&mut self) {
        if let State::Closed { is_alone, .. } = &mut self.0 {
            *is_alone = true;
        }
    }

    /// One that was asked has answered, or failed.
    pub fn answer(&mut self, address: SocketAddr, now: Instant) {
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
    pub fn join(&mut self, now: Instant) {
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
    pub fn check(&mut self, now: Instant) -> Option<Opening> {
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
    const START: Instant = Instant::from_millis(1_000);

    fn others(ports: &[u16]) -> BTreeSet<SocketAddr> {
        ports
            .iter()
            .map(|port| SocketAddr::from(([192, 0, 2, 1], *port)))
            .collect()
    }

    fn asking(ports: &[u16]) -> (Gate, Instant) {
        let (mut gate, now) = (Gate::closed(), START);
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
        assert_eq!(gate.check(now + MS * 4999), None, "failures are no answers");
        gate.ask(&others(&[1, 2]), now + MS * 1000);
        assert_eq!(
            gate.check(now + MS * 5000),
            Some(Opening::Unanswered),
            "asking again does not prolong it"
        );
    }

    #[test]
    fn the_ring_is_joined_when_all_have_answered_or_a_moment_after_the_first() {
        let (mut gate, now) = asking(&[1, 2]);
        gate.join(now + MS * 10);
        gate.answer(SocketAddr::from(([192, 0, 2, 1], 1)), now + MS * 10);
        assert_eq!(gate.check(now + MS * 309), None);
        assert_eq!(gate.check(now + MS * 310), Some(Opening::Joined));

        let (mut gate, now) = asking(&[1]);
        gate.join(now + MS * 10);
        gate.answer(SocketAddr::from(([192, 0, 2, 1], 1)), now + MS * 11);
        assert_eq!(gate.deadline(), Some(now + MS * 31));
        assert_eq!(gate.check(now + MS * 31), Some(Opening::Joined));
    }

    #[test]
    fn one_that_is_found_by_another_has_joined_too() {
        let (mut gate, now) = (Gate::closed(), START);
        gate.join(now);
        assert_eq!(gate.check(now + MS * 20), Some(Opening::Joined));
    }

    #[test]
    fn a_node_that_had_no_link_claims_when_others_have_answered_or_after_the_same_time() {
        let now = START;
        let mut alone = Gate::closed_again(false, now);
        assert_eq!((alone.is_open(), alone.check(now + MS * 4999)), (false, None));
        assert_eq!(alone.check(now + MS * 5000), Some(Opening::Unanswered));

        let mut met = Gate::closed_again(false, now);
        met.ask(&others(&[1]), now);
        met.join(now + MS * 10);
        met.answer(SocketAddr::from(([192, 0, 2, 1], 1)), now + MS * 11);
        assert_eq!(met.check(now + MS * 31), Some(Opening::Joined));

        let mut known = Gate::closed_again(true, now);
        known.ask(&others(&[1]), now);
        assert_eq!(
            known.check(now + MS * 299),
            None,
            "the one that is missing may answer"
        );
        assert_eq!(known.check(now + MS * 300), Some(Opening::Joined), "or is dead");
    }
}
