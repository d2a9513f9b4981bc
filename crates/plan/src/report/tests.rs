#![expect(clippy::needless_pass_by_value, reason = "literals are passed")]

use proptest::prelude::*;
use serde_json::{Map, json};

use super::*;

#[test]
fn every_reason_of_the_engine_is_documented() {
    for reason in Reason::ALL {
        let documented = ferrolb_api::Reason::find(reason.as_str());
        assert!(
            documented.is_some_and(|d| d.word() == reason.as_str()),
            "{reason}"
        );
    }
}

fn options() -> Options {
    Options {
        namespace: "lb".into(),
        ..Options::default()
    }
}

fn service(name: &str, spec: Value) -> Value {
    json!({ "apiVersion": "v1", "kind": "Service", "metadata": { "name": name }, "spec": spec })
}

fn pool(addresses: Value) -> Value {
    json!({ "apiVersion": "metallb.io/v1beta1", "kind": "IPAddressPool", "metadata": { "name": "a" },
            "spec": { "addresses": addresses } })
}

fn addresses_of(spec: Value) -> Vec<String> {
    let manifests = vec![
        service("web", spec),
        pool(json!(["192.0.2.0/24", "2001:db8::/64"])),
    ];
    let mut plan = Plan::draw_up(manifests, &options());
    plan.services.remove(0).ips
}

#[test]
fn plain_manifests_get_the_cluster_addresses_that_they_ask_for() {
    let (v4, v6) = ("192.0.2.0", "2001:db8::");
    for (spec, expected) in [
        (json!({}), &[v4][..]),
        (json!({ "ipFamilies": ["IPv6"] }), &[v6]),
        (
            json!({ "ipFamilies": ["IPv6", "IPv4"], "ipFamilyPolicy": "RequireDualStack" }),
            &[v4, v6],
        ),
        (json!({ "ipFamilyPolicy": "RequireDualStack" }), &[v4, v6]),
        (json!({ "ipFamilyPolicy": "PreferDualStack" }), &[v4, v6]),
        (
            json!({ "ipFamilyPolicy": "PreferDualStack", "clusterIP": "10.0.0.1" }),
            &[v4],
        ),
        (json!({ "clusterIP": "fd00::1" }), &[v6]),
        (json!({ "clusterIP": "None" }), &[]),
    ] {
        let mut full = spec.clone();
        full["type"] = json!("LoadBalancer");
        assert_eq!(addresses_of(full), expected, "{spec}");
    }
}

#[test]
fn core_objects_without_namespace_are_in_default_and_ours_in_the_namespace_given() {
    let spec = json!({ "type": "LoadBalancer" });
    let mut elsewhere = pool(json!(["198.51.100.0/24"]));
    elsewhere["metadata"]["namespace"] = json!("default");
    let plan = Plan::draw_up(
        vec![pool(json!(["192.0.2.0/24"])), service("web", spec), elsewhere],
        &options(),
    );
    assert_eq!(
        (&*plan.services[0].namespace, &*plan.pools[0].prefixes[0]),
        ("default", "192.0.2.0/24")
    );
    assert_eq!(plan.pools.len(), 1);
    assert_eq!(plan.problems[0].reason, "OtherNamespace");
}

#[test]
fn addresses_sort_as_numbers_and_by_family() {
    let addresses = json!(["192.0.2.9-192.0.2.11", "2001:db8::/126"]);
    let services = (0..3).map(|i| {
        service(
            &format!("s{i}"),
            json!({ "type": "LoadBalancer", "ipFamilyPolicy": "PreferDualStack" }),
        )
    });
    let slices = (0..3).map(|i| {
        json!({ "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "endpoints": [{}],
                "metadata": { "name": format!("e{i}"), "labels": { "kubernetes.io/service-name": format!("s{i}") } } })
    });
    let others = [
        pool(addresses),
        json!({ "apiVersion": "v1", "kind": "Node", "metadata": { "name": "n1" } }),
        json!({ "apiVersion": "metallb.io/v1beta1", "kind": "L2Advertisement", "metadata": { "name": "ad" } }),
    ];
    let plan = Plan::draw_up(
        others.into_iter().chain(services).chain(slices).collect(),
        &options(),
    );
    let seen: Vec<&str> = plan.nodes[0].l2.iter().map(|l2| &*l2.ip).collect();
    let expected = [
        "192.0.2.9",
        "192.0.2.10",
        "192.0.2.11",
        "2001:db8::",
        "2001:db8::1",
        "2001:db8::2",
    ];
    assert_eq!(seen, expected);
}

