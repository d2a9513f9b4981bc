//! Items of a set, and keys of a map list, stand there once; and which old item a new one continues.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{Schema, join};
use crate::error::Cause;

/// Every item that stands in a list for the second time, in the whole object.
pub(crate) fn duplicates(value: &Value, schema: &Schema, path: &str, found: &mut Vec<Cause>) {
    match value {
        Value::Object(map) => {
            for (name, value) in map {
                if let Some(field) = schema.field(name) {
                    duplicates(value, field, &join(path, name), found);
                }
            }
        }
        Value::Array(items) => {
            if let Some(item) = schema.item() {
                for (i, value) in items.iter().enumerate() {
                    duplicates(value, item, &format!("{path}[{i}]"), found);
                }
            }
            twice(items, schema, path, found);
        }
        _ => {}
    }
}

/// One list (O(n log n) by the text of its items); an item that is there three times is named once.
fn twice(items: &[Value], schema: &Schema, path: &str, found: &mut Vec<Cause>) {
    let (mut seen, mut told) = (BTreeSet::new(), BTreeSet::new());
    for (i, item) in items.iter().enumerate() {
        let Some(identity) = identity(item, schema) else {
            continue;
        };
        let text = identity.to_string();
        if !seen.insert(text.clone()) && told.insert(text) {
            found.push(Cause::duplicate(format!("{path}[{i}]"), &identity));
        }
    }
}

/// What may stand in a list once: the item of a set, the keys of an item of a map list.
fn identity(item: &Value, schema: &Schema) -> Option<Value> {
    match schema.list_type.as_deref()? {
        "set" => Some(item.clone()),
        "map" => {
            let keys = schema.list_map_keys.iter();
            let keys = keys.map(|k| (k.to_string(), item[&**k].clone()));
            Some(keys.collect::<Map<_, _>>().into())
        }
        _ => None,
    }
}

/// The item of the old list that `item` continues: the one with the same keys. Other lists are changed as a whole.
pub(crate) fn correlated<'a>(item: &Value, old: Option<&'a Value>, schema: &Schema) -> Option<&'a Value> {
    if schema.list_type.as_deref() != Some("map") {
        return None;
    }
    let mut candidates = old?.as_array()?.iter();
    candidates.find(|o| schema.list_map_keys.iter().all(|k| o[&**k] == item[&**k]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn found(schema: &Value, object: &Value) -> Vec<String> {
        let schema = Schema::parse(schema).unwrap();
        let mut found = Vec::new();
        duplicates(object, &schema, "", &mut found);
        found
            .into_iter()
            .map(|c| format!("{}: {}", c.field, c.message))
            .collect()
    }

    #[test]
    fn keys_of_a_map_list_stand_there_once() {
        let schema = json!({"properties": {"c": {"items": {},
            "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"],
        }}});
        assert_eq!(
            found(
                &schema,
                &json!({"c": [{"type": "a"}, {"type": "b"}, {"type": "a"}]})
            ),
            ["c[2]: Duplicate value: {\"type\":\"a\"}"]
        );
    }

    #[test]
    fn an_item_of_a_set_is_named_once_however_often_it_stands_there() {
        let schema = json!({"properties": {"s": {"items": {}, "x-kubernetes-list-type": "set"}}});
        assert_eq!(
            found(&schema, &json!({"s": ["a", "b", "a", "a"]})),
            ["s[2]: Duplicate value: \"a\""]
        );
        let atomic = json!({"properties": {"s": {"items": {}}}});
        assert!(found(&atomic, &json!({"s": ["a", "a"]})).is_empty());
    }
}
