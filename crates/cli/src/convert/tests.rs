use super::*;

fn documents(yaml: &str) -> Vec<(Source, Value)> {
    let values: Vec<Value> = serde_saphyr::from_multiple(yaml).unwrap();
    let source = |document| Source {
        file: "f.yaml".to_owned(),
        document,
        line: 1,
    };
    (1..).map(source).zip(values).collect()
}

fn convert_yaml(yaml: &str) -> Conversion {
    let options = Options {
        namespace: "lb",
        only_data: false,
    };
    convert(&documents(yaml), options)
}

/// `Kind name` of every object.
fn titles(conversion: &Conversion) -> Vec<String> {
    conversion.objects.iter().map(title).collect()
}

fn spec_of<'a>(conversion: &'a Conversion, title_: &str) -> &'a Value {
    let object = conversion.objects.iter().find(|object| title(object) == title_);
    &object.unwrap_or_else(|| panic!("{title_}: {:?}", titles(conversion)))["spec"]
}

fn notes(conversion: &Conversion) -> Vec<&str> {
    conversion.notes.iter().map(|note| &*note.field).collect()
}

const CONFIG_MAP: &str = r"
apiVersion: v1
kind: ConfigMap
metadata: {name: config, namespace: metallb}
data:
  config: |
    peers:
    - my-asn: 64512
      peer-asn: 64513
      peer-address: 198.51.100.1
      hold-time: 3500ms
      node-selectors:
      - match-labels: {rack: a}
        match-expressions:
        - {key: tier, operator: In, values: [x, z]}
      bfd-profile: My_Fast
      ebgp-multihop: true
    address-pools:
    - name: 01-front_door
      protocol: layer2
      addresses: [192.0.2.0/28]
      auto-assign: false
    - name: back
      protocol: bgp
      addresses: [203.0.113.0/24]
      avoid-buggy-ips: true
      bgp-advertisements:
      - aggregation-length: 32
        localpref: 100
        communities: [gold, 64512:1]
      - aggregation-length: 24
    - name: bare
      protocol: bgp
      addresses: [203.0.112.0/24]
    - name: odd
      protocol: l2
      addresses: [203.0.111.0/24]
      typo: 1
    bgp-communities: {silver: 64512:3, gold: 64512:2}
    bfd-profiles:
    - {name: My_Fast, receive-interval: 100, minimum-ttl: 10}
";

#[test]
fn the_config_map_of_metallb_is_converted_whole() {
    let conversion = convert_yaml(CONFIG_MAP);
    assert_eq!(
        titles(&conversion),
        [
            "BGPPeer peer1",
            "IPAddressPool front-door",
            "IPAddressPool back",
            "IPAddressPool bare",
            "IPAddressPool odd",
            "BGPAdvertisement bgpadvertisement1",
            "BGPAdvertisement bgpadvertisement2",
            "BGPAdvertisement bgpadvertisement3",
            "L2Advertisement l2advertisement1",
            "BFDProfile my-fast",
            "Community communities",
        ]
    );
    assert!(
        conversion
            .objects
            .iter()
            .all(|object| object["metadata"]["namespace"] == "metallb")
    );
    assert_eq!(
        *spec_of(&conversion, "BGPPeer peer1"),
        json!({
            "myASN": 64512, "peerASN": 64513, "peerAddress": "198.51.100.1", "holdTime": "3s", "bfdProfile": "my-fast",
            "ebgpMultiHop": true,
            "nodeSelectors": [{ "matchLabels": { "rack": "a" },
                                "matchExpressions": [{ "key": "tier", "operator": "In", "values": ["x", "z"] }] }],
        })
    );
    assert_eq!(
        *spec_of(&conversion, "BGPAdvertisement bgpadvertisement1"),
        json!({ "ipAddressPools": ["back"], "aggregationLength": 32, "localPref": 100,
                "communities": ["gold", "64512:1"] })
    );
    assert_eq!(
        *spec_of(&conversion, "BGPAdvertisement bgpadvertisement3"),
        json!({ "ipAddressPools": ["bare"] })
    );
    assert_eq!(
        *spec_of(&conversion, "Community communities"),
        json!({ "communities": [{ "name": "gold", "value": "64512:2" }, { "name": "silver", "value": "64512:3" }] })
    );
    assert!(conversion.valid, "{:?}", conversion.problems);
    assert_eq!(
        notes(&conversion),
        [
            "peers[0].hold-time",
            "address-pools[0].name",
            "address-pools[3].protocol",
            "address-pools[3].typo"
        ]
    );
}

