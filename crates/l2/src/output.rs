//! What the machine asks for.

use core::net::IpAddr;

use ferrolb_types::{InterfaceIndex, IpFamily, MacAddr};
use ferrolb_wire::Frame;
use serde::{Deserialize, Serialize};

/// One thing to do, in the order given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Output {
    /// Open the packet socket of `family` on `interface`; tell [`Input::SocketFailed`](crate::Input::SocketFailed) if
    /// that is not possible.
    OpenSocket {
        /// Where.
        interface: InterfaceIndex,
        /// ARP for IPv4, Neighbor Discovery for IPv6.
        family: IpFamily,
    },
    /// Close the packet socket of `family` on `interface`, if it is open. No address is watched there any more.
    CloseSocket {
        /// Where.
        interface: InterfaceIndex,
        /// ARP for IPv4, Neighbor Discovery for IPv6.
        family: IpFamily,
    },
    /// Let frames about `address` in: through the kernel filter of the socket and, for IPv6, by membership in the
    /// solicited-node group of the address. Takes effect with the next [`Output::ApplyFilter`].
    WatchAddress {
        /// Where.
        interface: InterfaceIndex,
        /// A held address of a family whose socket is open.
        address: IpAddr,
    },
    /// Frames about `address` are of no interest any more. A group is left when no other watched address is in it.
    UnwatchAddress {
        /// Where.
        interface: InterfaceIndex,
        /// An address that was watched there.
        address: IpAddr,
    },
    /// Bring the kernel filters and memberships of `interface` in step with its watched addresses. Then it rests, because
    /// it costs work in proportion to all addresses; a new address is not announced before it.
    ApplyFilter {
        /// Where.
        interface: InterfaceIndex,
    },
    /// Send `frame`, from its Ethernet header on.
    SendFrame {
        /// Where.
        interface: InterfaceIndex,
        /// What.
        frame: Frame,
    },
    /// Tell the operator that a foreign host claims a held address. At most every 10 s for each address and interface.
    ReportConflict {
        /// The held address.
        address: IpAddr,
        /// Where the claim was heard.
        interface: InterfaceIndex,
        /// Who claims it.
        mac: MacAddr,
    },
}
