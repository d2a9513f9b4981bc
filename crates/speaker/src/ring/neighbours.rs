//! The kernel's neighbour table, for speakers of MetalLB: they do not tell their hardware addresses, but gossip with them goes there.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use ferrolb_netio::Namespace;
use ferrolb_types::{Instant, MacAddr};

/// How often the table is read while there are such speakers.
const REFRESH: Duration = Duration::from_secs(5);
/// How often while one of them is not in it: one that has just joined has been sent nothing yet. One behind a router never is.
const RETRY: Duration = Duration::from_secs(1);

/// What was read last.
#[derive(Debug, Default)]
pub(super) struct Neighbours {
    macs: BTreeMap<IpAddr, MacAddr>,
    next: Option<Instant>,
}

impl Neighbours {
    /// Reads the table of the network namespace that the calling thread is in, if there are `wanted` ones.
    pub(super) fn refresh(&mut self, now: Instant, wanted: impl Iterator<Item = IpAddr>) {
        let mut wanted = wanted.peekable();
        if wanted.peek().is_none() {
            return *self = Self::default();
        }
        self.macs = read();
        let is_complete = wanted.all(|address| self.macs.contains_key(&address));
        self.next = Some(now + if is_complete { REFRESH } else { RETRY });
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
