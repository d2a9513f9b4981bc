//! Which webhooks a write concerns.

use std::sync::Arc;

use ferrolb_types::Labels;
use serde::Deserialize;

use super::webhook::{MatchPolicy, Webhook};
use crate::kinds::{Registry, Resource};

/// What is about to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Create,
    Update,
    Delete,
}

impl Operation {
    /// As in rules and reviews.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "CREATE",
            Self::Update => "UPDATE",
            Self::Delete => "DELETE",
        }
    }
}

/// What a webhook is interested in; `*` stands for everything.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Rule {
    operations: Vec<String>,
    api_groups: Vec<String>,
    api_versions: Vec<String>,
    /// `pods`, `pods/status`, `*`, `*/*`, `pods/*`, `*/status`.
    resources: Vec<String>,
    #[serde(default = "any")]
    scope: String,
}

fn any() -> String {
    "*".to_owned()
}

/// A write, as far as rules look at it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attributes<'a> {
    pub(crate) resource: &'a Arc<Resource>,
    /// Empty for the object itself.
    pub(crate) subresource: &'a str,
    pub(crate) operation: Operation,
    /// Labels of the namespace, of the object itself if it is one; `None` for what is in none.
    pub(crate) namespace: Option<&'a Labels>,
    /// Labels of the object before and after.
    pub(crate) objects: [Option<&'a Labels>; 2],
}

impl Webhook {
    /// The version of the kind that this webhook wants to be asked about, if it wants to be asked at all.
    pub(crate) fn concerns(&self, write: &Attributes<'_>, registry: &Registry) -> Option<Arc<Resource>> {
        let selected = write
            .namespace
            .is_none_or(|labels| self.namespaces.matches(labels))
            && write
                .objects
                .iter()
                .flatten()
                .any(|labels| self.objects.matches(labels));
        if !selected {
            return None;
        }
        if self.rules.iter().any(|r| r.takes(write, write.resource)) {
            return Some(Arc::clone(write.resource));
        }
        if self.match_policy == MatchPolicy::Exact {
            return None;
        }
        let mut others = registry.iter().filter(|r| r.id == write.resource.id);
        others
            .find(|other| self.rules.iter().any(|r| r.takes(write, other)))
            .cloned()
    }
}

impl Rule {
    fn takes(&self, write: &Attributes<'_>, resource: &Resource) -> bool {
        let scope = if resource.is_namespaced() {
            "Namespaced"
        } else {
            "Cluster"
        };
        holds(&self.operations, write.operation.as_str())
            && holds(&self.api_groups, &resource.group)
            && holds(&self.api_versions, &resource.version)
            && (self.scope == "*" || self.scope == scope)
            && self
                .resources
                .iter()
                .any(|r| names(r, &resource.plural, write.subresource))
    }
}

fn holds(list: &[String], value: &str) -> bool {
    list.iter().any(|v| v == "*" || v == value)
}

fn names(pattern: &str, plural: &str, subresource: &str) -> bool {
    let (resource, sub) = pattern.split_once('/').unwrap_or((pattern, ""));
    (resource == "*" || resource == plural) && (sub == subresource || (sub == "*" && pattern.contains('/')))
}

#[cfg(test)]
mod tests {
    use super::super::webhook::webhooks;
    use super::*;
    use serde_json::{Value, json};

    fn registry() -> Registry {
        let mut registry = Registry::built_in();
        let crds = crate::Options::default().crds;
        for crd in &crds {
            let kinds = crate::kinds::crd::resources(crd).unwrap();
            kinds.into_iter().for_each(|r| registry.insert(r));
        }
        registry
    }

    fn webhook(changes: &Value) -> Webhook {
        let mut webhook = json!({"name": "w.example.org", "clientConfig": {"url": "https://127.0.0.1/x"},
            "sideEffects": "None", "admissionReviewVersions": ["v1"],
            "rules": [{"operations": ["CREATE"], "apiGroups": ["metallb.io"], "apiVersions": ["v1beta2"],
                "resources": ["bgppeers"]}]});
        json_patch::merge(&mut webhook, changes);
        webhooks(&json!({"webhooks": [webhook]})).remove(0)
    }

    fn version(changes: &Value, version: &str, operation: Operation, labels: &Labels) -> Option<String> {
        let registry = registry();
        let resource = registry.find("metallb.io", version, "bgppeers").unwrap();
        let write = Attributes {
            resource,
            subresource: "",
            operation,
            namespace: Some(labels),
            objects: [None, Some(labels)],
        };
        let asked = webhook(changes).concerns(&write, &registry)?;
        Some(asked.version.to_string())
    }

    #[test]
    fn another_version_is_asked_about_in_that_of_the_rule_unless_it_must_be_exact() {
        let none = Labels::default();
        let asked = |changes: Value, v: &str, op| version(&changes, v, op, &none);
        let v2 = Some("v1beta2".to_owned());
        assert_eq!(asked(json!({}), "v1beta2", Operation::Create), v2);
        assert_eq!(asked(json!({}), "v1beta1", Operation::Create), v2);
        assert_eq!(
            asked(json!({"matchPolicy": "Exact"}), "v1beta1", Operation::Create),
            None
        );
        assert_eq!(asked(json!({}), "v1beta2", Operation::Delete), None);
    }

    #[test]
    fn selectors_leave_objects_and_namespaces_out() {
        let labels: Labels = [("a", "b")].into_iter().collect();
        for (changes, is_asked) in [
            (json!({"objectSelector": {"matchLabels": {"a": "b"}}}), true),
            (json!({"objectSelector": {"matchLabels": {"a": "c"}}}), false),
            (
                json!({"namespaceSelector": {"matchExpressions": [{"key": "x", "operator": "Exists"}]}}),
                false,
            ),
            (
                json!({"namespaceSelector": {"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["c"]}]}}),
                true,
            ),
        ] {
            let asked = version(&changes, "v1beta2", Operation::Create, &labels);
            assert_eq!(asked.is_some(), is_asked, "{changes}");
        }
    }

    #[test]
    fn a_resource_without_a_slash_names_no_subresource() {
        assert!(names("pods", "pods", "") && names("*", "pods", "") && names("pods/*", "pods", "status"));
        assert!(names("*/*", "pods", "status") && names("*/status", "pods", "status"));
        assert!(
            !names("pods", "pods", "status")
                && !names("*", "pods", "status")
                && !names("pods/x", "pods", "status")
        );
    }
}
