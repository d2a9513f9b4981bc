//! What a speaker tells of itself.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde_json::{Value, json};

use super::Task;
use crate::ring::Membership;

impl Task {
    /// `/debug/state`.
    pub(super) fn describe(&self, ring: &Membership) -> Value {
        let services: BTreeMap<String, Vec<IpAddr>> = self
            .planner
            .announced()
            .map(|(key, a)| (key.to_string(), a.addresses.to_vec()))
            .collect();
        let addresses: BTreeMap<String, Value> = self
            .planner
            .addresses()
            .map(|(ip, interfaces)| (ip.to_string(), json!(interfaces)))
            .collect();
        let causes = [
            ("nodesNotReady", self.planner.is_frozen()),
            ("apiServerAway", self.feed.is_away()),
        ];
        let frozen: Vec<&str> = causes
            .iter()
            .filter(|(_, is)| *is)
            .map(|(cause, _)| *cause)
            .collect();
        json!({
            "node": self.planner.options().node,
            "ring": ring.describe(),
            "isolated": self.isolation.is_stopped(),
            "frozen": frozen,
            "missing": self.feed.missing(),
            "announcedServices": services,
            "announcedAddresses": addresses,
            "problems": self.reporter.problems(),
            "traps": self.reporter.traps.messages().collect::<Vec<_>>(),
            "conflicts": self.reporter.conflicts.addresses(),
        })
    }
}
