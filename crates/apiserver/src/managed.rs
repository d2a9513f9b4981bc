//! `metadata.managedFields`: who owns which field.

use serde_json::Value;

use crate::kinds::Resource;
use crate::ops::{Sub, WriteOptions};

/// Records the creator of an object as the owner of its fields.
pub(crate) fn record_create(_resource: &Resource, _object: &mut Value, _options: &WriteOptions) {}

/// Records the writer of an update as the owner of what it changed.
pub(crate) fn record_update(
    _resource: &Resource,
    _object: &mut Value,
    _old: &Value,
    _sub: Sub,
    _options: &WriteOptions,
) {
}
