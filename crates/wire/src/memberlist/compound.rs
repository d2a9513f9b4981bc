//! Several messages in one datagram.

use super::kind::COMPOUND;
use crate::{DecodeError, Reader};

/// Octets before the parts' lengths.
pub const COMPOUND_HEADER_LEN: usize = 2;
/// Octets that each part needs beside itself.
pub const COMPOUND_PART_LEN: usize = 2;
/// Most parts of one compound message; the count is one octet.
pub const COMPOUND_PARTS_MAX: usize = 255;

/// Joins encoded messages, at most [`COMPOUND_PARTS_MAX`] of at most 65,535 octets each; what is beyond is left out.
#[must_use]
pub fn compound(parts: &[impl AsRef<[u8]>]) -> Vec<u8> {
    let fits = |part: &&[u8]| u16::try_from(part.len()).is_ok();
    let parts: Vec<&[u8]> = parts
        .iter()
        .map(AsRef::as_ref)
        .filter(fits)
        .take(COMPOUND_PARTS_MAX)
        .collect();
    let size = parts
        .iter()
        .map(|part| part.len() + COMPOUND_PART_LEN)
        .sum::<usize>();
    let mut bytes = Vec::with_capacity(COMPOUND_HEADER_LEN + size);
    bytes.extend([COMPOUND, u8::try_from(parts.len()).unwrap_or(u8::MAX)]);
    for part in &parts {
        bytes.extend(u16::try_from(part.len()).unwrap_or(u16::MAX).to_be_bytes());
    }
    parts.iter().for_each(|part| bytes.extend_from_slice(part));
    bytes
}

/// Gives each message of an opened datagram to `message`, whether it is alone or in a compound; a compound inside a
/// compound is given as it is, and is no message.
///
/// # Errors
/// When a compound ends before its last part; the parts before that have been given.
pub fn each_message<'a>(payload: &'a [u8], mut message: impl FnMut(&'a [u8])) -> Result<(), DecodeError> {
    if payload.first() != Some(&COMPOUND) {
        message(payload);
        return Ok(());
    }
    let reader = &mut Reader::new(payload);
    reader.take(1, "message type")?;
    let count = usize::from(reader.u8("number of parts")?);
    let lengths = reader.take(2 * count, "lengths of the parts")?;
    for length in lengths.chunks_exact(2) {
        let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
        message(reader.take(length, "part")?);
    }
    Ok(())
}
