//! The objects that a cluster is filled with.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ferrolb_types::IpFamily;
use serde_json::{Value, json};

/// Nodes of the cluster.
pub(crate) const NODES: u32 = 100;
/// Selects the Pods of speakers.
pub(crate) const SPEAKER_LABEL: &str = "component=speaker";
/// Where all Services are.
pub(crate) const NAMESPACE: &str = "default";
/// Endpoints of each Service.
const ENDPOINTS: u32 = 10;

/// A pool that is larger than anything that is measured.
pub(crate) fn pool() -> Value {
    json!({
        "apiVersion": "metallb.io/v1beta1", "kind": "IPAddressPool",
        "metadata": { "name": "large", "namespace": "metallb-system" },
        "spec": { "addresses": ["10.0.0.0/8", "fd00::/16"] } })
}

/// Announces the pool on every interface.
pub(crate) fn advertisement() -> Value {
    json!({
        "apiVersion": "metallb.io/v1beta1", "kind": "L2Advertisement",
        "metadata": { "name": "all", "namespace": "metallb-system" } })
}

/// The name of a Node; the first is the one that is measured.
pub(crate) fn node_name(number: u32) -> String {
    format!("n{}", number + 1)
}

/// Its address.
pub(crate) fn node_address(number: u32) -> Ipv4Addr {
    Ipv4Addr::from(0xc000_0201 + number)
}

/// The Pod of its speaker.
pub(crate) fn speaker_pod(number: u32) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": format!("speaker-{}", node_name(number)), "namespace": "metallb-system",
            "labels": { "component": "speaker" } },
        "spec": { "containers": [{ "name": "speaker", "image": "ferrolb" }] },
        "status": { "podIP": node_address(number), "phase": "Running" } })
}

/// A Node as a kubelet registers it.
pub(crate) fn node(number: u32) -> Value {
    let (name, address) = (node_name(number), node_address(number));
    json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": { "name": name, "labels": { "kubernetes.io/hostname": name } },
        "status": {
            "addresses": [{ "type": "InternalIP", "address": address }],
            "conditions": [{ "type": "Ready", "status": "True", "reason": "KubeletReady", "message": "ready" }] } })
}

/// One that may not announce, so that others announce everything.
pub(crate) fn bystander(number: u32) -> Value {
    let mut node = node(number);
    node["metadata"]["labels"]["node.kubernetes.io/exclude-from-external-load-balancers"] = json!("");
    node
}

/// The name of a Service.
pub(crate) fn name(number: u32) -> String {
    format!("service-{number}")
}

/// Without node ports, of which there are fewer than Services.
pub(crate) fn service(name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": { "name": name, "namespace": NAMESPACE, "labels": { "app": name } },
        "spec": {
            "type": "LoadBalancer", "allocateLoadBalancerNodePorts": false, "selector": { "app": name },
            "ports": [{ "name": "http", "port": 80, "targetPort": 8080 }] } })
}

/// Endpoints as the endpoint controller writes them, one on each of ten nodes.
pub(crate) fn slice(number: u32) -> Value {
    let name = name(number);
    let endpoint = |i: u32| {
        let pod = Ipv4Addr::from(0x0af4_0000 + number * ENDPOINTS + i);
        json!({
            "addresses": [pod], "nodeName": node_name(i), "zone": "a",
            "conditions": { "ready": true, "serving": true, "terminating": false },
            "targetRef": { "kind": "Pod", "namespace": NAMESPACE, "name": format!("{name}-{i}") } })
    };
    json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
        "metadata": {
            "name": format!("{name}-x7k2p"), "namespace": NAMESPACE,
            "labels": { "kubernetes.io/service-name": name } },
        "addressType": "IPv4",
        "endpoints": (0..ENDPOINTS).map(endpoint).collect::<Vec<_>>(),
        "ports": [{ "name": "http", "port": 8080, "protocol": "TCP" }] })
}

/// A Service that is no business of a load balancer.
pub(crate) fn internal_service(name: &str) -> Value {
    let mut service = service(name);
    service["spec"]["type"] = json!("ClusterIP");
    if let Some(spec) = service["spec"].as_object_mut() {
        spec.remove("allocateLoadBalancerNodePorts");
    }
    service
}

/// The endpoints of a slice when they move to other nodes, as a merge patch.
pub(crate) fn moved_endpoints(number: u32, by: u32) -> Value {
    let mut endpoints = slice(number)["endpoints"].take();
    for (endpoint, i) in endpoints.as_array_mut().into_iter().flatten().zip(0..) {
        endpoint["nodeName"] = json!(node_name(i + by));
    }
    json!({ "endpoints": endpoints })
}

/// The address that a Service of this number is given. No two are neighbours, so that a packet filter cannot express
/// them as one range.
pub(crate) fn address(family: IpFamily, number: u32) -> IpAddr {
    let number = 3 * (number + 1);
    match family {
        IpFamily::V4 => Ipv4Addr::from(0x0a00_0000 + number).into(),
        IpFamily::V6 => Ipv6Addr::from((0xfd00_u128 << 112) + u128::from(number)).into(),
    }
}

/// Nobody's address beside one of these.
pub(crate) fn neighbour(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(v4) => Ipv4Addr::from_bits(v4.to_bits() + 1).into(),
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() + 1).into(),
    }
}

/// A status with one address, as a merge patch.
pub(crate) fn assignment(address: IpAddr) -> Value {
    json!({ "status": { "loadBalancer": { "ingress": [{ "ip": address, "ipMode": "VIP" }] } } })
}

/// Whether a Service has an address.
pub(crate) fn is_assigned(service: &Value) -> bool {
    service["status"]["loadBalancer"]["ingress"][0]["ip"].is_string()
}

/// A kubeconfig for a server without TLS and tokens.
pub(crate) fn kubeconfig(server: SocketAddr) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Config",
        "clusters": [{ "name": "bench", "cluster": { "server": format!("http://{server}") } }],
        "users": [{ "name": "bench", "user": {} }],
        "contexts": [{ "name": "bench", "context": { "cluster": "bench", "user": "bench" } }],
        "current-context": "bench" })
}
