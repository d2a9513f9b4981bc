//! Times that people read in objects, as RFC 3339.

use crate::WallClock;

/// In seconds, as most of the API keeps it (`meta/v1` Time).
pub(crate) fn seconds(clock: WallClock) -> String {
    format!("{:.0}", now(clock))
}

/// In microseconds (`meta/v1` MicroTime).
pub(crate) fn micros(clock: WallClock) -> String {
    format!("{:.6}", now(clock))
}

fn now(clock: WallClock) -> jiff::Timestamp {
    jiff::Timestamp::try_from(clock()).unwrap_or_default()
}
