//! OpenAPI v3: enough for kubectl to let the server validate, and for `kubectl explain`.
//!
//! The documents say nothing about strategic merge patches: kubectl then uses the merge keys that it was built with.

use core::hash::{Hash as _, Hasher as _};
use std::collections::{BTreeMap, BTreeSet};
use std::hash::DefaultHasher;
use std::sync::{Arc, OnceLock};

use http::{Response, StatusCode};
use serde_json::{Map, Value, json};

use super::Call;
use super::body::{self, Body};
use crate::error::ApiError;
use crate::kinds::{Registry, Resource, Shape};
use crate::schema::{BUILTIN_JSON, OBJECT_META};

/// `/openapi/v3`: where the documents are, each with a hash by which clients cache it.
pub(super) fn index(call: &Call) -> Result<Response<Body>, ApiError> {
    let versions: BTreeSet<String> = call
        .shared
        .read(|core| core.registry.iter().map(|r| part_of(r)).collect());
    let paths: Map<String, Value> = versions
        .into_iter()
        .map(|part| {
            let mut hasher = DefaultHasher::new();
            describe(call, &part).to_string().hash(&mut hasher);
            let url = format!("/openapi/v3/{part}?hash={:016X}", hasher.finish());
            (part, json!({"serverRelativeURL": url}))
        })
        .collect();
    Ok(body::json(StatusCode::OK, &json!({"paths": paths})))
}

/// The document of one group and version.
pub(super) fn document(call: &Call, part: &str) -> Result<Response<Body>, ApiError> {
    let document = describe(call, part);
    if document["paths"].as_object().is_none_or(Map::is_empty) {
        return Err(ApiError::no_such_path());
    }
    Ok(body::json(StatusCode::OK, &document))
}

/// `api/v1`, `apis/GROUP/VERSION`.
fn part_of(resource: &Resource) -> String {
    let prefix = if resource.group.is_empty() { "api" } else { "apis" };
    format!("{prefix}/{}", resource.api_version())
}

fn describe(call: &Call, part: &str) -> Value {
    let resources: Vec<Arc<Resource>> = call.shared.read(|core| of_part(&core.registry, part));
    let mut paths = Map::new();
    let mut schemas = BTreeMap::new();
    for resource in &resources {
        for (path, is_object) in urls(resource) {
            paths.insert(path, operations(resource, is_object));
        }
        schemas.extend(schema_of(resource, call));
    }
    add_referenced(&mut schemas);
    json!({
        "openapi": "3.0.0", "info": {"title": "FerroLB API server", "version": "v1.35"},
        "paths": paths, "components": {"schemas": schemas},
    })
}

fn of_part(registry: &Registry, part: &str) -> Vec<Arc<Resource>> {
    registry.iter().filter(|r| part_of(r) == part).cloned().collect()
}

/// URL templates of a resource, and whether each is of one object.
fn urls(resource: &Resource) -> Vec<(String, bool)> {
    let base = format!("/{}", part_of(resource));
    let plural = &resource.plural;
    if !resource.is_namespaced() {
        return vec![
            (format!("{base}/{plural}"), false),
            (format!("{base}/{plural}/{{name}}"), true),
        ];
    }
    let place = format!("{base}/namespaces/{{namespace}}/{plural}");
    vec![
        (format!("{base}/{plural}"), false),
        (place.clone(), false),
        (format!("{place}/{{name}}"), true),
    ]
}

fn operations(resource: &Resource, is_object: bool) -> Value {
    let kind = json!({"group": &*resource.group, "version": &*resource.version, "kind": &*resource.kind});
    let operation = |action: &str, parameters: &[&str]| {
        let parameters: Vec<Value> = parameters
            .iter()
            .map(|name| json!({"name": name, "in": "query", "schema": {"type": "string"}}))
            .collect();
        json!({"responses": {}, "parameters": parameters, "x-kubernetes-action": action,
            "x-kubernetes-group-version-kind": kind})
    };
    let writing = ["dryRun", "fieldManager", "fieldValidation"];
    if is_object {
        return json!({
            "get": operation("get", &[]), "delete": operation("delete", &["dryRun", "propagationPolicy"]),
            "put": operation("put", &writing),
            "patch": operation("patch", &["dryRun", "fieldManager", "fieldValidation", "force"]),
        });
    }
    json!({
        "get": operation("list", &["labelSelector", "fieldSelector", "limit", "continue", "resourceVersion", "watch"]),
        "post": operation("post", &writing),
    })
}

