//! What is there, what is wanted, and the write that follows. No input or output here.

use std::collections::{BTreeMap, BTreeSet};

use ferrolb_api::Object as _;
use ferrolb_api::metallb::{InterfaceInfo, ServiceL2StatusStatus};
use ferrolb_types::{NodeName, ObjectKey};

use super::OnInterfaces;
use super::record::Record;

/// The next write for a Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Due {
    Create,
    /// Give the object to the own Pod.
    Adopt(Box<str>),
    Status(Box<str>, ServiceL2StatusStatus),
    Delete(Box<str>),
}

/// All objects and all that is wanted.
#[derive(Debug)]
pub(super) struct Book {
    node: NodeName,
    /// UID of the own Pod.
    owner: Option<Box<str>>,
    wanted: BTreeMap<ObjectKey, OnInterfaces>,
    objects: BTreeMap<Box<str>, Record>,
    /// Names of the objects about each Service.
    about: BTreeMap<ObjectKey, BTreeSet<Box<str>>>,
    /// Services whose objects may not be as wanted.
    unsettled: BTreeSet<ObjectKey>,
}

impl Book {
    pub(super) fn new(node: NodeName, owner: Option<Box<str>>) -> Self {
        Self {
            node,
            owner,
            wanted: BTreeMap::new(),
            objects: BTreeMap::new(),
            about: BTreeMap::new(),
            unsettled: BTreeSet::new(),
        }
    }

    pub(super) fn want(&mut self, service: ObjectKey, interfaces: Option<OnInterfaces>) {
        match interfaces {
            Some(interfaces) => drop(self.wanted.insert(service.clone(), interfaces)),
            None => drop(self.wanted.remove(&service)),
        }
        self.unsettled.insert(service);
    }

    /// An object looks like this.
    pub(super) fn observe(&mut self, record: Record) {
        let name = record.metadata.common.name.clone();
        let Some((service, _)) = record.subject() else {
            tracing::error!(object = %record.key(), "a ServiceL2Status lacks a label and is ignored");
            return self.forget(&name);
        };
        if self
            .objects
            .get(&name)
            .is_some_and(|known| record.is_older_than(known))
        {
            return;
        }
        self.forget(&name);
        self.about
            .entry(service.clone())
            .or_default()
            .insert(name.clone());
        self.objects.insert(name, record);
        self.unsettled.insert(service);
    }

    /// An object is gone.
    pub(super) fn forget(&mut self, name: &str) {
        let Some((service, _)) = self.objects.remove(name).as_ref().and_then(Record::subject) else {
            return;
        };
        if let Some(names) = self.about.get_mut(&service) {
            names.remove(name);
            if names.is_empty() {
                self.about.remove(&service);
            }
        }
        self.unsettled.insert(service);
    }

    /// The write failed: it is tried again when [`Book::next`] is asked.
    pub(super) fn unsettle(&mut self, service: ObjectKey) {
        self.unsettled.insert(service);
    }

    /// The first write that is due for a Service that `may` be written about; it is not due again before something is
    /// observed.
    pub(super) fn next(&mut self, may: impl Fn(&ObjectKey) -> bool) -> Option<(ObjectKey, Due)> {
        loop {
            let service = self.unsettled.iter().find(|service| may(service))?.clone();
            self.unsettled.remove(&service);
            if let Some(due) = self.due(&service) {
                return Some((service, due));
            }
        }
    }

    fn due(&self, service: &ObjectKey) -> Option<Due> {
        let names = self.about.get(service).into_iter().flatten();
        let records = names.filter_map(|name| self.objects.get(name));
        let is_own = |record: &&Record| {
            record
                .subject()
                .is_some_and(|(_, node)| node == self.node.as_str())
        };
        let Some(interfaces) = self.wanted.get(service) else {
            let mut own = records.filter(is_own);
            return own
                .next()
                .map(|record| Due::Delete(record.metadata.common.name.clone()));
        };
        let records: Vec<&Record> = records.collect();
        let kept = records.iter().copied().find(is_own);
        let kept_name = kept.map(|record| &record.metadata.common.name);
        let other = records
            .iter()
            .find(|record| Some(&record.metadata.common.name) != kept_name);
        if let Some(other) = other {
            return Some(Due::Delete(other.metadata.common.name.clone()));
        }
        kept.map_or(Some(Due::Create), |record| {
            self.correct(record, service, interfaces)
        })
    }

    /// What has to be put right in the object that is kept.
    fn correct(&self, record: &Record, service: &ObjectKey, interfaces: &OnInterfaces) -> Option<Due> {
        let name = record.metadata.common.name.clone();
        let wanted = self.status(service, interfaces);
        let mut present = record.status.clone().unwrap_or_default();
        present.interfaces.sort();
        // The names in it cannot be changed (CEL): one that names something else goes.
        let is_empty = present == ServiceL2StatusStatus::default();
        let names = |status: &ServiceL2StatusStatus| {
            [&status.node, &status.service_name, &status.service_namespace].map(Clone::clone)
        };
        if !is_empty && names(&present) != names(&wanted) {
            return Some(Due::Delete(name));
        }
        let mut owners = record.metadata.owners.iter();
        if self
            .owner
            .as_ref()
            .is_some_and(|uid| owners.all(|owner| owner.uid != *uid))
        {
            return Some(Due::Adopt(name));
        }
        (present != wanted).then_some(Due::Status(name, wanted))
    }

    fn status(&self, service: &ObjectKey, interfaces: &OnInterfaces) -> ServiceL2StatusStatus {
        let named = |name: &ferrolb_types::InterfaceName| InterfaceInfo {
            name: name.as_str().to_owned(),
        };
        ServiceL2StatusStatus {
            node: self.node.as_str().to_owned(),
            service_name: service.name.to_string(),
            service_namespace: service.namespace.as_str().to_owned(),
            interfaces: interfaces.iter().map(named).collect(),
        }
    }
}
