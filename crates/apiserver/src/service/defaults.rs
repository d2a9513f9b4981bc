//! Fields of a Service that a writer may leave out, and fields that a change of type takes away.

use serde_json::{Map, Value, json};

use super::{
    has_cluster_ip, is_external, may_have_node_ports, spec_list, spec_str, type_of, wants_health_check_port,
};
use crate::object::{object_at, root_mut};

/// Session affinity by client address lasts three hours if nothing else is said.
const AFFINITY_SECONDS: u64 = 10_800;

/// Fills in what a writer may leave out.
pub(crate) fn apply(service: &mut Value) {
    of_spec(service);
    of_ingress(service);
}

/// Allocated values that the writer of an update left out are kept; fields that only the old type had are dropped
/// unless the writer set them anew.
pub(crate) fn prepare(service: &mut Value, old: Option<&Value>) {
    if let Some(old) = old {
        keep_allocated(service, old);
        drop_dependent(service, old);
        trim_to_single_stack(service, old);
    }
    one_and_many_cluster_ips(service, old);
    let ceased = type_of(service) != "LoadBalancer" && old.is_none_or(|o| type_of(o) == "LoadBalancer");
    let balancer = object_at(object_at(root_mut(service), "status"), "loadBalancer");
    if ceased {
        balancer.clear();
    }
}

fn spec_mut(service: &mut Value) -> &mut Map<String, Value> {
    object_at(root_mut(service), "spec")
}

fn set_default(spec: &mut Map<String, Value>, field: &str, value: impl Into<Value>) {
    let slot = spec.entry(field).or_insert(Value::Null);
    if slot.is_null() || *slot == "" {
        *slot = value.into();
    }
}

fn of_spec(service: &mut Value) {
    // Typed clients spell out zero values; stored objects leave them out.
    spec_mut(service).retain(|field, value| {
        let is_zero = matches!(field.as_str(), "healthCheckNodePort" | "publishNotReadyAddresses")
            && (*value == 0 || *value == false);
        !is_zero && *value != ""
    });
    set_default(spec_mut(service), "type", "ClusterIP");
    set_default(spec_mut(service), "sessionAffinity", "None");
    of_affinity(spec_mut(service));
    if is_external(service) {
        set_default(spec_mut(service), "externalTrafficPolicy", "Cluster");
    }
    if has_cluster_ip(service) {
        set_default(spec_mut(service), "internalTrafficPolicy", "Cluster");
    }
    if type_of(service) == "LoadBalancer" {
        set_default(spec_mut(service), "allocateLoadBalancerNodePorts", true);
    }
    let ports = spec_mut(service).get_mut("ports").and_then(Value::as_array_mut);
    for port in ports.into_iter().flatten() {
        of_port(root_mut(port));
    }
}

fn of_affinity(spec: &mut Map<String, Value>) {
    if spec["sessionAffinity"] == "ClientIP" {
        let config = object_at(object_at(spec, "sessionAffinityConfig"), "clientIP");
        config
            .entry("timeoutSeconds")
            .or_insert_with(|| AFFINITY_SECONDS.into());
    } else {
        spec.remove("sessionAffinityConfig");
    }
}

fn of_port(port: &mut Map<String, Value>) {
    set_default(port, "protocol", "TCP");
    let number = port.get("port").cloned().unwrap_or(Value::Null);
    let unset = port.get("targetPort").is_none_or(|t| *t == 0 || *t == "");
    if unset && !number.is_null() {
        port.insert("targetPort".to_owned(), number);
    }
    if port.get("nodePort").is_some_and(|p| *p == 0) {
        port.remove("nodePort");
    }
}

/// `clusterIP` and `clusterIPs[0]` are one: whichever the writer changed rules the other.
fn one_and_many_cluster_ips(service: &mut Value, old: Option<&Value>) {
    let one = spec_str(service, "clusterIP").to_owned();
    let many = spec_list(service, "clusterIPs").to_vec();
    let Some(old) = old else {
        if many.is_empty() && !one.is_empty() {
            spec_mut(service).insert("clusterIPs".to_owned(), json!([one]));
        }
        return;
    };
    let same_list = many == spec_list(old, "clusterIPs");
    if one != spec_str(old, "clusterIP") && same_list {
        let list = if one.is_empty() { json!([]) } else { json!([one]) };
        spec_mut(service).insert("clusterIPs".to_owned(), list);
    }
}

