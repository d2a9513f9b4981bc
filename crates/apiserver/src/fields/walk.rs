//! How a schema says that a value merges, and the set of fields that an applied configuration has.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{FieldSet, field};
use crate::schema::{OBJECT_META, Schema, builtin};

/// How a value merges with another.
pub(super) enum Shape<'a> {
    /// Field by field.
    Map,
    /// Item by item, found by these keys.
    Items(&'a Schema),
    /// Item by item, each being its own key.
    Set,
    /// As a whole.
    Atomic,
}

/// Where a walk is: the schema of the value, if it is known, and whether it is the root of an object.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) schema: Option<&'a Schema>,
    pub(super) is_root: bool,
}

impl<'a> Place<'a> {
    pub(super) fn root(schema: Option<&'a Schema>) -> Self {
        Self {
            schema,
            is_root: true,
        }
    }

    fn at(schema: Option<&'a Schema>) -> Self {
        Self {
            schema,
            is_root: false,
        }
    }

    pub(super) fn child(self, name: &str) -> Self {
        if self.is_root && name == "metadata" {
            return Self::at(builtin(OBJECT_META));
        }
        Self::at(self.schema.and_then(|s| s.field(name)))
    }

    /// Whether the value has named fields that merge one by one.
    pub(super) fn is_struct(self) -> bool {
        self.schema.is_some_and(|s| {
            let resolved = s.resolve();
            let atomic = is_atomic(s.map_type.as_deref()) || is_atomic(resolved.map_type.as_deref());
            !atomic && !resolved.properties.is_empty()
        })
    }

    pub(super) fn item(self) -> Self {
        Self::at(self.schema.and_then(Schema::item))
    }

    /// Whether the field has a name in the schema, as opposed to a free one.
    fn names(self, name: &str) -> bool {
        self.is_root && name == "metadata"
            || self
                .schema
                .is_some_and(|s| s.resolve().properties.contains_key(name))
    }

    pub(super) fn shape(self, value: &Value) -> Shape<'a> {
        match value {
            Value::Object(_) => match self.schema {
                Some(s) if is_atomic(s.map_type.as_deref()) || is_atomic(s.resolve().map_type.as_deref()) => {
                    Shape::Atomic
                }
                _ => Shape::Map,
            },
            Value::Array(_) => match self.schema.map(|s| (s, s.list_type.as_deref())) {
                Some((schema, Some("map"))) => Shape::Items(schema),
                Some((_, Some("set"))) => Shape::Set,
                _ => Shape::Atomic,
            },
            _ => Shape::Atomic,
        }
    }
}

fn is_atomic(kind: Option<&str>) -> bool {
    kind == Some("atomic")
}

/// The element of an item of a map list: its keys, sorted, with the defaults of missing ones.
pub(super) fn item_element(item: &Value, schema: &Schema) -> String {
    let mut keys: Vec<&str> = schema.list_map_keys.iter().map(|k| &**k).collect();
    keys.sort_unstable();
    let pairs: Vec<String> = keys
        .into_iter()
        .filter_map(|key| {
            let default = || schema.item()?.field(key)?.default.as_ref();
            let value = item.get(key).or_else(default)?;
            Some(format!("{}:{value}", Value::from(key)))
        })
        .collect();
    format!("k:{{{}}}", pairs.join(","))
}

/// The element of an item of a set.
pub(super) fn value_element(item: &Value) -> String {
    format!("v:{item}")
}

/// The element of each item of a list that merges item by item.
pub(super) fn elements(items: &[Value], shape: &Shape<'_>) -> Vec<String> {
    items
        .iter()
        .map(|item| match shape {
            Shape::Items(schema) => item_element(item, schema),
            _ => value_element(item),
        })
        .collect()
}

/// The fields that an object has, leaf by leaf.
pub(crate) fn owned(object: &Value, schema: Option<&Schema>) -> FieldSet {
    match object {
        Value::Object(map) => of_map(map, Place::root(schema)),
        _ => FieldSet::default(),
    }
}

/// The path of a list in which an item stands twice, and the item.
pub(crate) fn duplicate(object: &Value, schema: Option<&Schema>) -> Option<(String, String)> {
    duplicate_at(object, Place::root(schema), "")
}

fn duplicate_at(value: &Value, place: Place<'_>, path: &str) -> Option<(String, String)> {
    let shape = place.shape(value);
    match (value, &shape) {
        (Value::Object(map), Shape::Map) => map
            .iter()
            .find_map(|(name, value)| duplicate_at(value, place.child(name), &format!("{path}.{name}"))),
        (Value::Array(items), Shape::Items(_) | Shape::Set) => {
            let names = elements(items, &shape);
            let mut seen = BTreeSet::new();
            let twice = names.iter().find(|name| !seen.insert(*name));
            let below = || {
                items
                    .iter()
                    .find_map(|item| duplicate_at(item, place.item(), path))
            };
            twice
                .map(|name| (path.to_owned(), super::shown(name)))
                .or_else(below)
        }
        _ => None,
    }
}

fn of_map(map: &Map<String, Value>, place: Place<'_>) -> FieldSet {
    let mut set = FieldSet::default();
    for (name, value) in map {
        let child = place.child(name);
        let is_empty = value.is_null() || value.as_object().is_some_and(Map::is_empty);
        if is_empty || !place.names(name) {
            set.insert(field(name));
        }
        add(&mut set, field(name), value, child);
    }
    set
}

fn add(set: &mut FieldSet, element: String, value: &Value, place: Place<'_>) {
    let shape = place.shape(value);
    match (value, &shape) {
        (Value::Object(map), Shape::Map) => set.graft(element, of_map(map, place)),
        (Value::Array(items), Shape::Items(_) | Shape::Set) => {
            let mut below = FieldSet::default();
            for (item, name) in items.iter().zip(elements(items, &shape)) {
                below.insert(name.clone());
                if let Value::Object(map) = item {
                    below.graft(name, of_map(map, place.item()));
                }
            }
            set.graft(element, below);
        }
        _ => set.insert(element),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_applied_service_owns_items_by_key_and_selectors_whole() {
        let schema = builtin("io.k8s.api.core.v1.Service");
        let object = json!({"metadata": {"name": "a", "labels": {"a": "1"}, "finalizers": ["x/y"]}, "spec": {
            "selector": {"x": "y"}, "ports": [{"port": 80, "name": "h"}]}});
        let mut set = owned(&object, schema);
        set.drop_common();
        assert_eq!(
            set.to_value(),
            json!({
                "f:metadata": {"f:labels": {"f:a": {}}, "f:finalizers": {"v:\"x/y\"": {}}},
                "f:spec": {"f:selector": {}, "f:ports": {
                    "k:{\"port\":80,\"protocol\":\"TCP\"}": {".": {}, "f:name": {}, "f:port": {}}}},
            })
        );
    }
}
