//! How long something took, many times.

use core::fmt;
use core::time::Duration;

/// Samples in order, at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Distribution(Vec<Duration>);

impl Distribution {
    /// None without samples.
    #[must_use]
    pub fn of(mut samples: Vec<Duration>) -> Option<Self> {
        samples.sort_unstable();
        (!samples.is_empty()).then_some(Self(samples))
    }

    /// The smallest sample that `share` (0 to 1) of all are not above: the nearest-rank method, so always a time that
    /// was measured.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rank is between 0 and the number of samples"
    )]
    pub fn quantile(&self, share: f64) -> Duration {
        let rank = (share * self.0.len() as f64).ceil() as usize;
        self.0[rank.clamp(1, self.0.len()) - 1]
    }

    /// The arithmetic mean.
    #[must_use]
    pub fn mean(&self) -> Duration {
        let sum: Duration = self.0.iter().sum();
        sum.div_f64(self.0.len() as f64)
    }
}

impl fmt::Display for Distribution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = |share| self.quantile(share);
        write!(
            f,
            "{} samples: min {:.1?}  p50 {:.1?}  p90 {:.1?}  p99 {:.1?}  max {:.1?}  mean {:.1?}",
            self.0.len(),
            at(0.0),
            at(0.5),
            at(0.9),
            at(0.99),
            at(1.0),
            self.mean()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    #[test]
    fn a_quantile_is_the_nearest_rank_whatever_the_order_of_the_samples() {
        let times = Distribution::of((1..=100).rev().map(ms).collect()).unwrap();
        let seen = [0.0, 0.005, 0.5, 0.501, 0.99, 1.0].map(|share| times.quantile(share));
        assert_eq!(seen, [1, 1, 50, 51, 99, 100].map(ms));
    }

    #[test]
    fn one_sample_is_every_quantile_and_the_mean() {
        let times = Distribution::of(vec![ms(7)]).unwrap();
        assert_eq!(
            [times.quantile(0.0), times.quantile(0.99), times.mean()],
            [ms(7); 3]
        );
    }

    #[test]
    fn there_is_no_distribution_without_samples() {
        assert_eq!(Distribution::of(Vec::new()), None);
    }
}
