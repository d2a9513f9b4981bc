//! Who owns whom, by `metadata.ownerReferences`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ferrolb_types::ObjectKey;
use serde_json::Value;

use crate::store::CollectionId;

/// Owner's uid to the objects that name it.
#[derive(Debug, Default)]
pub(crate) struct Owners(BTreeMap<String, BTreeSet<(CollectionId, ObjectKey)>>);

impl Owners {
    /// Moves an object from the owners of its old state to those of its new one.
    pub(crate) fn replace(
        &mut self,
        id: &CollectionId,
        key: &ObjectKey,
        old: Option<&Value>,
        new: Option<&Value>,
    ) {
        let item = || (Arc::clone(id), key.clone());
        for uid in old.into_iter().flat_map(owner_uids) {
            if let Some(dependents) = self.0.get_mut(uid) {
                dependents.remove(&item());
                if dependents.is_empty() {
                    self.0.remove(uid);
                }
            }
        }
        for uid in new.into_iter().flat_map(owner_uids) {
            self.0.entry(uid.to_owned()).or_default().insert(item());
        }
    }

    /// The objects that name `uid` as an owner.
    pub(crate) fn dependents(&self, uid: &str) -> Vec<(CollectionId, ObjectKey)> {
        self.0.get(uid).into_iter().flatten().cloned().collect()
    }
}

/// The uids of an object's owners.
pub(crate) fn owner_uids(object: &Value) -> impl Iterator<Item = &str> {
    let list = object["metadata"]["ownerReferences"].as_array();
    list.into_iter().flatten().filter_map(|o| o["uid"].as_str())
}
