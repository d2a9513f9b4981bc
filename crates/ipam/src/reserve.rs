//! What is reserved under which name (annotation `ferrolb.io/reserve-as`).
//!
//! While Services of a name live, what they hold is reserved: in the pool of the oldest of them, of each family what the
//! oldest holds that has one there. A family that none of them has now stays as it was recorded, and so does everything
//! once none is left. Nothing else counts, neither the order of events nor who recorded an entry: a restart and another
//! controller find the same list (design, promise 1).

use ferrolb_api::{ReservationKey, Reservations};
use ferrolb_types::{IpFamily, PoolName};

use crate::effect::{Effect, EventSeverity};
use crate::engine::{Engine, Step};
use crate::ledger::Full;
use crate::reason::events;
use crate::record::{Addresses, Held, ServiceId};
use crate::request::reservation_of;

impl Engine {
    /// The name that a Service reserves its addresses under, if it does and the name is one.
    pub(crate) fn reservation_key(&self, id: ServiceId) -> Option<ReservationKey> {
        reservation_of(&self.directory[id].facts).ok().flatten()
    }

    /// The object of `pool` holds this list. What others changed there counts, unless living Services speak against it.
    pub(crate) fn reservations_observed(&mut self, step: &mut Step<'_>, pool: &PoolName, list: Reservations) {
        let differences = self.ledger.differences(pool, &list);
        self.ledger.observe(pool, list);
        for (key, addresses) in differences {
            match addresses {
                // A pool that is full by what was decided here can hold no more.
                Some(addresses) => drop(self.enter(step, pool, &key, addresses)),
                None => self.strike(step, pool, &key),
            }
            self.keep_reservation(step, &key);
        }
    }

    /// Brings what is reserved under `key` in line with the living holders of that name.
    pub(crate) fn keep_reservation(&mut self, step: &mut Step<'_>, key: &ReservationKey) {
        let Some(oldest) = self.namesakes.oldest(key).map(|turn| turn.id) else {
            self.ledger.stop_waiting(key);
            return;
        };
        let Some(pool) = self.home_of(oldest).cloned() else {
            return;
        };
        let recorded = self.ledger.get(&pool, key);
        let of_family = |family| {
            let holder = self.namesakes.oldest_with(key, &pool, family);
            let held = holder.and_then(|turn| self.directory[turn.id].held.as_ref()?.addresses.of(family));
            held.or_else(|| recorded?.of(family))
        };
        let list: Vec<_> = [IpFamily::V4, IpFamily::V6]
            .into_iter()
            .filter_map(of_family)
            .collect();
        self.strike_elsewhere(step, &pool, key);
        if let Some(addresses) = Addresses::from_slice(&list) {
            let is_full = self.enter(step, &pool, key, addresses).is_err();
            self.note_full(step, oldest, &pool, is_full);
        }
    }

    fn home_of(&self, id: ServiceId) -> Option<&PoolName> {
        self.directory[id].held.as_ref().and_then(Held::home)
    }

    /// Tells the holder, once, that there is no room for its reservation.
    fn note_full(&mut self, step: &mut Step<'_>, id: ServiceId, pool: &PoolName, is_full: bool) {
        let was_full = core::mem::replace(&mut self.directory[id].reservation_failed, is_full);
        if is_full && !was_full {
            let message = format!(
                "pool `{pool}` keeps no more than {} reservations; the addresses are not reserved",
                Reservations::MOST
            );
            let facts = &self.directory[id].facts;
            step.record(facts, EventSeverity::Warning, events::RESERVATION_FAILED, message);
        }
    }

    /// Nothing is reserved under `key` but in `pool`.
    fn strike_elsewhere(&mut self, step: &mut Step<'_>, pool: &PoolName, key: &ReservationKey) {
        let others = self.ledger.find(key).filter(|(other, _)| *other != pool);
        let others: Vec<PoolName> = others.map(|(other, _)| other.clone()).collect();
        for other in others {
            self.strike(step, &other, key);
        }
    }

    /// A Service that holds what is reserved under `key` does not carry that name any more.
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
        self.keep_reservation(step, key);
    }

    fn enter(
        &mut self,
        step: &mut Step<'_>,
        pool: &PoolName,
        key: &ReservationKey,
        addresses: Addresses,
    ) -> Result<(), Full> {
        let before = self.ledger.get(pool, key);
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
        let Some(struck) = self.ledger.strike(pool, key) else {
            return;
        };
        for addr in struck.as_slice() {
            self.open_unless_withheld(step, pool, *addr);
        }
        while let Some(key) = self.ledger.readmitted(pool) {
            self.keep_reservation(step, &key);
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
