//! Schemas: what a kind may contain. One model for the `openAPIV3Schema` of CRDs and for the built-in kinds.
//!
//! The built-in kinds come from `assets/core-schemas.json`: the types of the published OpenAPI v3 description of
//! Kubernetes 1.35 without their prose, reduced to the kinds that are served here. The extensions in it say how lists
//! merge, which strategic merge patch and server-side apply need.
//!
//! An object of a CRD's kind is read (`prune`, `default`), and before it is stored it is judged: `validate` (types and
//! bounds), `lists` (uniqueness), `rules` (CEL).

mod decode;
mod default;
mod formats;
mod judge;
mod lists;
mod prune;
mod rules;
mod structural;
mod validate;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, OnceLock};

use regex::Regex;
use serde::Deserialize;
use serde_json::Value;

pub(crate) use decode::decode_error;
pub(crate) use default::apply_defaults;
pub(crate) use judge::{Part, judge};
use lists::correlated;
pub(crate) use prune::{Origin, prune};
use rules::{Rule, RuleText};
use validate::validate;

/// One node of a schema.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Schema {
    /// `object`, `array`, `string`, `integer`, `number`, `boolean`; absent means anything.
    #[serde(rename = "type")]
    pub(crate) kind: Option<Box<str>>,
    /// `int32`, `int64`, `date-time`, `byte`, …
    pub(crate) format: Option<Box<str>>,
    /// Another definition that stands here (built-in kinds only).
    #[serde(rename = "$ref")]
    pub(crate) reference: Option<Box<str>>,
    /// Known fields of an object.
    pub(crate) properties: BTreeMap<Box<str>, Schema>,
    /// The schema of fields with free names.
    pub(crate) additional_properties: Option<SchemaOrBool>,
    /// The schema of an array's items.
    pub(crate) items: Option<Box<Schema>>,
    /// Fields that must be there.
    pub(crate) required: Vec<Box<str>>,
    /// The value that stands in for a missing field.
    pub(crate) default: Option<Value>,
    /// The only values allowed.
    #[serde(rename = "enum")]
    pub(crate) allowed: Vec<Value>,
    /// Lower bound of a number.
    pub(crate) minimum: Option<f64>,
    /// Upper bound of a number.
    pub(crate) maximum: Option<f64>,
    /// Whether the lower bound itself is excluded.
    pub(crate) exclusive_minimum: bool,
    /// Whether the upper bound itself is excluded.
    pub(crate) exclusive_maximum: bool,
    /// Shortest string, in characters.
    pub(crate) min_length: Option<usize>,
    /// Longest string, in characters.
    pub(crate) max_length: Option<usize>,
    /// Expression that a string must match.
    pub(crate) pattern: Option<Box<str>>,
    /// The same, compiled ([`Schema::structural`]).
    #[serde(skip)]
    pub(crate) expression: Option<Regex>,
    /// What a number must be a multiple of.
    pub(crate) multiple_of: Option<f64>,
    /// Fewest items.
    pub(crate) min_items: Option<usize>,
    /// Most items.
    pub(crate) max_items: Option<usize>,
    /// Fewest fields.
    pub(crate) min_properties: Option<usize>,
    /// Most fields.
    pub(crate) max_properties: Option<usize>,
    /// Whether `null` is a value.
    pub(crate) nullable: bool,
    /// All of these must hold as well.
    pub(crate) all_of: Vec<Schema>,
    /// One of these must hold.
    pub(crate) any_of: Vec<Schema>,
    /// Exactly one of these must hold.
    pub(crate) one_of: Vec<Schema>,
    /// This must not hold.
    pub(crate) not: Option<Box<Schema>>,
    /// A number or a string.
    #[serde(rename = "x-kubernetes-int-or-string")]
    pub(crate) int_or_string: bool,
    /// Unknown fields are kept.
    #[serde(rename = "x-kubernetes-preserve-unknown-fields")]
    pub(crate) preserve_unknown: bool,
    /// The object is a whole resource with `apiVersion`, `kind` and `metadata`.
    #[serde(rename = "x-kubernetes-embedded-resource")]
    pub(crate) embedded_resource: bool,
    /// `atomic`, `set` or `map`.
    #[serde(rename = "x-kubernetes-list-type")]
    pub(crate) list_type: Option<Box<str>>,
    /// Fields that identify an item of a `map` list.
    #[serde(rename = "x-kubernetes-list-map-keys")]
    pub(crate) list_map_keys: Vec<Box<str>>,
    /// `atomic` or `granular`.
    #[serde(rename = "x-kubernetes-map-type")]
    pub(crate) map_type: Option<Box<str>>,
    /// Field that identifies an item in a strategic merge patch.
    #[serde(rename = "x-kubernetes-patch-merge-key")]
    pub(crate) patch_merge_key: Option<Box<str>>,
    /// `merge`, `replace`, `retainKeys`, joined by commas.
    #[serde(rename = "x-kubernetes-patch-strategy")]
    pub(crate) patch_strategy: Option<Box<str>>,
    /// CEL rules as written.
    #[serde(rename = "x-kubernetes-validations")]
    pub(crate) validations: Vec<RuleText>,
    /// The same, compiled ([`Schema::structural`]).
    #[serde(skip)]
    pub(crate) rules: Vec<Arc<Rule>>,
    /// Whether there are rules here or below.
    #[serde(skip)]
    pub(crate) has_rules: bool,
}

