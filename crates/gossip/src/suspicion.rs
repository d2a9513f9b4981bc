//! For how long a suspect node may defend itself (Lifeguard, "Local Health Aware Suspicion").
//!
//! The time begins long and gets shorter with each independent confirmation (layer2 9):
//! `max − (max − min) · ln(c + 1) / ln(k + 1)`, where `k` confirmations are expected and `c` have come.

use core::time::Duration;
use std::collections::BTreeSet;
use std::sync::Arc;

use ferrolb_types::Instant;

use crate::Config;

/// What is known against a node.
#[derive(Debug)]
pub(crate) struct Suspicion {
    since: Instant,
    /// Who has said so, the first one included; it does not count as confirmation.
    accusers: BTreeSet<Arc<str>>,
    expected: u32,
    min: Duration,
    max: Duration,
}

impl Suspicion {
    /// `accuser` was the first, in a ring that knows of `nodes`.
    pub(crate) fn new(now: Instant, accuser: Arc<str>, nodes: usize, config: &Config) -> Self {
        let min = min_timeout(nodes, config);
        let expected = config.suspicion_mult.saturating_sub(2);
        // In a small ring there are not that many others who could confirm.
        let others = u32::try_from(nodes.saturating_sub(2)).unwrap_or(u32::MAX);
        Self {
            since: now,
            accusers: BTreeSet::from([accuser]),
            expected: if others < expected { 0 } else { expected },
            min,
            max: min * config.suspicion_max_timeout_mult,
        }
    }

    /// Takes in that `accuser` suspects it too, and tells whether that is news that is worth passing on.
    pub(crate) fn confirm(&mut self, accuser: &Arc<str>) -> bool {
        self.confirmations() < self.expected && self.accusers.insert(Arc::clone(accuser))
    }

    /// When it is to be given up, as far as known.
    pub(crate) fn deadline(&self) -> Instant {
        self.since + self.timeout()
    }

    pub(crate) fn confirmations(&self) -> u32 {
        u32::try_from(self.accusers.len() - 1).unwrap_or(u32::MAX)
    }

    fn timeout(&self) -> Duration {
        if self.expected == 0 {
            return self.min;
        }
        let share = f64::from(self.confirmations() + 1).ln() / f64::from(self.expected + 1).ln();
        let range = self.max.saturating_sub(self.min);
        self.max
            .saturating_sub(range.mul_f64(share.min(1.0)))
            .max(self.min)
    }
}

/// `SuspicionMult × max(1, log10 n) × ProbeInterval`, in whole milliseconds.
fn min_timeout(nodes: usize, config: &Config) -> Duration {
    let nodes = u32::try_from(nodes.max(1)).unwrap_or(u32::MAX);
    let scale = f64::from(nodes).log10().max(1.0);
    let time = config.probe_interval.mul_f64(scale) * config.suspicion_mult;
    Duration::from_millis(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timeouts(nodes: usize, config: &Config) -> Vec<u64> {
        let mut suspicion = Suspicion::new(Instant::ZERO, "a".into(), nodes, config);
        let mut seen = vec![suspicion.deadline() - Instant::ZERO];
        for accuser in ["a", "b", "b", "c", "d", "e", "f", "g"] {
            if suspicion.confirm(&accuser.into()) {
                seen.push(suspicion.deadline() - Instant::ZERO);
            }
        }
        seen.iter()
            .map(|time| u64::try_from(time.as_millis()).unwrap() / 100)
            .collect()
    }

    #[test]
    fn times_are_those_of_the_table() {
        // layer2 9, in tenths of a second: without confirmation, after one, after two.
        assert_eq!(timeouts(2, &Config::lan()), [40]);
        assert_eq!(timeouts(3, &Config::lan()), [40]);
        assert_eq!(timeouts(4, &Config::lan()), [240, 113, 40]);
        assert_eq!(timeouts(20, &Config::lan()), [312, 148, 52]);
        assert_eq!(timeouts(100, &Config::lan()), [480, 227, 80]);
        assert_eq!(timeouts(5, &Config::wan()), [300]);
        assert_eq!(timeouts(10, &Config::wan())[0], 1800);
        assert_eq!(
            timeouts(10, &Config::wan()).len(),
            5,
            "four confirmations are expected"
        );
    }
}
