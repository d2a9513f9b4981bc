//! Deployment: what owns the objects that a process of it makes.

use serde::Deserialize;

use crate::ObjectMeta;
use crate::meta::{null_as_default, object};

/// A Deployment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Deployment {
    /// Metadata.
    #[serde(deserialize_with = "null_as_default")]
    pub metadata: ObjectMeta,
}

object!(Deployment: "apps", "v1", "Deployment", "deployments", Namespaced);
