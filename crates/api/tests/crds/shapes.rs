//! The shape of every field, rule and column, as api-and-config section 1 has it: `shapes.txt` was checked against it line
//! by line, and a CRD that differs in anything but its descriptions fails.

use ferrolb_api::crds;
use serde_json::{Value, json};

/// What is compared by words of its own.
const WORDS: [(&str, &str); 10] = [
    ("default", "default"),
    ("minimum", "minimum"),
    ("maximum", "maximum"),
    ("minItems", "minItems"),
    ("minLength", "minLength"),
    ("maxLength", "maxLength"),
    ("pattern", "pattern"),
    ("x-kubernetes-map-type", "mapType"),
    ("x-kubernetes-list-type", "listType"),
    ("x-kubernetes-list-map-keys", "listKeys"),
];

/// What is looked at elsewhere.
const REST: [&str; 9] = [
    "type",
    "format",
    "enum",
    "description",
    "properties",
    "items",
    "additionalProperties",
    "required",
    "x-kubernetes-validations",
];

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(text).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}

fn shape(schema: &Value, path: &str, out: &mut Vec<String>) {
    if is_selector(schema) {
        out.push(format!("{path} LabelSelector"));
        return;
    }
    out.push(format!("{path} {}", words(schema)));
    for rule in schema["x-kubernetes-validations"]
        .as_array()
        .into_iter()
        .flatten()
    {
        out.push(format!("{path} rule {}", rule["rule"].as_str().unwrap().trim()));
    }
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        match path {
            "." if ["apiVersion", "kind", "metadata"].contains(&&**name) => {}
            "." => shape(property, name, out),
            _ => shape(property, &format!("{path}.{name}"), out),
        }
    }
    if let Some(items) = schema.get("items") {
        shape(items, &format!("{path}[]"), out);
    }
}

fn words(schema: &Value) -> String {
    for key in schema.as_object().unwrap().keys() {
        let known = REST.contains(&&**key) || WORDS.iter().any(|(word, _)| word == key);
        assert!(known, "`{key}` is not compared");
    }
    let mut words = schema["type"].as_str().unwrap().to_owned();
    if let Some(format) = schema.get("format") {
        words += &format!("/{}", text(format));
    }
    for (key, word) in WORDS {
        if let Some(value) = schema.get(key) {
            words += &format!(" {word}={}", text(value));
        }
    }
    if let Some(values) = schema.get("enum") {
        words += &format!(" enum={}", text(values));
    }
    if let Some(values) = schema.get("additionalProperties") {
        words += &format!(" values={}", text(&values["type"]));
    }
    if let Some(required) = schema["required"].as_array() {
        let mut names: Vec<String> = required.iter().map(text).collect();
        names.sort();
        words += &format!(" required={}", names.join(","));
    }
    words
}

/// Whether this is the label selector of Kubernetes, with every mark that it has in schemas.
fn is_selector(schema: &Value) -> bool {
    let atomic =
        |items: Value| json!({ "type": "array", "items": items, "x-kubernetes-list-type": "atomic" });
    let text = json!({ "type": "string" });
    let expression = json!({
        "type": "object", "required": ["key", "operator"],
        "properties": { "key": text, "operator": text, "values": atomic(text.clone()) } });
    let selector = json!({
        "type": "object", "x-kubernetes-map-type": "atomic",
        "properties": {
            "matchLabels": { "type": "object", "additionalProperties": text },
            "matchExpressions": atomic(expression) } });
    without_descriptions(schema) == selector
}

fn without_descriptions(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let fields = map
                .iter()
                .filter(|(key, value)| *key != "description" || !value.is_string());
            fields
                .map(|(key, value)| (key.clone(), without_descriptions(value)))
                .collect()
        }
        Value::Array(items) => items.iter().map(without_descriptions).collect(),
        other => other.clone(),
    }
}

fn column(column: &Value) -> String {
    let priority = column["priority"].as_i64().unwrap_or(0);
    let wide = if priority == 0 {
        String::new()
    } else {
        format!(" priority={priority}")
    };
    let [name, kind, path] = ["name", "type", "jsonPath"].map(|key| column[key].as_str().unwrap());
    format!("column {name}: {kind} {path}{wide}")
}

fn found() -> String {
    let mut lines = Vec::new();
    for crd in crds::all() {
        let value: Value = serde_saphyr::from_str(crd.yaml).unwrap();
        for version in value["spec"]["versions"].as_array().unwrap() {
            let marks = ["served", "storage", "deprecated"]
                .into_iter()
                .filter(|mark| version[*mark] == true);
            let name = version["name"].as_str().unwrap();
            lines.push(format!(
                "{} {name} {}",
                crd.kind,
                marks.collect::<Vec<_>>().join(" ")
            ));
            shape(&version["schema"]["openAPIV3Schema"], ".", &mut lines);
            lines.extend(
                version["additionalPrinterColumns"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .map(column),
            );
        }
    }
    lines.join("\n")
}

#[test]
fn every_field_rule_and_column_has_the_shape_of_the_reference() {
    let expected = include_str!("shapes.txt").lines().map(str::trim);
    let expected: Vec<&str> = expected
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect();
    let found = found();
    for (found, expected) in found.lines().zip(&expected) {
        assert_eq!(found, *expected);
    }
    assert_eq!(found.lines().count(), expected.len());
}
