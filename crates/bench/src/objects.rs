//! The objects that a cluster is filled with.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use serde_json::{Value, json};

/// The one node of the cluster.
pub(crate) const NODE: &str = "n1";
/// Where all Services are.
pub(crate) const NAMESPACE: &str = "default";
/// Endpoints of each Service.
const ENDPOINTS: u32 = 10;

/// A pool that is larger than anything that is measured.
pub(crate) fn pool() -> Value {
    json!({
        "apiVersion": "metallb.io/v1beta1", "kind": "IPAddressPool",
        "metadata": { "name": "large", "namespace": "metallb-system" },
        "spec": { "addresses": ["10.0.0.0/8"] } })
}

/// Announces the pool on every interface.
pub(crate) fn advertisement() -> Value {
    json!({
        "apiVersion": "metallb.io/v1beta1", "kind": "L2Advertisement",
        "metadata": { "name": "all", "namespace": "metallb-system" } })
}

/// A Node as a kubelet registers it.
pub(crate) fn node(address: IpAddr) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": { "name": NODE, "labels": { "kubernetes.io/hostname": NODE } },
        "status": {
            "addresses": [{ "type": "InternalIP", "address": address }],
            "conditions": [{ "type": "Ready", "status": "True", "reason": "KubeletReady", "message": "ready" }] } })
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

/// Endpoints as the endpoint controller writes them, one on each of ten nodes, of which the first is [`NODE`].
pub(crate) fn slice(number: u32) -> Value {
    let name = name(number);
    let endpoint = |i: u32| {
        let pod = Ipv4Addr::from(0x0af4_0000 + number * ENDPOINTS + i);
        json!({
            "addresses": [pod], "nodeName": format!("n{}", i + 1), "zone": "a",
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

/// The address that a Service of this number is given. No two are neighbours, so that a packet filter cannot express
/// them as one range.
pub(crate) fn address(number: u32) -> Ipv4Addr {
    Ipv4Addr::from(0x0a00_0000 + 3 * (number + 1))
}

/// A status with one address, as a merge patch.
pub(crate) fn assignment(number: u32) -> Value {
    json!({ "status": { "loadBalancer": { "ingress": [{ "ip": address(number), "ipMode": "VIP" }] } } })
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
