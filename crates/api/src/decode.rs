//! From untyped JSON to a kind, one object at a time: what does not decode is a problem of that object, not of the list
//! that it came in.

use std::borrow::Cow;

use serde_json::Value;

use crate::{Object, Problem, Severity, reason};

/// Decodes one object; unknown fields are skipped.
///
/// # Errors
/// A problem of reason `InvalidField` that names the object, the field and what is expected there.
///
/// ```
/// use ferrolb_api::{decode, metallb::IpAddressPool};
/// use serde_json::json;
///
/// let bad = json!({ "metadata": { "name": "a" }, "spec": { "addresses": ["192.0.2.0/24", 7] } });
/// let problem = decode::<IpAddressPool>(&bad).unwrap_err();
/// assert_eq!((&*problem.field, &*problem.reason), ("spec.addresses[1]", "InvalidField"));
/// ```
pub fn decode<T: Object>(value: &Value) -> Result<T, Box<Problem>> {
    if !value.is_object() {
        // Derived decoders would take a list for a struct.
        return Err(problem::<T>(value, String::new(), "not an object".to_owned()));
    }
    // With the path from the start, though it costs: each format that is read is one more copy of the code of every kind
    // (docs/design/0013). What has to be fast, a watch, reads the text.
    serde_path_to_error::deserialize(value)
        .map_err(|e| problem::<T>(value, e.path().to_string(), e.inner().to_string()))
}

fn problem<T: Object>(value: &Value, field: String, message: String) -> Box<Problem> {
    let mut problem = Problem {
        severity: Severity::Error,
        kind: Cow::Borrowed(T::KIND),
        namespace: text_at(value, "/metadata/namespace"),
        name: text_at(value, "/metadata/name"),
        field,
        value: None,
        reason: Cow::Borrowed(reason::INVALID_FIELD.word()),
        message,
    };
    problem.quote(value);
    Box::new(problem)
}

/// Decodes every object of a list and sets aside those that do not decode.
#[must_use]
pub fn decode_all<'a, T: Object>(values: impl IntoIterator<Item = &'a Value>) -> (Vec<T>, Vec<Problem>) {
    let (mut objects, mut problems) = (Vec::new(), Vec::new());
    for value in values {
        match decode(value) {
            Ok(object) => objects.push(object),
            Err(problem) => problems.push(*problem),
        }
    }
    (objects, problems)
}

fn text_at(value: &Value, pointer: &str) -> String {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::core::Secret;
    use crate::metallb::{BgpPeer, IpAddressPool, L2Advertisement};

    #[test]
    fn one_bad_object_does_not_break_the_list() {
        let list = [
            json!({ "metadata": { "name": "a" }, "spec": { "addresses": ["192.0.2.0/24"] } }),
            json!({ "metadata": { "name": "b", "namespace": "lb" }, "spec": { "autoAssign": "yes" } }),
            json!({ "metadata": { "name": "c" }, "spec": { "addresses": null, "unknown": 1 } }),
        ];
        let (pools, problems) = decode_all::<IpAddressPool>(&list);
        assert_eq!(
            pools.iter().map(|p| &*p.metadata.name).collect::<Vec<_>>(),
            ["a", "c"]
        );
        let [problem] = &problems[..] else {
            panic!("{problems:?}")
        };
        assert_eq!(
            (&*problem.kind, &*problem.namespace, &*problem.name),
            ("IPAddressPool", "lb", "b")
        );
        assert_eq!(problem.field, "spec.autoAssign");
        assert_eq!(problem.value.as_deref(), Some("yes"));
        assert_eq!(
            problem.message,
            "invalid type: string \"yes\", expected a boolean"
        );
    }

    #[test]
    fn what_is_no_object_is_a_problem_without_a_field() {
        for value in [json!(null), json!("x"), json!([1])] {
            let problem = decode::<L2Advertisement>(&value).unwrap_err();
            assert_eq!(
                (&*problem.field, &*problem.reason),
                ("", "InvalidField"),
                "{value}"
            );
        }
    }

    #[test]
    fn a_password_is_not_quoted_in_the_problem() {
        let value = json!({ "metadata": { "name": "tor" }, "spec": { "password": 20_041_912 } });
        let problem = decode::<BgpPeer>(&value).unwrap_err();
        assert_eq!(problem.field, "spec.password");
        let shown = serde_json::to_string(&problem).unwrap();
        assert!(!shown.contains("20041912"), "{shown}");
        let secret = json!({ "metadata": { "name": "s" }, "data": { "key": 20_041_912 } });
        let shown = serde_json::to_string(&decode::<Secret>(&secret).unwrap_err()).unwrap();
        assert!(!shown.contains("20041912"), "{shown}");
    }
}
