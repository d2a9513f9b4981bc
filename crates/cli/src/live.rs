//! Reads what a plan needs from a running cluster, once.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context as _, bail};
use ferrolb_api::Object;
use ferrolb_api::core::{EndpointSlice, Namespace, Node, Pod, Secret, Service};
use ferrolb_api::metallb::{
    BfdProfile, BgpAdvertisement, BgpPeer, Community, IpAddressPool, L2Advertisement, ServiceBgpStatus,
    ServiceL2Status,
};
use ferrolb_kube::{Client, client};
use ferrolb_types::NodeName;
use http::{Request, StatusCode};
use serde_json::Value;

use crate::{environment, output};

/// Objects of one answer; the API server tells how to get the next ones.
const PAGE: usize = 500;
/// Labels by which manifests and chart of the reference name a component.
const COMPONENT_LABELS: [&str; 2] = ["component", "app.kubernetes.io/component"];

/// What was there.
pub(crate) struct Cluster {
    /// Objects and lists of objects.
    pub(crate) objects: Vec<Value>,
    /// Nodes with a ready speaker pod; none if no speaker runs as a pod, or pods may not be read.
    pub(crate) speakers: Option<Vec<NodeName>>,
}

/// A client for the cluster that the flag, the environment or the home directory name.
pub(crate) async fn connect(kubeconfig: Option<&Path>) -> anyhow::Result<Client> {
    let source = client::Source {
        kubeconfig: kubeconfig.map(Path::to_owned),
        variable: environment::kubeconfig(),
        home: environment::home(),
    };
    let agent = format!("ferrolb/{}", env!("CARGO_PKG_VERSION"));
    Ok(client::connect(&source, &agent).await?)
}

/// Reads the objects; those of the `metallb.io` group, Secrets and pods from `namespace` only. What does not exist or may
/// not be read is left out, with a note on standard error.
pub(crate) async fn read(client: &Client, namespace: &str) -> anyhow::Result<Cluster> {
    let mut objects = Vec::new();
    list::<Service>(client, "", &mut objects).await?;
    list::<EndpointSlice>(client, "", &mut objects).await?;
    list::<Node>(client, "", &mut objects).await?;
    list::<Namespace>(client, "", &mut objects).await?;
    list::<IpAddressPool>(client, namespace, &mut objects).await?;
    list::<L2Advertisement>(client, namespace, &mut objects).await?;
    list::<BgpAdvertisement>(client, namespace, &mut objects).await?;
    list::<BfdProfile>(client, namespace, &mut objects).await?;
    list::<Community>(client, namespace, &mut objects).await?;
    list::<ServiceL2Status>(client, namespace, &mut objects).await?;
    list::<ServiceBgpStatus>(client, namespace, &mut objects).await?;
    let mut peers = Vec::new();
    list::<BgpPeer>(client, namespace, &mut peers).await?;
    secrets(client, namespace, &peers, &mut objects).await?;
    objects.extend(peers);
    let mut pods = Vec::new();
    list::<Pod>(client, namespace, &mut pods).await?;
    Ok(Cluster {
        objects,
        speakers: speakers(&pods),
    })
}

/// Appends the pages of a collection.
async fn list<T: Object>(client: &Client, namespace: &str, out: &mut Vec<Value>) -> anyhow::Result<()> {
    let mut token = String::new();
    loop {
        let path = format!("{}?limit={PAGE}&continue={token}", path::<T>(namespace));
        let Some(page) = get(client, &path, T::PLURAL).await? else {
            return Ok(());
        };
        let next = page.pointer("/metadata/continue").and_then(Value::as_str);
        token = next
            .unwrap_or_default()
            .replace('+', "%2B")
            .replace('/', "%2F")
            .replace('=', "%3D");
        out.push(page);
        if token.is_empty() {
            return Ok(());
        }
    }
}

