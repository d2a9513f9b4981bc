//! Writes of statuses, and of the reservations of pools.
//!
//! Only what is named is changed; whatever else an object holds stays. A write is a merge patch on the status
//! subresource, or, where the role does not permit `patch` (as MetalLB's own roles), a GET and a PUT of the full object.
//! Service writes carry the version that the decision rests on, so that a decision never lands on an object it was not
//! made for.

mod keeper;
mod lanes;
mod pool;
mod pressure;
mod service;
mod status;

pub use keeper::{Keeper, Part};
pub use pool::{Counters, PoolStatusWriter, ReservationList, ReservationWriter};
pub use pressure::Pressure;
pub(crate) use status::{Desired, ObjectClient, brief, is_transient};

pub use service::{Outcome, ServiceStatus, ServiceStatusWriter};
