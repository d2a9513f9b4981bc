//! What one node tells its BGP peers, without saying a word: sessions with their parameters, and for each the routes
//! with their attributes.
//!
//! Every node decides for itself; there is no election. A [`Router`] holds what is wanted and tells what differs when
//! something changes, so a change costs what it touches: a Service `O(log n)` for each of its routes, and a look at each
//! session.
//!
//! ```text
//!   NodeView ──▶ sessions ──────────────────────────────┐
//!       └──────▶ offers (advertisements by pool) ─┐     ├──▶ Change: Open, Close, Offer, Retract
//!   Candidate ─▶ eligibility ─▶ advertised ───────┴▶ table of prefixes
//! ```
//!
//! What it is not: it opens no connection, encodes nothing, and does not know whether a session is up.

mod attribute;
mod eligibility;
mod frr_k8s;
mod offer;
mod router;
mod router_id;
mod session;
mod table;

pub use attribute::Attributes;
pub use eligibility::{Bar, Candidate, Serving};
pub use frr_k8s::{Exporter, frr_configuration};
pub use router::{Change, Contradiction, Router};
pub use router_id::router_id;
pub use session::{Session, WireTimers};

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
