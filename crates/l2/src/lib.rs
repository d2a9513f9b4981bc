//! Answers for held addresses by ARP and Neighbor Discovery, and announces them: which sockets to open, what to let
//! through them, what to send and when.
//!
//! What it is not: it opens no socket, reads no clock and does not know Services. Which addresses this node holds is
//! decided by the `plan` crate; sockets, filters and group memberships are handled by the `netio` crate.
//!
//! ```text
//!   plan ── AddressWanted, AddressReleased ──▶ ┌─────────┐ ── OpenSocket, WatchAddress, ApplyFilter ──▶ sockets
//!   netlink ── LinkChanged, LinkDisappeared ─▶ │         │ ── JoinGroup, HearAllGroups ───────────────▶ sockets
//!                                              │         │ ── SendFrame: probe, burst, refresh ───────▶ network
//!                                              │         │ ── SendReport ─────────────────────────────▶ switches
//!   sockets ── SocketFailed ─────────────────▶ │ Machine │ ── ReportConflict ─────────────────────────▶ events
//!   sockets ── frames ── Machine::receive ───▶ │         │ ── SendFrame: answer ──────────────────────▶ network
//!   election ── RivalJudged ─────────────────▶ │         │ ── ReportRival ────────────────────────────▶ election
//!   clock ── Tick at Machine::next_deadline ─▶ └─────────┘ ── Machine::statistics ────────────────────▶ metrics
//! ```
//!
//! ```
//! use ferrolb_api::resolved::Interfaces;
//! use ferrolb_l2::{Claim, Config, Input, Link, Machine, Output};
//! use ferrolb_types::{Instant, InterfaceIndex, MacAddr};
//! use ferrolb_wire::arp;
//!
//! let mut machine = Machine::new(Config::default(), 1);
//! let mut out = Vec::new();
//! let (eth0, mac) = (InterfaceIndex(2), MacAddr([2, 0, 0, 0, 0, 1]));
//! let link = Link {
//!     index: eth0, name: "eth0".into(), mac: Some(mac), up: true, carrier: true, carrier_ups: 1, broadcast: true,
//!     noarp: false, enslaved: false, excluded: false, link_local: None,
//! };
//! machine.handle(Instant::ZERO, Input::LinkChanged(link), &mut out);
//! let address = "192.0.2.10".parse()?;
//! let (interfaces, claim) = (Interfaces::All, Claim::TakeOver);
//! machine.handle(Instant::ZERO, Input::AddressWanted { address, interfaces, claim }, &mut out);
//!
//! // A client asks, and is answered by our MAC address.
//! out.clear();
//! let client = MacAddr([2, 0, 0, 0, 0, 9]);
//! let question = arp::Packet::request(client, "192.0.2.1".parse()?, "192.0.2.10".parse()?);
//! machine.receive(Instant::ZERO, eth0, &question.encode(), &mut out);
//! assert_eq!(out, [Output::SendFrame { interface: eth0, frame: question.reply_from(mac).encode() }]);
//! # Ok::<(), std::net::AddrParseError>(())
//! ```

pub mod config;
pub mod input;
mod interface;
pub mod link;
mod listener;
pub mod machine;
pub mod output;
mod presence;
mod probe;
mod refresh;
mod round;
pub mod statistics;
mod timer;

pub use config::{Config, ConflictProbe};
pub use input::{Claim, Input};
pub use link::Link;
pub use machine::Machine;
pub use output::{Output, Reaction};
pub use statistics::{AddressCounters, AddressStatistics, DropReason, Statistics};
