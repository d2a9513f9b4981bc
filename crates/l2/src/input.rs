//! What the machine is told.

use core::net::IpAddr;
use std::collections::BTreeSet;

use ferrolb_api::resolved::Interfaces;
use ferrolb_types::{InterfaceIndex, IpFamily, MacAddr};
use serde::{Deserialize, Serialize};

use crate::Link;

/// How this node comes to an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Claim {
    /// Another speaker, or this one before a restart, has answered for it: announced at once.
    TakeOver,
    /// It was allocated a moment ago and no speaker has used it since: a probe first finds out whether a foreign host
    /// does ([`Config::conflict_probe`](crate::Config::conflict_probe)).
    FirstUse,
}

impl Claim {
    /// Of an address whose use is the first one, or is not, as the planner has found.
    #[must_use]
    pub const fn new(is_first_use: bool) -> Self {
        if is_first_use {
            Self::FirstUse
        } else {
            Self::TakeOver
        }
    }
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Input {
    /// This node is to answer for `address` on `interfaces`. Also says that the interfaces of a wanted address have
    /// changed; the same again changes nothing. The union over all Services that share the address (layer2 6.3).
    AddressWanted {
        /// A unicast address; others are ignored.
        address: IpAddr,
        /// Where to answer.
        interfaces: Interfaces,
        /// Whether anybody may have used it before; counts when it was not wanted here.
        claim: Claim,
    },
    /// This node is not to answer for `address` any more.
    AddressReleased {
        /// An address that was wanted; others are ignored.
        address: IpAddr,
    },
    /// A network interface exists and looks like this. All of them are reported, also those that cannot announce: frames
    /// from their MAC addresses are this node's own.
    LinkChanged(Link),
    /// A network interface does not exist any more.
    LinkDisappeared(InterfaceIndex),
    /// A socket could not be opened or does not work any more. It is opened again after a second, or when the
    /// interface changes.
    SocketFailed {
        /// Its interface.
        interface: InterfaceIndex,
        /// ARP for IPv4, Neighbor Discovery for IPv6.
        family: IpFamily,
    },
    /// The MAC addresses of all other speakers' interfaces are these. Their claims belong to a hand-over and are no
    /// conflict; [`Output::ReportRival`](crate::Output::ReportRival) asks what to do about them.
    PeersObserved(BTreeSet<MacAddr>),
    /// The answer to [`Output::ReportRival`](crate::Output::ReportRival).
    RivalJudged {
        /// The address that both claim.
        address: IpAddr,
        /// Whether the election names this node, which then announces the address again. Otherwise it gives way at once
        /// and comes back when it is still to answer in a while and a probe finds nobody.
        prevails: bool,
    },
    /// A frame came in through the socket of its protocol. [`Machine::receive`](crate::Machine::receive) does the same
    /// without owning the frame.
    FrameReceived {
        /// Through which interface.
        interface: InterfaceIndex,
        /// From its Ethernet header on.
        frame: Box<[u8]>,
    },
    /// The deadline that [`Machine::next_deadline`](crate::Machine::next_deadline) names has come, perhaps by the inputs
    /// just given.
    Tick,
}
