//! Random Services and pools over a small universe, in which everything meets everything.

#![allow(dead_code, reason = "shared by two test programs, of which each uses a part")]

use core::time::Duration;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use ferrolb_api::facts::{FamilyPolicy, Fence, NamespaceFacts, Port, ServiceFacts};
use ferrolb_api::resolved::{Pool, ServiceAllocation};
use ferrolb_ipam::Pools;
use ferrolb_types::{Labels, PoolName};
use proptest::prelude::*;

use crate::naive::World;
use crate::support::{self, labels, pool, selector, service, tcp};

pub(crate) const NAMES: [&str; 7] = ["a/s0", "a/s1", "a/s2", "b/s3", "b/s4", "b/s5", "b/s6"];
/// The day of January on which each was created; some of them together.
const CREATED: [u8; 7] = [3, 1, 2, 1, 3, 2, 1];
pub(crate) const NAMESPACES: [&str; 2] = ["a", "b"];
pub(crate) const POOLS: [&str; 3] = ["p0", "p1", "p2"];
pub(crate) const BLOCKS: [&str; 6] = [
    "10.0.0.0/31",
    "10.0.0.254/31",
    "10.0.1.0/32",
    "10.0.2.4/30",
    "fd00::/127",
    "fd00::8/128",
];

#[derive(Clone, Debug)]
pub(crate) struct Spec {
    pub(crate) dual: bool,
    pub(crate) v6: bool,
    pub(crate) policy: FamilyPolicy,
    pub(crate) sharing: u8,
    pub(crate) local: bool,
    pub(crate) ports: BTreeSet<u16>,
    pub(crate) pool: u8,
    pub(crate) address: Option<usize>,
    pub(crate) label: bool,
    pub(crate) load_balancer: bool,
    /// Under which name it reserves its addresses; the last one is malformed, most are none.
    pub(crate) reserve: u8,
}

#[derive(Clone, Debug)]
pub(crate) struct PoolsSpec {
    /// Which pool has which block; 3 is none.
    pub(crate) owners: [u8; 6],
    pub(crate) auto: [bool; 3],
    pub(crate) avoid: [bool; 3],
    pub(crate) allocation: [u8; 3],
    /// Minutes of rest.
    pub(crate) delay: [u8; 3],
    /// Services per namespace; 0 is any number.
    pub(crate) most: [u8; 3],
    /// Which pools have no accepted version.
    pub(crate) refused: [bool; 3],
}

/// What a Namespace's annotation says: nothing, or names of pools by bit.
pub(crate) fn fence(bits: u8) -> Fence {
    if bits >= 8 {
        return Fence::Open;
    }
    let named = (0..3).filter(|i| bits & (1 << i) != 0);
    Fence::Pools(named.map(|i| PoolName::from(POOLS[i])).collect())
}

pub(crate) fn build_namespace(name: &str, is_labelled: bool, fenced: u8) -> NamespaceFacts {
    let labels = if is_labelled {
        labels(&[("tier", "x")])
    } else {
        Labels::default()
    };
    support::namespace(name, labels, fence(fenced))
}

/// Names to reserve under, as annotations hold them.
pub(crate) const RESERVE: [&str; 4] = ["r0", "r1", "r2", "Not A Name"];

pub(crate) fn spec() -> impl Strategy<Value = Spec> {
    let policy = prop_oneof![
        3 => Just(FamilyPolicy::SingleStack),
        2 => Just(FamilyPolicy::PreferDualStack),
        2 => Just(FamilyPolicy::RequireDualStack),
    ];
    let families = (prop::bool::weighted(0.4), prop::bool::weighted(0.3), policy);
    let sharing = (
        0u8..4,
        prop::bool::weighted(0.2),
        prop::collection::btree_set(80u16..83, 1..3),
    );
    let wish = (0u8..8, prop::option::weighted(0.2, 0usize..14));
    let rest = (any::<bool>(), prop::bool::weighted(0.9), 0u8..14);
    (families, sharing, wish, rest).prop_map(|(families, sharing, wish, rest)| Spec {
        dual: families.0,
        v6: families.1,
        policy: families.2,
        sharing: sharing.0,
        local: sharing.1,
        ports: sharing.2,
        pool: wish.0,
        address: wish.1,
        label: rest.0,
        load_balancer: rest.1,
        reserve: rest.2,
    })
}

