//! Which addresses are reserved under which names, pool by pool: as the pool's object says, and as it shall say.
//!
//! The object's list is shared with administrators and with another controller. Each change that is observed there is
//! taken over key by key; what was decided here and has not been written yet stays.
//!
//! ```text
//!   observed ─┐  a key differs from before: others changed it, theirs counts
//!   before ───┴▶ a key is as before: ours counts ──▶ entries ──▶ Effect::RecordReservations
//! ```

use core::net::IpAddr;
use std::collections::{BTreeMap, BTreeSet};

use ferrolb_api::{ReservationKey, Reservations};
use ferrolb_types::PoolName;

use crate::record::Addresses;

/// All reservations.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger {
    pages: BTreeMap<PoolName, Page>,
    /// Pages whose list may be another than was last told.
    touched: BTreeSet<PoolName>,
}

#[derive(Clone, Debug, Default)]
struct Page {
    entries: BTreeMap<ReservationKey, Addresses>,
    /// Services of several names may share an address; it is then reserved under each of them.
    by_address: BTreeMap<IpAddr, BTreeSet<ReservationKey>>,
    /// Names for which there was no room.
    turned_away: BTreeSet<ReservationKey>,
    /// As the object held it last.
    observed: Reservations,
    /// As it was asked to be written last.
    told: Option<Reservations>,
}

/// No more reservations fit into the pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full;

impl Ledger {
    /// Under which names an address of `pool` is reserved.
    pub(crate) fn keys_of(&self, pool: &PoolName, addr: IpAddr) -> Option<&BTreeSet<ReservationKey>> {
        self.pages.get(pool)?.by_address.get(&addr)
    }

    /// What is reserved under `key` in `pool`.
    pub(crate) fn get(&self, pool: &PoolName, key: &ReservationKey) -> Option<Addresses> {
        self.pages.get(pool)?.entries.get(key).copied()
    }

    /// What is reserved under `key`, in every pool that has something.
    pub(crate) fn find<'a>(
        &'a self,
        key: &'a ReservationKey,
    ) -> impl Iterator<Item = (&'a PoolName, &'a Addresses)> + 'a {
        let entry = move |(pool, page): (&'a PoolName, &'a Page)| Some((pool, page.entries.get(key)?));
        self.pages.iter().filter_map(entry)
    }

    /// Addresses of `pool` that are reserved.
    pub(crate) fn addresses(&self, pool: &PoolName) -> impl Iterator<Item = IpAddr> + '_ {
        let page = self.pages.get(pool).into_iter();
        page.flat_map(|page| page.by_address.keys().copied())
    }

    /// The list of `pool` as it shall be.
    pub(crate) fn list(&self, pool: &PoolName) -> Reservations {
        self.pages.get(pool).map(Page::list).unwrap_or_default()
    }

    /// Keys whose entries differ between what was observed of `pool` before and `now`, with what they are now.
    pub(crate) fn differences(
        &self,
        pool: &PoolName,
        now: &Reservations,
    ) -> Vec<(ReservationKey, Option<Addresses>)> {
        let nothing = Reservations::default();
        let before = self.pages.get(pool).map_or(&nothing, |page| &page.observed);
        let keys: BTreeSet<&ReservationKey> = before.iter().chain(now.iter()).map(|(key, _)| key).collect();
        let differs = keys.into_iter().filter(|key| before.get(key) != now.get(key));
        let entry = |key: &ReservationKey| (key.clone(), now.get(key).and_then(Addresses::from_slice));
        differs.map(entry).collect()
    }

    /// Remembers what the object of `pool` holds.
    pub(crate) fn observe(&mut self, pool: &PoolName, now: Reservations) {
        self.pages.entry(pool.clone()).or_default().observed = now;
        self.touched.insert(pool.clone());
    }

    /// Reserves `addresses` of `pool` under `key` instead of what was reserved there before.
    pub(crate) fn enter(
        &mut self,
        pool: &PoolName,
        key: &ReservationKey,
        addresses: Addresses,
    ) -> Result<(), Full> {
        let page = self.pages.entry(pool.clone()).or_default();
        if page.strike(key).is_none() && page.is_full() {
            page.turned_away.insert(key.clone());
            return Err(Full);
        }
        page.turned_away.remove(key);
        for addr in addresses.as_slice() {
            page.by_address.entry(*addr).or_default().insert(key.clone());
        }
        page.entries.insert(key.clone(), addresses);
        self.touched.insert(pool.clone());
        Ok(())
    }

    /// Gives back what is reserved under `key` in `pool`.
    pub(crate) fn strike(&mut self, pool: &PoolName, key: &ReservationKey) -> Option<Addresses> {
        let page = self.pages.get_mut(pool)?;
        page.turned_away.remove(key);
        let struck = page.strike(key)?;
        self.touched.insert(pool.clone());
        Some(struck)
    }

    /// A name that was turned away from `pool` and for which there is room now.
    pub(crate) fn readmitted(&mut self, pool: &PoolName) -> Option<ReservationKey> {
        let page = self.pages.get_mut(pool).filter(|page| !page.is_full())?;
        page.turned_away.pop_first()
    }

    /// Nobody of this name waits for room any more.
    pub(crate) fn stop_waiting(&mut self, key: &ReservationKey) {
        for page in self.pages.values_mut() {
            page.turned_away.remove(key);
        }
    }

    /// Forgets pools whose object is gone.
    pub(crate) fn retain(&mut self, exists: impl Fn(&PoolName) -> bool) {
        self.pages.retain(|pool, _| exists(pool));
    }

    /// Lists that were touched and are other than the object holds or was last told to hold. What others made of the
    /// object and stays so is told too, if the object was told to hold something else.
    pub(crate) fn changed(&mut self) -> Vec<(PoolName, Reservations)> {
        let mut changed = Vec::new();
        for pool in core::mem::take(&mut self.touched) {
            let Some(page) = self.pages.get_mut(&pool) else {
                continue;
            };
            let list = page.list();
            let is_settled = page.observed == list && page.told.as_ref().is_none_or(|told| *told == list);
            if !is_settled {
                page.told = Some(list.clone());
                changed.push((pool, list));
            }
        }
        changed
    }
}

impl Page {
    fn list(&self) -> Reservations {
        let entry =
            |(key, addresses): (&ReservationKey, &Addresses)| (key.clone(), addresses.as_slice().to_vec());
        Reservations::new(self.entries.iter().map(entry).collect())
    }

    fn strike(&mut self, key: &ReservationKey) -> Option<Addresses> {
        let struck = self.entries.remove(key)?;
        for addr in struck.as_slice() {
            if let Some(keys) = self.by_address.get_mut(addr) {
                keys.remove(key);
                if keys.is_empty() {
                    self.by_address.remove(addr);
                }
            }
        }
        Some(struck)
    }

    fn is_full(&self) -> bool {
        self.entries.len() >= Reservations::MOST
    }
}
