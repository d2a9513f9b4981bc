//! The control plane as speakers see it: an API server in this process, and the objects in it.

use std::net::IpAddr;

use anyhow::Context;
use ferrolb_apiserver::{ApiServer, Options};
use ferrolb_kube::Client;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

/// Where pools and advertisements count.
pub const NAMESPACE: &str = "metallb-system";

/// A control plane.
pub struct Kubernetes {
    api: ApiServer,
    /// Carries the client's requests.
    runtime: Runtime,
    client: Client,
}

impl Kubernetes {
    /// One without nodes and Services.
    ///
    /// # Errors
    /// When no runtime is to be had.
    pub fn new() -> anyhow::Result<Self> {
        let api = ApiServer::new(Options::default())?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let client = runtime.block_on(async { Client::new(api.clone(), "default") });
        Ok(Self { api, runtime, client })
    }

    /// The API server, to look into and to let go wrong.
    #[must_use]
    pub const fn api(&self) -> &ApiServer {
        &self.api
    }

    /// Makes an object as `manifest` says, as `kubectl apply` does.
    ///
    /// # Errors
    /// What the API server says.
    pub fn apply(&self, manifest: Value) -> anyhow::Result<()> {
        let what = format!("apply {manifest}");
        self.api.apply_manifest(manifest).map(drop).context(what)
    }

    /// Changes the object `name` of a resource like `services`, as `kubectl patch --type=merge` does.
    ///
    /// # Errors
    /// What the API server says.
    pub fn merge(&self, resource: &str, name: &str, patch: &Value) -> anyhow::Result<()> {
        self.patch(&format!("{}/{name}", collection(resource)?), patch)
    }

    /// Deletes the object `name` of a resource like `services`.
    ///
    /// # Errors
    /// What the API server says.
    pub fn delete(&self, resource: &str, name: &str) -> anyhow::Result<()> {
        let path = format!("{}/{name}", collection(resource)?);
        self.send(http::Request::delete(path).body(Vec::new())?)
    }

    /// Creates or changes a Service as users, endpoint controllers and the address controller do together: with an
    /// endpoint on each of `nodes`, and with `addresses` in its status.
    ///
    /// # Errors
    /// What the API server says.
    pub fn apply_service(&self, service: Value, nodes: &[&str], addresses: &[&str]) -> anyhow::Result<()> {
        let name = service["metadata"]["name"]
            .as_str()
            .context("the Service has a name")?
            .to_owned();
        self.apply(service)?;
        self.apply(endpoints(&name, nodes))?;
        self.assign(&name, addresses)
    }

