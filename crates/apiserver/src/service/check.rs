//! What is wrong with a Service, in the words of the real server.

use core::net::IpAddr;
use std::collections::BTreeSet;

use serde_json::Value;

use super::{is_external, is_headless, may_have_node_ports, spec_list, spec_str, type_of};
use crate::error::Cause;
use crate::rules::metadata::labels;
use crate::rules::names::{dns_1123_label, dns_1123_subdomain, port_name, qualified_name};

const TYPES: [&str; 4] = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
const PORT_RANGE: &str = "must be between 1 and 65535, inclusive";

/// Checks a whole Service after its defaults were applied.
pub(crate) fn object(service: &Value) -> Vec<Cause> {
    let mut found = Vec::new();
    ports(service, &mut found);
    labels(&service["spec"]["selector"], "spec.selector", &mut found);
    by_type(service, &mut found);
    enumerations(service, &mut found);
    balancer_fields(service, &mut found);
    policies(service, &mut found);
    addresses(service, &mut found);
    ingress(service, &mut found);
    found
}

/// Checks what an update may not change.
pub(crate) fn change(new: &Value, old: &Value) -> Vec<Cause> {
    let mut found = Vec::new();
    let both = |kind: &str| type_of(new) == kind && type_of(old) == kind;
    if both("LoadBalancer") && new["spec"]["loadBalancerClass"] != old["spec"]["loadBalancerClass"] {
        let class = &new["spec"]["loadBalancerClass"];
        found.push(Cause::invalid(
            "spec.loadBalancerClass",
            class,
            "may not change once set",
        ));
    }
    let (was, is) = (spec_list(old, "clusterIPs"), spec_list(new, "clusterIPs"));
    let keeps_type = type_of(new) != "ExternalName" && type_of(old) != "ExternalName";
    if let (true, Some(was), Some(is)) = (keeps_type, was.first(), is.first())
        && was != is
    {
        let list = Value::Array(spec_list(new, "clusterIPs").to_vec());
        found.push(Cause::invalid(
            "spec.clusterIPs[0]",
            &list,
            "may not change once set",
        ));
    }
    found
}

/// Fields that mean nothing in this combination.
pub(crate) fn warnings(service: &Value) -> Vec<String> {
    let mut found = Vec::new();
    if type_of(service) != "ExternalName" && !spec_str(service, "externalName").is_empty() {
        found.push("spec.externalName is ignored when spec.type is not \"ExternalName\"".to_owned());
    }
    if is_headless(service) && spec_str(service, "sessionAffinity") == "ClientIP" {
        found.push("spec.SessionAffinity is ignored for headless services".to_owned());
    }
    found
}

fn ports(service: &Value, found: &mut Vec<Cause>) {
    let ports = spec_list(service, "ports");
    if ports.is_empty() && !is_headless(service) && type_of(service) != "ExternalName" {
        found.push(Cause::required("spec.ports", ""));
    }
    let (mut names, mut numbers) = (BTreeSet::new(), BTreeSet::new());
    for (i, port) in ports.iter().enumerate() {
        let path = format!("spec.ports[{i}]");
        name_of_port(port, ports.len(), &path, &mut names, found);
        port_numbers(service, port, &path, found);
    }
    for (i, port) in ports.iter().enumerate() {
        let pair = (
            port["protocol"].as_str().unwrap_or("TCP"),
            port["port"].as_i64().unwrap_or(0),
        );
        if !numbers.insert(pair) {
            found.push(Cause {
                reason: "FieldValueDuplicate",
                field: format!("spec.ports[{i}]"),
                // The real server prints its own struct with just these two set.
                message: format!(
                    "Duplicate value: {{\"Name\":\"\",\"Protocol\":\"{}\",\"AppProtocol\":null,\"Port\":{},\"TargetPort\":0,\
                     \"NodePort\":0}}",
                    pair.0, pair.1
                ),
            });
        }
    }
}

fn name_of_port<'a>(
    port: &'a Value,
    count: usize,
    path: &str,
    names: &mut BTreeSet<&'a str>,
    found: &mut Vec<Cause>,
) {
    let name = port["name"].as_str().unwrap_or_default();
    let field = format!("{path}.name");
    if name.is_empty() {
        if count > 1 {
            found.push(Cause::required(field, ""));
        }
    } else if let Some(why) = dns_1123_label(name) {
        found.push(Cause::invalid(field, &port["name"], &why));
    } else if !names.insert(name) {
        found.push(Cause::duplicate(field, &port["name"]));
    }
}

