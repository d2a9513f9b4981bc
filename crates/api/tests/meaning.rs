//! What accepted objects mean (api-and-config 3.2 to 3.10 and section 9).
#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use ferrolb_api::facts::NodeFacts;
use ferrolb_api::resolved::{Config, Interfaces, PeerAsn, PoolSelection, Remote};
use ferrolb_api::{BgpMode, NodeView, RawConfig, Rules, node_view, resolve};
use ferrolb_types::{Asn, Labels, Selector};
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

/// One object alone, in mode `frr` so that nothing is warned of.
fn in_frr_mode(objects: &[Value]) -> Config {
    let rules = Rules {
        bgp_mode: BgpMode::Frr,
        ..Rules::default()
    };
    let mut raw = RawConfig {
        rules,
        ..RawConfig::default()
    };
    for object in objects {
        assert!(raw.add(object).unwrap());
    }
    let resolved = resolve(&raw);
    assert_eq!(resolved.problems, []);
    resolved.config
}

fn peer(spec: &Value) -> Config {
    let mut peer = object("BGPPeer", "tor", spec);
    peer["apiVersion"] = json!("metallb.io/v1beta2");
    in_frr_mode(&[peer, object("BFDProfile", "fast", &json!({}))])
}

#[test]
fn every_field_of_a_peer_arrives() {
    let spec = json!({
        "myASN": 4_200_000_000_u32, "localASN": 64513, "peerASN": 64514, "peerAddress": "198.51.100.1", "peerPort": 1179,
        "sourceAddress": "198.51.100.2", "routerID": "198.51.100.3", "holdTime": "9s", "keepaliveTime": "3s",
        "connectTime": "10s", "bfdProfile": "fast", "enableGracefulRestart": true, "ebgpMultiHop": true, "vrf": "red",
        "dualStackAddressFamily": true, "password": "x", "nodeSelectors": [{ "matchLabels": { "rack": "a" } }] });
    let config = peer(&spec);
    let peer = &config.bgp_peers["tor"];
    assert_eq!((peer.my_asn.get(), peer.seen_asn().get()), (4_200_000_000, 64513));
    assert_eq!(peer.peer_asn, PeerAsn::Number(Asn::new(64514).unwrap()));
    assert_eq!(peer.remote, Remote::Address("198.51.100.1".parse().unwrap()));
    assert_eq!(peer.port, 1179);
    assert_eq!(peer.source, "198.51.100.2".parse().ok());
    assert_eq!(peer.router_id, "198.51.100.3".parse().ok());
    let timers = peer.timers.unwrap();
    assert_eq!((timers.hold.as_secs(), timers.keepalive.as_secs()), (9, 3));
    assert_eq!(peer.connect_time.unwrap().as_secs(), 10);
    assert_eq!(peer.bfd_profile.as_deref(), Some("fast"));
    assert!(
        peer.graceful_restart && peer.ebgp_multi_hop && peer.dual_stack_address_family && !peer.disable_mp
    );
    assert_eq!(&*peer.vrf, "red");
    assert_eq!(peer.password.as_ref().unwrap().text.expose(), "x");
    assert!(peer.node_selectors[0].matches(&Labels::from_iter([("rack", "a")])));
}

#[test]
fn a_bare_peer_has_the_defaults_of_the_reference() {
    let config = peer(&json!({ "myASN": 64512, "dynamicASN": "external", "interface": "eth0" }));
    let peer = &config.bgp_peers["tor"];
    assert_eq!((peer.my_asn, peer.peer_asn), (peer.seen_asn(), PeerAsn::External));
    assert_eq!(peer.remote, Remote::Interface("eth0".into()));
    assert_eq!((peer.port, &*peer.vrf), (179, ""));
    assert!(
        peer.source.is_none()
            && peer.router_id.is_none()
            && peer.connect_time.is_none()
            && peer.timers.is_none()
    );
    assert!(peer.password.is_none() && peer.bfd_profile.is_none() && peer.node_selectors.is_empty());
    assert!(!peer.graceful_restart && !peer.ebgp_multi_hop && !peer.dual_stack_address_family);
}

