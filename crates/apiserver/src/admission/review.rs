//! AdmissionReview, there and back (`admission.k8s.io/v1`).

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Operation, Webhook};
use crate::callout::Caller;
use crate::convert;
use crate::error::ApiError;
use crate::kinds::Resource;

/// What a webhook is asked.
#[derive(Clone, Debug)]
pub(crate) struct Review {
    pub(crate) webhook: Webhook,
    request: Value,
    /// The version that the objects are to be converted to by a webhook, before this one is asked; until then they are
    /// as they are stored.
    unconverted: Option<Arc<Resource>>,
}

/// The fields of a review that hold objects.
const OBJECTS: [&str; 2] = ["object", "oldObject"];

/// Everything about a write that a review says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subject<'a> {
    /// As it was asked for.
    pub(crate) requested: &'a Resource,
    pub(crate) subresource: &'a str,
    pub(crate) operation: Operation,
    pub(crate) namespace: &'a str,
    pub(crate) name: &'a str,
    pub(crate) user: &'a Value,
    pub(crate) dry_run: bool,
    pub(crate) uid: &'a str,
}

impl Review {
    /// A question about stored objects, in the version `asked` that the webhook wants.
    pub(crate) fn new(
        webhook: Webhook,
        subject: &Subject<'_>,
        asked: &Arc<Resource>,
        object: Option<&Value>,
        old: Option<&Value>,
    ) -> Self {
        let by_webhook = asked.hook().is_some();
        let [object, old] = [object, old].map(|o| match by_webhook {
            true => o.cloned(),
            false => o.map(|o| asked.show_value(o)),
        });
        let options = match subject.operation {
            Operation::Create => "CreateOptions",
            Operation::Update => "UpdateOptions",
            Operation::Delete => "DeleteOptions",
        };
        let mut request = json!({
            "uid": subject.uid,
            "kind": kind(asked), "resource": resource(asked),
            "requestKind": kind(subject.requested), "requestResource": resource(subject.requested),
            "name": subject.name, "operation": subject.operation.as_str(), "userInfo": subject.user,
            "object": object, "oldObject": old, "dryRun": subject.dry_run,
            "options": {"kind": options, "apiVersion": "meta.k8s.io/v1"},
        });
        if !subject.namespace.is_empty() {
            request["namespace"] = subject.namespace.into();
        }
        if !subject.subresource.is_empty() {
            request["subResource"] = subject.subresource.into();
            request["requestSubResource"] = subject.subresource.into();
        }
        Self {
            webhook,
            request,
            unconverted: by_webhook.then(|| Arc::clone(asked)),
        }
    }

    /// Brings the objects into the version that the webhook wants, if that takes a webhook of its own.
    pub(crate) async fn convert(&mut self, caller: &Caller) -> Result<(), ApiError> {
        let Some(wanted) = self.unconverted.take() else {
            return Ok(());
        };
        for field in OBJECTS {
            let object = self.request[field].take();
            if !object.is_null() {
                self.request[field] = convert::shown(caller, &wanted, &object).await?;
            }
        }
        Ok(())
    }

    /// The body to send.
    pub(crate) fn body(&self) -> Value {
        json!({"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "request": self.request})
    }

    /// What the answer means: warnings, if it allows.
    ///
    /// # Errors
    /// `Ok(Err(_))` for a refusal; the outer error says that this is no answer.
    pub(crate) fn verdict(&self, answer: &Value) -> Result<Result<Vec<String>, ApiError>, String> {
        if answer["kind"] != "AdmissionReview" || answer["apiVersion"] != "admission.k8s.io/v1" {
            return Err("expected an AdmissionReview of admission.k8s.io/v1".to_owned());
        }
        let response = &answer["response"];
        if response["uid"] != self.request["uid"] {
            return Err(format!("expected response.uid={}", self.request["uid"]));
        }
        if !response["patch"].is_null() {
            return Err("a validating webhook may not return response.patch".to_owned());
        }
        let list = response["warnings"].as_array().into_iter().flatten();
        let warnings: Vec<String> = list.filter_map(|w| w.as_str().map(str::to_owned)).collect();
        match response["allowed"].as_bool() {
            Some(true) => Ok(Ok(warnings)),
            Some(false) => Ok(Err(self.denied(&response["status"]).warning(&warnings))),
            None => Err("response.allowed is missing".to_owned()),
        }
    }

    fn denied(&self, status: &Value) -> ApiError {
        let text = |key: &str| status[key].as_str().filter(|t| !t.is_empty());
        let by = format!("admission webhook {:?} denied the request", self.webhook.name);
        let message = match text("message").or_else(|| text("reason")) {
            Some(why) => format!("{by}: {why}"),
            None => format!("{by} without explanation"),
        };
        let code = status["code"].as_u64().and_then(|c| u16::try_from(c).ok());
        let code = code.filter(|c| (400..600).contains(c)).unwrap_or(400);
        ApiError::new(code, reason(text("reason").unwrap_or_default()), message)
    }

    /// Nobody answered, or nothing that can be read.
    pub(crate) fn failed(&self, why: &str) -> ApiError {
        let name = &self.webhook.name;
        ApiError::internal(format!(
            "Internal error occurred: failed calling webhook {name:?}: failed to call webhook: {why}"
        ))
    }
}

/// The reasons of the API conventions; another one is left out.
fn reason(given: &str) -> &'static str {
    const KNOWN: [&str; 8] = [
        "BadRequest",
        "Conflict",
        "Forbidden",
        "Invalid",
        "InternalError",
        "NotFound",
        "AlreadyExists",
        "Expired",
    ];
    KNOWN.into_iter().find(|r| *r == given).unwrap_or("")
}

fn kind(resource: &Resource) -> Value {
    json!({"group": &*resource.group, "version": &*resource.version, "kind": &*resource.kind})
}

fn resource(resource: &Resource) -> Value {
    json!({"group": &*resource.group, "version": &*resource.version, "resource": &*resource.plural})
}
