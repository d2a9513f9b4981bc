//! The ConfigMap that configured MetalLB up to v0.12 (operations 8).

use ferrolb_api::GoDuration;
use serde_json::{Value, json};

use super::{Fields, Out, name, spec, text};

/// `holdTime` of a peer that gives none.
const DEFAULT_HOLD_TIME: &str = "90s";

/// The ConfigMap; its namespace is that of everything made of it.
pub(super) fn convert(object: &Value, out: &mut Out<'_>) {
    let namespace = text(object, "/metadata/namespace");
    if !namespace.is_empty() {
        namespace.clone_into(&mut out.namespace);
    }
    let config = text(object, "/data/config");
    if config.trim().is_empty() {
        return out.error("data.config", "this is empty");
    }
    match serde_saphyr::from_str::<Value>(config) {
        Ok(config) => configuration(&config, out),
        Err(error) => out.error("data.config", format!("this is not valid YAML: {error}")),
    }
}

/// What stands under key `config`.
pub(super) fn configuration(config: &Value, out: &mut Out<'_>) {
    let mut fields = Fields::of(config.clone(), "", out);
    for (index, peer) in fields.items("peers", out).into_iter().enumerate() {
        convert_peer(peer, index + 1, out);
    }
    let mut count = Count::default();
    for pool in fields.items("address-pools", out) {
        convert_pool(pool, &mut count, out);
    }
    for profile in fields.items("bfd-profiles", out) {
        convert_profile(profile, out);
    }
    if let Some(communities) = fields.inner("bgp-communities", out) {
        convert_communities(communities, out);
    }
    fields.finish(out);
}

/// Numbers of generated names.
#[derive(Default)]
struct Count {
    bgp: usize,
    layer2: usize,
}

fn convert_peer(mut peer: Fields, number: usize, out: &mut Out<'_>) {
    let hold_time = peer
        .text("hold-time", out)
        .unwrap_or_else(|| DEFAULT_HOLD_TIME.to_owned());
    let profile = peer.text("bfd-profile", out).filter(|name| !name.is_empty());
    let spec = spec([
        ("myASN", json!(peer.number("my-asn", out))),
        ("peerASN", json!(peer.number("peer-asn", out))),
        ("peerAddress", json!(peer.text("peer-address", out))),
        ("sourceAddress", json!(said(peer.text("source-address", out)))),
        (
            "peerPort",
            json!(peer.number("peer-port", out).filter(|port| *port != 0)),
        ),
        (
            "holdTime",
            json!(whole_seconds(&peer.path("hold-time"), &hold_time, out)),
        ),
        ("keepaliveTime", json!(peer.text("keepalive-time", out))),
        ("routerID", json!(said(peer.text("router-id", out)))),
        ("nodeSelectors", json!(node_selectors(&mut peer, out))),
        ("password", json!(said(peer.text("password", out)))),
        (
            "bfdProfile",
            json!(profile.map(|name| name::sanitise(&name).unwrap_or(name))),
        ),
        ("ebgpMultiHop", json!(peer.boolean("ebgp-multihop", out))),
    ]);
    peer.finish(out);
    out.add("v1beta2", "BGPPeer", &format!("peer{number}"), spec);
}

