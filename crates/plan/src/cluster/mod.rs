//! What is known of the cluster, and who owns which Service. Nothing here depends on the node that asks, so every node
//! that knows the same comes to the same answer.

mod catalog;
mod decision;
mod endpoints;
mod freeze;
mod roster;

use core::net::IpAddr;
use std::collections::BTreeMap;

use ferrolb_api::facts::{NodeFacts, ServiceFacts, SliceFacts};
use ferrolb_api::resolved::{Config, Interfaces};
use ferrolb_types::{NodeName, ObjectKey};

use crate::bgp;
use crate::event::{Members, Speaker};
use crate::silence::{Reason, Silence};
use catalog::{Advertisement, Catalog};
use decision::{Judge, Service};
use endpoints::Endpoints;
use freeze::Freeze;
use roster::{Place, Roster};

/// A Service about which something may be different now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Touched {
    /// It was decided anew.
    Decided(ObjectKey),
    /// It does not concern load balancing any more.
    Dropped(ObjectKey, Reason),
}

/// What one node does about one Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It answers for all addresses of the Service on these interfaces.
    Announced(Interfaces),
    /// It does not answer.
    Silent(Silence),
}

/// Facts and decisions.
#[derive(Debug)]
pub(crate) struct Cluster {
    class: Box<str>,
    roster: Roster,
    endpoints: Endpoints,
    freeze: Freeze,
    /// None before the first configuration.
    catalog: Option<Catalog>,
    services: BTreeMap<ObjectKey, Service>,
    /// Facts are complete; before, nothing is decided.
    settled: bool,
}

impl Cluster {
    pub(crate) fn new(class: &str, ignore_exclude_lb: bool) -> Self {
        Self {
            class: class.into(),
            roster: Roster::new(ignore_exclude_lb),
            endpoints: Endpoints::default(),
            freeze: Freeze::default(),
            catalog: None,
            services: BTreeMap::new(),
            settled: false,
        }
    }

    /// Facts are complete.
    pub(crate) fn settle(&mut self, touched: &mut Vec<Touched>) {
        if !self.settled {
            self.settled = true;
            self.decide_all(touched);
        }
    }

    pub(crate) fn resolve_config(&mut self, config: &Config, touched: &mut Vec<Touched>) {
        let newer = Catalog::new(config, &self.roster);
        let older = self.catalog.replace(newer);
        match older {
            Some(older) => self.decide_changed_pools(&older, touched),
            None => self.decide_all(touched),
        }
    }

    pub(crate) fn apply_service(&mut self, facts: &ServiceFacts, touched: &mut Vec<Touched>) {
        match self.disregard(facts) {
            Some(reason) => self.drop_service(&facts.key, reason, touched),
            None => self.put_service(facts, touched),
        }
    }

    /// Why a Service does not concern load balancing, if it does not.
    pub(crate) fn disregard(&self, facts: &ServiceFacts) -> Option<Reason> {
        if !facts.is_load_balancer {
            Some(Reason::NotLoadBalancer)
        } else if facts.has_class(&self.class) {
            None
        } else {
            Some(Reason::OtherClass)
        }
    }

    fn put_service(&mut self, facts: &ServiceFacts, touched: &mut Vec<Touched>) {
        let new = Service::observe(facts);
        if self.services.get(&facts.key).is_some_and(|old| old.is_same(&new)) {
            return;
        }
        self.services.insert(facts.key.clone(), new);
        self.decide(&facts.key, touched);
    }

    pub(crate) fn delete_service(&mut self, key: &ObjectKey, touched: &mut Vec<Touched>) {
        self.drop_service(key, Reason::ServiceDeleted, touched);
    }

    fn drop_service(&mut self, key: &ObjectKey, reason: Reason, touched: &mut Vec<Touched>) {
        if self.services.remove(key).is_some() {
            touched.push(Touched::Dropped(key.clone(), reason));
        }
    }

    pub(crate) fn apply_slice(&mut self, facts: &SliceFacts, touched: &mut Vec<Touched>) {
        if self.freeze.is_on() && self.settled && self.endpoints.loses_by(facts) {
            return self.freeze.hold(facts.key.clone(), Some(facts.clone()));
        }
        self.freeze.forget(&facts.key);
        self.put_slice(facts, touched);
    }

