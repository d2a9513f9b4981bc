//! The Pod that the process runs in.

use core::time::Duration;

use ferrolb_api::core::Pod;
use ferrolb_types::NamespaceName;
use kube::Client;
use kube::api::GetParams;
use serde_json::{Value, json};

use crate::Error;
use crate::backoff::Backoff;
use crate::request::{Head, path, send, unbuildable};
use crate::write::is_transient;

/// An owner reference to the own Pod; none if it is not known or may not be read, which is told. An API server that is
/// away is waited for.
pub(crate) async fn find(client: &Client, namespace: &NamespaceName, pod: Option<&str>) -> Option<Value> {
    let name = pod?;
    let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(10));
    loop {
        match read(client, namespace.as_str(), name).await {
            Ok(uid) => {
                return Some(json!({ "apiVersion": "v1", "kind": "Pod", "name": name, "uid": &*uid }));
            }
            Err(error) if is_transient(&error) => tokio::time::sleep(backoff.pause()).await,
            Err(error) => {
                tracing::warn!(
                    op = "startup", pod = name, %error,
                    "the own Pod cannot be read, so what this process reports does not go with it"
                );
                return None;
            }
        }
    }
}

async fn read(client: &Client, namespace: &str, name: &str) -> Result<Box<str>, Error> {
    let requests = kube::core::Request::new(path::<Pod>(namespace));
    let request = requests.get(name, &GetParams::default()).map_err(unbuildable)?;
    let head: Head = serde_json::from_str(&send(client, request).await?)?;
    Ok(head.metadata.uid)
}
