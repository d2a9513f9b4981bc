//! A finding about one object: what is wrong, where, and what to do.

use core::fmt;
use std::borrow::Cow;

use serde::ser::{SerializeStruct as _, Serializer};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::core::Secret;
use crate::{Object as _, Reason, reason};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The object is accepted.
    Warning,
    /// The object is refused; its last accepted version stays in force.
    Error,
}

/// A problem with one field of one object (`spec/plan.md`: `problems[]`).
///
/// Serialised it has one field more, `hint`, which is [`Problem::hint`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub struct Problem {
    /// Whether the object is refused.
    pub severity: Severity,
    /// The object's kind.
    pub kind: Cow<'static, str>,
    /// Its namespace; empty for cluster-scoped objects.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Path of the field, like `spec.addresses[0]`; empty when the whole object is meant.
    pub field: String,
    /// What is written there: a text as it is, a number, truth value or list of those as JSON; cut when it is long.
    /// Absent where nothing is written, and where a secret is or may be.
    #[serde(default)]
    pub value: Option<Box<str>>,
    /// One CamelCase word from the documented list.
    pub reason: Cow<'static, str>,
    /// What is wrong and what to do, lower case, without a full stop, values in backticks.
    pub message: String,
}

impl Problem {
    /// What to do about problems of this reason; the message has it for this one. Empty for a reason that is not
    /// documented.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        Reason::find(&self.reason).map_or("", Reason::remedy)
    }

    /// Fills in what `object`, as it is written, has in the field, unless that is or may be secret: a field that nobody
    /// knows may be a password misspelt.
    pub fn quote(&mut self, object: &Value) {
        let may_be_secret = self.kind == Secret::KIND || self.reason == reason::UNKNOWN_FIELD.word();
        if self.value.is_none() && !may_be_secret {
            self.value = written_at(object, &self.field);
        }
    }
}

impl Serialize for Problem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self {
            severity,
            kind,
            namespace,
            name,
            field,
            value,
            reason,
            message,
        } = self;
        let mut out = serializer.serialize_struct("Problem", 9)?;
        out.serialize_field("severity", severity)?;
        out.serialize_field("kind", kind)?;
        out.serialize_field("namespace", namespace)?;
        out.serialize_field("name", name)?;
        out.serialize_field("field", field)?;
        match value {
            Some(value) => out.serialize_field("value", value)?,
            None => out.skip_field("value")?,
        }
        out.serialize_field("reason", reason)?;
        out.serialize_field("message", message)?;
        out.serialize_field("hint", self.hint())?;
        out.end()
    }
}

/// Characters of a value that are shown.
const SHOWN: usize = 200;

/// What `object` has at a path like `spec.addresses[0]`, unless that is a secret, nothing, or has fields of its own.
fn written_at(object: &Value, path: &str) -> Option<Box<str>> {
    if path.is_empty() || path.ends_with("password") {
        return None;
    }
    let mut value = object;
    for step in path.split(['.', '[']) {
        value = match step.strip_suffix(']') {
            Some(index) => value.get(index.parse::<usize>().ok()?)?,
            None => value.get(step)?,
        };
    }
    let text = match value {
        Value::Null => return None,
        other if !is_plain(other) => return None,
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    Some(match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]).into(),
        None => text.into(),
    })
}

/// Whether there is no object in it, which may hold anything.
fn is_plain(value: &Value) -> bool {
    match value {
        Value::Object(_) => false,
        Value::Array(items) => items.iter().all(is_plain),
        _ => true,
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        write!(f, "{severity}: {} {}/{}", self.kind, self.namespace, self.name)?;
        if !self.field.is_empty() {
            write!(f, " {}", self.field)?;
        }
        write!(f, ": {} ({})", self.message, self.reason)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn problem() -> Problem {
        Problem {
            severity: Severity::Error,
            kind: "IPAddressPool".into(),
            namespace: String::new(),
            name: "a".to_owned(),
            field: "spec.addresses".to_owned(),
            value: None,
            reason: "NoAddresses".into(),
            message: "none".to_owned(),
        }
    }

    fn written(path: &str) -> Option<String> {
        let object = json!({ "spec": {
            "addresses": ["192.0.2.0/33", 7], "holdTime": null, "list": [[], [{ "a": true }]], "password": "hidden",
            "long": "ä".repeat(300) } });
        written_at(&object, path).map(Into::into)
    }

    #[test]
    fn a_value_is_what_is_written_at_the_path() {
        assert_eq!(written("spec.addresses[0]").as_deref(), Some("192.0.2.0/33"));
        assert_eq!(written("spec.addresses[1]").as_deref(), Some("7"));
        assert_eq!(
            written("spec.addresses").as_deref(),
            Some(r#"["192.0.2.0/33",7]"#)
        );
        assert_eq!(written("spec.list[1][0].a").as_deref(), Some("true"));
        for path in [
            "",
            "spec.holdTime",
            "spec.addresses[2]",
            "spec.addresses[x]",
            "spec.list.a",
            "spec.none",
            "spec.list",
            "spec",
        ] {
            assert_eq!(written(path), None, "{path}");
        }
    }

    #[test]
    fn a_long_value_is_cut_between_characters_and_a_secret_left_out() {
        assert_eq!(written("spec.long"), Some("ä".repeat(200) + "…"));
        assert_eq!(written("spec.password"), None);
    }

    #[test]
    fn a_field_that_is_not_known_is_not_quoted() {
        let mut problem = problem();
        problem.field = "spec.pasword".to_owned();
        problem.reason = "UnknownField".into();
        problem.quote(&json!({ "spec": { "pasword": "hunter2" } }));
        assert_eq!(problem.value, None);
    }

    #[test]
    fn as_json_it_has_its_hint_and_reads_back_as_itself() {
        let problem = Problem {
            value: Some("[]".into()),
            ..problem()
        };
        let json = serde_json::to_value(&problem).unwrap();
        assert_eq!(
            json,
            json!({
                "severity": "error", "kind": "IPAddressPool", "namespace": "", "name": "a", "field": "spec.addresses",
                "value": "[]", "reason": "NoAddresses", "message": "none",
                "hint": "add prefixes or ranges to spec.addresses" })
        );
        assert_eq!(serde_json::from_value::<Problem>(json).unwrap(), problem);
        let absent = serde_json::to_value(Problem {
            value: None,
            ..problem
        })
        .unwrap();
        assert_eq!(absent.get("value"), None);
    }
}
