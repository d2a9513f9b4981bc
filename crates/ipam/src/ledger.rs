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
    by_address: BTreeMap<IpAddr, ReservationKey>,
    /// As the object held it last.
    observed: Reservations,
    /// As it was asked to be written, or observed since then.
    told: Reservations,
}

/// No more reservations fit into the pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full;

impl Ledger {
    /// Under which name an address of `pool` is reserved.
    pub(crate) fn key_of(&self, pool: &PoolName, addr: IpAddr) -> Option<&ReservationKey> {
        self.pages.get(pool)?.by_address.get(&addr)
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

    /// Remembers what the object of `pool` holds. If that is not what it shall hold, it is told again.
    pub(crate) fn observe(&mut self, pool: &PoolName, now: Reservations) {
        let page = self.pages.entry(pool.clone()).or_default();
        page.told = now.clone();
        page.observed = now;
        self.touched.insert(pool.clone());
    }

    /// Reserves `addresses` of `pool` under `key` instead of what was reserved there before. Addresses that are
    /// reserved under another key stay with that.
    pub(crate) fn enter(
        &mut self,
        pool: &PoolName,
        key: &ReservationKey,
        addresses: Addresses,
    ) -> Result<(), Full> {
        let page = self.pages.entry(pool.clone()).or_default();
        let taken = |addr: &IpAddr| page.by_address.get(addr).is_some_and(|other| other != key);
        let own: Vec<IpAddr> = addresses
            .as_slice()
            .iter()
            .copied()
            .filter(|addr| !taken(addr))
            .collect();
        let own = Addresses::from_slice(&own);
        if page.entries.get(key) == own.as_ref() {
            return Ok(());
        }
        if !page.entries.contains_key(key) && page.entries.len() >= Reservations::MOST {
            return Err(Full);
        }
        page.strike(key);
        if let Some(own) = own {
            page.by_address
                .extend(own.as_slice().iter().map(|addr| (*addr, key.clone())));
            page.entries.insert(key.clone(), own);
        }
        self.touched.insert(pool.clone());
        Ok(())
    }

    /// Gives back what is reserved under `key` in `pool`.
    pub(crate) fn strike(&mut self, pool: &PoolName, key: &ReservationKey) -> Option<Addresses> {
        let struck = self.pages.get_mut(pool)?.strike(key)?;
        self.touched.insert(pool.clone());
        Some(struck)
    }

    /// Forgets pools whose object is gone.
    pub(crate) fn retain(&mut self, exists: impl Fn(&PoolName) -> bool) {
        self.pages.retain(|pool, _| exists(pool));
    }

    /// Lists that are other than was last told.
    pub(crate) fn changed(&mut self) -> Vec<(PoolName, Reservations)> {
        let mut changed = Vec::new();
        for pool in core::mem::take(&mut self.touched) {
            let Some(page) = self.pages.get_mut(&pool) else {
                continue;
            };
            let list = page.list();
            if page.told != list {
                page.told = list.clone();
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
            self.by_address.remove(addr);
        }
        Some(struck)
    }
}