/// Values that the server gave are kept when an update leaves them out.
fn keep_allocated(service: &mut Value, old: &Value) {
    if has_cluster_ip(service) && has_cluster_ip(old) && spec_str(service, "clusterIP").is_empty() {
        let spec = spec_mut(service);
        spec.insert("clusterIP".to_owned(), old["spec"]["clusterIP"].clone());
        if spec
            .get("clusterIPs")
            .and_then(Value::as_array)
            .is_none_or(Vec::is_empty)
        {
            spec.insert("clusterIPs".to_owned(), old["spec"]["clusterIPs"].clone());
        }
    }
    if has_cluster_ip(service) && has_cluster_ip(old) {
        for field in ["ipFamilies", "ipFamilyPolicy"] {
            let spec = spec_mut(service);
            if spec.get(field).is_none_or(Value::is_null) && !old["spec"][field].is_null() {
                spec.insert(field.to_owned(), old["spec"][field].clone());
            }
        }
    }
    if may_have_node_ports(service) && may_have_node_ports(old) {
        keep_node_ports(service, old);
    }
    let field = "healthCheckNodePort";
    if wants_health_check_port(service) && wants_health_check_port(old) && service["spec"][field].is_null() {
        spec_mut(service).insert(field.to_owned(), old["spec"][field].clone());
    }
}

/// By the port's name, as the real server does.
fn keep_node_ports(service: &mut Value, old: &Value) {
    let before = spec_list(old, "ports").to_vec();
    let taken: Vec<Value> = spec_list(service, "ports")
        .iter()
        .map(|p| p["nodePort"].clone())
        .collect();
    let ports = spec_mut(service).get_mut("ports").and_then(Value::as_array_mut);
    for port in ports.into_iter().flatten().map(root_mut) {
        if port.contains_key("nodePort") {
            continue;
        }
        let name = port.get("name").cloned().unwrap_or(Value::Null);
        let same = before
            .iter()
            .find(|p| p["name"] == name && !p["nodePort"].is_null());
        if let Some(number) = same.map(|p| &p["nodePort"]).filter(|n| !taken.contains(n)) {
            port.insert("nodePort".to_owned(), number.clone());
        }
    }
}

/// A field that the new type has no use for goes, unless this very update changed it (then it is checked, and refused).
fn drop_dependent(service: &mut Value, old: &Value) {
    let is_balanced = type_of(service) == "LoadBalancer";
    let fields: [(bool, &[&str]); 4] = [
        (
            has_cluster_ip(service),
            &[
                "clusterIP",
                "clusterIPs",
                "ipFamilies",
                "ipFamilyPolicy",
                "internalTrafficPolicy",
            ],
        ),
        (is_external(service), &["externalTrafficPolicy"]),
        (wants_health_check_port(service), &["healthCheckNodePort"]),
        (
            is_balanced,
            &["allocateLoadBalancerNodePorts", "loadBalancerClass"],
        ),
    ];
    let spec = spec_mut(service);
    let useless = fields.iter().filter(|(applies, _)| !applies);
    for field in useless.flat_map(|(_, fields)| fields.iter()) {
        if spec.get(*field) == old["spec"].get(*field) {
            spec.remove(*field);
        }
    }
    if !may_have_node_ports(service) && may_have_node_ports(old) {
        drop_node_ports(service, old);
    }
}

/// From two families to one: the second goes, unless the writer listed the families anew.
fn trim_to_single_stack(service: &mut Value, old: &Value) {
    if spec_str(service, "ipFamilyPolicy") != "SingleStack" {
        return;
    }
    let spec = spec_mut(service);
    for field in ["ipFamilies", "clusterIPs"] {
        let unchanged = spec.get(field) == old["spec"].get(field);
        if let Some(list) = spec
            .get_mut(field)
            .and_then(Value::as_array_mut)
            .filter(|_| unchanged)
        {
            list.truncate(1);
        }
    }
}

fn drop_node_ports(service: &mut Value, old: &Value) {
    let before: Vec<Value> = spec_list(old, "ports")
        .iter()
        .map(|p| p["nodePort"].clone())
        .collect();
    let ports = spec_mut(service).get_mut("ports").and_then(Value::as_array_mut);
    for port in ports.into_iter().flatten().map(root_mut) {
        if port.get("nodePort").is_some_and(|n| before.contains(n)) {
            port.remove("nodePort");
        }
    }
}