#[test]
fn a_peer_without_hold_time_has_the_one_that_metallb_gave_it() {
    let text = CONFIG_MAP.replace("      hold-time: 3500ms\n", "");
    assert_eq!(
        spec_of(&convert_yaml(&text), "BGPPeer peer1")["holdTime"],
        "1m30s"
    );
}

#[test]
fn the_text_of_the_key_alone_is_enough() {
    let yaml = "address-pools: [{name: a1, protocol: layer2, addresses: [192.0.2.0/28]}]";
    let options = Options {
        namespace: "lb",
        only_data: true,
    };
    let conversion = convert(&documents(yaml), options);
    assert_eq!(
        titles(&conversion),
        ["IPAddressPool a1", "L2Advertisement l2advertisement1"]
    );
    assert_eq!(conversion.objects[0]["metadata"]["namespace"], "lb");
}

#[test]
fn what_cannot_be_converted_makes_the_result_invalid() {
    for (from, to) in [
        ("name: 01-front_door", "name: '123'"),
        ("hold-time: 3500ms", "hold-time: 1s"),
        ("my-asn: 64512", "my-asn: many"),
        ("addresses: [192.0.2.0/28]", "addresses: [192.0.2.0/33]"),
    ] {
        let conversion = convert_yaml(&CONFIG_MAP.replace(from, to));
        assert!(!conversion.valid, "{to}");
    }
}

const KUBE_VIP: &str = r#"
apiVersion: v1
kind: ConfigMap
metadata: {name: kubevip, namespace: kube-system}
data:
  cidr-global: 192.0.2.0/29,2001:db8::/126
  range-shop: 198.51.100.10-198.51.100.20
  cidr-shop: 0.0.0.0/32
  range-lab: 203.0.113.1-203.0.113.9
  interface-lab: eth1
  allow-share-shop: "true"
  search-order: desc
  skip-end-ips-in-cidr: "true"
  color: red
"#;

#[test]
fn the_pools_of_kube_vip_keep_their_namespaces() {
    let conversion = convert_yaml(KUBE_VIP);
    assert_eq!(
        *spec_of(&conversion, "IPAddressPool kube-vip-global"),
        json!({ "addresses": ["192.0.2.1-192.0.2.6", "2001:db8::1-2001:db8::2"] })
    );
    assert_eq!(
        *spec_of(&conversion, "IPAddressPool kube-vip-shop"),
        json!({ "addresses": ["198.51.100.10-198.51.100.20"],
                "serviceAllocation": { "priority": 1, "namespaces": ["shop"] } })
    );
    assert_eq!(
        *spec_of(&conversion, "L2Advertisement kube-vip-lab"),
        json!({ "ipAddressPools": ["kube-vip-lab"], "interfaces": ["eth1"] })
    );
    assert_eq!(
        *spec_of(&conversion, "L2Advertisement kube-vip"),
        json!({ "ipAddressPools": ["kube-vip-global", "kube-vip-shop"] })
    );
    assert!(conversion.valid, "{:?}", conversion.problems);
    for field in [
        "data.search-order",
        "data.cidr-shop",
        "data.allow-share-shop",
        "data.color",
    ] {
        assert!(
            notes(&conversion).contains(&field),
            "{field}: {:?}",
            conversion.notes
        );
    }
}

const CILIUM_POOLS: &str = r#"
apiVersion: cilium.io/v2
kind: CiliumLoadBalancerIPPool
metadata: {name: blue}
spec:
  allowFirstLastIPs: "No"
  blocks:
  - cidr: 192.0.2.0/29
  - start: 198.51.100.10
    stop: 198.51.100.20
  - start: 203.0.113.4
  serviceSelector:
    matchLabels: {color: blue, io.kubernetes.service.namespace: shop}
---
apiVersion: cilium.io/v2alpha1
kind: CiliumLoadBalancerIPPool
metadata: {name: by-name}
spec:
  disabled: true
  cidrs: [{cidr: 2001:db8::/64}]
  serviceSelector:
    matchLabels: {io.kubernetes.service.name: web}
---
apiVersion: cilium.io/v2alpha1
kind: CiliumL2AnnouncementPolicy
metadata: {name: all}
spec:
  loadBalancerIPs: true
  externalIPs: true
  nodeSelector: {matchExpressions: [{key: node-role.kubernetes.io/control-plane, operator: DoesNotExist}]}
  serviceSelector: {matchLabels: {color: blue}}
  interfaces: [^eth0$, eth1]
