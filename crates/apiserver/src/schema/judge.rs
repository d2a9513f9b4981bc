//! A custom object before it is stored: structure, lists, then rules, in the order of the real server.

use serde_json::Value;

use super::{Schema, join, lists, rules, validate};
use crate::error::Cause;

/// Which part of an object a request writes, and is answerable for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// All of it.
    Whole,
    /// `status`, for a write to the subresource.
    Status,
}

/// Broken rules that end the check: values beyond these bounds could make rules expensive, or fail in odd ways.
const BLOCKING: [&str; 5] = [
    "FieldValueNotSupported",
    "FieldValueRequired",
    "FieldValueTooLong",
    "FieldValueTooMany",
    "FieldValueTypeInvalid",
];

/// Adds to `found` what is wrong with an object of a CRD's kind; the answer is what its writer should know although it
/// is let through.
#[must_use]
pub(crate) fn judge(
    object: &Value,
    old: Option<&Value>,
    schema: &Schema,
    part: Part,
    found: &mut Vec<Cause>,
) -> Vec<String> {
    structure(object, old, schema, part, found);
    if old != Some(object) {
        lists::duplicates(object, schema, "", found);
    }
    if !schema.has_rules {
        return Vec::new();
    }
    if found.iter().any(|c| BLOCKING.contains(&c.reason)) {
        found.push(unchecked());
        return Vec::new();
    }
    let verdict = rules::evaluate(object, old, schema);
    found.extend(verdict.broken);
    verdict.ratcheted
}

/// The messages about a status name its fields as if it were the object, as those of the real server do.
fn structure(object: &Value, old: Option<&Value>, schema: &Schema, part: Part, found: &mut Vec<Cause>) {
    if part == Part::Whole {
        found.extend(validate(object, old, schema));
        return;
    }
    let (Some(status), Some(schema)) = (object.get("status"), schema.field("status")) else {
        return;
    };
    let old = old.and_then(|o| o.get("status"));
    found.extend(validate(status, old, schema).into_iter().map(|mut cause| {
        if cause.field != "<nil>" {
            cause.field = match cause.field.as_str() {
                "" => "status".to_owned(),
                field => join("status", field),
            };
        }
        cause
    }));
}

fn unchecked() -> Cause {
    let why = "some validation rules were not checked because the object was invalid; correct the existing errors to \
               complete validation";
    Cause::invalid("<nil>", &Value::Null, why)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn found(part: Part, object: &Value, old: Option<&Value>) -> Vec<String> {
        let schema = json!({"type": "object", "properties": {
            "spec": {"type": "object", "required": ["a"], "properties": {"a": {"type": "integer", "maximum": 5}}},
            "status": {"type": "object", "properties": {
                "node": {"type": "string", "x-kubernetes-validations": [{"rule": "self == oldSelf", "message": "fixed"}]},
                "peers": {"type": "array", "items": {"type": "string"}}}},
        }});
        let schema = Schema::structural(&schema, "").unwrap();
        let mut found = Vec::new();
        assert!(judge(object, old, &schema, part, &mut found).is_empty());
        found
            .into_iter()
            .map(|c| format!("{}: {}", c.field, c.message))
            .collect()
    }

    #[test]
    fn rules_are_left_out_where_the_structure_is_broken() {
        let said = found(Part::Whole, &json!({"spec": {}}), None);
        assert_eq!(said[0], "spec.a: Required value");
        assert!(said[1].starts_with("<nil>: Invalid value: null: some validation rules were not checked"));
        let old = json!({"spec": {"a": 1}, "status": {"node": "n"}});
        let new = json!({"spec": {"a": 6}, "status": {"node": "m"}});
        assert_eq!(
            found(Part::Whole, &new, Some(&old)),
            [
                "spec.a: Invalid value: 6: spec.a in body should be less than or equal to 5",
                "status.node: Invalid value: \"m\": fixed",
            ]
        );
    }

    #[test]
    fn a_status_is_judged_by_itself() {
        let object = json!({"spec": {}, "status": {"peers": [1]}});
        let said = found(Part::Status, &object, None);
        assert_eq!(
            said[0],
            "status.peers[0]: Invalid value: \"integer\": peers[0] in body must be of type string: \"integer\""
        );
        assert_eq!(said.len(), 2, "{said:?}");
    }
}
