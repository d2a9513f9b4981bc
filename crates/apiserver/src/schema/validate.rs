//! Types, bounds and required fields, with the messages of the real server.

use serde_json::Value;

use super::formats;
use super::{Schema, correlated, join, json_type};
use crate::error::Cause;

/// What was found wrong; bounded, since the object comes from outside.
pub(crate) type Violations = Vec<Cause>;

/// At most so many violations are collected.
const MAX_VIOLATIONS: usize = 100;

/// Checks `value` against a structural schema; `metadata` is not looked at.
///
/// What did not change since `old` is not looked at either: a schema that was tightened keeps nobody from writing the
/// rest of an object ("ratcheting", as on a real server).
#[must_use]
pub(crate) fn validate(value: &Value, old: Option<&Value>, schema: &Schema) -> Violations {
    let mut found = Vec::new();
    check(value, old, schema, "", &mut found);
    found
}

fn check(value: &Value, old: Option<&Value>, schema: &Schema, path: &str, found: &mut Violations) {
    if found.len() >= MAX_VIOLATIONS || old == Some(value) || (value.is_null() && schema.nullable) {
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
        Value::Object(_) => object(value, old, schema, path, found),
        Value::Array(items) => array(items, old, schema, path, found),
        Value::String(text) => string(text, schema, path, found),
        Value::Number(_) => number(value, schema, path, found),
        Value::Null | Value::Bool(_) => {}
    }
    alternatives(value, schema, path, found);
}

/// The expected type, if the value is of another.
fn mismatch<'a>(value: &Value, schema: &'a Schema) -> Option<&'a str> {
    if schema.int_or_string {
        return (!value.is_string() && !value.is_i64()).then_some("integer,string");
    }
    let expected = schema.kind.as_deref()?;
    let fits = match expected {
        "integer" => value.is_i64(),
        "number" => value.is_number(),
        other => json_type(value) == other,
    };
    (!fits).then_some(expected)
}

fn enumeration(value: &Value, schema: &Schema, path: &str, found: &mut Violations) {
    if schema.allowed.is_empty() || schema.allowed.contains(value) {
        return;
    }
    let text = |v: &Value| v.as_str().map_or_else(|| v.to_string(), str::to_owned);
    let supported: Vec<String> = schema.allowed.iter().map(text).collect();
    let supported: Vec<&str> = supported.iter().map(String::as_str).collect();
    found.push(Cause::not_supported(path, value, &supported));
}

