//! One object as it is stored: the JSON value, its version, and what is asked of it again and again.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use ferrolb_types::{Labels, ObjectKey};
use serde_json::{Map, Value};

use crate::convert::Forms;

/// One version of one object. Never changed after it was stored, so that lists, watches and the history share it.
#[derive(Debug)]
pub(crate) struct Stored {
    /// The `resourceVersion` as a number.
    pub(crate) version: u64,
    /// The object in its storage version, `metadata.resourceVersion` included.
    pub(crate) value: Value,
    labels: Labels,
    json: OnceLock<Bytes>,
    forms: Forms,
}

impl Stored {
    /// Wraps `value` and writes `version` into it.
    pub(crate) fn new(version: u64, mut value: Value) -> Arc<Self> {
        set_version(&mut value, version);
        let labels = labels_of(&value);
        Arc::new(Self {
            version,
            value,
            labels,
            json: OnceLock::new(),
            forms: Forms::default(),
        })
    }

    /// The same object under another version.
    pub(crate) fn at(&self, version: u64) -> Arc<Self> {
        let mut value = self.value.clone();
        set_version(&mut value, version);
        Arc::new(Self {
            version,
            value,
            labels: self.labels.clone(),
            json: OnceLock::new(),
            forms: self.forms.at(version),
        })
    }

    /// What a dry run shows: an object without a version.
    pub(crate) fn unversioned(value: Value) -> Arc<Self> {
        Arc::new(Self {
            version: 0,
            labels: labels_of(&value),
            value,
            json: OnceLock::new(),
            forms: Forms::default(),
        })
    }

    /// The serialized object; made once, then shared by all who ask.
    pub(crate) fn json(&self) -> Bytes {
        self.json.get_or_init(|| to_bytes(&self.value)).clone()
    }

    /// What webhooks made of it for other versions of its kind.
    pub(crate) fn forms(&self) -> &Forms {
        &self.forms
    }

    /// The object's labels.
    pub(crate) fn labels(&self) -> &Labels {
        &self.labels
    }
}

/// Writes `metadata.resourceVersion`.
pub(crate) fn set_version(value: &mut Value, version: u64) {
    meta_mut(value).insert("resourceVersion".to_owned(), version.to_string().into());
}

/// Serializes a value that is known to be serializable.
pub(crate) fn to_bytes(value: &Value) -> Bytes {
    Bytes::from(value.to_string())
}

/// The labels of an object that is not stored.
pub(crate) fn labels_of(value: &Value) -> Labels {
    let map = value.pointer("/metadata/labels").and_then(Value::as_object);
    let pairs = map.into_iter().flatten();
    pairs
        .filter_map(|(k, v)| Some((k.as_str(), v.as_str()?)))
        .collect()
}

/// `metadata`, made if it is missing or no object.
pub(crate) fn meta_mut(value: &mut Value) -> &mut Map<String, Value> {
    object_at(root_mut(value), "metadata")
}

/// The object itself as a map, made if it is none.
pub(crate) fn root_mut(value: &mut Value) -> &mut Map<String, Value> {
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    value.as_object_mut().expect("made an object just above")
}

/// The object under `key`, made if it is missing or of another type.
pub(crate) fn object_at<'a>(map: &'a mut Map<String, Value>, key: &str) -> &'a mut Map<String, Value> {
    let slot = map.entry(key).or_insert(Value::Null);
    root_mut(slot)
}

/// A field of the metadata as text; empty where it is missing.
pub(crate) fn meta_str<'a>(value: &'a Value, key: &str) -> &'a str {
    value["metadata"][key].as_str().unwrap_or_default()
}

/// Whether `metadata.deletionTimestamp` is set.
pub(crate) fn is_terminating(value: &Value) -> bool {
    !meta_str(value, "deletionTimestamp").is_empty()
}

/// Whether any finalizer holds the object.
pub(crate) fn has_finalizers(value: &Value) -> bool {
    value["metadata"]["finalizers"]
        .as_array()
        .is_some_and(|list| !list.is_empty())
}

/// `namespace/name` of an object.
pub(crate) fn key_of(value: &Value) -> ObjectKey {
    ObjectKey::new(meta_str(value, "namespace"), meta_str(value, "name"))
}
