//! The storage: one version counter, objects in ordered maps, and the changes of each collection.
//!
//! It knows nothing of kinds, defaults or HTTP; it has no clock. What etcd and the watch cache are to a real server,
//! this is here.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

use ferrolb_types::ObjectKey;
use serde_json::Value;

use crate::history::{Change, ChangeKind, Forgotten, History};
use crate::object::Stored;

/// Names a collection as messages do: `services`, `ipaddresspools.metallb.io`.
pub(crate) type CollectionId = Arc<str>;

/// All objects of all kinds.
#[derive(Debug)]
pub(crate) struct Store {
    version: u64,
    history_limit: usize,
    collections: BTreeMap<CollectionId, Collection>,
    /// Collections that changed since [`Store::take_changed`] was called last.
    changed: BTreeSet<CollectionId>,
    /// Nothing from before this version is remembered in a collection that is new.
    origin: u64,
}

#[derive(Debug)]
struct Collection {
    objects: BTreeMap<ObjectKey, Arc<Stored>>,
    history: History,
}

impl Store {
    /// An empty store whose first object gets version `version + 1`.
    #[must_use]
    pub(crate) fn new(version: u64, history_limit: usize) -> Self {
        Self {
            version,
            history_limit,
            collections: BTreeMap::new(),
            changed: BTreeSet::new(),
            origin: version,
        }
    }

    /// The version of the last change.
    #[must_use]
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    /// The object, if it exists.
    #[must_use]
    pub(crate) fn get(&self, id: &str, key: &ObjectKey) -> Option<&Arc<Stored>> {
        self.collections.get(id)?.objects.get(key)
    }

    /// Every object, by collection and key.
    pub(crate) fn all(&self) -> Vec<(CollectionId, Arc<Stored>)> {
        let of = |(id, c): (&CollectionId, &Collection)| {
            let id = Arc::clone(id);
            c.objects
                .values()
                .map(move |o| (Arc::clone(&id), Arc::clone(o)))
                .collect::<Vec<_>>()
        };
        self.collections.iter().flat_map(of).collect()
    }

    /// Every collection that was ever written to.
    pub(crate) fn collections(&self) -> impl Iterator<Item = &CollectionId> {
        self.collections.keys()
    }

