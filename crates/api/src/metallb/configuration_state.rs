//! ConfigurationState: whether a component accepted the configuration.

use serde::{Deserialize, Serialize};

use crate::ObjectMeta;
use crate::meta::{null_as_default, object};

/// What one component, the controller or a speaker, thinks of the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ConfigurationState {
    /// Metadata.
    #[serde(deserialize_with = "null_as_default")]
    pub metadata: ObjectMeta,
    /// What the component reports.
    #[serde(deserialize_with = "null_as_default")]
    pub status: ConfigurationStateStatus,
}

/// `status` of a [`ConfigurationState`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ConfigurationStateStatus {
    /// The verdict; absent until the component has looked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<ConfigurationResult>,
    /// What is wrong, one line each; empty when valid.
    #[serde(
        deserialize_with = "null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub error_summary: String,
    /// One condition per part of the component that reads configuration.
    #[serde(deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
}

/// `status.result` of a [`ConfigurationState`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ConfigurationResult {
    /// Everything is accepted.
    Valid,
    /// Something is refused.
    Invalid,
    /// Nothing was reported yet.
    Unknown,
}

/// The condition of Kubernetes' `meta/v1`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Condition {
    /// What it is about; unique in the list.
    #[serde(rename = "type", deserialize_with = "null_as_default")]
    pub kind: String,
    /// `True`, `False` or `Unknown`.
    #[serde(deserialize_with = "null_as_default")]
    pub status: String,
    /// One CamelCase word.
    #[serde(deserialize_with = "null_as_default")]
    pub reason: String,
    /// For people.
    #[serde(deserialize_with = "null_as_default")]
    pub message: String,
    /// RFC 3339 time of the last change of `status`.
    #[serde(deserialize_with = "null_as_default")]
    pub last_transition_time: String,
    /// The generation that it was computed from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
}

object!(ConfigurationState: "metallb.io", "v1beta1", "ConfigurationState", "configurationstates", Namespaced);
