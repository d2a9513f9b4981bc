//! What the status of a Service shall say, and what the API server holds of that.

use core::net::IpAddr;

use ferrolb_api::facts::{RequestCondition, ServiceFacts};
use ferrolb_types::PoolName;

use crate::engine::Engine;
use crate::record::{Addresses, Held, Record, ServiceId, Source, condition, has_malformed_ingress};
use crate::settle::Concern;

/// What a status says, as far as it is ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Content {
    pub(crate) addresses: Option<Addresses>,
    pub(crate) pool: Option<PoolName>,
    pub(crate) request_condition: Option<Box<RequestCondition>>,
}

impl Record {
    /// Whether the API server holds `content`, as far as known.
    pub(crate) fn is_stored(&self, content: &Content) -> bool {
        match self.writing.unseen_content() {
            Some(stored) => stored.is_same(content),
            None => content.is_in(&self.facts),
        }
    }

    /// The pool annotation that the API server holds, as far as known.
    fn stored_pool(&self) -> Option<PoolName> {
        match self.writing.unseen_content() {
            Some(stored) => stored.pool.clone(),
            None => self.facts.pool_annotation.as_deref().map(PoolName::from),
        }
    }

    /// Whether the API server holds `addr` for this Service, as far as known.
    pub(crate) fn is_shown_with(&self, addr: IpAddr) -> bool {
        match self.writing.unseen_content() {
            Some(stored) => stored.addresses.is_some_and(|stored| stored.contains(addr)),
            None => self.facts.addresses().any(|shown| shown == addr),
        }
    }
}

pub(crate) fn same_status(a: &ServiceFacts, b: &ServiceFacts) -> bool {
    a.pool_annotation == b.pool_annotation
        && a.ingress == b.ingress
        && a.request_condition == b.request_condition
}

impl Content {
    /// Addresses compare as sets: a status is never rewritten for its order (controller 15.3).
    fn is_same(&self, other: &Self) -> bool {
        let addresses = match (&self.addresses, &other.addresses) {
            (Some(a), Some(b)) => a.same_set(b.as_slice()),
            (a, b) => a.is_none() && b.is_none(),
        };
        addresses && self.pool == other.pool && self.request_condition == other.request_condition
    }

    pub(crate) fn is_in(&self, facts: &ServiceFacts) -> bool {
        let mut observed: [Option<_>; 3] = [None; 3];
        for (slot, addr) in observed.iter_mut().zip(facts.addresses()) {
            *slot = Some(addr);
        }
        let own = self
            .addresses
            .as_ref()
            .map_or(&[][..], |addresses| addresses.as_slice());
        let same = match observed {
            [None, ..] => own.is_empty(),
            [Some(a), None, _] => own == [a],
            [Some(a), Some(b), None] => self.addresses.is_some_and(|own| own.same_set(&[a, b])),
            _ => false,
        };
        let pool = self.pool.as_ref().map(PoolName::as_str);
        same && !has_malformed_ingress(facts)
            && pool == facts.pool_annotation.as_deref()
            && self.request_condition == facts.request_condition
    }
}

impl Engine {
    /// What the status of a Service should say; none if that is up to others.
    pub(crate) fn wanted(&self, id: ServiceId) -> Option<Content> {
        let record = &self.directory[id];
        if Concern::of(&record.facts, &self.options().class) == Concern::Ignored {
            return None;
        }
        let Some(held) = &record.held else {
            return Some(Content {
                addresses: None,
                pool: None,
                request_condition: None,
            });
        };
        // The name of a pool that is not there stays too: after a restart it says why the addresses are kept.
        let pool = held
            .origin()
            .cloned()
            .or_else(|| record.stored_pool().filter(|pool| self.pools.get(pool).is_none()));
        let request_condition = record.request_condition();
        Some(Content {
            addresses: Some(held.addresses),
            pool,
            request_condition: request_condition.or_else(|| self.origin_condition(record, held)),
        })
    }

    /// What tells the next process of an address whose pool nobody knows why it is kept: unlike this process, it will
    /// have seen pools from the start. While there is none that needs no telling, unless it was told before.
    fn origin_condition(&self, record: &Record, held: &Held) -> Option<Box<RequestCondition>> {
        let is_needed = self.pools.ever_existed() || record.facts.request_condition.is_some();
        if held.source != Source::Unknown || !is_needed {
            return None;
        }
        let (reason, message) = held.kept_because()?;
        Some(Box::new(condition(reason, &message, record.facts.generation)))
    }

    /// Whether the API server holds what was decided, as far as known.
    pub(crate) fn is_written(&self, id: ServiceId) -> bool {
        self.wanted(id)
            .is_none_or(|content| self.directory[id].is_stored(&content))
    }

    /// Whether a Service was given addresses that the API server does not hold yet.
    pub(crate) fn is_undecided(&self, id: ServiceId) -> bool {
        let record = &self.directory[id];
        let held = record.held.as_ref().map(|held| held.addresses);
        held.is_some_and(|held| !held.as_slice().iter().all(|addr| record.is_shown_with(*addr)))
    }
}