/// `additionalProperties` is a schema or a truth value.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum SchemaOrBool {
    /// Whether fields with free names are allowed at all.
    Bool(bool),
    /// What they hold.
    Schema(Box<Schema>),
}

impl Schema {
    /// Reads an `openAPIV3Schema`.
    ///
    /// # Errors
    /// What serde says about a document that is no schema.
    pub(crate) fn parse(document: &Value) -> Result<Self, serde_json::Error> {
        Self::deserialize(document)
    }

    /// The schema itself, or the definition that it refers to.
    #[must_use]
    pub(crate) fn resolve(&self) -> &Self {
        match &self.reference {
            Some(name) => builtin(name).unwrap_or(self),
            None => self,
        }
    }

    /// The schema of `field`, whether it is named or free; `None` for an unknown one.
    #[must_use]
    pub(crate) fn field(&self, field: &str) -> Option<&Self> {
        let schema = self.resolve();
        schema.properties.get(field).or_else(|| schema.free_fields())
    }

    /// The schema of fields with free names, if such are described.
    #[must_use]
    pub(crate) fn free_fields(&self) -> Option<&Self> {
        match self.resolve().additional_properties.as_ref()? {
            SchemaOrBool::Schema(schema) => Some(schema),
            SchemaOrBool::Bool(_) => None,
        }
    }

    /// Whether fields with free names may hold anything.
    #[must_use]
    pub(crate) fn allows_anything(&self) -> bool {
        matches!(
            self.resolve().additional_properties,
            Some(SchemaOrBool::Bool(true))
        )
    }

    /// The schema of the items of an array.
    #[must_use]
    pub(crate) fn item(&self) -> Option<&Self> {
        self.resolve().items.as_deref()
    }

    /// The type, resolved.
    #[must_use]
    pub(crate) fn type_name(&self) -> Option<&str> {
        self.resolve().kind.as_deref()
    }

    /// The Go struct that a reference names: `ServicePort`.
    #[must_use]
    pub(crate) fn struct_name(&self) -> Option<&str> {
        self.reference.as_deref()?.rsplit('.').next()
    }
}

/// A built-in definition by its OpenAPI name (`io.k8s.api.core.v1.Service`).
#[must_use]
pub(crate) fn builtin(name: &str) -> Option<&'static Schema> {
    static PARSED: OnceLock<HashMap<String, Schema>> = OnceLock::new();
    let all =
        PARSED.get_or_init(|| serde_json::from_str(BUILTIN_JSON).expect("the bundled definitions parse"));
    all.get(name)
}

/// The definitions as JSON text, for the OpenAPI documents.
pub(crate) const BUILTIN_JSON: &str = include_str!("../../assets/core-schemas.json");

/// The metadata of every object.
pub(crate) const OBJECT_META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";

/// Brings an object that was read, or converted, into the form that a schema describes.
pub(crate) fn complete(object: &mut Value, schema: &Schema) {
    let _unknown = prune(object, schema, Origin::Custom);
    apply_defaults(object, schema);
}

/// `parent.field`, or just the field at the root.
pub(crate) fn join(path: &str, field: &str) -> String {
    if path.is_empty() {
        field.to_owned()
    } else {
        format!("{path}.{field}")
    }
}

/// The name of a JSON value's type, as schema messages have it.
pub(crate) fn json_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(n) if n.is_i64() => "integer",
        // An integer beyond 64 bits is none, as the real server reads it.
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bundled_definitions_parse_and_know_how_service_ports_merge() {
        let service = builtin("io.k8s.api.core.v1.Service").unwrap();
        let ports = service.field("spec").and_then(|s| s.field("ports")).unwrap();
        assert_eq!(ports.patch_merge_key.as_deref(), Some("port"));
        assert_eq!(ports.item().unwrap().struct_name(), Some("ServicePort"));
        assert_eq!(ports.list_map_keys.len(), 2);
    }

    #[test]
    fn every_reference_of_the_bundled_definitions_resolves() {
        let all: HashMap<String, Value> = serde_json::from_str(BUILTIN_JSON).unwrap();
        for name in BUILTIN_JSON
            .split("\"$ref\":\"")
            .skip(1)
            .filter_map(|s| s.split('"').next())
        {
            assert!(all.contains_key(name), "`{name}` is referred to and missing");
        }
    }
}