#[test]
fn without_advertisements_nothing_is_said_about_layer_2() {
    let node = json!({ "apiVersion": "v1", "kind": "Node", "metadata": { "name": "n1" } });
    let manifests = vec![
        node,
        service("web", json!({ "type": "LoadBalancer" })),
        pool(json!(["192.0.2.0/24"])),
    ];
    let plan = Plan::draw_up(manifests, &options());
    assert_eq!(
        (plan.services[0].ips.len(), &plan.nodes[0].not_announced[..]),
        (1, &[][..])
    );
}

fn any_json() -> impl Strategy<Value = Value> {
    let word = proptest::sample::select(
        &[
            "apiVersion",
            "kind",
            "metadata",
            "name",
            "namespace",
            "labels",
            "spec",
            "status",
            "items",
            "addresses",
            "endpoints",
            "type",
            "ports",
            "v1",
            "metallb.io/v1beta1",
            "discovery.k8s.io/v1",
            "IPAddressPool",
            "L2Advertisement",
            "BGPAdvertisement",
            "BGPPeer",
            "metallb.io/v1beta2",
            "myASN",
            "peerASN",
            "peerAddress",
            "communities",
            "aggregationLength",
            "Service",
            "Node",
            "Namespace",
            "EndpointSlice",
            "List",
            "LoadBalancer",
            "192.0.2.0/24",
            "a",
        ][..],
    );
    let leaf = prop_oneof![
        4 => word.clone().prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 64, 6, move |inner| {
        let pairs = proptest::collection::vec((word.clone(), inner.clone()), 0..6);
        prop_oneof![
            proptest::collection::vec(inner, 0..4).prop_map(Value::from),
            pairs.prop_map(|pairs| pairs
                .into_iter()
                .map(|(k, v)| (k.to_owned(), v))
                .collect::<Map<_, _>>()
                .into()),
        ]
    })
}

proptest! {
    #[test]
    fn no_input_panics_and_errors_make_the_plan_invalid(manifests in proptest::collection::vec(any_json(), 0..6)) {
        let plan = Plan::draw_up(manifests, &options());
        let errors = plan.problems.iter().filter(|p| p.severity == Severity::Error).count();
        prop_assert_eq!(plan.valid, errors == 0);
    }

    #[test]
    fn objects_of_any_content_are_read(kind in 0..10_usize, metadata in any_json(), spec in any_json(), status in any_json()) {
        let (api_version, kind) = [
            ("metallb.io/v1beta1", "IPAddressPool"),
            ("metallb.io/v1beta1", "L2Advertisement"),
            ("v1", "Service"),
            ("v1", "Node"),
            ("discovery.k8s.io/v1", "EndpointSlice"),
            ("v1", "ServiceList"),
            ("metallb.io/v1beta1", "BGPAdvertisement"),
            ("metallb.io/v1beta1", "BGPPeer"),
            ("metallb.io/v1beta2", "BGPPeer"),
            ("metallb.io/v1beta1", "BFDProfile"),
        ][kind];
        let object = json!({ "apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec, "status": status,
                             "items": [status], "endpoints": spec });
        let _plan = Plan::draw_up(vec![object], &options());
    }
}

#[test]
fn a_malformed_fence_is_a_problem_of_its_namespace() {
    let namespace = |name: &str, pools: &str| {
        json!({ "apiVersion": "v1", "kind": "Namespace",
                "metadata": { "name": name, "annotations": { "ferrolb.io/pools": pools } } })
    };
    let manifests = vec![
        namespace("default", "a, B!"),
        namespace("other", "a"),
        service(
            "web",
            json!({ "type": "LoadBalancer", "ports": [{ "port": 80 }] }),
        ),
        pool(json!(["192.0.2.0/24"])),
    ];
    let plan = Plan::draw_up(manifests, &options());
    let of_namespaces: Vec<&Problem> = plan.problems.iter().filter(|p| p.kind == "Namespace").collect();
    let [problem] = of_namespaces.as_slice() else {
        panic!("{of_namespaces:?}");
    };
    assert_eq!((problem.severity, &*problem.name), (Severity::Error, "default"));
    assert_eq!(problem.field, "metadata.annotations[ferrolb.io/pools]");
    assert!(problem.message.contains("`B!`"), "{}", problem.message);
    assert_eq!(
        (plan.valid, &*plan.services[0].reason),
        (false, "NamespaceConfined")
    );
}
