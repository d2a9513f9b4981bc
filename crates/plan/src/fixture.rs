//! Small worlds for tests.

use core::net::IpAddr;
use std::collections::BTreeSet;
use std::sync::Arc;

use ferrolb_api::facts::{FamilyPolicy, Ingress, NodeFacts, Request, ServiceFacts, SliceFacts};
use ferrolb_api::resolved::{
    AddressEntry, BgpAdvertisement, BgpPeer, Config, Interfaces, L2Advertisement, PeerAsn, Pool,
    PoolSelection, Remote,
};
use ferrolb_types::address::parse_prefix;
use ferrolb_types::selector::Requirement;
use ferrolb_types::{Asn, Labels, NodeName, ObjectKey, Selector};

use crate::election::Key;

/// Accepted pools and advertisements.
pub(crate) fn config(
    pools: impl IntoIterator<Item = Pool>,
    ads: impl IntoIterator<Item = L2Advertisement>,
) -> Config {
    let mut config = Config::default();
    config
        .pools
        .extend(pools.into_iter().map(|p| (p.name.clone(), Arc::new(p))));
    config
        .l2_advertisements
        .extend(ads.into_iter().map(|ad| (ad.name.clone(), Arc::new(ad))));
    config
}

pub(crate) fn pool(name: &str, prefixes: &[&str]) -> Pool {
    let entry = |text: &&str| AddressEntry {
        text: (*text).into(),
        prefixes: vec![parse_prefix(text).unwrap()],
    };
    Pool {
        name: name.into(),
        labels: Labels::default(),
        entries: prefixes.iter().map(entry).collect(),
        auto_assign: true,
        avoid_buggy_ips: false,
        allocation: None,
        release_delay: core::time::Duration::ZERO,
        max_per_namespace: None,
    }
}

/// Covers everything.
pub(crate) fn advertisement(name: &str) -> L2Advertisement {
    L2Advertisement {
        name: name.into(),
        pools: PoolSelection::All,
        node_selectors: Vec::new(),
        interfaces: Interfaces::All,
        service_selectors: Vec::new(),
        preferred_nodes: Vec::new(),
    }
}

/// With its name as label `name`.
pub(crate) fn node(name: &str) -> NodeFacts {
    NodeFacts {
        name: name.into(),
        labels: [("name", name)].into_iter().collect(),
        network_unavailable: false,
        not_ready: false,
        out_of_service: false,
        draining: false,
    }
}

/// A LoadBalancer Service with these addresses in its status.
pub(crate) fn service(key: &str, addresses: &[&str]) -> ServiceFacts {
    ServiceFacts {
        key: ObjectKey::from_text(key),
        uid: format!("uid of {key}").into(),
        resource_version: "1".into(),
        created_at: "".into(),
        generation: 0,
        labels: Labels::default(),
        is_load_balancer: true,
        class: None,
        cluster_ips: Vec::new(),
        family_policy: FamilyPolicy::default(),
        families: Vec::new(),
        ports: Vec::new(),
        local_traffic_only: false,
        pod_selector: "".into(),
        request: Request::default(),
        deprecated_annotations: Vec::new(),
        ingress: ingress(addresses),
        pool_annotation: None,
        request_condition: None,
    }
}

pub(crate) fn ingress(addresses: &[&str]) -> Vec<Ingress> {
    addresses
        .iter()
        .map(|a| Ingress::Address(a.parse().unwrap()))
        .collect()
}

/// The slice `<service>-slice`, with one serving endpoint on each of `nodes`, which are sorted.
pub(crate) fn slice(service: &str, nodes: &[&str]) -> SliceFacts {
    SliceFacts {
        key: ObjectKey::from_text(&format!("{service}-slice")),
        service: Some(ObjectKey::from_text(service)),
        any_serving: !nodes.is_empty(),
        any_serving_with_address: !nodes.is_empty(),
        serving_nodes: nodes.iter().map(|n| NodeName::from(*n)).collect(),
    }
}

/// The owner of `ip` among `nodes` without preferences.
pub(crate) fn winner(ip: &str, nodes: &[&str]) -> NodeName {
    let key = Key::new(ip.parse::<IpAddr>().unwrap());
    let names = nodes.iter().map(|n| NodeName::from(*n));
    names.min_by_key(|n| key.rank(n, 0)).unwrap()
}

/// Host routes of everything to everybody.
pub(crate) fn bgp_advertisement(name: &str) -> BgpAdvertisement {
    BgpAdvertisement {
        name: name.into(),
        created_at: "".into(),
        pools: PoolSelection::All,
        unusable_pools: BTreeSet::new(),
        aggregation_length: 32,
        aggregation_length_v6: 128,
        local_pref: 0,
        communities: BTreeSet::new(),
        node_selectors: Vec::new(),
        peers: BTreeSet::new(),
        service_selectors: Vec::new(),
    }
}

/// An external peer of every node.
pub(crate) fn bgp_peer(name: &str, address: &str) -> BgpPeer {
    BgpPeer {
        name: name.into(),
        created_at: "".into(),
        my_asn: Asn::new(64512).unwrap(),
        local_asn: None,
        peer_asn: PeerAsn::Number(Asn::new(64513).unwrap()),
        remote: Remote::Address(address.parse().unwrap()),
        port: 179,
        source: None,
        timers: None,
        connect_time: None,
        router_id: None,
        node_selectors: Vec::new(),
        password: None,
        bfd_profile: None,
        graceful_restart: false,
        ebgp_multi_hop: false,
        vrf: "".into(),
        disable_mp: false,
        dual_stack_address_family: false,
    }
}

/// Matches one label.
pub(crate) fn label(key: &str, value: &str) -> Selector {
    Selector::new(vec![Requirement::equals(key, value)]).unwrap()
}
