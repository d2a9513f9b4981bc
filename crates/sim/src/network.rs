//! How packets get from one node to another.

use core::time::Duration;
use std::collections::BTreeSet;

use ferrolb_types::SplitMix64;

use crate::MS;
use crate::streams::Streams;

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
pub struct Network {
    /// How packets and frames fare from now on.
    pub weather: Weather,
    /// Where nothing passes: no packet and no frame.
    cut: Closed,
    /// Where frames of layer 2 pass, and gossip does not: a firewall.
    muffled: Closed,
    /// Where streams of gossip pass, and datagrams do not.
    deaf: Closed,
    pub(crate) streams: Streams,
    random: SplitMix64,
}

/// Ways that are closed.
#[derive(Debug, Default)]
struct Closed {
    directions: BTreeSet<(usize, usize)>,
    /// Nothing leaves such a side, and nothing enters it.
    sides: Vec<BTreeSet<usize>>,
}

impl Closed {
    fn includes(&self, from: usize, to: usize) -> bool {
        let parts = |side: &BTreeSet<usize>| side.contains(&from) != side.contains(&to);
        self.directions.contains(&(from, to)) || self.sides.iter().any(parts)
    }
}

impl Network {
    /// All ways are open, and the weather is fair.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            weather: Weather::FAIR,
            cut: Closed::default(),
            muffled: Closed::default(),
            deaf: Closed::default(),
            streams: Streams::default(),
            random: SplitMix64::new(seed),
        }
    }

    /// Nothing that `from` sends reaches `to`.
    pub fn cut(&mut self, from: usize, to: usize) {
        self.cut.directions.insert((from, to));
    }

    /// Cuts `side` off from the rest, in both directions.
    pub fn partition(&mut self, side: BTreeSet<usize>) {
        self.cut.sides.push(side);
    }

    /// Cuts the gossip between `side` and the rest, and no frames.
    pub fn muffle(&mut self, side: BTreeSet<usize>) {
        self.muffled.sides.push(side);
    }

    /// No datagram that `from` sends reaches `to`, and every stream does.
    pub fn deafen(&mut self, from: usize, to: usize) {
        self.deaf.directions.insert((from, to));
    }

    /// All ways are open again.
    pub fn heal(&mut self) {
        [&mut self.cut, &mut self.muffled, &mut self.deaf]
            .into_iter()
            .for_each(|closed| *closed = Closed::default());
    }

    /// Whether a frame arrives.
    pub(crate) fn frame(&mut self, from: usize, to: usize) -> bool {
        !self.cut.includes(from, to) && !self.is_lost()
    }

    /// How long a datagram takes, if it arrives.
    pub(crate) fn datagram(&mut self, from: usize, to: usize) -> Option<Duration> {
        if !self.carries_gossip(from, to) || self.deaf.includes(from, to) || self.is_lost() {
            return None;
        }
        Some(self.delay())
    }

    /// Whether streams come about between the two.
    pub(crate) fn carries_streams(&self, a: usize, b: usize) -> bool {
        self.carries_gossip(a, b) && self.carries_gossip(b, a)
    }

    fn carries_gossip(&self, from: usize, to: usize) -> bool {
        !self.cut.includes(from, to) && !self.muffled.includes(from, to)
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

    /// Where all that is random comes from.
    pub const fn random(&mut self) -> &mut SplitMix64 {
        &mut self.random
    }
}
