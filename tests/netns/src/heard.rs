//! What a captured frame says about where an address is.

use std::net::{IpAddr, Ipv6Addr};

use ferrolb_types::MacAddr;

use crate::capture::Capture;
use crate::frame::{Advertisement, Arp};

const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
const ALL_ROUTERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 2);

/// Somebody tells where an address is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Said {
    /// The address.
    pub address: IpAddr,
    /// Where it is.
    pub mac: MacAddr,
    /// Who was told, and how.
    pub how: How,
}

/// The forms in which an address is announced or answered for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// Gratuitous, as an ARP request that asks for its own sender (RFC 5227 section 2.3).
    RequestForm,
    /// Gratuitous, as an ARP reply.
    ReplyForm,
    /// An unsolicited Neighbor Advertisement to all nodes that overrides what they know.
    ToAllNodes,
    /// An unsolicited Neighbor Advertisement to all routers that overrides nothing (RFC 9131).
    ToAllRouters,
    /// An answer to the host with this hardware address.
    To(MacAddr),
}

impl Said {
    /// Reads a frame; none if it says nothing of the kind.
    #[must_use]
    pub fn from_bytes(frame: &[u8]) -> Option<Self> {
        let ethernet_destination = MacAddr(frame.first_chunk().copied()?);
        if let Some(arp) = Arp::from_bytes(frame) {
            return Self::from_arp(&arp);
        }
        Self::from_advertisement(&Advertisement::from_bytes(frame)?, ethernet_destination)
    }

    fn from_arp(arp: &Arp) -> Option<Self> {
        let how = match (arp.operation, arp.sender == arp.target) {
            (1, true) => How::RequestForm,
            (2, true) => How::ReplyForm,
            (2, false) => How::To(arp.destination),
            _ => return None,
        };
        Some(Self {
            address: arp.sender.into(),
            mac: arp.sender_mac,
            how,
        })
    }

    fn from_advertisement(said: &Advertisement, destination: MacAddr) -> Option<Self> {
        let how = match (said.destination, said.solicited, said.overrides) {
            (ALL_NODES, false, true) => How::ToAllNodes,
            (ALL_ROUTERS, false, false) => How::ToAllRouters,
            (to, true, true) if !to.is_multicast() && !said.router => How::To(destination),
            _ => return None,
        };
        Some(Self {
            address: said.target.into(),
            mac: said.mac?,
            how,
        })
    }

    /// Whether nobody had asked.
    #[must_use]
    pub const fn is_gratuitous(&self) -> bool {
        !matches!(self.how, How::To(_))
    }

    /// Whether it begins a round of a burst: each round has one such frame and it is the first.
    #[must_use]
    pub const fn begins_round(&self) -> bool {
        matches!(self.how, How::RequestForm | How::ToAllNodes)
    }
}

/// Reads what is said gratuitously about `address`.
pub fn claim_of(address: IpAddr) -> impl Fn(&[u8]) -> Option<Said> + Copy {
    move |frame| Said::from_bytes(frame).filter(|said| said.address == address && said.is_gratuitous())
}

/// Reads the beginnings of rounds about `address`.
pub fn round_of(address: IpAddr) -> impl Fn(&[u8]) -> Option<Said> + Copy {
    move |frame| Said::from_bytes(frame).filter(|said| said.address == address && said.begins_round())
}

/// Reads answers about `address` to the host with the hardware address `asker`.
pub fn answer_of(address: IpAddr, asker: MacAddr) -> impl Fn(&[u8]) -> Option<Said> + Copy {
    move |frame| Said::from_bytes(frame).filter(|said| said.address == address && said.how == How::To(asker))
}

/// How many rounds about `address` were heard so far.
#[must_use]
pub fn rounds(capture: &Capture, address: IpAddr) -> usize {
    capture.select(round_of(address)).len()
}
