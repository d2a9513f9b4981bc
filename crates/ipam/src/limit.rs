//! Bounds on what the Services of a namespace may use, beyond MetalLB: the fence of the Namespace (annotation
//! `ferrolb.io/pools`) and the quota of the pool (annotation `ferrolb.io/max-per-namespace`).
//!
//! Both bound what is given out from now on. Nobody loses an address to them (design, promise 1).

use std::collections::BTreeMap;

use ferrolb_api::facts::Fence;
use ferrolb_types::{NamespaceName, PoolName};

use crate::allocate::Applicant;
use crate::blocked::Blocked;
use crate::engine::{Engine, Step};
use crate::pool::PoolState;
use crate::reason::Reason;
use crate::record::{Held, ServiceId};
use crate::waiting::Queue;
use crate::wake::Opening;

/// How many Services of each namespace have addresses of each pool.
#[derive(Clone, Debug, Default)]
pub(crate) struct Quotas {
    services: BTreeMap<PoolName, BTreeMap<NamespaceName, u32>>,
}

impl Quotas {
    pub(crate) fn count(&self, pool: &PoolName, namespace: &NamespaceName) -> u32 {
        let of_pool = self.services.get(pool);
        of_pool
            .and_then(|counts| counts.get(namespace))
            .copied()
            .unwrap_or_default()
    }

    fn enter(&mut self, pool: &PoolName, namespace: &NamespaceName) {
        let counts = match self.services.get_mut(pool) {
            Some(counts) => counts,
            None => self.services.entry(pool.clone()).or_default(),
        };
        match counts.get_mut(namespace) {
            Some(count) => *count += 1,
            None => drop(counts.insert(namespace.clone(), 1)),
        }
    }

    fn leave(&mut self, pool: &PoolName, namespace: &NamespaceName) {
        let Some(counts) = self.services.get_mut(pool) else {
            return;
        };
        if let Some(count) = counts.get_mut(namespace) {
            *count -= 1;
            if *count == 0 {
                counts.remove(namespace);
            }
        }
        if counts.is_empty() {
            self.services.remove(pool);
        }
    }
}

impl Engine {
    /// Counts a Service where its addresses come from.
    pub(crate) fn count_in(
        &mut self,
        step: &mut Step<'_>,
        id: ServiceId,
        old: Option<&Held>,
        new: Option<&Held>,
    ) {
        let (old, new) = (old.and_then(Held::pool), new.and_then(Held::pool));
        if old == new {
            return;
        }
        let namespace = &self.directory[id].facts.key.namespace;
        if let Some(pool) = new {
            self.quotas.enter(pool, namespace);
        }
        if let Some(pool) = old {
            self.quotas.leave(pool, namespace);
            if self
                .pools
                .get(pool)
                .is_some_and(|state| state.pool.max_per_namespace.is_some())
            {
                let opening = Opening::Quota(pool.clone(), namespace.clone());
                self.announce(step, opening);
            }
        }
    }

    /// Whether another Service of the namespace may have addresses of a pool.
    pub(crate) fn has_quota(&self, state: &PoolState, namespace: &NamespaceName) -> bool {
        let most = state.pool.max_per_namespace;
        most.is_none_or(|most| self.quotas.count(&state.pool.name, namespace) < most)
    }

    /// Whether neither fence nor quota keep a Service from a pool. One that has its addresses there is counted already.
    pub(crate) fn is_within_limits(&self, who: Applicant<'_>, state: &PoolState) -> bool {
        let namespace = &who.facts.key.namespace;
        self.directory.admits(namespace, &state.pool.name)
            && (self.has_quota(state, namespace) || self.is_counted(who, state))
    }

    fn is_counted(&self, who: Applicant<'_>, state: &PoolState) -> bool {
        let held = self.directory[who.id].held.as_ref();
        held.and_then(Held::pool) == Some(&state.pool.name)
    }

    /// Why a pool that the Service may use by the pool's own rules is out of its limits, and what would help.
    pub(crate) fn check_limits(&self, who: Applicant<'_>, state: &PoolState) -> Result<(), Blocked> {
        if self.is_within_limits(who, state) {
            return Ok(());
        }
        let (namespace, pool) = (&who.facts.key.namespace, &state.pool.name);
        if !self.directory.admits(namespace, pool) {
            return Err(self.confined(namespace, Some(pool)));
        }
        let most = state.pool.max_per_namespace.unwrap_or_default();
        let count = self.quotas.count(pool, namespace);
        let plural = if count == 1 { "" } else { "s" };
        let message = format!(
            "namespace `{namespace}` has addresses of pool `{pool}` for {count} Service{plural}, of at most {most}; see `ferrolb.io/max-per-namespace` of the pool"
        );
        let mut blocked = Blocked::new(Reason::QuotaReached, message);
        blocked.queues.push(Queue::Quota(pool.clone(), namespace.clone()));
        Err(blocked)
    }

    /// The words for a fence that is in the way.
    pub(crate) fn confined(&self, namespace: &NamespaceName, pool: Option<&PoolName>) -> Blocked {
        let fence = self.directory.namespace(namespace).map(|facts| &facts.fence);
        let message = match (fence, pool) {
            (Some(Fence::Malformed(text)), _) => format!(
                "annotation `ferrolb.io/pools` of Namespace `{namespace}` is malformed at `{text}`, so it admits no pool; write names of pools separated by commas"
            ),
            (_, Some(pool)) => format!(
                "pool `{pool}` is not among those that annotation `ferrolb.io/pools` of Namespace `{namespace}` admits"
            ),
            (_, None) => format!(
                "none of the pools for this Service is among those that annotation `ferrolb.io/pools` of Namespace `{namespace}` admits"
            ),
        };
        Blocked::new(Reason::NamespaceConfined, message)
    }
}
