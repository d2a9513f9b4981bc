use std::collections::BTreeMap;
use std::sync::Arc;

use ferrolb_api::core::{Namespace, Service};
use ferrolb_api::metallb::IpAddressPool;
use ferrolb_api::{RawConfig, Rules, decode, resolve};
use ferrolb_types::Instant;
use serde_json::{Value, json};

use super::*;
use crate::{Event, Options, Pools};

/// An engine with these pools that has decided on these Services.
fn engine(pools: &[Value], services: &[Value]) -> Engine {
    engine_with(&json!({}), pools, services)
}

/// Like `engine`, where Namespace `default` and the pools, by name, have these annotations.
fn engine_with(annotations: &Value, pools: &[Value], services: &[Value]) -> Engine {
    let mut raw = RawConfig {
        rules: Rules {
            namespace: "lb".into(),
            ..Rules::default()
        },
        ..RawConfig::default()
    };
    for (name, spec) in pools.iter().enumerate().map(|(i, spec)| (format!("p{i}"), spec)) {
        let pool = json!({ "apiVersion": "metallb.io/v1beta1", "kind": "IPAddressPool",
                           "metadata": { "name": name, "namespace": "lb", "annotations": annotations[&name] },
                           "spec": spec });
        let pool: IpAddressPool = decode(&pool).unwrap();
        raw.pools.push(pool);
    }
    let pools = Pools {
        accepted: resolve(&raw).config.pools,
        refused: BTreeMap::new(),
    };
    let mut engine = Engine::new(Options::default());
    let mut events = vec![Event::PoolsResolved(pools)];
    let namespace = json!({ "apiVersion": "v1", "kind": "Namespace",
                            "metadata": { "name": "default", "annotations": annotations["default"] } });
    let namespace: Namespace = decode(&namespace).unwrap();
    events.push(Event::NamespaceApplied(namespace.observe()));
    for service in services {
        let service: Service = decode(service).unwrap();
        events.push(Event::ServiceApplied(Arc::new(service.observe())));
    }
    events.push(Event::Synced);
    for event in events {
        engine.handle(Instant::ZERO, event, &mut Vec::new());
    }
    engine
}

fn service(name: &str, annotations: &Value, mut spec: Value) -> Value {
    spec["type"] = json!("LoadBalancer");
    spec["ports"] = json!([{ "port": 80 }]);
    if spec["clusterIPs"].is_null() {
        spec["clusterIPs"] = json!(["10.0.0.1"]);
    }
    json!({ "apiVersion": "v1", "kind": "Service", "spec": spec,
            "metadata": { "name": name, "namespace": "default", "annotations": annotations } })
}

fn obstacles(engine: &Engine, name: &str) -> Vec<Vec<String>> {
    let fitness = engine.fitness(&ObjectKey::new("default", name));
    fitness
        .iter()
        .map(|f| f.obstacles.iter().map(ToString::to_string).collect())
        .collect()
}

#[test]
fn each_pool_says_what_keeps_it_from_serving_a_service() {
    let pools = [
        json!({ "addresses": ["192.0.2.1/32"] }),
        json!({ "addresses": ["198.51.100.0/24"], "autoAssign": false }),
        json!({ "addresses": ["203.0.113.0/24"], "serviceAllocation": { "namespaces": ["other"] } }),
        json!({ "addresses": ["2001:db8::/64"] }),
        json!({ "addresses": ["203.0.114.0/24"],
                "serviceAllocation": { "serviceSelectors": [{ "matchLabels": { "app": "x" } }] } }),
    ];
    let services = [
        service("a", &json!({}), json!({})),
        service("b", &json!({}), json!({})),
    ];
    let engine = engine(&pools, &services);
    assert_eq!(
        obstacles(&engine, "b"),
        [
            vec!["none of its IPv4 addresses is free"],
            vec![
                "it has `autoAssign: false`, and the Service does not ask for it with annotation `metallb.io/address-pool`"
            ],
            vec!["its `serviceAllocation` does not cover the namespace of the Service"],
            vec!["it has no IPv4 addresses"],
            vec!["its `serviceAllocation.serviceSelectors` do not match the labels of the Service"],
        ]
    );
}

#[test]
fn a_fence_is_in_the_way_of_the_pools_that_it_leaves_out_alone() {
    let pools = [
        json!({ "addresses": ["192.0.2.0/24"] }),
        json!({ "addresses": ["198.51.100.0/24"] }),
    ];
    let fence = json!({ "default": { "ferrolb.io/pools": "p1" } });
    let engine = engine_with(&fence, &pools, &[service("a", &json!({}), json!({}))]);
    assert_eq!(
        obstacles(&engine, "a"),
        [
            vec!["annotation `ferrolb.io/pools` of the Namespace leaves it out"],
            vec![]
        ]
    );
    let remedy = Obstacle::Fence.remedy(&"p0".into(), &ObjectKey::new("default", "a"));
    assert_eq!(
        remedy,
        "add `p0` to annotation `ferrolb.io/pools` of Namespace `default`"
    );
}