/// Addresses of a load balancer are virtual unless told otherwise.
fn of_ingress(service: &mut Value) {
    let status = service.get_mut("status").and_then(|s| s.get_mut("loadBalancer"));
    let ingress = status.and_then(|b| b.get_mut("ingress")?.as_array_mut());
    for entry in ingress.into_iter().flatten().map(root_mut) {
        let has_ip = entry
            .get("ip")
            .and_then(Value::as_str)
            .is_some_and(|ip| !ip.is_empty());
        if has_ip {
            entry.entry("ipMode").or_insert_with(|| "VIP".into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::needless_pass_by_value, reason = "values are written in place")]
    fn defaulted(spec: Value) -> Value {
        let mut service = json!({"spec": spec});
        apply(&mut service);
        prepare(&mut service, None);
        service
    }

    fn updated(old: &Value, change: impl FnOnce(&mut Value)) -> Value {
        let mut new = old.clone();
        change(&mut new);
        apply(&mut new);
        prepare(&mut new, Some(old));
        new
    }

    fn balanced() -> Value {
        json!({
            "spec": {
                "type": "LoadBalancer", "clusterIP": "10.96.0.9", "clusterIPs": ["10.96.0.9"],
                "externalTrafficPolicy": "Local", "healthCheckNodePort": 30009, "loadBalancerClass": "x/y",
                "allocateLoadBalancerNodePorts": true, "internalTrafficPolicy": "Cluster",
                "sessionAffinity": "None", "ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack",
                "ports": [{"name": "http", "port": 80, "targetPort": 80, "protocol": "TCP", "nodePort": 30001}],
            },
            "status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}},
        })
    }

    #[test]
    fn a_balanced_service_gets_policies_ports_and_affinity() {
        let service = defaulted(json!({"type": "LoadBalancer", "ports": [{"port": 80}]}));
        assert_eq!(
            service["spec"]["ports"][0],
            json!({"port": 80, "protocol": "TCP", "targetPort": 80})
        );
        assert_eq!(service["spec"]["externalTrafficPolicy"], "Cluster");
        assert_eq!(service["spec"]["allocateLoadBalancerNodePorts"], true);
        assert_eq!(service["spec"]["sessionAffinity"], "None");
        assert_eq!(service["status"], json!({"loadBalancer": {}}));
    }

    #[test]
    fn leaving_load_balancer_takes_class_ports_and_status_along() {
        let new = updated(&balanced(), |s| s["spec"]["type"] = "ClusterIP".into());
        let spec = &new["spec"];
        for field in [
            "loadBalancerClass",
            "externalTrafficPolicy",
            "healthCheckNodePort",
            "allocateLoadBalancerNodePorts",
        ] {
            assert!(spec[field].is_null(), "`{field}` stayed");
        }
        assert!(spec["ports"][0]["nodePort"].is_null());
        assert_eq!(new["status"], json!({"loadBalancer": {}}));
        assert_eq!(spec["clusterIP"], "10.96.0.9");
    }

    #[test]
    fn allocated_values_survive_an_update_that_leaves_them_out() {
        let old = balanced();
        let new = updated(&old, |s| {
            s["spec"] = json!({"type": "LoadBalancer", "externalTrafficPolicy": "Local", "loadBalancerClass": "x/y",
                "ports": [{"name": "http", "port": 80}, {"name": "more", "port": 81}]});
        });
        for field in ["clusterIP", "clusterIPs", "healthCheckNodePort", "ipFamilies"] {
            assert_eq!(new["spec"][field], old["spec"][field], "`{field}` changed");
        }
        assert_eq!(new["spec"]["ports"][0]["nodePort"], 30001);
        assert!(new["spec"]["ports"][1]["nodePort"].is_null());
    }

    #[test]
    fn becoming_external_name_gives_up_the_cluster_address() {
        let new = updated(&balanced(), |s| {
            s["spec"]["type"] = "ExternalName".into();
            s["spec"]["externalName"] = "example.org".into();
        });
        assert!(new["spec"]["clusterIP"].is_null() && new["spec"]["clusterIPs"].is_null());
    }

    #[test]
    fn an_ingress_address_is_virtual_and_a_hostname_is_not() {
        let new = updated(&balanced(), |s| {
            s["status"]["loadBalancer"]["ingress"] = json!([{"ip": "192.0.2.1"}, {"hostname": "h"}]);
        });
        let ingress = &new["status"]["loadBalancer"]["ingress"];
        assert_eq!(
            *ingress,
            json!([{"ip": "192.0.2.1", "ipMode": "VIP"}, {"hostname": "h"}])
        );
    }
}
