//! Waiting for a condition, with a deadline.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

/// Longer than anything takes on a busy machine; only a fault lasts until then.
const PATIENCE: Duration = Duration::from_secs(60);

/// Short beside what is waited for, which is another process.
const INTERVAL: Duration = Duration::from_millis(50);

/// Tries until it succeeds; after a minute the last failure is returned, with `what` was waited for.
///
/// # Errors
/// The last failure of `attempt`.
pub fn eventually<T>(what: &str, attempt: impl FnMut() -> Result<T>) -> Result<T> {
    within(PATIENCE, what, attempt)
}

/// As [`eventually`], with another deadline.
#[expect(
    clippy::disallowed_methods,
    reason = "a condition of another process can only be polled; the wait has a deadline"
)]
pub(crate) fn within<T>(patience: Duration, what: &str, mut attempt: impl FnMut() -> Result<T>) -> Result<T> {
    let start = Instant::now();
    loop {
        match attempt() {
            Err(error) if start.elapsed() > patience => {
                return Err(error).with_context(|| format!("waited {patience:?} in vain: {what}"));
            }
            Err(_) => std::thread::sleep(INTERVAL),
            value => return value,
        }
    }
}
