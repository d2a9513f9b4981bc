//! Why a datagram or a stream is not for us.

use crate::DecodeError;

/// Why an envelope was not opened. Offsets inside count from the start of the layer that is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The label is not that of this ring: the sender belongs to another one.
    #[error("the label of the ring is not ours")]
    Label,
    /// No key opens it: the sender has another key or none, or the content was changed on the way.
    #[error("no key of ours decrypts it; compare the Secret of all speakers")]
    Decrypt,
    /// It is encrypted, and this ring has no key.
    #[error("it is encrypted, and there is no key")]
    NoKey,
    /// It is not encrypted, and this ring accepts nothing in plain text.
    #[error("it is not encrypted, and plain text is refused")]
    PlainText,
    /// Content and CRC-32 do not agree.
    #[error("the CRC-32 is {found:#010x}, expected {expected:#010x}")]
    Crc {
        /// The sum in the packet.
        found: u32,
        /// The sum of its content.
        expected: u32,
    },
    /// It says that it has more octets than is reasonable.
    #[error("it is longer than {limit} octets")]
    TooLong {
        /// The bound that it passes.
        limit: usize,
    },
    /// What is compressed is broken.
    #[error("the compressed content is broken")]
    Compression,
    /// A layer is malformed.
    #[error("{0}")]
    Malformed(#[from] DecodeError),
}
