//! Community: names for BGP communities.

use serde::{Deserialize, Serialize};

use crate::ObjectMeta;
use crate::meta::{null_as_default, object};

/// Aliases, which are global: the object's own name has no meaning.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Community {
    /// Metadata.
    #[serde(deserialize_with = "null_as_default")]
    pub metadata: ObjectMeta,
    /// What the admin wrote.
    #[serde(deserialize_with = "null_as_default")]
    pub spec: CommunitySpec,
}

/// `spec` of a [`Community`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CommunitySpec {
    /// The aliases.
    #[serde(deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    pub communities: Vec<Alias>,
}

/// One of [`CommunitySpec::communities`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Alias {
    /// How advertisements call it.
    #[serde(
        deserialize_with = "null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub name: String,
    /// `64512:1` or `large:64512:1:2`.
    #[serde(
        deserialize_with = "null_as_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub value: String,
}

object!(Community: "metallb.io", "v1beta1", "Community", "communities", Namespaced);
