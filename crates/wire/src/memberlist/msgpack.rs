//! The part of msgpack that memberlist uses, in the old form without separate types for text and octets.
//!
//! ```text
//!   00-7f number  80-8f map  a0-bf raw  c0 nil  c2 false  c3 true  cc-cf number of 8 to 64 bits  da, db raw  de, df map
//! ```
//!
//! Reading also takes the newer forms (`c4`-`c6`, `d9`) and skips any value under an unknown name.

use crate::{DecodeError, Reader};

/// Nested values that are skipped at most; memberlist nests none.
const DEPTH_MAX: u8 = 8;

const NIL: u8 = 0xc0;

/// Appends msgpack values to a buffer.
#[derive(Debug)]
pub(super) struct Writer(pub(super) Vec<u8>);

impl Writer {
    pub(super) fn message(kind: u8) -> Self {
        let mut bytes = Vec::with_capacity(128);
        bytes.push(kind);
        Self(bytes)
    }

    pub(super) fn map(&mut self, entries: u8) {
        debug_assert!(entries < 16, "a short map");
        self.0.push(0x80 | entries);
    }

    pub(super) fn uint(&mut self, key: &str, value: u32) {
        self.raw(key.as_bytes());
        match value {
            0..=0x7f => self.0.push(value.to_be_bytes()[3]),
            0x80..=0xff => self.0.extend([0xcc, value.to_be_bytes()[3]]),
            0x100..=0xffff => {
                self.0.push(0xcd);
                self.0.extend(&value.to_be_bytes()[2..]);
            }
            _ => {
                self.0.push(0xce);
                self.0.extend(value.to_be_bytes());
            }
        }
    }

    pub(super) fn boolean(&mut self, key: &str, value: bool) {
        self.raw(key.as_bytes());
        self.0.push(if value { 0xc3 } else { 0xc2 });
    }

    pub(super) fn octets(&mut self, key: &str, value: &[u8]) {
        self.raw(key.as_bytes());
        self.raw(value);
    }

    pub(super) fn nil(&mut self, key: &str) {
        self.raw(key.as_bytes());
        self.0.push(NIL);
    }

    fn raw(&mut self, value: &[u8]) {
        let length = u32::try_from(value.len()).expect("nothing longer than 4 GiB is written");
        let octets = length.to_be_bytes();
        match length {
            0..=31 => self.0.push(0xa0 | octets[3]),
            32..=0xffff => self.0.extend([0xda, octets[2], octets[3]]),
            _ => {
                self.0.push(0xdb);
                self.0.extend(octets);
            }
        }
        self.0.extend_from_slice(value);
    }
}

/// Reads a map and gives each name to `field`, which reads the value and returns true, or leaves an unknown one alone
/// and returns false.
pub(super) fn read_map<'a>(
    reader: &mut Reader<'a>,
    what: &'static str,
    mut field: impl FnMut(&'a [u8], &mut Reader<'a>) -> Result<bool, DecodeError>,
) -> Result<(), DecodeError> {
    let offset = reader.offset();
    let entries = match reader.u8(what)? {
        short @ 0x80..=0x8f => u32::from(short & 0x0f),
        0xde => reader.u16(what)?.into(),
        0xdf => reader.u32(what)?,
        other => return Err(unexpected(what, offset, other, "a map")),
    };
    // Each entry takes two octets at least, so a false count ends with the bytes.
    for _ in 0..entries {
        let key = read_raw(reader, "field name")?;
        if !field(key, reader)? {
            skip(reader, DEPTH_MAX)?;
        }
    }
    Ok(())
}

/// Text or octets; nil is empty.
pub(super) fn read_raw<'a>(reader: &mut Reader<'a>, field: &'static str) -> Result<&'a [u8], DecodeError> {
    let offset = reader.offset();
    let length = match reader.u8(field)? {
        NIL => 0,
        short @ 0xa0..=0xbf => usize::from(short & 0x1f),
        0xc4 | 0xd9 => reader.u8(field)?.into(),
        0xc5 | 0xda => reader.u16(field)?.into(),
        0xc6 | 0xdb => wide(reader.u32(field)?),
        other => return Err(unexpected(field, offset, other, "text or octets")),
    };
    reader.take(length, field)
}

