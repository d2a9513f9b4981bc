//! Which speakers are there: membership in the dialect of hashicorp/memberlist v0.5, so that speakers of FerroLB and of MetalLB
//! are one ring, and fast mutual watching beside it, so that a dead speaker is noticed in half a second.
//!
//! What it is not: it opens no socket, reads no clock, and encrypts nothing; `driver` does that with the help of
//! [`Envelope`](ferrolb_wire::memberlist::Envelope). It elects nobody either: a member that is not out is a candidate, and
//! `plan` chooses.
//!
//! ```text
//!   sockets ── PacketReceived, StreamRequested, … ──▶ ┌─────────┐ ── SendPacket, OpenStream, … ───────▶ sockets
//!   pod list ── PeersFound ─────────────────────────▶ │         │ ── ReportMemberJoined, …Gone ───────▶ election
//!   links ── MetaChanged ───────────────────────────▶ │ Machine │ ── ReportElectionOut, …In ──────────▶ election
//!   SIGTERM ── LeaveRequested ──────────────────────▶ │         │ ── ReportLeft ──────────────────────▶ exit
//!   clock ── Tick at Machine::next_deadline ────────▶ └─────────┘ ── ReportConflict, …JoinFailed ─────▶ events
//! ```
//!
//! ```
//! use ferrolb_gossip::{Config, Identity, Input, Machine, Meta, Output};
//! use ferrolb_types::Instant;
//!
//! let node = |name: &str, address: &str| -> Result<Machine, std::net::AddrParseError> {
//!     let identity = Identity {
//!         name: name.to_owned(), address: address.parse()?, meta: Meta::default(), packet_overhead: 0,
//!     };
//!     Ok(Machine::new(Config::lan(), identity, Instant::ZERO, 1))
//! };
//! let (mut a, mut b) = (node("a", "192.0.2.1:7946")?, node("b", "192.0.2.2:7946")?);
//!
//! // The pod list of a names b, and a asks it over a stream.
//! let (mut out, mut answer) = (Vec::new(), Vec::new());
//! a.handle(Instant::ZERO, Input::PeersFound(vec!["192.0.2.2:7946".parse()?]), &mut out);
//! let [Output::OpenStream { stream, payload, .. }] = &out[..] else { panic!("{out:?}") };
//! let request = Input::StreamRequested {
//!     stream: *stream, from: "192.0.2.1:40000".parse()?, payload: payload.clone().into(),
//! };
//! b.handle(Instant::ZERO, request, &mut answer);
//! assert!(matches!(&answer[0], Output::ReportMemberJoined(member) if &*member.name == "a"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod awareness;
mod broadcast;
pub mod config;
mod duration;
pub mod input;
pub mod key;
mod lost;
pub mod machine;
pub mod member;
mod members;
pub mod meta;
pub mod output;
mod suspicion;
mod timer;
mod watch;

pub use config::{Config, ConfigError};
pub use input::{Input, StreamId};
pub use key::derive_key;
pub use machine::{Identity, Machine};
pub use member::Member;
pub use meta::{Life, Meta};
pub use output::Output;
