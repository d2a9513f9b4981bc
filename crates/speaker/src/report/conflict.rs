//! Foreign hosts that claim addresses of ours: told when it happens, and a condition as long as it lasts.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use ferrolb_api::core::Service;
use ferrolb_api::{Alert, reason};
use ferrolb_kube::event::{Event, Reference, Severity, Tellers};
use ferrolb_l2::{Reaction, Statistics};
use ferrolb_types::{InterfaceIndex, MacAddr, ObjectKey};
use tokio::time::Instant;

use super::Reporter;
use crate::announcer::Conflict;
use crate::links::Links;

/// How long a claim is remembered that was answered and not repeated.
const MEMORY: Duration = Duration::from_secs(300);
/// Counters of the layer 2 thread may be older than its reports, by less than this.
const LAG: Duration = Duration::from_secs(15);
/// Conflicts that are told one by one in the condition.
const TOLD_MAX: usize = 32;

/// An address on one interface.
type Place = (IpAddr, InterfaceIndex);

/// Claims that stand.
#[derive(Debug, Default)]
pub(crate) struct Conflicts(BTreeMap<Place, Claim>);

#[derive(Debug)]
struct Claim {
    mac: MacAddr,
    /// By name, for people.
    interface: String,
    reaction: Reaction,
    /// When it was heard last.
    heard: Instant,
}

impl Conflicts {
    fn note(&mut self, conflict: &Conflict, interface: String, now: Instant) {
        let claim = Claim {
            mac: conflict.mac,
            interface,
            reaction: conflict.reaction,
            heard: now,
        };
        self.0.insert((conflict.address, conflict.interface), claim);
    }

    fn end(&mut self, place: Place) {
        self.0.remove(&place);
    }

    /// The address is not announced from here any more.
    fn release(&mut self, address: IpAddr) {
        self.0.retain(|(claimed, _), _| *claimed != address);
    }

    /// Forgets claims that were answered and not repeated, and those that keep an address from use no more: the interface may
    /// be gone.
    fn review(&mut self, statistics: &Statistics, now: Instant) {
        let is_kept = |address: &IpAddr, interface: &InterfaceIndex| {
            let of_address = statistics.addresses.get(address);
            of_address.is_some_and(|held| held.yielded.contains(interface))
        };
        self.0.retain(|(address, interface), claim| match claim.reaction {
            Reaction::Defended => now < claim.heard + MEMORY,
            Reaction::GivenUp | Reaction::NotTaken => now < claim.heard + LAG || is_kept(address, interface),
        });
    }

    fn alert(&self) -> Option<Alert> {
        let line = |((address, _), claim): (&Place, &Claim)| {
            let Claim {
                mac,
                interface,
                reaction,
                ..
            } = claim;
            format!(
                "{address} is also claimed by the host with hardware address {mac} on interface `{interface}`: {}",
                consequence(*reaction)
            )
        };
        let mut lines: Vec<String> = self.0.iter().take(TOLD_MAX).map(line).collect();
        if self.0.len() > TOLD_MAX {
            lines.push(format!("and {} more", self.0.len() - TOLD_MAX));
        }
        (!lines.is_empty()).then(|| Alert {
            kind: reason::EVENT_ADDRESS_CONFLICT,
            reason: reason::EVENT_ADDRESS_CONFLICT,
            message: lines.join("\n"),
        })
    }

    /// The addresses, for `/debug/state`.
    pub(crate) fn addresses(&self) -> BTreeSet<IpAddr> {
        self.0.keys().map(|(address, _)| *address).collect()
    }
}

impl Reporter {
    /// A foreign host claims a held address, which belongs to these Services, each with its UID.
    pub(crate) fn tell_conflict(
        &mut self,
        conflict: &Conflict,
        services: &[(ObjectKey, Box<str>)],
        links: &Links,
    ) {
        let Conflict {
            address,
            interface,
            mac,
            reaction,
        } = conflict;
        let interface = links.name(*interface);
        let consequence = consequence(*reaction);
        tracing::warn!(
            event = "addressConflict", ip = %address, %mac, interface, reaction = reaction.as_str(),
            "a foreign host claims an address: {consequence}"
        );
        for (service, uid) in services {
            let message = format!(
                "{address} is also claimed by the host with hardware address {mac} on interface `{interface}` of node \
                 \"{}\": {consequence}; remove it there, or take it out of the pool",
                self.node
            );
            self.events.record(Event {
                object: Reference::to::<Service>(service.clone(), uid.clone()),
                severity: Severity::Warning,
                reason: reason::EVENT_ADDRESS_CONFLICT.word().into(),
                message,
                tellers: Tellers::One,
            });
        }
        self.conflicts.note(conflict, interface, Instant::now());
        self.tell_conflicts();
    }

