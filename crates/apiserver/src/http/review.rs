//! Reviews: questions about tokens and rights. Without tokens everybody is allowed everything.

use http::{Method, Response, StatusCode};
use serde_json::{Value, json};

use super::Call;
use super::body::{self, Body};
use super::path::ObjectPath;
use crate::error::ApiError;

const AUTHENTICATION: &str = "authentication.k8s.io";
const AUTHORIZATION: &str = "authorization.k8s.io";

/// Kind, plural and group of every review.
pub(super) const REVIEWS: [(&str, &str, &str); 6] = [
    ("TokenReview", "tokenreviews", AUTHENTICATION),
    ("SelfSubjectReview", "selfsubjectreviews", AUTHENTICATION),
    ("SubjectAccessReview", "subjectaccessreviews", AUTHORIZATION),
    (
        "SelfSubjectAccessReview",
        "selfsubjectaccessreviews",
        AUTHORIZATION,
    ),
    (
        "LocalSubjectAccessReview",
        "localsubjectaccessreviews",
        AUTHORIZATION,
    ),
    ("SelfSubjectRulesReview", "selfsubjectrulesreviews", AUTHORIZATION),
];

/// Whether a path asks for a review.
pub(super) fn is_review(path: &ObjectPath) -> bool {
    let mut all = REVIEWS.iter();
    path.version == "v1" && all.any(|(_, plural, group)| *plural == path.plural && *group == path.group)
}

/// Answers a review; nothing is stored.
pub(super) fn answer(call: &Call, path: &ObjectPath) -> Result<Response<Body>, ApiError> {
    if call.parts.method != Method::POST {
        return Err(ApiError::method_not_allowed());
    }
    let mut review = body::parse(&call.body, super::params::content_type(&call.parts.headers))?.value;
    if !review.is_object() {
        return Err(ApiError::bad_request("a review is a JSON object"));
    }
    for (kind, _, group) in REVIEWS.iter().filter(|(_, plural, _)| *plural == path.plural) {
        review["kind"] = (*kind).into();
        review["apiVersion"] = format!("{group}/v1").into();
    }
    review["status"] = match path.plural.as_str() {
        "tokenreviews" => token_status(call, &review),
        "selfsubjectreviews" => json!({"userInfo": user(call, call.header())}),
        "selfsubjectrulesreviews" => json!({
            "resourceRules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}],
            "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
            "incomplete": false,
        }),
        _ => json!({"allowed": true, "reason": "everybody who is known may do everything here"}),
    };
    Ok(body::json(StatusCode::CREATED, &review))
}

fn token_status(call: &Call, review: &Value) -> Value {
    let header = format!("Bearer {}", review["spec"]["token"].as_str().unwrap_or_default());
    match user(call, Some(&header)) {
        Value::Null => json!({"authenticated": false, "error": "the token is not known"}),
        user => json!({"authenticated": true, "user": user}),
    }
}

/// Who a header stands for; `Null` for nobody.
pub(super) fn user(call: &Call, header: Option<&str>) -> Value {
    let everybody =
        || json!({"username": "system:admin", "groups": ["system:masters", "system:authenticated"]});
    let Some(tokens) = &call.shared.options.tokens else {
        return everybody();
    };
    let Some(user) = tokens.user(header) else {
        return Value::Null;
    };
    let mut groups = user.groups.clone();
    groups.push("system:authenticated".to_owned());
    json!({"username": user.name, "uid": user.uid, "groups": groups})
}

impl Call {
    pub(super) fn header(&self) -> Option<&str> {
        self.parts.headers.get(http::header::AUTHORIZATION)?.to_str().ok()
    }
}