---
apiVersion: cilium.io/v2alpha1
kind: CiliumL2AnnouncementPolicy
metadata: {name: patterns}
spec: {loadBalancerIPs: true, interfaces: ['^eth[0-9]+']}
"#;

#[test]
fn ciliums_pools_and_policies_keep_whom_they_select() {
    let conversion = convert_yaml(CILIUM_POOLS);
    assert_eq!(
        *spec_of(&conversion, "IPAddressPool blue"),
        json!({ "addresses": ["192.0.2.1-192.0.2.6", "198.51.100.10-198.51.100.20", "203.0.113.4-203.0.113.4"],
                "serviceAllocation": { "namespaces": ["shop"], "serviceSelectors": [{ "matchLabels": { "color": "blue" } }] } })
    );
    assert_eq!(
        *spec_of(&conversion, "IPAddressPool by-name"),
        json!({ "addresses": ["2001:db8::/64"], "autoAssign": false })
    );
    assert_eq!(
        *spec_of(&conversion, "L2Advertisement all"),
        json!({ "serviceSelectors": [{ "matchLabels": { "color": "blue" } }], "interfaces": ["eth0", "eth1"],
                "nodeSelectors": [{ "matchExpressions": [
                    { "key": "node-role.kubernetes.io/control-plane", "operator": "DoesNotExist" }] }] })
    );
    assert_eq!(
        titles(&conversion).len(),
        3,
        "a pattern may match any interface, so nothing is made of it"
    );
    assert_eq!(
        notes(&conversion),
        [
            "spec.disabled",
            "spec.serviceSelector",
            "spec.externalIPs",
            "spec.interfaces[0]"
        ]
    );
    assert!(!conversion.valid, "one policy is not converted");
    assert!(conversion.problems.is_empty(), "{:?}", conversion.problems);
}

const CILIUM_BGP: &str = r#"
apiVersion: cilium.io/v2
kind: CiliumBGPClusterConfig
metadata: {name: racks}
spec:
  nodeSelector: {matchLabels: {rack: a}}
  bgpInstances:
  - name: one
    localASN: 64512
    localPort: 1790
    peers:
    - {name: tor, peerASN: 64513, peerAddress: 198.51.100.1, peerConfigRef: {name: tor}}
    - {name: auto, peerASN: 64513, autoDiscovery: {mode: DefaultGateway}}
---
apiVersion: cilium.io/v2
kind: CiliumBGPPeerConfig
metadata: {name: tor}
spec:
  timers: {connectRetryTimeSeconds: 5, holdTimeSeconds: 9, keepAliveTimeSeconds: 3}
  transport: {peerPort: 1179}
  authSecretRef: tor-password
  gracefulRestart: {enabled: true, restartTimeSeconds: 15}
  ebgpMultihop: 4
  families:
  - {afi: ipv4, safi: unicast, advertisements: {matchLabels: {advertise: bgp}}}
  - {afi: ipv6, safi: unicast, advertisements: {matchLabels: {advertise: bgp}}}
---
apiVersion: cilium.io/v2
kind: CiliumBGPAdvertisement
metadata: {name: services, labels: {advertise: bgp}}
spec:
  advertisements:
  - advertisementType: PodCIDR
  - advertisementType: Service
    service: {addresses: [LoadBalancerIP, ClusterIP], aggregationLengthIPv4: 30}
    selector: {matchExpressions: [{key: x, operator: NotIn, values: [z]}]}
    attributes:
      localPreference: 150
      communities: {standard: [64512:7], wellKnown: [no-export], large: [64512:1:2]}
---
apiVersion: cilium.io/v2
kind: CiliumBGPAdvertisement
metadata: {name: nobody}
spec: {advertisements: []}
---
apiVersion: cilium.io/v2
kind: CiliumBGPNodeConfigOverride
metadata: {name: n1}
---
apiVersion: cilium.io/v2alpha1
kind: CiliumBGPPeeringPolicy
metadata: {name: old}
spec:
  virtualRouters:
  - localASN: 64600
    exportPodCIDR: true
    serviceSelector: {matchLabels: {color: blue}}
    neighbors:
    - {peerAddress: 203.0.113.1/32, peerASN: 64601, eBGPMultihopTTL: 1, holdTimeSeconds: 30, keepAliveTimeSeconds: 10}
