//! Tables for `kubectl get`.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::kinds::Resource;
use crate::object::Stored;

/// What a row carries beside its cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Include {
    /// Nothing.
    None,
    /// The metadata.
    Metadata,
    /// The whole object.
    Object,
}

/// The object reduced to its metadata.
pub(crate) fn metadata_of(object: &Value) -> Value {
    json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object["metadata"]})
}

pub(crate) fn render(
    resource: &Resource,
    objects: &[&Stored],
    include: Include,
    with_columns: bool,
    now: Timestamp,
) -> Value {
    let _ = (resource, objects, include, with_columns, now);
    json!({})
}
