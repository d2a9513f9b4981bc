//! Whether this node hears any other.

use core::time::Duration;

use ferrolb_types::Instant;

use super::SILENCE;

/// How long a node that hears nobody waits until it counts what it does not hear. With the 600 ms before the first accusation it has
/// heard nobody for two seconds then: ports of switches blink for less.
pub(crate) const SOLITUDE: Duration = Duration::from_millis(1500);

/// What this node hears of others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum State {
    #[default]
    Heard,
    /// The only other one is silent. That it is dead is as likely as that this one is cut off.
    Bereft,
    /// Of several it hears none: all are dead, or, which is more likely, its own link is.
    Unheard,
    /// The same for so long that it takes them for dead.
    Alone,
}

/// Whether any other node of the ring is heard.
#[derive(Debug, Default)]
pub(crate) struct Company {
    /// When anybody was heard last.
    heard: Option<Instant>,
    state: State,
}

impl Company {
    pub(crate) const fn state(&self) -> State {
        self.state
    }

    /// Somebody is heard. Tells whether nobody was before.
    pub(crate) fn hear(&mut self, now: Instant) -> bool {
        self.heard = Some(now);
        core::mem::take(&mut self.state) != State::Heard
    }

    /// One more of `others` is silent. Tells whether nobody of several is heard from now on.
    pub(crate) fn miss(&mut self, now: Instant, others: usize) -> bool {
        let hears = self.heard.is_some_and(|at| now - at < SILENCE);
        if self.state != State::Heard || hears {
            return false;
        }
        self.state = if others > 1 { State::Unheard } else { State::Bereft };
        self.state == State::Unheard
    }

    /// Whether what is not heard is kept back, and decides nothing.
    pub(crate) fn is_in_doubt(&self) -> bool {
        self.state == State::Unheard
    }

    /// Whether there is anybody to tell.
    pub(crate) const fn is_worth_telling(&self) -> bool {
        matches!(self.state, State::Heard | State::Bereft)
    }

    /// Nobody was heard for [`SOLITUDE`].
    pub(crate) fn despair(&mut self) {
        if self.state == State::Unheard {
            self.state = State::Alone;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_that_misses_one_and_hears_others_has_company() {
        let mut company = Company::default();
        assert!(!company.hear(Instant::from_millis(1000)));
        assert!(!company.miss(Instant::from_millis(1449), 5));
        assert_eq!(company.state(), State::Heard);
    }

    #[test]
    fn a_node_that_misses_one_and_hears_nobody_has_none_until_it_does() {
        let mut company = Company::default();
        company.hear(Instant::from_millis(1000));
        assert!(company.miss(Instant::from_millis(1450), 5));
        assert!(!company.miss(Instant::from_millis(1500), 5), "it is told once");
        company.despair();
        assert_eq!(company.state(), State::Alone);
        assert!(company.hear(Instant::from_millis(4000)));
        assert_eq!(company.state(), State::Heard);
        company.despair();
        assert_eq!(company.state(), State::Heard);
    }

    #[test]
    fn one_of_two_that_misses_the_other_does_not_doubt_itself() {
        let mut company = Company::default();
        company.hear(Instant::from_millis(1000));
        assert!(!company.miss(Instant::from_millis(1600), 1));
        assert_eq!(company.state(), State::Bereft);
        assert!(!company.is_in_doubt() && company.is_worth_telling());
    }

    #[test]
    fn whoever_never_heard_anybody_has_no_company_when_it_misses_one() {
        assert!(Company::default().miss(Instant::from_millis(600), 2));
    }
}
