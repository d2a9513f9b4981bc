//! One BFDProfile by itself (api-and-config 1.6, 3.7).

use core::ops::RangeInclusive;
use core::time::Duration;

use super::report::Report;
use super::rules::BgpMode;
use crate::metallb;
use crate::reason;
use crate::resolved::BfdProfile;

const MILLISECONDS: RangeInclusive<i64> = 10..=60_000;

/// Resolves `raw`; `None` if it is refused.
pub(super) fn resolve(raw: &metallb::BfdProfile, report: &mut Report<'_>) -> Option<BfdProfile> {
    if raw.metadata.name.is_empty() {
        report.error(
            "metadata.name",
            reason::MISSING_FIELD,
            "the profile has no name; give it one",
        );
    }
    if report.rules().bgp_mode == BgpMode::Native {
        report.reference_would_refuse("", "BFD is in use");
    }
    let spec = &raw.spec;
    let mut bounded = |value: Option<i64>, field: &str, bounds: RangeInclusive<i64>, unit: &str| {
        let value = value?;
        if !bounds.contains(&value) {
            let (least, most) = (bounds.start(), bounds.end());
            let message = format!("`{value}` is out of bounds; use {least} to {most}{unit}");
            report.error(format!("spec.{field}"), reason::OUT_OF_RANGE, message);
        }
        u64::try_from(value).ok()
    };
    let receive = bounded(
        spec.receive_interval,
        "receiveInterval",
        MILLISECONDS,
        " milliseconds",
    );
    let transmit = bounded(
        spec.transmit_interval,
        "transmitInterval",
        MILLISECONDS,
        " milliseconds",
    );
    let multiplier = bounded(spec.detect_multiplier, "detectMultiplier", 2..=255, "");
    let echo = bounded(spec.echo_interval, "echoInterval", MILLISECONDS, " milliseconds");
    let ttl = bounded(spec.minimum_ttl, "minimumTtl", 1..=254, "");
    (!report.is_refused()).then(|| BfdProfile {
        name: (*raw.metadata.name).into(),
        receive_interval: receive.map(Duration::from_millis),
        transmit_interval: transmit.map(Duration::from_millis),
        detect_multiplier: multiplier.and_then(|n| u8::try_from(n).ok()),
        echo_interval: echo.map(Duration::from_millis),
        echo_mode: spec.echo_mode.unwrap_or(false),
        passive_mode: spec.passive_mode.unwrap_or(false),
        minimum_ttl: ttl.and_then(|n| u8::try_from(n).ok()),
    })
}
