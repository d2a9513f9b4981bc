//! Addresses that were released a short time ago and are not given out yet: annotation `ferrolb.io/release-delay` of
//! their pool. Clients and routers forget them meanwhile.
//!
//! Kept in memory only: a restart ends every rest. What must outlast it is a reservation.

use core::net::IpAddr;
use std::collections::{BTreeMap, BTreeSet};

use ferrolb_types::{Instant, IpNet};

/// Addresses that rest, and until when.
#[derive(Clone, Debug, Default)]
pub(crate) struct Resting {
    until: BTreeMap<IpAddr, Instant>,
    order: BTreeSet<(Instant, IpAddr)>,
}

impl Resting {
    pub(crate) fn until(&self, addr: IpAddr) -> Option<Instant> {
        self.until.get(&addr).copied()
    }

    pub(crate) fn begin(&mut self, addr: IpAddr, until: Instant) {
        self.end(addr);
        self.until.insert(addr, until);
        self.order.insert((until, addr));
    }

    /// Whether it rested.
    pub(crate) fn end(&mut self, addr: IpAddr) -> bool {
        let until = self.until.remove(&addr);
        until.is_some_and(|until| self.order.remove(&(until, addr)))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (IpAddr, Instant)> {
        self.until.iter().map(|(addr, until)| (*addr, *until))
    }

    /// When the next rest is over.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.order.first().map(|(until, _)| *until)
    }

    /// Ends one rest that is over at `now`.
    pub(crate) fn pop(&mut self, now: Instant) -> Option<IpAddr> {
        let (_, addr) = self.order.first().copied().filter(|(until, _)| *until <= now)?;
        self.end(addr);
        Some(addr)
    }

    /// Addresses of a prefix that rest.
    pub(crate) fn within(&self, net: IpNet) -> impl Iterator<Item = IpAddr> + '_ {
        self.until
            .range(net.network()..=net.broadcast())
            .map(|(addr, _)| *addr)
    }
}
