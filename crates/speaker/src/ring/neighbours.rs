//! The kernel's neighbour table, for speakers of MetalLB: they do not tell their hardware addresses, but gossip with them goes there.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use ferrolb_netio::Namespace;
use ferrolb_types::{Instant, MacAddr};

/// How often the table is read while there are such speakers: one that has just joined has been sent nothing yet.
const REFRESH: Duration = Duration::from_secs(5);

/// What was read last.
#[derive(Debug, Default)]
pub(super) struct Neighbours {
    macs: BTreeMap<IpAddr, MacAddr>,
    next: Option<Instant>,
}

impl Neighbours {
    /// Reads the table of the network namespace that the calling thread is in, if it is needed.
    pub(super) fn refresh(&mut self, now: Instant, is_needed: bool) {
        self.next = is_needed.then(|| now + REFRESH);
        self.macs = if is_needed { read() } else { BTreeMap::new() };
    }

    /// When to read it again.
    pub(super) const fn deadline(&self) -> Option<Instant> {
        self.next
    }

    /// Who answered for `address`.
    pub(super) fn mac(&self, address: IpAddr) -> Option<MacAddr> {
        self.macs.get(&address).copied()
    }
}

/// Without the table, a claim of such a speaker is one of a foreign host.
fn read() -> BTreeMap<IpAddr, MacAddr> {
    let table = Namespace::current().and_then(|namespace| namespace.neighbours());
    let table = table.unwrap_or_else(|error| {
        tracing::debug!(%error, "the neighbours of the node are not known");
        Vec::new()
    });
    table
        .into_iter()
        .filter_map(|neighbour| Some((neighbour.address, neighbour.mac?)))
        .collect()
}
