//! Pools, holders, sharing and waiting Services: an engine fed by events that answers with effects.

mod effect;
mod engine;
mod event;
mod outcome;
pub mod reason;
mod usage;

pub use effect::{Effect, EventSeverity, ServiceEvent, StatusWrite, Ticket};
pub use engine::{Engine, Options};
pub use event::{Event, Pools, WriteOutcome};
pub use outcome::{Outcome, State};
pub use reason::Reason;
pub use usage::PoolUsage;