    /// No other host claims an address any more.
    pub(crate) fn tell_reclaimed(&mut self, address: IpAddr, interface: InterfaceIndex, links: &Links) {
        let name = links.name(interface);
        tracing::info!(
            event = "addressReclaimed", ip = %address, interface = name,
            "no other host claims the address any more, announcing it"
        );
        self.conflicts.end((address, interface));
        self.tell_conflicts();
    }

    /// An address is not announced from here any more.
    pub(crate) fn tell_released(&mut self, address: IpAddr) {
        self.conflicts.release(address);
        self.tell_conflicts();
    }

    /// What the layer 2 thread counted.
    pub(crate) fn count_layer2(&mut self, statistics: &Statistics) {
        self.metrics.count_layer2(statistics);
        self.conflicts.review(statistics, Instant::now());
        self.tell_conflicts();
    }

    fn tell_conflicts(&self) {
        match self.conflicts.alert() {
            Some(alert) => self.state.raise(alert),
            None => self.state.clear(reason::EVENT_ADDRESS_CONFLICT),
        }
    }
}

/// What a foreign claim comes to, for people.
const fn consequence(reaction: Reaction) -> &'static str {
    match reaction {
        Reaction::Defended => "it is announced again, and given up if the claims go on",
        Reaction::GivenUp => "it is not answered for there until that host is silent",
        Reaction::NotTaken => "it is not taken into use there until that host is silent",
    }
}

#[cfg(test)]
mod tests {
    use ferrolb_l2::AddressStatistics;

    use super::*;

    const ADDRESS: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
    const ETH0: InterfaceIndex = InterfaceIndex(2);

    fn claimed(reaction: Reaction, now: Instant) -> Conflicts {
        let conflict = Conflict {
            address: ADDRESS,
            interface: ETH0,
            mac: MacAddr([2, 0, 0, 0, 0, 9]),
            reaction,
        };
        let mut conflicts = Conflicts::default();
        conflicts.note(&conflict, "eth0".to_owned(), now);
        conflicts
    }

    fn yielded(interfaces: &[InterfaceIndex]) -> Statistics {
        let held = AddressStatistics {
            yielded: interfaces.to_vec(),
            ..AddressStatistics::default()
        };
        Statistics {
            addresses: [(ADDRESS, held)].into(),
            ..Statistics::default()
        }
    }

    #[test]
    fn a_claim_that_was_answered_is_forgotten_if_it_is_not_repeated() {
        let start = Instant::now();
        let mut conflicts = claimed(Reaction::Defended, start);
        conflicts.review(&yielded(&[]), start + MEMORY / 2);
        assert!(conflicts.alert().is_some());
        conflicts.review(&yielded(&[]), start + MEMORY);
        assert_eq!(conflicts.alert(), None);
    }

    #[test]
    fn an_address_that_is_given_up_stands_as_long_as_it_is_not_used() {
        let start = Instant::now();
        let mut conflicts = claimed(Reaction::GivenUp, start);
        conflicts.review(&yielded(&[]), start + LAG / 2);
        assert!(
            conflicts.alert().is_some(),
            "the counters may be older than the report"
        );
        conflicts.review(&yielded(&[ETH0]), start + MEMORY * 2);
        let alert = conflicts.alert().expect("it still stands");
        assert_eq!(
            alert.message,
            "192.0.2.1 is also claimed by the host with hardware address 02:00:00:00:00:09 on interface `eth0`: it is not \
             answered for there until that host is silent"
        );
        conflicts.review(&yielded(&[]), start + MEMORY * 2);
        assert_eq!(conflicts.alert(), None, "the interface is gone");
    }

    #[test]
    fn a_released_address_is_nobodys_conflict() {
        let mut conflicts = claimed(Reaction::NotTaken, Instant::now());
        conflicts.release("192.0.2.2".parse().unwrap());
        assert_eq!(conflicts.addresses(), [ADDRESS].into());
        conflicts.release(ADDRESS);
        assert!(conflicts.addresses().is_empty());
    }
}
