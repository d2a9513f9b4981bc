//! Where the kernel would send a packet, and whether it would take one that comes in.
//!
//! The kernel itself is asked (`RTM_GETROUTE`, as `ip route get` does), so that every table and rule counts that it goes by.

use std::io;
use std::net::{IpAddr, Ipv4Addr};

use ferrolb_types::InterfaceIndex;
use netlink_packet_route::route::{RouteAddress, RouteAttribute, RouteHeader, RouteMessage, RouteType};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};

use crate::netlink::Requests;

/// Asks about routes in the network namespace in which it was opened.
#[derive(Debug)]
pub struct RouteLookup(Requests);

/// A router that packets go to for which there is no other route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Gateway {
    /// Where it is.
    pub interface: InterfaceIndex,
    /// Its address on that segment.
    pub address: IpAddr,
}

impl RouteLookup {
    /// The gateways of the default routes of both families in the main table, each once.
    ///
    /// # Errors
    /// The kernel's.
    pub fn default_gateways(&mut self) -> io::Result<Vec<Gateway>> {
        let mut gateways = Vec::new();
        for family in [AddressFamily::Inet, AddressFamily::Inet6] {
            let mut request = RouteMessage::default();
            request.header.address_family = family;
            let routes = self.0.dump(&RouteNetlinkMessage::GetRoute(request))?;
            gateways.extend(routes.iter().flat_map(gateways_of));
        }
        gateways.sort_unstable();
        gateways.dedup();
        Ok(gateways)
    }

    /// Opens a socket for the questions.
    ///
    /// # Errors
    /// The kernel's.
    pub fn open() -> io::Result<Self> {
        Requests::open().map(Self)
    }

    /// Whether packets of this host can go to `destination`.
    pub fn reaches(&mut self, destination: Ipv4Addr) -> bool {
        self.ask(&question(destination)).is_ok()
    }

    /// Whether a packet from `source` to `own`, an address of this host, would be taken when it comes in by `interface`.
    /// The kernel drops it for its source if that would be answered another way and `rp_filter` is strict (RFC 3704), or if
    /// there is no way back at all.
    pub fn takes(&mut self, source: Ipv4Addr, own: Ipv4Addr, interface: InterfaceIndex) -> bool {
        let mut message = question(own);
        message.header.source_prefix_length = 32;
        message.attributes.extend([
            RouteAttribute::Source(RouteAddress::Inet(source)),
            RouteAttribute::Iif(interface.0),
        ]);
        // `EXDEV`, since Linux 6.13 `EINVAL`.
        self.ask(&message).is_ok()
    }

    fn ask(&mut self, message: &RouteMessage) -> io::Result<()> {
        self.0
            .get(RouteNetlinkMessage::GetRoute(message.clone()))
            .map(drop)
    }
}

/// Those of a default route; none of any other.
fn gateways_of(message: &RouteNetlinkMessage) -> Vec<Gateway> {
    let RouteNetlinkMessage::NewRoute(route) = message else {
        return Vec::new();
    };
    let header = &route.header;
    let is_default = header.destination_prefix_length == 0
        && header.kind == RouteType::Unicast
        && header.table == RouteHeader::RT_TABLE_MAIN;
    if !is_default {
        return Vec::new();
    }
    let interface = route.attributes.iter().find_map(|attribute| match attribute {
        RouteAttribute::Oif(index) => Some(*index),
        _ => None,
    });
    let single = gateway_of(&route.attributes, interface);
    let several = route.attributes.iter().flat_map(|attribute| match attribute {
        RouteAttribute::MultiPath(hops) => hops.as_slice(),
        _ => &[],
    });
    let several = several.filter_map(|hop| gateway_of(&hop.attributes, Some(hop.interface_index)));
    single.into_iter().chain(several).collect()
}

fn gateway_of(attributes: &[RouteAttribute], interface: Option<u32>) -> Option<Gateway> {
    let address = attributes.iter().find_map(|attribute| match attribute {
        RouteAttribute::Gateway(RouteAddress::Inet(v4)) => Some(IpAddr::V4(*v4)),
        RouteAttribute::Gateway(RouteAddress::Inet6(v6)) => Some(IpAddr::V6(*v6)),
        _ => None,
    })?;
    Some(Gateway {
        interface: InterfaceIndex(interface?),
        address,
    })
}

fn question(destination: Ipv4Addr) -> RouteMessage {
    let mut message = RouteMessage::default();
    message.header.address_family = AddressFamily::Inet;
    message.header.destination_prefix_length = 32;
    message
        .attributes
        .push(RouteAttribute::Destination(RouteAddress::Inet(destination)));
    message
}
