//! Waiting for what has no event: a condition is looked at again and again until it holds or a deadline
//! passes.

use std::time::{Duration, Instant, SystemTime};

use anyhow::bail;

/// What a test waits for at most when it expects something to happen: long enough for a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(10);
/// How often a condition is looked at.
const PERIOD: Duration = Duration::from_millis(5);

/// Now, for measuring.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "tests measure real time")]
pub fn now() -> Instant {
    Instant::now()
}

/// Now as time since the Unix epoch, comparable with the times of captured frames.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "tests measure real time")]
pub fn unix_time() -> Duration {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
}

/// Waits until `look` returns a value, at most [`PATIENCE`].
///
/// # Errors
/// That `what` did not happen, or the error of `look`.
pub fn until<T>(what: &str, look: impl FnMut() -> anyhow::Result<Option<T>>) -> anyhow::Result<T> {
    until_within(PATIENCE, what, look)
}

/// As [`until`], at most `patience`.
///
/// # Errors
/// As [`until`].
pub fn until_within<T>(
    patience: Duration,
    what: &str,
    mut look: impl FnMut() -> anyhow::Result<Option<T>>,
) -> anyhow::Result<T> {
    let begin = now();
    loop {
        if let Some(value) = look()? {
            return Ok(value);
        }
        if begin.elapsed() > patience {
            bail!("{what}: did not happen within {patience:?}");
        }
        pause();
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "between two looks at something that sends no event"
)]
fn pause() {
    std::thread::sleep(PERIOD);
}

/// Waits until `time`, for what goes by the clock.
#[expect(clippy::disallowed_methods, reason = "a rate is a matter of time")]
pub(crate) fn sleep_until(time: Instant) {
    std::thread::sleep(time.saturating_duration_since(now()));
}
