//! Namespace: a name, labels, and the pools that its Services are confined to.

use serde::Deserialize;

use ferrolb_types::{NamespaceName, PoolName};

use crate::annotations::POOLS;
use crate::facts::{Fence, NamespaceFacts};
use crate::meta::{null_as_default, object};
use crate::{Object, ObjectMeta, Problem, Severity, reason};

/// A Namespace; pools select it by name and label.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Namespace {
    /// Metadata.
    #[serde(deserialize_with = "null_as_default")]
    pub metadata: ObjectMeta,
}

impl Namespace {
    /// Reduces the object to what decisions need.
    #[must_use]
    pub fn observe(&self) -> NamespaceFacts {
        NamespaceFacts {
            name: NamespaceName::new(&*self.metadata.name),
            labels: self.metadata.labels.clone(),
            fence: self.metadata.annotations.get(POOLS).map_or(Fence::Open, fence),
        }
    }

    /// What is wrong with it: a fence that cannot be read lets nobody through, and only here can it be repaired.
    #[must_use]
    pub fn problem(&self) -> Option<Problem> {
        let text = self.metadata.annotations.get(POOLS)?;
        let Fence::Malformed(wrong) = fence(text) else {
            return None;
        };
        Some(Problem {
            severity: Severity::Error,
            kind: Self::KIND.into(),
            namespace: String::new(),
            name: self.metadata.name.to_string(),
            field: format!("metadata.annotations[{POOLS}]"),
            value: Some(text.into()),
            reason: reason::INVALID_VALUE.word().into(),
            message: format!(
                "`{wrong}` is no name of a pool, so no Service of the namespace gets a new address; write names of pools \
                 separated by commas, or remove the annotation"
            ),
        })
    }
}

/// Names separated by commas, spaces around them ignored; an empty text names none.
fn fence(text: &str) -> Fence {
    if text.trim().is_empty() {
        return Fence::Pools(std::collections::BTreeSet::new());
    }
    let names: Vec<&str> = text.split(',').map(str::trim).collect();
    match names.iter().find(|name| !is_object_name(name)) {
        Some(wrong) => Fence::Malformed(wrong.chars().take(80).collect::<String>().into()),
        None => Fence::Pools(names.into_iter().map(PoolName::new).collect()),
    }
}

/// Whether an object can be called so (RFC 1123 subdomain, as far as characters go).
fn is_object_name(name: &str) -> bool {
    let is_character = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.');
    !name.is_empty() && name.len() <= 253 && name.chars().all(is_character)
}

object!(Namespace: "", "v1", "Namespace", "namespaces", Cluster);

#[cfg(test)]
mod tests {
    use super::*;

    fn fence_of(annotation: &str) -> Fence {
        let mut namespace = Namespace::default();
        namespace.metadata.annotations = [(POOLS, annotation)].into_iter().collect();
        namespace.observe().fence
    }

    #[test]
    fn the_annotation_names_pools_and_without_it_all_are_open() {
        assert_eq!(Namespace::default().observe().fence, Fence::Open);
        let both = Fence::Pools(["a".into(), "b.c-d".into()].into());
        assert_eq!(fence_of("a, b.c-d"), both);
        assert!(both.admits(&"a".into()) && !both.admits(&"c".into()));
    }

    #[test]
    fn an_empty_annotation_confines_to_no_pool() {
        assert_eq!(fence_of(" "), Fence::Pools(std::collections::BTreeSet::new()));
        assert!(!fence_of("").admits(&"a".into()));
    }

    #[test]
    fn a_malformed_annotation_lets_nobody_through() {
        for text in ["a,,b", "a,", "A", "a b"] {
            let fence = fence_of(text);
            assert!(matches!(fence, Fence::Malformed(_)), "{text}");
            assert!(!fence.admits(&"a".into()));
        }
    }
}
