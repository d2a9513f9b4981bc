//! BFDProfile: how fast a dead peer is noticed.

use serde::{Deserialize, Serialize};

use crate::ObjectMeta;
use crate::meta::{null_as_default, object};

/// Parameters of BFD sessions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BfdProfile {
    /// Metadata.
    #[serde(deserialize_with = "null_as_default")]
    pub metadata: ObjectMeta,
    /// What the admin wrote; everything in it is optional.
    #[serde(deserialize_with = "null_as_default")]
    pub spec: BfdProfileSpec,
}

/// `spec` of a [`BfdProfile`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BfdProfileSpec {
    /// Shortest time between received packets that we can handle, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receive_interval: Option<i64>,
    /// Time between our packets, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transmit_interval: Option<i64>,
    /// Missed packets after which the peer is down.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detect_multiplier: Option<i64>,
    /// Time between echo packets, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub echo_interval: Option<i64>,
    /// Whether to send echo packets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub echo_mode: Option<bool>,
    /// Whether to wait for the peer to begin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub passive_mode: Option<bool>,
    /// Lowest TTL that packets of multihop sessions may arrive with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minimum_ttl: Option<i64>,
}

object!(BfdProfile: "metallb.io", "v1beta1", "BFDProfile", "bfdprofiles", Namespaced);
