//! Node: labels and whether its network works.

use core::net::Ipv4Addr;

use ferrolb_types::NodeName;
use serde::Deserialize;

use crate::facts::NodeFacts;
use crate::meta::{null_as_default, object};
use crate::{ObjectMeta, annotations};

/// A Node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Node {
    /// Metadata.
    #[serde(deserialize_with = "null_as_default")]
    pub metadata: ObjectMeta,
    /// What administrators and controllers ask for.
    #[serde(deserialize_with = "null_as_default")]
    pub spec: NodeSpec,
    /// What the kubelet and the cloud report.
    #[serde(deserialize_with = "null_as_default")]
    pub status: NodeStatus,
}

/// `spec` of a [`Node`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct NodeSpec {
    /// All taints; only `node.kubernetes.io/out-of-service` matters.
    #[serde(deserialize_with = "null_as_default")]
    pub taints: Vec<Taint>,
}

/// One of [`NodeSpec::taints`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Taint {
    /// Its key.
    #[serde(deserialize_with = "null_as_default")]
    pub key: Box<str>,
}

/// The taint of a node that somebody has made sure is off (KEP-2268).
const OUT_OF_SERVICE: &str = "node.kubernetes.io/out-of-service";

/// `status` of a [`Node`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct NodeStatus {
    /// All conditions; only `NetworkUnavailable` (layer2 3.3) and `Ready` matter.
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
    /// Reduces the object to what decisions need. Other taints and cordoning do not matter (layer2 3.3).
    #[must_use]
    pub fn observe(&self) -> NodeFacts {
        let status_of = |kind: &str| {
            self.status
                .conditions
                .iter()
                .find(|c| &*c.kind == kind)
                .map(|c| &*c.status)
        };
        let drain = self.metadata.annotations.get(annotations::DRAIN);
        NodeFacts {
            name: NodeName::new(&*self.metadata.name),
            labels: self.metadata.labels.clone(),
            network_unavailable: status_of("NetworkUnavailable") == Some("True"),
            not_ready: status_of("Ready").is_some_and(|status| status != "True"),
            out_of_service: self.spec.taints.iter().any(|taint| &*taint.key == OUT_OF_SERVICE),
            draining: drain.is_some_and(|value| value != "false"),
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
    fn a_node_is_taken_for_ready_unless_it_says_otherwise() {
        for (conditions, not_ready) in [
            ("[]", false),
            ("[{type: Ready, status: 'True'}]", false),
            ("[{type: Ready, status: Unknown}]", true),
            ("[{type: Ready, status: 'False'}]", true),
        ] {
            let node = observe(&format!(
                "{{metadata: {{name: n1}}, status: {{conditions: {conditions}}}}}"
            ));
            assert_eq!(node.not_ready, not_ready, "{conditions}");
        }
    }

    #[test]
    fn out_of_service_and_draining_are_told_apart_from_other_taints_and_annotations() {
        let node = observe(
            "{metadata: {name: n1}, spec: {taints: [{key: node.kubernetes.io/out-of-service, effect: NoExecute}]}}",
        );
        assert!(node.out_of_service && !node.draining);
        let node =
            observe("{metadata: {name: n1}, spec: {taints: [{key: node.kubernetes.io/unschedulable}]}}");
        assert!(!node.out_of_service);
        for (value, draining) in [("'true'", true), ("''", true), ("'false'", false)] {
            let text = format!("{{metadata: {{name: n1, annotations: {{ferrolb.io/drain: {value}}}}}}}");
            assert_eq!(observe(&text).draining, draining, "{value}");
        }
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
