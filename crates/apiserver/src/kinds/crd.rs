//! From a CustomResourceDefinition document to served kinds.

use std::sync::Arc;

use ferrolb_api::Scope;
use serde_json::Value;

use super::{Column, Conversion, Resource, Shape, collection_id};
use crate::error::Cause;
use crate::rules::Rules;
use crate::schema::Schema;

/// Reads every served version of a CRD.
///
/// # Errors
/// The fields that are missing or make no sense.
pub(crate) fn resources(crd: &Value) -> Result<Vec<Resource>, Vec<Cause>> {
    let spec = &crd["spec"];
    let versions = spec["versions"].as_array().map_or(&[][..], Vec::as_slice);
    let storage = versions.iter().find(|v| v["storage"] == true);
    let storage = storage
        .and_then(|v| v["name"].as_str())
        .ok_or_else(|| vec![Cause::invalid("spec.versions", &spec["versions"], NO_STORAGE)])?;
    let missing = required(spec);
    if !missing.is_empty() {
        return Err(missing);
    }
    let conversion = Conversion::of(spec)?;
    let mut found = Found::default();
    for (i, version) in versions.iter().enumerate() {
        match schema(version, &schema_path(versions, i)) {
            Ok(schema) => found.shapes.push((version, Arc::new(schema))),
            Err(causes) => found.causes.extend(causes),
        }
    }
    if !found.causes.is_empty() {
        return Err(found.causes);
    }
    let storage_schema = found.shapes.iter().find(|(v, _)| v["storage"] == true);
    let storage_schema = storage_schema
        .map(|(_, schema)| Arc::clone(schema))
        .unwrap_or_default();
    let served = found.shapes.into_iter().filter(|(v, _)| v["served"] == true);
    Ok(served
        .map(|(version, schema)| Resource {
            conversion: conversion.clone(),
            ..resource(spec, version, schema, (storage, &storage_schema))
        })
        .collect())
}

#[derive(Default)]
struct Found<'a> {
    shapes: Vec<(&'a Value, Arc<Schema>)>,
    causes: Vec<Cause>,
}

/// Where messages say that a schema stands: a real server keeps one that all versions share in a place of its own.
fn schema_path(versions: &[Value], index: usize) -> String {
    let is_shared = versions.iter().all(|v| v["schema"] == versions[0]["schema"]);
    match is_shared {
        true => "spec.validation.openAPIV3Schema".to_owned(),
        false => format!("spec.versions[{index}].schema.openAPIV3Schema"),
    }
}

const NO_STORAGE: &str = "must have exactly one version marked as storage version";

fn required(spec: &Value) -> Vec<Cause> {
    let fields = ["/group", "/names/kind", "/names/plural", "/scope"];
    let missing = fields
        .into_iter()
        .filter(|p| spec.pointer(p).and_then(Value::as_str).is_none());
    missing
        .map(|p| Cause::required(format!("spec{}", p.replace('/', ".")), ""))
        .collect()
}

fn resource(
    spec: &Value,
    version: &Value,
    schema: Arc<Schema>,
    (storage, storage_schema): (&str, &Arc<Schema>),
) -> Resource {
    let text = |value: &Value| -> Box<str> { value.as_str().unwrap_or_default().into() };
    let names = &spec["names"];
    let (group, kind, plural) = (text(&spec["group"]), text(&names["kind"]), text(&names["plural"]));
    let singular = match names["singular"].as_str() {
        Some(name) if !name.is_empty() => name.into(),
        _ => kind.to_lowercase().into(),
    };
    let name = text(&version["name"]);
    Resource {
        id: collection_id(&group, &plural),
        deprecation: deprecation(version, &group, &name, &kind),
        shape: Shape::Custom(schema),
        storage_schema: Some(Arc::clone(storage_schema)),
        conversion: Conversion::SAME,
        columns: columns(version),
        has_status: version["subresources"]["status"].is_object(),
        rules: Rules::Custom,
        scope: match spec["scope"].as_str() {
            Some("Cluster") => Scope::Cluster,
            _ => Scope::Namespaced,
        },
        short_names: texts(&names["shortNames"]),
        categories: texts(&names["categories"]),
        storage_version: storage.into(),
        version: name,
        group,
        kind,
        plural,
        singular,
    }
}

fn schema(version: &Value, path: &str) -> Result<Schema, Vec<Cause>> {
    let document = &version["schema"]["openAPIV3Schema"];
    if document.is_null() {
        return Err(vec![Cause::required(path, "schemas are required")]);
    }
    Schema::structural(document, path)
}

fn deprecation(version: &Value, group: &str, name: &str, kind: &str) -> Option<Box<str>> {
    if version["deprecated"] != true {
        return None;
    }
    let given = version["deprecationWarning"].as_str();
    Some(given.map_or_else(
        || format!("{group}/{name} {kind} is deprecated").into(),
        Into::into,
    ))
}

fn columns(version: &Value) -> Vec<Column> {
    let list = version["additionalPrinterColumns"].as_array();
    let text = |value: &Value| -> Box<str> { value.as_str().unwrap_or_default().into() };
    list.into_iter()
        .flatten()
        .map(|c| Column {
            name: text(&c["name"]),
            kind: text(&c["type"]),
            format: text(&c["format"]),
            description: text(&c["description"]),
            priority: c["priority"].as_i64().unwrap_or(0),
            path: text(&c["jsonPath"]),
        })
        .collect()
}

fn texts(value: &Value) -> Vec<Box<str>> {
    let list = value.as_array().into_iter().flatten();
    list.filter_map(|v| v.as_str().map(Into::into)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn crd() -> Value {
        json!({"spec": {
            "group": "example.org", "scope": "Namespaced", "names": {"kind": "Thing", "plural": "things"},
            "versions": [
                {"name": "v1", "served": true, "storage": false, "deprecated": true,
                 "schema": {"openAPIV3Schema": {"type": "object"}}},
                {"name": "v2", "served": true, "storage": true, "subresources": {"status": {}},
                 "schema": {"openAPIV3Schema": {"type": "object"}},
                 "additionalPrinterColumns": [{"name": "A", "type": "string", "jsonPath": ".spec.a", "priority": 1}]},
                {"name": "v3", "served": false, "storage": false,
                 "schema": {"openAPIV3Schema": {"type": "object"}}},
            ],
        }})
    }

    #[test]
    fn each_served_version_becomes_a_resource_of_the_storage_version() {
        let found = resources(&crd()).unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!(
            found[0].deprecation.as_deref(),
            Some("example.org/v1 Thing is deprecated")
        );
        assert!(!found[0].is_storage() && found[1].is_storage());
        assert!(found[1].has_status && !found[0].has_status);
        assert_eq!(
            (&*found[1].id, &*found[1].singular),
            ("things.example.org", "thing")
        );
        assert_eq!(found[1].columns[0].priority, 1);
    }

    #[test]
    fn a_crd_without_a_storage_version_or_names_is_refused_by_field() {
        let mut bad = crd();
        bad["spec"]["versions"][1]["storage"] = json!(false);
        assert_eq!(resources(&bad).unwrap_err()[0].field, "spec.versions");
        let mut bad = crd();
        bad["spec"]["names"] = json!({});
        let fields: Vec<String> = resources(&bad)
            .unwrap_err()
            .into_iter()
            .map(|c| c.field)
            .collect();
        assert_eq!(fields, ["spec.names.kind", "spec.names.plural"]);
    }
}
