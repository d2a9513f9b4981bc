//! Sets of fields, as `metadata.managedFields` has them (`FieldsV1`), and how they are found in objects.
//!
//! ```text
//!   {"f:spec": {"f:ports": {"k:{\"port\":80,\"protocol\":\"TCP\"}": {".": {}, "f:port": {}}}}}
//!      │ field       item of a map list, by its keys ┘              │ the item itself
//! ```

mod compare;
mod merge;
mod walk;

use std::collections::BTreeMap;

use serde_json::{Map, Value};

pub(crate) use compare::{Difference, compare};
pub(crate) use merge::{merge, prune};
pub(crate) use walk::{duplicate, owned};

/// A set of paths into an object, as a tree of path elements.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FieldSet(BTreeMap<String, Node>);

/// One path element and what is below it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Node {
    /// Whether the path that ends here is in the set.
    is_member: bool,
    below: FieldSet,
}

/// The element of a named field.
fn field(name: &str) -> String {
    format!("f:{name}")
}

/// Deepest nesting read from a client's managed fields.
const MAX_DEPTH: usize = 64;

impl FieldSet {
    /// Reads `FieldsV1`; what is no set is empty.
    pub(crate) fn parse(fields: &Value) -> Self {
        Self::parse_at(fields, 0)
    }

    fn parse_at(fields: &Value, depth: usize) -> Self {
        let Some(map) = fields.as_object().filter(|_| depth < MAX_DEPTH) else {
            return Self::default();
        };
        let elements = map.iter().filter(|(key, _)| *key != ".");
        let node = |value: &Value| Node {
            is_member: value
                .as_object()
                .is_none_or(|m| m.is_empty() || m.contains_key(".")),
            below: Self::parse_at(value, depth + 1),
        };
        Self(elements.map(|(key, value)| (key.clone(), node(value))).collect())
    }

    /// Writes `FieldsV1`.
    pub(crate) fn to_value(&self) -> Value {
        let entries = self.0.iter().map(|(key, node)| {
            let mut below = node.below.to_value();
            if node.is_member
                && !node.below.is_empty()
                && let Some(map) = below.as_object_mut()
            {
                map.insert(".".to_owned(), Value::Object(Map::new()));
            }
            (key.clone(), below)
        });
        Value::Object(entries.collect())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn insert(&mut self, element: String) {
        self.0.entry(element).or_default().is_member = true;
    }

    /// Puts a set below an element; an empty one leaves no trace.
    fn graft(&mut self, element: String, below: Self) {
        if !below.is_empty() {
            let node = self.0.entry(element).or_default();
            node.below = core::mem::take(&mut node.below).union(below);
        }
    }

    fn below(&self, element: &str) -> Option<&Self> {
        self.0.get(element).map(|node| &node.below)
    }

    /// Everything in either.
    pub(crate) fn union(mut self, other: Self) -> Self {
        for (element, node) in other.0 {
            let mine = self.0.entry(element).or_default();
            mine.is_member |= node.is_member;
            mine.below = core::mem::take(&mut mine.below).union(node.below);
        }
        self
    }

    /// What is here and not in `other`.
    pub(crate) fn difference(&self, other: &Self) -> Self {
        self.combine(other, |mine, theirs| mine && !theirs)
    }

    /// What is in both.
    pub(crate) fn intersection(&self, other: &Self) -> Self {
        self.combine(other, |mine, theirs| mine && theirs)
    }

    fn combine(&self, other: &Self, keep: fn(bool, bool) -> bool) -> Self {
        let nothing = Node::default();
        let kept = self.0.iter().filter_map(|(element, mine)| {
            let theirs = other.0.get(element).unwrap_or(&nothing);
            let node = Node {
                is_member: keep(mine.is_member, theirs.is_member),
                below: mine.below.combine(&theirs.below, keep),
            };
            (node.is_member || !node.below.is_empty()).then(|| (element.clone(), node))
        });
        Self(kept.collect())
    }

    /// Takes out a field of the root and everything below it.
    pub(crate) fn drop_root(&mut self, name: &str) {
        self.0.remove(&field(name));
    }

    /// Keeps only one field of the root.
    pub(crate) fn keep_root(&mut self, name: &str) {
        let kept = field(name);
        self.0.retain(|element, _| *element == kept);
    }

    /// Takes out what nobody owns: type, name, and what the server alone writes.
    pub(crate) fn drop_common(&mut self) {
        const META: [&str; 10] = [
            "name",
            "namespace",
            "creationTimestamp",
            "selfLink",
            "uid",
            "generation",
            "managedFields",
            "resourceVersion",
            "deletionTimestamp",
            "deletionGracePeriodSeconds",
        ];
        self.drop_root("apiVersion");
        self.drop_root("kind");
        if let Some(node) = self.0.get_mut("f:metadata") {
            node.is_member = false;
            META.iter().for_each(|name| node.below.drop_root(name));
            if node.below.is_empty() {
                self.drop_root("metadata");
            }
        }
    }

    /// Every path, what is higher up first, as messages have it: `.spec.ports[port=80,protocol="TCP"].name`.
    pub(crate) fn paths(&self) -> Vec<String> {
        let mut found = Vec::new();
        self.collect_paths("", &mut found);
        found
    }

    fn collect_paths(&self, parent: &str, found: &mut Vec<String>) {
        let path = |element: &str| format!("{parent}{}", shown(element));
        let members = self.0.iter().filter(|(_, node)| node.is_member);
        found.extend(members.map(|(element, _)| path(element)));
        for (element, node) in &self.0 {
            node.below.collect_paths(&path(element), found);
        }
    }
}

/// A path element as messages have it.
fn shown(element: &str) -> String {
    match element.split_once(':') {
        Some(("f", name)) => format!(".{name}"),
        Some(("k", keys)) => {
            let keys: Map<String, Value> = serde_json::from_str(keys).unwrap_or_default();
            let pairs: Vec<String> = keys.iter().map(|(k, v)| format!("{k}={v}")).collect();
            format!("[{}]", pairs.join(","))
        }
        Some(("v", value)) => format!("[={value}]"),
        Some((_, index)) => format!("[{index}]"),
        None => element.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn fields_v1_is_read_and_written_back() {
        let fields = json!({"f:metadata": {"f:labels": {".": {}, "f:a": {}}}, "f:spec": {"f:ports": {
            "k:{\"port\":80,\"protocol\":\"TCP\"}": {".": {}, "f:name": {}}}}});
        let set = FieldSet::parse(&fields);
        assert_eq!(set.to_value(), fields);
        assert_eq!(
            set.paths(),
            [
                ".metadata.labels",
                ".metadata.labels.a",
                ".spec.ports[port=80,protocol=\"TCP\"]",
                ".spec.ports[port=80,protocol=\"TCP\"].name"
            ]
        );
    }

    #[test]
    fn sets_combine_element_by_element() {
        let a = FieldSet::parse(&json!({"f:x": {".": {}, "f:y": {}}, "f:z": {}}));
        let b = FieldSet::parse(&json!({"f:x": {"f:y": {}}}));
        assert_eq!(a.difference(&b).to_value(), json!({"f:x": {}, "f:z": {}}));
        assert_eq!(a.intersection(&b), b);
        assert_eq!(b.union(a.clone()), a);
    }

    #[test]
    fn what_is_no_set_is_empty_and_depth_is_bounded() {
        assert!(FieldSet::parse(&json!([1])).is_empty());
        let mut deep = json!({});
        for _ in 0..100 {
            deep = json!({"f:x": deep});
        }
        assert!(FieldSet::parse(&deep).paths().len() <= 1);
    }
}
