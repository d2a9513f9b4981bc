//! LZW with least significant bit first and 8-bit literals, as in GIF.

use weezl::{BitOrder, LzwStatus, decode, encode};

use super::error::OpenError;
use super::kind::COMPRESSED;
use super::msgpack::{Writer, read_map, read_raw, read_uint};
use crate::{DecodeError, Reader};

const LITERAL_BITS: u8 = 8;
const ALGORITHM_LZW: u32 = 0;
/// The wrapping alone needs 17 octets; below this length nothing gets shorter.
const WORTH_TRYING: usize = 48;
const CHUNK: usize = 16 * 1024;

/// The compressed message that holds `payload`, if it is shorter than that.
#[must_use]
pub fn compress(payload: &[u8]) -> Option<Vec<u8>> {
    if payload.len() < WORTH_TRYING {
        return None;
    }
    let packed = encode::Encoder::new(BitOrder::Lsb, LITERAL_BITS)
        .encode(payload)
        .ok()?;
    let mut writer = Writer::message(COMPRESSED);
    writer.map(2);
    writer.uint("Algo", ALGORITHM_LZW);
    writer.octets("Buf", &packed);
    Some(writer.0).filter(|bytes| bytes.len() < payload.len())
}

/// What the compressed message `message`, from its type octet on, holds; at most `limit` octets of it.
///
/// # Errors
/// [`OpenError::TooLong`] when it holds more, [`OpenError::Compression`] when it is broken, and what is wrong with the
/// wrapping. [`DecodeError::Truncated`] inside means that the message is not there completely.
pub fn decompress(message: &[u8], limit: usize) -> Result<Vec<u8>, OpenError> {
    let reader = &mut Reader::new(message);
    reader.require_u8(COMPRESSED, "message type", "9 (compressed)")?;
    let (mut algorithm, mut packed) = (ALGORITHM_LZW, &[][..]);
    read_map(reader, "compressed message", |key, reader| {
        match key {
            b"Algo" => algorithm = read_uint(reader, "Algo")?,
            b"Buf" => packed = read_raw(reader, "Buf")?,
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    if algorithm != ALGORITHM_LZW {
        return Err(OpenError::Malformed(DecodeError::Unexpected {
            field: "Algo",
            offset: 0,
            found: algorithm,
            expected: "0 (LZW)",
        }));
    }
    unpack(packed, limit)
}

fn unpack(mut packed: &[u8], limit: usize) -> Result<Vec<u8>, OpenError> {
    let mut decoder = decode::Decoder::new(BitOrder::Lsb, LITERAL_BITS);
    let mut bytes = Vec::new();
    loop {
        let start = bytes.len();
        bytes.resize(start + CHUNK, 0);
        let step = decoder.decode_bytes(packed, &mut bytes[start..]);
        bytes.truncate(start + step.consumed_out);
        packed = &packed[step.consumed_in..];
        if bytes.len() > limit {
            return Err(OpenError::TooLong { limit });
        }
        match step.status {
            Ok(LzwStatus::Done) => return Ok(bytes),
            // A stream without its end code is cut off.
            Ok(LzwStatus::NoProgress) | Err(_) => return Err(OpenError::Compression),
            Ok(LzwStatus::Ok) => {}
        }
    }
}
