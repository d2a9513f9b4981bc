//! Pools, Services and Namespaces, each in a line of a test.

use core::time::Duration;
use std::net::IpAddr;

use ferrolb_api::facts::{
    FamilyPolicy, Fence, Ingress, NamespaceFacts, Port, Protocol, Request, ServiceFacts,
};
use ferrolb_api::resolved::{AddressEntry, Pool, ServiceAllocation};
use ferrolb_types::selector::Requirement;
use ferrolb_types::{IpFamily, IpRange, Labels, ObjectKey, Selector};

pub fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

pub fn key(name: &str) -> ObjectKey {
    match name.split_once('/') {
        Some(_) => ObjectKey::from_text(name),
        None => ObjectKey::new("default", name),
    }
}

pub fn labels(pairs: &[(&str, &str)]) -> Labels {
    pairs.iter().copied().collect()
}

pub fn selector(label: &str, value: &str) -> Selector {
    Selector::new(vec![Requirement::equals(label, value)]).unwrap()
}

pub fn pool(name: &str, addresses: &[&str]) -> Pool {
    let entry = |text: &&str| AddressEntry {
        text: (*text).into(),
        prefixes: text.parse::<IpRange>().unwrap().prefixes(),
    };
    Pool {
        name: name.into(),
        labels: Labels::default(),
        entries: addresses.iter().map(entry).collect(),
        auto_assign: true,
        avoid_buggy_ips: false,
        allocation: None,
        release_delay: core::time::Duration::ZERO,
        max_per_namespace: None,
    }
}

pub fn manual(mut pool: Pool) -> Pool {
    pool.auto_assign = false;
    pool
}

pub fn avoiding_buggy(mut pool: Pool) -> Pool {
    pool.avoid_buggy_ips = true;
    pool
}

pub fn pinned(mut pool: Pool, priority: i64, allocation: ServiceAllocation) -> Pool {
    pool.allocation = Some(ServiceAllocation {
        priority,
        ..allocation
    });
    pool
}

pub fn resting(mut pool: Pool, delay: Duration) -> Pool {
    pool.release_delay = delay;
    pool
}

pub fn at_most(mut pool: Pool, per_namespace: u32) -> Pool {
    pool.max_per_namespace = Some(per_namespace);
    pool
}

pub fn namespace(name: &str, labels: Labels, fence: Fence) -> NamespaceFacts {
    let name = name.into();
    NamespaceFacts { name, labels, fence }
}

pub fn for_namespace(name: &str) -> ServiceAllocation {
    ServiceAllocation {
        namespaces: [name.into()].into(),
        ..ServiceAllocation::default()
    }
}

pub fn for_labels(label: &str, value: &str) -> ServiceAllocation {
    ServiceAllocation {
        service_selectors: vec![selector(label, value)],
        ..ServiceAllocation::default()
    }
}

pub fn for_namespace_labels(label: &str, value: &str) -> ServiceAllocation {
    ServiceAllocation {
        namespace_selectors: vec![selector(label, value)],
        ..ServiceAllocation::default()
    }
}

/// A LoadBalancer Service with an IPv4 cluster address and port 80.
pub fn service(name: &str) -> ServiceFacts {
    let key = key(name);
    ServiceFacts {
        uid: format!("uid of {key}").into(),
        resource_version: "1".into(),
        created_at: "2026-01-01T00:00:00Z".into(),
        generation: 0,
        labels: Labels::default(),
        is_load_balancer: true,
        class: None,
        cluster_ips: vec!["10.96.0.1".into()],
        family_policy: FamilyPolicy::SingleStack,
        families: vec![IpFamily::V4],
        ports: vec![tcp(80)],
        local_traffic_only: false,
        pod_selector: "".into(),
        request: Request::default(),
        deprecated_annotations: Vec::new(),
        ingress: Vec::new(),
        pool_annotation: None,
        request_condition: None,
        key,
    }
}

pub fn tcp(number: u16) -> Port {
    Port {
        protocol: Protocol::Tcp,
        number,
    }
}

pub fn udp(number: u16) -> Port {
    Port {
        protocol: Protocol::Udp,
        number,
    }
}

/// Builder steps, so that tests read as one line.
pub trait With: Sized {
    fn cluster(self, ips: &[&str]) -> Self;
    fn dual(self, policy: FamilyPolicy) -> Self;
    fn status(self, ips: &[&str]) -> Self;
    fn with_pool(self, pool: &str) -> Self;
    fn asking(self, addresses: &str) -> Self;
    fn load_balancer_ip(self, address: &str) -> Self;
    fn in_pool(self, pool: &str) -> Self;
    fn sharing(self, key: &str) -> Self;
    fn ports(self, ports: &[Port]) -> Self;
    fn local(self, selector: &str) -> Self;
    fn labelled(self, pairs: &[(&str, &str)]) -> Self;
    fn created(self, at: &str) -> Self;
    fn reserving(self, name: &str) -> Self;
}

impl With for ServiceFacts {
    fn cluster(mut self, ips: &[&str]) -> Self {
        self.cluster_ips = ips.iter().map(|ip| (*ip).into()).collect();
        self.families = ips
            .iter()
            .filter_map(|ip| ip.parse().ok())
            .map(IpFamily::of)
            .collect();
        self
    }
    fn dual(mut self, policy: FamilyPolicy) -> Self {
        self.family_policy = policy;
        self.cluster(&["10.96.0.1", "3000::1"])
    }
    fn status(mut self, ips: &[&str]) -> Self {
        self.ingress = ips.iter().map(|text| Ingress::Address(ip(text))).collect();
        self
    }
    fn with_pool(mut self, pool: &str) -> Self {
        self.pool_annotation = Some(pool.into());
        self
    }
    fn asking(mut self, addresses: &str) -> Self {
        self.request.addresses = addresses.into();
        self
    }
    fn load_balancer_ip(mut self, address: &str) -> Self {
        self.request.load_balancer_ip = address.into();
        self
    }
    fn in_pool(mut self, pool: &str) -> Self {
        self.request.pool = pool.into();
        self
    }
    fn sharing(mut self, key: &str) -> Self {
        self.request.sharing_key = key.into();
        self
    }
    fn ports(mut self, ports: &[Port]) -> Self {
        self.ports = ports.to_vec();
        self
    }
    fn local(mut self, selector: &str) -> Self {
        self.local_traffic_only = true;
        self.pod_selector = selector.into();
        self
    }
    fn labelled(mut self, pairs: &[(&str, &str)]) -> Self {
        self.labels = labels(pairs);
        self
    }
    fn reserving(mut self, name: &str) -> Self {
        self.request.reserve_as = name.into();
        self
    }
    fn created(mut self, at: &str) -> Self {
        self.created_at = at.into();
        self
    }
}
