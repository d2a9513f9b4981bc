//! Patches: from the current object and a patch to the new object.

mod strategic;

use serde_json::Value;

use crate::error::ApiError;
use crate::kinds::Resource;
use crate::ops::Rewrite;
use crate::schema::Origin;

/// Media types of patches.
const JSON: &str = "application/json-patch+json";
const MERGE: &str = "application/merge-patch+json";
const STRATEGIC: &str = "application/strategic-merge-patch+json";

/// At most so many operations in a JSON patch, as on a real server.
const MAX_OPERATIONS: usize = 10_000;

/// Reads a patch of one of the media types.
pub(crate) fn rewrite<'a>(
    resource: &'a Resource,
    media: &str,
    patch: Value,
) -> Result<Box<dyn Rewrite + 'a>, ApiError> {
    match media {
        JSON => Ok(Box::new(json_patch_of(patch)?)),
        MERGE => Ok(Box::new(Merge(patch))),
        // The real server answers 415 for custom resources, whose schemas have no merge keys.
        STRATEGIC if resource.origin() == Origin::BuiltIn => {
            Ok(Box::new(strategic::Strategic { resource, patch }))
        }
        other => Err(ApiError::unsupported_media(other, &[JSON, MERGE, STRATEGIC])),
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
    serde_json::from_value(patch)
        .map(Json)
        .map_err(|e| ApiError::bad_request(format!("error decoding patch: {e}")))
}

impl Rewrite for Json {
    fn replaces(&self) -> bool {
        false
    }

    fn rewrite(self: Box<Self>, current: &Value) -> Result<Value, ApiError> {
        let mut object = current.clone();
        match json_patch::patch(&mut object, &self.0) {
            Ok(()) => Ok(object),
            Err(error) => Err(ApiError::new(
                422,
                "Invalid",
                format!("the server rejected our request due to an error in our request: {error}"),
            )),
        }
    }
}

/// RFC 7386.
struct Merge(Value);

impl Rewrite for Merge {
    fn replaces(&self) -> bool {
        false
    }

    fn rewrite(self: Box<Self>, current: &Value) -> Result<Value, ApiError> {
        if !self.0.is_object() {
            return Err(ApiError::bad_request("a merge patch is a JSON object"));
        }
        let mut object = current.clone();
        json_patch::merge(&mut object, &self.0);
        Ok(object)
    }
}
