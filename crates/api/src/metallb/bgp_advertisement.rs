//! BGPAdvertisement: which addresses to announce as routes, how and to whom.

use serde::{Deserialize, Serialize};

use super::LabelSelector;
use crate::ObjectMeta;
use crate::meta::{null_as_default, object};

/// Announces the addresses of pools to BGP peers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BgpAdvertisement {
    /// Metadata.
    #[serde(deserialize_with = "null_as_default")]
    pub metadata: ObjectMeta,
    /// What the admin wrote; everything in it is optional.
    #[serde(deserialize_with = "null_as_default")]
    pub spec: BgpAdvertisementSpec,
}

/// `spec` of a [`BgpAdvertisement`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BgpAdvertisementSpec {
    /// Prefix length of IPv4 routes; absent means 32.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aggregation_length: Option<i64>,
    /// Prefix length of IPv6 routes; absent means 128.
    #[serde(rename = "aggregationLengthV6", skip_serializing_if = "Option::is_none")]
    pub aggregation_length_v6: Option<i64>,
    /// LOCAL_PREF for internal peers; absent means 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub local_pref: Option<i64>,
    /// Communities: literals and aliases.
    #[serde(deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    pub communities: Vec<String>,
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
    /// Nodes that announce; empty means all.
    #[serde(deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    pub node_selectors: Vec<LabelSelector>,
    /// BGPPeers by object name; empty means all.
    #[serde(deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    pub peers: Vec<String>,
    /// Services that it announces; empty means all.
    #[serde(deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    pub service_selectors: Vec<LabelSelector>,
}

object!(BgpAdvertisement: "metallb.io", "v1beta1", "BGPAdvertisement", "bgpadvertisements", Namespaced);
