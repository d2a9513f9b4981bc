//! Server-side apply.

use serde_json::{Value, json};

use crate::error::{ApiError, Cause};
use crate::kinds::Resource;
use crate::managed;
use crate::ops::{Manner, Rewrite, Sub, WriteOptions};

/// An applied configuration.
pub(crate) struct Apply<'a> {
    pub(crate) resource: &'a Resource,
    pub(crate) config: Value,
    pub(crate) sub: Sub,
    pub(crate) options: &'a WriteOptions,
    pub(crate) force: bool,
}

/// Checks what can be checked without the current object.
pub(super) fn check(config: &Value, has_manager: bool) -> Result<(), ApiError> {
    if !has_manager {
        let cause = Cause::required("fieldManager", "is required for apply patch");
        return Err(ApiError::invalid("meta.k8s.io", "PatchOptions", "", vec![cause]));
    }
    if !config.is_object() {
        return Err(ApiError::bad_request("an applied configuration is an object"));
    }
    let text = |key: &str| config[key].as_str().unwrap_or_default();
    if text("apiVersion").is_empty() || text("kind").is_empty() {
        let message = format!(
            "invalid object type: {}, Kind={}",
            text("apiVersion"),
            text("kind")
        );
        return Err(ApiError::bad_request(message));
    }
    if !config["metadata"]["managedFields"].is_null() {
        return Err(ApiError::bad_request("metadata.managedFields must be nil"));
    }
    Ok(())
}

impl Rewrite for Apply<'_> {
    fn manner(&self) -> Manner {
        Manner::Apply
    }

    fn rewrite(&self, current: &Value) -> Result<Value, ApiError> {
        let Self { resource, config, .. } = self;
        let empty = json!({"apiVersion": resource.api_version(), "kind": &*resource.kind, "metadata": {}});
        let live = if current.is_null() { &empty } else { current };
        managed::apply(resource, live, config, self.sub, self.options, self.force)
    }
}
