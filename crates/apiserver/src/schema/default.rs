//! Defaults of structural schemas.

use serde_json::Value;

use super::Schema;

/// Fills in missing fields from the schema, outermost first, so that a default object receives its own defaults.
///
/// A `null` where the schema does not allow it counts as missing if there is a default.
pub(crate) fn apply_defaults(value: &mut Value, schema: &Schema) {
    let schema = schema.resolve();
    match value {
        Value::Object(map) => {
            for (name, field) in &schema.properties {
                if let Some(default) = &field.default {
                    let slot = map.entry(&**name).or_insert(Value::Null);
                    if slot.is_null() && !field.nullable {
                        *slot = default.clone();
                    }
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
        _ => {}
    }
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
    fn a_nullable_default_replaces_a_missing_field_but_no_null() {
        let schema = Schema::parse(&json!({"properties": {"a": {"default": 1, "nullable": true}}})).unwrap();
        let mut object = json!({"a": null});
        apply_defaults(&mut object, &schema);
        assert_eq!(object, json!({"a": null}));
    }
}
