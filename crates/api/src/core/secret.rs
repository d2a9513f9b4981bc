//! Secret: its type, its keys, and values that never print.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;

use crate::meta::{null_as_default, object};
use crate::{ObjectMeta, Redacted};

/// The type that a password for BGP must have (api-and-config 2.3).
pub const BASIC_AUTH: &str = "kubernetes.io/basic-auth";

/// A Secret. Debugging output does not show its values.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Secret {
    /// Metadata.
    #[serde(deserialize_with = "null_as_default")]
    pub metadata: ObjectMeta,
    /// The type; [`BASIC_AUTH`] for passwords.
    #[serde(rename = "type", deserialize_with = "null_as_default")]
    pub kind: Box<str>,
    /// Values in base64, as an API server gives them.
    #[serde(deserialize_with = "null_as_default")]
    pub data: BTreeMap<Box<str>, Redacted>,
    /// Values in clear text, as manifests may have them; an API server moves them to `data`.
    #[serde(deserialize_with = "null_as_default")]
    pub string_data: BTreeMap<Box<str>, Redacted>,
}

impl Secret {
    /// The keys that it holds, in whichever form.
    #[must_use]
    pub fn keys(&self) -> BTreeSet<&str> {
        let keys = self.data.keys().chain(self.string_data.keys());
        keys.map(AsRef::as_ref).collect()
    }

    /// The value of `key` in clear; `None` if there is none or it is no text.
    #[must_use]
    pub fn value(&self, key: &str) -> Option<Redacted> {
        if let Some(clear) = self.string_data.get(key) {
            return Some(clear.clone());
        }
        let bytes = BASE64_STANDARD.decode(self.data.get(key)?.expose()).ok()?;
        String::from_utf8(bytes).ok().map(|text| Redacted::from(&*text))
    }
}

object!(Secret: "", "v1", "Secret", "secrets", Namespaced);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::from_yaml;

    const PASSWORD: &str =
        "{metadata: {name: tor}, type: kubernetes.io/basic-auth, data: {password: aHVudGVyMg==}}";

    #[test]
    fn keys_of_both_forms_are_known() {
        let secret: Secret = from_yaml(PASSWORD);
        assert_eq!(&*secret.kind, BASIC_AUTH);
        assert_eq!(secret.keys().into_iter().collect::<Vec<_>>(), ["password"]);
        let manifest: Secret = from_yaml("{stringData: {a: x}, data: {b: eA==}}");
        assert_eq!(manifest.keys().into_iter().collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn values_are_decoded_where_they_are_encoded() {
        let value = |text| {
            from_yaml::<Secret>(text)
                .value("k")
                .map(|v| v.expose().to_owned())
        };
        assert_eq!(value("{data: {k: aHVudGVyMg==}}").as_deref(), Some("hunter2"));
        assert_eq!(value("{data: {k: ''}}").as_deref(), Some(""));
        assert_eq!(value("{stringData: {k: hunter2}}").as_deref(), Some("hunter2"));
        assert_eq!(value("{data: {other: ''}}"), None);
        assert_eq!(value("{data: {k: '%%'}}"), None);
        assert_eq!(value("{data: {k: /w==}}"), None);
    }

    #[test]
    fn values_are_never_printed() {
        let secret: Secret = from_yaml(PASSWORD);
        assert!(!format!("{secret:?}").contains("aHVudGVyMg"));
        assert_eq!(secret.data["password"].expose(), "aHVudGVyMg==");
    }
}