#[test]
fn a_profile_keeps_what_is_set_and_leaves_the_rest_open() {
    let profile =
        |spec: &Value| in_frr_mode(&[object("BFDProfile", "fast", spec)]).bfd_profiles["fast"].clone();
    let all = profile(&json!({
        "receiveInterval": 10, "transmitInterval": 20, "detectMultiplier": 3, "echoInterval": 40, "minimumTtl": 50,
        "echoMode": true, "passiveMode": true }));
    let millis =
        [all.receive_interval, all.transmit_interval, all.echo_interval].map(|d| d.unwrap().as_millis());
    assert_eq!(millis, [10, 20, 40]);
    assert_eq!((all.detect_multiplier, all.minimum_ttl), (Some(3), Some(50)));
    assert!(all.echo_mode && all.passive_mode);
    let bare = profile(&json!({}));
    assert!(
        bare.receive_interval.is_none() && bare.transmit_interval.is_none() && bare.echo_interval.is_none()
    );
    assert!(
        bare.detect_multiplier.is_none()
            && bare.minimum_ttl.is_none()
            && !bare.echo_mode
            && !bare.passive_mode
    );
}

#[test]
fn every_field_of_a_bgp_advertisement_arrives() {
    let advertisement = |spec: &Value| {
        let tor = json!({ "myASN": 64512, "peerASN": 64513, "peerAddress": "198.51.100.1" });
        let objects = [
            object("BGPAdvertisement", "adv", spec),
            object("BGPPeer", "tor", &tor),
        ];
        in_frr_mode(&objects).bgp_advertisements["adv"].clone()
    };
    let selector = json!([{ "matchLabels": { "rack": "a" } }]);
    let all = advertisement(&json!({
        "aggregationLength": 24, "aggregationLengthV6": 64, "localPref": 100, "communities": ["64512:1"],
        "peers": ["tor"], "nodeSelectors": selector }));
    assert_eq!(
        (all.aggregation_length, all.aggregation_length_v6, all.local_pref),
        (24, 64, 100)
    );
    assert_eq!(all.communities, ["64512:1".parse().unwrap()].into());
    assert!(all.targets("tor") && !all.targets("other"));
    assert!(all.node_selectors[0].matches(&Labels::from_iter([("rack", "a")])));
    let some = advertisement(&json!({ "serviceSelectors": selector }));
    assert!(some.service_selectors[0].matches(&Labels::from_iter([("rack", "a")])));
    assert_eq!(
        (
            some.aggregation_length,
            some.aggregation_length_v6,
            some.local_pref
        ),
        (32, 128, 0)
    );
    assert!(some.targets("other") && some.communities.is_empty() && some.pools == PoolSelection::All);
}

#[test]
fn what_is_selected_for_another_node_is_no_matter_here() {
    let rules = Rules::default();
    let elsewhere = json!([{ "matchLabels": { "rack": "b" } }]);
    let spec = json!({ "myASN": 64512, "peerASN": 64513, "peerAddress": "198.51.100.1", "nodeSelectors": elsewhere });
    let advertisement = object("BGPAdvertisement", "adv", &json!({ "nodeSelectors": elsewhere }));
    let config = in_frr_mode(&[object("BGPPeer", "tor", &spec), advertisement]);
    let node = |rack| NodeFacts {
        name: "n".into(),
        labels: Labels::from_iter([("rack", rack)]),
        network_unavailable: false,
        not_ready: false,
        out_of_service: false,
        draining: false,
    };
    assert_eq!(node_view(&config, Some(&node("a")), &rules), NodeView::default());
    let there = node_view(&config, Some(&node("b")), &rules);
    assert_eq!((there.bgp_peers.len(), there.bgp_advertisements.len()), (1, 1));
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
