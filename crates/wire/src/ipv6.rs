//! The IPv6 header (RFC 8200 section 3) as far as Neighbor Discovery needs it.
//!
//! ```text
//!   14          18              20            21          22       38            54
//!   | 6, class, | payload       | next header | hop limit | source | destination | ICMPv6 …
//!   | flow      | length        | 58          | 255       |        |             |
//! ```

use core::net::Ipv6Addr;

use crate::{DecodeError, EncodeError, Reader, Writer};

/// The next header value of ICMPv6.
pub const NEXT_HEADER_ICMPV6: u8 = 58;
/// "The IP Hop Limit field has a value of 255, i.e., the packet could not possibly have been forwarded by a router"
/// (RFC 4861 section 7.1).
pub const HOP_LIMIT_ON_LINK: u8 = 255;
/// All nodes on the link.
pub const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
/// All routers on the link.
pub const ALL_ROUTERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 2);

/// Where the destination address begins in an untagged frame.
pub(crate) const DESTINATION_OFFSET: usize = 38;

/// Version 6, traffic class and flow label zero.
pub(crate) const VERSION_ONLY: u32 = 6 << 28;

/// Who sends an on-link ICMPv6 packet to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The sender; unspecified during duplicate address detection.
    pub source: Ipv6Addr,
    /// The receiver.
    pub destination: Ipv6Addr,
}

impl Header {
    /// Reads the header of an ICMPv6 packet from this link and limits `reader` to its payload. Traffic class and flow
    /// label mean nothing here.
    ///
    /// Deviation: packets with extension headers are refused. RFC 4861 sends none, fragments are forbidden (RFC 6980),
    /// and the kernel filter passes none.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`], [`DecodeError::Unexpected`], [`DecodeError::UnexpectedAddress`].
    pub fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        decode_version(reader)?;
        let payload_length = reader.u16("IPv6 payload length")?;
        reader.require_u8(NEXT_HEADER_ICMPV6, "IPv6 next header", "58 (ICMPv6)")?;
        reader.require_u8(HOP_LIMIT_ON_LINK, "IPv6 hop limit", "255 (sent on this link)")?;
        let source = decode_source(reader)?;
        let destination = reader.ipv6("IPv6 destination")?;
        reader.limit(payload_length.into(), "IPv6 payload")?;
        Ok(Self { source, destination })
    }

    /// Writes the header of an ICMPv6 packet of `payload_length` octets.
    ///
    /// # Errors
    /// [`EncodeError::NoRoom`].
    pub fn encode(self, writer: &mut Writer<'_>, payload_length: u16) -> Result<(), EncodeError> {
        writer.u32(VERSION_ONLY)?;
        writer.u16(payload_length)?;
        writer.u8(NEXT_HEADER_ICMPV6)?;
        writer.u8(HOP_LIMIT_ON_LINK)?;
        writer.ipv6(self.source)?;
        writer.ipv6(self.destination)
    }
}

pub(crate) fn decode_version(reader: &mut Reader<'_>) -> Result<(), DecodeError> {
    let offset = reader.offset();
    let found = reader.u32("IPv6 version")? >> 28;
    if found == 6 {
        return Ok(());
    }
    Err(DecodeError::Unexpected {
        field: "IP version",
        offset,
        found,
        expected: "6",
    })
}

pub(crate) fn decode_source(reader: &mut Reader<'_>) -> Result<Ipv6Addr, DecodeError> {
    let offset = reader.offset();
    let source = reader.ipv6("IPv6 source")?;
    if !source.is_multicast() {
        return Ok(source);
    }
    // "Multicast addresses must not be used as source addresses in IPv6 packets" (RFC 4291 section 2.7).
    Err(DecodeError::UnexpectedAddress {
        field: "IPv6 source",
        offset,
        found: source,
        expected: "a unicast or the unspecified address",
    })
}