fn port_numbers(service: &Value, port: &Value, path: &str, found: &mut Vec<Cause>) {
    let in_range = |v: &Value| v.as_i64().is_some_and(|n| (1..=65535).contains(&n));
    if !in_range(&port["port"]) {
        let shown = if port["port"].is_null() {
            0.into()
        } else {
            port["port"].clone()
        };
        found.push(Cause::invalid(format!("{path}.port"), &shown, PORT_RANGE));
    }
    let target = &port["targetPort"];
    if target.is_number() && !in_range(target) {
        found.push(Cause::invalid(format!("{path}.targetPort"), target, PORT_RANGE));
    }
    for why in target.as_str().map(port_name).unwrap_or_default() {
        found.push(Cause::invalid(format!("{path}.targetPort"), target, &why));
    }
    let protocol = &port["protocol"];
    if !matches!(protocol.as_str(), Some("TCP" | "UDP" | "SCTP")) {
        let known = ["SCTP", "TCP", "UDP"];
        found.push(Cause::not_supported(format!("{path}.protocol"), protocol, &known));
    }
    if !may_have_node_ports(service) && !port["nodePort"].is_null() {
        let why = "may not be used when `type` is 'ClusterIP'";
        found.push(Cause::forbidden(format!("{path}.nodePort"), why));
    }
}

fn by_type(service: &Value, found: &mut Vec<Cause>) {
    match type_of(service) {
        "ExternalName" if spec_str(service, "externalName").is_empty() => {
            found.push(Cause::required("spec.externalName", ""));
        }
        "ExternalName" => {
            let name = spec_str(service, "externalName").trim_end_matches('.');
            if let Some(why) = dns_1123_subdomain(name) {
                found.push(Cause::invalid("spec.externalName", &Value::from(name), &why));
            }
        }
        kind @ ("NodePort" | "LoadBalancer") if is_headless(service) => {
            let why = &format!("may not be set to 'None' for {kind} services");
            let list = service["spec"]["clusterIPs"].clone();
            found.push(Cause::invalid("spec.clusterIPs[0]", &list[0], why));
        }
        other if !TYPES.contains(&other) => {
            found.push(Cause::not_supported(
                "spec.type",
                &service["spec"]["type"],
                &TYPES,
            ));
        }
        _ => {}
    }
}

fn enumerations(service: &Value, found: &mut Vec<Cause>) {
    let allowed: [(&str, &[&str]); 4] = [
        ("sessionAffinity", &["ClientIP", "None"]),
        ("internalTrafficPolicy", &["Cluster", "Local"]),
        (
            "ipFamilyPolicy",
            &["PreferDualStack", "RequireDualStack", "SingleStack"],
        ),
        ("externalTrafficPolicy", &["Cluster", "Local"]),
    ];
    for (field, values) in allowed {
        let given = &service["spec"][field];
        if given.as_str().is_some_and(|v| !values.contains(&v)) {
            found.push(Cause::not_supported(format!("spec.{field}"), given, values));
        }
    }
    for (i, family) in spec_list(service, "ipFamilies").iter().enumerate() {
        let field = format!("spec.ipFamilies[{i}]");
        if !matches!(family.as_str(), Some("IPv4" | "IPv6")) {
            found.push(Cause::not_supported(field, family, &["IPv4", "IPv6"]));
        } else if spec_list(service, "ipFamilies")[..i].contains(family) {
            found.push(Cause::duplicate(field, family));
        }
    }
}

fn balancer_fields(service: &Value, found: &mut Vec<Cause>) {
    if type_of(service) == "LoadBalancer" {
        let class = &service["spec"]["loadBalancerClass"];
        if let Some(why) = class.as_str().and_then(qualified_name) {
            found.push(Cause::invalid("spec.loadBalancerClass", class, &why));
        }
        return;
    }
    for field in ["loadBalancerClass", "allocateLoadBalancerNodePorts"] {
        if !service["spec"][field].is_null() {
            let why = "may only be used when `type` is 'LoadBalancer'";
            found.push(Cause::forbidden(format!("spec.{field}"), why));
        }
    }
    if !spec_list(service, "loadBalancerSourceRanges").is_empty() {
        let why = "may only be used when `type` is 'LoadBalancer'";
        found.push(Cause::forbidden("spec.LoadBalancerSourceRanges", why));
    }
}

fn policies(service: &Value, found: &mut Vec<Cause>) {
    let policy = &service["spec"]["externalTrafficPolicy"];
    if !policy.is_null() && !is_external(service) {
        let why = "may only be set for externally-accessible services";
        found.push(Cause::invalid("spec.externalTrafficPolicy", policy, why));
    }
    let health = &service["spec"]["healthCheckNodePort"];
    if !health.is_null() && *health != 0 && !super::wants_health_check_port(service) {
        let why = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'";
        found.push(Cause::invalid("spec.healthCheckNodePort", health, why));
    }
}

