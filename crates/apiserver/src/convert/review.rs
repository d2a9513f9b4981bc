//! ConversionReview, there and back (`apiextensions.k8s.io/v1` and `v1beta1`, which have the same fields).

use serde_json::{Value, json};

use crate::error::ApiError;

/// One question: objects of one kind and version, and the version that they are wanted in.
pub(super) struct Review<'a> {
    /// `v1` or `v1beta1`.
    pub(super) version: &'static str,
    pub(super) uid: &'a str,
    /// `metallb.io/v1beta1`.
    pub(super) wanted: &'a str,
    pub(super) objects: &'a [&'a Value],
}

impl Review<'_> {
    pub(super) fn body(&self) -> Value {
        json!({
            "kind": "ConversionReview", "apiVersion": self.api_version(),
            "request": {"uid": self.uid, "desiredAPIVersion": self.wanted, "objects": self.objects},
        })
    }

    fn api_version(&self) -> String {
        format!("apiextensions.k8s.io/{}", self.version)
    }

    /// The converted objects, in the order of the question. Of the metadata only labels and annotations are the webhook's.
    ///
    /// # Errors
    /// What is wrong with the answer.
    pub(super) fn converted(&self, mut answer: Value) -> Result<Vec<Value>, ApiError> {
        if answer["kind"] != "ConversionReview" || answer["apiVersion"] != *self.api_version() {
            let why = format!("expected a ConversionReview of {}", self.api_version());
            return Err(self.failed(&why));
        }
        let response = &mut answer["response"];
        if response["uid"] != self.uid {
            let why = format!("expected response.uid={:?}, got {}", self.uid, response["uid"]);
            return Err(self.failed(&why));
        }
        if response["result"]["status"] != "Success" {
            let why = response["result"]["message"].as_str().filter(|m| !m.is_empty());
            return Err(self.failed(why.unwrap_or("the answer gives no reason")));
        }
        let Value::Array(objects) = response["convertedObjects"].take() else {
            return Err(self.count(0));
        };
        if objects.len() != self.objects.len() {
            return Err(self.count(objects.len()));
        }
        let pairs = objects.into_iter().zip(self.objects).enumerate();
        pairs.map(|(i, (new, old))| self.checked(i, new, old)).collect()
    }

    fn checked(&self, index: usize, mut new: Value, old: &Value) -> Result<Value, ApiError> {
        let wrong = |what: String| {
            let index = (self.objects.len() > 1).then(|| format!(" at index {index}"));
            let index = index.unwrap_or_default();
            let message = format!(
                "conversion webhook for {} returned invalid converted object{index}: {what}",
                gvk(old)
            );
            Err(error(message))
        };
        if new["apiVersion"] != self.wanted {
            let what = format!(
                "invalid groupVersion (expected {}, received {})",
                self.wanted, new["apiVersion"]
            );
            return wrong(what);
        }
        for field in ["/kind", "/metadata/name", "/metadata/namespace", "/metadata/uid"] {
            if new.pointer(field) != old.pointer(field) {
                let name = field.rsplit('/').next().unwrap_or_default();
                return wrong(format!("must have same {name}"));
            }
        }
        let mut metadata = old["metadata"].clone();
        for field in ["labels", "annotations"] {
            match new["metadata"][field].take() {
                Value::Object(map) => metadata[field] = map.into(),
                Value::Null => drop(metadata.as_object_mut().and_then(|m| m.remove(field))),
                _ => return wrong(format!("metadata.{field} must be an object")),
            }
        }
        new["metadata"] = metadata;
        Ok(new)
    }

    fn count(&self, given: usize) -> ApiError {
        error(format!(
            "conversion webhook for {} returned {given} objects, expected {}",
            self.subject(),
            self.objects.len()
        ))
    }

    /// Nobody answered, or with a failure.
    pub(super) fn failed(&self, why: &str) -> ApiError {
        error(format!("conversion webhook for {} failed: {why}", self.subject()))
    }

    fn subject(&self) -> String {
        self.objects.first().map(|o| gvk(o)).unwrap_or_default()
    }
}

/// As a real server has it: it knows no reason for this.
fn error(message: String) -> ApiError {
    ApiError::new(500, "", message)
}

/// How Go prints a GroupVersionKind.
fn gvk(object: &Value) -> String {
    let text = |key: &str| object[key].as_str().unwrap_or_default();
    format!("{}, Kind={}", text("apiVersion"), text("kind"))
}
