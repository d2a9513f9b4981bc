//! The API server: what it stores, what it answers, and what its watches show.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use ferrolb_api::Reservations;
use ferrolb_api::facts::{NamespaceFacts, ServiceFacts};
use ferrolb_api::resolved::Pool;
use ferrolb_ipam::{Event, StatusWrite, WriteOutcome};
use ferrolb_types::{ObjectKey, PoolName};

use super::{Fate, Happening, World};
use crate::support::apply_write;

impl World {
    pub(super) fn arrive(&mut self, process: u32, write: &StatusWrite, fate: Fate) {
        let outcome = match fate {
            Fate::Lost => WriteOutcome::Failed,
            Fate::Done => self.store_status(write),
            Fate::Unanswered => {
                let _ = self.store_status(write);
                WriteOutcome::Failed
            }
        };
        self.log.push(format!(
            "{:?} {process} wrote {} {:?}: {outcome:?}",
            self.now, write.key, write.addresses
        ));
        let delay = if fate == Fate::Done {
            self.latency()
        } else {
            Duration::from_secs(1)
        };
        self.after(
            delay,
            Happening::Answer(process, write.key.clone(), write.ticket, outcome),
        );
    }

    fn store_status(&mut self, write: &StatusWrite) -> WriteOutcome {
        let object = self
            .objects
            .get(&write.key)
            .filter(|object| object.uid == write.uid);
        let Some(mut object) = object.cloned() else {
            return WriteOutcome::Gone;
        };
        if object.resource_version != write.resource_version {
            return WriteOutcome::Conflict;
        }
        let before: BTreeSet<IpAddr> = object.addresses().collect();
        apply_write(&mut object, write);
        let after: BTreeSet<IpAddr> = object.addresses().collect();
        if !before.is_subset(&after) {
            self.moved
                .push(format!("{} from {before:?} to {after:?}", write.key));
        }
        let resource_version = self.store(object);
        WriteOutcome::Written { resource_version }
    }

    fn store(&mut self, mut facts: ServiceFacts) -> Box<str> {
        self.version += 1;
        facts.resource_version = self.version.to_string().into();
        let version = facts.resource_version.clone();
        self.objects.insert(facts.key.clone(), facts.clone());
        self.show(&Event::ServiceApplied(Arc::new(facts)));
        version
    }

    /// All watches show it, each in its own time and in order; a watch that is broken does not.
    fn show(&mut self, event: &Event) {
        for process in self.controllers.keys().copied().collect::<Vec<_>>() {
            let latency = self.latency();
            let Some(controller) = self.controllers.get_mut(&process).filter(|c| c.is_watching) else {
                continue;
            };
            let at = controller.watched_until.max(self.now + latency);
            controller.watched_until = at;
            let (watch, delay) = (controller.watch, at.saturating_since(self.now));
            self.after(delay, Happening::Watch(process, watch, event.clone()));
            match event {
                Event::ServiceApplied(facts) if self.is_stormy && self.random.percent(3) => {
                    self.after(delay * 2, Happening::Again(process, Arc::clone(facts)));
                }
                _ => {}
            }
        }
    }

    /// A watch that begins anew at an old version shows that, and then everything since.
    pub(super) fn show_again(&mut self, process: u32, old: Arc<ServiceFacts>) {
        let key = old.key.clone();
        self.feed(process, Event::ServiceApplied(old));
        let now = self.objects.get(&key).cloned();
        let event = now.map_or(Event::ServiceDeleted(key), |facts| {
            Event::ServiceApplied(Arc::new(facts))
        });
        self.feed(process, event);
    }

    pub(crate) fn put_service(&mut self, mut facts: ServiceFacts, may_replace: bool) {
        facts.created_at = format!("2026-01-01T00:00:00.{:09}Z", self.version).into();
        facts.uid = format!("uid {}", self.version).into();
        if let Some(old) = self.objects.get(&facts.key) {
            if !may_replace {
                return;
            }
            facts.uid = old.uid.clone();
            facts.created_at = old.created_at.clone();
            facts.pool_annotation = old.pool_annotation.clone();
            facts.request_condition = old.request_condition.clone();
            facts.ingress = if facts.is_load_balancer {
                old.ingress.clone()
            } else {
                Vec::new()
            };
        }
        self.log
            .push(format!("{:?} put {} {:?}", self.now, facts.key, facts.request));
        self.store(facts);
    }

    pub(crate) fn delete_service(&mut self, key: &ObjectKey) {
        if self.objects.remove(key).is_some() {
            self.log.push(format!("{:?} delete {key}", self.now));
            self.show(&Event::ServiceDeleted(key.clone()));
        }
    }

    pub(crate) fn put_namespace(&mut self, facts: NamespaceFacts) {
        self.log.push(format!("{:?} namespace {facts:?}", self.now));
        self.namespaces.insert(facts.name.clone(), facts.clone());
        self.show(&Event::NamespaceApplied(facts));
    }

    pub(crate) fn set_pools(&mut self, pools: Vec<Pool>) {
        self.log.push(format!("{:?} pools {pools:?}", self.now));
        let accepted = pools.into_iter().map(|pool| (pool.name.clone(), Arc::new(pool)));
        self.pools.accepted = accepted.collect();
        self.recorded
            .retain(|pool, _| self.pools.accepted.contains_key(pool));
        self.show(&Event::PoolsResolved(self.pools.clone()));
    }

    pub(crate) fn edit_reservations(&mut self, pool: &str, key: &str, addr: Option<&str>) {
        let pool = PoolName::from(pool);
        if !self.pools.accepted.contains_key(&pool) {
            return;
        }
        let key: ferrolb_api::ReservationKey = key.parse().expect("a key");
        let present = self.recorded.get(&pool).cloned().unwrap_or_default().1;
        let mut entries: BTreeMap<_, _> = present
            .iter()
            .map(|(key, own)| (key.clone(), own.to_vec()))
            .collect();
        entries.remove(&key);
        entries.extend(addr.map(|addr| (key, vec![addr.parse().expect("an address")])));
        if let Ok(list) = Reservations::new(entries).to_string().parse() {
            self.put_reservations(&pool, list);
        }
    }

    fn put_reservations(&mut self, pool: &PoolName, list: Reservations) {
        self.version += 1;
        self.log
            .push(format!("{:?} reservations of {pool}: {list}", self.now));
        self.recorded.insert(pool.clone(), (self.version, list));
        let event = self.pool_event(pool);
        self.show(&event);
    }

    pub(super) fn pool_event(&self, pool: &PoolName) -> Event {
        Event::ReservationsObserved {
            pool: pool.clone(),
            reservations: self.recorded.get(pool).cloned().unwrap_or_default().1,
        }
    }

    /// The keeper of annotations writes if there is a difference, on the version that it has seen.
    pub(super) fn record(&mut self, process: u32, pool: &PoolName) {
        let Some(controller) = self.controllers.get(&process) else {
            return;
        };
        let present = self.recorded.get(pool).cloned().unwrap_or_default();
        let shown = controller.recorded.get(pool).cloned().unwrap_or_default();
        let Some(wanted) = controller.wanted.get(pool).cloned() else {
            return;
        };
        if !self.pools.accepted.contains_key(pool) || wanted == present.1 {
            return;
        }
        if shown.0 == present.0 {
            self.put_reservations(pool, wanted);
        } else {
            self.after(Duration::from_secs(1), Happening::Record(process, pool.clone()));
        }
    }
}
