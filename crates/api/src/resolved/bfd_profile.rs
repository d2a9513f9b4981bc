//! BFD profiles: how fast a dead peer is noticed.

use core::time::Duration;

use serde::{Deserialize, Serialize};

/// An accepted BFDProfile. What is not set stays unset; the backend has its own defaults (api-and-config 1.6).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BfdProfile {
    /// The object's name.
    pub name: Box<str>,
    /// Shortest time between received packets, 10 ms to 60 s.
    pub receive_interval: Option<Duration>,
    /// Time between sent packets, 10 ms to 60 s.
    pub transmit_interval: Option<Duration>,
    /// Missed packets after which the peer is down, 2 to 255.
    pub detect_multiplier: Option<u8>,
    /// Time between echo packets, 10 ms to 60 s.
    pub echo_interval: Option<Duration>,
    /// Whether to send echo packets.
    pub echo_mode: bool,
    /// Whether to wait for the peer to begin.
    pub passive_mode: bool,
    /// Lowest TTL that packets of multihop sessions may arrive with, 1 to 254.
    pub minimum_ttl: Option<u8>,
}
