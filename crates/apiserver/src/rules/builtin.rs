//! Defaults and checks of the built-in kinds that need few of them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use core::net::IpAddr;
use serde_json::{Value, json};

use super::immutable;
use crate::error::Cause;
use crate::object::{object_at, root_mut};

/// The label with the namespace's own name.
pub(super) fn namespace_defaults(namespace: &mut Value) {
    let name = namespace["metadata"]["name"].clone();
    let labels = object_at(object_at(root_mut(namespace), "metadata"), "labels");
    labels.insert("kubernetes.io/metadata.name".to_owned(), name);
}

/// The phase, and the finalizer that holds a namespace until it is empty.
pub(super) fn prepare_namespace(namespace: &mut Value, is_new: bool) {
    prepare_phase(namespace, "Active");
    if is_new {
        let spec = object_at(root_mut(namespace), "spec");
        spec.insert("finalizers".to_owned(), json!(["kubernetes"]));
    }
}

/// What is wrong with a Lease.
pub(super) fn check_lease(lease: &Value) -> Vec<Cause> {
    let spec = &lease["spec"];
    let mut found = Vec::new();
    let (duration, transitions) = (&spec["leaseDurationSeconds"], &spec["leaseTransitions"]);
    if duration.as_i64().is_some_and(|n| n <= 0) {
        found.push(Cause::invalid(
            "spec.leaseDurationSeconds",
            duration,
            "must be greater than 0",
        ));
    }
    if transitions.as_i64().is_some_and(|n| n < 0) {
        let why = "must be greater than or equal to 0";
        found.push(Cause::invalid("spec.leaseTransitions", transitions, why));
    }
    found
}

/// Objects with a phase begin with this one.
pub(super) fn prepare_phase(object: &mut Value, first: &str) {
    let status = object_at(root_mut(object), "status");
    status.entry("phase").or_insert_with(|| first.into());
}

pub(super) fn pod_defaults(pod: &mut Value) {
    let root = root_mut(pod);
    let spec = object_at(root, "spec");
    spec.entry("restartPolicy").or_insert_with(|| "Always".into());
    spec.entry("serviceAccountName")
        .or_insert_with(|| "default".into());
}

/// `stringData` is a convenience for writers: it ends up in `data`.
pub(super) fn secret_defaults(secret: &mut Value) {
    let root = root_mut(secret);
    root.entry("type").or_insert_with(|| "Opaque".into());
    let Some(Value::Object(plain)) = root.remove("stringData") else {
        return;
    };
    let data = object_at(root, "data");
    for (key, text) in plain {
        let encoded = STANDARD.encode(text.as_str().unwrap_or_default());
        data.insert(key, encoded.into());
    }
}

pub(super) fn slice_defaults(slice: &mut Value) {
    let ports = root_mut(slice).get_mut("ports").and_then(Value::as_array_mut);
    for port in ports.into_iter().flatten() {
        let port = root_mut(port);
        port.entry("name").or_insert_with(|| "".into());
        port.entry("protocol").or_insert_with(|| "TCP".into());
    }
}

/// Names and conversion that the real server fills in.
pub(super) fn crd_defaults(crd: &mut Value) {
    let spec = object_at(root_mut(crd), "spec");
    let conversion = object_at(spec, "conversion");
    conversion.entry("strategy").or_insert_with(|| "None".into());
    let names = object_at(spec, "names");
    let kind = names
        .get("kind")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();
    names
        .entry("singular")
        .or_insert_with(|| kind.to_lowercase().into());
    names
        .entry("listKind")
        .or_insert_with(|| format!("{kind}List").into());
}

/// Endpoints have addresses of the slice's family that are not loopback or link-local (as the real server has it).
pub(super) fn check_slice(slice: &Value) -> Vec<Cause> {
    let kind = &slice["addressType"];
    let mut found = Vec::new();
    match kind.as_str() {
        None | Some("") => found.push(Cause::required("addressType", "")),
        Some("IPv4" | "IPv6" | "FQDN") => {}
        Some(_) => found.push(Cause::not_supported(
            "addressType",
            kind,
            &["FQDN", "IPv4", "IPv6"],
        )),
    }
    let endpoints = slice["endpoints"].as_array().map_or(&[][..], Vec::as_slice);
    if endpoints.len() > 1000 {
        found.push(Cause {
            reason: "FieldValueTooMany",
            field: "endpoints".to_owned(),
            message: format!("Too many: {}: must have at most 1000 items", endpoints.len()),
        });
        return found;
    }
    for (i, endpoint) in endpoints.iter().enumerate() {
        check_endpoint(
            endpoint,
            &format!("endpoints[{i}]"),
            kind.as_str().unwrap_or_default(),
            &mut found,
        );
    }
    found
}

