//! An Ethernet frame held without allocation.

use core::fmt;
use core::ops::Deref;

use serde::{Deserialize, Serialize};

use crate::{EncodeError, Writer};

/// The largest frame that this crate encodes: Neighbor Discovery with one link-layer option.
const CAPACITY: usize = 86;

/// The shortest Ethernet frame without its check sequence (IEEE 802.3 section 3.2.8); shorter ones are padded with zeros.
const MIN_LEN: usize = 60;

/// An encoded frame of at most 86 octets, copied by value. Its text form is hexadecimal.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    bytes: [u8; CAPACITY],
    len: u8,
}

impl Frame {
    /// Runs `write` on an empty frame and pads the result to the minimum.
    pub(crate) fn build(write: impl FnOnce(&mut Writer<'_>) -> Result<(), EncodeError>) -> Self {
        let mut bytes = [0; CAPACITY];
        let mut writer = Writer::new(&mut bytes);
        write(&mut writer).expect("every message of this crate fits into the capacity");
        let len = writer.offset().max(MIN_LEN);
        Self {
            bytes,
            len: u8::try_from(len).expect("the capacity is below 256"),
        }
    }
}

impl Deref for Frame {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

impl fmt::Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is not an even number of hexadecimal digits, or is too long for a [`Frame`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a frame; write at most 86 octets as pairs of hexadecimal digits")]
pub struct FrameTextError;

impl core::str::FromStr for Frame {
    type Err = FrameTextError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.as_bytes();
        if !digits.len().is_multiple_of(2) || digits.len() > 2 * CAPACITY {
            return Err(FrameTextError);
        }
        let mut bytes = [0; CAPACITY];
        for (octet, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *octet = octet_of(pair).ok_or(FrameTextError)?;
        }
        let len = u8::try_from(digits.len() / 2).map_err(|_| FrameTextError)?;
        Ok(Self { bytes, len })
    }
}

fn octet_of(pair: &[u8]) -> Option<u8> {
    let digit = |at: usize| char::from(*pair.get(at)?).to_digit(16);
    u8::try_from(digit(0)? << 4 | digit(1)?).ok()
}

impl Serialize for Frame {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Frame {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_content_is_padded_with_zeros() {
        let frame = Frame::build(|w| w.u8(0xff));
        assert_eq!((frame.len(), frame[0]), (60, 0xff));
        assert!(frame[1..].iter().all(|&octet| octet == 0));
    }

    #[test]
    fn stored_form_is_hexadecimal_and_round_trips() {
        let frame = Frame::build(|w| w.bytes(&[0xab; 62]));
        let stored = serde_json::to_string(&frame).unwrap();
        assert_eq!(stored, format!("\"{}\"", "ab".repeat(62)));
        assert_eq!(serde_json::from_str::<Frame>(&stored).unwrap(), frame);
    }

    #[test]
    fn other_text_is_not_a_frame() {
        for text in ["a", "zz", "+1", "é", &"00".repeat(87)] {
            assert_eq!(text.parse::<Frame>(), Err(FrameTextError), "{text}");
        }
    }
}
