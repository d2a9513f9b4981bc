//! Addresses that nobody holds and that are not just anybody's: reserved under a name, or resting after their release.
//!
//! Only free addresses are withheld. Whoever holds an address keeps it, whatever it is reserved under; two who may share
//! an address may do so on a reserved one too.

use core::net::IpAddr;

use ferrolb_types::PoolName;

use crate::engine::{Engine, Step};
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
    pub(crate) fn open_unless_withheld(&mut self, step: &mut Step<'_>, pool: &PoolName, addr: IpAddr) {
        if self.holders.get(addr).is_some() {
            return;
        }
        if let Some(keys) = self.ledger.keys_of(pool, addr) {
            for key in keys {
                self.announce(step, Opening::Reserved(addr, key.clone()));
            }
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

    /// Takes out of the stock of `pool` which of `addresses` nobody holds.
    pub(crate) fn close(&mut self, pool: &PoolName, addresses: &[IpAddr]) {
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
}
