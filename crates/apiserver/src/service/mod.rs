//! Services: what is filled in, what is refused, and which addresses and ports are handed out.

pub(crate) mod alloc;
pub(crate) mod check;
pub(crate) mod defaults;

use serde_json::Value;

/// `spec.type`; `ClusterIP` where it is missing.
pub(crate) fn type_of(service: &Value) -> &str {
    service["spec"]["type"].as_str().unwrap_or("ClusterIP")
}

/// A text field of the spec; empty where it is missing.
pub(crate) fn spec_str<'a>(service: &'a Value, field: &str) -> &'a str {
    service["spec"][field].as_str().unwrap_or_default()
}

/// A list of the spec; empty where it is missing.
pub(crate) fn spec_list<'a>(service: &'a Value, field: &str) -> &'a [Value] {
    service["spec"][field].as_array().map_or(&[], Vec::as_slice)
}

/// Whether the Service has addresses in the cluster at all.
pub(crate) fn has_cluster_ip(service: &Value) -> bool {
    type_of(service) != "ExternalName"
}

/// Whether `clusterIP: None`.
pub(crate) fn is_headless(service: &Value) -> bool {
    spec_str(service, "clusterIP") == "None"
        || spec_list(service, "clusterIPs")
            .first()
            .is_some_and(|v| v == "None")
}

/// Whether the type can have node ports.
pub(crate) fn may_have_node_ports(service: &Value) -> bool {
    matches!(type_of(service), "NodePort" | "LoadBalancer")
}

/// Whether node ports are handed out without being asked for.
pub(crate) fn wants_node_ports(service: &Value) -> bool {
    match type_of(service) {
        "NodePort" => true,
        "LoadBalancer" => service["spec"]["allocateLoadBalancerNodePorts"] != false,
        _ => false,
    }
}

/// Whether a port for health checks belongs to it.
pub(crate) fn wants_health_check_port(service: &Value) -> bool {
    type_of(service) == "LoadBalancer" && spec_str(service, "externalTrafficPolicy") == "Local"
}

/// Whether traffic can come from outside the cluster.
pub(crate) fn is_external(service: &Value) -> bool {
    may_have_node_ports(service)
        || (type_of(service) == "ClusterIP" && !spec_list(service, "externalIPs").is_empty())
}
