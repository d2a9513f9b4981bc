//! Whom an opening serves: those who wait for exactly that, oldest first, and nobody else is looked at.

use core::net::IpAddr;
use std::collections::BTreeSet;

use ferrolb_api::ReservationKey;
use ferrolb_api::facts::Port;
use ferrolb_types::{IpFamily, NamespaceName, PoolName};

use crate::engine::{Engine, Step};
use crate::record::ServiceId;
use crate::sharing::Claim;
use crate::waiting::{Merge, Need, Queue};

/// Something that has become possible.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Opening {
    /// Nobody holds the address any more.
    Free(IpAddr),
    /// The address belongs to a group now, and has room for others of it.
    Joined(IpAddr),
    /// On the address, which is still shared, these ports are free.
    Ports(IpAddr, Vec<Port>),
    /// Nobody holds the address any more, and it is reserved under this name.
    Reserved(IpAddr, ReservationKey),
    /// One Service less of this namespace has addresses of this pool.
    Quota(PoolName, NamespaceName),
}

impl Engine {
    /// Serves those who wait, until nothing is left that somebody could use.
    pub(crate) fn serve(&mut self, step: &mut Step<'_>) {
        while let Some(opening) = step.openings.pop_front() {
            match opening {
                Opening::Free(addr) => self.offer_free(step, addr),
                Opening::Joined(addr) => {
                    let group = self
                        .holders
                        .get(addr)
                        .and_then(|holding| holding.group().cloned());
                    let queues: BTreeSet<Queue> = group
                        .iter()
                        .flat_map(|group| self.waiting.group_queues(group))
                        .collect();
                    self.offer_shared(step, addr, queues);
                }
                Opening::Ports(addr, ports) => {
                    let group = self
                        .holders
                        .get(addr)
                        .and_then(|holding| holding.group().cloned());
                    let queues = group
                        .iter()
                        .flat_map(|group| ports.iter().map(|port| Queue::Group(group.clone(), *port)));
                    self.offer_shared(step, addr, queues.collect());
                }
                Opening::Reserved(addr, key) => self.offer_reserved(step, addr, &key),
                Opening::Quota(pool, namespace) => self.offer_quota(step, &pool, &namespace),
            }
        }
    }

    /// Offers an address that was released: to those who ask for it, and as stock of its pool.
    fn offer_free(&mut self, step: &mut Step<'_>, addr: IpAddr) {
        let Some(pool) = self.pools.owner(addr).cloned() else {
            return;
        };
        let unpinned = self
            .pools
            .get(&pool)
            .is_some_and(|state| state.pool.auto_assign && state.pool.allocation.is_none());
        let stock = Need::ALL.into_iter().map(|need| Queue::Stock(pool.clone(), need));
        let automatic = Need::ALL.into_iter().filter(|_| unpinned).map(Queue::Automatic);
        let queues = stock.chain(automatic).chain([Queue::Address(addr)]);
        let mut merge = Merge::new(&self.waiting, queues);
        while let Some(turn) = merge.next(&self.waiting, |queue| self.is_open(queue, &pool, addr)) {
            self.settle(step, turn.id, None);
        }
    }

    fn is_open(&self, queue: &Queue, pool: &PoolName, addr: IpAddr) -> bool {
        match queue {
            Queue::Automatic(need) | Queue::Stock(_, need) => self
                .pools
                .get(pool)
                .is_some_and(|state| need.is_met(state.has_free(IpFamily::V4), state.has_free(IpFamily::V6))),
            Queue::Address(_) => self
                .holders
                .get(addr)
                .is_none_or(|holding| holding.group().is_some()),
            Queue::Group(_, port) => self
                .holders
                .get(addr)
                .is_some_and(|holding| !holding.has_port(*port)),
            // These have offers of their own.
            Queue::Reserved(_) | Queue::Quota(..) => false,
        }
    }

    /// Offers room on a shared address: to those of its group in `queues`, and to those who ask for the address.
    fn offer_shared(&mut self, step: &mut Step<'_>, addr: IpAddr, queues: BTreeSet<Queue>) {
        let Some(pool) = self.pools.owner(addr).cloned() else {
            return;
        };
        let mut merge = Merge::new(&self.waiting, queues.into_iter().chain([Queue::Address(addr)]));
        while let Some(turn) = merge.next(&self.waiting, |queue| self.is_open(queue, &pool, addr)) {
            if self.could_share(turn.id, addr) {
                self.settle(step, turn.id, None);
            }
        }
    }

    /// Offers an address that is reserved under a name to those who carry it.
    fn offer_reserved(&mut self, step: &mut Step<'_>, addr: IpAddr, key: &ReservationKey) {
        let queues = [Queue::Reserved(key.clone()), Queue::Address(addr)];
        let mut merge = Merge::new(&self.waiting, queues);
        while let Some(turn) = merge.next(&self.waiting, |_| self.holders.get(addr).is_none()) {
            if self.reservation_key(turn.id).as_ref() == Some(key) {
                self.settle(step, turn.id, None);
            }
        }
    }

    /// Offers what is left of the quota of a namespace in a pool.
    fn offer_quota(&mut self, step: &mut Step<'_>, pool: &PoolName, namespace: &NamespaceName) {
        let mut merge = Merge::new(&self.waiting, [Queue::Quota(pool.clone(), namespace.clone())]);
        let is_open = |engine: &Self| {
            let state = engine.pools.get(pool);
            state.is_some_and(|state| engine.has_quota(state, namespace))
        };
        while let Some(turn) = merge.next(&self.waiting, |_| is_open(self)) {
            self.settle(step, turn.id, None);
        }
    }

    /// Spares a whole decision on those who want another port besides.
    fn could_share(&self, id: ServiceId, addr: IpAddr) -> bool {
        let claim = Claim::of(&self.directory[id].facts);
        self.holders.admits(addr, id, claim.as_ref()).is_ok()
    }
}
