//! Addresses that another speaker claims although the election names this one.

use core::net::IpAddr;
use core::time::Duration;
use std::collections::BTreeMap;

use ferrolb_plan::NodePlanner;
use ferrolb_types::{Instant, MacAddr};

use crate::Acquaintances;

/// In a hand-over the old owner hears the new one before it hears why: from the API server, or from the ring. Announcing at once
/// would take the clients back from the right one. Twice what these need, and a tenth of what a client notices.
const AFTERTHOUGHT: Duration = Duration::from_millis(100);

/// Those that are to be announced again if the election still names this node after a moment. There are never more than
/// addresses announced from here.
#[derive(Debug, Default)]
pub struct Rivals(BTreeMap<IpAddr, Instant>);

impl Rivals {
    /// A rival claims `address`.
    pub fn note(&mut self, address: IpAddr, now: Instant) {
        self.0.entry(address).or_insert(now + AFTERTHOUGHT);
    }

    /// When to look at them again.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.0.values().min().copied()
    }

    /// Those whose moment has passed.
    pub fn take_due(&mut self, now: Instant) -> Vec<IpAddr> {
        let due = self.0.extract_if(.., |_, at| *at <= now);
        due.map(|(address, _)| address).collect()
    }
}

/// Whether this node gives way to whoever claims `address` from `mac`, another speaker: the one that the election does not name
/// does, as if each knew of the other.
#[must_use]
pub fn gives_way(
    planner: &NodePlanner,
    acquaintances: &Acquaintances,
    address: IpAddr,
    mac: MacAddr,
) -> bool {
    match acquaintances.find(mac) {
        Some((name, known)) => planner.yields_to(address, name, &known.speaker),
        None => !planner.announces(address),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_address_is_due_once_after_its_moment() {
        let (mut rivals, now) = (Rivals::default(), Instant::ZERO);
        let [a, b] = ["192.0.2.1", "192.0.2.2"].map(|text| text.parse().unwrap());
        rivals.note(a, now);
        rivals.note(b, now + AFTERTHOUGHT / 2);
        rivals.note(a, now + AFTERTHOUGHT / 2);
        assert_eq!(rivals.deadline(), Some(now + AFTERTHOUGHT));
        assert!(rivals.take_due(now).is_empty());
        assert_eq!(rivals.take_due(now + AFTERTHOUGHT), [a]);
        assert_eq!(rivals.take_due(now + AFTERTHOUGHT * 2), [b]);
        assert_eq!(rivals.deadline(), None);
    }
}
