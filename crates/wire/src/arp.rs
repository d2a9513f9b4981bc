//! ARP for IPv4 over Ethernet (RFC 826), with the probes and announcements of RFC 5227.
//!
//! ```text
//!   14      16      18   19   20      22          28          32          38          42
//!   | htype | ptype | hl | pl | op    | sender    | sender    | target    | target    | padding to 60
//!   | 1     | 0800  | 6  | 4  | 1, 2  | MAC       | IPv4      | MAC       | IPv4      |
//! ```

use core::net::Ipv4Addr;

use ferrolb_types::MacAddr;

use crate::ethernet::{self, TYPE_ARP};
use crate::{DecodeError, EncodeError, Frame, Reader, Writer};

const HARDWARE_ETHERNET: u16 = 1;
const PROTOCOL_IPV4: u16 = 0x0800;
const MAC_LEN: u8 = 6;
const IPV4_LEN: u8 = 4;

/// What a packet wants (`ar$op`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Who has the target address?
    Request,
    /// The sender has the sender address.
    Reply,
}

/// An ARP packet together with the Ethernet header of its frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Who sends the frame to whom; need not agree with the packet.
    pub ethernet: ethernet::Header,
    /// What it wants.
    pub operation: Operation,
    /// Sender hardware address.
    pub sender_mac: MacAddr,
    /// Sender protocol address; `0.0.0.0` in a probe.
    pub sender_ip: Ipv4Addr,
    /// Target hardware address, without meaning in a request.
    pub target_mac: MacAddr,
    /// Target protocol address.
    pub target_ip: Ipv4Addr,
}

impl Packet {
    /// Asks who has `target_ip`, as `sender_ip`.
    #[must_use]
    pub const fn request(sender_mac: MacAddr, sender_ip: Ipv4Addr, target_ip: Ipv4Addr) -> Self {
        Self {
            ethernet: ethernet::Header {
                destination: MacAddr::BROADCAST,
                source: sender_mac,
            },
            operation: Operation::Request,
            sender_mac,
            sender_ip,
            target_mac: MacAddr::ZERO,
            target_ip,
        }
    }

    /// Asks whether anybody has `candidate`, without claiming it (RFC 5227 section 1.1 "ARP Probe").
    #[must_use]
    pub const fn probe(mac: MacAddr, candidate: Ipv4Addr) -> Self {
        Self::request(mac, Ipv4Addr::UNSPECIFIED, candidate)
    }

    /// Tells all that `mac` has `addr`: a request for the sender's own address (RFC 5227 section 1.1 "ARP Announcement").
    #[must_use]
    pub const fn announcement(mac: MacAddr, addr: Ipv4Addr) -> Self {
        Self::request(mac, addr, addr)
    }

    /// The same as a reply to all, for receivers that learn from replies only.
    #[must_use]
    pub const fn gratuitous_reply(mac: MacAddr, addr: Ipv4Addr) -> Self {
        Self {
            operation: Operation::Reply,
            target_mac: MacAddr::BROADCAST,
            ..Self::announcement(mac, addr)
        }
    }

    /// The answer to this request: `mac` has its target. Goes to the sender hardware address of the request, whatever
    /// the Ethernet source was (RFC 826, "Packet Reception").
    #[must_use]
    pub const fn reply_from(&self, mac: MacAddr) -> Self {
        Self {
            ethernet: ethernet::Header {
                destination: self.sender_mac,
                source: mac,
            },
            operation: Operation::Reply,
            sender_mac: mac,
            sender_ip: self.target_ip,
            target_mac: self.sender_mac,
            target_ip: self.sender_ip,
        }
    }

    /// Reads an untagged frame; what follows the packet is padding.
    ///
    /// # Errors
    /// Anything but a request or reply between IPv4 addresses over Ethernet.
    pub fn decode(frame: &[u8]) -> Result<Self, DecodeError> {
        let reader = &mut Reader::new(frame);
        let ethernet = ethernet::Header::decode(reader, TYPE_ARP, "0x0806 (ARP)")?;
        reader.require_u16(HARDWARE_ETHERNET, "hardware type", "1 (Ethernet)")?;
        reader.require_u16(PROTOCOL_IPV4, "protocol type", "0x0800 (IPv4)")?;
        reader.require_u8(MAC_LEN, "hardware address length", "6")?;
        reader.require_u8(IPV4_LEN, "protocol address length", "4")?;
        Ok(Self {
            ethernet,
            operation: Operation::decode(reader)?,
            sender_mac: reader.mac("sender hardware address")?,
            sender_ip: reader.ipv4("sender protocol address")?,
            target_mac: reader.mac("target hardware address")?,
            target_ip: reader.ipv4("target protocol address")?,
        })
    }

    /// The frame, padded to 60 octets.
    #[must_use]
    pub fn encode(&self) -> Frame {
        Frame::build(|writer| self.write(writer))
    }

    fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        self.ethernet.encode(writer, TYPE_ARP)?;
        writer.u16(HARDWARE_ETHERNET)?;
        writer.u16(PROTOCOL_IPV4)?;
        writer.u8(MAC_LEN)?;
        writer.u8(IPV4_LEN)?;
        writer.u16(self.operation.number())?;
        writer.mac(self.sender_mac)?;
        writer.ipv4(self.sender_ip)?;
        writer.mac(self.target_mac)?;
        writer.ipv4(self.target_ip)
    }
}

impl Operation {
    const fn number(self) -> u16 {
        match self {
            Self::Request => 1,
            Self::Reply => 2,
        }
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let offset = reader.offset();
        match reader.u16("operation")? {
            1 => Ok(Self::Request),
            2 => Ok(Self::Reply),
            other => Err(DecodeError::Unexpected {
                field: "operation",
                offset,
                found: other.into(),
                expected: "1 (request) or 2 (reply)",
            }),
        }
    }
}
