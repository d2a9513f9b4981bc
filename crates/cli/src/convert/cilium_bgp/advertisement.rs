//! What is advertised, to which Services it belongs, and with which attributes.

use serde_json::{Value, json};

use crate::convert::selector::ServiceSelector;
use crate::convert::{Fields, Out, spec};

/// The spec of what one entry of a CiliumBGPAdvertisement advertises, if it is addresses of load balancers.
pub(super) fn advertised(mut entry: Fields, out: &mut Out<'_>) -> Option<Value> {
    let kind = entry.text("advertisementType", out).unwrap_or_default();
    let path = entry.path("advertisementType");
    let mut service = entry.inner("service", out);
    let addresses = service
        .as_mut()
        .map(|service| service.texts("addresses", out))
        .unwrap_or_default();
    let selector = entry.take("selector");
    let (communities, local_pref) = attributes(&mut entry, out);
    let lengths = service.map(|service| aggregation_lengths(service, out));
    let selector_path = entry.path("selector");
    entry.finish(out);
    if !is_of_load_balancers(&kind, &addresses, &path, out) {
        return None;
    }
    let service_selectors = services(selector.as_ref(), &selector_path, out)?;
    let mut lengths = lengths.unwrap_or_default();
    if !service_selectors.is_empty() && lengths != (None, None) {
        out.note(
            selector_path,
            "an advertisement that selects Services has no aggregation length, since a wider route would draw the traffic \
             of others too",
        );
        lengths = (None, None);
    }
    let (v4, v6) = lengths;
    Some(spec([
        ("serviceSelectors", json!(service_selectors)),
        ("aggregationLength", json!(v4)),
        ("aggregationLengthV6", json!(v6)),
        ("localPref", json!(local_pref)),
        ("communities", json!(communities)),
    ]))
}

/// Communities and local preference.
fn attributes(entry: &mut Fields, out: &mut Out<'_>) -> (Vec<String>, Option<i64>) {
    let Some(mut attributes) = entry.inner("attributes", out) else {
        return (Vec::new(), None);
    };
    let communities = attributes.inner("communities", out);
    let communities = communities.map(|c| communities_of(c, out)).unwrap_or_default();
    let local_pref = attributes.number("localPreference", out);
    attributes.finish(out);
    (communities, local_pref)
}

/// Of IPv4 and IPv6.
fn aggregation_lengths(mut service: Fields, out: &mut Out<'_>) -> (Option<i64>, Option<i64>) {
    let lengths = (
        service.number("aggregationLengthIPv4", out),
        service.number("aggregationLengthIPv6", out),
    );
    service.finish(out);
    lengths
}

/// Whether something that can be advertised is; what cannot is told.
fn is_of_load_balancers(kind: &str, addresses: &[String], path: &str, out: &mut Out<'_>) -> bool {
    if kind != "Service" {
        out.note(
            path,
            format!("`{kind}` is not advertised: only addresses of Services of type LoadBalancer are"),
        );
        return false;
    }
    if addresses.iter().any(|kind| kind != "LoadBalancerIP") {
        out.note(
            path,
            "of the addresses of Services only those of load balancers are advertised",
        );
    }
    addresses.iter().any(|kind| kind == "LoadBalancerIP")
}

/// Selectors of Services; none at all if no Service is selected or they cannot be selected so.
pub(super) fn services(selector: Option<&Value>, path: &str, out: &mut Out<'_>) -> Option<Vec<Value>> {
    let Some(selector) = selector else {
        out.note(
            path,
            "without a selector no Service is selected, so nothing is advertised",
        );
        return None;
    };
    let taken = ServiceSelector::of(selector);
    if taken.is_beyond || taken.namespaces.is_some() {
        out.error(
            path,
            "advertisements select Services by labels only; label them, or give their namespaces a pool and select that",
        );
        return None;
    }
    Some(taken.labels.into_iter().collect())
}

fn communities_of(mut fields: Fields, out: &mut Out<'_>) -> Vec<String> {
    let mut communities = fields.texts("standard", out);
    let path = fields.path("wellKnown");
    for name in fields.texts("wellKnown", out) {
        match well_known(&name) {
            Some(value) => communities.push(value.to_owned()),
            None => out.error(
                &*path,
                format!("`{name}` is no well-known community; write its number"),
            ),
        }
    }
    communities.extend(
        fields
            .texts("large", out)
            .into_iter()
            .map(|value| format!("large:{value}")),
    );
    fields.finish(out);
    communities
}

/// IANA, "BGP Well-known Communities".
fn well_known(name: &str) -> Option<&'static str> {
    Some(match name {
        "internet" => "0:0",
        "planned-shut" => "65535:0",
        "accept-own" => "65535:1",
        "route-filter-translated-v4" => "65535:2",
        "route-filter-v4" => "65535:3",
        "route-filter-translated-v6" => "65535:4",
        "route-filter-v6" => "65535:5",
        "llgr-stale" => "65535:6",
        "no-llgr" => "65535:7",
        "blackhole" => "65535:666",
        "no-export" => "65535:65281",
        "no-advertise" => "65535:65282",
        "no-export-subconfed" => "65535:65283",
        "no-peer" => "65535:65284",
        _ => return None,
    })
}