/// Text or octets of at most `max` octets.
pub(super) fn read_bounded<'a>(
    reader: &mut Reader<'a>,
    field: &'static str,
    max: usize,
    expected: &'static str,
) -> Result<&'a [u8], DecodeError> {
    let offset = reader.offset();
    let value = read_raw(reader, field)?;
    if value.len() <= max {
        return Ok(value);
    }
    Err(DecodeError::Unexpected {
        field,
        offset,
        found: u32::try_from(value.len()).unwrap_or(u32::MAX),
        expected,
    })
}

/// Text in UTF-8 of at most `max` octets.
pub(super) fn read_text<'a>(
    reader: &mut Reader<'a>,
    field: &'static str,
    max: usize,
    expected: &'static str,
) -> Result<&'a str, DecodeError> {
    let offset = reader.offset();
    let value = read_bounded(reader, field, max, expected)?;
    core::str::from_utf8(value).map_err(|error| {
        let at = error.valid_up_to();
        unexpected(field, offset, value.get(at).copied().unwrap_or(0), "UTF-8")
    })
}

/// A number that is not negative and fits.
pub(super) fn read_uint(reader: &mut Reader<'_>, field: &'static str) -> Result<u32, DecodeError> {
    let offset = reader.offset();
    let marker = reader.u8(field)?;
    let value = match marker {
        0..=0x7f => u64::from(marker),
        0xcc | 0xd0 => reader.u8(field)?.into(),
        0xcd | 0xd1 => reader.u16(field)?.into(),
        0xce | 0xd2 => reader.u32(field)?.into(),
        0xcf | 0xd3 => u64::from_be_bytes(reader.array(field)?),
        other => return Err(unexpected(field, offset, other, "a number")),
    };
    let negative = matches!(marker, 0xd0..=0xd3) && value >> (8 * width(marker) - 1) == 1;
    match u32::try_from(value) {
        Ok(value) if !negative => Ok(value),
        _ => Err(unexpected(field, offset, marker, "a number of 32 bits")),
    }
}

const fn width(marker: u8) -> u32 {
    1 << (marker & 3)
}

pub(super) fn read_u16(reader: &mut Reader<'_>, field: &'static str) -> Result<u16, DecodeError> {
    let offset = reader.offset();
    let value = read_uint(reader, field)?;
    u16::try_from(value).map_err(|_| DecodeError::Unexpected {
        field,
        offset,
        found: value,
        expected: "a number of 16 bits",
    })
}

pub(super) fn read_boolean(reader: &mut Reader<'_>, field: &'static str) -> Result<bool, DecodeError> {
    let offset = reader.offset();
    match reader.u8(field)? {
        0xc2 => Ok(false),
        0xc3 => Ok(true),
        other => Err(unexpected(field, offset, other, "true or false")),
    }
}

/// Passes over a value of whatever type.
fn skip(reader: &mut Reader<'_>, depth: u8) -> Result<(), DecodeError> {
    const WHAT: &str = "unknown field";
    let offset = reader.offset();
    let marker = reader.u8(WHAT)?;
    let octets = match marker {
        0..=0x7f | 0xe0..=0xff | 0xc0 | 0xc2 | 0xc3 => 0,
        0xa0..=0xbf => usize::from(marker & 0x1f),
        0xc4 | 0xd9 => reader.u8(WHAT)?.into(),
        0xc5 | 0xda => reader.u16(WHAT)?.into(),
        0xc6 | 0xdb => wide(reader.u32(WHAT)?),
        0xcc | 0xd0 => 1,
        0xcd | 0xd1 => 2,
        0xca | 0xce | 0xd2 => 4,
        0xcb | 0xcf | 0xd3 => 8,
        0xd4..=0xd8 => (1 << (marker - 0xd4)) + 1,
        0x90..=0x9f => return skip_many(reader, u32::from(marker & 0x0f), depth, offset),
        0xdc => {
            let count = reader.u16(WHAT)?;
            return skip_many(reader, count.into(), depth, offset);
        }
        0x80..=0x8f => return skip_many(reader, 2 * u32::from(marker & 0x0f), depth, offset),
        0xde => {
            let count = reader.u16(WHAT)?;
            return skip_many(reader, 2 * u32::from(count), depth, offset);
        }
        other => return Err(unexpected(WHAT, offset, other, "a value of msgpack")),
    };
    reader.take(octets, WHAT).map(|_| ())
}

