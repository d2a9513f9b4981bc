//! From an `openAPIV3Schema` to a schema that objects can be held against: expressions and rules compiled, and everything
//! that a real server refuses in a definition refused here, with its field.

use regex::Regex;
use serde_json::Value;

use super::rules::{self, Place, Rule};
use super::{Schema, validate};
use crate::error::Cause;

const TYPES: [&str; 6] = ["array", "boolean", "integer", "number", "object", "string"];

/// A schema that is nested deeper than this is refused.
const MAX_DEPTH: usize = 64;

impl Schema {
    /// Reads and completes the schema of a CRD version; `path` is where it stands in the CRD.
    ///
    /// # Errors
    /// Each field of the schema that is not as it must be.
    pub(crate) fn structural(document: &Value, path: &str) -> Result<Self, Vec<Cause>> {
        let mut schema =
            Self::parse(document).map_err(|e| vec![Cause::invalid(path, &Value::Null, &e.to_string())])?;
        let mut found = Vec::new();
        let place = Place {
            path: path.to_owned(),
            uncorrelatable: None,
            depth: 0,
        };
        complete(&mut schema, &place, &mut found);
        found.extend(rules::total(path, &found));
        if found.is_empty() { Ok(schema) } else { Err(found) }
    }
}

fn complete(schema: &mut Schema, place: &Place, found: &mut Vec<Cause>) {
    if place.depth > MAX_DEPTH {
        let why = format!("must not be nested deeper than {MAX_DEPTH} levels");
        found.push(Cause::forbidden(&*place.path, &why));
        return;
    }
    type_of(schema, &place.path, found);
    pattern(schema, &place.path, found);
    list_keys(schema, &place.path, found);
    children(schema, place, found);
    default_value(schema, &place.path, found);
    compile_rules(schema, place, found);
}

fn type_of(schema: &Schema, path: &str, found: &mut Vec<Cause>) {
    let field = format!("{path}.type");
    match schema.kind.as_deref() {
        Some(kind) if TYPES.contains(&kind) => {}
        Some(kind) => found.push(Cause::not_supported(field, &kind.into(), &TYPES)),
        None if schema.int_or_string || schema.preserve_unknown => {}
        None => found.push(Cause::required(
            field,
            "must not be empty for specified object fields",
        )),
    }
}

fn pattern(schema: &mut Schema, path: &str, found: &mut Vec<Cause>) {
    let Some(pattern) = &schema.pattern else { return };
    match Regex::new(pattern) {
        Ok(expression) => schema.expression = Some(expression),
        Err(error) => {
            let why = format!("must be a valid regular expression, but isn't: {error}");
            found.push(Cause::invalid(
                format!("{path}.pattern"),
                &(&**pattern).into(),
                &why,
            ));
        }
    }
}

fn list_keys(schema: &Schema, path: &str, found: &mut Vec<Cause>) {
    if schema.list_type.as_deref() == Some("map") && schema.list_map_keys.is_empty() {
        found.push(Cause::required(
            format!("{path}.x-kubernetes-list-map-keys"),
            "must not be empty if x-kubernetes-list-type is map",
        ));
    }
}

fn children(schema: &mut Schema, place: &Place, found: &mut Vec<Cause>) {
    let (list_type, map_type) = (schema.list_type.clone(), schema.map_type.clone());
    for (name, field) in &mut schema.properties {
        let below = place.below(
            &format!("properties[{name}]"),
            map_type.as_deref() == Some("atomic"),
        );
        complete(field, &below, found);
    }
    if let Some(super::SchemaOrBool::Schema(field)) = &mut schema.additional_properties {
        let below = place.below("additionalProperties", map_type.as_deref() == Some("atomic"));
        complete(field, &below, found);
    }
    if let Some(item) = &mut schema.items {
        let below = place.below("items", list_type.as_deref() != Some("map"));
        complete(item, &below, found);
    }
}

fn default_value(schema: &Schema, path: &str, found: &mut Vec<Cause>) {
    let Some(default) = &schema.default else { return };
    for mut cause in validate(default, None, schema) {
        cause.field = format!("{path}.default");
        found.push(cause);
    }
}

fn compile_rules(schema: &mut Schema, place: &Place, found: &mut Vec<Cause>) {
    let mut compiled = Vec::with_capacity(schema.validations.len());
    for (i, text) in schema.validations.iter().enumerate() {
        let path = format!("{}.x-kubernetes-validations[{i}]", place.path);
        match Rule::compile(text, schema, place, &path) {
            Ok(rule) => compiled.push(std::sync::Arc::new(rule)),
            Err(causes) => found.extend(causes),
        }
    }
    schema.rules = compiled;
    let fields = schema.properties.values();
    let below = fields.chain(schema.free_fields()).chain(schema.items.as_deref());
    schema.has_rules = !schema.rules.is_empty() || below.into_iter().any(|s| s.has_rules);
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn refused(schema: &Value) -> Vec<(String, &'static str)> {
        let causes = Schema::structural(schema, "s").unwrap_err();
        causes.into_iter().map(|c| (c.field, c.reason)).collect()
    }

    #[test]
    fn each_field_that_a_real_server_refuses_is_named() {
        let with = |field: Value| json!({"type": "object", "properties": {"a": field}});
        for (field, at, reason) in [
            (json!({"type": "wat"}), "type", "FieldValueNotSupported"),
            (json!({}), "type", "FieldValueRequired"),
            (
                json!({"type": "string", "pattern": "("}),
                "pattern",
                "FieldValueInvalid",
            ),
            (
                json!({"type": "integer", "default": "x"}),
                "default",
                "FieldValueTypeInvalid",
            ),
            (
                json!({"type": "array", "items": {"type": "string"}, "x-kubernetes-list-type": "map"}),
                "x-kubernetes-list-map-keys",
                "FieldValueRequired",
            ),
        ] {
            let found = refused(&with(field.clone()));
            assert_eq!(found, [(format!("s.properties[a].{at}"), reason)], "{field}");
        }
    }

    #[test]
    fn a_schema_without_end_is_refused() {
        let mut schema = json!({"type": "string"});
        for _ in 0..MAX_DEPTH + 2 {
            schema = json!({"type": "array", "items": schema});
        }
        assert_eq!(refused(&schema)[0].1, "FieldValueForbidden");
    }
}
