//! Patches: from the current object and a patch to the new object.

mod apply;
mod strategic;

use serde_json::Value;

pub(crate) use apply::Apply;

use crate::error::ApiError;
use crate::kinds::Resource;
use crate::ops::{Manner, Rewrite, Sub, WriteOptions};
use crate::schema::Origin;

/// Media types of patches.
const JSON: &str = "application/json-patch+json";
const MERGE: &str = "application/merge-patch+json";
const STRATEGIC: &str = "application/strategic-merge-patch+json";
const APPLY: &str = "application/apply-patch+yaml";

/// At most so many operations in a JSON patch, as on a real server.
const MAX_OPERATIONS: usize = 10_000;

/// A patch as it came.
pub(crate) struct Patch<'a> {
    /// The kind that is patched.
    pub(crate) resource: &'a Resource,
    /// The part that is patched.
    pub(crate) sub: Sub,
    /// The media type, which says how the body is meant.
    pub(crate) media: &'a str,
    /// The body.
    pub(crate) body: Value,
    /// Of the write.
    pub(crate) options: &'a WriteOptions,
    /// Whether the client named its field manager.
    pub(crate) has_manager: bool,
    /// Whether an applied configuration takes fields from other managers.
    pub(crate) force: bool,
}

/// Reads a patch of one of the media types.
pub(crate) fn rewrite(patch: Patch<'_>) -> Result<Box<dyn Rewrite + '_>, ApiError> {
    let Patch {
        resource,
        sub,
        media,
        body: patch,
        options,
        has_manager,
        force,
    } = patch;
    match media {
        APPLY => {
            apply::check(&patch, has_manager)?;
            Ok(Box::new(Apply {
                resource,
                config: patch,
                sub,
                options,
                force,
            }))
        }
        JSON => Ok(Box::new(json_patch_of(patch)?)),
        MERGE => Ok(Box::new(Merge(patch))),
        // The real server answers 415 for custom resources, whose schemas have no merge keys.
        STRATEGIC if resource.origin() == Origin::BuiltIn => {
            Ok(Box::new(strategic::Strategic { resource, patch }))
        }
        other if resource.is_custom() => Err(ApiError::unsupported_media(other, &[JSON, MERGE, APPLY])),
        other => Err(ApiError::unsupported_media(
            other,
            &[JSON, MERGE, STRATEGIC, APPLY],
        )),
    }
}

/// RFC 6902.
struct Json(json_patch::Patch);

fn json_patch_of(patch: Value) -> Result<Json, ApiError> {
    let operations = patch.as_array().map_or(0, Vec::len);
    if operations > MAX_OPERATIONS {
        let message =
            format!("The allowed maximum operations in a JSON patch is {MAX_OPERATIONS}, got {operations}");
        return Err(ApiError::new(413, "RequestEntityTooLarge", message));
    }
    if !patch.is_array() {
        let message = "error decoding patch: a JSON patch is a list of operations";
        return Err(ApiError::bad_request(message));
    }
    serde_json::from_value(patch)
        .map(Json)
        .map_err(|e| rejected(&e.to_string()))
}

/// A patch that cannot be done.
fn rejected(why: &str) -> ApiError {
    let message = format!("the server rejected our request due to an error in our request: {why}");
    let mut error = ApiError::new(422, "Invalid", message);
    error.details = Some(Box::default());
    error
}

impl Rewrite for Json {
    fn manner(&self) -> Manner {
        Manner::Patch
    }

    fn rewrite(&self, current: &Value) -> Result<Value, ApiError> {
        let mut object = current.clone();
        match json_patch::patch(&mut object, &self.0) {
            Ok(()) => Ok(object),
            Err(error) => Err(rejected(&error.to_string())),
        }
    }
}

/// RFC 7386.
struct Merge(Value);

impl Rewrite for Merge {
    fn manner(&self) -> Manner {
        Manner::Patch
    }

    fn rewrite(&self, current: &Value) -> Result<Value, ApiError> {
        if !self.0.is_object() {
            return Err(ApiError::bad_request("a merge patch is a JSON object"));
        }
        let mut object = current.clone();
        json_patch::merge(&mut object, &self.0);
        Ok(object)
    }
}
