//! The planner of a node beside 10,000 Services, 10,000 EndpointSlices of 10 endpoints, 100 nodes.
//!
//! The columns of `AllocProfiler` for `start_up` also tell what the planner keeps.

#![allow(missing_docs, reason = "benchmarks have no reader of documentation")]

use std::collections::BTreeSet;
use std::sync::Arc;

use divan::{AllocProfiler, Bencher, black_box};

use ferrolb_api::facts::{FamilyPolicy, Ingress, NodeFacts, Request, ServiceFacts, SliceFacts};
use ferrolb_api::resolved::{AddressEntry, Config, Interfaces, L2Advertisement, Pool, PoolSelection};
use ferrolb_plan::{Input, Members, NodePlanner, Options, Output};
use ferrolb_types::address::parse_prefix;
use ferrolb_types::{Labels, NodeName, ObjectKey};

#[global_allocator]
static ALLOC: AllocProfiler = AllocProfiler::system();

const SERVICES: u32 = 10_000;
const NODES: usize = 100;

fn main() {
    divan::main();
}

/// Everything at once, as after a start.
#[divan::bench(sample_count = 10)]
fn start_up(bencher: Bencher) {
    bencher.bench(|| black_box(settled()));
}

/// A Service changes its address and back; one event each.
#[divan::bench]
fn service_event(bencher: Bencher) {
    let mut planner = settled();
    let mut turn = 0;
    bencher.bench_local(|| {
        turn += 1;
        let mut facts = service(7);
        facts.ingress = vec![address(SERVICES + turn % 2)];
        handle(&mut planner, Input::ServiceApplied(Arc::new(facts)))
    });
}

/// Endpoints of a Service move between nodes: policy `Cluster` does not care.
#[divan::bench]
fn slice_event_without_effect(bencher: Bencher) {
    let mut planner = settled();
    let slices = [slice(7, 0), slice(7, 5)];
    let mut turn = 0;
    bencher.bench_local(|| {
        turn += 1;
        handle(&mut planner, Input::SliceApplied(slices[turn % 2].clone()))
    });
}

/// A slice of a Service that is no load balancer's.
#[divan::bench]
fn slice_event_of_a_foreign_service(bencher: Bencher) {
    let mut planner = settled();
    let slices = [slice(SERVICES, 0), slice(SERVICES, 5)];
    let mut turn = 0;
    bencher.bench_local(|| {
        turn += 1;
        handle(&mut planner, Input::SliceApplied(slices[turn % 2].clone()))
    });
}

/// A node leaves the ring, and comes back; one event each.
#[divan::bench]
fn member_change(bencher: Bencher) {
    let mut planner = settled();
    let all: BTreeSet<NodeName> = (0..NODES).map(node_name).collect();
    let without: BTreeSet<NodeName> = all.iter().skip(1).cloned().collect();
    handle(&mut planner, Input::MembersChanged(Members::ring(all.clone())));
    let rings = [without, all];
    let mut turn = 0;
    bencher.bench_local(|| {
        turn += 1;
        let ring = rings[(turn + 1) % 2].clone();
        handle(&mut planner, Input::MembersChanged(Members::ring(ring)))
    });
}

fn handle(planner: &mut NodePlanner, input: Input) -> Vec<Output> {
    let mut out = Vec::new();
    planner.handle(input, &mut out);
    out
}

fn settled() -> NodePlanner {
    let mut planner = NodePlanner::new(Options {
        node: node_name(1),
        class: "".into(),
        ignore_exclude_lb: false,
    });
    handle(&mut planner, Input::ConfigResolved(Arc::new(config())));
    for i in 0..NODES {
        let facts = NodeFacts {
            name: node_name(i),
            labels: [("kubernetes.io/os", "linux")].into_iter().collect(),
            network_unavailable: false,
            not_ready: false,
            out_of_service: false,
            draining: false,
        };
        handle(&mut planner, Input::NodeApplied(facts));
    }
    for i in 0..SERVICES {
        handle(&mut planner, Input::ServiceApplied(Arc::new(service(i))));
        handle(&mut planner, Input::SliceApplied(slice(i, i as usize)));
    }
    let out = handle(&mut planner, Input::Synced);
    assert!(!out.is_empty(), "one in a hundred is announced from here");
    planner
}

fn config() -> Config {
    let prefix = "10.0.0.0/16";
    let pool = Pool {
        name: "a".into(),
        labels: Labels::default(),
        entries: vec![AddressEntry {
            text: prefix.into(),
            prefixes: vec![parse_prefix(prefix).expect("a prefix")],
        }],
        auto_assign: true,
        avoid_buggy_ips: false,
        allocation: None,
        release_delay: core::time::Duration::ZERO,
        max_per_namespace: None,
    };
    let ad = L2Advertisement {
        name: "ad".into(),
        pools: PoolSelection::All,
        node_selectors: Vec::new(),
        interfaces: Interfaces::All,
        service_selectors: Vec::new(),
        preferred_nodes: Vec::new(),
    };
    let mut config = Config::default();
    config.pools.insert("a".into(), Arc::new(pool));
    config.l2_advertisements.insert("ad".into(), Arc::new(ad));
    config
}

fn node_name(i: usize) -> NodeName {
    format!("worker-{i}.rack-{}.example.net", i % 7).into()
}

fn service_key(i: u32) -> ObjectKey {
    ObjectKey::new(format!("team-{}", i % 50), format!("frontend-{i}"))
}

fn address(i: u32) -> Ingress {
    let bits = u32::from_be_bytes([10, 0, 0, 0]) + i;
    Ingress::Address(bits.to_be_bytes().into())
}

fn service(i: u32) -> ServiceFacts {
    ServiceFacts {
        key: service_key(i),
        uid: format!("{i:08x}-0000-4000-8000-000000000000").into(),
        resource_version: i.to_string().into(),
        created_at: "2026-01-01T00:00:00Z".into(),
        generation: 0,
        labels: [("app.kubernetes.io/name", "frontend"), ("team", "web")]
            .into_iter()
            .collect(),
        is_load_balancer: true,
        class: None,
        cluster_ips: vec!["172.16.0.1".into()],
        family_policy: FamilyPolicy::SingleStack,
        families: Vec::new(),
        ports: Vec::new(),
        local_traffic_only: false,
        pod_selector: "app=frontend".into(),
        request: Request::default(),
        deprecated_annotations: Vec::new(),
        ingress: vec![address(i)],
        pool_annotation: Some("a".into()),
        request_condition: None,
    }
}

/// Ten endpoints on ten nodes, the first of them `from`.
fn slice(i: u32, from: usize) -> SliceFacts {
    let key = service_key(i);
    let mut nodes: Vec<NodeName> = (from..from + 10).map(|n| node_name(n % NODES)).collect();
    nodes.sort_unstable();
    SliceFacts {
        key: ObjectKey::new(key.namespace.as_str(), format!("{}-x7k2p", key.name)),
        service: Some(key),
        any_serving: true,
        any_serving_with_address: true,
        serving_nodes: nodes.into(),
    }
}
