//! What the API server knows: the configuration, Services with their addresses, and the pods of the speakers.

use core::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use ferrolb_api::core::{EndpointSlice, Node as KubernetesNode, Service};
use ferrolb_api::resolved::{AddressEntry, Config, Interfaces, L2Advertisement, Pool, PoolSelection};
use ferrolb_plan::Input;
use ferrolb_types::Labels;
use ferrolb_types::address::parse_prefix;
use serde_json::{Value, json};

/// The subnet that every node is on, and that all addresses are of.
pub(crate) const SUBNET: &str = "192.0.2.0/24";

/// Facts in the order in which they came about; whoever watches takes them from where it left off.
#[derive(Debug, Default)]
pub struct ControlPlane {
    facts: Vec<Input>,
    addresses: Vec<Ipv4Addr>,
    pub(crate) is_up: bool,
}

impl ControlPlane {
    /// One pool, one advertisement of all its addresses by all nodes, and so many Services.
    pub(crate) fn new(services: u8) -> Self {
        let mut control = Self {
            is_up: true,
            ..Self::default()
        };
        control
            .facts
            .push(Input::ConfigResolved(Arc::new(configuration())));
        for _ in 0..services {
            control.add_service();
        }
        control
    }

    /// A Service that has been given the next free address. Every node can serve it.
    pub fn add_service(&mut self) -> Ipv4Addr {
        let number = u8::try_from(self.addresses.len()).expect("the subnet has room");
        let (name, address) = (format!("web-{number}"), Ipv4Addr::new(192, 0, 2, number));
        self.facts
            .push(Input::ServiceApplied(Arc::new(service(&name, address).observe())));
        self.facts.push(Input::SliceApplied(slice(&name).observe()));
        self.addresses.push(address);
        address
    }

    /// A Node object; with `drain`, its addresses are to go elsewhere.
    pub fn apply_node(&mut self, name: &str, drain: bool) {
        let annotations = if drain {
            json!({ "ferrolb.io/drain": "true" })
        } else {
            json!({})
        };
        let node = json!({ "metadata": { "name": name, "annotations": annotations } });
        let node: KubernetesNode = object(node);
        self.facts.push(Input::NodeApplied(node.observe()));
    }

    /// Every address that was given to a Service.
    #[must_use]
    pub fn addresses(&self) -> &[Ipv4Addr] {
        &self.addresses
    }

    /// What has come about since `seen` facts were known.
    pub(crate) fn since(&self, seen: usize) -> &[Input] {
        &self.facts[seen..]
    }

    pub(crate) fn len(&self) -> usize {
        self.facts.len()
    }
}

fn configuration() -> Config {
    let prefixes = vec![parse_prefix(SUBNET).expect("a prefix")];
    let pool = Pool {
        name: "lan".into(),
        labels: Labels::default(),
        entries: vec![AddressEntry {
            text: SUBNET.into(),
            prefixes,
        }],
        auto_assign: true,
        avoid_buggy_ips: false,
        allocation: None,
        release_delay: core::time::Duration::ZERO,
        max_per_namespace: None,
    };
    let advertisement = L2Advertisement {
        name: "all".into(),
        pools: PoolSelection::All,
        node_selectors: Vec::new(),
        interfaces: Interfaces::All,
        service_selectors: Vec::new(),
        preferred_nodes: Vec::new(),
    };
    let mut config = Config::default();
    config.pools.insert(pool.name.clone(), Arc::new(pool));
    config
        .l2_advertisements
        .insert(advertisement.name.clone(), Arc::new(advertisement));
    config
}

fn service(name: &str, address: Ipv4Addr) -> Service {
    object(json!({
        "metadata": { "namespace": "default", "name": name, "uid": name },
        "spec": { "type": "LoadBalancer", "ports": [{ "port": 80, "protocol": "TCP" }] },
        "status": { "loadBalancer": { "ingress": [{ "ip": IpAddr::V4(address) }] } },
    }))
}

fn slice(service: &str) -> EndpointSlice {
    object(json!({
        "metadata": {
            "namespace": "default", "name": service, "labels": { "kubernetes.io/service-name": service },
        },
        "addressType": "IPv4",
        "endpoints": [{ "addresses": ["10.0.0.1"], "conditions": { "ready": true }, "nodeName": "node-0" }],
    }))
}

fn object<T: serde::de::DeserializeOwned>(object: Value) -> T {
    serde_json::from_value(object).expect("written above")
}
