//! Clocks that are wrong.

use core::time::Duration;

use ferrolb_types::{Instant, SplitMix64};

const MS: Duration = Duration::from_millis(1);
/// The slowest clock: parts of 1,000 of true time.
pub(crate) const SLOWEST: u32 = 900;
const FASTEST: u32 = 1_100;

/// A clock that starts anywhere and runs too fast or too slowly.
#[derive(Clone, Copy)]
pub(crate) struct Skewed {
    offset: Duration,
    per_mille: u32,
}

impl Skewed {
    pub(crate) fn any(random: &mut SplitMix64) -> Self {
        Self {
            offset: MS * random.below(1_000_000),
            per_mille: SLOWEST + random.below(FASTEST - SLOWEST + 1),
        }
    }

    pub(crate) fn local(self, truth: Instant) -> Instant {
        Instant::ZERO + self.offset + (truth - Instant::ZERO) * self.per_mille / 1000
    }

    /// The true time at which the clock shows `local`, not before it.
    pub(crate) fn truth(self, local: Instant) -> Instant {
        let since = local.saturating_since(Instant::ZERO + self.offset);
        Instant::ZERO + since * 1000 / self.per_mille + Duration::from_nanos(2)
    }
}
