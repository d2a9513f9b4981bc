//! Columns of Services and of what stands behind them.

use jiff::Timestamp;
use serde_json::Value;

use super::builtin::name;
use super::{Heading, NONE, age, column, items, joined, labels, or, wide};
use crate::service::{spec_list, type_of};

pub(super) const SERVICE: &[Heading] = &[
    column("Name"),
    column("Type"),
    column("Cluster-IP"),
    column("External-IP"),
    column("Port(s)"),
    column("Age"),
    wide("Selector"),
];

pub(super) fn service(object: &Value, now: Timestamp) -> Vec<Value> {
    vec![
        name(object),
        type_of(object).into(),
        or(&object["spec"]["clusterIP"], NONE),
        external_ip(object),
        ports(object),
        age(object, now),
        labels(&object["spec"]["selector"]),
    ]
}

fn external_ip(service: &Value) -> Value {
    let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
    let mut shown: Vec<String> = Vec::new();
    match type_of(service) {
        "ExternalName" => return text(&service["spec"]["externalName"]).into(),
        "LoadBalancer" => {
            for entry in items(&service["status"]["loadBalancer"]["ingress"]) {
                let address = [text(&entry["ip"]), text(&entry["hostname"])];
                shown.extend(address.into_iter().find(|a| !a.is_empty()));
            }
            shown.extend(spec_list(service, "externalIPs").iter().map(text));
            if shown.is_empty() {
                return "<pending>".into();
            }
        }
        _ => shown.extend(spec_list(service, "externalIPs").iter().map(text)),
    }
    joined(&shown)
}

fn ports(service: &Value) -> Value {
    let shown: Vec<String> = spec_list(service, "ports")
        .iter()
        .map(|p| {
            let (port, protocol) = (p["port"].as_u64().unwrap_or(0), p["protocol"].as_str());
            let protocol = protocol.unwrap_or("TCP");
            match p["nodePort"].as_u64() {
                Some(node) if node > 0 => format!("{port}:{node}/{protocol}"),
                _ => format!("{port}/{protocol}"),
            }
        })
        .collect();
    joined(&shown)
}

pub(super) const SLICE: &[Heading] = &[
    column("Name"),
    column("AddressType"),
    column("Ports"),
    column("Endpoints"),
    column("Age"),
];

/// So many are shown, the others are counted.
const SHOWN: usize = 3;

pub(super) fn slice(object: &Value, now: Timestamp) -> Vec<Value> {
    let ports: Vec<String> = items(&object["ports"])
        .iter()
        .map(|p| {
            p["port"]
                .as_u64()
                .map_or_else(|| "*".to_owned(), |n| n.to_string())
        })
        .collect();
    let addresses: Vec<String> = items(&object["endpoints"])
        .iter()
        .flat_map(|e| items(&e["addresses"]))
        .filter_map(|a| a.as_str().map(str::to_owned))
        .collect();
    vec![
        name(object),
        or(&object["addressType"], ""),
        if ports.is_empty() {
            "<unset>".into()
        } else {
            few(&ports)
        },
        if addresses.is_empty() {
            "<unset>".into()
        } else {
            few(&addresses)
        },
        age(object, now),
    ]
}

fn few(texts: &[String]) -> Value {
    match texts.len().checked_sub(SHOWN) {
        Some(more) if more > 0 => format!("{} + {more} more...", texts[..SHOWN].join(",")).into(),
        _ => texts.join(",").into(),
    }
}

pub(super) const ENDPOINTS: &[Heading] = &[column("Name"), column("Endpoints"), column("Age")];

pub(super) fn endpoints(object: &Value, now: Timestamp) -> Vec<Value> {
    let mut shown = Vec::new();
    for subset in items(&object["subsets"]) {
        for address in items(&subset["addresses"]) {
            let ip = address["ip"].as_str().unwrap_or_default();
            for port in items(&subset["ports"]) {
                shown.push(format!("{ip}:{}", port["port"].as_u64().unwrap_or(0)));
            }
        }
    }
    let cell = if shown.is_empty() {
        NONE.into()
    } else {
        few(&shown)
    };
    vec![name(object), cell, age(object, now)]
}
