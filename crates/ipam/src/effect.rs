//! What the engine asks for.

use core::fmt;
use core::net::IpAddr;

use serde::{Deserialize, Serialize};

use ferrolb_api::Reservations;
use ferrolb_api::facts::RequestCondition;
use ferrolb_types::{ObjectKey, PoolName};

use crate::usage::PoolUsage;

/// One thing to do. None of them changes what the engine has decided; a decision is binding at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Effect {
    /// Write the status and the pool annotation of a Service. At most one per Service is under way.
    WriteStatus(StatusWrite),
    /// Record an event on a Service.
    RecordEvent(ServiceEvent),
    /// The counters of a pool are different now; the latest value counts, writers may skip earlier ones.
    PoolUsageChanged {
        /// The pool.
        pool: PoolName,
        /// Its counters.
        usage: PoolUsage,
    },
    /// Annotation `ferrolb.io/reservations` of a pool shall hold these; the latest list counts.
    RecordReservations {
        /// The pool.
        pool: PoolName,
        /// All of its reservations; empty removes the annotation.
        reservations: Reservations,
    },
    /// A pool is gone: drop its metrics.
    PoolRemoved {
        /// The pool.
        pool: PoolName,
    },
}

/// Identifies a status write; never reused by one engine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Ticket(pub u64);

/// What a Service's status shall say of addresses and of what is asked for in vain. The writer leaves alone whatever is not named here: `ipMode` and
/// `ports` of an entry whose address stays, and entries with a host name only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusWrite {
    /// The Service.
    pub key: ObjectKey,
    /// To be named in [`Event::WriteFinished`](crate::Event::WriteFinished).
    pub ticket: Ticket,
    /// The write must fail as [`Gone`](crate::WriteOutcome::Gone) on an object of another UID.
    pub uid: Box<str>,
    /// The version that the decision rests on; a write to another one must fail as
    /// [`Conflict`](crate::WriteOutcome::Conflict).
    pub resource_version: Box<str>,
    /// The addresses in order; every other `ip` entry goes. Empty: none.
    pub addresses: Vec<IpAddr>,
    /// Value of annotation `metallb.io/ip-allocated-from-pool`; none removes it.
    pub pool: Option<PoolName>,
    /// The condition that says which request is not met; none removes it. Conditions of other types stay.
    pub request_condition: Option<Box<RequestCondition>>,
}

/// An event on a Service (controller 4.4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceEvent {
    /// The Service.
    pub service: ObjectKey,
    /// Its UID.
    pub uid: Box<str>,
    /// `Normal` or `Warning`.
    pub severity: EventSeverity,
    /// One of [`crate::reason::events`].
    pub reason: std::borrow::Cow<'static, str>,
    /// For people.
    pub message: String,
    /// Whether an earlier process may have told the same: a refusal that was found at the start.
    pub is_restated: bool,
}

/// `type` of a Kubernetes event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum EventSeverity {
    /// For information.
    Normal,
    /// Something needs attention.
    Warning,
}

impl EventSeverity {
    /// As the Kubernetes API spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "Normal",
            Self::Warning => "Warning",
        }
    }
}

impl fmt::Display for EventSeverity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
