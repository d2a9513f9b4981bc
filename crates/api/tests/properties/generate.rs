//! Objects of a small universe, so that they meet: few names, few addresses, few years.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// Kinds that configure something.
pub(crate) const KINDS: [&str; 6] = [
    "IPAddressPool",
    "L2Advertisement",
    "BGPAdvertisement",
    "BGPPeer",
    "BFDProfile",
    "Community",
];

pub(crate) fn object(kind: &str, name: &str, year: u16, spec: &Value) -> Value {
    let version = if kind == "BGPPeer" { "v1beta2" } else { "v1beta1" };
    let created = format!("{year}-01-01T00:00:00Z");
    let labels = json!({ "l": name });
    json!({
        "apiVersion": format!("metallb.io/{version}"), "kind": kind,
        "metadata": { "name": name, "creationTimestamp": created, "labels": labels }, "spec": spec })
}

fn pick(texts: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop::sample::select(texts).prop_map(str::to_owned)
}

fn list(texts: &'static [&'static str], most: usize) -> impl Strategy<Value = Vec<String>> {
    proptest::collection::vec(pick(texts), 0..=most)
}

const NAMES: &[&str] = &["a", "b", "c", "d"];

fn selectors() -> impl Strategy<Value = Value> {
    let one = prop_oneof![
        pick(NAMES).prop_map(|name| json!({ "matchLabels": { "l": name } })),
        Just(json!({ "matchExpressions": [{ "key": "l", "operator": "NotIn", "values": ["a"] }] })),
        Just(json!({ "matchLabels": { "-": "x" } })),
    ];
    proptest::collection::vec(one, 0..2).prop_map(Value::from)
}

fn pool() -> impl Strategy<Value = Value> {
    const ADDRESSES: &[&str] = &[
        "10.0.0.0/24",
        "10.0.0.0/16",
        "10.0.1.0/24",
        "10.0.0.250-10.0.1.5",
        "10.0.2.0/28",
        "10.0.3.7-10.0.3.9",
        "2001:db8::/64",
        "2001:db8::/120",
        "2001:db8:1::/64",
        "nonsense",
    ];
    (list(ADDRESSES, 3), proptest::option::of(selectors())).prop_map(|(addresses, selectors)| match selectors
    {
        Some(selectors) => {
            json!({ "addresses": addresses, "serviceAllocation": { "serviceSelectors": selectors } })
        }
        None => json!({ "addresses": addresses }),
    })
}

fn l2() -> impl Strategy<Value = Value> {
    (list(NAMES, 2), selectors(), selectors(), list(&["eth0", "eth1"], 2)).prop_map(|(pools, by_label, nodes, interfaces)| {
        json!({
            "ipAddressPools": pools, "ipAddressPoolSelectors": by_label, "nodeSelectors": nodes, "interfaces": interfaces })
    })
}

fn bgp() -> impl Strategy<Value = Value> {
    let communities = list(&["1:1", "large:1:2:3", "a", "b", "x:y"], 2);
    let lengths = (24_i64..34, prop::sample::select(&[64_i64, 128, 129][..]));
    let rest = (selectors(), 0_i64..3, list(NAMES, 2));
    (list(NAMES, 2), communities, lengths, rest).prop_map(|(pools, communities, (v4, v6), (nodes, pref, peers))| {
        json!({
            "ipAddressPools": pools, "communities": communities, "aggregationLength": v4, "aggregationLengthV6": v6,
            "nodeSelectors": nodes, "localPref": pref, "peers": peers })
    })
}

fn peer() -> impl Strategy<Value = Value> {
    let address = pick(&["192.0.2.1", "192.0.2.2", "2001:db8::1", "router"]);
    let more = (
        pick(&["", "a", "b"]),
        pick(&["90s", "2s", "x"]),
        selectors(),
        pick(&["", "red"]),
        pick(&["", "a"]),
    );
    (address, 0_i64..3, more).prop_map(|(address, asn, (profile, hold, nodes, vrf, secret))| {
        json!({
            "myASN": asn, "peerASN": 3, "peerAddress": address, "bfdProfile": profile, "holdTime": hold,
            "nodeSelectors": nodes, "vrf": vrf, "passwordSecret": { "name": secret } })
    })
}

fn community() -> impl Strategy<Value = Value> {
    let alias = (pick(NAMES), pick(&["1:1", "2:2", "large:1:2:3", "bad"]));
    let aliases = proptest::collection::vec(
        alias.prop_map(|(name, value)| json!({ "name": name, "value": value })),
        0..3,
    );
    aliases.prop_map(|aliases| json!({ "communities": aliases }))
}

