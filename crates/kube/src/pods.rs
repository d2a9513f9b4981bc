//! Where pods are, by their labels.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ferrolb_api::core::Pod;
use ferrolb_types::NamespaceName;
use kube::Client;
use kube::api::ListParams;
use serde::Deserialize;

use crate::Error;
use crate::request::{path, resource, send, unbuildable};

#[derive(Deserialize)]
struct Pods {
    #[serde(default)]
    items: Option<Vec<Pod>>,
}

/// The primary addresses of the pods in `namespace` that match the label selector, in whatever phase they are (layer2 5.5).
/// Those that have none yet are left out.
///
/// # Errors
/// When the API server does not answer or refuses.
pub async fn addresses(
    client: &Client,
    namespace: &NamespaceName,
    selector: &str,
) -> Result<BTreeSet<IpAddr>, Error> {
    let requests = kube::core::Request::new(path::<Pod>(namespace.as_str()));
    let params = ListParams::default().labels(selector);
    let request = requests.list(&params).map_err(unbuildable)?;
    let text = send(client, request).await;
    let pods: Pods = serde_json::from_str(&text.map_err(|e| e.of("list", resource::<Pod>()))?)?;
    Ok(pods.items.iter().flatten().filter_map(Pod::address).collect())
}