fn said(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

/// Cut to whole seconds, in Go's spelling; what does not parse stays for the resolver to name.
fn whole_seconds(path: &str, text: &str, out: &mut Out<'_>) -> String {
    let Ok(duration) = text.parse::<GoDuration>() else {
        return text.to_owned();
    };
    let whole = GoDuration::from_nanos(duration.as_secs().saturating_mul(1_000_000_000));
    if whole != duration {
        out.note(path, format!("fractions of seconds are cut: `{whole}`"));
    }
    whole.to_string()
}

fn node_selectors(peer: &mut Fields, out: &mut Out<'_>) -> Vec<Value> {
    let mut selectors = Vec::new();
    for mut selector in peer.items("node-selectors", out) {
        let labels = selector.take("match-labels");
        let mut expressions = Vec::new();
        for mut expression in selector.items("match-expressions", out) {
            expressions.push(spec([
                ("key", json!(expression.text("key", out))),
                ("operator", json!(expression.text("operator", out))),
                ("values", json!(expression.texts("values", out))),
            ]));
            expression.finish(out);
        }
        selector.finish(out);
        selectors.push(spec([
            ("matchLabels", json!(labels)),
            ("matchExpressions", json!(expressions)),
        ]));
    }
    selectors
}

fn convert_pool(mut pool: Fields, count: &mut Count, out: &mut Out<'_>) {
    let written = pool.text("name", out).unwrap_or_default();
    let Some(name) = name::sanitise(&written) else {
        return out.error(
            pool.path("name"),
            format!("`{written}` has no letter to begin a name with; rename the pool"),
        );
    };
    if name != written {
        out.note(
            pool.path("name"),
            format!("`{written}` is no valid name: the pool is called `{name}`"),
        );
    }
    let spec = spec([
        ("addresses", json!(pool.texts("addresses", out))),
        ("autoAssign", json!(pool.boolean("auto-assign", out))),
        ("avoidBuggyIPs", json!(pool.boolean("avoid-buggy-ips", out))),
    ]);
    out.add("v1beta1", "IPAddressPool", &name, spec);
    let advertisements = pool.items("bgp-advertisements", out);
    match pool.text("protocol", out).as_deref() {
        Some("bgp") => advertise(&name, advertisements, count, out),
        Some("layer2") => {
            count.layer2 += 1;
            let pools = json!({ "ipAddressPools": [name] });
            out.add(
                "v1beta1",
                "L2Advertisement",
                &format!("l2advertisement{}", count.layer2),
                pools,
            );
            if !advertisements.is_empty() {
                out.note(
                    pool.path("bgp-advertisements"),
                    "the pool is announced by layer 2, so this has no effect",
                );
            }
        }
        other => out.note(
            pool.path("protocol"),
            format!(
                "`{}` is neither `layer2` nor `bgp`: the pool is not announced",
                other.unwrap_or_default()
            ),
        ),
    }
    pool.finish(out);
}

/// A pool without advertisements is announced as it is.
fn advertise(pool: &str, advertisements: Vec<Fields>, count: &mut Count, out: &mut Out<'_>) {
    let mut add = |spec: Value, out: &mut Out<'_>| {
        count.bgp += 1;
        out.add(
            "v1beta1",
            "BGPAdvertisement",
            &format!("bgpadvertisement{}", count.bgp),
            spec,
        );
    };
    if advertisements.is_empty() {
        add(json!({ "ipAddressPools": [pool] }), out);
    }
    for mut advertisement in advertisements {
        let spec = spec([
            ("ipAddressPools", json!([pool])),
            (
                "aggregationLength",
                json!(advertisement.number("aggregation-length", out)),
            ),
            (
                "aggregationLengthV6",
                json!(advertisement.number("aggregation-length-v6", out)),
            ),
            ("localPref", json!(advertisement.number("localpref", out))),
            ("communities", json!(advertisement.texts("communities", out))),
        ]);
        advertisement.finish(out);
        add(spec, out);
    }
}

fn convert_profile(mut profile: Fields, out: &mut Out<'_>) {
    let written = profile.text("name", out).unwrap_or_default();
    let Some(name) = name::sanitise(&written) else {
        return out.error(
            profile.path("name"),
            format!("`{written}` has no letter to begin a name with; rename the profile"),
        );
    };
    let spec = spec([
        ("receiveInterval", json!(profile.number("receive-interval", out))),
        (
            "transmitInterval",
            json!(profile.number("transmit-interval", out)),
        ),
        (
            "detectMultiplier",
            json!(profile.number("detect-multiplier", out)),
        ),
        ("echoInterval", json!(profile.number("echo-interval", out))),
        ("echoMode", json!(profile.boolean("echo-mode", out))),
        ("passiveMode", json!(profile.boolean("passive-mode", out))),
        ("minimumTtl", json!(profile.number("minimum-ttl", out))),
    ]);
    profile.finish(out);
    out.add("v1beta1", "BFDProfile", &name, spec);
}

/// One object with every alias, sorted by name.
fn convert_communities(mut aliases: Fields, out: &mut Out<'_>) {
    let mut sorted: Vec<(String, Value)> = aliases.drain().into_iter().collect();
    sorted.sort_by(|a, b| a.0.cmp(&b.0));
    let communities: Vec<Value> = sorted
        .into_iter()
        .map(|(name, value)| json!({ "name": name, "value": value }))
        .collect();
    if !communities.is_empty() {
        out.add(
            "v1beta1",
            "Community",
            "communities",
            json!({ "communities": communities }),
        );
    }
}
