//! Network interfaces and what they can be used for (layer2 6.2).

use core::net::Ipv6Addr;

use ferrolb_types::{InterfaceIndex, InterfaceName, MacAddr};
use serde::{Deserialize, Serialize};

/// What decides whether and how an interface can announce.
///
/// ```text
///   excluded? down? no carrier? member of a bond, bridge or VRF? NOARP? no MAC? ──any──▶ not used
///       │ none of these
///       ├─ broadcast ───────────▶ ARP; needs no IPv4 address
///       └─ link-local address ──▶ Neighbor Discovery
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// Unique while the interface exists, and not changed by a new name.
    pub index: InterfaceIndex,
    /// The present name, which advertisements choose interfaces by.
    pub name: InterfaceName,
    /// The hardware address, if it is an Ethernet interface.
    pub mac: Option<MacAddr>,
    /// Whether it is administratively up.
    pub up: bool,
    /// Whether there is a carrier. Without one this node must not keep an address that another node could serve.
    pub carrier: bool,
    /// How often the carrier has come so far: more than before is a short interruption, after which switches may have
    /// forgotten this node.
    pub carrier_ups: u32,
    /// Whether it can send to all, which ARP needs.
    pub broadcast: bool,
    /// Whether it does not resolve addresses (`IFF_NOARP`).
    pub noarp: bool,
    /// Whether it is a part of a bond, bridge or VRF: the whole announces, not the part.
    pub enslaved: bool,
    /// Whether the administrator excluded it by name.
    pub excluded: bool,
    /// A link-local address that may be used: neither tentative nor a duplicate (RFC 4862).
    pub link_local: Option<Ipv6Addr>,
}

/// The addresses that Neighbor Discovery is spoken from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NdpSource {
    pub(crate) mac: MacAddr,
    pub(crate) link_local: Ipv6Addr,
}

impl Link {
    /// The MAC address to speak ARP from, if the interface can be used for it.
    pub(crate) fn arp_source(&self) -> Option<MacAddr> {
        self.usable_mac().filter(|_| self.broadcast)
    }

    /// The addresses to speak Neighbor Discovery from, if the interface can be used for it.
    pub(crate) fn ndp_source(&self) -> Option<NdpSource> {
        let (mac, link_local) = (self.usable_mac()?, self.link_local?);
        Some(NdpSource { mac, link_local })
    }

    fn usable_mac(&self) -> Option<MacAddr> {
        let unusable = self.excluded || !self.up || !self.carrier || self.enslaved || self.noarp;
        self.mac.filter(|_| !unusable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link() -> Link {
        Link {
            index: InterfaceIndex(2),
            name: "eth0".into(),
            mac: Some(MacAddr([2, 0, 0, 0, 0, 1])),
            up: true,
            carrier: true,
            carrier_ups: 1,
            broadcast: true,
            noarp: false,
            enslaved: false,
            excluded: false,
            link_local: Some("fe80::1".parse().unwrap()),
        }
    }

    #[test]
    fn ordinary_interface_serves_both_families() {
        assert!(link().arp_source().is_some() && link().ndp_source().is_some());
    }

    #[test]
    fn each_obstacle_alone_keeps_both_families_away() {
        let obstacles: [fn(&mut Link); 6] = [
            |l| l.excluded = true,
            |l| l.up = false,
            |l| l.carrier = false,
            |l| l.enslaved = true,
            |l| l.noarp = true,
            |l| l.mac = None,
        ];
        for obstacle in obstacles {
            let mut link = link();
            obstacle(&mut link);
            assert!(
                link.arp_source().is_none() && link.ndp_source().is_none(),
                "{link:?}"
            );
        }
    }

    #[test]
    fn each_family_has_a_need_of_its_own() {
        let mut point_to_point = link();
        point_to_point.broadcast = false;
        assert!(point_to_point.arp_source().is_none() && point_to_point.ndp_source().is_some());

        let mut without_ipv6 = link();
        without_ipv6.link_local = None;
        assert!(without_ipv6.arp_source().is_some() && without_ipv6.ndp_source().is_none());
    }
}
