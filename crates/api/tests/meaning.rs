//! What accepted pools and L2 advertisements mean (api-and-config 3.2, 3.3, 3.5 and section 9).
#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use ferrolb_api::resolved::{Config, Interfaces, PoolSelection};
use ferrolb_api::{RawConfig, Rules, resolve};
use ferrolb_types::{Labels, Selector};
use serde_json::{Value, json};

fn config(objects: &[Value]) -> Config {
    let mut raw = RawConfig::default();
    for object in objects {
        assert!(raw.add(object).unwrap());
    }
    let resolved = resolve(&raw);
    assert_eq!(resolved.problems, []);
    resolved.config
}

fn object(kind: &str, name: &str, spec: &Value) -> Value {
    let labels = json!({ "name": name });
    json!({ "apiVersion": "metallb.io/v1beta1", "kind": kind, "metadata": { "name": name, "labels": labels }, "spec": spec })
}

fn pool(spec: &Value) -> Config {
    config(&[object("IPAddressPool", "a", spec)])
}

fn prefixes(addresses: &[&str]) -> Vec<String> {
    pool(&json!({ "addresses": addresses })).pools["a"]
        .prefixes()
        .map(|p| p.to_string())
        .collect()
}

#[test]
fn addresses_become_prefixes_in_the_order_of_the_spec() {
    assert_eq!(prefixes(&["10.20.30.40/24"]), ["10.20.30.0/24"]);
    assert_eq!(prefixes(&["1.1.1.1 - 1.1.1.1"]), ["1.1.1.1/32"]);
    assert_eq!(
        prefixes(&["10.9.0.0/024", "10.0.0.1\t-\t10.0.0.2"]),
        ["10.9.0.0/24", "10.0.0.1/32", "10.0.0.2/32"]
    );
    assert_eq!(prefixes(&["::ffff:1.2.3.0/120"]), ["1.2.3.0/24"]);
    let (bits, last) = (
        [31, 30, 29, 28, 27, 26, 26, 27, 28, 29, 30, 31, 32],
        [2, 4, 8, 16, 32, 64, 128, 192, 224, 240, 248, 252, 254],
    );
    let expected: Vec<String> = last
        .iter()
        .zip(bits)
        .map(|(o, b)| format!("3.3.3.{o}/{b}"))
        .collect();
    assert_eq!(prefixes(&["3.3.3.2-3.3.3.254"]), expected);
}

#[test]
fn a_bare_pool_is_automatic_and_unpinned() {
    let config = pool(&json!({ "addresses": ["192.0.2.0/24"] }));
    let pool = &config.pools["a"];
    assert!(pool.auto_assign && !pool.avoid_buggy_ips && pool.allocation.is_none());
    assert_eq!(pool.labels.get("name"), Some("a"));
    let config =
        self::pool(&json!({ "addresses": ["192.0.2.0/24"], "autoAssign": false, "avoidBuggyIPs": true }));
    assert!(!config.pools["a"].auto_assign && config.pools["a"].avoid_buggy_ips);
}

#[test]
fn an_allocation_without_lists_pins_the_pool_for_everybody() {
    for (allocation, priority) in [(json!({}), 0), (json!({ "priority": 1 }), 1)] {
        let config = pool(&json!({ "addresses": ["192.0.2.0/24"], "serviceAllocation": allocation }));
        let found = config.pools["a"].allocation.clone().unwrap();
        assert_eq!(found.priority, priority);
        assert_eq!(found.service_selectors, [Selector::everything()]);
        assert!(found.namespaces.is_empty() && found.namespace_selectors.is_empty());
    }
}

#[test]
fn an_allocation_with_namespaces_only_has_no_service_selectors() {
    let allocation =
        json!({ "namespaces": ["x"], "namespaceSelectors": [{ "matchLabels": { "team": "net" } }] });
    let config = pool(&json!({ "addresses": ["192.0.2.0/24"], "serviceAllocation": allocation }));
    let found = config.pools["a"].allocation.clone().unwrap();
    assert!(found.service_selectors.is_empty());
    assert!(found.namespaces.contains("x"));
    assert!(found.namespace_selectors[0].matches(&Labels::from_iter([("team", "net")])));
}

#[test]
fn an_advertisement_reaches_all_pools_or_those_it_names_or_selects() {
    let (a, b) = (
        json!({ "addresses": ["10.0.0.0/24"] }),
        json!({ "addresses": ["10.0.1.0/24"] }),
    );
    let reached = |spec: Value| {
        let config = config(&[
            object("IPAddressPool", "a", &a),
            object("IPAddressPool", "b", &b),
            object("L2Advertisement", "l2", &spec),
        ]);
        let selection = config.l2_advertisements["l2"].pools.clone();
        config
            .pools
            .values()
            .filter(|p| selection.reaches(p))
            .map(|p| p.name.to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(reached(json!({})), ["a", "b"]);
    assert_eq!(reached(json!({ "ipAddressPools": ["b"] })), ["b"]);
    let selector = |name| json!([{ "matchLabels": { "name": name } }]);
    assert_eq!(
        reached(json!({ "ipAddressPoolSelectors": selector("a"), "ipAddressPools": ["b"] })),
        ["a", "b"]
    );
    assert!(reached(json!({ "ipAddressPoolSelectors": selector("none") })).is_empty());
}

#[test]
fn an_advertisement_keeps_interfaces_nodes_and_preferences() {
    let spec = json!({
        "interfaces": ["eth1", "eth0", "eth1"],
        "nodeSelectors": [{ "matchLabels": { "rack": "b" } }, { "matchLabels": { "rack": "a" } }],
        "preferredNodeSelectors": [{ "weight": 30, "preference": {} }],
    });
    let config = config(&[object("L2Advertisement", "l2", &spec)]);
    let advertisement = &config.l2_advertisements["l2"];
    assert_eq!(
        advertisement.interfaces,
        Interfaces::Named(["eth0", "eth1"].map(Into::into).into())
    );
    let selectors: Vec<String> = advertisement
        .node_selectors
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(selectors, ["rack=a", "rack=b"]);
    assert_eq!(advertisement.preferred_nodes[0].weight, 30);
    assert!(advertisement.preferred_nodes[0].preference.is_everything());
    assert_eq!(advertisement.pools, PoolSelection::All);
}

#[test]
fn objects_of_another_namespace_do_not_count() {
    let rules = Rules {
        namespace: "lb".into(),
        ..Rules::default()
    };
    let mut raw = RawConfig {
        rules,
        ..RawConfig::default()
    };
    for (name, namespace) in [("a", "lb"), ("b", "default")] {
        let mut pool = object("IPAddressPool", name, &json!({ "addresses": ["10.0.0.0/24"] }));
        pool["metadata"]["namespace"] = json!(namespace);
        raw.add(&pool).unwrap();
    }
    let resolved = resolve(&raw);
    assert_eq!(resolved.config.pools.len(), 1);
    let problems: Vec<String> = resolved.problems.iter().map(ToString::to_string).collect();
    assert_eq!(
        problems,
        [
            "warning: IPAddressPool default/b metadata.namespace: only objects in namespace `lb` count; move it there \
          (OtherNamespace)"
        ]
    );
}
