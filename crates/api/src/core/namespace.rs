//! Namespace: a name and labels.

use serde::Deserialize;

use crate::ObjectMeta;
use crate::meta::{null_as_default, object};

/// A Namespace; pools select it by name and label.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Namespace {
    /// Metadata.
    #[serde(deserialize_with = "null_as_default")]
    pub metadata: ObjectMeta,
}

object!(Namespace: "", "v1", "Namespace", "namespaces", Cluster);
