//! Refusals, in the words and with the codes of a real API server: clients match on them.

use serde_json::{Map, Value, json};

/// One refusal, which travels as a `metav1.Status`.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct ApiError {
    /// The HTTP status.
    pub code: u16,
    /// The machine-readable reason (`NotFound`, `Conflict`, …).
    pub reason: &'static str,
    /// The sentence that kubectl prints.
    pub message: String,
    /// `details` of the Status: which object, and the causes of an invalid one.
    pub details: Option<Box<Details>>,
    /// Sent along as `Warning` headers.
    pub warnings: Vec<String>,
}

/// What a refusal is about.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Details {
    /// The object's name.
    pub name: String,
    /// Its API group; empty for the core group.
    pub group: String,
    /// The resource (`services`), or the kind for invalid objects.
    pub kind: String,
    /// The object's uid, where it is known.
    pub uid: String,
    /// Each field at fault.
    pub causes: Vec<Cause>,
    /// How long a client should wait before it tries again.
    pub retry_after_seconds: u32,
}

/// One field that is not as it must be (`field.Error` of the API conventions).
#[derive(Clone, Debug, PartialEq)]
pub struct Cause {
    /// `FieldValueRequired`, `FieldValueInvalid`, …
    pub reason: &'static str,
    /// Path of the field, as in `spec.ports[0].port`.
    pub field: String,
    /// What is wrong, without the path.
    pub message: String,
}

/// How Go prints a JSON value in such a message: strings quoted, scalars bare, the rest as compact JSON.
fn shown(value: &Value) -> String {
    value.to_string()
}

impl Cause {
    /// The field must be given.
    pub fn required(field: impl Into<String>, hint: &str) -> Self {
        let message = match hint {
            "" => "Required value".to_owned(),
            hint => format!("Required value: {hint}"),
        };
        Self {
            reason: "FieldValueRequired",
            field: field.into(),
            message,
        }
    }

    /// The field has a value that it may not have.
    pub fn invalid(field: impl Into<String>, value: &Value, why: &str) -> Self {
        Self {
            reason: "FieldValueInvalid",
            field: field.into(),
            message: format!("Invalid value: {}: {why}", shown(value)),
        }
    }

    /// As [`Cause::invalid`], showing the type instead of the value, as structural schemas do.
    pub fn wrong_type(field: impl Into<String>, shown: &str, why: &str) -> Self {
        Self {
            reason: "FieldValueTypeInvalid",
            field: field.into(),
            message: format!("Invalid value: {shown:?}: {why}"),
        }
    }

    /// The value is none of an enumeration.
    pub fn not_supported(field: impl Into<String>, value: &Value, supported: &[&str]) -> Self {
        let list: Vec<String> = supported.iter().map(|s| format!("{s:?}")).collect();
        let message = format!(
            "Unsupported value: {}: supported values: {}",
            shown(value),
            list.join(", ")
        );
        Self {
            reason: "FieldValueNotSupported",
            field: field.into(),
            message,
        }
    }

    /// The value stands there twice.
    pub fn duplicate(field: impl Into<String>, value: &Value) -> Self {
        Self {
            reason: "FieldValueDuplicate",
            field: field.into(),
            message: format!("Duplicate value: {}", shown(value)),
        }
    }

    /// There are more items or fields than there may be.
    pub(crate) fn too_many(field: impl Into<String>, given: usize, max: usize) -> Self {
        let noun = if max == 1 { "item" } else { "items" };
        Self {
            reason: "FieldValueTooMany",
            field: field.into(),
            message: format!("Too many: {given}: must have at most {max} {noun}"),
        }
    }

    /// The text is longer than it may be.
    pub(crate) fn too_long(field: impl Into<String>, max: usize) -> Self {
        Self {
            reason: "FieldValueTooLong",
            field: field.into(),
            message: format!("Too long: may not be more than {max} bytes"),
        }
    }

