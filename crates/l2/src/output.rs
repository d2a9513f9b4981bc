//! What the machine asks for.

use core::net::{IpAddr, Ipv6Addr};

use ferrolb_types::{InterfaceIndex, IpFamily, MacAddr};
use ferrolb_wire::Frame;
use serde::{Deserialize, Serialize};

/// What is done about a foreign claim (RFC 5227 sections 2.1.1 and 2.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reaction {
    /// The address is in use here and is announced again.
    Defended,
    /// It was in use here and defended a short time ago: it is not used any more.
    GivenUp,
    /// The probe before its use has found the host: it is not used.
    NotTaken,
}

impl Reaction {
    /// In one word, for logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Defended => "defended",
            Self::GivenUp => "givenUp",
            Self::NotTaken => "notTaken",
        }
    }
}

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
    /// Let frames about `address` through the kernel filter of the socket. Takes effect with the next
    /// [`Output::ApplyFilter`].
    WatchAddress {
        /// Where.
        interface: InterfaceIndex,
        /// A held address of a family whose socket is open.
        address: IpAddr,
    },
    /// Frames about `address` are of no interest any more.
    UnwatchAddress {
        /// Where.
        interface: InterfaceIndex,
        /// An address that was watched there.
        address: IpAddr,
    },
    /// Have the kernel become a member of the solicited-node group of watched addresses, so that it reports the group and lets
    /// its frames in. Takes effect with the next [`Output::ApplyFilter`].
    JoinGroup {
        /// Where.
        interface: InterfaceIndex,
        /// A group that the kernel was not made a member of.
        group: Ipv6Addr,
    },
    /// No watched address is in the group any more.
    LeaveGroup {
        /// Where.
        interface: InterfaceIndex,
        /// A group that the kernel was made a member of.
        group: Ipv6Addr,
    },
    /// Let the frames of all groups in, or no longer: there are too many groups for the kernel. The machine reports them
    /// itself. Takes effect with the next [`Output::ApplyFilter`].
    HearAllGroups {
        /// Where.
        interface: InterfaceIndex,
        /// Whether to begin or to end.
        on: bool,
    },
    /// Bring the kernel filters and memberships of `interface` in step with its watched addresses. Then it rests, because
    /// it costs work in proportion to all addresses; a new address is not announced before it.
    ApplyFilter {
        /// Where.
        interface: InterfaceIndex,
    },
    /// Bring the kernel filters of `interface` in step with its watched addresses exactly. [`Output::ApplyFilter`] may let
    /// in what is beside them where that is quicker.
    RefineFilter {
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
    /// Send `frame`, which tells switches and multicast routers about groups.
    SendReport {
        /// Where, through the socket of Neighbor Discovery.
        interface: InterfaceIndex,
        /// From its Ethernet header on.
        frame: Box<[u8]>,
    },
    /// Tell the operator that a foreign host claims a wanted address. At most every 10 s for each address and interface,
    /// and no more once it is given up.
    ReportConflict {
        /// The wanted address.
        address: IpAddr,
        /// Where the claim was heard.
        interface: InterfaceIndex,
        /// Who claims it.
        mac: MacAddr,
        /// What this node does about it.
        reaction: Reaction,
    },
    /// Tell the operator that an address which a foreign host kept from being used is free, and used now.
    ReportReclaimed {
        /// The wanted address.
        address: IpAddr,
        /// Where.
        interface: InterfaceIndex,
    },
    /// Another speaker claims a wanted address: find out whom the election names and tell
    /// [`Input::RivalJudged`](crate::Input::RivalJudged). At most every second for each address and interface.
    ReportRival {
        /// The wanted address.
        address: IpAddr,
        /// Where the claim was heard.
        interface: InterfaceIndex,
        /// Who claims it.
        mac: MacAddr,
    },
}
