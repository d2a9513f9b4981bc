//! How packets get from one node to another.

use core::time::Duration;
use std::collections::BTreeSet;

use ferrolb_types::SplitMix64;

use crate::MS;

/// First waiting times of TCP before it sends again: for a SYN (RFC 6298 section 2), and for data in Linux.
const SYN_AGAIN: Duration = Duration::from_secs(1);
const DATA_AGAIN: Duration = Duration::from_millis(200);

/// How the network is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Weather {
    /// Of a hundred packets or frames, so many are lost.
    pub loss_percent: u32,
    /// Shortest and longest time that one takes.
    pub delay: (Duration, Duration),
}

impl Weather {
    /// A switch in one rack.
    pub const FAIR: Self = Self {
        loss_percent: 0,
        delay: (Duration::from_micros(100), MS),
    };
    /// A fifth is lost, the rest is late.
    pub const FOUL: Self = Self {
        loss_percent: 20,
        delay: (MS, Duration::from_millis(30)),
    };
}

/// Which ways are open, and how long they are.
#[derive(Debug)]
pub(crate) struct Network {
    pub(crate) weather: Weather,
    /// Directions in which nothing passes: no packet and no frame.
    cut: BTreeSet<(usize, usize)>,
    /// Directions in which frames of layer 2 pass, and gossip does not: a firewall.
    muffled: BTreeSet<(usize, usize)>,
    random: SplitMix64,
}

impl Network {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            weather: Weather::FAIR,
            cut: BTreeSet::new(),
            muffled: BTreeSet::new(),
            random: SplitMix64::new(seed),
        }
    }

    pub(crate) fn cut(&mut self, from: usize, to: usize) {
        self.cut.insert((from, to));
    }

    pub(crate) fn muffle(&mut self, from: usize, to: usize) {
        self.muffled.insert((from, to));
    }

    pub(crate) fn heal(&mut self) {
        self.cut.clear();
        self.muffled.clear();
    }

    /// When a frame arrives, if it does.
    pub(crate) fn frame(&mut self, from: usize, to: usize) -> bool {
        !self.cut.contains(&(from, to)) && !self.is_lost()
    }

    /// How long a datagram takes, if it arrives.
    pub(crate) fn datagram(&mut self, from: usize, to: usize) -> Option<Duration> {
        if !self.carries_gossip(from, to) || self.is_lost() {
            return None;
        }
        Some(self.delay())
    }

    /// Whether streams come about between the two.
    pub(crate) fn carries_streams(&self, a: usize, b: usize) -> bool {
        self.carries_gossip(a, b) && self.carries_gossip(b, a)
    }

    fn carries_gossip(&self, from: usize, to: usize) -> bool {
        !self.cut.contains(&(from, to)) && !self.muffled.contains(&(from, to))
    }

    pub(crate) fn delay(&mut self) -> Duration {
        let (min, max) = self.weather.delay;
        min + (max - min) * self.random.below(1000) / 1000
    }

    fn is_lost(&mut self) -> bool {
        self.weather.loss_percent > 0 && self.random.below(100) < self.weather.loss_percent
    }

    /// TCP brings everything in the end, but late when packets are lost.
    pub(crate) fn handshake(&mut self) -> Duration {
        let (mut time, mut wait) = (self.delay() + self.delay(), SYN_AGAIN);
        while self.is_lost() || self.is_lost() {
            time += wait;
            wait *= 2;
        }
        time
    }

    pub(crate) fn data(&mut self) -> Duration {
        let (mut time, mut wait) = (self.delay(), DATA_AGAIN);
        while self.is_lost() {
            time += wait;
            wait *= 2;
        }
        time
    }

    pub(crate) fn random(&mut self) -> &mut SplitMix64 {
        &mut self.random
    }
}
