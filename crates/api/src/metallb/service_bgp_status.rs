//! ServiceBGPStatus: to which peers a node announces a Service, written by that node's speaker.

use serde::{Deserialize, Serialize};

use crate::ObjectMeta;
use crate::meta::{null_as_default, object};

/// To which peers a node announces a Service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ServiceBgpStatus {
    /// Metadata.
    #[serde(deserialize_with = "null_as_default")]
    pub metadata: ObjectMeta,
    /// What the speaker reports.
    #[serde(deserialize_with = "null_as_default")]
    pub status: ServiceBgpStatusStatus,
}

/// `status` of a [`ServiceBgpStatus`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ServiceBgpStatusStatus {
    /// The node; cannot be changed.
    #[serde(
        deserialize_with = "null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub node: String,
    /// The Service's name; cannot be changed.
    #[serde(
        deserialize_with = "null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub service_name: String,
    /// The Service's namespace; cannot be changed.
    #[serde(
        deserialize_with = "null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub service_namespace: String,
    /// BGPPeers by object name, sorted.
    #[serde(deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    pub peers: Vec<String>,
}

object!(ServiceBgpStatus: "metallb.io", "v1beta1", "ServiceBGPStatus", "servicebgpstatuses", Namespaced);
