//! When held addresses are announced again: jittered, and rate-capped over all of them.

use core::time::Duration;

use ferrolb_types::{Instant, SplitMix64};

use crate::Config;

/// Gives out times for refreshing.
#[derive(Debug)]
pub(crate) struct Refresher {
    interval: Option<Duration>,
    /// Time between two refreshes of whatever address.
    spacing: Duration,
    next_slot: Instant,
    random: SplitMix64,
}

impl Refresher {
    pub(crate) fn new(config: &Config, seed: u64) -> Self {
        Self {
            interval: config.refresh_interval.filter(|i| !i.is_zero()),
            spacing: Duration::from_secs(1) / config.refresh_per_second.get(),
            next_slot: Instant::ZERO,
            random: SplitMix64::new(seed),
        }
    }

    /// When an address that was announced at `now` is due again: after 0.5 to 1.5 intervals, the random factors of
    /// RFC 4861 section 10, so that addresses acquired together do not stay together.
    pub(crate) fn next_due(&mut self, now: Instant) -> Option<Instant> {
        let interval = self.interval?;
        let permille = 500 + self.random.below(1001);
        Some(now + interval * permille / 1000)
    }

    /// The first free time from `now` on; it is taken with this.
    pub(crate) fn reserve_slot(&mut self, now: Instant) -> Instant {
        let slot = self.next_slot.max(now);
        self.next_slot = slot + self.spacing;
        slot
    }
}

#[cfg(test)]
mod tests {
    use core::num::NonZeroU32;

    use super::*;

    fn refresher(interval: Option<Duration>, per_second: u32) -> Refresher {
        let config = Config {
            refresh_interval: interval,
            refresh_per_second: NonZeroU32::new(per_second).unwrap(),
            ..Config::default()
        };
        Refresher::new(&config, 7)
    }

    #[test]
    fn jitter_stays_within_its_bounds_and_differs() {
        let mut refresher = refresher(Some(Duration::from_secs(30)), 50);
        let mut due: Vec<Duration> = (0..1000)
            .map(|_| refresher.next_due(Instant::ZERO).unwrap() - Instant::ZERO)
            .collect();
        due.sort();
        assert!(due[0] >= Duration::from_secs(15) && due[999] <= Duration::from_secs(45));
        due.dedup();
        assert!(due.len() > 500, "{}", due.len());
    }

    #[test]
    fn no_interval_or_an_empty_one_means_never() {
        assert_eq!(refresher(None, 50).next_due(Instant::ZERO), None);
        assert_eq!(refresher(Some(Duration::ZERO), 50).next_due(Instant::ZERO), None);
    }

    #[test]
    fn slots_keep_their_distance_and_are_not_saved_up() {
        let mut refresher = refresher(None, 10);
        let slots = [0, 0, 0, 1000].map(|now| refresher.reserve_slot(Instant::from_millis(now)));
        assert_eq!(slots, [0, 100, 200, 1000].map(Instant::from_millis));
    }
}