fn skip_many(reader: &mut Reader<'_>, count: u32, depth: u8, offset: usize) -> Result<(), DecodeError> {
    let Some(depth) = depth.checked_sub(1) else {
        return Err(unexpected("unknown field", offset, 0, "less nesting"));
    };
    (0..count).try_for_each(|_| skip(reader, depth))
}

fn wide(length: u32) -> usize {
    usize::try_from(length).unwrap_or(usize::MAX)
}

fn unexpected(field: &'static str, offset: usize, found: u8, expected: &'static str) -> DecodeError {
    DecodeError::Unexpected {
        field,
        offset,
        found: found.into(),
        expected,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uint(bytes: &[u8]) -> Option<u32> {
        read_uint(&mut Reader::new(bytes), "n").ok()
    }

    #[test]
    fn numbers_take_the_shortest_form_and_come_back() {
        for (value, length) in [
            (0, 1),
            (127, 1),
            (128, 2),
            (255, 2),
            (256, 3),
            (65_536, 5),
            (u32::MAX, 5),
        ] {
            let mut writer = Writer(Vec::new());
            writer.uint("", value);
            assert_eq!(writer.0.len(), 1 + length, "{value}");
            assert_eq!(uint(&writer.0[1..]), Some(value));
        }
    }

    #[test]
    fn numbers_that_are_negative_or_too_large_are_refused() {
        assert_eq!(uint(&[0xd0, 0x7f]), Some(127), "signed form of a positive number");
        assert_eq!(uint(&[0xd0, 0x80]), None);
        assert_eq!(uint(&[0xff]), None);
        assert_eq!(uint(&[0xcf, 0, 0, 0, 1, 0, 0, 0, 0]), None);
        assert_eq!(uint(&[0xcf, 0, 0, 0, 0, 0, 0, 0, 5]), Some(5));
        assert_eq!(uint(&[0xd3, 0xff, 0, 0, 0, 0, 0, 0, 5]), None);
    }

    #[test]
    fn unknown_fields_are_passed_over_whatever_they_hold() {
        // {"x": [1, {"y": nil}, -1, 1.5, "abc"], "n": 7}
        let mut bytes = vec![0x82, 0xa1, b'x', 0x95, 1, 0x81, 0xa1, b'y', 0xc0, 0xff, 0xcb];
        bytes.extend([0; 8]);
        bytes.extend([0xa3, b'a', b'b', b'c', 0xa1, b'n', 7]);
        let mut found = None;
        let reader = &mut Reader::new(&bytes);
        read_map(reader, "map", |key, reader| {
            Ok(match key {
                b"n" => found.replace(read_uint(reader, "n")?).is_none(),
                _ => false,
            })
        })
        .unwrap();
        assert_eq!((found, reader.remaining()), (Some(7), 0));
    }

    #[test]
    fn nesting_is_bounded() {
        let mut bytes = vec![0x81, 0xa1, b'x'];
        bytes.extend([0x91; 100]);
        let error = read_map(&mut Reader::new(&bytes), "map", |_, _| Ok(false)).unwrap_err();
        assert!(error.to_string().ends_with("expected less nesting"), "{error}");
    }
}