/// The name and document of a kind's schema.
fn schema_of(resource: &Resource, call: &Call) -> Option<(String, Value)> {
    match &resource.shape {
        Shape::BuiltIn(name) => Some(((*name).to_owned(), bundled().get(*name)?.clone())),
        Shape::Custom(_) => custom_schema(resource, call),
    }
}

/// From the CRD as it is stored, so that its descriptions are there for `kubectl explain`.
fn custom_schema(resource: &Resource, call: &Call) -> Option<(String, Value)> {
    let name = format!("{}.{}", resource.plural, resource.group);
    let key = ferrolb_types::ObjectKey::new("", name);
    let crd = call.shared.read(|core| {
        core.store
            .get("customresourcedefinitions.apiextensions.k8s.io", &key)
            .cloned()
    })?;
    let versions = crd.value["spec"]["versions"].as_array()?;
    let version = versions.iter().find(|v| v["name"] == *resource.version)?;
    let mut schema = version["schema"]["openAPIV3Schema"].clone();
    let properties = crate::object::object_at(crate::object::root_mut(&mut schema), "properties");
    properties.insert("apiVersion".to_owned(), json!({"type": "string"}));
    properties.insert("kind".to_owned(), json!({"type": "string"}));
    properties.insert("metadata".to_owned(), json!({"$ref": reference(OBJECT_META)}));
    schema["x-kubernetes-group-version-kind"] =
        json!([{"group": &*resource.group, "version": &*resource.version, "kind": &*resource.kind}]);
    let mut domain: Vec<&str> = resource.group.split('.').collect();
    domain.reverse();
    Some((
        format!("{}.{}.{}", domain.join("."), resource.version, resource.kind),
        schema,
    ))
}

fn reference(name: &str) -> String {
    format!("#/components/schemas/{name}")
}

/// The bundled definitions with references as OpenAPI writes them.
fn bundled() -> &'static BTreeMap<String, Value> {
    static ALL: OnceLock<BTreeMap<String, Value>> = OnceLock::new();
    ALL.get_or_init(|| {
        let mut all: BTreeMap<String, Value> =
            serde_json::from_str(BUILTIN_JSON).expect("the bundled definitions parse");
        all.values_mut().for_each(point);
        all
    })
}

/// Turns bare names under `$ref` into pointers into the document.
fn point(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            for (key, value) in map.iter_mut() {
                match value {
                    Value::String(name) if key == "$ref" => *name = reference(name),
                    other => point(other),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(point),
        _ => {}
    }
}

/// Adds every definition that a schema in the document refers to.
fn add_referenced(schemas: &mut BTreeMap<String, Value>) {
    let mut open: Vec<String> = schemas.values().flat_map(references).collect();
    while let Some(name) = open.pop() {
        if schemas.contains_key(&name) {
            continue;
        }
        if let Some(schema) = bundled().get(&name) {
            open.extend(references(schema));
            schemas.insert(name, schema.clone());
        }
    }
}

fn references(schema: &Value) -> Vec<String> {
    match schema {
        Value::Object(map) => map
            .iter()
            .flat_map(|(key, value)| match value {
                Value::String(pointer) if key == "$ref" => pointer
                    .rsplit('/')
                    .next()
                    .map(str::to_owned)
                    .into_iter()
                    .collect(),
                other => references(other),
            })
            .collect(),
        Value::Array(items) => items.iter().flat_map(references).collect(),
        _ => Vec::new(),
    }
}
