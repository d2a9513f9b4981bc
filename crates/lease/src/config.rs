//! The three times of an election.

use core::time::Duration;

/// Largest factor by which a candidate stretches its retry period (client-go's `JitterFactor`), in tenths.
pub(crate) const JITTER_TENTHS: u32 = 12;

/// How long what is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// How long others wait after the last change of the record before they take over.
    pub lease_duration: Duration,
    /// How long a leader goes on after the last renewal that succeeded was sent.
    pub renew_deadline: Duration,
    /// Time between two attempts to renew or to acquire.
    pub retry_period: Duration,
}

/// Times that do not fit each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A time is zero.
    #[error("the times of leader election must be above 0")]
    Zero,
    /// Others would take over before the leader stops.
    #[error(
        "the lease duration `{lease:?}` must be longer than the renew deadline `{renew:?}`, after which a leader stops writing"
    )]
    LeaseTooShort {
        /// The lease duration.
        lease: Duration,
        /// The renew deadline.
        renew: Duration,
    },
    /// There would be no second attempt.
    #[error("the renew deadline `{renew:?}` must be longer than 1.2 times the retry period `{retry:?}`")]
    DeadlineTooShort {
        /// The renew deadline.
        renew: Duration,
        /// The retry period.
        retry: Duration,
    },
}

impl Default for Config {
    /// Those of client-go.
    fn default() -> Self {
        Self {
            lease_duration: Duration::from_secs(15),
            renew_deadline: Duration::from_secs(10),
            retry_period: Duration::from_secs(2),
        }
    }
}

impl Config {
    /// The conditions of client-go.
    ///
    /// # Errors
    /// When the times do not fit each other.
    pub fn check(&self) -> Result<(), ConfigError> {
        let (lease, renew, retry) = (self.lease_duration, self.renew_deadline, self.retry_period);
        if [lease, renew, retry].contains(&Duration::ZERO) {
            return Err(ConfigError::Zero);
        }
        if lease <= renew {
            return Err(ConfigError::LeaseTooShort { lease, renew });
        }
        if renew <= retry.saturating_mul(JITTER_TENTHS) / 10 {
            return Err(ConfigError::DeadlineTooShort { renew, retry });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_times_must_leave_a_leader_room_to_retry_and_to_stop() {
        let config = |lease, renew, retry| Config {
            lease_duration: Duration::from_secs(lease),
            renew_deadline: Duration::from_secs(renew),
            retry_period: Duration::from_secs(retry),
        };
        assert_eq!(Config::default().check(), Ok(()));
        assert_eq!(config(15, 10, 0).check(), Err(ConfigError::Zero));
        let refused = |config: Config| config.check().unwrap_err().to_string();
        assert_eq!(
            refused(config(10, 10, 2)),
            "the lease duration `10s` must be longer than the renew deadline `10s`, after which a leader stops writing"
        );
        assert_eq!(
            refused(config(15, 6, 5)),
            "the renew deadline `6s` must be longer than 1.2 times the retry period `5s`"
        );
    }
}
