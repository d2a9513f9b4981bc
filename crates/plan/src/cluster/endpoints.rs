//! Where Services can be served (layer2 3.4).

use std::collections::BTreeMap;
use std::sync::Arc;

use ferrolb_api::facts::SliceFacts;
use ferrolb_types::{NodeName, ObjectKey};

use super::roster::Roster;
use crate::bgp::Serving;
use crate::silence::Reason;

/// EndpointSlices by the Service that they belong to.
#[derive(Debug, Default)]
pub(crate) struct Endpoints {
    by_service: BTreeMap<ObjectKey, Vec<Slice>>,
    owners: BTreeMap<ObjectKey, ObjectKey>,
}

#[derive(Debug, PartialEq, Eq)]
struct Slice {
    name: Arc<str>,
    any_serving: bool,
    any_serving_with_address: bool,
    /// Sorted.
    nodes: Box<[NodeName]>,
}

impl Endpoints {
    /// Takes in a slice; returns the Services for which anything is new (two if the slice has moved).
    pub(crate) fn apply(&mut self, facts: &SliceFacts, roster: &Roster) -> [Option<ObjectKey>; 2] {
        let Some(service) = &facts.service else {
            return [self.delete(&facts.key), None];
        };
        let moved = self.owners.get(&facts.key).is_some_and(|owner| owner != service);
        let left = if moved { self.delete(&facts.key) } else { None };
        let slice = Slice {
            name: facts.key.name.clone(),
            any_serving: facts.any_serving,
            any_serving_with_address: facts.any_serving_with_address,
            nodes: facts.serving_nodes.iter().map(|n| roster.canonical(n)).collect(),
        };
        [left, self.put(facts, service, slice)]
    }

    fn put(&mut self, facts: &SliceFacts, service: &ObjectKey, slice: Slice) -> Option<ObjectKey> {
        let slices = self.by_service.entry(service.clone()).or_default();
        match slices.iter_mut().find(|s| s.name == slice.name) {
            Some(known) if *known == slice => return None,
            Some(known) => *known = slice,
            None => {
                // Nearly every Service has one slice or two.
                slices.reserve_exact(1);
                slices.push(slice);
                self.owners.insert(facts.key.clone(), service.clone());
            }
        }
        Some(service.clone())
    }

    /// Forgets a slice; returns the Service that loses it.
    pub(crate) fn delete(&mut self, key: &ObjectKey) -> Option<ObjectKey> {
        let service = self.owners.remove(key)?;
        if let Some(slices) = self.by_service.get_mut(&service) {
            slices.retain(|s| s.name != key.name);
            if slices.is_empty() {
                self.by_service.remove(&service);
            }
        }
        Some(service)
    }

    /// Whether a slice takes away somewhere to serve that it has now.
    pub(crate) fn loses_by(&self, facts: &SliceFacts) -> bool {
        let owner = self.owners.get(&facts.key);
        let slices = owner
            .and_then(|service| self.by_service.get(service))
            .map_or(&[][..], Vec::as_slice);
        let Some(known) = slices.iter().find(|slice| slice.name == facts.key.name) else {
            return false;
        };
        let is_gone = |node: &NodeName| !facts.serving_nodes.contains(node);
        owner != facts.service.as_ref()
            || (known.any_serving && !facts.any_serving)
            || known.nodes.iter().any(is_gone)
    }

    /// Why the Service cannot be served from anywhere, if it cannot.
    pub(crate) fn lack(&self, service: &ObjectKey) -> Option<Reason> {
        match self.by_service.get(service) {
            None => Some(Reason::NoEndpointSlice),
            Some(slices) if slices.iter().any(|s| s.any_serving) => None,
            Some(_) => Some(Reason::NoServingEndpoint),
        }
    }

    /// Where the Service can be served, as BGP counts: only endpoints with an address.
    pub(crate) fn serving(&self, service: &ObjectKey, node: &NodeName) -> Serving {
        let Some(slices) = self.by_service.get(service) else {
            return Serving::NoSlice;
        };
        let mut serving = slices.iter().filter(|s| s.any_serving_with_address).peekable();
        if serving.peek().is_none() {
            Serving::Nowhere
        } else if serving.any(|s| s.nodes.binary_search(node).is_ok()) {
            Serving::Here
        } else {
            Serving::Elsewhere
        }
    }

    /// Whether an endpoint on `node` can serve.
    pub(crate) fn on_node(&self, service: &ObjectKey, node: &NodeName) -> bool {
        let slices = self.by_service.get(service).map_or(&[][..], Vec::as_slice);
        slices.iter().any(|s| s.nodes.binary_search(node).is_ok())
    }
}
