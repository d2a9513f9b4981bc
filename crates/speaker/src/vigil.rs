//! When the node is looked over for traps: after a change of interfaces, addresses or Services, many changes at a time.

use std::time::Duration;

use tokio::time::Instant;

/// A node that starts a pod has several changes of interfaces; they are looked at together.
const GATHER: Duration = Duration::from_millis(200);
/// Between two looks, however much changes.
const PAUSE: Duration = Duration::from_secs(2);
/// While a trap stands: the kernel tells nobody when a setting like `arp_ignore` changes, and who has repaired it wants to see
/// it gone. A node without traps is not looked at unless something changes.
const RECHECK: Duration = Duration::from_secs(30);

/// Decides when to look.
#[derive(Debug)]
pub(crate) struct Vigil {
    next: Option<Instant>,
    last: Option<Instant>,
}

impl Vigil {
    /// The first look is due soon.
    pub(crate) fn start(now: Instant) -> Self {
        Self {
            next: Some(now + GATHER),
            last: None,
        }
    }

    /// Something is different that matters.
    pub(crate) fn stir(&mut self, now: Instant) {
        let earliest = self.last.map_or(now, |last| last + PAUSE);
        let due = earliest.max(now + GATHER);
        self.next = Some(self.next.map_or(due, |next| next.min(due)));
    }

    /// The look was taken, and found this.
    pub(crate) fn looked(&mut self, now: Instant, found_any: bool) {
        self.last = Some(now);
        self.next = found_any.then(|| now + RECHECK);
    }

    /// When to look next; never while all is well and nothing changes.
    pub(crate) const fn due(&self) -> Option<Instant> {
        self.next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_gathered_and_looks_are_apart() {
        let start = Instant::now();
        let mut vigil = Vigil::start(start);
        assert_eq!(vigil.due(), Some(start + GATHER));
        vigil.stir(start + GATHER / 2);
        assert_eq!(vigil.due(), Some(start + GATHER), "more changes put nothing off");

        let first = start + GATHER;
        vigil.looked(first, false);
        assert_eq!(vigil.due(), None, "all is well and nothing changes");
        vigil.stir(first + GATHER);
        assert_eq!(vigil.due(), Some(first + PAUSE));
        vigil.looked(first + PAUSE, false);
        let late = first + PAUSE * 10;
        vigil.stir(late);
        assert_eq!(vigil.due(), Some(late + GATHER));
    }

    #[test]
    fn a_trap_is_looked_at_again_by_itself() {
        let start = Instant::now();
        let mut vigil = Vigil::start(start);
        vigil.looked(start, true);
        assert_eq!(vigil.due(), Some(start + RECHECK));
        vigil.stir(start);
        assert_eq!(vigil.due(), Some(start + PAUSE));
    }
}
