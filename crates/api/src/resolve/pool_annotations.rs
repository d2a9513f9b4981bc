//! Annotations of an IPAddressPool that go beyond MetalLB. A malformed one refuses the pool, whose last accepted version
//! stays in force: a fence or a delay that silently did nothing would be found out too late.

use core::time::Duration;

use ferrolb_types::Labels;

use super::report::Report;
use crate::annotations::{MAX_PER_NAMESPACE, RELEASE_DELAY, RESERVATIONS};
use crate::{GoDuration, Reservations, reason};

/// The longest time that an address may stay unused. Longer ones are for reservations.
const LONGEST_DELAY: Duration = Duration::from_secs(7 * 24 * 60 * 60);

fn field(annotation: &str) -> String {
    format!("metadata.annotations[{annotation}]")
}

/// How long a released address stays unused.
pub(super) fn release_delay(annotations: &Labels, report: &mut Report<'_>) -> Duration {
    let Some(text) = annotations.get(RELEASE_DELAY) else {
        return Duration::ZERO;
    };
    match text.parse::<GoDuration>() {
        Ok(delay) if delay >= GoDuration::ZERO && delay.clamped() <= LONGEST_DELAY => return delay.clamped(),
        Ok(_) => {
            let message = format!("`{text}` is not between `0s` and `168h`");
            report.error(field(RELEASE_DELAY), reason::OUT_OF_RANGE, message);
        }
        Err(error) => report.error(field(RELEASE_DELAY), reason::INVALID_DURATION, error.to_string()),
    }
    Duration::ZERO
}

/// How many Services of one namespace may have addresses of the pool.
pub(super) fn max_per_namespace(annotations: &Labels, report: &mut Report<'_>) -> Option<u32> {
    let text = annotations.get(MAX_PER_NAMESPACE)?;
    let parsed = text.parse::<u32>().ok().filter(|most| *most > 0);
    if parsed.is_none() {
        let message = format!(
            "`{text}` is not a whole number from 1 to {}; write how many Services of one namespace may have addresses of the pool",
            u32::MAX
        );
        report.error(field(MAX_PER_NAMESPACE), reason::INVALID_VALUE, message);
    }
    parsed
}

/// The list itself goes its own way, since it changes with Services and not with what the pool is.
pub(super) fn check_reservations(annotations: &Labels, report: &mut Report<'_>) {
    let parsed = annotations.get(RESERVATIONS).map(str::parse::<Reservations>);
    if let Some(Err(error)) = parsed {
        report.error(field(RESERVATIONS), reason::INVALID_VALUE, error.to_string());
    }
}
