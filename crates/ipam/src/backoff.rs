//! When a status may be written again after trouble.

use core::time::Duration;

use ferrolb_types::Instant;

/// Grows with every trouble and is forgotten after a quiet time.
#[derive(Clone, Debug)]
pub(crate) struct Backoff {
    troubles: u32,
    /// Whether one of them was a status that somebody else wrote and that was put right.
    has_corrected: bool,
    not_before: Instant,
    calm_at: Instant,
}

/// Why a write has to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// Somebody else keeps changing what we wrote. The first time it is simply put right.
    Edited,
    /// A conflict whose fresh object has not come yet.
    Conflict,
    /// No answer, or a failure of the server.
    Failed,
    /// Not permitted, or not valid.
    Refused,
}

impl Trouble {
    const fn first_and_longest(self) -> (Duration, Duration) {
        let seconds = Duration::from_secs;
        match self {
            Self::Edited => (Duration::ZERO, seconds(300)),
            Self::Conflict | Self::Failed => (seconds(1), seconds(60)),
            Self::Refused => (seconds(30), seconds(600)),
        }
    }
}

/// Trouble longer ago than this does not count any more.
const CALM: Duration = Duration::from_secs(600);

impl Backoff {
    /// One more trouble, after `earlier` ones if there were any.
    pub(crate) fn after(earlier: Option<&Self>, now: Instant, trouble: Trouble) -> Self {
        let earlier = earlier.filter(|earlier| earlier.counts(now));
        let troubles = earlier.map_or(0, |earlier| earlier.troubles);
        let (first, longest) = trouble.first_and_longest();
        let base = first.max(Duration::from_secs(1));
        let grown = base.saturating_mul(1u32.checked_shl(troubles.min(16)).unwrap_or(u32::MAX));
        let not_before = now + if troubles == 0 { first } else { grown.min(longest) };
        Self {
            troubles: troubles.saturating_add(1),
            has_corrected: trouble == Trouble::Edited || earlier.is_some_and(|earlier| earlier.has_corrected),
            not_before,
            calm_at: not_before + CALM,
        }
    }

    fn counts(&self, now: Instant) -> bool {
        now < self.calm_at
    }

    /// Until when to wait, if that is still to come.
    pub(crate) fn wait(&self, now: Instant) -> Option<Instant> {
        Some(self.not_before).filter(|at| *at > now)
    }

    /// What was waited for is there.
    pub(crate) const fn end_wait(&mut self) {
        self.not_before = Instant::ZERO;
    }

    /// Whether somebody else's status was put right a short time ago.
    pub(crate) fn has_corrected(&self, now: Instant) -> bool {
        self.has_corrected && self.counts(now)
    }
}
