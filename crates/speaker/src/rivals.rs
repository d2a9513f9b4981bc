//! Addresses that another speaker claims although the election names this one.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use tokio::time::Instant;

/// In a hand-over the old owner hears the new one before it hears why: from the API server, or from the ring. Announcing at once
/// would take the clients back from the right one. Twice what these need, and a tenth of what a client notices.
const AFTERTHOUGHT: Duration = Duration::from_millis(100);

/// Those that are to be announced again if the election still names this node after a moment. There are never more than
/// addresses announced from here.
#[derive(Debug, Default)]
pub(crate) struct Rivals(BTreeMap<IpAddr, Instant>);

impl Rivals {
    /// A rival claims `address`.
    pub(crate) fn note(&mut self, address: IpAddr, now: Instant) {
        self.0.entry(address).or_insert(now + AFTERTHOUGHT);
    }

    /// When to look at them again.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.0.values().min().copied()
    }

    /// Those whose moment has passed.
    pub(crate) fn take_due(&mut self, now: Instant) -> Vec<IpAddr> {
        let due = self.0.extract_if(.., |_, at| *at <= now);
        due.map(|(address, _)| address).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_address_is_due_once_after_its_moment() {
        let (mut rivals, now) = (Rivals::default(), Instant::now());
        let [a, b] = ["192.0.2.1", "192.0.2.2"].map(|text| text.parse().unwrap());
        rivals.note(a, now);
        rivals.note(b, now + AFTERTHOUGHT / 2);
        rivals.note(a, now + AFTERTHOUGHT / 2);
        assert_eq!(rivals.deadline(), Some(now + AFTERTHOUGHT));
        assert!(rivals.take_due(now).is_empty());
        assert_eq!(rivals.take_due(now + AFTERTHOUGHT), [a]);
        assert_eq!(rivals.take_due(now + 2 * AFTERTHOUGHT), [b]);
        assert_eq!(rivals.deadline(), None);
    }
}
