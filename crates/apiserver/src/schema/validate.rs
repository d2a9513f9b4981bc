//! Types, bounds and required fields, with the messages of the real server.

use regex::Regex;
use serde_json::{Value, json};

use super::{Schema, join, json_type};
use crate::error::Cause;

/// What was found wrong; bounded, since the object comes from outside.
pub(crate) type Violations = Vec<Cause>;

/// At most so many violations are collected.
const MAX_VIOLATIONS: usize = 100;

/// Checks `value` against a structural schema; `metadata` is not looked at.
#[must_use]
pub(crate) fn validate(value: &Value, schema: &Schema) -> Violations {
    let mut found = Vec::new();
    check(value, schema, "", &mut found);
    found
}

fn check(value: &Value, schema: &Schema, path: &str, found: &mut Violations) {
    if found.len() >= MAX_VIOLATIONS || (value.is_null() && schema.nullable) {
        return;
    }
    if let Some(expected) = mismatch(value, schema) {
        let actual = json_type(value);
        let why = format!("{path} in body must be of type {expected}: {actual:?}");
        found.push(Cause::wrong_type(path, actual, &why));
        return;
    }
    enumeration(value, schema, path, found);
    match value {
        Value::Object(_) => object(value, schema, path, found),
        Value::Array(items) => array(items, schema, path, found),
        Value::String(text) => string(text, schema, path, found),
        Value::Number(_) => number(value, schema, path, found),
        Value::Null | Value::Bool(_) => {}
    }
    for part in &schema.all_of {
        check(value, part, path, found);
    }
}

/// The expected type, if the value is of another.
fn mismatch<'a>(value: &Value, schema: &'a Schema) -> Option<&'a str> {
    if schema.int_or_string {
        return (!value.is_string() && !value.is_i64() && !value.is_u64()).then_some("integer,string");
    }
    let expected = schema.kind.as_deref()?;
    let fits = match expected {
        "integer" => value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|f| f.fract() == 0.0),
        "number" => value.is_number(),
        other => json_type(value) == other,
    };
    (!fits).then_some(expected)
}

fn enumeration(value: &Value, schema: &Schema, path: &str, found: &mut Violations) {
    if schema.allowed.is_empty() || schema.allowed.contains(value) {
        return;
    }
    let supported: Vec<String> = schema
        .allowed
        .iter()
        .map(|v| v.as_str().map_or_else(|| v.to_string(), str::to_owned))
        .collect();
    let supported: Vec<&str> = supported.iter().map(String::as_str).collect();
    found.push(Cause::not_supported(path, value, &supported));
}

fn object(value: &Value, schema: &Schema, path: &str, found: &mut Violations) {
    let Value::Object(map) = value else { return };
    for name in schema.required.iter().filter(|n| is_missing(map, n, schema)) {
        found.push(Cause::required(join(path, name), ""));
    }
    if schema.min_properties.is_some_and(|min| map.len() < min) {
        let min = schema.min_properties.unwrap_or_default();
        let why = format!("{path} in body should have at least {min} properties");
        found.push(Cause::invalid(path, value, &why));
    }
    if let Some(max) = schema.max_properties.filter(|max| map.len() > *max) {
        found.push(too_many(path, max));
    }
    let is_root = path.is_empty();
    for (name, field) in map {
        let is_head = is_root && matches!(name.as_str(), "metadata" | "apiVersion" | "kind");
        let is_told = field.is_null() && schema.required.iter().any(|r| **r == **name);
        if let Some(schema) = schema.field(name).filter(|_| !is_head && !is_told) {
            check(field, schema, &join(path, name), found);
        }
    }
}

/// A `null` where it is no value is as good as nothing.
fn is_missing(map: &serde_json::Map<String, Value>, name: &str, schema: &Schema) -> bool {
    match map.get(name) {
        None => true,
        Some(value) => value.is_null() && schema.field(name).is_none_or(|s| !s.nullable),
    }
}

fn array(items: &[Value], schema: &Schema, path: &str, found: &mut Violations) {
    if let Some(min) = schema.min_items.filter(|min| items.len() < *min) {
        let why = format!("{path} in body should have at least {min} items");
        found.push(Cause::invalid(path, &json!(items.len()), &why));
    }
    if let Some(max) = schema.max_items.filter(|max| items.len() > *max) {
        found.push(too_many(path, max));
    }
    if let Some(item) = schema.item() {
        for (i, value) in items.iter().enumerate() {
            check(value, item, &format!("{path}[{i}]"), found);
        }
    }
    uniqueness(items, schema, path, found);
}

