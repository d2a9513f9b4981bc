//! Allocated addresses that no speaker has answered for yet.

use core::net::IpAddr;
use std::collections::BTreeSet;

use ferrolb_api::facts::{Ingress, ServiceFacts};
use ferrolb_types::ObjectKey;

use crate::cluster::Cluster;
use crate::event::Input;

/// Addresses from their allocation to the first election of a node for them.
#[derive(Debug, Default)]
pub(super) struct Unused {
    addresses: BTreeSet<IpAddr>,
    /// What existed at the start may have been used by anybody.
    is_synced: bool,
}

impl Unused {
    pub(super) fn contains(&self, ip: IpAddr) -> bool {
        self.addresses.contains(&ip)
    }

    /// Notes what `input` is about to change in `cluster`.
    pub(super) fn observe(&mut self, input: &Input, cluster: &Cluster) {
        match input {
            Input::Synced => self.is_synced = true,
            Input::ServiceApplied(facts) if self.is_synced => self.observe_service(facts, cluster),
            Input::ServiceDeleted(key) => {
                let (_, addresses) = cluster.service(key).unwrap_or_default();
                self.remove(addresses);
            }
            _ => {}
        }
    }

    fn observe_service(&mut self, facts: &ServiceFacts, cluster: &Cluster) {
        let (_, before) = cluster.service(&facts.key).unwrap_or_default();
        let after: Vec<IpAddr> = match cluster.disregard(facts) {
            None => facts.ingress.iter().filter_map(address).collect(),
            Some(_) => Vec::new(),
        };
        let gone: Vec<IpAddr> = before.iter().filter(|ip| !after.contains(ip)).copied().collect();
        self.remove(&gone);
        self.addresses
            .extend(after.into_iter().filter(|ip| !before.contains(ip)));
    }

    /// Some node has been elected for each of `services`.
    pub(super) fn use_all(&mut self, services: &[ObjectKey], cluster: &Cluster) {
        if self.addresses.is_empty() {
            return;
        }
        for key in services {
            let (_, addresses) = cluster.service(key).unwrap_or_default();
            self.remove(addresses);
        }
    }

    fn remove(&mut self, addresses: &[IpAddr]) {
        for ip in addresses {
            self.addresses.remove(ip);
        }
    }
}

const fn address(ingress: &Ingress) -> Option<IpAddr> {
    match ingress {
        Ingress::Address(ip) => Some(*ip),
        Ingress::Malformed(_) | Ingress::Hostname(_) => None,
    }
}
