//! The clocks.

use core::time::Duration;
use std::time::SystemTime;

use ferrolb_types::Instant;

/// The monotonic clock, counted from when it was started. Copies share the epoch.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    epoch: std::time::Instant,
}

impl Clock {
    /// Starts counting now. One per process, so that instants of its parts compare.
    #[must_use]
    pub fn start() -> Self {
        Self { epoch: monotonic() }
    }

    /// Time since the start.
    #[must_use]
    pub fn now(&self) -> Instant {
        Instant::ZERO + monotonic().saturating_duration_since(self.epoch)
    }

    /// Time left until `deadline`; zero when it has passed.
    #[must_use]
    pub fn until(&self, deadline: Instant) -> Duration {
        deadline.saturating_since(self.now())
    }
}

/// Measures how long something takes.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(std::time::Instant);

impl Stopwatch {
    /// Starts measuring.
    #[must_use]
    pub fn start() -> Self {
        Self(monotonic())
    }

    /// Time since the start.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        monotonic().saturating_duration_since(self.0)
    }
}

/// The wall clock, for what people and the API read; nothing is decided by it.
#[must_use]
#[expect(
    clippy::disallowed_methods,
    reason = "this is the place that reads the wall clock"
)]
pub fn wall() -> SystemTime {
    SystemTime::now()
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the place that reads the monotonic clock"
)]
fn monotonic() -> std::time::Instant {
    std::time::Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_does_not_run_backwards_and_copies_share_the_epoch() {
        let clock = Clock::start();
        let copy = clock;
        let (a, b) = (clock.now(), copy.now());
        assert!(a <= b);
        assert_eq!(clock.until(Instant::ZERO), Duration::ZERO);
    }
}
