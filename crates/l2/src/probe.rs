//! Whether a foreign host has an address: how often to ask, and how long to listen.
//!
//! | | before the first probe | probes | between them | after the last |
//! |---|---|---|---|---|
//! | fast | 0 | 3 | 100 ms | 100 ms |
//! | RFC 5227 section 2.1.1 | 0 to 1 s | 3 | 1 to 2 s | 2 s |
//! | RFC 4862 section 5.4 | 0 to 1 s | 1 | | 1 s |

use core::time::Duration;

use ferrolb_types::{IpFamily, SplitMix64};
use ferrolb_wire::ndp::Nonce;

use crate::{Claim, Config, ConflictProbe};

const FAST_PAUSE: Duration = Duration::from_millis(100);
/// PROBE_WAIT and PROBE_MIN of RFC 5227; MAX_RTR_SOLICITATION_DELAY and RetransTimer as RFC 4862 uses them.
const SECOND_MS: u32 = 1000;
/// ANNOUNCE_WAIT of RFC 5227.
const ANNOUNCE_WAIT: Duration = Duration::from_secs(2);
/// PROBE_NUM of RFC 5227.
const PROBE_NUM: u8 = 3;
/// DupAddrDetectTransmits of RFC 4862.
const DUP_ADDR_DETECT_TRANSMITS: u8 = 1;

/// Gives out pauses and nonces.
#[derive(Debug)]
pub(crate) struct Prober {
    mode: ConflictProbe,
    random: SplitMix64,
}

impl Prober {
    pub(crate) const fn new(config: &Config, seed: u64) -> Self {
        Self {
            mode: config.conflict_probe,
            random: SplitMix64::new(!seed),
        }
    }

    /// `claim`, or a take-over where probing is off.
    pub(crate) fn needed(&self, claim: Claim) -> Claim {
        match self.mode {
            ConflictProbe::Off => Claim::TakeOver,
            ConflictProbe::Fast | ConflictProbe::Rfc => claim,
        }
    }

    /// How many probes are sent.
    pub(crate) fn count(&self, family: IpFamily) -> u8 {
        match (self.mode, family) {
            (ConflictProbe::Rfc, IpFamily::V6) => DUP_ADDR_DETECT_TRANSMITS,
            _ => PROBE_NUM,
        }
    }

    /// The pause before the first probe, so that nodes that start together do not probe together.
    pub(crate) fn delay(&mut self) -> Duration {
        match self.mode {
            ConflictProbe::Rfc => self.up_to_a_second(),
            // An address that was given up is probed for also where probing is off.
            ConflictProbe::Off | ConflictProbe::Fast => Duration::ZERO,
        }
    }

    /// The pause after the `sent`-th probe, counted from one.
    pub(crate) fn pause(&mut self, sent: u8, family: IpFamily) -> Duration {
        let is_last = sent >= self.count(family);
        match (self.mode, family) {
            (ConflictProbe::Off | ConflictProbe::Fast, _) => FAST_PAUSE,
            (ConflictProbe::Rfc, IpFamily::V4) if is_last => ANNOUNCE_WAIT,
            (ConflictProbe::Rfc, IpFamily::V4) => {
                Duration::from_millis(SECOND_MS.into()) + self.up_to_a_second()
            }
            (ConflictProbe::Rfc, IpFamily::V6) => Duration::from_millis(SECOND_MS.into()),
        }
    }

    /// "The nonce is a random number" (RFC 7527 section 4.1).
    pub(crate) fn nonce(&mut self) -> Nonce {
        let [a, b, c, d, e, f, _, _] = self.random.next_u64().to_be_bytes();
        Nonce([a, b, c, d, e, f])
    }

    fn up_to_a_second(&mut self) -> Duration {
        Duration::from_millis(self.random.below(SECOND_MS + 1).into())
    }
}