#[test]
fn a_fence_that_cannot_be_read_is_in_the_way_of_every_pool_and_is_to_be_corrected() {
    let pools = [json!({ "addresses": ["192.0.2.0/24"] })];
    let fence = json!({ "default": { "ferrolb.io/pools": "p0,B!" } });
    let engine = engine_with(&fence, &pools, &[service("a", &json!({}), json!({}))]);
    assert_eq!(
        obstacles(&engine, "a"),
        [["annotation `ferrolb.io/pools` of the Namespace is malformed at `B!`, so it admits no pool"]]
    );
    let remedy = Obstacle::MalformedFence("B!".into()).remedy(&"p0".into(), &ObjectKey::new("default", "a"));
    assert_eq!(
        remedy,
        "correct annotation `ferrolb.io/pools` of Namespace `default`: names of pools separated by commas"
    );
}

#[test]
fn a_quota_is_in_the_way_of_the_next_service_but_not_of_those_that_count() {
    let pools = [json!({ "addresses": ["192.0.2.0/24"] })];
    let services = ["a", "b"].map(|name| service(name, &json!({}), json!({})));
    let quota = json!({ "p0": { "ferrolb.io/max-per-namespace": "1" } });
    let limited = engine_with(&quota, &pools, &services);
    assert_eq!(obstacles(&limited, "a"), [[""; 0]]);
    assert_eq!(
        obstacles(&limited, "b"),
        [["the namespace has as many of its addresses as `ferrolb.io/max-per-namespace` allows"]]
    );
    let remedy = Obstacle::Quota.remedy(&"p0".into(), &ObjectKey::new("default", "b"));
    assert!(
        remedy.contains("`ferrolb.io/max-per-namespace` of pool `p0`"),
        "{remedy}"
    );
}

#[test]
fn behind_a_fence_the_quota_does_not_matter() {
    let pools = [
        json!({ "addresses": ["192.0.2.0/24"] }),
        json!({ "addresses": ["198.51.100.0/24"] }),
    ];
    let services = ["a", "b"].map(|name| service(name, &json!({}), json!({})));
    let both = json!({ "default": { "ferrolb.io/pools": "p1" }, "p0": { "ferrolb.io/max-per-namespace": "1" },
                       "p1": { "ferrolb.io/max-per-namespace": "1" } });
    let engine = engine_with(&both, &pools, &services);
    let found: Vec<_> = engine
        .fitness(&ObjectKey::new("default", "b"))
        .into_iter()
        .map(|fitness| fitness.obstacles)
        .collect();
    assert_eq!(found, [vec![Obstacle::Fence], vec![Obstacle::Quota]]);
}

#[test]
fn an_address_that_is_asked_for_says_who_has_it() {
    let pools = [
        json!({ "addresses": ["192.0.2.0/24"] }),
        json!({ "addresses": ["198.51.100.0/24"] }),
    ];
    let wish = json!({ "metallb.io/loadBalancerIPs": "192.0.2.0" });
    let services = [service("a", &wish, json!({})), service("b", &wish, json!({}))];
    assert_eq!(
        obstacles(&engine(&pools, &services), "b"),
        [
            vec!["`192.0.2.0` is held by Service `default/a`"],
            vec!["`192.0.2.0`, which the Service asks for, is not in it"],
        ]
    );
}

#[test]
fn a_pool_without_obstacles_is_one_that_serves() {
    let pools = [json!({ "addresses": ["192.0.2.0/24"] })];
    let dual = json!({ "clusterIPs": ["10.0.0.1", "fd00::1"], "ipFamilyPolicy": "PreferDualStack" });
    let engine = engine(&pools, &[service("a", &json!({}), dual)]);
    assert_eq!(obstacles(&engine, "a"), [[""; 0]]);
}

#[test]
fn a_request_that_cannot_be_read_is_no_matter_of_pools() {
    let pools = [json!({ "addresses": ["192.0.2.0/24"] })];
    let wish = json!({ "metallb.io/loadBalancerIPs": "web" });
    let engine = engine(&pools, &[service("a", &wish, json!({}))]);
    assert_eq!(
        (obstacles(&engine, "a"), obstacles(&engine, "unknown")),
        (vec![], vec![])
    );
}
