//! Whole speakers on a virtual segment in virtual time: the machines of `gossip`, `plan`, `l2` and `claim`, put together as the
//! speaker does it, on a network that loses, delays and cuts, with a control plane that may be away.
//!
//! The world below it, that is [`Network`], [`Process`] and [`Queue`], also carries rings alone, for the tests of `gossip`.
//!
//! What it is not: it is no second speaker. What is decided is decided by the machines; [`Node`] only carries between them what
//! `ferrolb-speaker` carries, and the [`Segment`] what sockets would.
//!
//! ```text
//!                 ┌──────────────── Node, one for each speaker ───────────────┐
//!   ControlPlane ─┼─ facts ──▶ plan ── Announce, Withdraw ──▶ l2 ── frames ───┼──┐
//!        │        │             ▲                              │ rivals         │  │
//!        └─ pods ─┼─▶ claim ────┤ members                      ▼                │  ▼
//!                 │   (Gate)  gossip ◀────────────── claim (Rivals, Isolation)  │ Segment: clock, loss, delay, cuts
//!                 └──────────────┼───────────────────────────────────────────── ┘  ▲
//!                                └────────── datagrams, streams ───────────────────┘
//! ```
//!
//! Who owns an address is judged from outside: every node is asked by ARP, and who answers owns it ([`Segment::owners`]). How
//! long none or two answered is kept in [`Record`].
//!
//! ```
//! use ferrolb_sim::{SECOND, Segment, Setting};
//!
//! let mut segment = Segment::new(3, Setting::default(), 1);
//! segment.run(2 * SECOND);
//! assert!(segment.owners().iter().all(|owners| owners.len() == 1));
//! segment.kill(0);
//! segment.run(SECOND);
//! assert!(segment.owners().iter().all(|owners| owners.len() == 1 && owners[0] != 0));
//! ```

mod control;
mod names;
mod network;
mod node;
mod owners;
mod process;
mod queue;
mod seeds;
mod segment;
mod setting;
mod streams;

use core::time::Duration;

pub use control::ControlPlane;
pub use names::{address, name};
pub use network::{Network, Weather};
pub use node::{Effect, Event, Node};
pub use owners::Record;
pub use process::{Process, Program};
pub use queue::Queue;
pub use seeds::with_seeds;
pub use segment::Segment;
pub use setting::Setting;
pub use streams::Delivery;

/// A millisecond.
pub const MS: Duration = Duration::from_millis(1);
/// A second.
pub const SECOND: Duration = Duration::from_secs(1);
