//! What only a running cluster has: who writes, and what speakers say of themselves.

use serde::Serialize;
use serde_json::Value;

use ferrolb_api::core::Lease;
use ferrolb_api::{Object as _, decode};
use ferrolb_types::ObjectKey;

use crate::report::Options;

/// The name of the Lease, unless `--leader-elect-resource-name` gives another.
const LEASE: &str = "metallb-controller";

/// One of several controllers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Leader {
    /// Its name; empty: nobody holds the Lease.
    pub holder: String,
    /// When it renewed the Lease last, by its own clock.
    pub renewed: String,
}

/// What the Lease of the controllers says, if it is among the manifests.
pub(super) fn leader(manifests: &[Value], options: &Options) -> Option<Leader> {
    let leases = manifests.iter().filter(|object| object["kind"] == Lease::KIND);
    let mut leases = leases.filter_map(|object| decode::<Lease>(object).ok());
    let is_ours =
        |lease: &Lease| *lease.metadata.name == *LEASE && *lease.metadata.namespace == *options.namespace;
    leases.find(is_ours).map(|lease| Leader {
        holder: lease.spec.holder_identity.into(),
        renewed: lease.spec.renew_time.into(),
    })
}

/// Nodes that say in a ServiceL2Status that they announce the Service (layer2 7), sorted.
pub(super) fn reported(manifests: &[Value], key: &ObjectKey) -> Vec<String> {
    let text = |object: &Value, pointer: &str| {
        object
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let is_mine = |object: &&Value| {
        text(object, "/kind") == "ServiceL2Status"
            && text(object, "/status/serviceName") == *key.name
            && text(object, "/status/serviceNamespace") == key.namespace.as_str()
    };
    let nodes = manifests
        .iter()
        .filter(is_mine)
        .map(|object| text(object, "/status/node"));
    let mut nodes: Vec<String> = nodes.filter(|node| !node.is_empty()).collect();
    nodes.sort_unstable();
    nodes
}
