//! Services and Namespaces by name.

use core::hash::BuildHasherDefault;
use core::ops::{Index, IndexMut};
use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use ferrolb_api::facts::{NamespaceFacts, ServiceFacts};
use ferrolb_types::{Labels, NamespaceName, ObjectKey, PoolName};

use crate::record::{Record, ServiceId, Turn};

/// All Services that concern the engine, and all Namespaces.
#[derive(Clone, Debug, Default)]
pub(crate) struct Directory {
    namespaces: BTreeMap<NamespaceName, Namespace>,
    records: Vec<Option<Box<Record>>>,
    vacant: Vec<ServiceId>,
}

#[derive(Clone, Debug, Default)]
struct Namespace {
    /// None while the Namespace is not known to exist.
    facts: Option<NamespaceFacts>,
    /// Keyed without a random seed: runs are repeatable, and the order is never looked at.
    services: HashMap<Arc<str>, ServiceId, BuildHasherDefault<DefaultHasher>>,
    /// Pinned pools that may be used here by some Service, best first, as of a generation of the pools.
    pinned: Option<(u64, Arc<[PoolName]>)>,
}

impl Directory {
    pub(crate) fn find(&self, key: &ObjectKey) -> Option<ServiceId> {
        let namespace = self.namespaces.get(&key.namespace)?;
        namespace.services.get(&key.name).copied()
    }

    pub(crate) fn insert(&mut self, facts: Arc<ServiceFacts>) -> ServiceId {
        let id = self.vacant.pop().unwrap_or_else(|| {
            self.records.push(None);
            ServiceId(u32::try_from(self.records.len() - 1).expect("fewer than 2^32 Services fit in memory"))
        });
        let namespace = self.namespaces.entry(facts.key.namespace.clone()).or_default();
        namespace.services.insert(Arc::clone(&facts.key.name), id);
        self.records[id.0 as usize] = Some(Box::new(Record::new(id, facts)));
        id
    }

    /// Forgets a Service, which must stand in no queue and hold nothing.
    pub(crate) fn remove(&mut self, id: ServiceId) {
        let Some(record) = self.records[id.0 as usize].take() else {
            return;
        };
        self.vacant.push(id);
        let key = &record.facts.key;
        if let Some(namespace) = self.namespaces.get_mut(&key.namespace) {
            namespace.services.remove(&key.name);
            self.prune(&key.namespace);
        }
    }

    fn prune(&mut self, name: &NamespaceName) {
        let idle = |namespace: &Namespace| namespace.facts.is_none() && namespace.services.is_empty();
        if self.namespaces.get(name).is_some_and(idle) {
            self.namespaces.remove(name);
        }
    }

    /// All records, in no useful order.
    pub(crate) fn records(&self) -> impl Iterator<Item = &Record> {
        self.records.iter().flatten().map(|record| &**record)
    }

    pub(crate) fn labels(&self, name: &NamespaceName) -> Option<&Labels> {
        self.namespace(name).map(|facts| &facts.labels)
    }

    /// The Namespace, if it is known to exist.
    pub(crate) fn namespace(&self, name: &NamespaceName) -> Option<&NamespaceFacts> {
        self.namespaces.get(name)?.facts.as_ref()
    }

    /// Whether the Namespace lets its Services use `pool`.
    pub(crate) fn admits(&self, name: &NamespaceName, pool: &PoolName) -> bool {
        self.namespace(name).is_none_or(|facts| facts.fence.admits(pool))
    }

    /// Sets or removes a Namespace and returns what was known of it before.
    pub(crate) fn set_namespace(
        &mut self,
        name: &NamespaceName,
        facts: Option<NamespaceFacts>,
    ) -> Option<NamespaceFacts> {
        let namespace = self.namespaces.entry(name.clone()).or_default();
        let before = core::mem::replace(&mut namespace.facts, facts);
        namespace.pinned = None;
        self.prune(name);
        before
    }

    /// The Services of a namespace, oldest first.
    pub(crate) fn services_of(&self, name: &NamespaceName) -> Vec<Arc<Turn>> {
        let ids = self
            .namespaces
            .get(name)
            .map(|namespace| namespace.services.values());
        let mut turns: Vec<Arc<Turn>> = ids
            .into_iter()
            .flatten()
            .map(|id| Arc::clone(&self[*id].turn))
            .collect();
        turns.sort_unstable();
        turns
    }

    /// The pinned pools of a namespace as remembered for this generation of the pools.
    pub(crate) fn pinned(&self, name: &NamespaceName, generation: u64) -> Option<&Arc<[PoolName]>> {
        let (of, pools) = self.namespaces.get(name)?.pinned.as_ref()?;
        (*of == generation).then_some(pools)
    }

    pub(crate) fn remember_pinned(&mut self, name: &NamespaceName, generation: u64, pools: Arc<[PoolName]>) {
        if let Some(namespace) = self.namespaces.get_mut(name) {
            namespace.pinned = Some((generation, pools));
        }
    }
}

/// Ids come from the directory and are dropped from queues and holders before their record is removed.
impl Index<ServiceId> for Directory {
    type Output = Record;

    fn index(&self, id: ServiceId) -> &Record {
        self.records[id.0 as usize]
            .as_ref()
            .expect("the id is of a live record")
    }
}

impl IndexMut<ServiceId> for Directory {
    fn index_mut(&mut self, id: ServiceId) -> &mut Record {
        self.records[id.0 as usize]
            .as_mut()
            .expect("the id is of a live record")
    }
}