    fn put_slice(&mut self, facts: &SliceFacts, touched: &mut Vec<Touched>) {
        for service in self.endpoints.apply(facts, &self.roster).into_iter().flatten() {
            self.endpoints_changed(&service, touched);
        }
    }

    pub(crate) fn delete_slice(&mut self, key: &ObjectKey, touched: &mut Vec<Touched>) {
        if self.freeze.is_on() && self.settled {
            return self.freeze.hold(key.clone(), None);
        }
        self.remove_slice(key, touched);
    }

    fn remove_slice(&mut self, key: &ObjectKey, touched: &mut Vec<Touched>) {
        if let Some(service) = self.endpoints.delete(key) {
            self.endpoints_changed(&service, touched);
        }
    }

    /// Where endpoints are matters with policy `Local` only; otherwise only whether there are any.
    fn endpoints_changed(&mut self, key: &ObjectKey, touched: &mut Vec<Touched>) {
        let lack = self.endpoints.lack(key);
        if self.services.get(key).is_some_and(|s| s.minds_endpoints(lack)) {
            self.decide(key, touched);
        }
    }

    pub(crate) fn apply_node(&mut self, facts: NodeFacts, touched: &mut Vec<Touched>) {
        self.freeze.observe(&facts.name, Some(facts.not_ready));
        if let Some(place) = self.roster.apply(facts) {
            self.nodes_changed(&[place], touched);
        }
        self.thaw(touched);
    }

    pub(crate) fn delete_node(&mut self, name: &NodeName, touched: &mut Vec<Touched>) {
        self.freeze.observe(name, None);
        if let Some(place) = self.roster.delete(name) {
            self.nodes_changed(&[place], touched);
        }
        self.thaw(touched);
    }

    /// Takes in what was held while it was not believed.
    fn thaw(&mut self, touched: &mut Vec<Touched>) {
        for (key, word) in self.freeze.release() {
            match word {
                Some(facts) => self.put_slice(&facts, touched),
                None => self.remove_slice(&key, touched),
            }
        }
    }

    pub(crate) fn set_members(&mut self, members: Members, touched: &mut Vec<Touched>) {
        let changed = self.roster.set_members(members);
        self.nodes_changed(&changed, touched);
    }

    /// Decides anew what the changed nodes own and what they now win. `changed` is ascending.
    fn nodes_changed(&mut self, changed: &[Place], touched: &mut Vec<Touched>) {
        let Some(catalog) = &mut self.catalog else { return };
        for &place in changed {
            catalog.cover(place, &self.roster);
        }
        if !self.settled {
            return;
        }
        let judge = Judge {
            roster: &self.roster,
            endpoints: &self.endpoints,
            catalog,
        };
        for (key, service) in &mut self.services {
            if judge.is_concerned(key, service, changed) {
                service.decision = Some(judge.decide(key, service));
                touched.push(Touched::Decided(key.clone()));
            }
        }
    }

    fn decide(&mut self, key: &ObjectKey, touched: &mut Vec<Touched>) {
        let Some(judge) = judge(&self.roster, &self.endpoints, self.catalog.as_ref(), self.settled) else {
            return;
        };
        if let Some(service) = self.services.get_mut(key) {
            service.decision = Some(judge.decide(key, service));
            touched.push(Touched::Decided(key.clone()));
        }
    }

    fn decide_all(&mut self, touched: &mut Vec<Touched>) {
        let Some(judge) = judge(&self.roster, &self.endpoints, self.catalog.as_ref(), self.settled) else {
            return;
        };
        for (key, service) in &mut self.services {
            service.decision = Some(judge.decide(key, service));
            touched.push(Touched::Decided(key.clone()));
        }
    }

    /// A Service of a pool that is the same as before, advertisements included, stays as it is.
    fn decide_changed_pools(&mut self, older: &Catalog, touched: &mut Vec<Touched>) {
        let Some(judge) = judge(&self.roster, &self.endpoints, self.catalog.as_ref(), self.settled) else {
            return;
        };
        let carried = older.carried_over(judge.catalog);
        for (key, service) in &mut self.services {
            if let Some(Ok(decision)) = &mut service.decision
                && let Some(pool) = carried.get(decision.pool)
            {
                decision.pool = pool;
                continue;
            }
            service.decision = Some(judge.decide(key, service));
            touched.push(Touched::Decided(key.clone()));
        }
    }
}

