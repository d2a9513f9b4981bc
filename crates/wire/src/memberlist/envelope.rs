//! Wraps what goes out and unwraps what comes in.

use super::compress::{compress, decompress};
use super::crypt::{EncryptionVersion, KeyRing, Nonce};
use super::error::OpenError;
use super::kind;
use super::stream::StreamMessage;
use super::{PACKET_DECOMPRESSED_MAX, STREAM_MAX};
use crate::{DecodeError, Reader};

/// Octets of the type and length before an encrypted stream.
const STREAM_HEADER_LEN: usize = 5;
const CRC_LEN: usize = 5;

/// How a ring wraps its messages; equal for all of its nodes.
#[derive(Debug, Default)]
pub struct Envelope {
    /// Name of the ring, at most 255 octets; empty for none.
    pub label: String,
    /// Keys; none means plain text.
    pub keys: Option<KeyRing>,
    /// Whether to compress what gets shorter by it. What comes in compressed is always taken.
    pub compress: bool,
    /// Whether to refuse what is not encrypted, where there are keys.
    pub verify_incoming: bool,
    /// Whether to encrypt, where there are keys.
    pub verify_outgoing: bool,
    /// How to encrypt. Both ways are always understood.
    pub version: EncryptionVersion,
}

/// What is known about a stream so far.
#[derive(Debug, PartialEq, Eq)]
pub enum OpenedStream {
    /// It goes on.
    Incomplete,
    /// The whole message, for [`StreamMessage::decode`].
    Complete(Vec<u8>),
}

impl Envelope {
    /// Most octets that wrapping adds to a datagram.
    #[must_use]
    pub fn packet_overhead(&self) -> usize {
        let label = if self.label.is_empty() {
            0
        } else {
            2 + self.label.len()
        };
        let encryption = self.sealing_keys().map_or(0, |_| self.version.overhead());
        CRC_LEN + label + encryption
    }

    /// Wraps a message or compound. `checksum`: the receiver understands protocol version 5.
    #[must_use]
    pub fn seal_packet(&self, payload: &[u8], checksum: bool, nonce: Nonce) -> Vec<u8> {
        let packed = self.compress.then(|| compress(payload)).flatten();
        let inner = with_crc(packed.as_deref().unwrap_or(payload), checksum);
        let mut packet = self.label_header();
        match self.sealing_keys() {
            Some(keys) => packet.extend(keys.seal(self.version, nonce, self.label.as_bytes(), &inner)),
            None => packet.extend(inner),
        }
        packet
    }

    /// Unwraps a datagram to a message or compound.
    ///
    /// # Errors
    /// [`OpenError`] for what does not belong to this ring or is broken.
    pub fn open_packet(&self, packet: &[u8]) -> Result<Vec<u8>, OpenError> {
        let sealed = self.strip_label(packet)?.ok_or(truncated("label"))?;
        let bytes = self.decrypt_packet(sealed)?;
        let bytes = match bytes.first() {
            Some(&kind::CRC) => check_crc(&bytes)?,
            _ => bytes,
        };
        match bytes.first() {
            Some(&kind::COMPRESSED) => decompress(&bytes, PACKET_DECOMPRESSED_MAX),
            _ => Ok(bytes),
        }
    }

    fn decrypt_packet(&self, sealed: &[u8]) -> Result<Vec<u8>, OpenError> {
        let Some(keys) = &self.keys else {
            return Ok(sealed.to_vec());
        };
        match keys.open(sealed, self.label.as_bytes()) {
            Err(OpenError::Decrypt) if !self.verify_incoming => Ok(sealed.to_vec()),
            opened => opened,
        }
    }

    /// Wraps a message for a stream that this side opens.
    #[must_use]
    pub fn seal_stream(&self, payload: &[u8], nonce: Nonce) -> Vec<u8> {
        self.seal_after(self.label_header(), payload, nonce)
    }

    /// Wraps the answer on a stream that the other side opened. It has no label of its own, but an encrypted one
    /// authenticates the label.
    #[must_use]
    pub fn seal_answer(&self, payload: &[u8], nonce: Nonce) -> Vec<u8> {
        self.seal_after(Vec::new(), payload, nonce)
    }

    fn seal_after(&self, mut stream: Vec<u8>, payload: &[u8], nonce: Nonce) -> Vec<u8> {
        let packed = self.compress.then(|| compress(payload)).flatten();
        let payload = packed.as_deref().unwrap_or(payload);
        let Some(keys) = self.sealing_keys() else {
            stream.extend_from_slice(payload);
            return stream;
        };
        let length = sealed_len(payload.len(), self.version);
        let header = stream_header(length);
        stream.extend(header);
        stream.extend(keys.seal(self.version, nonce, &self.authenticated(header), payload));
        stream
    }

    /// Unwraps the octets that a stream which the other side opened has brought so far.
    ///
    /// # Errors
    /// [`OpenError`] for what does not belong to this ring or is broken; the stream is to be closed.
    pub fn open_stream(&self, stream: &[u8]) -> Result<OpenedStream, OpenError> {
        match self.strip_label(stream)? {
            Some(bytes) => self.open_answer(bytes),
            None => Ok(OpenedStream::Incomplete),
        }
    }