    /// Objects of a collection in order of their keys, after `after` if given, of one namespace or (empty) of all.
    pub(crate) fn range<'a>(
        &'a self,
        id: &str,
        namespace: &'a str,
        after: Option<&ObjectKey>,
    ) -> impl Iterator<Item = (&'a ObjectKey, &'a Arc<Stored>)> {
        let start = match after {
            Some(key) => Bound::Excluded(key.clone()),
            None => Bound::Included(ObjectKey::new(namespace, "")),
        };
        let objects = self.collections.get(id).map(|c| &c.objects);
        objects
            .into_iter()
            .flat_map(move |objects| objects.range((start.clone(), Bound::Unbounded)))
            .take_while(move |(key, _)| namespace.is_empty() || key.namespace.as_str() == namespace)
    }

    /// Stores `value` under `key`, as new or over what is there.
    pub(crate) fn put(&mut self, id: &CollectionId, key: ObjectKey, value: Value) -> Arc<Stored> {
        self.version += 1;
        let object = Stored::new(self.version, value);
        self.changed.insert(Arc::clone(id));
        let collection = self.collection_mut(id);
        let previous = collection.objects.insert(key.clone(), Arc::clone(&object));
        let kind = match previous {
            None => ChangeKind::Added,
            Some(_) => ChangeKind::Modified,
        };
        collection.history.push(kind, key, Arc::clone(&object), previous);
        object
    }

    /// Removes the object; the answer is its last state under the version of the deletion.
    pub(crate) fn remove(&mut self, id: &CollectionId, key: &ObjectKey) -> Option<Arc<Stored>> {
        let collection = self.collections.get_mut(id)?;
        let previous = collection.objects.remove(key)?;
        self.version += 1;
        let last = previous.at(self.version);
        let change = (key.clone(), Arc::clone(&last), Some(previous));
        collection
            .history
            .push(ChangeKind::Deleted, change.0, change.1, change.2);
        self.changed.insert(Arc::clone(id));
        Some(last)
    }

    /// Puts back an object as it was saved, without a change that a watch could see.
    pub(crate) fn restore(&mut self, id: &CollectionId, key: ObjectKey, version: u64, value: Value) {
        let object = Stored::new(version, value);
        self.collection_mut(id).objects.insert(key, object);
    }

    /// Changes every object of a collection as it lies there: no new version, nothing that a watch could see.
    pub(crate) fn reshape(&mut self, id: &str, change: impl Fn(&mut Value)) {
        let Some(collection) = self.collections.get_mut(id) else {
            return;
        };
        for object in collection.objects.values_mut() {
            let mut value = object.value.clone();
            change(&mut value);
            if value != object.value {
                *object = Stored::new(object.version, value);
            }
        }
    }

    /// Sets the counter of a store that was just filled by [`Store::restore`]; older versions count as forgotten.
    pub(crate) fn restored_at(&mut self, version: u64) {
        self.version = self.version.max(version);
        self.compact();
    }

    /// At most `max` changes of a collection after `version`.
    ///
    /// # Errors
    /// [`Forgotten`] when they are not all remembered.
    pub(crate) fn changes(&self, id: &str, version: u64, max: usize) -> Result<Vec<Arc<Change>>, Forgotten> {
        match self.collections.get(id) {
            Some(collection) => collection.history.after(version, max),
            None if version < self.origin => Err(Forgotten { oldest: self.origin }),
            None => Ok(Vec::new()),
        }
    }

    /// The states, at `version`, of all objects of a collection that changed after it (`None`: did not exist).
    ///
    /// # Errors
    /// [`Forgotten`] when the changes since are not all remembered.
    pub(crate) fn undone(
        &self,
        id: &str,
        version: u64,
    ) -> Result<BTreeMap<ObjectKey, Option<Arc<Stored>>>, Forgotten> {
        let mut states = BTreeMap::new();
        for change in self.changes(id, version, usize::MAX)? {
            states
                .entry(change.key.clone())
                .or_insert_with(|| change.previous.clone());
        }
        Ok(states)
    }

    /// Forgets all changes: a watch or a page from any older version is answered with 410 Gone.
    pub(crate) fn compact(&mut self) {
        let version = self.version;
        self.origin = version;
        for collection in self.collections.values_mut() {
            collection.history.compact(version);
        }
    }

    /// The collections that changed since the last call.
    pub(crate) fn take_changed(&mut self) -> BTreeSet<CollectionId> {
        core::mem::take(&mut self.changed)
    }

    fn collection_mut(&mut self, id: &CollectionId) -> &mut Collection {
        let (limit, origin) = (self.history_limit, self.origin);
        self.collections
            .entry(Arc::clone(id))
            .or_insert_with(|| Collection {
                objects: BTreeMap::new(),
                history: History::new(limit, origin),
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn key(name: &str) -> ObjectKey {
        ObjectKey::new("default", name)
    }

    #[test]
    fn a_deletion_has_a_version_of_its_own_and_the_last_state() {
        let mut store = Store::new(0, 10);
        let id: CollectionId = "services".into();
        store.put(&id, key("a"), json!({"spec": 1}));
        let gone = store.remove(&id, &key("a")).unwrap();
        assert_eq!((gone.version, &gone.value["spec"]), (2, &json!(1)));
        assert!(store.get(&id, &key("a")).is_none());
        assert!(store.remove(&id, &key("a")).is_none());
        assert_eq!(store.version(), 2);
    }

    #[test]
    fn the_state_of_an_older_version_can_be_undone_from_the_history() {
        let mut store = Store::new(0, 10);
        let id: CollectionId = "services".into();
        store.put(&id, key("a"), json!({"v": 1}));
        store.put(&id, key("a"), json!({"v": 2}));
        store.put(&id, key("a"), json!({"v": 3}));
        store.put(&id, key("b"), json!({}));
        let states = store.undone(&id, 1).unwrap();
        assert_eq!(states[&key("a")].as_ref().unwrap().value["v"], 1);
        assert!(states[&key("b")].is_none());
    }

    #[test]
    fn a_range_of_one_namespace_leaves_the_others_out() {
        let mut store = Store::new(0, 10);
        let id: CollectionId = "services".into();
        for (ns, name) in [("a", "x"), ("b", "x"), ("b", "y"), ("c", "x")] {
            store.put(&id, ObjectKey::new(ns, name), json!({}));
        }
        let names: Vec<String> = store.range(&id, "b", None).map(|(k, _)| k.to_string()).collect();
        assert_eq!(names, ["b/x", "b/y"]);
        assert_eq!(store.range(&id, "", Some(&ObjectKey::new("b", "x"))).count(), 2);
    }

    #[test]
    fn a_restored_store_forgets_what_was_before() {
        let mut store = Store::new(0, 10);
        let id: CollectionId = "services".into();
        store.restore(&id, key("a"), 7, json!({}));
        store.restored_at(9);
        assert!(store.changes(&id, 8, 10).is_err());
        assert!(store.changes(&id, 9, 10).unwrap().is_empty());
        assert!(store.changes("never-seen", 8, 10).is_err());
        assert!(store.take_changed().is_empty());
    }
}
