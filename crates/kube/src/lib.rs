//! The Kubernetes API as the project uses it: watches into slim objects, status writes, events.
//!
//! What it is not: it decides nothing. It does not know which Service is of interest or which address is right; it
//! reports what changed and carries out what was decided, with bounded effort and without ever writing back a slim
//! object.
//!
//! ```text
//!               ┌ client ─ where the API server is, timeouts, TLS
//!   watch ◀─────┤    list pages ─▶ keyed diff ─▶ Change::{Applied, Deleted, Malformed, Synced, Away, Back}
//!   write ─────▶┤    one write per object at a time, 32 in flight, patch (or GET and PUT where patch is forbidden)
//!   lease ─────▶┤    what an election asks for; behind a `fence` nothing is written that the leader alone may
//!   event ─────▶┘    bounded queue, counted up instead of repeated, rate-limited per object
//! ```
//!
//! ```no_run
//! use ferrolb_api::core::Service;
//! use ferrolb_kube::watch::{self, Change};
//! use futures::StreamExt;
//!
//! # async fn example(client: kube::Client) {
//! let mut services = watch::watch::<Service>(client, watch::Options::default());
//! while let Some(change) = services.next().await {
//!     if let Change::Applied(service) = change {
//!         println!("{}", service.metadata.key());
//!     }
//! }
//! # }
//! ```

mod backoff;
pub mod client;
pub mod configuration;
pub mod configuration_state;
pub mod connection;
mod error;
pub mod event;
pub mod fence;
pub mod l2_status;
pub mod lease;
pub mod object;
pub mod pods;
mod request;
#[cfg(test)]
mod script;
pub mod secrets;
mod time;
pub mod watch;
pub mod write;

pub use error::Error;
pub use kube::Client;

/// Reads the wall clock; handed in so that one place of the process reads it.
pub type WallClock = fn() -> std::time::SystemTime;
