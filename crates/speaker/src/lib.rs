//! The speaker: answers, on one node, for the addresses that the planner gives it.
//!
//! What it is not: it decides nothing. What this node announces is decided by [`ferrolb_plan`], what is answered and
//! sent by [`ferrolb_l2`]; this crate connects them with the API server and the network.
//!
//! ```text
//!   watches ──▶ Feed ──facts, Config──▶ NodePlanner ──Announce, Withdraw──▶ Outbox ──mailbox──▶ layer 2 thread
//!                                          └── Report… ──▶ events, metrics, log                    │  ▲
//!   netlink ──▶ Links ─────────────────────────────────────────────────────▶ Outbox ──────────────┘  frames
//! ```
//!
//! One task owns everything but the packet sockets, which the layer 2 thread owns, and the gossip, which the thread of the
//! ring owns. None waits for another.
//!
//! ```
//! use ferrolb_speaker::ExcludedInterfaces;
//!
//! let excluded = ExcludedInterfaces::new(&["^veth".to_owned()])?;
//! assert!(excluded.contains(&"veth0".into()));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod announcer;
mod config;
mod exclude;
mod feed;
mod gateway;
mod links;
mod memory;
mod metrics;
mod network;
mod outbox;
mod report;
mod ring;
mod speaker;
mod task;
mod vigil;

pub use config::Config;
pub use exclude::{ExcludedInterfaces, ExclusionError};
pub use ferrolb_claim::OnIsolation;
pub use ferrolb_l2::{Config as Layer2Config, ConflictProbe};
pub use network::observe_network;
pub use ring::{GossipConfig, GossipKey, RingConfig, derive_key};
pub use speaker::Speaker;