fn path<T: Object>(namespace: &str) -> String {
    let root = if T::GROUP.is_empty() { "/api" } else { "/apis" };
    let version = T::api_version();
    match namespace {
        "" => format!("{root}/{version}/{}", T::PLURAL),
        namespace => format!("{root}/{version}/namespaces/{namespace}/{}", T::PLURAL),
    }
}

/// None for what is not there or not permitted.
async fn get(client: &Client, path: &str, what: &str) -> anyhow::Result<Option<Value>> {
    let request = Request::get(path)
        .body(Vec::new())
        .context("the path is no URI")?;
    match client.request::<Value>(request).await {
        Ok(value) => Ok(Some(value)),
        Err(kube::Error::Api(status)) if status.code == StatusCode::NOT_FOUND.as_u16() => {
            note(format_args!("the cluster has no {what}"));
            Ok(None)
        }
        Err(kube::Error::Api(status)) if status.code == StatusCode::FORBIDDEN.as_u16() => {
            note(format_args!(
                "{what} may not be read, so they do not count here: {}",
                status.message
            ));
            Ok(None)
        }
        Err(error) => bail!("{what}: {error}"),
    }
}

fn note(text: impl std::fmt::Display) {
    output::say(format_args!("note: {text}"));
}

/// Only those that a peer names: nobody else's passwords are of interest.
async fn secrets(
    client: &Client,
    namespace: &str,
    peers: &[Value],
    out: &mut Vec<Value>,
) -> anyhow::Result<()> {
    let items = peers
        .iter()
        .filter_map(|page| page.get("items")?.as_array())
        .flatten();
    let names = items.filter_map(|peer| peer.pointer("/spec/passwordSecret/name")?.as_str());
    let names: BTreeSet<&str> = names.filter(|name| is_name(name)).collect();
    for name in names {
        let path = format!("{}/{name}", path::<Secret>(namespace));
        out.extend(get(client, &path, "such Secrets").await?);
    }
    Ok(())
}

/// Whether it may stand in a path.
fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.'))
}

/// Nodes of ready speaker pods; none if there is no speaker pod at all.
fn speakers(pages: &[Value]) -> Option<Vec<NodeName>> {
    let items = pages
        .iter()
        .filter_map(|page| page.get("items")?.as_array())
        .flatten();
    let pods: Vec<&Value> = items.filter(|pod| is_speaker(pod)).collect();
    let ready = pods.iter().filter(|pod| is_ready(pod));
    let nodes = ready.filter_map(|pod| pod.pointer("/spec/nodeName")?.as_str());
    (!pods.is_empty()).then(|| nodes.map(NodeName::from).collect())
}

fn is_speaker(pod: &Value) -> bool {
    let label = |key: &&str| pod["metadata"]["labels"][*key] == "speaker";
    COMPONENT_LABELS.iter().any(label)
}

fn is_ready(pod: &Value) -> bool {
    let conditions = pod.pointer("/status/conditions").and_then(Value::as_array);
    let ready = |condition: &Value| condition["type"] == "Ready" && condition["status"] == "True";
    conditions.is_some_and(|conditions| conditions.iter().any(ready))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn nodes_with_a_ready_speaker_pod_have_a_speaker() {
        let pod = |label: &str, node: &str, ready: &str| {
            json!({ "metadata": { "labels": { label: "speaker" } }, "spec": { "nodeName": node },
                    "status": { "conditions": [{ "type": "Ready", "status": ready }] } })
        };
        let page = json!({ "items": [
            pod("component", "n1", "True"),
            pod("app.kubernetes.io/component", "n2", "True"),
            pod("component", "n3", "False"),
            pod("role", "n4", "True"),
        ] });
        assert_eq!(speakers(&[page]), Some(vec!["n1".into(), "n2".into()]));
    }

    #[test]
    fn without_speaker_pods_nothing_is_known() {
        assert_eq!(
            speakers(&[json!({ "items": [{ "metadata": { "name": "web" } }] })]),
            None
        );
    }
}
