//! Tells within a few missing packets that the other side of a path is gone: Bidirectional Forwarding Detection,
//! RFC 5880, asynchronous mode.
//!
//! What it is not: it sends nothing, finds no session for a packet and knows no ports, addresses or TTLs (RFC 5881,
//! RFC 5883): who carries its packets does. No demand mode, no echo, no authentication.
//!
//! ```text
//!   packets of the peer ── PacketReceived ──▶ ┌─────────┐ ── SendPacket ────────▶ peer
//!   configuration ── ConfigChanged, … ──────▶ │ Session │ ── StateChanged ──────▶ who watches
//!   clock ── Tick at next_deadline ─────────▶ └─────────┘
//! ```
//!
//! ```
//! use core::num::NonZeroU32;
//! use core::time::Duration;
//! use ferrolb_bfd::{Config, Input, Output, Session, State};
//! use ferrolb_types::Instant;
//!
//! let config = Config { detect_multiplier: 3.try_into()?, ..Config::every(Duration::from_millis(50)) };
//! let mut ours = Session::new(config, NonZeroU32::MIN, 1);
//! let mut theirs = Session::new(config, NonZeroU32::MIN, 2);
//!
//! // Two packets each way bring both up; here, nothing is lost.
//! let (mut now, mut out) = (Instant::ZERO, Vec::new());
//! while ours.state() != State::Up || theirs.state() != State::Up {
//!     for (from, to) in [(0, 1), (1, 0)] {
//!         let (sender, receiver) = if from < to { (&mut ours, &mut theirs) } else { (&mut theirs, &mut ours) };
//!         sender.handle(now, Input::Tick, &mut out);
//!         for output in out.drain(..).collect::<Vec<_>>() {
//!             if let Output::SendPacket(packet) = output {
//!                 receiver.handle(now, Input::PacketReceived(packet), &mut out);
//!             }
//!         }
//!     }
//!     now += Duration::from_millis(10);
//! }
//!
//! // Then nothing is heard any more.
//! out.clear();
//! ours.handle(now + Duration::from_millis(200), Input::Tick, &mut out);
//! assert_eq!(ours.state(), State::Down);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod config;
pub mod session;

pub use config::Config;
pub use ferrolb_wire::bfd::{ControlPacket, Diagnostic, State};
pub use session::{Input, Output, Session};
