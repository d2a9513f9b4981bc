//! What streams carry: one message in each direction.

use super::STREAM_MAX;
use super::kind;
use super::message::{Ack, Message, Ping};
use super::msgpack::{Writer, read_map, read_text, read_uint};
use super::push_pull::PushPull;
use crate::{DecodeError, Reader};

/// A message of a stream, borrowing from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StreamMessage<'a> {
    /// All that the sender knows; answered with the same.
    PushPull(PushPull<'a>),
    /// Are you there? Asked when datagrams are lost.
    Ping(Ping<'a>),
    /// I am.
    Ack(Ack<'a>),
    /// Of no concern to memberlist.
    User(&'a [u8]),
    /// What was sent is refused.
    Error(&'a str),
}

impl<'a> StreamMessage<'a> {
    /// Reads a message from its type octet on.
    ///
    /// # Errors
    /// What is not such a message; [`DecodeError::Truncated`] when it may become one with more octets.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let reader = &mut Reader::new(bytes);
        match reader.u8("message type")? {
            kind::PUSH_PULL => PushPull::read(reader).map(Self::PushPull),
            kind::PING => Ping::read(reader).map(Self::Ping),
            kind::ACK => Ack::read(reader).map(Self::Ack),
            kind::USER => read_user(reader).map(Self::User),
            kind::ERROR => read_error(reader).map(Self::Error),
            other => Err(DecodeError::Unexpected {
                field: "message type",
                offset: 0,
                found: other.into(),
                expected: "one of a stream (0, 2, 6, 8, 13)",
            }),
        }
    }

    /// The octets, from the type on.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::PushPull(state) => state.encode(),
            Self::Ping(ping) => Message::Ping(ping.clone()).encode(),
            Self::Ack(ack) => Message::Ack(ack.clone()).encode(),
            Self::User(data) => {
                let mut writer = Writer::message(kind::USER);
                writer.map(1);
                writer.uint("UserMsgLen", u32::try_from(data.len()).unwrap_or(u32::MAX));
                writer.0.extend_from_slice(data);
                writer.0
            }
            Self::Error(text) => {
                let mut writer = Writer::message(kind::ERROR);
                writer.map(1);
                writer.octets("Error", text.as_bytes());
                writer.0
            }
        }
    }
}

fn read_user<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], DecodeError> {
    let mut length = 0;
    read_map(reader, "user message", |key, reader| {
        let known = key == b"UserMsgLen";
        if known {
            length = read_uint(reader, "UserMsgLen")?;
        }
        Ok(known)
    })?;
    let offset = reader.offset();
    match usize::try_from(length) {
        Ok(length) if length <= STREAM_MAX => reader.take(length, "user message"),
        _ => Err(DecodeError::Unexpected {
            field: "UserMsgLen",
            offset,
            found: length,
            expected: "8388608 at most",
        }),
    }
}

fn read_error<'a>(reader: &mut Reader<'a>) -> Result<&'a str, DecodeError> {
    let mut text = "";
    read_map(reader, "error", |key, reader| {
        let known = key == b"Error";
        if known {
            text = read_text(reader, "Error", 1024, "1024 octets at most")?;
        }
        Ok(known)
    })?;
    Ok(text)
}
