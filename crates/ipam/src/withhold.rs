//! Addresses that nobody holds and that are not just anybody's: reserved under a name, or resting after their release.
//!
//! Only free addresses are withheld. Whoever holds an address keeps it, whatever it is reserved under; two who may share
//! an address may do so on a reserved one too.

use core::net::IpAddr;
use std::sync::Arc;

use ferrolb_api::{ReservationKey, Reservations};
use ferrolb_types::PoolName;

use crate::effect::{Effect, EventSeverity};
use crate::engine::{Engine, Step};
use crate::ledger::Full;
use crate::reason::events;
use crate::record::{Addresses, ServiceId, Turn};
use crate::request::reservation_of;
use crate::wake::Opening;

impl Engine {
    /// An address is held by nobody any more: it rests, waits for its name, or is free.
    pub(crate) fn release(&mut self, step: &mut Step<'_>, addr: IpAddr) {
        let Some(pool) = self.pools.owner(addr).cloned() else {
            return;
        };
        let pool = &pool;
        let delay = self
            .pools
            .get(pool)
            .map_or_else(Default::default, |state| state.pool.release_delay);
        if !delay.is_zero() {
            self.resting.begin(addr, step.now + delay);
        }
        self.open_unless_withheld(step, pool, addr);
    }

    /// Whatever kept an address of `pool` from being given out may be gone.
    fn open_unless_withheld(&mut self, step: &mut Step<'_>, pool: &PoolName, addr: IpAddr) {
        if self.holders.get(addr).is_some() {
            return;
        }
        if let Some(key) = self.ledger.key_of(pool, addr) {
            let key = key.clone();
            self.announce(step, Opening::Reserved(addr, key));
        } else if self.resting.until(addr).is_none() {
            if let Some(state) = self.pools.get_mut(pool) {
                state.open(addr);
            }
            self.announce(step, Opening::Free(addr));
        }
    }

    /// The stock of `pool` is new: takes out what is withheld.
    pub(crate) fn close_withheld(&mut self, pool: &PoolName) {
        let Some(state) = self.pools.get(pool) else {
            return;
        };
        let nets: Vec<_> = state.pool.prefixes().collect();
        let resting = nets.into_iter().flat_map(|net| self.resting.within(net));
        let withheld: Vec<IpAddr> = resting.chain(self.ledger.addresses(pool)).collect();
        self.close(pool, &withheld);
    }

    fn close(&mut self, pool: &PoolName, addresses: &[IpAddr]) {
        for addr in addresses.iter().filter(|addr| self.holders.get(**addr).is_none()) {
            if let Some(state) = self.pools.get_mut(pool) {
                state.close(*addr);
            }
        }
    }

    /// Rests are over.
    pub(crate) fn end_rests(&mut self, step: &mut Step<'_>) {
        while let Some(addr) = self.resting.pop(step.now) {
            if let Some(pool) = self.pools.owner(addr).cloned() {
                self.open_unless_withheld(step, &pool, addr);
            }
        }
    }

    /// The object of `pool` holds this list. Under a name whose Service lives nothing else is taken over, unless it is
    /// what an older Service of that name holds: two controllers that each saw another one first agree on that.
    pub(crate) fn reservations_observed(&mut self, step: &mut Step<'_>, pool: &PoolName, list: Reservations) {
        for (key, addresses) in self.ledger.differences(pool, &list) {
            // An entry that goes is defended where it is held; one that comes must not contradict any that is held.
            let concerned = |of: &PoolName| addresses.is_some() || of == pool;
            let entries = self.ledger.find(&key).filter(|(of, _)| concerned(of));
            let own = entries
                .filter_map(|(of, own)| self.oldest_under(&key, of, own))
                .min();
            let theirs = addresses.and_then(|addresses| self.oldest_under(&key, pool, &addresses));
            match (own, theirs) {
                (own, Some(theirs)) if own.as_ref().is_none_or(|own| theirs < *own) => {
                    self.strike_elsewhere(step, pool, &key);
                }
                (Some(_), _) => continue,
                (None, _) => {}
            }
            match addresses {
                // A pool that is full by what others wrote can hold no more; what is observed is within the bound.
                Some(addresses) => drop(self.enter(step, pool, &key, addresses)),
                None => self.strike(step, pool, &key),
            }
        }
        self.ledger.observe(pool, list);
    }

