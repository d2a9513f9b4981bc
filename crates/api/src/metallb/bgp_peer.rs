//! BGPPeer, version `v1beta2`: a router to peer with.

use serde::{Deserialize, Serialize};

use super::LabelSelector;
use crate::meta::{null_as_default, object};
use crate::{ObjectMeta, Redacted};

/// A router that learns the addresses.
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
    /// Our AS number; required.
    #[serde(rename = "myASN", deserialize_with = "null_as_default")]
    pub my_asn: i64,
    /// The peer's AS number; absent or 0 with `dynamicASN`.
    #[serde(rename = "peerASN", skip_serializing_if = "Option::is_none")]
    pub peer_asn: Option<i64>,
    /// The AS number that this peer sees instead of ours.
    #[serde(rename = "localASN", skip_serializing_if = "Option::is_none")]
    pub local_asn: Option<i64>,
    /// `internal` or `external`: the peer's AS number is taken from its OPEN.
    #[serde(rename = "dynamicASN", skip_serializing_if = "Option::is_none")]
    pub dynamic_asn: Option<String>,
    /// The address to connect to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer_address: Option<String>,
    /// The interface of an unnumbered peer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interface: Option<String>,
    /// The address to connect from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_address: Option<String>,
    /// The TCP port; absent means 179.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer_port: Option<i64>,
    /// Hold time, Go duration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hold_time: Option<String>,
    /// Time between keepalives, Go duration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keepalive_time: Option<String>,
    /// Time between attempts to connect, Go duration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connect_time: Option<String>,
    /// BGP identifier.
    #[serde(rename = "routerID", skip_serializing_if = "Option::is_none")]
    pub router_id: Option<String>,
    /// Nodes that peer; empty means all.
    #[serde(deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    pub node_selectors: Vec<LabelSelector>,
    /// TCP MD5 password in clear text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Option<Redacted>,
    /// A Secret that holds the password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_secret: Option<SecretReference>,
    /// A BFDProfile by name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bfd_profile: Option<String>,
    /// Whether routes survive our restart (RFC 4724); cannot be changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enable_graceful_restart: Option<bool>,
    /// Whether an external peer may be several hops away.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ebgp_multi_hop: Option<bool>,
    /// The VRF of the session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vrf: Option<String>,
    /// Deprecated, without effect.
    #[serde(rename = "disableMP", skip_serializing_if = "Option::is_none")]
    pub disable_mp: Option<bool>,
    /// Whether one session carries both families.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dual_stack_address_family: Option<bool>,
}

/// A Secret by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SecretReference {
    /// Its name.
    #[serde(
        deserialize_with = "null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub name: String,
    /// Its namespace; only handed on with `frr-k8s`.
    #[serde(
        deserialize_with = "null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub namespace: String,
}

object!(BgpPeer: "metallb.io", "v1beta2", "BGPPeer", "bgppeers", Namespaced);
