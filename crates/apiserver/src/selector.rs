//! Label and field selectors, as they stand in a query string.

use ferrolb_types::Selector;
use ferrolb_types::selector::{Condition, Requirement};
use serde_json::Value;

use crate::error::ApiError;
use crate::kinds::Resource;
use crate::object::Stored;
use crate::rules::Rules;

/// What a list or a watch is restricted to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filter {
    labels: Selector,
    fields: Vec<FieldTerm>,
}

#[derive(Clone, Debug)]
struct FieldTerm {
    /// Path in the stored object.
    path: Vec<Box<str>>,
    value: Box<str>,
    equal: bool,
}

impl Filter {
    /// Reads both selectors of a request.
    ///
    /// # Errors
    /// 400 for what does not parse, or for a field that cannot be selected by.
    pub(crate) fn parse(resource: &Resource, labels: &str, fields: &str) -> Result<Self, ApiError> {
        Ok(Self {
            labels: parse_labels(labels)?,
            fields: parse_fields(resource, fields)?,
        })
    }

    /// Only the object of this name.
    #[must_use]
    pub(crate) fn named(name: &str) -> Self {
        let path = ["metadata", "name"].map(Into::into).to_vec();
        Self {
            labels: Selector::everything(),
            fields: vec![FieldTerm {
                path,
                value: name.into(),
                equal: true,
            }],
        }
    }

    /// Whether everything matches.
    #[must_use]
    pub(crate) fn is_everything(&self) -> bool {
        self.labels.is_everything() && self.fields.is_empty()
    }

    /// Whether the object is wanted.
    #[must_use]
    pub(crate) fn matches(&self, object: &Stored) -> bool {
        self.labels.matches(object.labels()) && self.fields.iter().all(|t| t.holds(&object.value))
    }
}

impl FieldTerm {
    fn holds(&self, object: &Value) -> bool {
        let found = self.path.iter().try_fold(object, |v, key| v.get(&**key));
        let equal = match found {
            None | Some(Value::Null) => self.value.is_empty() || &*self.value == "false",
            Some(Value::String(text)) => **text == *self.value,
            Some(other) => *self.value == *other.to_string(),
        };
        equal == self.equal
    }
}

/// Fields that a kind can be selected by, besides name and namespace.
fn selectable(rules: Rules) -> &'static [&'static str] {
    const EVENT: &[&str] = &[
        "involvedObject.kind",
        "involvedObject.namespace",
        "involvedObject.name",
        "involvedObject.uid",
        "involvedObject.apiVersion",
        "involvedObject.resourceVersion",
        "involvedObject.fieldPath",
        "reason",
        "reportingComponent",
        "source",
        "type",
    ];
    match rules {
        Rules::Event | Rules::EventView => EVENT,
        Rules::Service => &["spec.clusterIP", "spec.type"],
        Rules::Pod => &[
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "spec.hostNetwork",
            "status.phase",
            "status.podIP",
            "status.nominatedNodeName",
        ],
        Rules::Node => &["spec.unschedulable"],
        Rules::Namespace => &["status.phase"],
        Rules::Secret => &["type"],
        _ => &[],
    }
}

fn parse_fields(resource: &Resource, text: &str) -> Result<Vec<FieldTerm>, ApiError> {
    let terms = text.split(',').map(str::trim).filter(|t| !t.is_empty());
    terms.map(|term| parse_field(resource, term)).collect()
}

fn parse_field(resource: &Resource, term: &str) -> Result<FieldTerm, ApiError> {
    let (field, value, equal) = split_operator(term).ok_or_else(|| {
        ApiError::bad_request(format!("invalid selector: '{term}'; can't understand '{term}'"))
    })?;
    let known = match (resource.rules, field) {
        (Rules::EventView, f) if f.starts_with("regarding.") => f.replacen("regarding", "involvedObject", 1),
        (Rules::EventView, "reportingController") => "reportingComponent".to_owned(),
        (_, other) => other.to_owned(),
    };
    let common = known == "metadata.name" || (known == "metadata.namespace" && resource.is_namespaced());
    if !common && !selectable(resource.rules).contains(&known.as_str()) {
        return Err(ApiError::bad_request(format!(
            "field label not supported: {field}"
        )));
    }
    let path = match known.as_str() {
        "source" => vec!["source".into(), "component".into()],
        other => other.split('.').map(Into::into).collect(),
    };
    Ok(FieldTerm {
        path,
        value: value.into(),
        equal,
    })
}

