//! The Ethernet II header.
//!
//! ```text
//!    0       6       12     14
//!    | dst   | src   | type | payload …
//! ```

use ferrolb_types::MacAddr;

use crate::{DecodeError, EncodeError, Reader, Writer};

/// The EtherType of ARP (RFC 826).
pub const TYPE_ARP: u16 = 0x0806;
/// The EtherType of IPv6 (RFC 2464).
pub const TYPE_IPV6: u16 = 0x86dd;

/// Who sends a frame to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The receiver: an interface, a group, or all.
    pub destination: MacAddr,
    /// The sending interface.
    pub source: MacAddr,
}

impl Header {
    /// Reads the header of a frame that carries `ether_type`, in words `expected`. VLAN tags are refused: the kernel
    /// takes them off before the frame reaches the VLAN's interface.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`], [`DecodeError::Unexpected`].
    pub fn decode(
        reader: &mut Reader<'_>,
        ether_type: u16,
        expected: &'static str,
    ) -> Result<Self, DecodeError> {
        let destination = reader.mac("Ethernet destination")?;
        let source = reader.mac("Ethernet source")?;
        reader.require_u16(ether_type, "EtherType", expected)?;
        Ok(Self { destination, source })
    }

    /// Writes the header of a frame that carries `ether_type`.
    ///
    /// # Errors
    /// [`EncodeError::NoRoom`].
    pub fn encode(self, writer: &mut Writer<'_>, ether_type: u16) -> Result<(), EncodeError> {
        writer.mac(self.destination)?;
        writer.mac(self.source)?;
        writer.u16(ether_type)
    }
}
