//! Strategic merge patch: lists merge by a key that the schema names.

use serde_json::{Map, Value};

use crate::error::ApiError;
use crate::kinds::Resource;
use crate::object::root_mut;
use crate::ops::{Manner, Rewrite};
use crate::schema::Schema;

/// Says what to do with a map or an item: `replace`, `delete`, `merge`.
const DIRECTIVE: &str = "$patch";
/// Names the only keys of a map that stay.
const RETAIN_KEYS: &str = "$retainKeys";
/// Orders the items of a list.
const ORDER: &str = "$setElementOrder/";
/// Takes items out of a list of scalars.
const DELETE_FROM: &str = "$deleteFromPrimitiveList/";

/// A strategic merge patch for a built-in kind.
pub(super) struct Strategic<'a> {
    pub(super) resource: &'a Resource,
    pub(super) patch: Value,
}

impl Rewrite for Strategic<'_> {
    fn manner(&self) -> Manner {
        Manner::Patch
    }

    fn rewrite(&self, current: &Value) -> Result<Value, ApiError> {
        let Value::Object(patch) = self.patch.clone() else {
            return Err(ApiError::bad_request("a strategic merge patch is a JSON object"));
        };
        let mut object = current.clone();
        merge_map(root_mut(&mut object), patch, self.resource.schema())?;
        Ok(object)
    }
}

fn merge_map(
    target: &mut Map<String, Value>,
    mut patch: Map<String, Value>,
    schema: Option<&Schema>,
) -> Result<(), ApiError> {
    match patch.remove(DIRECTIVE).as_ref().and_then(Value::as_str) {
        None | Some("merge") => {}
        Some("replace") => {
            *target = patch;
            return Ok(());
        }
        Some("delete") => {
            target.clear();
            return Ok(());
        }
        Some(other) => return Err(unknown_directive(other)),
    }
    if let Some(Value::Array(kept)) = patch.remove(RETAIN_KEYS) {
        target.retain(|key, _| kept.iter().any(|k| k == key));
    }
    let (orders, patch): (Vec<_>, Vec<_>) = patch.into_iter().partition(|(k, _)| k.starts_with(ORDER));
    for (key, value) in patch {
        merge_field(target, key, value, schema)?;
    }
    for (key, order) in orders {
        let field = key.trim_start_matches(ORDER);
        let schema = schema.and_then(|s| s.field(field));
        if let (Some(Value::Array(list)), Value::Array(order)) = (target.get_mut(field), order) {
            let before = list.clone();
            set_order(list, &before, &order, schema.and_then(merge_key));
        }
    }
    Ok(())
}

fn merge_field(
    target: &mut Map<String, Value>,
    key: String,
    value: Value,
    schema: Option<&Schema>,
) -> Result<(), ApiError> {
    if let Some(field) = key.strip_prefix(DELETE_FROM) {
        if let (Some(Value::Array(list)), Value::Array(gone)) = (target.get_mut(field), value) {
            list.retain(|item| !gone.contains(item));
        }
        return Ok(());
    }
    let field = schema.and_then(|s| s.field(&key));
    match (target.get_mut(&key), value) {
        (_, Value::Null) => {
            target.remove(&key);
        }
        (Some(Value::Object(map)), Value::Object(patch)) => merge_map(map, patch, field)?,
        (Some(Value::Array(list)), Value::Array(patch)) => merge_list(list, patch, field)?,
        // Directives mean nothing where there is nothing yet, and must not be stored.
        (_, value) => {
            target.insert(key, without_directives(value));
        }
    }
    Ok(())
}

fn merge_list(list: &mut Vec<Value>, patch: Vec<Value>, schema: Option<&Schema>) -> Result<(), ApiError> {
    let replaces = |item: &Value| item[DIRECTIVE] == "replace";
    let merges = schema.is_some_and(|s| strategies(s).any(|w| w == "merge"));
    if !merges || patch.iter().any(replaces) {
        let items = patch.into_iter().filter(|item| !replaces(item));
        *list = items.map(without_directives).collect();
        return Ok(());
    }
    let (before, order) = (list.clone(), patch.clone());
    let key = schema.and_then(merge_key);
    match key {
        None => {
            for item in patch {
                if !list.contains(&item) {
                    list.push(item);
                }
            }
        }
        Some(key) => merge_items(list, patch, key, schema.and_then(Schema::item))?,
    }
    set_order(list, &before, &order, key);
    Ok(())
}

/// Items with the same value under `key` are one item.
fn merge_items(
    list: &mut Vec<Value>,
    patch: Vec<Value>,
    key: &str,
    schema: Option<&Schema>,
) -> Result<(), ApiError> {
    for item in patch {
        let Value::Object(item) = item else {
            return Err(ApiError::bad_request(
                "a list that merges by a key has objects as items",
            ));
        };
        let identity = item.get(key).cloned().unwrap_or(Value::Null);
        if identity.is_null() {
            return Err(ApiError::bad_request(format!(
                "map: {} does not contain declared merge key: {key}",
                Value::Object(item)
            )));
        }
        let found = list.iter().position(|existing| existing[key] == identity);
        let deletes = item.get(DIRECTIVE).is_some_and(|d| d == "delete");
        match found {
            Some(_) if deletes => list.retain(|existing| existing[key] != identity),
            Some(index) => merge_map(root_mut(&mut list[index]), item, schema)?,
            None if deletes => {}
            None => list.push(without_directives(Value::Object(item))),
        }
    }
    Ok(())
}

