//! One write to an object or to its status subresource.

use core::sync::atomic::{AtomicBool, Ordering};

use ferrolb_api::Object;
use ferrolb_types::ObjectKey;
use kube::Client;
use kube::api::{GetParams, Patch, PatchParams, PostParams};
use serde_json::{Map, Value, json};

use crate::Error;
use crate::request::{Head, path, send, unbuildable};

/// What is kept of the API server's words.
const MESSAGE_CHARS: usize = 512;

/// Writes objects of one kind; remembers whether it may patch.
pub(crate) struct ObjectClient {
    client: Client,
    /// Empty for the objects themselves.
    subresource: &'static str,
    /// Set when a patch was refused and a PUT was not.
    may_only_put: AtomicBool,
}

/// How the object shall look, as a merge patch or as a change to the whole.
pub(crate) struct Desired<'a> {
    /// RFC 7396.
    pub(crate) patch: Value,
    /// The version that must be in place; any if absent.
    pub(crate) version: Option<&'a str>,
    /// The full object, if it has just been read.
    pub(crate) present: Option<&'a Value>,
    /// Makes the same change to the full object.
    pub(crate) edit: &'a (dyn Fn(&mut Value) + Sync),
}

impl ObjectClient {
    pub(crate) fn new(client: Client, subresource: &'static str) -> Self {
        Self {
            client,
            subresource,
            may_only_put: AtomicBool::new(false),
        }
    }

    /// The full object, as untyped JSON.
    pub(crate) async fn get<T: Object>(&self, key: &ObjectKey) -> Result<Value, Error> {
        let requests = kube::core::Request::new(path::<T>(key.namespace.as_str()));
        let request = requests
            .get(&key.name, &GetParams::default())
            .map_err(unbuildable)?;
        let text = send(&self.client, request).await?;
        Ok(serde_json::from_str(&text)?)
    }

    /// Makes the object look as desired and returns its new version.
    pub(crate) async fn write<T: Object>(
        &self,
        key: &ObjectKey,
        desired: &Desired<'_>,
    ) -> Result<Box<str>, Error> {
        if self.may_only_put.load(Ordering::Relaxed) {
            return self.put::<T>(key, desired).await;
        }
        match self.patch::<T>(key, desired).await {
            Err(error) if error.code() == Some(403) => {
                let version = self.put::<T>(key, desired).await?;
                self.may_only_put.store(true, Ordering::Relaxed);
                tracing::info!(
                    kind = T::KIND,
                    subresource = self.subresource,
                    "written by update since patch is not permitted"
                );
                Ok(version)
            }
            result => result,
        }
    }

    async fn patch<T: Object>(&self, key: &ObjectKey, desired: &Desired<'_>) -> Result<Box<str>, Error> {
        let requests = kube::core::Request::new(path::<T>(key.namespace.as_str()));
        let patch = Patch::Merge(&desired.patch);
        let params = PatchParams::default();
        let request = match self.subresource {
            "" => requests.patch(&key.name, &params, &patch),
            subresource => requests.patch_subresource(subresource, &key.name, &params, &patch),
        };
        version_of(&send(&self.client, request.map_err(unbuildable)?).await?)
    }

    async fn put<T: Object>(&self, key: &ObjectKey, desired: &Desired<'_>) -> Result<Box<str>, Error> {
        let mut object = match desired.present {
            Some(object) => object.clone(),
            None => self.get::<T>(key).await?,
        };
        let present = text_at(&object, "/metadata/resourceVersion");
        if desired.version.is_some_and(|wanted| wanted != present) {
            return Err(changed_meanwhile());
        }
        (desired.edit)(&mut object);
        let requests = kube::core::Request::new(path::<T>(key.namespace.as_str()));
        let body = object.to_string().into_bytes();
        let params = PostParams::default();
        let request = match self.subresource {
            "" => requests.replace(&key.name, &params, body),
            subresource => requests.replace_subresource(subresource, &key.name, &params, body),
        };
        version_of(&send(&self.client, request.map_err(unbuildable)?).await?)
    }
}

/// What the API server says of a write to a version that is no longer there.
pub(super) fn changed_meanwhile() -> Error {
    Error::Api {
        code: 409,
        reason: "Conflict".into(),
        message: "the object has been modified".into(),
    }
}

/// The text at a JSON pointer, or nothing.
pub(super) fn text_at<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn version_of(text: &str) -> Result<Box<str>, Error> {
    let head: Head = serde_json::from_str(text)?;
    Ok(head.metadata.resource_version)
}

/// Whether the same request may succeed a moment later: no answer, or one of a server in trouble. 401 is among them:
/// tokens are renewed.
pub(crate) fn is_transient(error: &Error) -> bool {
    match error.code() {
        Some(code) => code >= 500 || matches!(code, 401 | 408 | 429),
        None => *error != Error::Fenced,
    }
}

/// Limits what a message of the API server may take in logs and states.
pub(crate) fn brief(error: &Error) -> Box<str> {
    let text = error.to_string();
    text.chars().take(MESSAGE_CHARS).collect::<String>().into()
}

/// The object under a path of keys, made where absent or null; none if something else is in the way.
pub(super) fn member<'a>(value: &'a mut Value, path: &[&str]) -> Option<&'a mut Map<String, Value>> {
    if value.is_null() {
        *value = json!({});
    }
    let object = value.as_object_mut()?;
    match path {
        [] => Some(object),
        [key, rest @ ..] => member(object.entry(*key).or_insert(Value::Null), rest),
    }
}
