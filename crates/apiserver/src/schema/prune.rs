//! Fields that a schema does not know are dropped, and named for warnings and strict validation.

use serde_json::{Map, Value};

use super::{OBJECT_META, Schema, builtin, join};

/// Whose schema it is, which decides what an object without any described field means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A built-in kind: such an object is free-form, and `null` means absent, as Go decodes it.
    BuiltIn,
    /// A structural schema of a CRD: such an object is empty.
    Custom,
}

/// At most so many unknown fields are named.
const MAX_NAMED: usize = 100;

/// Drops unknown fields of a whole object and returns their paths.
#[must_use]
pub(crate) fn prune(object: &mut Value, schema: &Schema, origin: Origin) -> Vec<String> {
    let mut walk = Walk {
        origin,
        unknown: Vec::new(),
    };
    walk.resource(object, schema, "");
    // In this order a real server names those of custom resources.
    if origin == Origin::Custom {
        walk.unknown.sort_unstable();
    }
    walk.unknown
}

struct Walk {
    origin: Origin,
    unknown: Vec<String>,
}

impl Walk {
    /// An object that has type and metadata of its own.
    fn resource(&mut self, value: &mut Value, schema: &Schema, path: &str) {
        let Value::Object(map) = value else { return };
        let head: Vec<(String, Value)> = ["apiVersion", "kind", "metadata"]
            .into_iter()
            .filter_map(|k| map.remove_entry(k))
            .collect();
        self.fields(map, schema, path);
        for (key, mut part) in head {
            if key == "metadata"
                && let Some(meta) = builtin(OBJECT_META)
            {
                let origin = core::mem::replace(&mut self.origin, Origin::BuiltIn);
                self.value(&mut part, meta, &join(path, "metadata"));
                self.origin = origin;
            }
            map.insert(key, part);
        }
    }

    fn value(&mut self, value: &mut Value, schema: &Schema, path: &str) {
        let schema = schema.resolve();
        match value {
            Value::Object(_) if schema.embedded_resource => self.resource(value, schema, path),
            Value::Object(map) => self.fields(map, schema, path),
            Value::Array(items) => {
                let Some(item) = schema.item() else { return };
                for (i, value) in items.iter_mut().enumerate() {
                    self.value(value, item, &format!("{path}[{i}]"));
                }
            }
            _ => {}
        }
    }

    fn fields(&mut self, map: &mut Map<String, Value>, schema: &Schema, path: &str) {
        let schema = schema.resolve();
        if self.is_free_form(schema) {
            return;
        }
        if self.origin == Origin::BuiltIn {
            map.retain(|_, value| !value.is_null());
        }
        let keep_unknown = schema.preserve_unknown;
        map.retain(|key, value| match schema.field(key) {
            Some(field) => {
                self.value(value, field, &join(path, key));
                true
            }
            None if keep_unknown => true,
            None => {
                self.name(join(path, key));
                false
            }
        });
    }

    fn is_free_form(&self, schema: &Schema) -> bool {
        let described = !schema.properties.is_empty() || schema.free_fields().is_some();
        let anything = schema.allows_anything() || (schema.preserve_unknown && !described);
        anything || (self.origin == Origin::BuiltIn && !described)
    }

    fn name(&mut self, path: String) {
        if self.unknown.len() < MAX_NAMED {
            self.unknown.push(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn unknown_fields_go_and_are_named_by_path() {
        let schema = builtin("io.k8s.api.core.v1.Service").unwrap();
        let mut service = json!({
            "kind": "Service", "metadata": {"name": "a", "nmae": 1},
            "spec": {"ports": [{"port": 80, "prot": "TCP"}], "typo": 1, "selector": {"free": "x"}},
        });
        let unknown = prune(&mut service, schema, Origin::BuiltIn);
        assert_eq!(unknown, ["spec.ports[0].prot", "spec.typo", "metadata.nmae"]);
        assert_eq!(
            service["spec"],
            json!({"ports": [{"port": 80}], "selector": {"free": "x"}})
        );
    }

    #[test]
    fn null_is_absent_in_built_in_kinds() {
        let schema = builtin("io.k8s.api.core.v1.Service").unwrap();
        let mut service = json!({"metadata": {"creationTimestamp": null, "name": "a"}, "status": null});
        assert!(prune(&mut service, schema, Origin::BuiltIn).is_empty());
        assert_eq!(service, json!({"metadata": {"name": "a"}}));
    }

    #[test]
    fn an_object_without_described_fields_is_empty_in_a_structural_schema() {
        let schema = Schema::parse(&json!({"type": "object", "properties": {
            "status": {"type": "object"},
            "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
        }}))
        .unwrap();
        let mut object =
            json!({"kind": "X", "metadata": {"name": "a"}, "status": {"x": 1}, "free": {"y": {"z": 1}}});
        assert_eq!(prune(&mut object, &schema, Origin::Custom), ["status.x"]);
        assert_eq!(object["free"], json!({"y": {"z": 1}}));
    }
}
