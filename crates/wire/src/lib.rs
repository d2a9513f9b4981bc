//! Bytes and their meaning: a bounded reader and writer whose errors know the offset, and the Ethernet frames of
//! layer 2 announcing, that is ARP (RFC 826, RFC 5227), Neighbor Discovery (RFC 4861) and Multicast Listener Discovery (RFC
//! 3810); the packets of [BFD](bfd)
//! (RFC 5880) and of [memberlist] rings.
//!
//! What it is not: it sends and receives nothing and decides nothing. A message that decodes is valid by the rules of
//! its RFC; whether it deserves an answer is the business of the `l2` machine.
//!
//! ```text
//!   frame from the wire ──▶ arp::Packet::decode ──▶ arp::Packet          every error names the field, its offset
//!                       ├─▶ ndp::Packet::decode ──▶ ndp::Packet          and what was expected there
//!                       └─▶ mld::Query::decode ───▶ mld::Query
//!
//!   arp::Packet ──encode──▶ Frame (60 octets, zero padded)
//!   ndp::Packet ──encode──▶ Frame (86 octets, or 78 without the link-layer option)
//!   mld::Message ─encode──▶ octets
//!
//!   datagram ──▶ memberlist::Envelope::open_packet ──▶ each_message ──▶ Message::decode     and back
//!   stream ────▶ memberlist::Envelope::open_stream ──▶ StreamMessage::decode
//! ```
//!
//! ```
//! use ferrolb_types::MacAddr;
//! use ferrolb_wire::arp;
//!
//! let mac = MacAddr([2, 0, 0, 0, 0, 1]);
//! let frame = arp::Packet::announcement(mac, "192.0.2.1".parse()?).encode();
//! assert_eq!(frame.len(), 60);
//! assert_eq!(arp::Packet::decode(&frame)?.sender_mac, mac);
//!
//! let cut = arp::Packet::decode(&frame[..20]).unwrap_err();
//! assert_eq!(cut.to_string(), "the operation at offset 20 is cut off, 2 octets are missing");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod arp;
pub mod bfd;
pub mod checksum;
pub mod error;
pub mod ethernet;
pub mod frame;
pub mod ipv6;
pub mod memberlist;
pub mod mld;
pub mod ndp;
pub mod reader;
pub mod writer;

pub use error::{DecodeError, EncodeError};
pub use frame::Frame;
pub use reader::Reader;
pub use writer::Writer;