/// `a=b`, `a==b`, `a!=b`.
fn split_operator(term: &str) -> Option<(&str, &str, bool)> {
    let (key, value, equal) = match term.split_once("!=") {
        Some((key, value)) => (key, value, false),
        None => {
            let (key, value) = term.split_once('=')?;
            (key, value.strip_prefix('=').unwrap_or(value), true)
        }
    };
    Some((key.trim(), value.trim(), equal))
}

/// Reads `a=b,c!=d,e in (x,y),f notin (z),g,!h`.
///
/// # Errors
/// 400 with the part that cannot be understood.
pub(crate) fn parse_labels(text: &str) -> Result<Selector, ApiError> {
    let mut requirements = Vec::new();
    for term in split_terms(text) {
        let term = term.trim();
        if !term.is_empty() {
            requirements.push(parse_requirement(term)?);
        }
    }
    Selector::new(requirements)
        .map_err(|e| ApiError::bad_request(format!("unable to parse requirement: {e}")))
}

/// Splits at commas that are outside of parentheses.
fn split_terms(text: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0_i32;
    text.split(move |c| {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        c == ',' && depth <= 0
    })
}

fn parse_requirement(term: &str) -> Result<Requirement, ApiError> {
    let requirement = |key: &str, condition| Requirement {
        key: key.trim().into(),
        condition,
    };
    if let Some(key) = term.strip_prefix('!') {
        return Ok(requirement(key, Condition::DoesNotExist));
    }
    if let Some(list) = term.strip_suffix(')') {
        return parse_set(term, list);
    }
    match split_operator(term) {
        Some((_, value, _)) if value.contains('=') => Err(ApiError::bad_request(
            "found '=', expected: ',' or 'end of string'".to_owned(),
        )),
        Some((key, value, true)) => Ok(requirement(key, Condition::In(vec![value.into()]))),
        Some((key, value, false)) => Ok(requirement(key, Condition::NotIn(vec![value.into()]))),
        None => Ok(requirement(term, Condition::Exists)),
    }
}

/// `key in (a,b` or `key notin (a,b`, the closing parenthesis already taken off.
fn parse_set(term: &str, list: &str) -> Result<Requirement, ApiError> {
    let misread =
        || ApiError::bad_request(format!("unable to parse requirement: cannot understand `{term}`"));
    let (head, values) = list.split_once('(').ok_or_else(misread)?;
    let (key, operator) = head.trim().rsplit_once(char::is_whitespace).ok_or_else(misread)?;
    let values = values.split(',').map(|v| v.trim().into()).collect();
    let condition = match operator {
        "in" => Condition::In(values),
        "notin" => Condition::NotIn(values),
        _ => return Err(misread()),
    };
    Ok(Requirement {
        key: key.trim().into(),
        condition,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::Registry;
    use serde_json::json;

    #[expect(clippy::needless_pass_by_value, reason = "values are written in place")]
    fn matches(selector: &str, labels: Value) -> bool {
        let object = Stored::new(1, json!({"metadata": {"labels": labels}}));
        parse_labels(selector).unwrap().matches(object.labels())
    }

    #[test]
    fn label_selectors_of_the_query_string_are_understood() {
        let labels = json!({"a": "1", "b": "2"});
        for yes in [
            "",
            "a=1",
            "a==1,b!=3",
            "a in (1, 2),b notin (3)",
            "a,!c",
            "c notin (x)",
        ] {
            assert!(matches(yes, labels.clone()), "`{yes}` should match");
        }
        for no in ["a=2", "a!=1", "a in (2,3)", "c", "!a"] {
            assert!(!matches(no, labels.clone()), "`{no}` should not match");
        }
        for bad in ["a=b=c", "a in x)", "a foo (x)", "=", "a=-"] {
            assert_eq!(parse_labels(bad).unwrap_err().code, 400, "`{bad}`");
        }
    }

    #[test]
    fn fields_are_selected_by_where_the_kind_allows_it() {
        let registry = Registry::built_in();
        let events = registry.find("", "v1", "events").unwrap();
        let event = Stored::new(
            1,
            json!({"metadata": {"name": "e"}, "involvedObject": {"name": "web"}}),
        );
        let filter = Filter::parse(events, "", "involvedObject.name=web,metadata.name!=x").unwrap();
        assert!(filter.matches(&event));
        let filter = Filter::parse(events, "", "involvedObject.name=other").unwrap();
        assert!(!filter.matches(&event));
        let views = registry.find("events.k8s.io", "v1", "events").unwrap();
        assert!(
            Filter::parse(views, "", "regarding.name=web")
                .unwrap()
                .matches(&event)
        );

        let services = registry.find("", "v1", "services").unwrap();
        let refused = Filter::parse(services, "", "spec.foo=bar").unwrap_err();
        assert_eq!(refused.message, "field label not supported: spec.foo");
    }
}
