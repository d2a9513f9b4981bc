//! L2Advertisement: which addresses to answer for by ARP and NDP, and from where.

use serde::{Deserialize, Serialize};

use super::LabelSelector;
use crate::ObjectMeta;
use crate::meta::{null_as_default, object};

/// Announces the addresses of pools on the local network.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct L2Advertisement {
    /// Metadata.
    #[serde(deserialize_with = "null_as_default")]
    pub metadata: ObjectMeta,
    /// What the admin wrote; everything in it is optional.
    #[serde(deserialize_with = "null_as_default")]
    pub spec: L2AdvertisementSpec,
}

/// `spec` of an [`L2Advertisement`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct L2AdvertisementSpec {
    /// Pools by name.
    #[serde(
        rename = "ipAddressPools",
        deserialize_with = "null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub ip_address_pools: Vec<String>,
    /// Pools by label.
    #[serde(deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    pub ip_address_pool_selectors: Vec<LabelSelector>,
    /// Nodes that may announce; empty means all.
    #[serde(deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    pub node_selectors: Vec<LabelSelector>,
    /// Interfaces to announce on; empty means all.
    #[serde(deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    pub interfaces: Vec<String>,
    /// Services that it announces; empty means all.
    #[serde(deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    pub service_selectors: Vec<LabelSelector>,
    /// Nodes that should announce rather than others.
    #[serde(deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    pub preferred_node_selectors: Vec<PreferredNode>,
}

/// One of [`L2AdvertisementSpec::preferred_node_selectors`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PreferredNode {
    /// 1 to 100; required.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<i64>,
    /// Which nodes; required.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preference: Option<LabelSelector>,
}

object!(L2Advertisement: "metallb.io", "v1beta1", "L2Advertisement", "l2advertisements", Namespaced);
