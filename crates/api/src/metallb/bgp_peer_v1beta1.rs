//! BGPPeer, deprecated version `v1beta1`: read from manifests and converted, never watched.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::meta::{null_as_default, object};
use crate::{ObjectMeta, Redacted};

/// A router that learns the addresses, in its first form.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BgpPeer {
    /// Metadata.
    #[serde(deserialize_with = "null_as_default")]
    pub metadata: ObjectMeta,
    /// What the admin wrote.
    #[serde(deserialize_with = "null_as_default")]
    pub spec: BgpPeerSpec,
}

/// `spec` of a [`BgpPeer`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BgpPeerSpec {
    /// Our AS number.
    #[serde(rename = "myASN", deserialize_with = "null_as_default")]
    pub my_asn: i64,
    /// The peer's AS number.
    #[serde(rename = "peerASN", deserialize_with = "null_as_default")]
    pub peer_asn: i64,
    /// The address to connect to.
    #[serde(deserialize_with = "null_as_default")]
    pub peer_address: String,
    /// The address to connect from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_address: Option<String>,
    /// The TCP port; absent or 0 means 179.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer_port: Option<i64>,
    /// Hold time, Go duration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hold_time: Option<String>,
    /// Time between keepalives, Go duration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keepalive_time: Option<String>,
    /// BGP identifier.
    #[serde(rename = "routerID", skip_serializing_if = "Option::is_none")]
    pub router_id: Option<String>,
    /// Nodes that peer; absent means all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_selectors: Option<Vec<NodeSelector>>,
    /// TCP MD5 password in clear text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Option<Redacted>,
    /// A BFDProfile by name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bfd_profile: Option<String>,
    /// Whether an external peer may be several hops away.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ebgp_multi_hop: Option<bool>,
}

/// One of [`BgpPeerSpec::node_selectors`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NodeSelector {
    /// Labels that must have exactly these values.
    #[serde(
        deserialize_with = "null_as_default",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub match_labels: BTreeMap<String, String>,
    /// Further conditions.
    #[serde(deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    pub match_expressions: Vec<NodeSelectorExpression>,
}

/// One of [`NodeSelector::match_expressions`]; all fields are required.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NodeSelectorExpression {
    /// The label's key.
    #[serde(deserialize_with = "null_as_default")]
    pub key: String,
    /// `In` or `NotIn`; unchecked.
    #[serde(deserialize_with = "null_as_default")]
    pub operator: String,
    /// At least one value.
    #[serde(deserialize_with = "null_as_default")]
    pub values: Vec<String>,
}

object!(BgpPeer: "metallb.io", "v1beta1", "BGPPeer", "bgppeers", Namespaced);
