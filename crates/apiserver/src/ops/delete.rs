//! `delete` and `deletecollection`: preconditions, finalizers, and what goes along with an object.

use std::sync::Arc;

use ferrolb_types::ObjectKey;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::Core;
use crate::error::ApiError;
use crate::kinds::Resource;
use crate::object::{Stored, has_finalizers, is_terminating, meta_mut, meta_str, root_mut};
use crate::rules::Rules;
use crate::selector::Filter;
use crate::time;

/// How a deletion is to be done.
#[derive(Clone, Debug)]
pub(crate) struct DeleteOptions {
    /// Wall-clock time of the request.
    pub(crate) now: Timestamp,
    /// Nothing is deleted.
    pub(crate) dry_run: bool,
    /// Only if the object has this uid.
    pub(crate) uid: Option<String>,
    /// Only if the object has this version.
    pub(crate) version: Option<String>,
    /// Dependents lose their owner reference instead of going along.
    pub(crate) orphan: bool,
}

/// What a deletion led to.
#[derive(Debug)]
pub(crate) struct Deleted {
    /// The last state.
    pub(crate) object: Arc<Stored>,
    /// Whether the object is gone, and not just marked while a finalizer holds it.
    pub(crate) is_gone: bool,
}

/// Namespaces that cannot be deleted.
const PERMANENT: [&str; 3] = ["default", "kube-public", "kube-system"];

impl Core {
    /// Deletes an object, or marks it while finalizers hold it.
    pub(crate) fn delete(
        &mut self,
        resource: &Resource,
        key: &ObjectKey,
        options: &DeleteOptions,
    ) -> Result<Deleted, ApiError> {
        let current = Arc::clone(self.get(resource, key)?);
        preconditions(resource, &current, options)?;
        if resource.rules == Rules::Namespace && PERMANENT.contains(&&*key.name) {
            let why = "this namespace may not be deleted";
            return Err(ApiError::forbidden("namespaces", &key.name, why));
        }
        if options.dry_run {
            return Ok(Deleted {
                object: current,
                is_gone: true,
            });
        }
        if options.orphan {
            self.orphan_dependents(meta_str(&current.value, "uid"), options.now);
        }
        Ok(self.delete_now(resource, key, current, options.now))
    }

    fn delete_now(
        &mut self,
        resource: &Resource,
        key: &ObjectKey,
        current: Arc<Stored>,
        now: Timestamp,
    ) -> Deleted {
        if resource.rules == Rules::Namespace {
            self.mark(resource, key, &current, now);
            self.empty_namespace(&key.name, now);
            return self.after_emptying(key, current);
        }
        if resource.rules == Rules::Crd {
            self.delete_instances(&current.value, now);
        }
        if has_finalizers(&current.value) {
            let object = self.mark(resource, key, &current, now);
            return Deleted {
                object,
                is_gone: false,
            };
        }
        let object = self.remove_now(&resource.id, key, now).unwrap_or(current);
        Deleted {
            object,
            is_gone: true,
        }
    }

    /// Deletes all objects that match; the answer is how they were at last.
    pub(crate) fn delete_collection(
        &mut self,
        resource: &Resource,
        namespace: &str,
        filter: &Filter,
        options: &DeleteOptions,
    ) -> Result<Vec<Arc<Stored>>, ApiError> {
        let found = self.store.range(&resource.id, namespace, None);
        let keys: Vec<ObjectKey> = found
            .filter(|(_, o)| filter.matches(o))
            .map(|(k, _)| k.clone())
            .collect();
        let mut gone = Vec::with_capacity(keys.len());
        for key in &keys {
            // One may have gone along with another.
            if self.store.get(&resource.id, key).is_some() {
                gone.push(self.delete(resource, key, options)?.object);
            }
        }
        Ok(gone)
    }

    /// Sets `deletionTimestamp`, once.
    fn mark(
        &mut self,
        resource: &Resource,
        key: &ObjectKey,
        current: &Arc<Stored>,
        now: Timestamp,
    ) -> Arc<Stored> {
        if is_terminating(&current.value) {
            return Arc::clone(current);
        }
        let mut object = current.value.clone();
        let meta = meta_mut(&mut object);
        meta.insert("deletionTimestamp".to_owned(), time::seconds(now).into());
        meta.insert("deletionGracePeriodSeconds".to_owned(), 0.into());
        if resource.rules.counts_generations() {
            let generation = meta.get("generation").and_then(Value::as_i64).unwrap_or_default();
            meta.insert("generation".to_owned(), (generation + 1).into());
        }
        if resource.rules == Rules::Namespace {
            root_mut(&mut object).insert("status".to_owned(), json!({"phase": "Terminating"}));
        }
        self.put(&resource.id, key.clone(), object, now)
    }

    fn after_emptying(&mut self, key: &ObjectKey, marked: Arc<Stored>) -> Deleted {
        match self.store.get("namespaces", key) {
            Some(object) => Deleted {
                object: Arc::clone(object),
                is_gone: false,
            },
            None => Deleted {
                object: marked,
                is_gone: true,
            },
        }
    }

    fn delete_instances(&mut self, crd: &Value, now: Timestamp) {
        let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
        let (group, plural) = (text(&crd["spec"]["group"]), text(&crd["spec"]["names"]["plural"]));
        let id = crate::kinds::collection_id(&group, &plural);
        let keys: Vec<ObjectKey> = self.store.range(&id, "", None).map(|(k, _)| k.clone()).collect();
        for key in keys {
            self.remove_now(&id, &key, now);
        }
        self.registry.remove_custom(&group, &plural);
    }
}

/// Whether a Namespace may not go yet: it has a finalizer in its spec or in its metadata.
pub(super) fn namespace_is_held(namespace: &Value) -> bool {
    let in_spec = namespace["spec"]["finalizers"].as_array();
    in_spec.is_some_and(|list| !list.is_empty()) || has_finalizers(namespace)
}

/// `Service`, `IPAddressPool.metallb.io`.
fn qualified_kind(resource: &Resource) -> String {
    crate::kinds::collection_id(&resource.group, &resource.kind).to_string()
}

fn preconditions(resource: &Resource, current: &Stored, options: &DeleteOptions) -> Result<(), ApiError> {
    let checks = [
        ("UID", "uid", &options.uid, "deleted and then recreated"),
        ("ResourceVersion", "resourceVersion", &options.version, "modified"),
    ];
    for (word, field, expected, perhaps) in checks {
        let actual = meta_str(&current.value, field);
        if let Some(expected) = expected.as_deref().filter(|e| *e != actual) {
            let why = format!(
                "the {word} in the precondition ({expected}) does not match the {word} in record ({actual}). \
                 The object might have been {perhaps}"
            );
            let name = meta_str(&current.value, "name");
            return Err(ApiError::conflict(&qualified_kind(resource), name, &why));
        }
    }
    Ok(())
}
