//! What is known of a node's network stack.

use core::fmt;
use std::collections::BTreeSet;

use ferrolb_types::{InterfaceName, IpNet, NodeName};

/// The network stack of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    /// Whose it is.
    pub node: NodeName,
    /// All interfaces, the loopback among them.
    pub interfaces: Vec<Interface>,
}

/// An interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Its name.
    pub name: InterfaceName,
    /// With their prefix lengths, the host bits kept.
    pub addresses: BTreeSet<IpNet>,
    /// Whether addresses can be announced on it.
    pub standing: Standing,
}

/// Whether addresses can be announced on an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// They can; so its settings matter. None where they cannot be read.
    Usable(Option<Settings>),
    /// They cannot.
    Unusable(Obstacle),
}

/// Why nothing can be announced on an interface (layer2 6.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// The exclusion file or `--interfaces` keeps it out.
    Excluded,
    /// It is not up.
    Down,
    /// It has no carrier.
    NoCarrier,
    /// It is a part of a bridge, a bond or a VRF.
    Member,
    /// It does not resolve addresses, or is no Ethernet.
    NoResolution,
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Excluded => "is excluded",
            Self::Down => "is down",
            Self::NoCarrier => "has no carrier",
            Self::Member => "is a part of a bridge, bond or VRF",
            Self::NoResolution => "is no Ethernet with ARP",
        })
    }
}

/// Settings in force of an interface that can be announced on (`ip-sysctl.rst` of the kernel).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// `arp_ignore`.
    pub arp_ignore: u8,
    /// `arp_announce`.
    pub arp_announce: u8,
    /// `rp_filter`.
    pub rp_filter: u8,
    /// Packets of clients beyond its segment would be dropped for their source, although there is a way back to them.
    pub drops_routed_clients: bool,
}

impl Settings {
    /// Whether the kernel answers an ARP request that comes in here for an address that the interface itself has.
    pub(crate) const fn answers_for_own(self) -> bool {
        self.arp_ignore != 8
    }

    /// Whether it does for an address that another interface has. Values that the kernel does not define ignore nothing.
    pub(crate) const fn answers_for_others(self) -> bool {
        !matches!(self.arp_ignore, 1 | 2 | 8)
    }

    /// Whether the kernel may name an address of another interface as the sender of its own ARP requests, by which whoever
    /// hears them takes this node for its owner.
    pub(crate) const fn claims_for_others(self) -> bool {
        self.arp_announce != 2
    }
}

impl Interface {
    /// Its settings, if addresses can be announced on it and they are known.
    pub(crate) const fn settings(&self) -> Option<Settings> {
        match self.standing {
            Standing::Usable(settings) => settings,
            Standing::Unusable(_) => None,
        }
    }

    /// Whether addresses can be announced on it.
    #[must_use]
    pub const fn is_usable(&self) -> bool {
        matches!(self.standing, Standing::Usable(_))
    }
}
