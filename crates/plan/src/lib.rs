//! From resolved configuration and cluster facts to what each node announces, with reasons.
//!
//! [`NodePlanner`] is the machine that a speaker runs: facts go in one by one, and out comes what differs, for the
//! thread that answers ARP and NDP, and for events, metrics and status objects.
//!
//! [`bgp::Router`] does the same for BGP: what each peer of a node is told.
//!
//! [`report::Plan`] is both for all nodes at once, computed from manifests: the document of `ferrolb plan`.
//! [`explain::Explanation`] says of one Service what lies behind: pool by pool, node by node.
//!
//! What it is not: it sends nothing, watches nothing and knows no time. It never looks at a node's interfaces; that a
//! name in an advertisement exists nowhere on the elected node is found by whoever answers.
//!
//! ```text
//!   Config ─────┐
//!   Services ───┤                ┌───────────┐  who owns what   ┌─────────────┐ Announce, Withdraw   per address
//!   slices ─────┼──▶ facts ────▶ │  cluster  │ ───────────────▶ │ NodePlanner │ ──────────────────▶
//!   Nodes ──────┤                └───────────┘  same everywhere └─────────────┘ Report…              per Service
//!   members ────┘                      │
//!   manifests ──objects──▶ ipam ───────┴──── every node ───────▶  report::Plan
//! ```
//!
//! ```
//! use std::sync::Arc;
//! use ferrolb_plan::{Input, NodePlanner, Options};
//!
//! let node = "n1".into();
//! let mut planner = NodePlanner::new(Options { node, class: "".into(), ignore_exclude_lb: false });
//! let mut out = Vec::new();
//! planner.handle(Input::ConfigResolved(Arc::default()), &mut out);
//! planner.handle(Input::Synced, &mut out);
//! assert!(out.is_empty(), "there is nothing to announce");
//! ```

pub mod bgp;
mod cluster;
pub mod election;
mod event;
pub mod explain;
#[cfg(test)]
mod fixture;
mod node;
pub mod report;
mod silence;

pub use cluster::Verdict;
pub use event::{Input, Members, Output, Protocol, Speaker};
pub use node::{Announcement, NodePlanner, Options};
pub use silence::{Bar, Reason, Silence};
