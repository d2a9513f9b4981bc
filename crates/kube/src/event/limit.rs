//! How many events an object may get.

use core::time::Duration;

use tokio::time::Instant;

/// Events at once.
const BURST: u32 = 25;
/// After the burst, one per this time.
const REFILL: Duration = Duration::from_secs(300);

/// Allowance of one object.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bucket {
    tokens: u32,
    /// When the next token was or will be due, counted from.
    since: Instant,
}

impl Bucket {
    /// A full one.
    pub(super) fn new(now: Instant) -> Self {
        Self {
            tokens: BURST,
            since: now,
        }
    }

    /// Whether one more event is allowed now.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        let due = now.saturating_duration_since(self.since).as_secs() / REFILL.as_secs();
        if due > 0 {
            let due = u32::try_from(due).unwrap_or(u32::MAX);
            self.since += REFILL * due.min(BURST);
            self.tokens = self.tokens.saturating_add(due).min(BURST);
        }
        if self.tokens == BURST {
            self.since = now;
        }
        let allowed = self.tokens > 0;
        self.tokens = self.tokens.saturating_sub(1);
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_burst_then_one_per_five_minutes_and_a_quiet_hour_is_no_more_than_its_tokens() {
        let start = Instant::now();
        let mut bucket = Bucket::new(start);
        let allowed = |bucket: &mut Bucket, now| (0..30).filter(|_| bucket.take(now)).count();
        assert_eq!(allowed(&mut bucket, start), 25);
        assert_eq!(allowed(&mut bucket, start + REFILL - Duration::from_secs(1)), 0);
        assert_eq!(allowed(&mut bucket, start + REFILL), 1);
        assert_eq!(allowed(&mut bucket, start + REFILL * 13), 12);
        assert_eq!(allowed(&mut bucket, start + REFILL * 10_000), 25);
    }
}