    /// Creates a Pod in [`NAMESPACE`] with `labels` like `a=b,c=d`, and has it run at `address` as its kubelet does.
    ///
    /// # Errors
    /// What the API server says.
    pub fn apply_pod(&self, name: &str, labels: &str, address: IpAddr) -> anyhow::Result<()> {
        let labels: Value = labels
            .split(',')
            .filter_map(|label| label.split_once('='))
            .map(|(key, value)| (key.to_owned(), Value::from(value)))
            .collect::<serde_json::Map<_, _>>()
            .into();
        self.apply(json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": { "name": name, "namespace": NAMESPACE, "labels": labels },
            "spec": { "containers": [{ "name": "c", "image": "i" }] },
        }))?;
        let path = format!("/api/v1/namespaces/{NAMESPACE}/pods/{name}/status");
        self.patch(
            &path,
            &json!({ "status": { "podIP": address, "phase": "Running" } }),
        )
    }

    /// Writes `addresses` into the status of a Service.
    ///
    /// # Errors
    /// What the API server says.
    pub fn assign(&self, service: &str, addresses: &[&str]) -> anyhow::Result<()> {
        let ingress: Vec<Value> = addresses.iter().map(|ip| json!({ "ip": ip })).collect();
        let path = format!("{}/{service}/status", collection("services")?);
        self.patch(
            &path,
            &json!({ "status": { "loadBalancer": { "ingress": ingress } } }),
        )
    }

    /// Writes into the status of a Node whether it is ready, as its kubelet does, or the controller of nodes in its place.
    ///
    /// # Errors
    /// What the API server says.
    pub fn set_ready(&self, node: &str, is_ready: bool) -> anyhow::Result<()> {
        let status = if is_ready { "True" } else { "Unknown" };
        let conditions = json!([{ "type": "Ready", "status": status }]);
        let path = format!("{}/{node}/status", collection("nodes")?);
        self.patch(&path, &json!({ "status": { "conditions": conditions } }))
    }

    /// The condition `kind` of the ConfigurationState of the speaker on `node`, if it has one.
    #[must_use]
    pub fn condition(&self, node: &str, kind: &str) -> Option<Value> {
        let states = self.api.objects("configurationstates.metallb.io");
        let own = states
            .iter()
            .find(|state| state["metadata"]["name"] == format!("speaker-{node}"))?;
        let conditions = own["status"]["conditions"].as_array()?;
        conditions.iter().find(|c| c["type"] == kind).cloned()
    }

    /// The reasons of all events about the Service.
    #[must_use]
    pub fn event_reasons(&self, service: &str) -> Vec<String> {
        let events = self.api.objects("events");
        let about = |event: &&Value| event["involvedObject"]["name"] == service;
        events
            .iter()
            .filter(about)
            .filter_map(|event| event["reason"].as_str().map(str::to_owned))
            .collect()
    }

    fn patch(&self, path: &str, patch: &Value) -> anyhow::Result<()> {
        let request = http::Request::patch(path).header("content-type", "application/merge-patch+json");
        self.send(request.body(patch.to_string().into_bytes())?)
    }

    fn send(&self, request: http::Request<Vec<u8>>) -> anyhow::Result<()> {
        let what = format!("{} {}", request.method(), request.uri());
        let answer = self.runtime.block_on(self.client.request_text(request));
        answer.map(drop).context(what)
    }
}

/// The path of a resource, in the namespace where the tests use it.
fn collection(resource: &str) -> anyhow::Result<String> {
    Ok(match resource {
        "nodes" => "/api/v1/nodes".to_owned(),
        "services" => "/api/v1/namespaces/default/services".to_owned(),
        "endpointslices" => "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices".to_owned(),
        "ipaddresspools" | "l2advertisements" => {
            format!("/apis/metallb.io/v1beta1/namespaces/{NAMESPACE}/{resource}")
        }
        other => anyhow::bail!("the harness does not know where `{other}` are"),
    })
}

/// A Node with the label that its kubelet gives it.
#[must_use]
pub fn node(name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": { "name": name, "labels": { "kubernetes.io/hostname": name } },
    })
}

/// Selects the Node of this name.
#[must_use]
pub fn selecting(node: &str) -> Value {
    json!([{ "matchLabels": { "kubernetes.io/hostname": node } }])
}

/// An IPAddressPool.
#[must_use]
pub fn pool(name: &str, addresses: &[&str]) -> Value {
    configuration("IPAddressPool", name, json!({ "addresses": addresses }))
}

/// An L2Advertisement.
#[must_use]
pub fn advertisement(name: &str, spec: Value) -> Value {
    configuration("L2Advertisement", name, spec)
}

fn configuration(kind: &str, name: &str, spec: Value) -> Value {
    let mut object = json!({
        "apiVersion": "metallb.io/v1beta1", "kind": kind,
        "metadata": { "name": name, "namespace": NAMESPACE },
    });
    object["spec"] = spec;
    object
}

/// A Service of type LoadBalancer.
#[must_use]
pub fn service(name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": { "name": name, "namespace": "default" },
        "spec": { "type": "LoadBalancer", "ports": [{ "port": 80 }], "selector": { "app": name } },
    })
}

/// The EndpointSlice of a Service, named like it, with one ready endpoint on each of `nodes`.
#[must_use]
pub fn endpoints(service: &str, nodes: &[&str]) -> Value {
    let endpoint = |(number, node): (u8, &&str)| {
        json!({
            "addresses": [format!("10.244.0.{number}")], "nodeName": node, "conditions": { "ready": true },
        })
    };
    json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
        "metadata": {
            "name": service, "namespace": "default",
            "labels": { "kubernetes.io/service-name": service },
        },
        "addressType": "IPv4",
        "endpoints": (1..).zip(nodes).map(endpoint).collect::<Vec<_>>(),
        "ports": [{ "port": 80, "protocol": "TCP" }],
    })
}
