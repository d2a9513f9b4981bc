//! Network interfaces with their addresses, as a stream of changes.
//!
//! ```text
//!   netlink groups LINK, IPV4_IFADDR, IPV6_IFADDR        dump of all links and addresses
//!        │ notification                                        │ at the start, after an overrun
//!        ▼                                                     ▼
//!   Notice (decoded) ──▶ LinkTable::apply ──▶ LinkChange ◀── LinkTable::replace (keyed difference)
//! ```
//!
//! A change is reported only if the [`Link`] differs from the one reported before.

mod decode;
mod monitor;
mod table;

use std::collections::BTreeSet;
use std::net::Ipv6Addr;

use ferrolb_types::{InterfaceIndex, InterfaceName, IpNet, MacAddr};

pub use monitor::{LinkError, LinkMonitor};
pub use table::LinkTable;

/// A network interface as the kernel describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Unique while the interface exists, and not changed by a new name.
    pub index: InterfaceIndex,
    /// The present name.
    pub name: InterfaceName,
    /// The hardware address; none on interfaces that are not Ethernet.
    pub mac: Option<MacAddr>,
    /// Administratively up (`IFF_UP`).
    pub up: bool,
    /// The carrier is there (`IFF_LOWER_UP`): a cable is plugged in, or the peer is up.
    pub carrier: bool,
    /// How often the carrier has come (`IFLA_CARRIER_UP_COUNT`, 0 before Linux 4.16). The kernel tells of a cable that is
    /// pulled and plugged in again within a second as one change, in which only this is another.
    pub carrier_ups: u32,
    /// Can send to all (`IFF_BROADCAST`), which ARP needs.
    pub broadcast: bool,
    /// Does not resolve addresses (`IFF_NOARP`).
    pub noarp: bool,
    /// The bridge, bond or VRF that this interface is a part of.
    pub controller: Option<InterfaceIndex>,
    /// The driver's name for virtual interfaces, as `bridge` or `veth`.
    pub kind: Option<Box<str>>,
    /// Addresses with their prefix lengths, the host bits kept; not those that failed duplicate address
    /// detection.
    pub addresses: BTreeSet<IpNet>,
    /// The lowest IPv6 link-local address that may be used as source: neither tentative nor a duplicate (RFC
    /// 4862).
    pub link_local: Option<Ipv6Addr>,
}

/// What became of an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkChange {
    /// It exists and looks like this now.
    Applied(Link),
    /// It does not exist any more.
    Removed(InterfaceIndex),
}
