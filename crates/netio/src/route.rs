//! Where the kernel would send a packet, and whether it would take one that comes in.
//!
//! The kernel itself is asked (`RTM_GETROUTE`, as `ip route get` does), so that every table and rule counts that it goes by.

use std::io;
use std::net::Ipv4Addr;

use ferrolb_types::InterfaceIndex;
use netlink_packet_route::route::{RouteAddress, RouteAttribute, RouteMessage};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};

use crate::netlink::Requests;

/// Asks about routes in the network namespace in which it was opened.
#[derive(Debug)]
pub struct RouteLookup(Requests);

impl RouteLookup {
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

fn question(destination: Ipv4Addr) -> RouteMessage {
    let mut message = RouteMessage::default();
    message.header.address_family = AddressFamily::Inet;
    message.header.destination_prefix_length = 32;
    message
        .attributes
        .push(RouteAttribute::Destination(RouteAddress::Inet(destination)));
    message
}
