//! The shape of every field, rule and column, as api-and-config section 1 has it: `shapes.txt` was checked against it line
//! by line, and a CRD that differs in anything but its descriptions fails. The rules that are ours stand apart, in
//! `rules.txt` (docs/design/0010).

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
        let expression = &schema["properties"]["matchExpressions"]["items"];
        rules(expression, &format!("{path}.matchExpressions[]"), out);
        return;
    }
    out.push(format!("{path} {}", words(schema)));
    rules(schema, path, out);
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

fn rules(schema: &Value, path: &str, out: &mut Vec<String>) {
    let rules = schema["x-kubernetes-validations"].as_array();
    for rule in rules.into_iter().flatten() {
        out.push(format!("{path} rule {}", rule["rule"].as_str().unwrap().trim()));
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
    structure(schema) == selector
}

/// A schema without descriptions and rules.
fn structure(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let fields = map.iter().filter(|(key, value)| {
                *key != "x-kubernetes-validations" && (*key != "description" || !value.is_string())
            });
            fields
                .map(|(key, value)| (key.clone(), structure(value)))
                .collect()
        }
        Value::Array(items) => items.iter().map(structure).collect(),
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

fn found() -> Vec<String> {
    let mut lines = Vec::new();
    for crd in crds::all() {
        let value: Value = serde_saphyr::from_str(crd.yaml).unwrap();
        for version in value["spec"]["versions"].as_array().unwrap() {
            lines.extend(found_in(crd.kind, version));
        }
    }
    lines
}

fn found_in(kind: &str, version: &Value) -> Vec<String> {
    let marks = ["served", "storage", "deprecated"]
        .into_iter()
        .filter(|mark| version[*mark] == true);
    let name = version["name"].as_str().unwrap();
    let mut lines = vec![format!("{kind} {name} {}", marks.collect::<Vec<_>>().join(" "))];
    shape(&version["schema"]["openAPIV3Schema"], ".", &mut lines);
    let columns = version["additionalPrinterColumns"].as_array();
    lines.extend(columns.into_iter().flatten().map(column));
    lines
}

/// The lines of a table without those that say nothing.
fn table(text: &'static str) -> Vec<&'static str> {
    let lines = text.lines().map(str::trim);
    lines
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect()
}

/// Whether a line stands for a kind, under which the others are.
fn is_kind(line: &str) -> bool {
    line.starts_with(char::is_uppercase)
}

/// Splits off the rules that the reference does not have, with the kinds that have any above them.
fn without_ours(found: &[String], reference: &[&str]) -> (Vec<String>, Vec<String>) {
    let (mut shapes, mut ours): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
    for line in found {
        if is_kind(line) {
            ours.pop_if(|last| is_kind(last));
            ours.push(line.clone());
        }
        if line.contains(" rule ") && !reference.contains(&line.as_str()) {
            ours.push(line.clone());
        } else {
            shapes.push(line.clone());
        }
    }
    ours.pop_if(|last| is_kind(last));
    (shapes, ours)
}

#[track_caller]
fn assert_same_lines(found: &[String], expected: &[&str]) {
    for (found, expected) in found.iter().zip(expected) {
        assert_eq!(found, expected);
    }
    assert_eq!(found.len(), expected.len(), "{found:#?}");
}

#[test]
fn every_field_rule_and_column_has_the_shape_of_the_reference() {
    let reference = table(include_str!("shapes.txt"));
    assert_same_lines(&without_ours(&found(), &reference).0, &reference);
}

#[test]
fn rules_beyond_the_reference_are_listed() {
    let reference = table(include_str!("shapes.txt"));
    let listed = table(include_str!("rules.txt"));
    assert_same_lines(&without_ours(&found(), &reference).1, &listed);
}
