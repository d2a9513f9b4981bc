//! `--isolation`: what a node does that hears no other speaker.
//!
//! Others have taken its addresses over by then. It may be the one that is left, or the one that is cut off; its gateway tells,
//! which whoever is still on the segment can reach.
//!
//! ```text
//!               nobody is heard            asked 3 times, no answer
//!   Accompanied ──────────────▶ Unheard ───────────────────────────▶ Stopped
//!        ▲                        │  ▲     asks again every second     │  │ asks every second
//!        │                        │  └──────────── an answer ──────────┘  │
//!        └──── another is heard ──┴───────────────────────────────────────┘
//! ```
//!
//! A node without a gateway has none to ask, and goes on: silence of a node that is left would be an outage of everything.

use core::time::Duration;

use ferrolb_types::Instant;

/// How often the gateway is asked before it counts as out of reach, and how long each answer may take.
const QUESTIONS: u8 = 3;
const PATIENCE: Duration = Duration::from_millis(200);
/// Between two rounds of questions, as long as nobody is heard.
const PAUSE: Duration = Duration::from_secs(1);

/// What a node does that hears neither another speaker nor its gateway.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnIsolation {
    /// It answers and announces as before: it may be the only one that is left.
    #[default]
    Continue,
    /// It stops answering and announcing until it hears one of them.
    Stop,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Ask the gateways, and tell [`Isolation::answered`] if one answers, or if there are none.
    Ask,
    /// Answer and announce nothing any more.
    Stop,
    /// The node may claim addresses again.
    Resume,
}

/// Whether this node is cut off.
#[derive(Debug)]
pub struct Isolation {
    policy: OnIsolation,
    state: State,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Accompanied,
    Unheard { asked: u8, next: Instant },
    Stopped { next: Instant },
}

impl Isolation {
    /// Of a node that has not heard of a fault.
    #[must_use]
    pub const fn new(policy: OnIsolation) -> Self {
        Self {
            policy,
            state: State::Accompanied,
        }
    }

    /// Whether nothing is to be answered and announced.
    #[must_use]
    pub const fn is_stopped(&self) -> bool {
        matches!(self.state, State::Stopped { .. })
    }

    /// When to [`tick`](Self::tick), if nothing happens before.
    #[must_use]
    pub const fn deadline(&self) -> Option<Instant> {
        match self.state {
            State::Accompanied => None,
            State::Unheard { next, .. } | State::Stopped { next } => Some(next),
        }
    }

    /// Whether this node hears none of the other speakers now.
    pub fn observe(&mut self, now: Instant, is_unheard: bool) -> Option<Step> {
        if self.policy == OnIsolation::Continue {
            return None;
        }
        match (self.state, is_unheard) {
            (State::Accompanied, true) => {
                self.state = State::Unheard { asked: 0, next: now };
                None
            }
            (State::Unheard { .. }, false) => {
                self.state = State::Accompanied;
                None
            }
            (State::Stopped { .. }, false) => {
                self.state = State::Accompanied;
                Some(Step::Resume)
            }
            (State::Accompanied, false) | (State::Unheard { .. } | State::Stopped { .. }, true) => None,
        }
    }

    /// A gateway has answered, or there is none.
    pub fn answered(&mut self, now: Instant) -> Option<Step> {
        let was_stopped = self.is_stopped();
        if !matches!(self.state, State::Accompanied) {
            self.state = State::Unheard {
                asked: 0,
                next: now + PAUSE,
            };
        }
        was_stopped.then_some(Step::Resume)
    }

    /// The deadline has come, and no gateway has answered meanwhile.
    pub fn tick(&mut self, now: Instant) -> Option<Step> {
        match self.state {
            State::Unheard { asked, next } if next <= now && asked < QUESTIONS => {
                self.state = State::Unheard {
                    asked: asked + 1,
                    next: now + PATIENCE,
                };
                Some(Step::Ask)
            }
            State::Unheard { next, .. } if next <= now => {
                self.state = State::Stopped { next: now + PAUSE };
                Some(Step::Stop)
            }
            State::Stopped { next } if next <= now => {
                self.state = State::Stopped { next: now + PAUSE };
                Some(Step::Ask)
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(ms: u64) -> Instant {
        Instant::from_millis(ms)
    }

    /// Of a node that hears nobody from 0 ms on.
    fn unheard(policy: OnIsolation) -> Isolation {
        let mut isolation = Isolation::new(policy);
        assert_eq!(isolation.observe(at(0), true), None);
        isolation
    }

    /// Ticks whenever it is due, and returns what is to be done when, until `end`.
    fn run(isolation: &mut Isolation, end: Instant) -> Vec<(Instant, Step)> {
        let mut steps = Vec::new();
        while let Some(due) = isolation.deadline().filter(|due| *due <= end) {
            steps.extend(isolation.tick(due).map(|step| (due, step)));
        }
        steps
    }

    #[test]
    fn a_node_that_hears_neither_others_nor_its_gateway_stops_after_three_questions() {
        let mut isolation = unheard(OnIsolation::Stop);
        let steps = run(&mut isolation, at(600));
        let asked = [0, 200, 400].map(|ms| (at(ms), Step::Ask));
        assert_eq!(steps[..3], asked);
        assert_eq!(steps[3..], [(at(600), Step::Stop)]);
        assert!(isolation.is_stopped());
    }

    #[test]
    fn a_node_that_reaches_its_gateway_goes_on_and_asks_again_every_second() {
        let mut isolation = unheard(OnIsolation::Stop);
        for second in 0..10 {
            let (first, end) = (at(second * 1000), at(second * 1000 + 1));
            assert_eq!(run(&mut isolation, end), [(first, Step::Ask)], "{second}");
            assert_eq!(isolation.answered(first), None);
        }
        assert!(!isolation.is_stopped());
    }

    #[test]
    fn one_lost_answer_stops_nobody() {
        let mut isolation = unheard(OnIsolation::Stop);
        assert_eq!(run(&mut isolation, at(200)).len(), 2, "the first is not answered");
        isolation.answered(at(201));
        let steps = run(&mut isolation, at(1700));
        assert!(steps.iter().all(|(_, step)| *step == Step::Ask), "{steps:?}");
    }

    #[test]
    fn a_node_that_stopped_resumes_when_its_gateway_or_another_is_heard() {
        let mut isolation = unheard(OnIsolation::Stop);
        run(&mut isolation, at(600));
        assert_eq!(run(&mut isolation, at(1600)), [(at(1600), Step::Ask)]);
        assert_eq!(isolation.answered(at(1601)), Some(Step::Resume));
        assert!(!isolation.is_stopped());

        let mut isolation = unheard(OnIsolation::Stop);
        run(&mut isolation, at(600));
        assert_eq!(isolation.observe(at(700), false), Some(Step::Resume));
        assert_eq!((isolation.is_stopped(), isolation.deadline()), (false, None));
    }

    #[test]
    fn a_node_that_is_heard_asks_nobody() {
        let mut isolation = Isolation::new(OnIsolation::Stop);
        assert_eq!(isolation.observe(at(0), false), None);
        assert_eq!(isolation.answered(at(1)), None, "an answer that came late");
        assert_eq!((isolation.deadline(), isolation.tick(at(2))), (None, None));
    }

    #[test]
    fn unless_told_to_stop_a_node_goes_on_whatever_it_hears() {
        let mut isolation = unheard(OnIsolation::Continue);
        assert_eq!(isolation.deadline(), None);
        assert!(run(&mut isolation, at(60_000)).is_empty() && !isolation.is_stopped());
    }
}
