//! What is there, what is wanted, and the write that follows. No input or output here.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ferrolb_api::Object as _;
use ferrolb_api::metallb::{InterfaceInfo, ServiceL2StatusStatus};
use ferrolb_types::{InterfaceName, NodeName, ObjectKey};

use super::OnInterfaces;
use super::record::{Age, Record};

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
    /// In order, as sets are. There is one for each Service that is announced from here, so it is kept small; what the objects
    /// say is shared with it where it is the same.
    wanted: BTreeMap<ObjectKey, Arc<[InterfaceName]>>,
    objects: BTreeMap<Arc<str>, Known>,
    /// Names of the objects about each Service, in order: the first one stays if there are several.
    about: BTreeMap<ObjectKey, Vec<Arc<str>>>,
    /// Services whose objects may not be as wanted.
    unsettled: BTreeSet<ObjectKey>,
}

/// What counts of an object. There is one for each Service that is announced from here, so it is kept small.
#[derive(Debug)]
struct Known {
    service: ObjectKey,
    is_on_this_node: bool,
    /// Whether the own Pod owns it, or it does not matter.
    is_owned: bool,
    age: Age,
    shown: Shown,
}

/// What its status says.
#[derive(Debug, PartialEq, Eq)]
enum Shown {
    Nothing,
    /// This node and the Service of the labels, on these interfaces, in order.
    This(Arc<[InterfaceName]>),
    Other,
}

impl Shown {
    fn of(status: Option<&ServiceL2StatusStatus>, node: &NodeName, service: &ObjectKey) -> Self {
        let Some(status) = status.filter(|status| **status != ServiceL2StatusStatus::default()) else {
            return Self::Nothing;
        };
        let is_this = status.node == node.as_str()
            && status.service_name == *service.name
            && status.service_namespace == service.namespace.as_str();
        if !is_this {
            return Self::Other;
        }
        let names = status.interfaces.iter();
        let mut names: Vec<InterfaceName> = names.map(|i| i.name.as_str().into()).collect();
        names.sort_unstable();
        Self::This(names.into())
    }
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
            Some(interfaces) => drop(
                self.wanted
                    .insert(service.clone(), interfaces.into_iter().collect()),
            ),
            None => drop(self.wanted.remove(&service)),
        }
        self.unsettled.insert(service);
    }

    /// An object looks like this.
    pub(super) fn observe(&mut self, record: &Record) {
        let name = Arc::clone(&record.metadata.common.name);
        let Some((service, node)) = record.subject() else {
            tracing::error!(object = %record.key(), "a ServiceL2Status lacks a label and is ignored");
            return self.forget(&name);
        };
        if self
            .objects
            .get(&name)
            .is_some_and(|known| record.age().is_before(&known.age))
        {
            return;
        }
        self.forget(&name);
        let (service, shown) = self.share(
            service.clone(),
            Shown::of(record.status.as_ref(), &self.node, &service),
        );
        // Nearly every Service has one.
        let names = self.about.entry(service.clone()).or_default();
        names.reserve_exact(1);
        names.insert(names.partition_point(|known| *known < name), name.clone());
        let known = Known {
            is_on_this_node: node == self.node.as_str(),
            is_owned: self.owner.as_ref().is_none_or(|uid| record.is_owned_by(uid)),
            age: record.age(),
            shown,
            service: service.clone(),
        };
        self.objects.insert(name, known);
        self.unsettled.insert(service);
    }

    /// The same, with what is wanted in the place of what was read, where they are equal: it is not kept twice.
    fn share(&self, service: ObjectKey, shown: Shown) -> (ObjectKey, Shown) {
        match (self.wanted.get_key_value(&service), shown) {
            (Some((service, wanted)), Shown::This(shown)) if *wanted == shown => {
                (service.clone(), Shown::This(Arc::clone(wanted)))
            }
            (_, shown) => (service, shown),
        }
    }

    /// An object is gone.
    pub(super) fn forget(&mut self, name: &str) {
        let Some(Known { service, .. }) = self.objects.remove(name) else {
            return;
        };
        if let Some(names) = self.about.get_mut(&service) {
            names.retain(|known| **known != *name);
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
        let objects: Vec<(&Arc<str>, &Known)> = names
            .filter_map(|name| Some((name, self.objects.get(name)?)))
            .collect();
        let kept = objects.iter().find(|(_, known)| known.is_on_this_node);
        let Some(interfaces) = self.wanted.get(service) else {
            return kept.map(|(name, _)| Due::Delete((***name).into()));
        };
        let kept_name = kept.map(|(name, _)| *name);
        let other = objects.iter().find(|(name, _)| Some(*name) != kept_name);
        if let Some((other, _)) = other {
            return Some(Due::Delete((***other).into()));
        }
        kept.map_or(Some(Due::Create), |(name, known)| {
            self.correct(name, known, interfaces)
        })
    }

    /// What has to be put right in the object that is kept.
    fn correct(&self, name: &str, known: &Known, interfaces: &[InterfaceName]) -> Option<Due> {
        match &known.shown {
            // The names in it cannot be changed (CEL): one that names something else goes.
            Shown::Other => Some(Due::Delete(name.into())),
            _ if !known.is_owned => Some(Due::Adopt(name.into())),
            Shown::This(shown) if shown.iter().eq(interfaces) => None,
            _ => Some(Due::Status(name.into(), self.status(&known.service, interfaces))),
        }
    }

    fn status(&self, service: &ObjectKey, interfaces: &[InterfaceName]) -> ServiceL2StatusStatus {
        let named = |name: &InterfaceName| InterfaceInfo {
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