/// Items of a set, and keys of a map list, stand there once (O(n log n) by their text).
fn uniqueness(items: &[Value], schema: &Schema, path: &str, found: &mut Violations) {
    let identity = |item: &Value| match schema.list_type.as_deref() {
        Some("set") => Some(item.clone()),
        Some("map") => Some(map_key(item, schema)),
        _ => None,
    };
    let mut seen = std::collections::BTreeSet::new();
    for (i, item) in items.iter().enumerate() {
        if let Some(key) = identity(item)
            && !seen.insert(key.to_string())
        {
            found.push(Cause::duplicate(format!("{path}[{i}]"), &key));
        }
    }
}

fn map_key(item: &Value, schema: &Schema) -> Value {
    let fields = schema.list_map_keys.iter();
    fields
        .map(|k| (k.to_string(), item[&**k].clone()))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

fn too_many(path: &str, max: usize) -> Cause {
    Cause {
        reason: "FieldValueTooMany",
        field: path.to_owned(),
        message: format!("Too many: must have at most {max} items"),
    }
}

fn string(text: &str, schema: &Schema, path: &str, found: &mut Violations) {
    let value = Value::from(text);
    let length = text.chars().count();
    if let Some(min) = schema.min_length.filter(|min| length < *min) {
        let why = format!("{path} in body should be at least {min} chars long");
        found.push(Cause::invalid(path, &value, &why));
    }
    if let Some(max) = schema.max_length.filter(|max| length > *max) {
        found.push(Cause {
            reason: "FieldValueTooLong",
            field: path.to_owned(),
            message: format!("Too long: may not be more than {max} bytes"),
        });
    }
    if let Some(pattern) = &schema.pattern
        && Regex::new(pattern).is_ok_and(|p| !p.is_match(text))
    {
        let why = format!("{path} in body should match '{pattern}'");
        found.push(Cause::invalid(path, &value, &why));
    }
}

fn number(value: &Value, schema: &Schema, path: &str, found: &mut Violations) {
    let Some(number) = value.as_f64() else { return };
    let mut bound = |broken: bool, relation: &str, limit: f64| {
        if broken {
            let why = format!("{path} in body should be {relation} {limit}");
            found.push(Cause::invalid(path, value, &why));
        }
    };
    match schema.minimum {
        Some(min) if schema.exclusive_minimum => bound(number <= min, "greater than", min),
        Some(min) => bound(number < min, "greater than or equal to", min),
        None => {}
    }
    match schema.maximum {
        Some(max) if schema.exclusive_maximum => bound(number >= max, "less than", max),
        Some(max) => bound(number > max, "less than or equal to", max),
        None => {}
    }
    integer_format(value, schema, path, found);
}

/// `int32` and `int64` are ranges of their own.
fn integer_format(value: &Value, schema: &Schema, path: &str, found: &mut Violations) {
    let fits = match schema.format.as_deref() {
        Some("int32") => value.as_i64().is_some_and(|n| i32::try_from(n).is_ok()),
        Some("int64") => value.as_i64().is_some(),
        _ => true,
    };
    if !fits && schema.kind.as_deref() == Some("integer") {
        let format = schema.format.as_deref().unwrap_or_default();
        let why = format!("{path} in body must be of type {format}: {value}");
        found.push(Cause::invalid(path, value, &why));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::needless_pass_by_value, reason = "values are written in place")]
    fn messages(schema: Value, object: Value) -> Vec<String> {
        let schema = Schema::parse(&schema).unwrap();
        let found = validate(&object, &schema);
        found
            .into_iter()
            .map(|c| format!("{}: {}", c.field, c.message))
            .collect()
    }

    #[test]
    fn wrong_types_and_bounds_are_told_as_the_real_server_does() {
        let schema = json!({"type": "object", "properties": {"spec": {
            "type": "object", "required": ["addresses"], "properties": {
                "addresses": {"type": "array", "items": {"type": "string"}},
                "port": {"type": "integer", "minimum": 1, "maximum": 16384},
                "mode": {"type": "string", "enum": ["internal", "external"]},
        }}}});
        let found = messages(
            schema.clone(),
            json!({"spec": {"addresses": [1], "port": 0, "mode": "x"}}),
        );
        assert_eq!(
            found,
            [
                "spec.addresses[0]: Invalid value: \"integer\": spec.addresses[0] in body must be of type string: \"integer\"",
                "spec.mode: Unsupported value: \"x\": supported values: \"internal\", \"external\"",
                "spec.port: Invalid value: 0: spec.port in body should be greater than or equal to 1",
            ]
        );
        assert_eq!(
            messages(schema.clone(), json!({"spec": {}})),
            ["spec.addresses: Required value"]
        );
        assert!(messages(schema, json!({"spec": {"addresses": [], "port": 16384}})).is_empty());
    }

    #[test]
    fn keys_of_a_map_list_stand_there_once() {
        let schema = json!({"properties": {"c": {
            "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"],
        }}});
        let found = messages(
            schema,
            json!({"c": [{"type": "a"}, {"type": "b"}, {"type": "a"}]}),
        );
        assert_eq!(found, ["c[2]: Duplicate value: {\"type\":\"a\"}"]);
    }
}
