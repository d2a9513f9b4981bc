//! What goes along with an object that goes: dependents of an owner, contents of a namespace.
//!
//! A real cluster leaves this to controllers that come a moment later; here it happens in the same step.

use std::sync::Arc;

use ferrolb_types::ObjectKey;
use jiff::Timestamp;
use serde_json::Value;

use super::owners::owner_uids;
use super::{Core, DeleteOptions};
use crate::kinds::Resource;
use crate::object::{Stored, has_finalizers, is_terminating, meta_mut, meta_str, root_mut};
use crate::store::CollectionId;

impl Core {
    /// Removes an object and everything that has to go with it.
    pub(super) fn remove_now(
        &mut self,
        id: &CollectionId,
        key: &ObjectKey,
        now: Timestamp,
    ) -> Option<Arc<Stored>> {
        let gone = self.remove_one(id, key)?;
        let mut owners = vec![meta_str(&gone.value, "uid").to_owned()];
        while let Some(uid) = owners.pop() {
            for (id, key) in self.owners.dependents(&uid) {
                owners.extend(self.drop_dependent(&id, &key, &uid, now));
            }
        }
        self.namespace_may_go(key.namespace.as_str(), now);
        Some(gone)
    }

    fn remove_one(&mut self, id: &CollectionId, key: &ObjectKey) -> Option<Arc<Stored>> {
        let gone = self.store.remove(id, key)?;
        self.owners.replace(id, key, Some(&gone.value), None);
        if &**id == "services" {
            self.allocators.release(&gone.value);
        }
        Some(gone)
    }

    /// A dependent that has another living owner just loses this one; else it goes, and its uid is the answer.
    fn drop_dependent(
        &mut self,
        id: &CollectionId,
        key: &ObjectKey,
        owner: &str,
        now: Timestamp,
    ) -> Option<String> {
        let current = self.store.get(id, key).cloned()?;
        let has_other = owner_uids(&current.value).any(|uid| uid != owner);
        if has_other {
            self.put(id, key.clone(), without_owner(&current.value, owner), now);
            return None;
        }
        if has_finalizers(&current.value) {
            let resource = self.registry.storage_of(id).cloned()?;
            self.delete_quietly(&resource, key, now);
            return None;
        }
        let gone = self.remove_one(id, key)?;
        Some(meta_str(&gone.value, "uid").to_owned())
    }

    /// Dependents of an object that is deleted with `propagationPolicy: Orphan` stay.
    pub(super) fn orphan_dependents(&mut self, uid: &str, now: Timestamp) {
        for (id, key) in self.owners.dependents(uid) {
            if let Some(current) = self.store.get(&id, &key).cloned() {
                self.put(&id, key, without_owner(&current.value, uid), now);
            }
        }
    }

    /// Deletes everything in a namespace, then the namespace, unless a finalizer holds something in it.
    pub(super) fn empty_namespace(&mut self, namespace: &str, now: Timestamp) {
        for (resource, key) in self.contents(namespace) {
            self.delete_quietly(&resource, &key, now);
        }
        self.namespace_may_go(namespace, now);
    }

    /// Removes a terminating namespace that has nothing left in it.
    fn namespace_may_go(&mut self, namespace: &str, now: Timestamp) {
        let key = ObjectKey::new("", namespace);
        let id: CollectionId = "namespaces".into();
        let Some(current) = self.store.get(&id, &key).cloned() else {
            return;
        };
        if namespace.is_empty() || !is_terminating(&current.value) || self.has_contents(namespace) {
            return;
        }
        if has_finalizers(&current.value) {
            let mut object = current.value.clone();
            root_mut(&mut root_mut(&mut object)["spec"]).remove("finalizers");
            if object != current.value {
                self.put(&id, key, object, now);
            }
            return;
        }
        self.remove_one(&id, &key);
    }

    fn delete_quietly(&mut self, resource: &Resource, key: &ObjectKey, now: Timestamp) {
        let options = DeleteOptions {
            now,
            dry_run: false,
            uid: None,
            version: None,
            orphan: false,
        };
        // An object that went along with another before its turn is no error.
        let _gone = self.delete(resource, key, &options);
    }

    fn contents(&self, namespace: &str) -> Vec<(Arc<Resource>, ObjectKey)> {
        let mut found = Vec::new();
        for id in self.store.collections() {
            let Some(resource) = self.registry.storage_of(id).filter(|r| r.is_namespaced()) else {
                continue;
            };
            let keys = self.store.range(id, namespace, None).map(|(k, _)| k.clone());
            found.extend(keys.map(|key| (Arc::clone(resource), key)));
        }
        found
    }

    fn has_contents(&self, namespace: &str) -> bool {
        let mut ids = self.store.collections();
        ids.any(|id| {
            let is_namespaced = self.registry.storage_of(id).is_some_and(|r| r.is_namespaced());
            is_namespaced && self.store.range(id, namespace, None).next().is_some()
        })
    }
}

fn without_owner(object: &Value, uid: &str) -> Value {
    let mut object = object.clone();
    let meta = meta_mut(&mut object);
    if let Some(Value::Array(list)) = meta.get_mut("ownerReferences") {
        list.retain(|o| o["uid"] != uid);
        if list.is_empty() {
            meta.remove("ownerReferences");
        }
    }
    object
}
