//! How an object comes from one version of its kind to another.

use serde_json::Value;

/// The way, which is the same for all versions of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Conversion {
    /// The versions differ in `apiVersion` alone (`strategy: None`).
    None,
    /// BGPPeer of `metallb.io`: what its `/convert` webhook would do, done here (api-and-config 1.10).
    BuiltIn,
}

impl Conversion {
    /// The way for a kind of a CRD.
    pub(crate) fn of(group: &str, kind: &str) -> Self {
        match (group, kind) {
            ("metallb.io", "BGPPeer") => Self::BuiltIn,
            _ => Self::None,
        }
    }

    /// The object in version `to`; its `apiVersion` is not looked after, and what cannot be converted stays as it is.
    pub(crate) fn convert(self, object: &Value, to: &str) -> Value {
        match self {
            Self::None => object.clone(),
            Self::BuiltIn => ferrolb_api::convert(object, to).unwrap_or_else(|_| object.clone()),
        }
    }
}
