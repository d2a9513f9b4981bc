//! What the API server holds, and what users, administrators and controllers make of it.

use std::collections::BTreeMap;

use ferrolb_api::facts::{Ingress, NamespaceFacts, ServiceFacts};
use ferrolb_api::{ReservationKey, Reservations};
use ferrolb_ipam::{Pools, StatusWrite, WriteOutcome};
use ferrolb_types::{NamespaceName, ObjectKey, PoolName};

use crate::specs::{
    NAMESPACES, PoolsSpec, RESERVE, Spec, address, build_namespace, build_pools, build_service,
};
use crate::support::apply_write;

/// All objects, and every version of the Services that there ever was.
#[derive(Default)]
pub(crate) struct ApiServer {
    pub(crate) version: u64,
    pub(crate) objects: BTreeMap<ObjectKey, ServiceFacts>,
    pub(crate) history: BTreeMap<(ObjectKey, Box<str>), ServiceFacts>,
    pub(crate) namespaces: BTreeMap<NamespaceName, NamespaceFacts>,
    pub(crate) pools: Pools,
    /// Reservations in the objects of the pools, with the version that they came with.
    pub(crate) recorded: BTreeMap<PoolName, (u64, Reservations)>,
    /// All sets of pools, all states of each Namespace and all lists of each pool that there ever were, the newest last.
    pub(crate) pool_sets: Vec<Pools>,
    pub(crate) namespace_states: BTreeMap<NamespaceName, Vec<Option<NamespaceFacts>>>,
    pub(crate) lists: BTreeMap<PoolName, Vec<(u64, Reservations)>>,
}

impl ApiServer {
    fn store(&mut self, mut facts: ServiceFacts) {
        self.version += 1;
        facts.resource_version = self.version.to_string().into();
        let id = (facts.key.clone(), facts.resource_version.clone());
        self.history.insert(id, facts.clone());
        self.objects.insert(facts.key.clone(), facts);
    }

    /// A user creates a Service, or replaces what is its own of it.
    pub(crate) fn apply(&mut self, name: &str, spec: &Spec) {
        let mut facts = build_service(name, spec);
        match self.objects.get(&facts.key) {
            Some(old) => {
                facts.uid = old.uid.clone();
                facts.pool_annotation = old.pool_annotation.clone();
                facts.request_condition = old.request_condition.clone();
                // The API server empties the status of what is no load balancer.
                facts.ingress = if facts.is_load_balancer {
                    old.ingress.clone()
                } else {
                    Vec::new()
                };
            }
            None => facts.uid = format!("uid {}", self.version).into(),
        }
        self.store(facts);
    }

    pub(crate) fn delete(&mut self, key: &ObjectKey) {
        self.objects.remove(key);
    }

    /// Somebody who is no controller writes a status, and removes the pool annotation or leaves it.
    pub(crate) fn edit(&mut self, key: &ObjectKey, addresses: &[usize], forgets_pool: bool) {
        let object = self.objects.get(key).filter(|facts| facts.is_load_balancer);
        let Some(mut facts) = object.cloned() else { return };
        facts.ingress = addresses.iter().map(|i| Ingress::Address(address(*i))).collect();
        if forgets_pool {
            facts.pool_annotation = None;
        }
        self.store(facts);
    }

    pub(crate) fn set_pools(&mut self, spec: &PoolsSpec) {
        self.pools = build_pools(spec);
        let pools = &self.pools;
        self.pool_sets.push(pools.clone());
        self.recorded
            .retain(|pool, _| pools.accepted.contains_key(pool) || pools.refused.contains_key(pool));
    }

    /// Sets the labels and the fence of a Namespace, or deletes it.
    pub(crate) fn set_namespace(&mut self, n: usize, spec: Option<(bool, u8)>) {
        let name: NamespaceName = NAMESPACES[n].into();
        let facts = spec.map(|(labelled, fence)| build_namespace(NAMESPACES[n], labelled, fence));
        let states = self.namespace_states.entry(name.clone()).or_default();
        states.push(facts.clone());
        match facts {
            Some(facts) => drop(self.namespaces.insert(name, facts)),
            None => drop(self.namespaces.remove(&name)),
        }
    }

    pub(crate) fn has_pool(&self, pool: &PoolName) -> bool {
        self.pools.accepted.contains_key(pool) || self.pools.refused.contains_key(pool)
    }

    /// What the object of a pool says of reservations, and at which version.
    pub(crate) fn reservations(&self, pool: &PoolName) -> (u64, Reservations) {
        self.recorded.get(pool).cloned().unwrap_or_default()
    }

    /// An administrator adds an entry, or removes one. What is malformed is refused before it gets here.
    pub(crate) fn edit_reservations(&mut self, pool: &PoolName, name: u8, addr: Option<usize>) {
        if !self.has_pool(pool) {
            return;
        }
        let namespace = NAMESPACES[usize::from(name % 2)].into();
        let key = ReservationKey::new(namespace, RESERVE[usize::from(name / 2)]).expect("a name");
        let (_, present) = self.reservations(pool);
        let mut entries: BTreeMap<_, _> = present
            .iter()
            .map(|(key, own)| (key.clone(), own.to_vec()))
            .collect();
        entries.remove(&key);
        if let Some(addr) = addr.map(address) {
            entries.insert(key, vec![addr]);
        }
        self.store_list(pool, Reservations::new(entries));
    }

    fn store_list(&mut self, pool: &PoolName, list: Reservations) {
        self.version += 1;
        let list = (self.version, list);
        self.lists.entry(pool.clone()).or_default().push(list.clone());
        self.recorded.insert(pool.clone(), list);
    }

    /// A controller writes the reservations of a pool, of which it has seen this version. Whether that is stored.
    pub(crate) fn record(&mut self, pool: &PoolName, seen: u64, list: Reservations) -> bool {
        let is_current = self.has_pool(pool) && self.reservations(pool).0 == seen;
        if is_current {
            self.store_list(pool, list);
        }
        is_current
    }

    /// A controller writes a status.
    pub(crate) fn execute(&mut self, write: &StatusWrite) -> WriteOutcome {
        let object = self
            .objects
            .get(&write.key)
            .filter(|object| object.uid == write.uid);
        match object.cloned() {
            None => WriteOutcome::Gone,
            Some(object) if object.resource_version != write.resource_version => WriteOutcome::Conflict,
            Some(mut object) => {
                apply_write(&mut object, write);
                self.store(object);
                let resource_version = self.version.to_string().into();
                WriteOutcome::Written { resource_version }
            }
        }
    }
}
