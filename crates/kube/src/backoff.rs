//! Growing pauses between attempts, spread so that a thousand clients do not return at once.

use core::hash::{BuildHasher, Hasher};
use core::time::Duration;
use std::hash::RandomState;

/// Doubles from `first` up to `max`; each pause is a random part between a half and the whole of that.
#[derive(Clone, Debug)]
pub(crate) struct Backoff {
    first: Duration,
    max: Duration,
    next: Duration,
}

impl Backoff {
    pub(crate) const fn new(first: Duration, max: Duration) -> Self {
        Self {
            first,
            max,
            next: first,
        }
    }

    /// The next pause.
    pub(crate) fn pause(&mut self) -> Duration {
        let whole = self.next;
        self.next = (whole * 2).min(self.max);
        whole / 2 + spread(whole / 2)
    }

    /// Starts over after a success.
    pub(crate) const fn reset(&mut self) {
        self.next = self.first;
    }
}

/// A random duration below `limit`.
pub(crate) fn spread(limit: Duration) -> Duration {
    // The keys of a new hasher are random, which is all that is needed here.
    let random = RandomState::new().build_hasher().finish();
    limit.mul_f64((random >> 11) as f64 / (1_u64 << 53) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_limit_and_start_over_after_a_success() {
        let millis = Duration::from_millis;
        let mut backoff = Backoff::new(millis(100), millis(300));
        for whole in [100, 200, 300, 300] {
            let pause = backoff.pause();
            assert!(
                pause >= millis(whole) / 2 && pause <= millis(whole),
                "{pause:?} of {whole} ms"
            );
        }
        backoff.reset();
        assert!(backoff.pause() <= millis(100));
    }
}
