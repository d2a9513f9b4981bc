//! ServiceL2Status: which node answers for a Service, written by that node's speaker.

use serde::{Deserialize, Serialize};

use crate::ObjectMeta;
use crate::meta::{null_as_default, object};

/// Which node announces a Service by ARP and NDP.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ServiceL2Status {
    /// Metadata.
    #[serde(deserialize_with = "null_as_default")]
    pub metadata: ObjectMeta,
    /// What the speaker reports.
    #[serde(deserialize_with = "null_as_default")]
    pub status: ServiceL2StatusStatus,
}

/// `status` of a [`ServiceL2Status`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ServiceL2StatusStatus {
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
    /// The interfaces; empty means all.
    #[serde(deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    pub interfaces: Vec<InterfaceInfo>,
}

/// One of [`ServiceL2StatusStatus::interfaces`].
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default)]
pub struct InterfaceInfo {
    /// The interface's name.
    #[serde(
        deserialize_with = "null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub name: String,
}

object!(ServiceL2Status: "metallb.io", "v1beta1", "ServiceL2Status", "servicel2statuses", Namespaced);
