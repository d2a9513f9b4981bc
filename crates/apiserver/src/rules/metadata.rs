//! What is wrong with metadata, in the words of the real server.

use serde_json::{Map, Value};

use super::names::{label_value, qualified_name};
use crate::error::Cause;
use crate::object::is_terminating;

/// Largest sum of annotation keys and values.
const MAX_ANNOTATION_BYTES: usize = 256 * 1024;

/// Finalizers that need no domain.
const STANDARD_FINALIZERS: [&str; 3] = ["kubernetes", "foregroundDeletion", "orphan"];

/// Checks labels, annotations, owners and finalizers.
pub(crate) fn check(object: &Value) -> Vec<Cause> {
    let meta = &object["metadata"];
    let mut found = Vec::new();
    labels(&meta["labels"], "metadata.labels", &mut found);
    annotations(&meta["annotations"], &mut found);
    owners(&meta["ownerReferences"], &mut found);
    finalizers(&meta["finalizers"], &mut found);
    found
}

/// Checks what may not change in metadata.
pub(crate) fn check_change(new: &Value, old: &Value) -> Vec<Cause> {
    let finalizers = |object: &Value| {
        object["metadata"]["finalizers"]
            .as_array()
            .cloned()
            .unwrap_or_default()
    };
    let (before, mut added) = (finalizers(old), finalizers(new));
    added.retain(|f| !before.contains(f));
    if added.is_empty() || !is_terminating(old) {
        return Vec::new();
    }
    let names: Vec<String> = added.iter().map(Value::to_string).collect();
    let why = format!(
        "no new finalizers can be added if the object is being deleted, found new finalizers []string{{{}}}",
        names.join(", ")
    );
    vec![Cause::forbidden("metadata.finalizers", &why)]
}

/// A map of labels, or a selector that is one.
pub(crate) fn labels(map: &Value, field: &str, found: &mut Vec<Cause>) {
    for (key, value) in map.as_object().into_iter().flatten() {
        if let Some(why) = qualified_name(key) {
            found.push(Cause::invalid(field, &Value::from(key.as_str()), &why));
        }
        if let Some(why) = value.as_str().and_then(label_value) {
            found.push(Cause::invalid(field, value, &why));
        }
    }
}

fn annotations(map: &Value, found: &mut Vec<Cause>) {
    let empty = Map::new();
    let map = map.as_object().unwrap_or(&empty);
    for key in map.keys() {
        if let Some(why) = qualified_name(&key.to_lowercase()) {
            found.push(Cause::invalid(
                "metadata.annotations",
                &Value::from(key.as_str()),
                &why,
            ));
        }
    }
    let bytes: usize = map
        .iter()
        .map(|(k, v)| k.len() + v.as_str().map_or(0, str::len))
        .sum();
    if bytes > MAX_ANNOTATION_BYTES {
        found.push(Cause::too_long("metadata.annotations", MAX_ANNOTATION_BYTES));
    }
}

fn owners(list: &Value, found: &mut Vec<Cause>) {
    let field = "metadata.ownerReferences";
    for owner in list.as_array().into_iter().flatten() {
        let texts = [
            ("apiVersion", "version must not be empty"),
            ("kind", "must not be empty"),
            ("name", "must not be empty"),
            ("uid", "must not be empty"),
        ];
        for (name, why) in texts {
            if owner[name].as_str().is_none_or(str::is_empty) {
                found.push(Cause::invalid(format!("{field}.{name}"), &Value::from(""), why));
            }
        }
    }
}

fn finalizers(list: &Value, found: &mut Vec<Cause>) {
    for (i, finalizer) in list.as_array().into_iter().flatten().enumerate() {
        let name = finalizer.as_str().unwrap_or_default();
        if let Some(why) = qualified_name(name) {
            found.push(Cause::invalid("metadata.finalizers", finalizer, &why));
        } else if !name.contains('/') && !STANDARD_FINALIZERS.contains(&name) {
            let why = "name is neither a standard finalizer name nor is it fully qualified";
            found.push(Cause::invalid(
                format!("metadata.finalizers[{i}]"),
                finalizer,
                why,
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn fields(metadata: &Value) -> Vec<String> {
        let found = check(&json!({"metadata": metadata}));
        found.into_iter().map(|c| c.field).collect()
    }

    #[test]
    fn good_metadata_passes_and_bad_is_named() {
        let good = json!({"labels": {"a": "b", "example.org/x_y": ""}, "annotations": {"Up.Per/x": "any thing"},
            "finalizers": ["kubernetes", "example.org/hold"],
            "ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "u"}]});
        assert!(fields(&good).is_empty());
        let bad = json!({"labels": {"a b": "-"}, "annotations": {"x y": ""}, "finalizers": ["hold"],
            "ownerReferences": [{"name": "p"}]});
        assert_eq!(
            fields(&bad),
            [
                "metadata.labels",
                "metadata.labels",
                "metadata.annotations",
                "metadata.ownerReferences.apiVersion",
                "metadata.ownerReferences.kind",
                "metadata.ownerReferences.uid",
                "metadata.finalizers[0]",
            ]
        );
        assert_eq!(
            fields(&json!({"annotations": {"a": "x".repeat(300_000)}})),
            ["metadata.annotations"]
        );
    }

    #[test]
    fn an_object_that_goes_gets_no_new_finalizer() {
        let old =
            json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": ["a/b", "a/c"]}});
        let fewer = json!({"metadata": {"finalizers": ["a/c"]}});
        assert!(check_change(&fewer, &old).is_empty());
        let more = json!({"metadata": {"finalizers": ["a/b", "a/d"]}});
        assert_eq!(check_change(&more, &old).len(), 1);
    }
}
