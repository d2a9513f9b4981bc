//! FRRConfiguration of frr-k8s: what a node's FRR daemon is to do, in the parts that FerroLB writes (bgp 4.1, 4.3).
//!
//! It never reads objects of others: `imports`, `toReceive`, `raw` and `evpn` are not here.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::meta::{null_as_default, object};
use crate::metallb::SecretReference;
use crate::{ObjectMeta, Redacted};

/// The configuration of the nodes that it selects.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FrrConfiguration {
    /// Metadata.
    #[serde(deserialize_with = "null_as_default")]
    pub metadata: ObjectMeta,
    /// What the daemon is to do.
    #[serde(deserialize_with = "null_as_default")]
    pub spec: FrrConfigurationSpec,
}

/// `spec` of an [`FrrConfiguration`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FrrConfigurationSpec {
    /// Its part in BGP.
    pub bgp: Bgp,
    /// The nodes.
    pub node_selector: NodeSelector,
}

/// A label selector in the one form that is written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NodeSelector {
    /// Labels that a node must have.
    pub match_labels: BTreeMap<String, String>,
}

/// `spec.bgp`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Bgp {
    /// By name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub bfd_profiles: Vec<BfdProfile>,
    /// One for each AS, router ID and VRF.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub routers: Vec<Router>,
}

/// Intervals in milliseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BfdProfile {
    /// What neighbors refer to.
    pub name: String,
    /// Shortest time between received packets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receive_interval: Option<u32>,
    /// Time between sent packets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transmit_interval: Option<u32>,
    /// Missed packets after which the peer is down.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detect_multiplier: Option<u32>,
    /// Time between echo packets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub echo_interval: Option<u32>,
    /// Whether to send echo packets.
    pub echo_mode: bool,
    /// Whether to wait for the peer to begin.
    pub passive_mode: bool,
    /// Lowest TTL that packets may arrive with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minimum_ttl: Option<u32>,
}

/// A BGP instance.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Router {
    /// Our AS.
    pub asn: u32,
    /// The BGP identifier; empty leaves it to the daemon.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub id: String,
    /// The VRF; empty means the default one.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub vrf: String,
    /// Its peers.
    pub neighbors: Vec<Neighbor>,
    /// Everything that any of its peers is told, sorted as text.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub prefixes: Vec<String>,
}

/// A peer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Neighbor {
    /// Its AS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asn: Option<u32>,
    /// `internal` or `external`, instead of a number.
    #[serde(rename = "dynamicASN", skip_serializing_if = "String::is_empty")]
    pub dynamic_asn: String,
    /// The AS that it sees instead of ours.
    #[serde(rename = "localASN", skip_serializing_if = "Option::is_none")]
    pub local_asn: Option<u32>,
    /// Its address.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub address: String,
    /// The interface that it is on, instead of an address.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub interface: String,
    /// The address to connect from. The API spells it in lower case.
    #[serde(rename = "sourceaddress", skip_serializing_if = "String::is_empty")]
    pub source_address: String,
    /// Its TCP port.
    pub port: u16,
    /// Hold time, Go duration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hold_time: Option<String>,
    /// Time between keepalives, Go duration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keepalive_time: Option<String>,
    /// Time between attempts to connect, Go duration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connect_time: Option<String>,
    /// TCP MD5 password in clear text.
    #[serde(skip_serializing_if = "Redacted::is_empty")]
    pub password: Redacted,
    /// The Secret that holds it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_secret: Option<SecretReference>,
    /// Whether it may be several hops away.
    #[serde(skip_serializing_if = "is_false")]
    pub ebgp_multi_hop: bool,
    /// A profile of the same object.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub bfd_profile: String,
    /// Whether it keeps our routes while we restart.
    #[serde(skip_serializing_if = "is_false")]
    pub enable_graceful_restart: bool,
    /// Whether the session carries both families.
    #[serde(skip_serializing_if = "is_false")]
    pub dual_stack_address_family: bool,
    /// Deprecated, without effect.
    #[serde(rename = "disableMP", skip_serializing_if = "is_false")]
    pub disable_mp: bool,
    /// What it is told.
    pub to_advertise: Advertise,
}

/// What a neighbor is told; nothing is accepted from it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Advertise {
    /// The prefixes.
    pub allowed: Allowed,
    /// Those with a local preference, by its value.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub with_local_pref: Vec<LocalPrefPrefixes>,
    /// Those with a community, by its text.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub with_community: Vec<CommunityPrefixes>,
}

/// Prefixes of the router that a neighbor is told; the mode is left at its default, `filtered`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Allowed {
    /// Sorted as text.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub prefixes: Vec<String>,
}

/// Prefixes of one local preference.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LocalPrefPrefixes {
    /// The value.
    pub local_pref: u32,
    /// Sorted as text.
    pub prefixes: Vec<String>,
}

/// Prefixes with one community.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CommunityPrefixes {
    /// `64512:1` or `large:64512:1:2`.
    pub community: String,
    /// Sorted as text.
    pub prefixes: Vec<String>,
}

/// serde's `skip_serializing_if` wants a reference.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature is serde's")]
const fn is_false(flag: &bool) -> bool {
    !*flag
}

object!(FrrConfiguration: "frrk8s.metallb.io", "v1beta1", "FRRConfiguration", "frrconfigurations", Namespaced);
