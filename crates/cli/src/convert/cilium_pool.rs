//! Cilium's pools and announcement on layer 2.

use serde_json::{Value, json};

use super::selector::ServiceSelector;
use super::{Fields, Out, addresses, name, spec, text};

/// CiliumLoadBalancerIPPool.
pub(super) fn pool(object: &Value, out: &mut Out<'_>) {
    let mut fields = Fields::of(object.get("spec").cloned().unwrap_or_default(), "spec", out);
    let keeps_ends = fields.text("allowFirstLastIPs", out).as_deref() != Some("No");
    let mut entries = Vec::new();
    // `cidrs` is what older versions call `blocks`.
    for key in ["blocks", "cidrs"] {
        for block in fields.items(key, out) {
            entries.extend(entry(block, keeps_ends, out));
        }
    }
    let mut auto_assign = None;
    if fields.boolean("disabled", out) == Some(true) {
        auto_assign = Some(false);
        out.note(
            "spec.disabled",
            "a Service that asks for the pool or an address in it gets one all the same",
        );
    }
    let selector = fields
        .take("serviceSelector")
        .map(|selector| ServiceSelector::of(&selector))
        .unwrap_or_default();
    if selector.is_beyond {
        auto_assign = Some(false);
        out.note(
            "spec.serviceSelector",
            "pools select by labels and by namespaces that are named; so that nobody else gets its addresses, the pool is \
             only for Services that ask for it",
        );
    }
    let allocation = spec([
        ("namespaces", json!(selector.namespaces)),
        ("serviceSelectors", json!(selector.labels.map(|labels| [labels]))),
    ]);
    let allocation = allocation
        .as_object()
        .is_some_and(|fields| !fields.is_empty())
        .then_some(allocation);
    fields.finish(out);
    let spec = spec([
        ("addresses", json!(entries)),
        ("autoAssign", json!(auto_assign)),
        ("serviceAllocation", json!(allocation)),
    ]);
    out.add(
        "v1beta1",
        "IPAddressPool",
        &name::join(&[text(object, "/metadata/name")]),
        spec,
    );
}

/// A prefix, a range, or one address.
fn entry(mut block: Fields, keeps_ends: bool, out: &mut Out<'_>) -> Option<String> {
    let (cidr, start, stop) = (
        block.text("cidr", out),
        block.text("start", out),
        block.text("stop", out),
    );
    let path = block.path("cidr");
    block.finish(out);
    match (cidr, start, stop) {
        (Some(cidr), None, None) if keeps_ends => Some(cidr),
        (Some(cidr), None, None) => Some(addresses::without_ends(&cidr).unwrap_or(cidr)),
        (None, Some(start), Some(stop)) => Some(format!("{start}-{stop}")),
        (None, Some(start), None) => Some(format!("{start}-{start}")),
        _ => {
            out.error(path, "this is neither a prefix nor a range");
            None
        }
    }
}

/// CiliumL2AnnouncementPolicy.
pub(super) fn l2(object: &Value, out: &mut Out<'_>) {
    let mut fields = Fields::of(object.get("spec").cloned().unwrap_or_default(), "spec", out);
    if fields.boolean("externalIPs", out) == Some(true) {
        out.note(
            "spec.externalIPs",
            "`spec.externalIPs` of Services is not announced",
        );
    }
    let announces = fields.boolean("loadBalancerIPs", out) == Some(true);
    let selector = fields
        .take("serviceSelector")
        .map(|selector| ServiceSelector::of(&selector))
        .unwrap_or_default();
    let nodes = fields.take("nodeSelector");
    let patterns = fields.texts("interfaces", out);
    fields.finish(out);
    if !announces {
        return out.note(
            "spec.loadBalancerIPs",
            "this is not true, so no L2Advertisement is made",
        );
    }
    if selector.is_beyond || selector.namespaces.is_some() {
        return out.error(
            "spec.serviceSelector",
            "advertisements select Services by labels only; label them, or give their namespaces a pool and select that",
        );
    }
    let Some(interfaces) = interfaces(&patterns, out) else {
        return;
    };
    let spec = spec([
        ("serviceSelectors", json!(selector.labels.map(|labels| [labels]))),
        ("nodeSelectors", json!(nodes.filter(selects).map(|nodes| [nodes]))),
        ("interfaces", json!(interfaces)),
    ]);
    out.add(
        "v1beta1",
        "L2Advertisement",
        &name::join(&[text(object, "/metadata/name")]),
        spec,
    );
}

/// Whether a selector selects less than everything.
pub(super) fn selects(selector: &Value) -> bool {
    let has = |key| match selector.get(key) {
        Some(Value::Object(fields)) => !fields.is_empty(),
        Some(Value::Array(items)) => !items.is_empty(),
        _ => false,
    };
    has("matchLabels") || has("matchExpressions")
}

/// Names for regular expressions that match one name each; none if one of them may match more.
fn interfaces(patterns: &[String], out: &mut Out<'_>) -> Option<Vec<String>> {
    let mut names = Vec::new();
    for (index, pattern) in patterns.iter().enumerate() {
        let inner = pattern.strip_prefix('^').unwrap_or(pattern);
        let inner = inner.strip_suffix('$').unwrap_or(inner);
        let is_name = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'@');
        if inner.is_empty() || !inner.bytes().all(is_name) {
            out.error(
                format!("spec.interfaces[{index}]"),
                format!(
                    "`{pattern}` is a pattern, and an L2Advertisement names its interfaces; write their names"
                ),
            );
            return None;
        }
        names.push(inner.to_owned());
    }
    Some(names)
}
