//! Types of built-in kinds, refused with the words of the real server's JSON decoder.

use serde_json::Value;

use super::{Schema, join, json_type};
use crate::time;

/// The first field whose JSON type cannot be decoded, as the sentence that the decoder says; `null` is always decoded.
#[must_use]
pub(crate) fn decode_error(value: &Value, schema: &Schema) -> Option<String> {
    walk(value, schema, schema.struct_name().unwrap_or_default(), "")
}

fn walk(value: &Value, schema: &Schema, parent: &str, path: &str) -> Option<String> {
    if let Some(expected) = mismatch(value, schema) {
        return Some(sentence(value, parent, path, &expected));
    }
    if let Some(text) = value.as_str() {
        return bad_time(text, schema);
    }
    let parent = schema.struct_name().unwrap_or(parent);
    match value {
        Value::Object(map) => map.iter().find_map(|(name, value)| {
            let named = schema.resolve().properties.get(name.as_str());
            match (named, schema.free_fields()) {
                (Some(field), _) => walk(value, field, parent, &join(path, name)),
                (None, Some(free)) => walk(value, free, parent, path),
                (None, None) => None,
            }
        }),
        Value::Array(items) => {
            let item = schema.item()?;
            items.iter().find_map(|value| walk(value, item, parent, path))
        }
        _ => None,
    }
}

/// Times are RFC 3339; a `MicroTime` has its six digits.
fn bad_time(text: &str, schema: &Schema) -> Option<String> {
    let layout = match schema.struct_name()? {
        "Time" => "2006-01-02T15:04:05Z07:00",
        "MicroTime" => "2006-01-02T15:04:05.000000Z07:00",
        _ => return None,
    };
    let digits = text.split_once('.').map_or(0, |(_, fraction)| {
        fraction.bytes().take_while(u8::is_ascii_digit).count()
    });
    let fits = time::parse(text).is_some() && (!layout.contains('.') || digits == 6);
    (!fits).then(|| format!("parsing time {text:?} as {layout:?}: cannot parse {text:?}"))
}

fn sentence(value: &Value, parent: &str, path: &str, expected: &str) -> String {
    let given = match value {
        Value::Number(n) if n.is_f64() => format!("number {n}"),
        Value::Number(_) => "number".to_owned(),
        Value::Bool(_) => "bool".to_owned(),
        other => json_type(other).to_owned(),
    };
    format!("json: cannot unmarshal {given} into Go struct field {parent}.{path} of type {expected}")
}

/// The Go type that was expected, if the value is of another.
fn mismatch(value: &Value, schema: &Schema) -> Option<String> {
    if value.is_null() {
        return None;
    }
    let resolved = schema.resolve();
    let (fits, go) = match resolved.kind.as_deref()? {
        "string" => (value.is_string(), "string".to_owned()),
        "boolean" => (value.is_boolean(), "bool".to_owned()),
        "integer" => integer(value, resolved.format.as_deref()),
        "number" => (value.is_number(), "float64".to_owned()),
        "array" => (value.is_array(), format!("[]{}", item_type(schema))),
        "object" => (value.is_object(), object_type(schema)),
        _ => return None,
    };
    (!fits).then_some(go)
}

fn integer(value: &Value, format: Option<&str>) -> (bool, String) {
    let fits = match format {
        Some("int32") => value.as_i64().is_some_and(|n| i32::try_from(n).is_ok()),
        _ => value.is_i64() || value.is_u64(),
    };
    (fits, format.unwrap_or("int64").to_owned())
}

fn item_type(schema: &Schema) -> String {
    let Some(item) = schema.item() else {
        return "interface {}".to_owned();
    };
    match item.struct_name() {
        Some(name) => format!("v1.{name}"),
        None => item.type_name().unwrap_or("interface {}").to_owned(),
    }
}

fn object_type(schema: &Schema) -> String {
    match schema.struct_name() {
        Some(name) => format!("v1.{name}"),
        None => "map[string]string".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::builtin;
    use serde_json::json;

    #[expect(clippy::needless_pass_by_value, reason = "values are written in place")]
    fn error(service: Value) -> Option<String> {
        decode_error(&service, builtin("io.k8s.api.core.v1.Service").unwrap())
    }

    #[test]
    fn the_decoder_names_struct_path_and_type() {
        let said =
            "json: cannot unmarshal string into Go struct field ServicePort.spec.ports.port of type int32";
        assert_eq!(
            error(json!({"spec": {"ports": [{"port": "abc"}]}})).as_deref(),
            Some(said)
        );
        let said = "json: cannot unmarshal object into Go struct field ServiceSpec.spec.ports of type []v1.ServicePort";
        assert_eq!(error(json!({"spec": {"ports": {}}})).as_deref(), Some(said));
        let said =
            "json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string";
        assert_eq!(
            error(json!({"metadata": {"labels": {"a": 1}}})).as_deref(),
            Some(said)
        );
    }

    #[test]
    fn times_have_their_form() {
        let lease = builtin("io.k8s.api.coordination.v1.Lease").unwrap();
        let error = |text: &str| decode_error(&json!({"spec": {"renewTime": text}}), lease);
        assert_eq!(error("2026-01-01T00:00:00.000001Z"), None);
        assert!(error("2026-01-01T00:00:00Z").unwrap().starts_with("parsing time"));
        assert!(error("nonsense").is_some());
        let plain = |text: &str| decode_error(&json!({"metadata": {"creationTimestamp": text}}), lease);
        assert_eq!(plain("2026-01-01T00:00:00Z"), None);
        assert!(plain("yesterday").is_some());
    }

    #[test]
    fn what_fits_or_is_null_passes() {
        let service = json!({"metadata": {"creationTimestamp": null},
            "spec": {"ports": [{"port": 80, "targetPort": "http"}, {"port": 81, "targetPort": 81}]}});
        assert_eq!(error(service), None);
    }
}
