//! OpenAPI v3: enough for kubectl to validate on the server and for `kubectl explain`.

use http::{Response, StatusCode};
use serde_json::{Value, json};

use super::Call;
use super::body::{self, Body};
use crate::error::ApiError;

/// `/openapi/v3`: where the documents are.
pub(super) fn index(_call: &Call) -> Result<Response<Body>, ApiError> {
    Ok(body::json(StatusCode::OK, &json!({"paths": {}})))
}

/// The document of one group and version.
pub(super) fn document(_call: &Call, _part: &str) -> Result<Response<Body>, ApiError> {
    let _: Value = Value::Null;
    Err(ApiError::no_such_path())
}
