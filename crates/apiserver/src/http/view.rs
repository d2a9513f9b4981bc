//! Objects as a client wants to see them: whole, as metadata, or as a table.

use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::params::Form;
use crate::history::{Change, ChangeKind, frame};
use crate::kinds::Resource;
use crate::object::{Stored, to_bytes};
use crate::ops::Page;
use crate::selector::Filter;
use crate::table::{self, Include};

/// How objects of one request are shown.
#[derive(Clone, Debug)]
pub(crate) struct View {
    pub(crate) resource: Arc<Resource>,
    pub(crate) form: Form,
    /// What a table row carries beside its cells.
    pub(crate) include: Include,
}

impl View {
    /// One object.
    pub(crate) fn one(&self, object: &Stored, now: Timestamp) -> Bytes {
        match self.form {
            Form::Plain | Form::Aggregated => self.resource.bytes(object),
            Form::Metadata => to_bytes(&table::metadata_of(&object.value)),
            Form::Table => to_bytes(&self.table(&[object], true, now)),
        }
    }

    /// One page.
    pub(crate) fn page(&self, page: &Page, now: Timestamp) -> Bytes {
        let objects: Vec<&Stored> = page.items.iter().map(|o| &**o).collect();
        match self.form {
            Form::Plain | Form::Aggregated => {
                let items = objects.iter().map(|o| self.resource.bytes(o));
                let kind = format!("{}List", self.resource.kind);
                list(&kind, &self.resource.api_version(), page, items)
            }
            Form::Metadata => {
                let items = objects.iter().map(|o| to_bytes(&table::metadata_of(&o.value)));
                list("PartialObjectMetadataList", "meta.k8s.io/v1", page, items)
            }
            Form::Table => {
                let mut table = self.table(&objects, true, now);
                table["metadata"] = page_metadata(page);
                to_bytes(&table)
            }
        }
    }

    /// The line of a watch stream for a change, if the watch is to see it.
    ///
    /// An object that begins or ceases to match the filter is added or deleted, as far as this watch is concerned.
    pub(crate) fn change(&self, change: &Change, filter: &Filter, now: Timestamp) -> Option<Bytes> {
        let is = change.kind != ChangeKind::Deleted && filter.matches(&change.object);
        let was = change.previous.as_deref().is_some_and(|p| filter.matches(p));
        let kind = match (was, is) {
            (false, false) => return None,
            (false, true) => ChangeKind::Added,
            (true, true) => ChangeKind::Modified,
            (true, false) => ChangeKind::Deleted,
        };
        if kind == change.kind && self.form == Form::Plain && self.resource.is_storage() {
            return Some(change.frame());
        }
        let ceased = kind == ChangeKind::Deleted && change.kind != ChangeKind::Deleted;
        match change.previous.as_deref().filter(|_| ceased) {
            // The last state that matched, under the version of the change.
            Some(previous) => Some(self.event(kind, &previous.at(change.version()), now)),
            None => Some(self.event(kind, &change.object, now)),
        }
    }

    /// A line of a watch stream.
    pub(crate) fn event(&self, kind: ChangeKind, object: &Stored, now: Timestamp) -> Bytes {
        match self.form {
            Form::Table => frame(kind, &to_bytes(&self.table(&[object], false, now))),
            _ => frame(kind, &self.one(object, now)),
        }
    }

    /// A bookmark: the version that the watch has come to.
    pub(crate) fn bookmark(&self, version: u64, ends_initial: bool) -> Bytes {
        let mut metadata = json!({"resourceVersion": version.to_string(), "creationTimestamp": null});
        if ends_initial {
            metadata["annotations"] = json!({"k8s.io/initial-events-end": "true"});
        }
        let object = match self.form {
            Form::Table => {
                json!({"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": metadata,
                    "columnDefinitions": null, "rows": null})
            }
            Form::Metadata => {
                json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata})
            }
            Form::Plain | Form::Aggregated => {
                json!({"kind": &*self.resource.kind, "apiVersion": self.resource.api_version(), "metadata": metadata})
            }
        };
        line("BOOKMARK", &object)
    }

    fn table(&self, objects: &[&Stored], with_columns: bool, now: Timestamp) -> Value {
        table::render(&self.resource, objects, self.include, with_columns, now)
    }
}

/// A line of a watch stream for something that is no change.
pub(crate) fn line(kind: &str, object: &Value) -> Bytes {
    let mut line = json!({"type": kind, "object": object}).to_string();
    line.push('\n');
    Bytes::from(line)
}

fn page_metadata(page: &Page) -> Value {
    let mut metadata = json!({"resourceVersion": page.version.to_string()});
    if !page.token.is_empty() {
        metadata["continue"] = page.token.as_str().into();
    }
    if let Some(remaining) = page.remaining {
        metadata["remainingItemCount"] = remaining.into();
    }
    metadata
}

fn list(kind: &str, api_version: &str, page: &Page, items: impl Iterator<Item = Bytes>) -> Bytes {
    let mut bytes = BytesMut::with_capacity(256 + page.items.len() * 1024);
    let head = format!(
        "{{\"kind\":{},\"apiVersion\":{},\"metadata\":{},\"items\":[",
        Value::from(kind),
        Value::from(api_version),
        page_metadata(page)
    );
    bytes.put_slice(head.as_bytes());
    for (i, item) in items.enumerate() {
        if i > 0 {
            bytes.put_u8(b',');
        }
        bytes.put_slice(&item);
    }
    bytes.put_slice(b"]}");
    bytes.freeze()
}
