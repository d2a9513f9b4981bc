//! Hold and keepalive time of a peer (api-and-config 3.6 rule 8).

use super::report::Report;
use crate::metallb::BgpPeerSpec;
use crate::reason;
use crate::resolved::Timers;
use crate::{DurationError, GoDuration};

const HOLD: &str = "spec.holdTime";
const KEEPALIVE: &str = "spec.keepaliveTime";
/// The largest hold time of the wire's 16 bits.
const LONGEST_HOLD_SECONDS: i64 = 65535;

/// Reads both and derives the one that is missing.
pub(super) fn resolve(spec: &BgpPeerSpec, report: &mut Report<'_>) -> Option<Timers> {
    let hold = duration(spec.hold_time.as_deref(), HOLD, report);
    let keepalive = duration(spec.keepalive_time.as_deref(), KEEPALIVE, report);
    let (hold, keepalive) = match (hold?, keepalive?) {
        (None, None) => return None,
        (Some(hold), Some(keepalive)) => (hold, keepalive),
        (Some(hold), None) => (hold, GoDuration::from_nanos(hold.as_nanos() / 3)),
        (None, Some(keepalive)) => (
            GoDuration::from_nanos(keepalive.as_nanos().saturating_mul(3)),
            keepalive,
        ),
    };
    check(
        hold,
        keepalive,
        if spec.hold_time.is_some() { HOLD } else { KEEPALIVE },
        report,
    );
    Some(Timers {
        hold: hold.clamped(),
        keepalive: keepalive.clamped(),
    })
}

fn check(hold: GoDuration, keepalive: GoDuration, hold_field: &str, report: &mut Report<'_>) {
    let seconds = hold.as_secs();
    if seconds != 0 && !(3..=LONGEST_HOLD_SECONDS).contains(&seconds) {
        let message = if hold_field == HOLD {
            format!("hold time `{hold}` is out of bounds; use `0s` or `3s` to `65535s`")
        } else {
            format!("three times the keepalive time makes a hold time of `{hold}`; use `1s` to `21845s`")
        };
        report.error(hold_field, reason::INVALID_TIMERS, message);
    }
    if keepalive > hold {
        let message = format!(
            "keepalive time `{keepalive}` is longer than hold time `{hold}`; use a third of the hold time or less"
        );
        report.error(KEEPALIVE, reason::INVALID_TIMERS, message);
    }
}

/// The duration of a field: `None` if it is malformed, `Some(None)` if it is absent.
#[expect(clippy::option_option, reason = "absent and malformed differ")]
pub(super) fn duration(
    text: Option<&str>,
    field: &str,
    report: &mut Report<'_>,
) -> Option<Option<GoDuration>> {
    let parsed = text.map(str::parse::<GoDuration>).transpose();
    parsed
        .map_err(|error: DurationError| report.error(field, reason::INVALID_DURATION, error.to_string()))
        .ok()
}
