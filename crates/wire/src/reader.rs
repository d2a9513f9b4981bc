//! Reads fields from bytes without ever passing their end.

use core::net::{Ipv4Addr, Ipv6Addr};

use ferrolb_types::MacAddr;

use crate::DecodeError;

/// A position in a frame. Each method takes the name of the field that it reads, for the error.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// A reader at the start of `bytes`.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Octets read so far, which is where the next field begins.
    #[must_use]
    pub const fn offset(&self) -> usize {
        self.at
    }

    /// Octets left.
    #[must_use]
    pub const fn remaining(&self) -> usize {
        self.bytes.len() - self.at
    }

    /// Makes the bytes end `length` octets from here: a length field inside them says so.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`] when fewer are left.
    pub fn limit(&mut self, length: usize, field: &'static str) -> Result<(), DecodeError> {
        self.bytes = &self.bytes[..self.end_of(length, field)?];
        Ok(())
    }

    /// The next `length` octets.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`] when fewer are left; then nothing has been read.
    pub fn take(&mut self, length: usize, field: &'static str) -> Result<&'a [u8], DecodeError> {
        let end = self.end_of(length, field)?;
        let taken = &self.bytes[self.at..end];
        self.at = end;
        Ok(taken)
    }

    /// The next `N` octets.
    ///
    /// # Errors
    /// As [`Reader::take`].
    pub fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], DecodeError> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N, field)?);
        Ok(array)
    }

    /// The next octet.
    ///
    /// # Errors
    /// As [`Reader::take`].
    pub fn u8(&mut self, field: &'static str) -> Result<u8, DecodeError> {
        self.array(field).map(u8::from_be_bytes)
    }

    /// The next two octets, in network order.
    ///
    /// # Errors
    /// As [`Reader::take`].
    pub fn u16(&mut self, field: &'static str) -> Result<u16, DecodeError> {
        self.array(field).map(u16::from_be_bytes)
    }

    /// The next four octets, in network order.
    ///
    /// # Errors
    /// As [`Reader::take`].
    pub fn u32(&mut self, field: &'static str) -> Result<u32, DecodeError> {
        self.array(field).map(u32::from_be_bytes)
    }

    /// The next six octets as a MAC address.
    ///
    /// # Errors
    /// As [`Reader::take`].
    pub fn mac(&mut self, field: &'static str) -> Result<MacAddr, DecodeError> {
        self.array(field).map(MacAddr)
    }

    /// The next four octets as an address.
    ///
    /// # Errors
    /// As [`Reader::take`].
    pub fn ipv4(&mut self, field: &'static str) -> Result<Ipv4Addr, DecodeError> {
        self.array::<4>(field).map(Ipv4Addr::from)
    }

    /// The next sixteen octets as an address.
    ///
    /// # Errors
    /// As [`Reader::take`].
    pub fn ipv6(&mut self, field: &'static str) -> Result<Ipv6Addr, DecodeError> {
        self.array::<16>(field).map(Ipv6Addr::from)
    }

    /// Reads an octet that can only be `value`, in words `expected`.
    ///
    /// # Errors
    /// [`DecodeError::Unexpected`], or as [`Reader::take`].
    pub fn require_u8(
        &mut self,
        value: u8,
        field: &'static str,
        expected: &'static str,
    ) -> Result<(), DecodeError> {
        let offset = self.at;
        let found = self.u8(field)?;
        check(found.into(), value.into(), offset, field, expected)
    }

    /// Reads two octets that can only be `value`, in words `expected`.
    ///
    /// # Errors
    /// [`DecodeError::Unexpected`], or as [`Reader::take`].
    pub fn require_u16(
        &mut self,
        value: u16,
        field: &'static str,
        expected: &'static str,
    ) -> Result<(), DecodeError> {
        let offset = self.at;
        let found = self.u16(field)?;
        check(found.into(), value.into(), offset, field, expected)
    }

    fn end_of(&self, length: usize, field: &'static str) -> Result<usize, DecodeError> {
        match length.checked_sub(self.remaining()) {
            None | Some(0) => Ok(self.at + length),
            Some(missing) => Err(DecodeError::Truncated {
                field,
                offset: self.at,
                missing,
            }),
        }
    }
}

fn check(
    found: u32,
    value: u32,
    offset: usize,
    field: &'static str,
    expected: &'static str,
) -> Result<(), DecodeError> {
    if found == value {
        return Ok(());
    }
    Err(DecodeError::Unexpected {
        field,
        offset,
        found,
        expected,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_in_network_order() {
        let mut reader = Reader::new(&[1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(reader.u8("a").unwrap(), 1);
        assert_eq!(reader.u16("b").unwrap(), 0x0203);
        assert_eq!(reader.u32("c").unwrap(), 0x0405_0607);
        assert_eq!((reader.offset(), reader.remaining()), (7, 0));
    }

    #[test]
    fn a_field_that_is_cut_off_is_not_consumed() {
        let mut reader = Reader::new(&[1, 2, 3]);
        reader.u8("first").unwrap();
        let error = reader.u32("length").unwrap_err();
        assert_eq!(
            error.to_string(),
            "the length at offset 1 is cut off, 2 octets are missing"
        );
        assert_eq!(reader.u16("still there").unwrap(), 0x0203);
    }

    #[test]
    fn a_limit_hides_what_follows_and_cannot_widen() {
        let mut reader = Reader::new(&[1, 2, 3]);
        reader.u8("first").unwrap();
        reader.limit(1, "payload").unwrap();
        assert_eq!(reader.remaining(), 1);
        assert!(reader.limit(2, "payload").is_err());
    }

    #[test]
    fn a_length_near_the_end_of_numbers_is_cut_off_too() {
        let mut reader = Reader::new(&[1, 2]);
        reader.u8("first").unwrap();
        assert!(reader.take(usize::MAX, "body").is_err());
    }
}
