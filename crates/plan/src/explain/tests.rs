#![expect(clippy::needless_pass_by_value, reason = "literals are passed")]

use serde_json::json;

use super::*;

fn options() -> Options {
    Options {
        namespace: "lb".into(),
        ..Options::default()
    }
}

fn pool(name: &str, spec: Value) -> Value {
    json!({ "apiVersion": "metallb.io/v1beta1", "kind": "IPAddressPool", "metadata": { "name": name }, "spec": spec })
}

fn advertisement(spec: Value) -> Value {
    json!({ "apiVersion": "metallb.io/v1beta1", "kind": "L2Advertisement", "metadata": { "name": "all" }, "spec": spec })
}

fn service(metadata: Value, spec: Value) -> Value {
    let mut service = json!({ "apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec });
    service["metadata"]["name"] = json!("web");
    service["spec"]["type"] = json!("LoadBalancer");
    service
}

fn node(name: &str, labels: Value) -> Value {
    json!({ "apiVersion": "v1", "kind": "Node", "metadata": { "name": name, "labels": labels } })
}

fn slice(on: &str) -> Value {
    json!({ "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
            "metadata": { "name": "web-1", "labels": { "kubernetes.io/service-name": "web" } },
            "endpoints": [{ "addresses": ["10.0.0.5"], "nodeName": on }] })
}

fn web(manifests: Vec<Value>, origin: Origin) -> Explanation {
    Explanation::of(manifests, origin, &options(), &ObjectKey::new("default", "web")).unwrap()
}

/// The nodes that announce, and for the others the reason with the owner.
fn told(explanation: &Explanation) -> Vec<(String, String)> {
    let told = |n: &NodeAnswer| match (&n.owner, n.announces) {
        (_, true) => n.on.join(","),
        (Some(owner), false) => format!("{} {owner}", n.reason),
        (None, false) => n.reason.to_owned(),
    };
    explanation
        .nodes
        .iter()
        .map(|n| (n.name.clone(), told(n)))
        .collect()
}

#[test]
fn a_pending_service_is_told_what_each_near_pool_lacks() {
    let far = json!({ "addresses": ["203.0.113.0/24"], "autoAssign": false, "serviceAllocation": { "namespaces": ["x"] } });
    let explained = web(
        vec![
            service(json!({}), json!({})),
            pool(
                "a",
                json!({ "addresses": ["192.0.2.0/24"], "serviceAllocation": { "namespaces": ["x"] } }),
            ),
            pool("b", far),
        ],
        Origin::Files,
    );
    assert_eq!(
        (explained.state, &*explained.reason),
        ("pending", "NoMatchingPool")
    );
    assert_eq!(
        explained.remedies,
        ["add namespace `default` to `serviceAllocation.namespaces` of pool `a`"]
    );
    let obstacles: Vec<usize> = explained.pools.iter().map(|p| p.obstacles.len()).collect();
    assert_eq!(obstacles, [1, 2]);
    assert!(explained.nodes.is_empty());
}

#[test]
fn limits_of_the_namespace_are_told_with_what_would_lift_them() {
    let limited = json!({ "apiVersion": "metallb.io/v1beta1", "kind": "IPAddressPool", "spec": { "addresses": ["192.0.2.0/24"] },
                          "metadata": { "name": "a", "annotations": { "ferrolb.io/max-per-namespace": "1" } } });
    let fence = json!({ "apiVersion": "v1", "kind": "Namespace",
                        "metadata": { "name": "default", "annotations": { "ferrolb.io/pools": "a" } } });
    let mut first = service(json!({ "creationTimestamp": "2026-01-01T00:00:00Z" }), json!({}));
    first["metadata"]["name"] = json!("first");
    let explained = web(
        vec![
            fence,
            limited,
            pool("b", json!({ "addresses": ["198.51.100.0/24"] })),
            first,
            service(json!({ "creationTimestamp": "2026-01-02T00:00:00Z" }), json!({})),
        ],
        Origin::Files,
    );
    assert_eq!((explained.state, &*explained.reason), ("pending", "QuotaReached"));
    let obstacles: Vec<&str> = explained
        .pools
        .iter()
        .flat_map(|p| p.obstacles.iter().map(String::as_str))
        .collect();
    assert_eq!(
        obstacles,
        [
            "the namespace has as many of its addresses as `ferrolb.io/max-per-namespace` allows",
            "annotation `ferrolb.io/pools` of the Namespace leaves it out"
        ]
    );
    assert_eq!(
        explained.remedies,
        [
            "raise `ferrolb.io/max-per-namespace` of pool `a`, or delete a Service of namespace `default` that has an address of it",
            "add `b` to annotation `ferrolb.io/pools` of Namespace `default`"
        ]
    );
}

#[test]
fn a_fence_that_cannot_be_read_is_to_be_corrected_whatever_the_pools() {
    let fence = json!({ "apiVersion": "v1", "kind": "Namespace",
                        "metadata": { "name": "default", "annotations": { "ferrolb.io/pools": "a b" } } });
    let explained = web(
        vec![
            fence,
            pool("a", json!({ "addresses": ["192.0.2.0/24"] })),
            pool("b", json!({ "addresses": ["198.51.100.0/24"] })),
            service(json!({}), json!({})),
        ],
        Origin::Files,
    );
    assert_eq!(
        (explained.state, &*explained.reason),
        ("pending", "NamespaceConfined")
    );
    assert_eq!(
        explained.remedies[0],
        "correct annotation `ferrolb.io/pools` of Namespace `default`: names of pools separated by commas"
    );
    let of_namespace = explained
        .problems
        .iter()
        .find(|problem| problem.kind == "Namespace");
    assert_eq!(of_namespace.map(|problem| &*problem.reason), Some("InvalidValue"));
}

#[test]
fn without_a_near_pool_the_remedy_is_that_of_the_reason() {
    let explained = web(vec![service(json!({}), json!({}))], Origin::Files);
    assert_eq!(explained.remedies, [reason::NO_MATCHING_POOL.remedy()]);
}

#[test]
fn an_announced_service_names_its_pool_and_every_node() {
    let excluded = json!({ ferrolb_api::annotations::EXCLUDE_FROM_LOAD_BALANCERS: "" });
    let explained = web(
        vec![
            service(
                json!({ "annotations": { "metallb.io/address-pool": "a" } }),
                json!({}),
            ),
            pool("a", json!({ "addresses": ["192.0.2.0/24"] })),
            advertisement(json!({ "interfaces": ["eth0"] })),
            node("n1", json!({})),
            node("n2", excluded),
            slice("n1"),
        ],
        Origin::Files,
    );
    assert_eq!(
        (explained.state, &*explained.ips),
        ("assigned", &["192.0.2.0".to_owned()][..])
    );
    assert_eq!(
        explained.findings,
        ["192.0.2.0 is from pool `a`: the Service asks for this pool"]
    );
    assert_eq!(
        told(&explained),
        [
            ("n1".to_owned(), "eth0".to_owned()),
            ("n2".to_owned(), "notOwner n1".to_owned())
        ]
    );
    assert_eq!(explained.remedies, [""; 0]);
}

#[test]
fn peers_that_get_a_route_are_named() {
    let peer = |name: &str, address: &str| {
        json!({ "apiVersion": "metallb.io/v1beta2", "kind": "BGPPeer", "metadata": { "name": name },
                "spec": { "myASN": 64512, "peerASN": 64513, "peerAddress": address } })
    };
    let advertisement = json!({ "apiVersion": "metallb.io/v1beta1", "kind": "BGPAdvertisement",
                                "metadata": { "name": "all" }, "spec": { "peers": ["tor"] } });
    let explained = web(
        vec![
            service(json!({}), json!({})),
            pool("a", json!({ "addresses": ["192.0.2.0/24"] })),
            advertisement,
            peer("tor", "198.51.100.1"),
            peer("spine", "198.51.100.2"),
            node("n1", json!({})),
            slice("n1"),
        ],
        Origin::Files,
    );
    assert_eq!(told(&explained), [("n1".to_owned(), "tor".to_owned())]);
    assert_eq!(
        (explained.nodes[0].protocol, explained.remedies),
        (Protocol::Bgp, vec![])
    );
}

#[test]
fn silence_everywhere_has_a_remedy() {
    let mut manifests = vec![
        service(json!({}), json!({})),
        pool("a", json!({ "addresses": ["192.0.2.0/24"] })),
        node("n1", json!({})),
    ];
    let without = web(manifests.clone(), Origin::Files);
    assert!(
        without.findings[1].contains("no L2Advertisement"),
        "{:?}",
        without.findings
    );
    manifests.push(advertisement(json!({})));
    let explained = web(manifests, Origin::Files);
    assert_eq!(told(&explained), [("n1".to_owned(), "noEndpoints".to_owned())]);
    assert_eq!(explained.remedies, [reason::NO_ENDPOINTS.remedy()]);
}

#[test]
fn in_a_cluster_an_address_that_is_not_written_points_to_the_controller() {
    let manifests = || {
        vec![
            service(json!({}), json!({})),
            pool("a", json!({ "addresses": ["192.0.2.0/24"] })),
        ]
    };
    let in_files = web(manifests(), Origin::Files);
    let in_cluster = web(manifests(), Origin::Cluster);
    assert_eq!(in_files.remedies, [""; 0]);
    assert!(
        in_cluster.remedies[0].contains("controller runs"),
        "{:?}",
        in_cluster.remedies
    );
}

#[test]
fn a_status_object_of_another_node_is_told() {
    let status = json!({ "apiVersion": "metallb.io/v1beta1", "kind": "ServiceL2Status", "metadata": { "name": "l2-x" },
                         "status": { "node": "n2", "serviceName": "web", "serviceNamespace": "default" } });
    let manifests = vec![
        service(json!({}), json!({})),
        pool("a", json!({ "addresses": ["192.0.2.0/24"] })),
        advertisement(json!({ "nodeSelectors": [{ "matchLabels": { "kubernetes.io/hostname": "n1" } }] })),
        node("n1", json!({ "kubernetes.io/hostname": "n1" })),
        node("n2", json!({})),
        slice("n1"),
        json!({ "kind": "List", "items": [status] }),
    ];
    let explained = web(manifests, Origin::Cluster);
    let expected = "its status object says that `n2` announces it, where the rules elect `n1`";
    assert!(
        explained.findings.iter().any(|f| f == expected),
        "{:?}",
        explained.findings
    );
}

#[test]
fn other_types_and_classes_are_told() {
    let mut cluster_ip = service(json!({}), json!({}));
    cluster_ip["spec"]["type"] = json!("ClusterIP");
    assert_eq!(web(vec![cluster_ip], Origin::Files).state, "notLoadBalancer");
    let other = service(json!({}), json!({ "loadBalancerClass": "example.com/x" }));
    let explained = web(vec![other], Origin::Files);
    assert_eq!(explained.remedies, [reason::OTHER_CLASS.remedy()]);
    assert!(
        explained.findings[0].contains("example.com/x"),
        "{:?}",
        explained.findings
    );
}

#[test]
fn an_unknown_service_is_not_explained() {
    let key = ObjectKey::new("default", "nope");
    assert_eq!(Explanation::of(Vec::new(), Origin::Files, &options(), &key), None);
}

fn lease(holder: &str) -> Value {
    json!({ "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
            "metadata": { "name": "metallb-controller", "namespace": "lb" },
            "spec": { "holderIdentity": holder, "renewTime": "2026-01-01T10:00:00.000000Z" } })
}

#[test]
fn in_a_cluster_it_is_told_which_controller_writes() {
    let all = |holder| {
        vec![
            service(json!({}), json!({})),
            pool("a", json!({ "addresses": ["192.0.2.0/24"] })),
            lease(holder),
        ]
    };
    let explained = web(all("pod-1"), Origin::Cluster);
    let leader = explained.leader.unwrap();
    assert_eq!(
        (&*leader.holder, &*leader.renewed),
        ("pod-1", "2026-01-01T10:00:00.000000Z")
    );
    let told = |explained: &Explanation, text| explained.findings.iter().any(|f| f.contains(text));
    assert!(told(
        &web(all("pod-1"), Origin::Cluster),
        "controller `pod-1` writes"
    ));
    let nobody = web(all(""), Origin::Cluster);
    assert!(
        told(&nobody, "no controller holds the Lease"),
        "{:?}",
        nobody.findings
    );
    assert_eq!(web(all("pod-1"), Origin::Files).leader, None);
}

#[test]
fn an_address_that_is_kept_for_lack_of_the_one_asked_for_is_not_said_to_be_that() {
    let mut kept = service(
        json!({ "annotations": { "metallb.io/loadBalancerIPs": "203.0.113.9" } }),
        json!({ "clusterIP": "10.96.0.1" }),
    );
    kept["status"] = json!({ "loadBalancer": { "ingress": [{ "ip": "192.0.2.7" }] } });
    let explained = web(
        vec![kept, pool("a", json!({ "addresses": ["192.0.2.0/24"] }))],
        Origin::Files,
    );
    assert_eq!(
        (explained.state, &*explained.reason),
        ("assigned", "NoMatchingPool")
    );
    assert_eq!(explained.ips, ["192.0.2.7"]);
    let text = explained.findings.join("; ");
    assert!(
        text.contains("keeps it until it can have what it asks for"),
        "{text}"
    );
    assert!(!text.contains("asks for this address"), "{text}");
}
