//! From a CustomResourceDefinition document to served kinds.

use ferrolb_api::Scope;
use serde_json::Value;

use super::{Column, Resource, Shape, collection_id};
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
    let served = versions.iter().enumerate().filter(|(_, v)| v["served"] == true);
    served
        .map(|(i, version)| resource(spec, version, i, storage))
        .collect()
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

fn resource(spec: &Value, version: &Value, index: usize, storage: &str) -> Result<Resource, Vec<Cause>> {
    let text = |value: &Value| -> Box<str> { value.as_str().unwrap_or_default().into() };
    let names = &spec["names"];
    let (group, kind, plural) = (text(&spec["group"]), text(&names["kind"]), text(&names["plural"]));
    let singular = match names["singular"].as_str() {
        Some(name) if !name.is_empty() => name.into(),
        _ => kind.to_lowercase().into(),
    };
    let name = text(&version["name"]);
    Ok(Resource {
        id: collection_id(&group, &plural),
        deprecation: deprecation(version, &group, &name, &kind),
        shape: shape(version, index)?,
        columns: columns(version),
        has_status: version["subresources"]["status"].is_object(),
        rules: Rules::custom(&group, &kind),
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
    })
}

fn shape(version: &Value, index: usize) -> Result<Shape, Vec<Cause>> {
    let document = &version["schema"]["openAPIV3Schema"];
    let path = format!("spec.versions[{index}].schema.openAPIV3Schema");
    if document.is_null() {
        return Err(vec![Cause::required(path, "schemas are required")]);
    }
    let schema =
        Schema::parse(document).map_err(|e| vec![Cause::invalid(path, &Value::Null, &e.to_string())])?;
    Ok(Shape::Custom(Box::new(schema)))
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
                {"name": "v3", "served": false, "storage": false},
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
