//! The CRDs as the reference page and the page of compatibility need them: flat lists of fields.

use anyhow::{Context as _, Result};
use ferrolb_api::crds;
use serde_json::Value;

/// One version of a kind.
pub(crate) struct Version {
    /// The kind.
    pub(crate) kind: String,
    /// The version, like `v1beta1`.
    pub(crate) name: String,
    /// Whether objects are stored in it; then it needs no mention.
    pub(crate) is_storage: bool,
    /// What the API server says to who uses it, if it is deprecated.
    pub(crate) deprecation: Option<String>,
    /// The object's own schema.
    pub(crate) schema: Value,
    /// Columns of `kubectl get`: name, path, and whether only `-o wide` shows it.
    pub(crate) columns: Vec<(String, String, bool)>,
}

/// One field.
pub(crate) struct Field {
    /// Like `spec.communities[].name`.
    pub(crate) path: String,
    /// What the schema says of it.
    pub(crate) schema: Value,
    /// Whether its object must have it.
    pub(crate) is_required: bool,
}

impl Version {
    /// How tables name it: the kind, with the version unless objects are stored in it.
    pub(crate) fn title(&self) -> String {
        if self.is_storage {
            self.kind.clone()
        } else {
            format!("{} {}", self.kind, self.name)
        }
    }

    /// Every field below `spec` and `status`, both included. A label selector is one field.
    pub(crate) fn fields(&self) -> Vec<Field> {
        let mut fields = Vec::new();
        collect(&self.schema, "", &mut fields);
        fields.retain(|f| f.path.starts_with("spec") || f.path.starts_with("status"));
        fields
    }
}

/// Every version of every kind, by kind.
pub(crate) fn versions() -> Result<Vec<Version>> {
    let mut all = Vec::new();
    for crd in crds::all() {
        let value: Value =
            serde_saphyr::from_str(crd.yaml).with_context(|| format!("{} is no YAML", crd.name))?;
        let versions = value["spec"]["versions"].as_array().cloned().unwrap_or_default();
        // The stored version first: it is what one reads.
        let (stored, others): (Vec<_>, Vec<_>) = versions.into_iter().partition(|v| v["storage"] == true);
        all.extend(stored.iter().chain(&others).map(|v| version(crd.kind, v)));
    }
    Ok(all)
}

fn version(kind: &str, version: &Value) -> Version {
    let columns = version["additionalPrinterColumns"].as_array();
    let column = |c: &Value| {
        (
            text(&c["name"]),
            text(&c["jsonPath"]),
            c["priority"].as_i64() > Some(0),
        )
    };
    Version {
        kind: kind.to_owned(),
        name: text(&version["name"]),
        is_storage: version["storage"] == true,
        deprecation: version["deprecationWarning"].as_str().map(str::to_owned),
        schema: version["schema"]["openAPIV3Schema"].clone(),
        columns: columns.into_iter().flatten().map(column).collect(),
    }
}

fn collect(schema: &Value, path: &str, out: &mut Vec<Field>) {
    if is_selector(schema) {
        return;
    }
    let required = schema["required"].as_array();
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let path = if path.is_empty() {
            name.clone()
        } else {
            format!("{path}.{name}")
        };
        out.push(Field {
            path: path.clone(),
            schema: property.clone(),
            is_required: required.is_some_and(|names| names.iter().any(|n| n == name)),
        });
        collect(property, &path, out);
        if let Some(items) = property.get("items") {
            collect(items, &format!("{path}[]"), out);
        }
    }
}

/// Whether this is the label selector of Kubernetes.
pub(crate) fn is_selector(schema: &Value) -> bool {
    let properties = &schema["properties"];
    schema["x-kubernetes-map-type"] == "atomic" && properties.get("matchExpressions").is_some()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_lists_are_reached_and_selectors_are_one_field() {
        let versions = versions().unwrap();
        let paths = |title: &str| {
            let version = versions.iter().find(|v| v.title() == title).unwrap();
            version.fields().into_iter().map(|f| f.path).collect::<Vec<_>>()
        };
        assert!(paths("Community").contains(&"spec.communities[].name".to_owned()));
        let l2 = paths("L2Advertisement");
        assert!(l2.contains(&"spec.preferredNodeSelectors[].preference".to_owned()));
        assert!(!l2.iter().any(|path| path.contains("matchLabels")), "{l2:?}");
        assert!(paths("BGPPeer v1beta1").contains(&"spec.nodeSelectors[].matchLabels".to_owned()));
    }
}
