//! Writes fields into a buffer of fixed size.

use core::net::{Ipv4Addr, Ipv6Addr};

use ferrolb_types::MacAddr;

use crate::EncodeError;

/// A position in a buffer. Numbers are written in network order.
///
/// Every method fails with [`EncodeError::NoRoom`] when the buffer is too small; then it has written nothing.
#[derive(Debug)]
pub struct Writer<'a> {
    bytes: &'a mut [u8],
    at: usize,
}

impl<'a> Writer<'a> {
    /// A writer at the start of `bytes`.
    #[must_use]
    pub const fn new(bytes: &'a mut [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Octets written so far.
    #[must_use]
    pub const fn offset(&self) -> usize {
        self.at
    }

    /// What has been written so far.
    #[must_use]
    pub fn written(&self) -> &[u8] {
        &self.bytes[..self.at]
    }

    /// Writes `octets` as they are.
    ///
    /// # Errors
    /// [`EncodeError::NoRoom`].
    pub fn bytes(&mut self, octets: &[u8]) -> Result<(), EncodeError> {
        self.overwrite(self.at, octets)?;
        self.at += octets.len();
        Ok(())
    }

    /// Writes one octet.
    ///
    /// # Errors
    /// [`EncodeError::NoRoom`].
    pub fn u8(&mut self, value: u8) -> Result<(), EncodeError> {
        self.bytes(&[value])
    }

    /// Writes two octets.
    ///
    /// # Errors
    /// [`EncodeError::NoRoom`].
    pub fn u16(&mut self, value: u16) -> Result<(), EncodeError> {
        self.bytes(&value.to_be_bytes())
    }

    /// Writes four octets.
    ///
    /// # Errors
    /// [`EncodeError::NoRoom`].
    pub fn u32(&mut self, value: u32) -> Result<(), EncodeError> {
        self.bytes(&value.to_be_bytes())
    }

    /// Writes a MAC address.
    ///
    /// # Errors
    /// [`EncodeError::NoRoom`].
    pub fn mac(&mut self, mac: MacAddr) -> Result<(), EncodeError> {
        self.bytes(&mac.octets())
    }

    /// Writes an IPv4 address.
    ///
    /// # Errors
    /// [`EncodeError::NoRoom`].
    pub fn ipv4(&mut self, addr: Ipv4Addr) -> Result<(), EncodeError> {
        self.bytes(&addr.octets())
    }

    /// Writes an IPv6 address.
    ///
    /// # Errors
    /// [`EncodeError::NoRoom`].
    pub fn ipv6(&mut self, addr: Ipv6Addr) -> Result<(), EncodeError> {
        self.bytes(&addr.octets())
    }

    /// Replaces two octets at `offset`: a length or checksum that is known only afterwards.
    ///
    /// # Errors
    /// [`EncodeError::NoRoom`].
    pub fn patch_u16(&mut self, offset: usize, value: u16) -> Result<(), EncodeError> {
        self.overwrite(offset, &value.to_be_bytes())
    }

    fn overwrite(&mut self, offset: usize, octets: &[u8]) -> Result<(), EncodeError> {
        let room = self.bytes.get_mut(offset..).unwrap_or_default();
        let (needed, available) = (octets.len(), room.len());
        let Some(place) = room.get_mut(..needed) else {
            return Err(EncodeError::NoRoom {
                offset,
                needed,
                available,
            });
        };
        place.copy_from_slice(octets);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_buffer_refuses_and_stays_as_it_was() {
        let mut buffer = [0; 3];
        let mut writer = Writer::new(&mut buffer);
        writer.u16(0x0102).unwrap();
        let error = writer.u16(0x0304).unwrap_err();
        assert_eq!(error.to_string(), "no room for 2 octets at offset 2, 1 are left");
        assert_eq!((writer.offset(), writer.written()), (2, &[1, 2][..]));
        assert_eq!(buffer, [1, 2, 0]);
    }

    #[test]
    fn a_patch_changes_what_was_written_and_nothing_else() {
        let mut buffer = [0; 4];
        let mut writer = Writer::new(&mut buffer);
        writer.u32(0).unwrap();
        writer.patch_u16(1, 0xabcd).unwrap();
        assert!(writer.patch_u16(usize::MAX, 1).is_err());
        assert_eq!(buffer, [0, 0xab, 0xcd, 0]);
    }
}