    /// The oldest Service that reserves under `key` and holds one of `addresses`, which count if `pool` owns them.
    fn oldest_under(
        &self,
        key: &ReservationKey,
        pool: &PoolName,
        addresses: &Addresses,
    ) -> Option<Arc<Turn>> {
        let owned = addresses
            .as_slice()
            .iter()
            .filter(|addr| self.pools.owner(**addr) == Some(pool));
        let holdings = owned.filter_map(|addr| self.holders.get(*addr));
        let users = holdings.flat_map(|holding| holding.users());
        users
            .filter(|id| self.reservation_key(*id).as_ref() == Some(key))
            .map(|id| Arc::clone(&self.directory[id].turn))
            .min()
    }

    /// Nothing is reserved under `key` but in `pool`.
    fn strike_elsewhere(&mut self, step: &mut Step<'_>, pool: &PoolName, key: &ReservationKey) {
        let others = self.ledger.find(key).filter(|(other, _)| *other != pool);
        let others: Vec<PoolName> = others.map(|(other, _)| other.clone()).collect();
        for other in others {
            self.strike(step, &other, key);
        }
    }

    /// The name that a Service reserves its addresses under, if it does and the name is one.
    pub(crate) fn reservation_key(&self, id: ServiceId) -> Option<ReservationKey> {
        reservation_of(&self.directory[id].facts).ok().flatten()
    }

    /// Reserves what a Service holds under its name. The first of several of one name has it.
    pub(crate) fn keep_reservation(&mut self, step: &mut Step<'_>, id: ServiceId) {
        let Some(key) = self.reservation_key(id) else {
            return;
        };
        let record = &self.directory[id];
        let Some((held, pool)) = record.held.as_ref().and_then(|held| Some((held, held.pool()?))) else {
            return;
        };
        let (addresses, pool) = (held.addresses.ipv4_first(), pool.clone());
        let entries: Vec<(PoolName, Addresses)> = self
            .ledger
            .find(&key)
            .map(|(pool, own)| (pool.clone(), *own))
            .collect();
        let mut others = entries
            .iter()
            .filter(|(_, own)| !addresses.as_slice().iter().any(|a| own.contains(*a)));
        if others.any(|(of, own)| self.oldest_under(&key, of, own).is_some()) {
            return;
        }
        self.strike_elsewhere(step, &pool, &key);
        let is_full = self.enter(step, &pool, &key, addresses).is_err();
        if is_full && !self.directory[id].reservation_failed {
            let facts = self.directory[id].facts.clone();
            let message = format!(
                "pool `{pool}` keeps no more than {} reservations; the addresses are not reserved",
                Reservations::MOST
            );
            step.record(
                &facts,
                EventSeverity::Warning,
                events::RESERVATION_FAILED,
                message,
            );
        }
        self.directory[id].reservation_failed = is_full;
    }

    /// A Service that holds what is reserved under `key` does not reserve it any more.
    pub(crate) fn give_back_reservation(&mut self, step: &mut Step<'_>, id: ServiceId, key: &ReservationKey) {
        let Some(held) = self.directory[id].held.as_ref().map(|held| held.addresses) else {
            return;
        };
        let own = self
            .ledger
            .find(key)
            .filter(|(_, own)| held.as_slice().iter().any(|addr| own.contains(*addr)));
        let pools: Vec<PoolName> = own.map(|(pool, _)| pool.clone()).collect();
        for pool in pools {
            self.strike(step, &pool, key);
        }
    }

    fn enter(
        &mut self,
        step: &mut Step<'_>,
        pool: &PoolName,
        key: &ReservationKey,
        addresses: Addresses,
    ) -> Result<(), Full> {
        let before = self
            .ledger
            .find(key)
            .find(|(of, _)| *of == pool)
            .map(|(_, own)| *own);
        if before == Some(addresses) {
            return Ok(());
        }
        self.ledger.enter(pool, key, addresses)?;
        self.close(pool, addresses.as_slice());
        let of_before = before.iter().flat_map(|own| own.as_slice());
        for addr in of_before.chain(addresses.as_slice()) {
            self.open_unless_withheld(step, pool, *addr);
        }
        Ok(())
    }

    fn strike(&mut self, step: &mut Step<'_>, pool: &PoolName, key: &ReservationKey) {
        let struck = self.ledger.strike(pool, key);
        for addr in struck.iter().flat_map(|own| own.as_slice()) {
            self.open_unless_withheld(step, pool, *addr);
        }
    }

    /// Tells which lists are to be written. Before the start nothing is decided.
    pub(crate) fn report_reservations(&mut self, step: &mut Step<'_>) {
        if !self.is_started() {
            return;
        }
        for (pool, reservations) in self.ledger.changed() {
            step.out.push(Effect::RecordReservations { pool, reservations });
        }
    }
}