"#;

#[test]
fn ciliums_cluster_config_becomes_peers_and_advertisements() {
    let conversion = convert_yaml(CILIUM_BGP);
    assert_eq!(
        *spec_of(&conversion, "BGPPeer racks-one-tor"),
        json!({ "myASN": 64512, "peerASN": 64513, "peerAddress": "198.51.100.1", "peerPort": 1179, "holdTime": "9s",
                "keepaliveTime": "3s", "connectTime": "5s", "passwordSecret": { "name": "tor-password" },
                "enableGracefulRestart": true, "ebgpMultiHop": true, "dualStackAddressFamily": true,
                "nodeSelectors": [{ "matchLabels": { "rack": "a" } }] })
    );
    assert_eq!(
        *spec_of(&conversion, "BGPAdvertisement racks-services-1"),
        json!({ "peers": ["racks-one-tor"], "localPref": 150,
                "communities": ["64512:7", "65535:65281", "large:64512:1:2"],
                "serviceSelectors": [{ "matchExpressions": [{ "key": "x", "operator": "NotIn", "values": ["z"] }] }] })
    );
    assert!(conversion.problems.is_empty(), "{:?}", conversion.problems);
    let told: Vec<(&str, &str)> = conversion.notes.iter().map(|n| (&*n.object, &*n.field)).collect();
    for expected in [
        ("CiliumBGPClusterConfig racks", "spec.bgpInstances[0].localPort"),
        (
            "CiliumBGPClusterConfig racks",
            "spec.bgpInstances[0].peers[1].peerAddress",
        ),
        (
            "CiliumBGPClusterConfig racks",
            "spec.bgpInstances[0].peers[1].autoDiscovery",
        ),
        ("CiliumBGPPeerConfig tor", "spec.authSecretRef"),
        (
            "CiliumBGPPeerConfig tor",
            "spec.gracefulRestart.restartTimeSeconds",
        ),
        (
            "CiliumBGPAdvertisement services",
            "spec.advertisements[0].advertisementType",
        ),
        (
            "CiliumBGPAdvertisement services",
            "spec.advertisements[1].advertisementType",
        ),
        (
            "CiliumBGPAdvertisement services",
            "spec.advertisements[1].selector",
        ),
        ("CiliumBGPAdvertisement nobody", ""),
        ("CiliumBGPNodeConfigOverride n1", ""),
        (
            "CiliumBGPPeeringPolicy old",
            "spec.virtualRouters[0].exportPodCIDR",
        ),
    ] {
        assert!(told.contains(&expected), "{expected:?}: {told:?}");
    }
}

#[test]
fn ciliums_peering_policy_becomes_peers_and_an_advertisement() {
    let conversion = convert_yaml(CILIUM_BGP);
    assert_eq!(
        *spec_of(&conversion, "BGPPeer old-0-0"),
        json!({ "myASN": 64600, "peerASN": 64601, "peerAddress": "203.0.113.1", "holdTime": "30s", "keepaliveTime": "10s" })
    );
    assert_eq!(
        *spec_of(&conversion, "BGPAdvertisement old-0"),
        json!({ "peers": ["old-0-0"], "serviceSelectors": [{ "matchLabels": { "color": "blue" } }] })
    );
}

/// Whatever is printed is accepted: the resolver says nothing against it.
#[test]
fn every_result_resolves_without_errors() {
    for yaml in [CONFIG_MAP, KUBE_VIP, CILIUM_POOLS, CILIUM_BGP] {
        let conversion = convert_yaml(yaml);
        let errors = conversion
            .problems
            .iter()
            .filter(|p| p.severity == Severity::Error)
            .count();
        assert_eq!(errors, 0, "{:?}", conversion.problems);
        assert!(conversion.objects.iter().all(|object| {
            object["apiVersion"]
                .as_str()
                .is_some_and(|v| v.starts_with("metallb.io/"))
        }));
    }
}

#[test]
fn other_kinds_are_named_and_lists_are_opened() {
    let conversion = convert_yaml(
        "{kind: List, apiVersion: v1, items: [{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}}]}",
    );
    assert_eq!(conversion.notes[0].object, "Deployment web");
    assert_eq!(
        conversion.notes[0].to_string(),
        "note: f.yaml:1: Deployment web: this kind is not converted"
    );
    assert!(conversion.valid && conversion.objects.is_empty());
}