pub(crate) fn pools_spec() -> impl Strategy<Value = PoolsSpec> {
    (
        prop::array::uniform6(0u8..4),
        any::<[bool; 3]>(),
        any::<[bool; 3]>(),
        prop::array::uniform3(0u8..8),
        prop::array::uniform3(prop_oneof![3 => Just(0u8), 1 => 1u8..4]),
        prop::array::uniform3(prop_oneof![3 => Just(0u8), 1 => 1u8..4]),
        prop::array::uniform3(prop::bool::weighted(0.1)),
    )
        .prop_map(
            |(owners, auto, avoid, allocation, delay, most, refused)| PoolsSpec {
                owners,
                auto,
                avoid,
                allocation,
                delay,
                most,
                refused,
            },
        )
}

/// The addresses that wishes and edits draw from: those of all blocks, and one of none.
pub(crate) fn address(index: usize) -> IpAddr {
    let mut all: Vec<IpAddr> = Vec::new();
    for block in BLOCKS {
        let block = pool("x", &[block]);
        for family in [ferrolb_types::IpFamily::V4, ferrolb_types::IpFamily::V6] {
            all.extend(World::addresses(&block, family));
        }
    }
    all.push(support::ip("192.0.2.1"));
    all[index % all.len()]
}

pub(crate) fn build_service(name: &str, spec: &Spec) -> ServiceFacts {
    let mut facts = service(name);
    let index = NAMES.iter().position(|known| *known == name).unwrap_or_default();
    facts.created_at = format!("2026-01-0{}T00:00:00Z", CREATED[index]).into();
    facts.is_load_balancer = spec.load_balancer;
    facts.family_policy = spec.policy;
    let cluster: &[&str] = match (spec.dual, spec.v6) {
        (true, false) => &["10.96.0.1", "3000::1"],
        (true, true) => &["3000::1", "10.96.0.1"],
        (false, true) => &["3000::1"],
        (false, false) => &["10.96.0.1"],
    };
    facts = support::With::cluster(facts, cluster);
    facts.request.sharing_key = ["", "", "k", "l"][usize::from(spec.sharing)].into();
    facts.local_traffic_only = spec.local;
    facts.pod_selector = "app=x".into();
    facts.ports = spec
        .ports
        .iter()
        .map(|number| tcp(*number))
        .collect::<Vec<Port>>();
    facts.request.pool = ["p0", "p1", "p2", "", "", "", "", ""][usize::from(spec.pool)].into();
    facts.request.addresses = spec
        .address
        .map_or_else(String::new, |i| address(i).to_string())
        .into();
    let reserve = RESERVE.get(usize::from(spec.reserve));
    facts.request.reserve_as = (*reserve.unwrap_or(&"")).into();
    if spec.label {
        facts.labels = labels(&[("app", "x")]);
    }
    facts
}

pub(crate) fn build_pools(spec: &PoolsSpec) -> Pools {
    let mut pools = Pools::default();
    for index in 0..3u8 {
        let i = usize::from(index);
        let blocks: Vec<&str> = (0..6)
            .filter(|b| spec.owners[*b] == index)
            .rev()
            .map(|b| BLOCKS[b])
            .collect();
        if blocks.is_empty() {
            continue;
        }
        if spec.refused[i] {
            let prefixes = blocks.iter().map(|block| block.parse().expect("a prefix"));
            pools.refused.insert(POOLS[i].into(), prefixes.collect());
            continue;
        }
        let mut built: Pool = pool(POOLS[i], &blocks);
        built.auto_assign = spec.auto[i] || spec.allocation[i] > 4;
        built.avoid_buggy_ips = spec.avoid[i];
        built.release_delay = Duration::from_secs(60 * u64::from(spec.delay[i]));
        built.max_per_namespace = Some(u32::from(spec.most[i])).filter(|most| *most > 0);
        built.allocation = match spec.allocation[i] {
            0 => Some(ServiceAllocation {
                priority: 5,
                namespaces: ["a".into()].into(),
                ..ServiceAllocation::default()
            }),
            1 => Some(ServiceAllocation {
                namespace_selectors: vec![selector("tier", "x")],
                ..ServiceAllocation::default()
            }),
            2 => Some(ServiceAllocation {
                priority: 7,
                service_selectors: vec![selector("app", "x")],
                ..ServiceAllocation::default()
            }),
            _ => None,
        };
        pools.accepted.insert(built.name.clone(), Arc::new(built));
    }
    pools
}
