//! AdmissionReview, version `v1`, in and out.

use core::fmt;

use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use crate::{Kind, Verdict};

const API_VERSION: &str = "admission.k8s.io/v1";
const KIND: &str = "AdmissionReview";

/// A request of the API server.
#[derive(Clone, Debug)]
pub struct Review {
    /// Whose path was asked.
    pub kind: Kind,
    pub(crate) request: Request,
}

/// `request` of an AdmissionReview, as far as anybody here looks at it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Request {
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) uid: String,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) operation: Operation,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) name: String,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) namespace: String,
    #[serde(deserialize_with = "null_as_default")]
    pub(crate) sub_resource: String,
    pub(crate) object: Value,
    pub(crate) old_object: Value,
}

/// What is done to the object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Operation {
    /// It is new.
    Create,
    /// It gets another content.
    Update,
    /// It is removed.
    Delete,
    /// Anything else, which is nobody's business here.
    #[default]
    #[serde(other)]
    Other,
}

/// A body that is no review; the answer is HTTP status 400.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed(pub(crate) String);

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl core::error::Error for Malformed {}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope {
    #[serde(default)]
    api_version: String,
    #[serde(default)]
    kind: String,
    request: Option<Request>,
}

impl Review {
    /// Reads the body of a request to `kind`'s path.
    ///
    /// # Errors
    /// When it is no AdmissionReview of version `v1` with a request.
    pub fn parse(kind: Kind, body: &[u8]) -> Result<Self, Malformed> {
        let envelope: Envelope = serde_json::from_slice(body)
            .map_err(|error| Malformed(format!("the body is no `{KIND}`: {error}")))?;
        if envelope.api_version != API_VERSION || envelope.kind != KIND {
            let Envelope {
                api_version, kind, ..
            } = envelope;
            return Err(Malformed(format!(
                "the body is `{kind}` of `{api_version}`; send `{KIND}` of `{API_VERSION}`"
            )));
        }
        let request = envelope
            .request
            .ok_or_else(|| Malformed(format!("the `{KIND}` has no `request`")))?;
        Ok(Self { kind, request })
    }

    /// The body of the answer.
    #[must_use]
    pub fn answer(&self, verdict: &Verdict) -> Value {
        json!({ "apiVersion": API_VERSION, "kind": KIND, "response": verdict.response(&self.request.uid, self.kind, &self.request.name) })
    }

    /// What is done to the object.
    #[must_use]
    pub const fn operation(&self) -> Operation {
        self.request.operation
    }

    /// `namespace/name`, for the log.
    #[must_use]
    pub fn object(&self) -> String {
        format!("{}/{}", self.request.namespace, self.request.name)
    }
}

fn null_as_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(d: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(d)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(body: &Value) -> Result<Review, Malformed> {
        Review::parse(Kind::Community, body.to_string().as_bytes())
    }

    #[test]
    fn what_is_no_review_is_malformed_and_says_why() {
        let reason = |body: Value| parse(&body).unwrap_err().to_string();
        assert!(reason(json!([])).starts_with("the body is no `AdmissionReview`"));
        assert!(reason(json!({})).contains("send `AdmissionReview` of `admission.k8s.io/v1`"));
        let old = json!({ "apiVersion": "admission.k8s.io/v1beta1", "kind": KIND });
        assert!(reason(old).contains("`admission.k8s.io/v1beta1`"));
        let empty = json!({ "apiVersion": API_VERSION, "kind": KIND });
        assert_eq!(reason(empty), "the `AdmissionReview` has no `request`");
        assert!(Review::parse(Kind::Community, b"\xff\x00").is_err());
    }

    #[test]
    fn the_answer_carries_the_uid_of_the_request() {
        let review = parse(
            &json!({ "apiVersion": API_VERSION, "kind": KIND, "request": { "uid": "u", "operation": null } }),
        );
        let answer = review.unwrap().answer(&Verdict::allowed());
        let expected =
            json!({ "apiVersion": API_VERSION, "kind": KIND, "response": { "uid": "u", "allowed": true } });
        assert_eq!(answer, expected);
    }

    #[test]
    fn unknown_operations_are_other() {
        let review =
            parse(&json!({ "apiVersion": API_VERSION, "kind": KIND, "request": { "operation": "CONNECT" } }));
        assert_eq!(review.unwrap().operation(), Operation::Other);
    }

    #[test]
    fn nesting_without_end_is_malformed_and_not_a_crash() {
        let deep = "[".repeat(1 << 20);
        assert!(Review::parse(Kind::Community, deep.as_bytes()).is_err());
    }
}