    /// The field may not be set here.
    pub fn forbidden(field: impl Into<String>, why: &str) -> Self {
        Self {
            reason: "FieldValueForbidden",
            field: field.into(),
            message: format!("Forbidden: {why}"),
        }
    }
}

impl ApiError {
    /// A refusal without details.
    pub fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            reason,
            message: message.into(),
            details: None,
            warnings: Vec::new(),
        }
    }

    /// The same refusal with warnings about the request.
    #[must_use]
    pub fn warning(mut self, warnings: &[String]) -> Self {
        self.warnings.extend_from_slice(warnings);
        self
    }

    /// 400: the request itself makes no sense.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    /// 404 for a path that nothing is served under.
    #[must_use]
    pub fn no_such_path() -> Self {
        let mut error = Self::new(
            404,
            "NotFound",
            "the server could not find the requested resource",
        );
        error.details = Some(Box::default());
        error
    }

    /// 404 for an object; `resource` as in `ipaddresspools.metallb.io`.
    #[must_use]
    pub fn not_found(resource: &str, name: &str) -> Self {
        Self::new(404, "NotFound", format!("{resource} {name:?} not found")).about(resource, name)
    }

    /// 409: the name is taken.
    #[must_use]
    pub fn already_exists(resource: &str, name: &str) -> Self {
        Self::new(
            409,
            "AlreadyExists",
            format!("{resource} {name:?} already exists"),
        )
        .about(resource, name)
    }

    /// 409: somebody else wrote in between, or a precondition does not hold.
    #[must_use]
    pub fn conflict(resource: &str, name: &str, why: &str) -> Self {
        let message = format!("Operation cannot be fulfilled on {resource} {name:?}: {why}");
        Self::new(409, "Conflict", message).about(resource, name)
    }

    /// 409 for a stale `resourceVersion`.
    #[must_use]
    pub fn stale(resource: &str, name: &str) -> Self {
        let why =
            "the object has been modified; please apply your changes to the latest version and try again";
        Self::conflict(resource, name, why)
    }

    /// 403.
    #[must_use]
    pub fn forbidden(resource: &str, name: &str, why: &str) -> Self {
        let message = format!("{resource} {name:?} is forbidden: {why}");
        Self::new(403, "Forbidden", message).about(resource, name)
    }

    /// 422 with each cause.
    #[must_use]
    pub fn invalid(group: &str, kind: &str, name: &str, causes: Vec<Cause>) -> Self {
        let mut lines: Vec<String> = Vec::with_capacity(causes.len());
        for cause in &causes {
            let line = format!("{}: {}", cause.field, cause.message);
            if !lines.contains(&line) {
                lines.push(line);
            }
        }
        let list = match lines.as_slice() {
            [one] => one.clone(),
            many => format!("[{}]", many.join(", ")),
        };
        let qualified = match group {
            "" => kind.to_owned(),
            group => format!("{kind}.{group}"),
        };
        let mut error = Self::new(422, "Invalid", format!("{qualified} {name:?} is invalid: {list}"));
        error.details = Some(Box::new(Details {
            name: name.to_owned(),
            group: group.to_owned(),
            kind: kind.to_owned(),
            causes,
            ..Details::default()
        }));
        error
    }

    /// 410: the version asked for is no longer remembered.
    #[must_use]
    pub fn expired(message: impl Into<String>) -> Self {
        Self::new(410, "Expired", message)
    }

    /// 504 for a version that does not exist yet.
    #[must_use]
    pub fn too_large_version(asked: u64, current: u64) -> Self {
        let message = format!("Timeout: Too large resource version: {asked}, current: {current}");
        let mut error = Self::new(504, "Timeout", message);
        error.details = Some(Box::new(Details {
            causes: vec![Cause {
                reason: "ResourceVersionTooLarge",
                field: String::new(),
                message: "Too large resource version".to_owned(),
            }],
            retry_after_seconds: 1,
            ..Details::default()
        }));
        error
    }

    /// 405.
    #[must_use]
    pub fn method_not_allowed() -> Self {
        let message = "the server does not allow this method on the requested resource";
        let mut error = Self::new(405, "MethodNotAllowed", message);
        error.details = Some(Box::default());
        error
    }

    /// 413: the body is larger than the limit.
    #[must_use]
    pub fn too_large(limit: usize) -> Self {
        let message = format!("Request entity too large: limit is {limit}");
        Self::new(413, "RequestEntityTooLarge", message)
    }

    /// 415: the body is of a type that is not read.
    #[must_use]
    pub fn unsupported_media(given: &str, accepted: &[&str]) -> Self {
        let message = format!(
            "the body of the request was in an unknown format - accepted media types include: {} (given: `{given}`)",
            accepted.join(", ")
        );
        Self::new(415, "UnsupportedMediaType", message)
    }

    /// 401.
    #[must_use]
    pub fn unauthorized() -> Self {
        Self::new(401, "Unauthorized", "Unauthorized")
    }

    /// 500: an invariant does not hold.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(500, "InternalError", message)
    }

    fn about(mut self, resource: &str, name: &str) -> Self {
        let (plural, group) = resource.split_once('.').unwrap_or((resource, ""));
        self.details = Some(Box::new(Details {
            name: name.to_owned(),
            group: group.to_owned(),
            kind: plural.to_owned(),
            ..Details::default()
        }));
        self
    }

    /// The `metav1.Status` object.
    #[must_use]
    pub fn to_status(&self) -> Value {
        let mut status = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {},
            "status": "Failure", "message": self.message, "reason": self.reason, "code": self.code,
        });
        if let (Some(details), Some(map)) = (&self.details, status.as_object_mut()) {
            map.insert("details".to_owned(), details.to_value());
        }
        status
    }
}

