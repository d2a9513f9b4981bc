//! Node: labels and whether its network works.

use core::net::Ipv4Addr;

use ferrolb_types::NodeName;
use serde::Deserialize;

use crate::ObjectMeta;
use crate::facts::NodeFacts;
use crate::meta::{null_as_default, object};

/// A Node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Node {
    /// Metadata.
    #[serde(deserialize_with = "null_as_default")]
    pub metadata: ObjectMeta,
    /// What the kubelet and the cloud report.
    #[serde(deserialize_with = "null_as_default")]
    pub status: NodeStatus,
}

/// `status` of a [`Node`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct NodeStatus {
    /// All conditions; only `NetworkUnavailable` matters (layer2 3.3).
    #[serde(deserialize_with = "null_as_default")]
    pub conditions: Vec<NodeCondition>,
    /// Where the node is reached.
    #[serde(deserialize_with = "null_as_default")]
    pub addresses: Vec<NodeAddress>,
}

/// One of [`NodeStatus::addresses`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct NodeAddress {
    /// `InternalIP`, `ExternalIP`, `Hostname`, ….
    #[serde(rename = "type", deserialize_with = "null_as_default")]
    pub kind: Box<str>,
    /// An address or a name.
    #[serde(deserialize_with = "null_as_default")]
    pub address: Box<str>,
}

/// One of [`NodeStatus::conditions`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct NodeCondition {
    /// Its type.
    #[serde(rename = "type", deserialize_with = "null_as_default")]
    pub kind: Box<str>,
    /// `True`, `False` or `Unknown`.
    #[serde(deserialize_with = "null_as_default")]
    pub status: Box<str>,
}

impl Node {
    /// Reduces the object to what decisions need. Readiness, taints and cordoning do not matter (layer2 3.3).
    #[must_use]
    pub fn observe(&self) -> NodeFacts {
        let unavailable = |c: &NodeCondition| &*c.kind == "NetworkUnavailable" && &*c.status == "True";
        NodeFacts {
            name: NodeName::new(&*self.metadata.name),
            labels: self.metadata.labels.clone(),
            network_unavailable: self.status.conditions.iter().any(unavailable),
        }
    }

    /// The first IPv4 address of type `InternalIP`.
    #[must_use]
    pub fn internal_ipv4(&self) -> Option<Ipv4Addr> {
        let internal = self.status.addresses.iter().filter(|a| &*a.kind == "InternalIP");
        internal.filter_map(|a| a.address.parse().ok()).next()
    }
}

object!(Node: "", "v1", "Node", "nodes", Cluster);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::from_yaml;

    fn observe(text: &str) -> NodeFacts {
        from_yaml::<Node>(text).observe()
    }

    #[test]
    fn only_a_true_network_unavailable_condition_counts() {
        for (status, expected) in [("True", true), ("False", false), ("Unknown", false)] {
            let text = format!(
                "{{metadata: {{name: n1}}, status: {{conditions: [{{type: Ready, status: 'True'}}, \
                 {{type: NetworkUnavailable, status: '{status}'}}]}}}}"
            );
            assert_eq!(observe(&text).network_unavailable, expected, "{status}");
        }
        assert!(
            !observe("{metadata: {name: n1}, status: {conditions: [{type: Ready, status: 'True'}]}}")
                .network_unavailable
        );
    }

    #[test]
    fn the_exclude_label_counts_with_whatever_value() {
        let node = observe(
            "{metadata: {name: n1, labels: {node.kubernetes.io/exclude-from-external-load-balancers: 'false'}}}",
        );
        assert!(node.is_excluded());
        assert!(!observe("{metadata: {name: n1}, spec: {unschedulable: true}}").is_excluded());
    }
}
