//! Tables for `kubectl get`: columns and cells, as a real server prints them.

mod builtin;
mod jsonpath;
mod network;
mod workload;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::kinds::Resource;
use crate::object::{Stored, meta_str};
use crate::time;

/// What a row carries beside its cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Include {
    /// Nothing.
    None,
    /// The metadata.
    Metadata,
    /// The whole object.
    Object,
}

/// A column of a built-in kind: heading, type, and whether it is shown with `-o wide` only.
pub(crate) struct Heading {
    name: &'static str,
    kind: &'static str,
    wide: bool,
}

pub(crate) const fn column(name: &'static str) -> Heading {
    Heading {
        name,
        kind: "string",
        wide: false,
    }
}

pub(crate) const fn wide(name: &'static str) -> Heading {
    Heading {
        name,
        kind: "string",
        wide: true,
    }
}

pub(crate) const fn integer(name: &'static str) -> Heading {
    Heading {
        name,
        kind: "integer",
        wide: false,
    }
}

/// What a cell shows when there is nothing.
pub(crate) const NONE: &str = "<none>";
/// What a cell shows when it should be there.
pub(crate) const UNKNOWN: &str = "<unknown>";

/// The object reduced to its metadata.
pub(crate) fn metadata_of(object: &Value) -> Value {
    json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object["metadata"]})
}

/// A Table of objects; later parts of a watch leave the columns out.
pub(crate) fn render(
    resource: &Resource,
    objects: &[&Stored],
    include: Include,
    with_columns: bool,
    now: Timestamp,
) -> Value {
    let rows: Vec<Value> = objects.iter().map(|o| row(resource, o, include, now)).collect();
    let version = objects
        .last()
        .map_or_else(String::new, |o| meta_str(&o.value, "resourceVersion").to_owned());
    let columns = if with_columns {
        columns(resource)
    } else {
        Value::Null
    };
    json!({
        "kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": {"resourceVersion": version},
        "columnDefinitions": columns, "rows": rows,
    })
}

fn row(resource: &Resource, object: &Stored, include: Include, now: Timestamp) -> Value {
    let cells = match builtin::table_of(resource) {
        Some(table) => (table.cells)(&object.value, now),
        None => custom_cells(resource, object, now),
    };
    match include {
        Include::None => json!({"cells": cells}),
        Include::Metadata => json!({"cells": cells, "object": metadata_of(&object.value)}),
        Include::Object => json!({"cells": cells, "object": resource.show(object)}),
    }
}

fn columns(resource: &Resource) -> Value {
    let mut found = Vec::new();
    match builtin::table_of(resource) {
        Some(table) => found.extend(table.headings.iter().map(|h| {
            let format = if h.name == "Name" { "name" } else { "" };
            definition(h.name, h.kind, format, "", i64::from(h.wide))
        })),
        None => {
            found.push(definition("Name", "string", "name", "", 0));
            for c in &resource.columns {
                found.push(definition(
                    &c.name,
                    &c.kind,
                    &c.format,
                    &c.description,
                    c.priority,
                ));
            }
            if resource.columns.is_empty() {
                found.push(definition("Age", "date", "", "", 0));
            }
        }
    }
    Value::Array(found)
}

fn definition(name: &str, kind: &str, format: &str, description: &str, priority: i64) -> Value {
    json!({"name": name, "type": kind, "format": format, "description": description, "priority": priority})
}

fn custom_cells(resource: &Resource, object: &Stored, now: Timestamp) -> Vec<Value> {
    let object = &resource.show(object);
    let mut cells = vec![meta_str(object, "name").into()];
    for column in &resource.columns {
        let value = jsonpath::first(&column.path, object);
        cells.push(value.map_or(Value::Null, |v| custom_cell(&column.kind, v, now)));
    }
    if resource.columns.is_empty() {
        cells.push(age(object, now));
    }
    cells
}

/// A value that is not of the column's type shows nothing.
fn custom_cell(kind: &str, value: &Value, now: Timestamp) -> Value {
    match (kind, value) {
        ("string", Value::String(text)) => text.as_str().into(),
        ("string", other) => other.to_string().into(),
        ("integer" | "number", Value::Number(_)) | ("boolean", Value::Bool(_)) => value.clone(),
        ("date", Value::String(text)) => since(text, now),
        _ => Value::Null,
    }
}

/// How old an object is.
pub(crate) fn age(object: &Value, now: Timestamp) -> Value {
    since(meta_str(object, "creationTimestamp"), now)
}

/// How long ago a time was.
pub(crate) fn since(text: &str, now: Timestamp) -> Value {
    time::parse(text).map_or_else(|| UNKNOWN.into(), |then| time::age(then, now).into())
}

/// Text, or a stand-in where it is missing or empty.
pub(crate) fn or(value: &Value, stand_in: &str) -> Value {
    match value.as_str() {
        None | Some("") => stand_in.into(),
        Some(text) => text.into(),
    }
}

/// Texts joined by commas, or `<none>`.
pub(crate) fn joined(texts: &[String]) -> Value {
    match texts {
        [] => NONE.into(),
        some => some.join(",").into(),
    }
}

/// A label map as `k=v,k2=v2`, or `<none>`.
pub(crate) fn labels(map: &Value) -> Value {
    let pairs = map.as_object().into_iter().flatten();
    let texts: Vec<String> = pairs
        .map(|(k, v)| format!("{k}={}", v.as_str().unwrap_or_default()))
        .collect();
    joined(&texts)
}

/// Items of a list; none where it is missing.
pub(crate) fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::Registry;

    fn cells(plural: &str, object: Value) -> Vec<String> {
        let registry = Registry::built_in();
        let resource = registry.iter().find(|r| *r.plural == *plural).unwrap();
        let now = "2026-01-01T00:10:00Z".parse().unwrap();
        let table = render(resource, &[&Stored::new(1, object)], Include::None, true, now);
        let (headings, row) = (&table["columnDefinitions"], &table["rows"][0]["cells"]);
        assert_eq!(
            headings.as_array().unwrap().len(),
            row.as_array().unwrap().len(),
            "a cell for each column"
        );
        let text = |v: &Value| v.as_str().map_or_else(|| v.to_string(), str::to_owned);
        items(row).iter().map(text).collect()
    }

    #[test]
    fn a_balanced_service_shows_its_address_or_that_it_waits() {
        let mut service = json!({
            "metadata": {"name": "web", "creationTimestamp": "2026-01-01T00:00:00Z"},
            "spec": {"type": "LoadBalancer", "clusterIP": "10.96.0.2", "selector": {"app": "web"},
                "ports": [{"port": 80, "nodePort": 30001, "protocol": "TCP"}, {"port": 53, "protocol": "UDP"}]},
        });
        let waiting = cells("services", service.clone());
        assert_eq!(
            waiting,
            [
                "web",
                "LoadBalancer",
                "10.96.0.2",
                "<pending>",
                "80:30001/TCP,53/UDP",
                "10m",
                "app=web"
            ]
        );
        service["status"] =
            json!({"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}, {"ip": "2001:db8::1"}]}});
        assert_eq!(cells("services", service)[3], "192.0.2.1,2001:db8::1");
    }

    #[test]
    fn every_built_in_kind_has_a_table_that_survives_an_empty_object() {
        let registry = Registry::built_in();
        for resource in registry.iter() {
            assert!(
                builtin::table_of(resource).is_some(),
                "{} has none",
                resource.kind
            );
            cells(&resource.plural, json!({}));
        }
    }
}