fn profile() -> impl Strategy<Value = Value> {
    (1_i64..4, any::<bool>()).prop_map(|(n, echo)| json!({ "detectMultiplier": n, "echoMode": echo }))
}

/// An object that decodes.
pub(crate) fn any_object() -> impl Strategy<Value = Value> {
    let spec = prop_oneof![
        3 => pool().prop_map(|s| ("IPAddressPool", s)),
        1 => l2().prop_map(|s| ("L2Advertisement", s)),
        2 => bgp().prop_map(|s| ("BGPAdvertisement", s)),
        2 => peer().prop_map(|s| ("BGPPeer", s)),
        1 => profile().prop_map(|s| ("BFDProfile", s)),
        2 => community().prop_map(|s| ("Community", s)),
    ];
    (spec, pick(NAMES), 2020_u16..2023)
        .prop_map(|((kind, spec), name, year)| object(kind, &name, year, &spec))
}

/// A configuration in which no two objects of a kind have one name.
pub(crate) fn any_objects() -> impl Strategy<Value = Vec<Value>> {
    proptest::collection::vec(any_object(), 0..14).prop_map(|mut all| {
        let mut seen = std::collections::BTreeSet::new();
        all.retain(|o| seen.insert((o["kind"].to_string(), o["metadata"]["name"].to_string())));
        all
    })
}

/// The same objects in two orders, some of them under one name.
pub(crate) fn shuffled() -> impl Strategy<Value = (Vec<Value>, Vec<Value>)> {
    (any_objects(), any_objects()).prop_flat_map(|(a, b)| {
        let all = [a, b].concat();
        (Just(all.clone()), Just(all).prop_shuffle())
    })
}

/// Names of fields of all kinds.
const KEYS: &[&str] = &[
    "addresses",
    "autoAssign",
    "serviceAllocation",
    "namespaces",
    "namespaceSelectors",
    "serviceSelectors",
    "priority",
    "ipAddressPools",
    "ipAddressPoolSelectors",
    "nodeSelectors",
    "interfaces",
    "preferredNodeSelectors",
    "weight",
    "preference",
    "matchLabels",
    "matchExpressions",
    "key",
    "operator",
    "values",
    "aggregationLength",
    "aggregationLengthV6",
    "localPref",
    "communities",
    "peers",
    "myASN",
    "peerASN",
    "dynamicASN",
    "peerAddress",
    "interface",
    "holdTime",
    "keepaliveTime",
    "connectTime",
    "routerID",
    "password",
    "passwordSecret",
    "bfdProfile",
    "peerPort",
    "receiveInterval",
    "detectMultiplier",
    "minimumTtl",
    "name",
    "value",
    "other",
];
/// Texts that mean something somewhere, or nearly.
const TEXTS: &[&str] = &[
    "",
    "a",
    "In",
    "Exists",
    "10.0.0.0/8",
    "::/0",
    "1.2.3.4-::5",
    "0.0.0.0-255.255.255.255",
    "-",
    "9223372036854775808ns",
    "-1h",
    "90s",
    "large:1:2:3",
    ":",
    "::",
    "\u{0}é",
];

/// An object of a known kind whose content is anything, most often under names that mean something.
pub(crate) fn any_json_object() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-2_i64..130).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        pick(TEXTS).prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    let content = leaf.prop_recursive(4, 48, 6, |inner| {
        let pairs = proptest::collection::vec((prop::sample::select(KEYS), inner.clone()), 0..6);
        prop_oneof![
            proptest::collection::vec(inner, 0..4).prop_map(Value::from),
            pairs.prop_map(|pairs| pairs
                .into_iter()
                .map(|(k, v)| (k.to_owned(), v))
                .collect::<Map<_, _>>()
                .into()),
        ]
    });
    let field = (prop::sample::select(KEYS), content.clone());
    let spec = prop_oneof![
        1 => content,
        6 => proptest::collection::vec(field, 0..10)
            .prop_map(|pairs| pairs.into_iter().map(|(k, v)| (k.to_owned(), v)).collect::<Map<_, _>>().into()),
    ];
    (prop::sample::select(&KINDS[..]), pick(NAMES), spec, any::<bool>()).prop_map(
        |(kind, name, spec, old)| {
            let mut object = object(kind, &name, 2024, &spec);
            if old {
                object["apiVersion"] = json!("metallb.io/v1beta1");
            }
            object
        },
    )
}
