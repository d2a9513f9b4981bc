//! What the machine knows of one network interface.

use ferrolb_types::{Instant, InterfaceIndex, IpFamily, MacAddr};

use crate::Link;
use crate::link::NdpSource;
use crate::listener::Listener;

/// An interface with the state of its sockets. Whether a socket is open is not stored: it follows from the link.
#[derive(Debug)]
pub(crate) struct Interface {
    pub(crate) link: Link,
    arp_failed: bool,
    ndp_failed: bool,
    /// The slot of the timer that ends the failures.
    pub(crate) reopen_due: Option<Instant>,
    /// The slot of the timer for the filter: it does not fit the watched addresses.
    pub(crate) filter_due: Option<Instant>,
    /// The slot of the timer for the exact filter.
    pub(crate) refine_due: Option<Instant>,
    /// The groups of the watched IPv6 addresses.
    pub(crate) listener: Listener,
    /// The slot of the timer for reports of groups.
    pub(crate) report_due: Option<Instant>,
    /// The filter is not built again before.
    pub(crate) filter_rests_until: Instant,
}

impl Interface {
    pub(crate) fn new(link: Link) -> Self {
        Self {
            link,
            arp_failed: false,
            ndp_failed: false,
            reopen_due: None,
            filter_due: None,
            refine_due: None,
            listener: Listener::default(),
            report_due: None,
            filter_rests_until: Instant::ZERO,
        }
    }

    pub(crate) const fn index(&self) -> InterfaceIndex {
        self.link.index
    }

    /// The MAC address to speak ARP from, while its socket is open.
    pub(crate) fn arp(&self) -> Option<MacAddr> {
        self.link.arp_source().filter(|_| !self.arp_failed)
    }

    /// The addresses to speak Neighbor Discovery from, while its socket is open.
    pub(crate) fn ndp(&self) -> Option<NdpSource> {
        self.link.ndp_source().filter(|_| !self.ndp_failed)
    }

    /// The MAC address to speak the protocol of `family` from, while its socket is open.
    pub(crate) fn mac(&self, family: IpFamily) -> Option<MacAddr> {
        match family {
            IpFamily::V4 => self.arp(),
            IpFamily::V6 => self.ndp().map(|source| source.mac),
        }
    }

    pub(crate) const fn set_failed(&mut self, family: IpFamily) {
        match family {
            IpFamily::V4 => self.arp_failed = true,
            IpFamily::V6 => self.ndp_failed = true,
        }
    }

    pub(crate) const fn clear_failures(&mut self) {
        (self.arp_failed, self.ndp_failed) = (false, false);
    }
}
