//! ConfigMap: named texts.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::ObjectMeta;
use crate::meta::{null_as_default, object};

/// A ConfigMap; binary data is not read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct ConfigMap {
    /// Metadata.
    #[serde(deserialize_with = "null_as_default")]
    pub metadata: ObjectMeta,
    /// Texts by key.
    #[serde(deserialize_with = "null_as_default")]
    pub data: BTreeMap<Box<str>, Box<str>>,
}

object!(ConfigMap: "", "v1", "ConfigMap", "configmaps", Namespaced);
