//! BGP of one node with 10,000 Services and 4 peers.
//!
//! Budget: one Service change, decided and told to 4 peers, within 20 µs.

#![allow(missing_docs, reason = "benchmarks have no reader of documentation")]

use core::net::IpAddr;
use std::collections::BTreeSet;
use std::sync::Arc;

use divan::{AllocProfiler, Bencher, black_box};

use ferrolb_api::facts::NodeFacts;
use ferrolb_api::resolved::{
    AddressEntry, BgpAdvertisement, BgpPeer, Config, PeerAsn, Pool, PoolSelection, Remote,
};
use ferrolb_api::{BgpMode, Community, NodeView, Rules, node_view};
use ferrolb_plan::bgp::{Candidate, Change, Router, Serving};
use ferrolb_types::address::parse_prefix;
use ferrolb_types::{Asn, Labels, ObjectKey, PoolName};

#[global_allocator]
static ALLOC: AllocProfiler = AllocProfiler::system();

const SERVICES: u32 = 10_000;
const PEERS: u8 = 4;

fn main() {
    divan::main();
}

/// Everything at once, as after a start.
#[divan::bench(sample_count = 10)]
fn start_up(bencher: Bencher) {
    bencher.bench(|| black_box(settled()));
}

/// A Service changes its address and back; one event each, 4 withdrawals and 4 offers.
#[divan::bench]
fn service_change(bencher: Bencher) {
    let mut world = settled();
    let mut turn = 0;
    bencher.bench_local(|| {
        turn += 1;
        world.decide(7, SERVICES + turn % 2);
        world.flush()
    });
}

/// A Service is looked at again and nothing is new.
#[divan::bench]
fn service_unchanged(bencher: Bencher) {
    let mut world = settled();
    bencher.bench_local(|| {
        world.decide(7, 7);
        world.flush()
    });
}

/// A session is opened and gets all routes.
#[divan::bench(sample_count = 10)]
fn peer_added(bencher: Bencher) {
    let mut world = settled();
    let all = world.view.bgp_peers.clone();
    bencher.bench_local(|| {
        let mut out = Vec::new();
        world.router.set_peers(&all[1..], &mut out);
        world.router.set_peers(&all, &mut out);
        out
    });
}

struct World {
    router: Router,
    view: NodeView,
    pool: PoolName,
    labels: Labels,
}

impl World {
    fn decide(&mut self, service: u32, address: u32) {
        let key = ObjectKey::new(format!("team-{}", service % 50), format!("frontend-{service}"));
        let address = u32::from_be_bytes([10, 0, 0, 0]) + address;
        let candidate = Candidate {
            pool: &self.pool,
            addresses: &[IpAddr::from(address.to_be_bytes())],
            labels: &self.labels,
            local_traffic_only: false,
            serving: Serving::Elsewhere,
        };
        self.router
            .decide(&key, &candidate)
            .expect("nothing speaks against it");
    }

    fn flush(&mut self) -> Vec<Change> {
        let mut out = Vec::new();
        self.router.flush(&mut out);
        out
    }
}

fn settled() -> World {
    let config = config();
    let node = NodeFacts {
        name: "n1".into(),
        labels: Labels::default(),
        network_unavailable: false,
        not_ready: false,
        out_of_service: false,
        draining: false,
    };
    let mut world = World {
        router: Router::new(BgpMode::Native),
        view: node_view(&config, Some(&node), &Rules::default()),
        pool: "a".into(),
        labels: [("app.kubernetes.io/name", "frontend"), ("team", "web")]
            .into_iter()
            .collect(),
    };
    let _all_are_decided_below = world.router.set_advertisements(&config, &world.view);
    world
        .router
        .set_peers(&world.view.bgp_peers.clone(), &mut Vec::new());
    for i in 0..SERVICES {
        world.decide(i, i);
    }
    assert_eq!(world.flush().len(), SERVICES as usize * usize::from(PEERS));
    world
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
    let mut config = Config::default();
    config.pools.insert("a".into(), Arc::new(pool));
    for (name, low) in [("hosts", 1), ("marked", 2)] {
        config
            .bgp_advertisements
            .insert(name.into(), Arc::new(advertisement(name, low)));
    }
    for i in 1..=PEERS {
        let peer = peer(i);
        config.bgp_peers.insert(peer.name.clone(), Arc::new(peer));
    }
    config
}

fn advertisement(name: &str, low: u16) -> BgpAdvertisement {
    BgpAdvertisement {
        name: name.into(),
        created_at: "".into(),
        pools: PoolSelection::All,
        unusable_pools: BTreeSet::new(),
        aggregation_length: 32,
        aggregation_length_v6: 128,
        local_pref: 100,
        communities: BTreeSet::from([Community::standard(64512, low)]),
        node_selectors: Vec::new(),
        peers: BTreeSet::new(),
        service_selectors: Vec::new(),
    }
}

fn peer(i: u8) -> BgpPeer {
    BgpPeer {
        name: format!("tor-{i}").into(),
        created_at: "".into(),
        my_asn: Asn::new(64512).expect("not zero"),
        local_asn: None,
        peer_asn: PeerAsn::External,
        remote: Remote::Address([198, 51, 100, i].into()),
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
