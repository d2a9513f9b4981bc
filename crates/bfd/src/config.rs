//! What the configuration decides.

use core::num::NonZeroU8;
use core::time::Duration;

use serde::{Deserialize, Serialize};

/// Settings of a [`Session`](crate::Session).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Config {
    /// How often to send while the session is up, unless the peer wants less (`bfd.DesiredMinTxInterval`). The actual
    /// interval is cut by up to a quarter at random (RFC 5880 section 6.8.7).
    pub desired_min_tx: Duration,
    /// How often the peer may send (`bfd.RequiredMinRxInterval`).
    pub required_min_rx: Duration,
    /// After so many missing packets in a row the peer calls us gone (`bfd.DetectMult`).
    pub detect_multiplier: NonZeroU8,
    /// How often to send while the session is not up. RFC 5880 section 6.8.3 demands a second or more, so that hosts which
    /// do not speak BFD are not flooded. Less is for sessions that travel inside a protocol that both ends are known to speak.
    pub slow_tx: Duration,
    /// Whether to wait for the peer to begin (section 6.1 "passive role"). One side at least must not.
    pub passive: bool,
}

impl Config {
    /// The least that RFC 5880 section 6.8.3 allows while a session is not up.
    pub const SLOW_TX: Duration = Duration::from_secs(1);
    /// FRR's multiplier, and most others'.
    pub const DETECT_MULTIPLIER: NonZeroU8 = NonZeroU8::new(3).expect("3 is not zero");

    /// Sends and wants packets every `interval`, detects after three, begins by itself.
    #[must_use]
    pub const fn every(interval: Duration) -> Self {
        Self {
            desired_min_tx: interval,
            required_min_rx: interval,
            detect_multiplier: Self::DETECT_MULTIPLIER,
            slow_tx: Self::SLOW_TX,
            passive: false,
        }
    }
}

impl Default for Config {
    /// 300 ms, the default of a `BFDProfile`.
    fn default() -> Self {
        Self::every(Duration::from_millis(300))
    }
}
