//! What users write and what it means: the `metallb.io` kinds and slim forms of the core objects that are read,
//! the resolved configuration, and every problem found on the way.
//!
//! What it is not: no client, no clock, no file. It only turns values into values.
//!
//! ```text
//!   YAML / JSON / watch ──serde──▶ raw kinds (core, metallb) ──resolve──▶ resolved::Config + Vec<Problem>
//!                                       │
//!                                       └──observe──▶ facts (Service, endpoints, Node) for decisions
//! ```

pub mod annotations;
pub mod bgp_extras;
mod community;
pub mod convert;
pub mod core;
pub mod crds;
mod decode;
mod duration;
pub mod facts;
pub mod frr_k8s;
pub mod meta;
pub mod metallb;
pub mod problem;
pub mod reason;
mod redacted;
mod reservation;
mod resolve;
pub mod resolved;
mod told;
mod verdict;

pub use community::{Community, CommunityError};
pub use convert::{ConvertError, convert};
pub use decode::{decode, decode_all};
pub use duration::{DurationError, GoDuration};
pub use meta::{Object, ObjectMeta, Scope};
pub use problem::{Problem, Severity};
pub use reason::Reason;
pub use redacted::Redacted;
pub use reservation::{ReservationError, ReservationKey, Reservations};
pub use resolve::{
    BgpMode, Change, Delta, Encoded, Kept, NodeScope, NodeView, ObjectId, RawConfig, Resolved, Resolver,
    Rules, UnknownBgpMode, is_found_by_nodes, node_view, resolve,
};
pub use told::Told;
pub use verdict::{Alert, Component, Verdict};