impl Details {
    fn to_value(&self) -> Value {
        let mut map = Map::new();
        let texts = [
            ("name", &self.name),
            ("group", &self.group),
            ("kind", &self.kind),
            ("uid", &self.uid),
        ];
        for (key, text) in texts.into_iter().filter(|(_, text)| !text.is_empty()) {
            map.insert(key.to_owned(), text.as_str().into());
        }
        if !self.causes.is_empty() {
            let causes = self.causes.iter().map(Cause::to_value).collect();
            map.insert("causes".to_owned(), Value::Array(causes));
        }
        if self.retry_after_seconds > 0 {
            map.insert("retryAfterSeconds".to_owned(), self.retry_after_seconds.into());
        }
        Value::Object(map)
    }
}

impl Cause {
    fn to_value(&self) -> Value {
        let mut map = Map::new();
        map.insert("reason".to_owned(), self.reason.into());
        map.insert("message".to_owned(), self.message.as_str().into());
        if !self.field.is_empty() {
            map.insert("field".to_owned(), self.field.as_str().into());
        }
        Value::Object(map)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_causes_stand_in_brackets_and_each_in_the_details() {
        let causes = vec![
            Cause::required("spec.ports[0].name", ""),
            Cause::invalid(
                "spec.ports[0].port",
                &json!(70000),
                "must be between 1 and 65535, inclusive",
            ),
        ];
        let error = ApiError::invalid("", "Service", "web", causes);
        assert_eq!(
            error.message,
            "Service \"web\" is invalid: [spec.ports[0].name: Required value, \
             spec.ports[0].port: Invalid value: 70000: must be between 1 and 65535, inclusive]"
        );
        assert_eq!(
            error.to_status()["details"]["causes"][1]["field"],
            "spec.ports[0].port"
        );
    }

    #[test]
    fn details_of_a_custom_resource_carry_group_and_plural_apart() {
        let status = ApiError::not_found("ipaddresspools.metallb.io", "p").to_status();
        assert_eq!(
            status["details"],
            json!({ "name": "p", "group": "metallb.io", "kind": "ipaddresspools" })
        );
    }
}
