//! Neighbor Solicitation and Advertisement over Ethernet (RFC 4861 sections 4.3, 4.4 and 7.1), with the nonce of RFC 7527.
//!
//! ```text
//!   54     55     56         58        62       78     79      80     86
//!   | type | code | checksum | flags   | target | option of 8 octets |
//!   | 135  | 0    |          | R S O   |        | 1, 2 | 1   | MAC   |
//!   | 136  |      |          | (of NA) |        | 14   | 1   | nonce |
//! ```

mod message;

use ferrolb_types::MacAddr;

use crate::ethernet::{self, TYPE_IPV6};
use crate::{DecodeError, EncodeError, Frame, Reader, Writer, checksum, ipv6};

pub use message::{Advertisement, Message, Nonce, Solicitation};

/// Where the ICMPv6 message begins in the frame.
const MESSAGE_OFFSET: usize = 54;
const CHECKSUM_OFFSET: usize = MESSAGE_OFFSET + 2;

/// A Neighbor Discovery packet together with the headers of its frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Who sends the frame to whom.
    pub ethernet: ethernet::Header,
    /// Who sends the packet to whom.
    pub ip: ipv6::Header,
    /// What it says.
    pub message: Message,
}

impl Packet {
    /// `message` from the interface with `mac`, as `ip` says. A multicast packet goes to the group's MAC address, a
    /// unicast one to `receiver`.
    #[must_use]
    pub fn new(mac: MacAddr, receiver: MacAddr, ip: ipv6::Header, message: Message) -> Self {
        let destination = if ip.destination.is_multicast() {
            MacAddr::of_ipv6_multicast(ip.destination)
        } else {
            receiver
        };
        Self {
            ethernet: ethernet::Header {
                destination,
                source: mac,
            },
            ip,
            message,
        }
    }

    /// Reads an untagged frame and applies every rule of RFC 4861 sections 7.1.1 and 7.1.2; what follows the packet is
    /// padding. Options other than link-layer addresses and
    /// the nonce are passed over.
    ///
    /// # Errors
    /// Anything but a valid Neighbor Solicitation or Advertisement.
    pub fn decode(frame: &[u8]) -> Result<Self, DecodeError> {
        let reader = &mut Reader::new(frame);
        let ethernet = ethernet::Header::decode(reader, TYPE_IPV6, "0x86dd (IPv6)")?;
        let ip = ipv6::Header::decode(reader)?;
        let message = Message::decode(&mut reader.clone(), &ip)?;
        checksum::verify_icmpv6(reader, &ip)?;
        Ok(Self {
            ethernet,
            ip,
            message,
        })
    }

    /// The frame: 86 octets, or 78 when there is no link-layer option.
    #[must_use]
    pub fn encode(&self) -> Frame {
        Frame::build(|writer| self.write(writer))
    }

    fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        self.ethernet.encode(writer, TYPE_IPV6)?;
        self.ip.encode(writer, self.message.length())?;
        self.message.encode(writer)?;
        let message = &writer.written()[MESSAGE_OFFSET..];
        let sum = checksum::icmpv6(self.ip.source, self.ip.destination, message);
        writer.patch_u16(CHECKSUM_OFFSET, sum)
    }
}
