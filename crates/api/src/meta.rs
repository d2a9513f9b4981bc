//! The part of an object's metadata that is ever read, and what a kind is called.

use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use ferrolb_types::{Labels, NamespaceName, ObjectKey};

/// Metadata of a Kubernetes object, without what nobody here reads (managed fields, owner references, finalizers).
///
/// Objects that were read in this slim form must never be written back whole: writes are patches, or start from the
/// full object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ObjectMeta {
    /// The object's name. Shared with every key that is made of it.
    #[serde(deserialize_with = "null_as_default")]
    pub name: Arc<str>,
    /// Its namespace; empty for cluster-scoped objects and where a manifest leaves it out. Shared like the name.
    #[serde(deserialize_with = "null_as_default", skip_serializing_if = "str::is_empty")]
    pub namespace: Arc<str>,
    /// Unique over the lifetime of the cluster; empty in manifests.
    #[serde(deserialize_with = "null_as_default", skip_serializing_if = "str::is_empty")]
    pub uid: Box<str>,
    /// Opaque version for compare-and-swap; empty in manifests.
    #[serde(deserialize_with = "null_as_default", skip_serializing_if = "str::is_empty")]
    pub resource_version: Box<str>,
    /// Counts changes of the spec; 0 where the server does not keep it.
    #[serde(deserialize_with = "null_as_default", skip_serializing_if = "is_zero")]
    pub generation: i64,
    /// RFC 3339 time of creation, which orders as text; empty in manifests.
    #[serde(deserialize_with = "null_as_default", skip_serializing_if = "str::is_empty")]
    pub creation_timestamp: Box<str>,
    /// RFC 3339 time at which deletion was asked for, if it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deletion_timestamp: Option<Box<str>>,
    /// The labels.
    #[serde(
        deserialize_with = "null_as_default",
        skip_serializing_if = "Labels::is_empty"
    )]
    pub labels: Labels,
    /// The annotations; of a [`Labels`]-like shape though their values are free text.
    #[serde(
        deserialize_with = "null_as_default",
        skip_serializing_if = "Labels::is_empty"
    )]
    pub annotations: Labels,
}

impl ObjectMeta {
    /// `namespace/name`.
    #[must_use]
    pub fn key(&self) -> ObjectKey {
        ObjectKey::new(
            NamespaceName::new(Arc::clone(&self.namespace)),
            Arc::clone(&self.name),
        )
    }
}

/// serde's `skip_serializing_if` wants a reference.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature is serde's")]
fn is_zero(n: &i64) -> bool {
    *n == 0
}

/// Go clients write `null` where a list, a map or a time is empty, and users where they mean nothing.
pub(crate) fn null_as_default<'de, D: serde::Deserializer<'de>, T: Default + Deserialize<'de>>(
    d: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(d)?.unwrap_or_default())
}

/// Whether objects of a kind live in a namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// In a namespace.
    Namespaced,
    /// In the cluster itself.
    Cluster,
}

/// A kind that can be listed, watched and read from a manifest.
pub trait Object: Clone + core::fmt::Debug + DeserializeOwned + Send + Sync + 'static {
    /// The API group; empty for the core group.
    const GROUP: &'static str;
    /// The version that is asked for.
    const VERSION: &'static str;
    /// The kind, as in a manifest.
    const KIND: &'static str;
    /// The plural of the URL.
    const PLURAL: &'static str;
    /// Where its objects live.
    const SCOPE: Scope;

    /// The object's metadata.
    fn meta(&self) -> &ObjectMeta;

    /// `group/version`, or just the version for the core group.
    #[must_use]
    fn api_version() -> String {
        if Self::GROUP.is_empty() {
            Self::VERSION.to_owned()
        } else {
            format!("{}/{}", Self::GROUP, Self::VERSION)
        }
    }

    /// `namespace/name`.
    fn key(&self) -> ObjectKey {
        self.meta().key()
    }
}

/// Implements [`Object`] for a type with a field `metadata`.
macro_rules! object {
    ($type:ty: $group:literal, $version:literal, $kind:literal, $plural:literal, $scope:ident) => {
        impl $crate::meta::Object for $type {
            const GROUP: &'static str = $group;
            const VERSION: &'static str = $version;
            const KIND: &'static str = $kind;
            const PLURAL: &'static str = $plural;
            const SCOPE: $crate::meta::Scope = $crate::meta::Scope::$scope;

            fn meta(&self) -> &$crate::meta::ObjectMeta {
                &self.metadata
            }
        }
    };
}
pub(crate) use object;