fn addresses(service: &Value, found: &mut Vec<Cause>) {
    let bad = |v: &Value| v.as_str().is_none_or(|t| t.parse::<IpAddr>().is_err());
    let why = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
    for (i, ip) in spec_list(service, "externalIPs").iter().enumerate() {
        if bad(ip) {
            found.push(Cause::invalid(format!("spec.externalIPs[{i}]"), ip, why));
        }
    }
    let ips = spec_list(service, "clusterIPs");
    let list = Value::Array(ips.to_vec());
    match (spec_str(service, "clusterIP"), ips.first()) {
        ("", Some(_)) => {
            let why = "must be empty when `clusterIP` is not specified";
            found.push(Cause::invalid("spec.clusterIPs", &list, why));
        }
        (one, Some(first)) if first != one => {
            let why = "first value must match `clusterIP`";
            found.push(Cause::invalid("spec.clusterIPs", &list, why));
        }
        _ => {}
    }
    if spec_str(service, "ipFamilyPolicy") == "SingleStack" && spec_list(service, "ipFamilies").len() > 1 {
        let why = "must be 'RequireDualStack' or 'PreferDualStack' when multiple IP families are specified";
        let policy = &service["spec"]["ipFamilyPolicy"];
        found.push(Cause::invalid("spec.ipFamilyPolicy", policy, why));
    }
    for (i, ip) in ips.iter().enumerate().filter(|_| !is_headless(service)) {
        if bad(ip) {
            found.push(Cause::invalid(format!("spec.clusterIPs[{i}]"), ip, why));
        }
    }
    if ips.len() > 2 {
        let why = "may only hold up to 2 values";
        found.push(Cause::invalid("spec.clusterIPs", &list, why));
    }
}

/// What a controller may write into `status.loadBalancer.ingress`.
fn ingress(service: &Value, found: &mut Vec<Cause>) {
    let list = service["status"]["loadBalancer"]["ingress"].as_array();
    if type_of(service) != "LoadBalancer" && list.is_some_and(|l| !l.is_empty()) {
        let why = "may only be used when `spec.type` is 'LoadBalancer'";
        found.push(Cause::forbidden("status.loadBalancer.ingress", why));
    }
    for (i, entry) in list.into_iter().flatten().enumerate() {
        let path = format!("status.loadBalancer.ingress[{i}]");
        let (ip, mode) = (&entry["ip"], &entry["ipMode"]);
        if ip.as_str().is_some_and(|t| t.parse::<IpAddr>().is_err()) {
            let why = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
            found.push(Cause::invalid(format!("{path}.ip"), ip, why));
        }
        if mode.as_str().is_some_and(|m| !matches!(m, "VIP" | "Proxy")) {
            found.push(Cause::not_supported(
                format!("{path}.ipMode"),
                mode,
                &["Proxy", "VIP"],
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[expect(clippy::needless_pass_by_value, reason = "values are written in place")]
    fn fields(spec: Value) -> Vec<String> {
        let mut service = json!({"spec": spec});
        super::super::defaults::apply(&mut service);
        object(&service).into_iter().map(|c| c.field).collect()
    }

    #[test]
    fn what_is_missing_or_out_of_range_is_named() {
        assert_eq!(fields(json!({})), ["spec.ports"]);
        assert!(fields(json!({"clusterIP": "None"})).is_empty());
        assert_eq!(
            fields(json!({"type": "Foo", "ports": [{"port": 70000}, {"port": 3}]})),
            [
                "spec.ports[0].name",
                "spec.ports[0].port",
                "spec.ports[0].targetPort",
                "spec.ports[1].name",
                "spec.type"
            ]
        );
        assert_eq!(fields(json!({"type": "ExternalName"})), ["spec.externalName"]);
    }

    #[test]
    fn fields_of_a_load_balancer_are_refused_elsewhere() {
        let found = fields(
            json!({"ports": [{"port": 80}], "loadBalancerClass": "a/b", "externalTrafficPolicy": "Local"}),
        );
        assert_eq!(found, ["spec.loadBalancerClass", "spec.externalTrafficPolicy"]);
    }

    #[test]
    fn the_first_cluster_address_and_the_class_stay() {
        let old = json!({"spec": {"type": "LoadBalancer", "clusterIPs": ["10.96.0.1"], "loadBalancerClass": "a/b"}});
        let new = json!({"spec": {"type": "LoadBalancer", "clusterIPs": ["10.96.0.2"], "loadBalancerClass": "a/c"}});
        let found: Vec<String> = change(&new, &old).into_iter().map(|c| c.field).collect();
        assert_eq!(found, ["spec.loadBalancerClass", "spec.clusterIPs[0]"]);
        assert!(change(&old, &old).is_empty());
    }
}
