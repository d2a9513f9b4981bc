//! What the command line decides.

use core::num::NonZeroU32;
use core::time::Duration;

use serde::{Deserialize, Serialize};

/// Settings of a [`Machine`](crate::Machine).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Config {
    /// How often a held address is announced again on each of its interfaces, on average: so that switches and routers
    /// whose tables age at different speeds do not forget it. None switches the refresh off.
    pub refresh_interval: Option<Duration>,
    /// Upper bound of refreshing over all addresses and interfaces, in announcements per second. With more addresses
    /// than fit, the interval gets longer.
    pub refresh_per_second: NonZeroU32,
    /// How a newly allocated address is probed before its first use.
    pub conflict_probe: ConflictProbe,
}

/// `--conflict-probe`: how long to ask whether a foreign host has an address, before it is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ConflictProbe {
    /// Not at all.
    Off,
    /// Three probes within 300 ms: every host that is awake answers in that time.
    #[default]
    Fast,
    /// As RFC 5227 section 2.1.1 (4 to 7 s) and RFC 4862 section 5.4 (1 to 2 s).
    Rfc,
}

impl Config {
    /// Half a minute is shorter than any ageing time in common use (switches: 300 s; Linux neighbours: about 30 s).
    pub const DEFAULT_REFRESH_INTERVAL: Duration = Duration::from_secs(30);
    /// 10,000 addresses then come round in 200 s, before a switch forgets them.
    pub const DEFAULT_REFRESH_PER_SECOND: NonZeroU32 = NonZeroU32::new(50).expect("50 is not zero");
}

impl Default for Config {
    fn default() -> Self {
        Self {
            refresh_interval: Some(Self::DEFAULT_REFRESH_INTERVAL),
            refresh_per_second: Self::DEFAULT_REFRESH_PER_SECOND,
            conflict_probe: ConflictProbe::default(),
        }
    }
}
