//! The living Services of each reservation name that hold addresses, oldest first. What is reserved under a name follows
//! from that alone, so a restart and another controller come to the same.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ferrolb_api::ReservationKey;
use ferrolb_types::{IpFamily, PoolName};

use crate::record::{Held, Turn};

/// Everybody who holds something under a name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Namesakes {
    by_key: BTreeMap<ReservationKey, Group>,
}

/// The holders of one name.
#[derive(Clone, Debug, Default)]
struct Group {
    everyone: BTreeSet<Arc<Turn>>,
    by_stock: BTreeMap<(PoolName, IpFamily), BTreeSet<Arc<Turn>>>,
}

impl Namesakes {
    /// The oldest Service that holds something under `key`.
    pub(crate) fn oldest(&self, key: &ReservationKey) -> Option<&Arc<Turn>> {
        self.by_key.get(key)?.everyone.first()
    }

    /// The oldest that holds an address of `family` from `pool`.
    pub(crate) fn oldest_with(
        &self,
        key: &ReservationKey,
        pool: &PoolName,
        family: IpFamily,
    ) -> Option<&Arc<Turn>> {
        let stock = (pool.clone(), family);
        self.by_key.get(key)?.by_stock.get(&stock)?.first()
    }

    /// A Service holds this. Without a pool that it could be reserved in it does not count.
    pub(crate) fn enter(&mut self, key: &ReservationKey, turn: &Arc<Turn>, held: &Held) {
        let Some(pool) = held.home() else {
            return;
        };
        let group = self.by_key.entry(key.clone()).or_default();
        group.everyone.insert(Arc::clone(turn));
        for addr in held.addresses.as_slice() {
            let stock = (pool.clone(), IpFamily::of(*addr));
            let turns = group.by_stock.entry(stock).or_default();
            turns.insert(Arc::clone(turn));
        }
    }

    /// It held this, and does not any more.
    pub(crate) fn leave(&mut self, key: &ReservationKey, turn: &Arc<Turn>, held: &Held) {
        let (Some(pool), Some(group)) = (held.home(), self.by_key.get_mut(key)) else {
            return;
        };
        group.everyone.remove(turn);
        for addr in held.addresses.as_slice() {
            let stock = (pool.clone(), IpFamily::of(*addr));
            if let Some(turns) = group.by_stock.get_mut(&stock) {
                turns.remove(turn);
                if turns.is_empty() {
                    group.by_stock.remove(&stock);
                }
            }
        }
        if group.everyone.is_empty() {
            self.by_key.remove(key);
        }
    }
}
