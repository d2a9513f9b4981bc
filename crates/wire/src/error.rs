//! Why bytes are not a message, and why a message does not fit into bytes.

use core::net::Ipv6Addr;

/// Why a frame was refused. Offsets count octets from the start of the frame.
///
/// Every such frame is to be dropped; the error is for counters and for a reader of traces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The frame, or the length given inside it, ends within a field.
    #[error("the {field} at offset {offset} is cut off, {missing} octets are missing")]
    Truncated {
        /// What is cut off.
        field: &'static str,
        /// Where it begins.
        offset: usize,
        /// How many octets of it are not there.
        missing: usize,
    },
    /// A number that has to be another one.
    #[error("the {field} at offset {offset} is {found}, expected {expected}")]
    Unexpected {
        /// What is wrong.
        field: &'static str,
        /// Where it begins.
        offset: usize,
        /// The number there.
        found: u32,
        /// What the protocol demands.
        expected: &'static str,
    },
    /// An address that is not possible at its place.
    #[error("the {field} at offset {offset} is `{found}`, expected {expected}")]
    UnexpectedAddress {
        /// Which address.
        field: &'static str,
        /// Where it begins.
        offset: usize,
        /// The address there.
        found: Ipv6Addr,
        /// What the protocol demands.
        expected: &'static str,
    },
    /// The content is not what was sent.
    #[error("the checksum at offset {offset} is {found:#06x}, expected {expected:#06x}")]
    Checksum {
        /// Where the checksum is.
        offset: usize,
        /// The checksum there.
        found: u16,
        /// The checksum of the content.
        expected: u16,
    },
}

impl DecodeError {
    /// Where in the frame the refused field begins, in octets.
    #[must_use]
    pub const fn offset(&self) -> usize {
        match *self {
            Self::Truncated { offset, .. }
            | Self::Unexpected { offset, .. }
            | Self::UnexpectedAddress { offset, .. }
            | Self::Checksum { offset, .. } => offset,
        }
    }
}

/// Why bytes could not be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// The buffer is full.
    #[error("no room for {needed} octets at offset {offset}, {available} are left")]
    NoRoom {
        /// Where writing should have begun.
        offset: usize,
        /// How many octets were to be written.
        needed: usize,
        /// How many octets the buffer has left from there.
        available: usize,
    },
}
