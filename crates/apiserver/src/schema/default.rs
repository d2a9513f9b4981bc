//! Defaults of structural schemas.

use serde_json::{Number, Value};

use super::Schema;

/// Fills in missing fields from the schema, outermost first, so that a default object receives its own defaults.
///
/// A `null` where the schema does not allow it counts as missing. A number without a fraction is an integer, however it
/// was written.
pub(crate) fn apply_defaults(value: &mut Value, schema: &Schema) {
    let schema = schema.resolve();
    match value {
        Value::Object(map) => {
            map.retain(|name, value| !value.is_null() || schema.field(name).is_none_or(|f| f.nullable));
            for (name, field) in &schema.properties {
                if let Some(default) = &field.default {
                    map.entry(&**name).or_insert_with(|| default.clone());
                }
            }
            for (name, value) in map.iter_mut() {
                if let Some(field) = schema.field(name) {
                    apply_defaults(value, field);
                }
            }
        }
        Value::Array(items) => {
            if let Some(item) = schema.item() {
                items.iter_mut().for_each(|value| apply_defaults(value, item));
            }
        }
        Value::Number(number) => {
            if let Some(whole) = whole(number) {
                *value = whole.into();
            }
        }
        _ => {}
    }
}

/// The integer that a number with a fraction of zero is, as far as it is exact.
fn whole(number: &Number) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let float = number.as_f64().filter(|_| number.is_f64())?;
    // The text of a whole float is that of the integer.
    let is_exact = float.fract() == 0.0 && float.abs() <= EXACT;
    is_exact.then(|| format!("{float:.0}").parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn defaults_fill_missing_and_null_fields_only() {
        let schema = Schema::parse(&json!({"properties": {"spec": {"properties": {
            "a": {"type": "integer", "default": 179},
            "b": {"type": "boolean", "default": true},
            "c": {"type": "string"},
        }}}}))
        .unwrap();
        let mut object = json!({"spec": {"a": null, "b": false}});
        apply_defaults(&mut object, &schema);
        assert_eq!(object, json!({"spec": {"a": 179, "b": false}}));

        let mut without = json!({});
        apply_defaults(&mut without, &schema);
        assert_eq!(without, json!({}), "nothing is made where the parent is missing");
    }

    #[test]
    fn a_null_that_is_no_value_goes_and_a_whole_number_is_an_integer() {
        let schema = Schema::parse(
            &json!({"properties": {"a": {"type": "string"}, "n": {"type": "integer"},
            "f": {"type": "number"}, "free": {"additionalProperties": {"type": "string"}}}}),
        )
        .unwrap();
        let mut object = json!({"a": null, "n": 2.0, "f": 2.5, "free": {"x": null, "y": ""}});
        apply_defaults(&mut object, &schema);
        assert_eq!(object, json!({"n": 2, "f": 2.5, "free": {"y": ""}}));
    }

    #[test]
    fn a_nullable_default_replaces_a_missing_field_but_no_null() {
        let schema = Schema::parse(&json!({"properties": {"a": {"default": 1, "nullable": true}}})).unwrap();
        let mut object = json!({"a": null});
        apply_defaults(&mut object, &schema);
        assert_eq!(object, json!({"a": null}));
    }
}
