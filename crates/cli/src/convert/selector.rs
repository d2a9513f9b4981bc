//! Label selectors of Cilium, which also select Services by namespace and name.

use serde_json::{Map, Value, json};

/// Stands for the namespace of a Service.
const NAMESPACE: &str = "io.kubernetes.service.namespace";
/// Stands for the name of a Service.
const NAME: &str = "io.kubernetes.service.name";

/// A selector of Services, taken apart.
#[derive(Debug, Default, PartialEq)]
pub(super) struct ServiceSelector {
    /// What selects by labels; none if nothing does.
    pub(super) labels: Option<Value>,
    /// Namespaces that it names; none if it names none.
    pub(super) namespaces: Option<Vec<String>>,
    /// Whether it selects in a way that has no counterpart: by name, or by all namespaces but some.
    pub(super) is_beyond: bool,
}

impl ServiceSelector {
    pub(super) fn of(selector: &Value) -> Self {
        let mut own = Self::default();
        let mut labels = Map::new();
        for (key, value) in selector
            .get("matchLabels")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
        {
            match &**key {
                NAMESPACE => own.restrict(value.as_str().map(|text| vec![text.to_owned()])),
                NAME => own.is_beyond = true,
                _ => drop(labels.insert(key.clone(), value.clone())),
            }
        }
        let mut expressions = Vec::new();
        for expression in selector
            .get("matchExpressions")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            match expression["key"].as_str() {
                Some(NAMESPACE) if expression["operator"] == "In" => {
                    own.restrict(texts(&expression["values"]));
                }
                Some(NAMESPACE | NAME) => own.is_beyond = true,
                _ => expressions.push(expression.clone()),
            }
        }
        own.labels = match (labels.is_empty(), expressions.is_empty()) {
            (true, true) => None,
            (false, true) => Some(json!({ "matchLabels": labels })),
            (true, false) => Some(json!({ "matchExpressions": expressions })),
            (false, false) => Some(json!({ "matchLabels": labels, "matchExpressions": expressions })),
        };
        own
    }

    /// Two restrictions hold both.
    fn restrict(&mut self, namespaces: Option<Vec<String>>) {
        let Some(new) = namespaces else {
            self.is_beyond = true;
            return;
        };
        self.namespaces = Some(match self.namespaces.take() {
            None => new,
            Some(old) => old.into_iter().filter(|name| new.contains(name)).collect(),
        });
    }
}

fn texts(value: &Value) -> Option<Vec<String>> {
    value
        .as_array()?
        .iter()
        .map(|item| item.as_str().map(str::to_owned))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn namespaces_are_told_from_labels() {
        let selector = json!({
            "matchLabels": { "app": "web", NAMESPACE: "a" },
            "matchExpressions": [{ "key": NAMESPACE, "operator": "In", "values": ["a", "b"] },
                                 { "key": "tier", "operator": "Exists" }],
        });
        let taken = ServiceSelector::of(&selector);
        assert_eq!(taken.namespaces, Some(vec!["a".to_owned()]));
        assert!(!taken.is_beyond);
        assert_eq!(
            taken.labels,
            Some(
                json!({ "matchLabels": { "app": "web" }, "matchExpressions": [{ "key": "tier", "operator": "Exists" }] })
            )
        );
    }

    #[test]
    fn names_and_excluded_namespaces_are_beyond() {
        for selector in [
            json!({ "matchLabels": { NAME: "web" } }),
            json!({ "matchExpressions": [{ "key": NAMESPACE, "operator": "NotIn", "values": ["a"] }] }),
        ] {
            assert!(ServiceSelector::of(&selector).is_beyond, "{selector}");
        }
        assert_eq!(ServiceSelector::of(&json!({})), ServiceSelector::default());
    }
}
