//! From JSON to the values that rules see, by the schema: times, durations and bytes, and names that CEL can spell.

use std::collections::HashMap;
use std::sync::Arc;

use base64::Engine as _;
use kube_cel::cel::Value as Cel;
use kube_cel::cel::objects::{Key, Map};
use serde_json::Value;

use super::super::Schema;

/// Words that CEL keeps for itself.
const RESERVED: [&str; 21] = [
    "true",
    "false",
    "null",
    "in",
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
    "var",
    "void",
    "while",
];

/// How characters are written that no name in CEL can have.
const ESCAPES: [(&str, &str); 4] = [
    ("__", "_"),
    ("__dot__", "."),
    ("__dash__", "-"),
    ("__slash__", "/"),
];

/// The value as a rule sees it.
pub(super) fn cel(value: &Value, schema: Option<&Schema>) -> Cel {
    match value {
        Value::Null => Cel::Null,
        Value::Bool(truth) => Cel::Bool(*truth),
        Value::Number(number) => number_of(number, schema),
        Value::String(text) => text_of(text, schema),
        Value::Array(items) => {
            let item = schema.and_then(Schema::item);
            Cel::List(Arc::new(items.iter().map(|v| cel(v, item)).collect()))
        }
        Value::Object(fields) => {
            let key = |name: &str| match schema {
                Some(schema) if schema.properties.contains_key(name) => escaped(name),
                _ => name.to_owned(),
            };
            let fields = fields.iter().map(|(name, value)| {
                let field = schema.and_then(|s| s.field(name));
                (Key::String(Arc::new(key(name))), cel(value, field))
            });
            Cel::Map(Map {
                map: Arc::new(fields.collect::<HashMap<_, _>>()),
            })
        }
    }
}

fn number_of(number: &serde_json::Number, schema: Option<&Schema>) -> Cel {
    let is_float = schema.is_some_and(|s| s.kind.as_deref() == Some("number"));
    match number.as_i64() {
        Some(integer) if !is_float => Cel::Int(integer),
        _ => Cel::Float(number.as_f64().unwrap_or(f64::NAN)),
    }
}

/// A text that is not of the format of its schema stays a text; the schema says so elsewhere.
fn text_of(text: &str, schema: Option<&Schema>) -> Cel {
    let plain = || Cel::String(Arc::new(text.to_owned()));
    match schema.and_then(|s| s.format.as_deref()) {
        Some("date-time") => {
            chrono::DateTime::parse_from_rfc3339(text).map_or_else(|_| plain(), Cel::Timestamp)
        }
        Some("duration") => match text.parse::<ferrolb_api::GoDuration>() {
            Ok(duration) => Cel::Duration(chrono::Duration::nanoseconds(duration.as_nanos())),
            Err(_) => plain(),
        },
        Some("byte") => {
            let bytes = base64::engine::general_purpose::STANDARD.decode(text);
            bytes.map_or_else(|_| plain(), |b| Cel::Bytes(Arc::new(b)))
        }
        _ => plain(),
    }
}

/// A field's name as it is spelled in a rule.
fn escaped(name: &str) -> String {
    if RESERVED.contains(&name) {
        return format!("__{name}__");
    }
    let mut out = String::with_capacity(name.len());
    for c in name.chars() {
        let spelled = ESCAPES.iter().find(|(_, plain)| plain.starts_with(c));
        match spelled {
            Some((spelled, _)) => out.push_str(spelled),
            None => out.push(c),
        }
    }
    out
}

/// The field that a name in a rule stands for.
pub(super) fn unescaped(name: &str) -> String {
    let inner = name.strip_prefix("__").and_then(|n| n.strip_suffix("__"));
    if let Some(word) = inner.filter(|w| RESERVED.contains(w)) {
        return word.to_owned();
    }
    let mut out = String::with_capacity(name.len());
    let mut rest = name;
    while let Some(c) = rest.chars().next() {
        // The longer spellings first: all of them begin with that of the underscore.
        let found = ESCAPES
            .iter()
            .rev()
            .find(|(spelled, _)| rest.starts_with(spelled));
        match found {
            Some((spelled, plain)) => {
                out.push_str(plain);
                rest = &rest[spelled.len()..];
            }
            None => {
                out.push(c);
                rest = &rest[c.len_utf8()..];
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_can_be_spelled_and_read_back() {
        for (name, spelled) in [
            ("plain", "plain"),
            ("a_b", "a__b"),
            ("a.b-c/d", "a__dot__b__dash__c__slash__d"),
            ("namespace", "__namespace__"),
        ] {
            assert_eq!(escaped(name), spelled);
            assert_eq!(unescaped(spelled), name);
        }
    }
}
