//! The Kubernetes objects of the demo: those of `examples/`, and what a real cluster would have made by itself.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use anyhow::Context as _;
use http::Request;
use serde_json::{Value, json};

use super::page;
use super::segment::Host;

/// The files of `examples/`, which the README tells a user to apply to a real cluster.
const EXAMPLES: [&str; 3] = [
    include_str!("../../../../../examples/pool.yaml"),
    include_str!("../../../../../examples/l2advertisement.yaml"),
    include_str!("../../../../../examples/service.yaml"),
];

/// The documents in `dir`, or those built in.
pub(super) fn manifests(dir: Option<&Path>) -> anyhow::Result<Vec<Value>> {
    let Some(dir) = dir else {
        return EXAMPLES
            .iter()
            .map(|text| Ok(serde_saphyr::from_str(text)?))
            .collect();
    };
    let sources = crate::manifest::read(&[dir.to_owned()])?;
    Ok(sources.into_iter().map(|document| document.value).collect())
}

/// A Node as a kubelet registers it.
pub(super) fn node(host: &Host) -> Value {
    let address = |ip: IpAddr| json!({ "type": "InternalIP", "address": ip });
    json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": { "name": host.name, "labels": { "kubernetes.io/hostname": host.name } },
        "status": {
            "addresses": [address(host.ipv4()), address(host.ipv6())],
            "conditions": [{ "type": "Ready", "status": "True", "reason": "KubeletReady", "message": "demo" }],
        },
    })
}

/// By which the speakers find each other.
pub(super) const SPEAKERS: &str = "component=speaker";

/// The Pod of a speaker, as a kubelet reports it.
pub(super) fn speaker_pod(host: &Host) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": format!("speaker-{}", host.name),
            "namespace": "metallb-system",
            "labels": { "component": "speaker" },
        },
        "spec": { "nodeName": host.name, "containers": [{ "name": "speaker", "image": "ferrolb" }] },
    })
}

/// Writes the status of that Pod, which a Pod gets only after it was created.
pub(super) fn speaker_pod_status(host: &Host) -> anyhow::Result<Request<Vec<u8>>> {
    let path = format!(
        "/api/v1/namespaces/metallb-system/pods/speaker-{}/status",
        host.name
    );
    let status = json!({ "status": { "phase": "Running", "podIP": host.ipv4() } });
    let request = Request::patch(path).header("content-type", "application/merge-patch+json");
    Ok(request.body(status.to_string().into_bytes())?)
}

/// The endpoints of a Service as the endpoint controller finds them: one on each node.
pub(super) fn endpoints(service: &Value, nodes: &[Host]) -> Value {
    let meta = &service["metadata"];
    let endpoint = |host: &Host| json!({ "addresses": [host.ipv4()], "nodeName": host.name, "conditions": { "ready": true } });
    json!({
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": format!("{}-demo", meta["name"].as_str().unwrap_or_default()),
            "namespace": meta["namespace"],
            "labels": { "kubernetes.io/service-name": meta["name"] },
        },
        "addressType": "IPv4",
        "endpoints": nodes.iter().map(endpoint).collect::<Vec<_>>(),
        "ports": [{ "name": "http", "port": page::PORT, "protocol": "TCP" }],
    })
}

/// Whether a manifest is a Service that wants an address.
pub(super) fn is_load_balancer(manifest: &Value) -> bool {
    manifest["kind"] == "Service" && manifest["spec"]["type"] == "LoadBalancer"
}

/// The addresses in a Service's status.
pub(super) fn addresses(service: &Value) -> Vec<IpAddr> {
    let ingress = service["status"]["loadBalancer"]["ingress"].as_array();
    let ip = |entry: &Value| entry["ip"].as_str()?.parse().ok();
    ingress.into_iter().flatten().filter_map(ip).collect()
}

/// How many addresses a Service waits for: one for each family of its cluster addresses.
pub(super) fn wanted_addresses(service: &Value) -> usize {
    service["spec"]["clusterIPs"].as_array().map_or(1, Vec::len)
}

/// A kubeconfig for a server without TLS and tokens.
pub(super) fn kubeconfig(server: SocketAddr) -> String {
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{ "name": "demo", "cluster": { "server": format!("http://{server}") } }],
        "users": [{ "name": "demo", "user": {} }],
        "contexts": [{ "name": "demo", "context": { "cluster": "demo", "user": "demo" } }],
        "current-context": "demo",
    });
    format!("{config:#}\n")
}

/// The name and namespace of the Service that the demo is about.
pub(super) fn key(service: &Value) -> anyhow::Result<(String, String)> {
    let part = |field: &str| service["metadata"][field].as_str().map(str::to_owned);
    let name = part("name").context("a Service of the manifests has no name")?;
    Ok((part("namespace").unwrap_or_else(|| "default".to_owned()), name))
}
