//! Packet sockets, kernel filters, multicast membership, netlink links and addresses, settings, network namespaces: the
//! system calls that layer 2 needs, behind types that cannot be misused.
//!
//! What it is not: it decides nothing. Which address is held, which interface qualifies and what is sent is
//! the business of the `l2` machine and the speaker; a frame is bytes here.
//!
//! ```text
//!   speaker ──held addresses──▶ PacketPort ──▶ PacketSocket (ARP) ──▶ Filter in the kernel
//!      ▲                            │    └───▶ PacketSocket (NDP) ──▶ Filter in the kernel
//!      │                            └────────▶ MulticastMembership ──▶ MLD reports, NIC filter
//!      └──LinkChange── LinkMonitor ◀── netlink (links, addresses)
//!   demo, tests ──▶ Namespace ──▶ veth, bridge, addresses, routes, neighbours
//! ```
//!
//! This is the only crate with `unsafe` code, and in it only the module `sys`.
//!
//! ```
//! use ferrolb_netio::Filter;
//!
//! let held = ["192.0.2.10".parse()?, "192.0.2.11".parse()?];
//! let filter = Filter::arp(held, Filter::MAX_INSTRUCTIONS);
//! assert_eq!(filter.foreign_keys(), 0, "two addresses are matched exactly");
//! # Ok::<(), std::net::AddrParseError>(())
//! ```
#![deny(unsafe_code)]

pub mod capability;
pub mod filter;
pub mod link;
pub mod membership;
pub mod memory;
pub mod namespace;
mod netlink;
pub mod packet;
pub mod port;
pub mod route;
pub mod setting;
#[expect(
    unsafe_code,
    reason = "the one place where system calls without a safe wrapper are made"
)]
mod sys;

pub use filter::Filter;
pub use link::{Link, LinkChange, LinkError, LinkMonitor, LinkTable};
pub use membership::MulticastMembership;
pub use namespace::{BridgeOptions, Namespace, NamespaceError, Neighbour, VethEnd};
pub use packet::{EtherProtocol, PacketSocket, PacketType, Received, SocketError, Statistics};
pub use port::PacketPort;
pub use route::RouteLookup;
pub use setting::Setting;