/// Puts a list in order: the items that `order` names as it names them, the others in between as they stood `before`;
/// where neither says which comes first, the named item does.
fn set_order(list: &mut Vec<Value>, before: &[Value], order: &[Value], key: Option<&str>) {
    let identity = |item: &Value| key.map_or_else(|| item.clone(), |k| item[k].clone());
    let place = |items: &[Value], item: &Value| items.iter().position(|o| identity(o) == identity(item));
    let (mut named, others): (Vec<Value>, Vec<Value>) =
        list.drain(..).partition(|item| place(order, item).is_some());
    named.sort_by_key(|item| place(order, item));
    let mut others = others.into_iter().peekable();
    for item in named {
        let at = place(before, &item);
        while let Some(other) = others.next_if(|o| at.is_some() && place(before, o) < at) {
            list.push(other);
        }
        list.push(item);
    }
    list.extend(others);
}

fn merge_key(schema: &Schema) -> Option<&str> {
    schema.patch_merge_key.as_deref()
}

fn strategies(schema: &Schema) -> impl Iterator<Item = &str> {
    schema.patch_strategy.as_deref().unwrap_or_default().split(',')
}

fn without_directives(value: Value) -> Value {
    match value {
        Value::Object(map) => map
            .into_iter()
            .filter(|(k, v)| !k.starts_with('$') && !v.is_null())
            .map(|(k, v)| (k, without_directives(v)))
            .collect::<Map<_, _>>()
            .into(),
        Value::Array(items) => {
            let kept = items
                .into_iter()
                .filter(|i| i[DIRECTIVE] != "delete")
                .map(without_directives);
            Value::Array(kept.collect())
        }
        other => other,
    }
}

fn unknown_directive(word: &str) -> ApiError {
    ApiError::bad_request(format!(
        "unknown patch type `{word}` found in directive `$patch`; use `merge`, `replace` or `delete`"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::Registry;
    use serde_json::json;

    #[expect(clippy::needless_pass_by_value, reason = "values are written in place")]
    fn patched(current: Value, patch: Value) -> Value {
        let registry = Registry::built_in();
        let resource = registry.find("", "v1", "services").unwrap();
        let strategic = Strategic { resource, patch };
        strategic.rewrite(&current).unwrap()
    }

    fn service() -> Value {
        json!({"metadata": {"finalizers": ["a"], "labels": {"x": "1"}}, "spec": {
            "externalIPs": ["192.0.2.1"], "selector": {"app": "web"},
            "ports": [{"port": 80, "name": "http"}, {"port": 443, "name": "https"}]}})
    }

    #[test]
    fn ports_merge_by_their_number_and_other_lists_are_replaced() {
        let patch = json!({"spec": {"ports": [{"port": 443, "name": "tls"}, {"port": 81}], "externalIPs": ["192.0.2.2"]}});
        let spec = &patched(service(), patch)["spec"];
        assert_eq!(
            spec["ports"],
            json!([{"port": 80, "name": "http"}, {"port": 443, "name": "tls"}, {"port": 81}])
        );
        assert_eq!(spec["externalIPs"], json!(["192.0.2.2"]));
    }

    #[test]
    fn directives_delete_replace_and_order() {
        let patch = json!({"spec": {
            "$setElementOrder/ports": [{"port": 81}, {"port": 443}],
            "ports": [{"port": 80, "$patch": "delete"}, {"port": 81}],
            "selector": {"$patch": "replace", "only": "this"},
        }});
        let spec = &patched(service(), patch)["spec"];
        assert_eq!(
            spec["ports"],
            json!([{"port": 81}, {"port": 443, "name": "https"}])
        );
        assert_eq!(spec["selector"], json!({"only": "this"}));
        let patch = json!({"spec": {"ports": [{"$patch": "replace"}, {"port": 1}]}});
        assert_eq!(patched(service(), patch)["spec"]["ports"], json!([{"port": 1}]));
    }

    #[test]
    fn lists_of_scalars_grow_and_shrink() {
        let grown = patched(service(), json!({"metadata": {"finalizers": ["a", "b"]}}));
        assert_eq!(grown["metadata"]["finalizers"], json!(["a", "b"]));
        let shrunk = patched(
            grown,
            json!({"metadata": {"$deleteFromPrimitiveList/finalizers": ["a"]}}),
        );
        assert_eq!(shrunk["metadata"]["finalizers"], json!(["b"]));
    }

    #[test]
    fn null_removes_and_retain_keys_keeps_only_what_it_names() {
        let patch = json!({"metadata": {"labels": {"x": null, "y": "2"}}, "spec": {"$retainKeys": ["ports"], "type": "NodePort"}});
        let object = patched(service(), patch);
        assert_eq!(object["metadata"]["labels"], json!({"y": "2"}));
        let keys: Vec<&String> = object["spec"].as_object().unwrap().keys().collect();
        assert_eq!(keys, ["ports", "type"]);
    }
}
