//! The messages of hashicorp/memberlist v0.5, protocol versions 1 to 5.
//!
//! A message is a type octet and a msgpack map. Datagrams and streams wrap it like this, inside out:
//!
//! ```text
//!   datagram:  message(s) ─▶ compound (7) ─▶ compressed (9) ─▶ CRC-32 (12) ─▶ encrypted ─▶ label (244)
//!   stream:    message    ─────────────────▶ compressed (9) ─────────────────▶ encrypted (10) ─▶ label (244)
//!
//!   compound:   07 | count | count × length (16 bits) | count × message
//!   compressed: 09 | {Algo: 0, Buf: LZW, least significant bit first, 8-bit literals}
//!   CRC-32:     0c | CRC-32 (IEEE) of what follows, big endian | …
//!   encrypted:  version | nonce (12) | AES-GCM ciphertext | tag (16)        version 0 pads to 16 octets (PKCS#7)
//!   stream:     0a | length (32 bits) | encrypted                            these 5 octets are authenticated too
//!   label:      f4 | length | label | …                                      the label is authenticated too
//! ```
//!
//! [`Envelope`] wraps and unwraps; [`Message`] and [`StreamMessage`] are what is inside. Numbers of octets that a
//! stranger may make us hold are bounded by the constants here.

mod compound;
mod compress;
mod crypt;
mod envelope;
mod error;
mod message;
mod msgpack;
mod push_pull;
mod stream;

pub use compound::{COMPOUND_HEADER_LEN, COMPOUND_PART_LEN, COMPOUND_PARTS_MAX, compound, each_message};
pub use compress::{compress, decompress};
pub use crypt::{EncryptionVersion, Key, KeyError, KeyRing, NONCE_LEN, Nonce};
pub use envelope::{Envelope, OpenedStream};
pub use error::OpenError;
pub use message::{Ack, Alive, Claim, IndirectPing, Message, Ping, Source, Versions};
pub use push_pull::{NodeState, PushPull, PushPullNode};
pub use stream::StreamMessage;

/// Longest name of a node; Kubernetes allows 253 octets.
pub const NAME_MAX: usize = 255;
/// Longest metadata of a node (memberlist: `MetaMaxSize`).
pub const META_MAX: usize = 512;
/// Longest datagram (RFC 768).
pub const PACKET_MAX: usize = 65_535;
/// Most that a datagram may become when it is decompressed.
pub const PACKET_DECOMPRESSED_MAX: usize = 256 * 1024;
/// Most that a stream may carry, and may become when it is decompressed: 16,384 nodes with metadata of usual size.
pub const STREAM_MAX: usize = 8 * 1024 * 1024;
/// Most nodes in one push/pull.
pub const NODES_MAX: usize = 16_384;
/// Protocol version in which an ack may be asked for in vain: a peer from here on knows how to say so (`nack`).
pub const VERSION_NACK: u8 = 4;
/// Protocol version from which on a peer understands pings over TCP.
pub const VERSION_TCP_PING: u8 = 3;
/// Protocol version from which on a peer understands the CRC.
pub const VERSION_CRC: u8 = 5;

/// Type octets.
pub(crate) mod kind {
    pub(crate) const PING: u8 = 0;
    pub(crate) const INDIRECT_PING: u8 = 1;
    pub(crate) const ACK: u8 = 2;
    pub(crate) const SUSPECT: u8 = 3;
    pub(crate) const ALIVE: u8 = 4;
    pub(crate) const DEAD: u8 = 5;
    pub(crate) const PUSH_PULL: u8 = 6;
    pub(crate) const COMPOUND: u8 = 7;
    pub(crate) const USER: u8 = 8;
    pub(crate) const COMPRESSED: u8 = 9;
    pub(crate) const ENCRYPTED: u8 = 10;
    pub(crate) const NACK: u8 = 11;
    pub(crate) const CRC: u8 = 12;
    pub(crate) const ERROR: u8 = 13;
    pub(crate) const LABEL: u8 = 244;
}
