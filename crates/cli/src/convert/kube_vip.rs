//! The ConfigMap of the kube-vip cloud provider: `cidr-NAMESPACE` and `range-NAMESPACE`, where namespace `global` means all.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Fields, Out, addresses, name, spec};

/// The ConfigMap's name.
pub(super) const NAME: &str = "kubevip";
/// In place of a namespace.
const GLOBAL: &str = "global";
/// Asks for an address by DHCP.
const DHCP: [&str; 2] = ["0.0.0.0", "0.0.0.0/32"];

/// What the keys say about one namespace.
#[derive(Default)]
struct Pool {
    cidrs: Vec<String>,
    ranges: Vec<String>,
    interface: Option<String>,
}

pub(super) fn convert(object: &Value, out: &mut Out<'_>) {
    let data = object.get("data").cloned().unwrap_or_default();
    let mut data = Fields::of(data, "data", out);
    let skips_ends = data.text("skip-end-ips-in-cidr", out).as_deref() == Some("true");
    if data.text("search-order", out).as_deref() == Some("desc") {
        out.note(
            "data.search-order",
            "addresses are given in ascending order, always",
        );
    }
    let mut pools: BTreeMap<String, Pool> = BTreeMap::new();
    for (key, value) in data.drain() {
        let value = value.as_str().unwrap_or_default().to_owned();
        match key.split_once('-') {
            Some(("cidr", of)) => pools.entry(of.to_owned()).or_default().cidrs.extend(entries(&key, &value, out)),
            Some(("range", of)) => pools.entry(of.to_owned()).or_default().ranges.extend(entries(&key, &value, out)),
            Some(("interface", of)) => pools.entry(of.to_owned()).or_default().interface = Some(value),
            Some(("allow", share)) if share.starts_with("share") => out.note(
                format!("data.{key}"),
                "sharing is up to the Services: give those that may share an address the same `metallb.io/allow-shared-ip`",
            ),
            _ => out.note(format!("data.{key}"), "this has no counterpart and is left out"),
        }
    }
    let mut announced = Vec::new();
    for (namespace, pool) in pools {
        announced.extend(add_pool(&namespace, pool, skips_ends, out));
    }
    if !announced.is_empty() {
        out.note(
            "",
            "whether kube-vip announces by ARP or BGP is not written here: layer 2 is assumed",
        );
        out.add(
            "v1beta1",
            "L2Advertisement",
            "kube-vip",
            json!({ "ipAddressPools": announced }),
        );
    }
}

/// Parts between commas; DHCP is none.
fn entries(key: &str, value: &str, out: &mut Out<'_>) -> Vec<String> {
    let parts = value.split(',').map(str::trim).filter(|part| !part.is_empty());
    let (dhcp, kept): (Vec<&str>, Vec<&str>) = parts.partition(|part| DHCP.contains(part));
    if !dhcp.is_empty() {
        out.note(
            format!("data.{key}"),
            "`0.0.0.0` asks for addresses by DHCP, which there is none of here",
        );
    }
    kept.into_iter().map(str::to_owned).collect()
}

/// Adds the pool, and gives its name if it has no advertisement of its own.
fn add_pool(namespace: &str, pool: Pool, skips_ends: bool, out: &mut Out<'_>) -> Option<String> {
    let cidrs = pool.cidrs.into_iter().map(|cidr| match skips_ends {
        true => addresses::without_ends(&cidr).unwrap_or(cidr),
        false => cidr,
    });
    let addresses: Vec<String> = cidrs.chain(pool.ranges).collect();
    if addresses.is_empty() {
        return None;
    }
    let name = name::join(&["kube-vip", namespace]);
    let allocation = (namespace != GLOBAL).then(|| json!({ "priority": 1, "namespaces": [namespace] }));
    if allocation.is_some() {
        out.note(
            format!("pool `{name}`"),
            "when it is used up, Services of the namespace get addresses of the other pools, if there are any",
        );
    }
    let spec = spec([
        ("addresses", json!(addresses)),
        ("serviceAllocation", json!(allocation)),
    ]);
    out.add("v1beta1", "IPAddressPool", &name, spec);
    let Some(interface) = pool.interface else {
        return Some(name);
    };
    let advertisement = json!({ "ipAddressPools": [&name], "interfaces": [interface] });
    out.add("v1beta1", "L2Advertisement", &name, advertisement);
    None
}
