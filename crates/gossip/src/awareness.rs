//! How well this node itself does (Lifeguard, "Local Health Multiplier").

use core::time::Duration;

/// Zero is well. Each failed probe that nobody confirms makes it worse, each answered one better.
#[derive(Debug)]
pub(crate) struct Awareness {
    score: u32,
    max: u32,
}

impl Awareness {
    /// The score stays below `max_multiplier`.
    pub(crate) const fn new(max_multiplier: u32) -> Self {
        Self {
            score: 0,
            max: max_multiplier.saturating_sub(1),
        }
    }

    pub(crate) fn apply(&mut self, delta: i32) {
        self.score = self.score.saturating_add_signed(delta).min(self.max);
    }

    pub(crate) const fn score(&self) -> u32 {
        self.score
    }

    /// Who does badly waits longer before suspecting others.
    pub(crate) fn scale(&self, time: Duration) -> Duration {
        time * (self.score + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_score_stays_within_its_bounds_and_scales_times() {
        let mut awareness = Awareness::new(8);
        awareness.apply(-1);
        assert_eq!(awareness.scale(Duration::from_secs(1)), Duration::from_secs(1));
        awareness.apply(20);
        assert_eq!(awareness.score(), 7);
        assert_eq!(awareness.scale(Duration::from_secs(1)), Duration::from_secs(8));
        awareness.apply(-3);
        assert_eq!(awareness.score(), 4);
    }
}