/// Questions.
impl Cluster {
    /// Whether more than half of the nodes are not ready, so that endpoints that vanish are not believed.
    pub(crate) fn is_frozen(&self) -> bool {
        self.freeze.is_on()
    }

    /// What `me` does about a Service; none if it is unknown, of another type or class, or nothing is decided yet.
    pub(crate) fn verdict(&self, me: &NodeName, key: &ObjectKey) -> Option<Verdict> {
        let judge = judge(&self.roster, &self.endpoints, self.catalog.as_ref(), self.settled)?;
        let service = self.services.get(key)?;
        Some(judge.verdict(key, service, me))
    }

    /// A Service as `me` sees it when it decides about BGP, or why it is nothing to decide about (bgp 1.1); none as for
    /// [`Cluster::verdict`].
    pub(crate) fn candidate<'a>(
        &'a self,
        me: &NodeName,
        key: &ObjectKey,
    ) -> Option<Result<bgp::Candidate<'a>, Reason>> {
        let catalog = self.catalog.as_ref().filter(|_| self.settled)?;
        let service = self.services.get(key)?;
        let candidate = |addresses: &'a [IpAddr]| {
            let pool = catalog.pool_of(addresses).ok_or(Reason::IpNotAllowed)?;
            Ok(bgp::Candidate {
                pool: catalog.pool_name(pool),
                addresses,
                labels: &service.labels,
                local_traffic_only: service.local_traffic_only,
                serving: self.endpoints.serving(key, me),
            })
        };
        let addresses = service.addresses.as_ref().map_err(|reason| *reason);
        Some(addresses.and_then(|addresses| candidate(addresses)))
    }

    /// Whether the owner of a Service would have to give way to `rival`, which the ring has lost, were it there.
    pub(crate) fn yields_to(&self, key: &ObjectKey, rival: &NodeName, speaker: &Speaker) -> bool {
        let judge = judge(&self.roster, &self.endpoints, self.catalog.as_ref(), self.settled);
        let judged = judge.zip(self.services.get(key));
        judged.is_some_and(|(judge, service)| judge.yields_to(key, service, rival, speaker))
    }

    /// Whether some node is elected to announce a Service.
    pub(crate) fn has_owner(&self, key: &ObjectKey) -> bool {
        let decision = self
            .services
            .get(key)
            .and_then(|service| service.decision.as_ref());
        matches!(decision, Some(Ok(decision)) if decision.owner.is_some())
    }

    /// All Services with their addresses; without any where an entry of the status is none.
    pub(crate) fn services(&self) -> impl Iterator<Item = (&ObjectKey, &[IpAddr])> {
        let services = self.services.iter();
        services.map(|(key, service)| (key, service.addresses.as_deref().unwrap_or_default()))
    }

    /// UID and addresses of a Service.
    pub(crate) fn service(&self, key: &ObjectKey) -> Option<(&str, &[IpAddr])> {
        let service = self.services.get(key)?;
        Some((&service.uid, service.addresses.as_deref().unwrap_or_default()))
    }

    /// Names of the advertisements whose selection of Services keeps this one, which shares its address, from being
    /// announced.
    pub(crate) fn sharing_conflicts(&self, key: &ObjectKey) -> Vec<&str> {
        let Some((catalog, service)) = self.catalog.as_ref().zip(self.services.get(key)) else {
            return Vec::new();
        };
        let conflicts = service.decision == Some(Err(Reason::SharedIpWithServiceSelector));
        let addresses = service.addresses.as_ref().ok().filter(|_| conflicts);
        let pool = addresses.and_then(|addresses| catalog.pool_of(addresses));
        let selected = pool
            .into_iter()
            .flat_map(|pool| catalog.selected(pool, &service.labels));
        selected
            .filter(|ad| ad.selects_services())
            .map(Advertisement::name)
            .collect()
    }
}

/// Everything that a decision rests on, once it is complete.
fn judge<'a>(
    roster: &'a Roster,
    endpoints: &'a Endpoints,
    catalog: Option<&'a Catalog>,
    settled: bool,
) -> Option<Judge<'a>> {
    let catalog = catalog.filter(|_| settled)?;
    Some(Judge {
        roster,
        endpoints,
        catalog,
    })
}