    /// Unwraps the octets of the answer on a stream that this side opened.
    ///
    /// # Errors
    /// As [`Envelope::open_stream`].
    pub fn open_answer(&self, bytes: &[u8]) -> Result<OpenedStream, OpenError> {
        if bytes.len() > STREAM_MAX + 1024 {
            return Err(OpenError::TooLong { limit: STREAM_MAX });
        }
        match (bytes.first(), &self.keys) {
            (None, _) => Ok(OpenedStream::Incomplete),
            (Some(&kind::ENCRYPTED), None) => Err(OpenError::NoKey),
            (Some(&kind::ENCRYPTED), Some(keys)) => self.open_encrypted(bytes, keys),
            (Some(_), Some(_)) if self.verify_incoming => Err(OpenError::PlainText),
            (Some(_), _) => incomplete_if_cut(open_plain(bytes)),
        }
    }

    fn open_encrypted(&self, bytes: &[u8], keys: &KeyRing) -> Result<OpenedStream, OpenError> {
        let Some((header, rest)) = bytes.split_first_chunk::<STREAM_HEADER_LEN>() else {
            return Ok(OpenedStream::Incomplete);
        };
        let length = u32::from_be_bytes([header[1], header[2], header[3], header[4]]);
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if length > STREAM_MAX {
            return Err(OpenError::TooLong { limit: STREAM_MAX });
        }
        let Some(sealed) = rest.get(..length) else {
            return Ok(OpenedStream::Incomplete);
        };
        let opened = keys.open(sealed, &self.authenticated(*header))?;
        open_plain(&opened).map(OpenedStream::Complete)
    }

    /// What is authenticated beside an encrypted stream.
    fn authenticated(&self, header: [u8; STREAM_HEADER_LEN]) -> Vec<u8> {
        [&header, self.label.as_bytes()].concat()
    }

    fn sealing_keys(&self) -> Option<&KeyRing> {
        self.keys.as_ref().filter(|_| self.verify_outgoing)
    }

    fn label_header(&self) -> Vec<u8> {
        match u8::try_from(self.label.len()) {
            Ok(length @ 1..) => [&[kind::LABEL, length], self.label.as_bytes()].concat(),
            _ => Vec::new(),
        }
    }

    /// What follows the label; nothing when it is not there completely.
    fn strip_label<'a>(&self, bytes: &'a [u8]) -> Result<Option<&'a [u8]>, OpenError> {
        let Some((&kind::LABEL, rest)) = bytes.split_first() else {
            let nothing_yet = bytes.is_empty();
            return match self.label.is_empty() || nothing_yet {
                true => Ok(Some(bytes)),
                false => Err(OpenError::Label),
            };
        };
        let Some((length, rest)) = rest.split_first() else {
            return Ok(None);
        };
        let Some((label, rest)) = rest.split_at_checked(usize::from(*length)) else {
            return Ok(None);
        };
        if label != self.label.as_bytes() {
            return Err(OpenError::Label);
        }
        Ok(Some(rest))
    }
}

/// Decompresses, and looks whether the message is whole.
fn open_plain(bytes: &[u8]) -> Result<Vec<u8>, OpenError> {
    let payload = match bytes.first() {
        Some(&kind::COMPRESSED) => decompress(bytes, STREAM_MAX)?,
        _ => bytes.to_vec(),
    };
    StreamMessage::decode(&payload)?;
    Ok(payload)
}

fn incomplete_if_cut(opened: Result<Vec<u8>, OpenError>) -> Result<OpenedStream, OpenError> {
    match opened {
        Ok(payload) => Ok(OpenedStream::Complete(payload)),
        Err(OpenError::Malformed(DecodeError::Truncated { .. })) => Ok(OpenedStream::Incomplete),
        Err(error) => Err(error),
    }
}

fn sealed_len(text: usize, version: EncryptionVersion) -> usize {
    match version {
        EncryptionVersion::Plain => text + version.overhead(),
        EncryptionVersion::Padded => text + version.overhead() - text % 16,
    }
}

fn stream_header(length: usize) -> [u8; STREAM_HEADER_LEN] {
    let [a, b, c, d] = u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes();
    [kind::ENCRYPTED, a, b, c, d]
}

fn with_crc(payload: &[u8], checksum: bool) -> Vec<u8> {
    if !checksum {
        return payload.to_vec();
    }
    let mut bytes = Vec::with_capacity(CRC_LEN + payload.len());
    bytes.push(kind::CRC);
    bytes.extend(crc32fast::hash(payload).to_be_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

fn check_crc(bytes: &[u8]) -> Result<Vec<u8>, OpenError> {
    let reader = &mut Reader::new(bytes);
    reader.take(1, "message type")?;
    let found = reader.u32("CRC-32")?;
    let content = reader.take(reader.remaining(), "content")?;
    let expected = crc32fast::hash(content);
    if found != expected {
        return Err(OpenError::Crc { found, expected });
    }
    Ok(content.to_vec())
}

const fn truncated(field: &'static str) -> OpenError {
    OpenError::Malformed(DecodeError::Truncated {
        field,
        offset: 1,
        missing: 1,
    })
}