fn object(value: &Value, old: Option<&Value>, schema: &Schema, path: &str, found: &mut Violations) {
    let Value::Object(map) = value else { return };
    for name in schema.required.iter().filter(|n| is_missing(map, n, schema)) {
        found.push(Cause::required(join(path, name), ""));
    }
    if let Some(min) = schema.min_properties.filter(|min| map.len() < *min) {
        let why = format!("{path} in body should have at least {min} properties");
        found.push(Cause::invalid(path, &map.len().into(), &why));
    }
    if let Some(max) = schema.max_properties.filter(|max| map.len() > *max) {
        found.push(Cause::too_many(path, map.len(), max));
    }
    for (name, field) in map {
        let is_head = path.is_empty() && matches!(name.as_str(), "metadata" | "apiVersion" | "kind");
        let is_told = field.is_null() && schema.required.iter().any(|r| **r == **name);
        if let Some(schema) = schema.field(name).filter(|_| !is_head && !is_told) {
            let old = old.and_then(|o| o.get(name));
            check(field, old, schema, &join(path, name), found);
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

fn array(items: &[Value], old: Option<&Value>, schema: &Schema, path: &str, found: &mut Violations) {
    if let Some(min) = schema.min_items.filter(|min| items.len() < *min) {
        let why = format!("{path} in body should have at least {min} items");
        found.push(Cause::invalid(path, &items.len().into(), &why));
    }
    if let Some(max) = schema.max_items.filter(|max| items.len() > *max) {
        found.push(Cause::too_many(path, items.len(), max));
    }
    let Some(item) = schema.item() else { return };
    for (i, value) in items.iter().enumerate() {
        check(
            value,
            correlated(value, old, schema),
            item,
            &format!("{path}[{i}]"),
            found,
        );
    }
}

fn string(text: &str, schema: &Schema, path: &str, found: &mut Violations) {
    found.extend(length_or_pattern(text, schema, path));
    if let Some(format) = schema.format.as_deref().filter(|f| !formats::fits(f, text)) {
        let why = format!("{path} in body must be of type {format}: {text:?}");
        found.push(Cause::wrong_type(path, text, &why));
    }
}

/// The first of these that is broken; the real server looks no further.
fn length_or_pattern(text: &str, schema: &Schema, path: &str) -> Option<Cause> {
    let length = text.chars().count();
    let invalid = |why: &str| {
        Some(Cause::invalid(
            path,
            &text.into(),
            &format!("{path} in body {why}"),
        ))
    };
    if let Some(max) = schema.max_length.filter(|max| length > *max) {
        return Some(Cause::too_long(path, max));
    }
    if let Some(min) = schema.min_length.filter(|min| length < *min) {
        return invalid(&format!("should be at least {min} chars long"));
    }
    match &schema.expression {
        Some(pattern) if !pattern.is_match(text) => invalid(&format!("should match '{pattern}'")),
        _ => None,
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
    if let Some(step) = schema.multiple_of {
        bound(number % step != 0.0, "a multiple of", step);
    }
}

/// `allOf`, `anyOf`, `oneOf`, `not`. As on a real server the field of a broken alternative stands in the message only.
fn alternatives(value: &Value, schema: &Schema, path: &str, found: &mut Violations) {
    let against = |part: &Schema| {
        let mut found = Vec::new();
        check(value, None, part, path, &mut found);
        found
    };
    for part in &schema.all_of {
        found.extend(against(part));
    }
    let mut refuse = |why: &str, first: Option<Violations>| {
        found.push(Cause::invalid(
            "<nil>",
            &"".into(),
            &format!("{path:?} must {why}"),
        ));
        found.extend(first.into_iter().flatten());
    };
    let (broken, held): (Vec<_>, Vec<_>) = schema.any_of.iter().map(against).partition(|v| !v.is_empty());
    if !schema.any_of.is_empty() && held.is_empty() {
        refuse("validate at least one schema (anyOf)", broken.into_iter().next());
    }
    let (broken, held): (Vec<_>, Vec<_>) = schema.one_of.iter().map(against).partition(|v| !v.is_empty());
    let one_of = "validate one and only one schema (oneOf). Found";
    match held.len() {
        1 => {}
        _ if schema.one_of.is_empty() => {}
        0 => refuse(&format!("{one_of} none valid"), broken.into_iter().next()),
        n => refuse(&format!("{one_of} {n} valid alternatives"), None),
    }
    if schema.not.as_deref().is_some_and(|part| against(part).is_empty()) {
        refuse("not validate the schema (not)", None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[expect(clippy::needless_pass_by_value, reason = "values are written in place")]
    fn messages(schema: Value, object: Value, old: Option<Value>) -> Vec<String> {
        let schema = Schema::structural(&schema, "").unwrap();
        let found = validate(&object, old.as_ref(), &schema);
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
            None,
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
            messages(schema.clone(), json!({"spec": {}}), None),
            ["spec.addresses: Required value"]
        );
        assert!(messages(schema, json!({"spec": {"addresses": [], "port": 16384}}), None).is_empty());
    }

    #[test]
    fn what_did_not_change_is_not_held_against_the_writer() {
        let schema = json!({"type": "object", "properties": {
            "a": {"type": "string", "maxLength": 1},
            "list": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"],
                "items": {"type": "object", "properties": {
                    "k": {"type": "string"}, "v": {"type": "integer", "maximum": 1}}}},
        }});
        let old = json!({"a": "long", "list": [{"k": "x", "v": 5}, {"k": "y", "v": 6}]});
        let moved = json!({"a": "long", "list": [{"k": "y", "v": 6}, {"k": "x", "v": 7}]});
        let found = messages(schema.clone(), moved.clone(), Some(old));
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("list[1].v: "), "{found:?}");
        assert_eq!(messages(schema, moved, None).len(), 3);
    }

    #[test]
    fn alternatives_are_told_as_the_real_server_does() {
        let schema = json!({"type": "object", "properties": {
            "one": {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "string"}},
                "oneOf": [{"required": ["a"]}, {"required": ["b"]}]},
            "any": {"type": "integer", "anyOf": [{"minimum": 10}, {"maximum": 2}]},
            "not": {"type": "string", "not": {"enum": ["x"]}},
        }});
        let found = messages(
            schema.clone(),
            json!({"one": {"a": "", "b": ""}, "any": 5, "not": "x"}),
            None,
        );
        assert_eq!(
            found,
            [
                "<nil>: Invalid value: \"\": \"any\" must validate at least one schema (anyOf)",
                "any: Invalid value: 5: any in body should be greater than or equal to 10",
                "<nil>: Invalid value: \"\": \"not\" must not validate the schema (not)",
                "<nil>: Invalid value: \"\": \"one\" must validate one and only one schema (oneOf). Found 2 valid alternatives",
            ]
        );
        assert!(messages(schema, json!({"one": {"a": ""}, "any": 1, "not": "y"}), None).is_empty());
    }
}