fn check_endpoint(endpoint: &Value, path: &str, kind: &str, found: &mut Vec<Cause>) {
    let addresses = endpoint["addresses"].as_array().map_or(&[][..], Vec::as_slice);
    if addresses.is_empty() {
        found.push(Cause::required(
            format!("{path}.addresses"),
            "must contain at least 1 address",
        ));
    }
    for (j, address) in addresses.iter().enumerate().filter(|_| kind != "FQDN") {
        let field = format!("{path}.addresses[{j}]");
        let parsed = address.as_str().and_then(|a| a.parse::<IpAddr>().ok());
        match parsed {
            None => found.push(Cause::invalid(
                field,
                address,
                "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)",
            )),
            Some(ip) => {
                if ip.is_ipv4() != (kind == "IPv4") {
                    let why = format!("must be an {kind} address");
                    found.push(Cause::invalid(format!("{path}.addresses"), address, &why));
                }
                found.extend(special_address(&field, address, ip));
            }
        }
    }
}

fn special_address(field: &str, shown: &Value, ip: IpAddr) -> Option<Cause> {
    let link_local = match ip {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    };
    let why = if ip.is_unspecified() {
        "may not be unspecified (0.0.0.0 or ::)"
    } else if ip.is_loopback() {
        "may not be in the loopback range (127.0.0.0/8, ::1/128)"
    } else if link_local {
        "may not be in the link-local range (169.254.0.0/16, fe80::/10)"
    } else {
        return None;
    };
    Some(Cause::invalid(field, shown, why))
}

pub(super) fn role_ref_change(new: &Value, old: &Value) -> Vec<Cause> {
    if new["roleRef"] == old["roleRef"] {
        return Vec::new();
    }
    vec![Cause::invalid(
        "roleRef",
        &new["roleRef"],
        "cannot change roleRef",
    )]
}

pub(super) fn secret_change(new: &Value, old: &Value) -> Vec<Cause> {
    let mut found = immutable("type", &new["type"], &old["type"]);
    found.extend(frozen(new, old, &["data"]));
    found
}

pub(super) fn config_map_change(new: &Value, old: &Value) -> Vec<Cause> {
    frozen(new, old, &["data", "binaryData"])
}

/// `immutable: true` cannot be taken back, and freezes the contents.
fn frozen(new: &Value, old: &Value, contents: &[&str]) -> Vec<Cause> {
    if old["immutable"] != true {
        return Vec::new();
    }
    let why = "field is immutable when `immutable` is set";
    let changed = ["immutable"].iter().chain(contents);
    changed
        .filter(|f| new[**f] != old[**f])
        .map(|f| Cause::forbidden(*f, why))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn string_data_of_a_secret_is_encoded_into_data() {
        let mut secret = json!({"stringData": {"key": "abc"}, "data": {"other": "eA=="}});
        secret_defaults(&mut secret);
        assert_eq!(
            secret,
            json!({"type": "Opaque", "data": {"key": "YWJj", "other": "eA=="}})
        );
    }

    #[test]
    fn endpoint_addresses_are_of_the_slices_family_and_not_loopback() {
        let slice = json!({"addressType": "IPv4", "endpoints": [
            {"addresses": ["192.0.2.1"]}, {"addresses": ["127.0.0.1"]}, {"addresses": ["2001:db8::1"]}, {}]});
        let fields: Vec<String> = check_slice(&slice).into_iter().map(|c| c.field).collect();
        assert_eq!(
            fields,
            [
                "endpoints[1].addresses[0]",
                "endpoints[2].addresses",
                "endpoints[3].addresses"
            ]
        );
    }

    #[test]
    fn an_immutable_config_map_stays_as_it_is() {
        let old = json!({"immutable": true, "data": {"a": "1"}});
        assert!(config_map_change(&old, &old).is_empty());
        let new = json!({"immutable": true, "data": {"a": "2"}});
        assert_eq!(config_map_change(&new, &old)[0].field, "data");
    }
}
