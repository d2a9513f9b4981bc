//! What the engine is told.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use ferrolb_api::Reservations;
use ferrolb_api::facts::{NamespaceFacts, ServiceFacts};
use ferrolb_api::resolved::Pool;
use ferrolb_types::{IpNet, NamespaceName, ObjectKey, PoolName};

use crate::effect::Ticket;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// The full set of accepted pools; the engine finds out what changed.
    PoolsResolved(Pools),
    /// A Namespace exists and looks like this.
    NamespaceApplied(NamespaceFacts),
    /// A Namespace is gone.
    NamespaceDeleted {
        /// Its name.
        name: NamespaceName,
    },
    /// The object of a pool holds these reservations. Given before the pools that were resolved from the same object;
    /// a list that cannot be read is not given, so that the last one counts on.
    ReservationsObserved {
        /// The pool.
        pool: PoolName,
        /// Annotation `ferrolb.io/reservations`; empty without it.
        reservations: Reservations,
    },
    /// A Service exists and looks like this. Of any type and class: the engine keeps what concerns it.
    ServiceApplied(Arc<ServiceFacts>),
    /// A Service is no longer in the cluster (one that is being deleted still is, controller 4.1).
    ServiceDeleted(ObjectKey),
    /// All Namespaces and Services that existed at the start have been delivered, and this process may decide.
    /// A standby replica feeds everything but this; giving it is taking over.
    Synced,
    /// A write asked for by [`Effect::WriteStatus`](crate::Effect::WriteStatus) has an end.
    WriteFinished {
        /// The Service written to.
        key: ObjectKey,
        /// The write's ticket.
        ticket: Ticket,
        /// How it ended.
        outcome: WriteOutcome,
    },
    /// The deadline that [`Engine::next_deadline`](crate::Engine::next_deadline) named has passed.
    Tick,
}

/// Everything that is known of pools.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pools {
    /// The accepted pools; no address is in two of them.
    pub accepted: BTreeMap<PoolName, Arc<Pool>>,
    /// Pools that exist but have no accepted version, with those of their prefixes that could be read. Services keep
    /// addresses from them (plan: `PoolRefused`).
    pub refused: BTreeMap<PoolName, Vec<IpNet>>,
}

/// How a status write ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum WriteOutcome {
    /// The API server stored it.
    Written {
        /// The version that holds it.
        resource_version: Box<str>,
    },
    /// The object was changed meanwhile; a fresher one is on its way.
    Conflict,
    /// There is no such object, or one of another UID.
    Gone,
    /// Not permitted or not valid: repeating it soon is pointless.
    Refused {
        /// The API server's words.
        message: Box<str>,
    },
    /// It may or may not have been stored: timeout, connection lost, server trouble.
    Failed,
}
