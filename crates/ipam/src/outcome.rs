//! What became of a Service, for `plan`, `explain`, metrics and the debug state.

use core::fmt;
use core::net::IpAddr;

use serde::{Deserialize, Serialize};

use ferrolb_types::PoolName;

use crate::engine::Engine;
use crate::reason::Reason;
use crate::record::{Held, Record, ServiceId, Standing};
use crate::settle::Concern;

/// The decision on one Service as it stands, with its reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// Where it stands.
    pub state: State,
    /// Its addresses in the order of the status; empty unless assigned.
    pub addresses: Vec<IpAddr>,
    /// The pool that they come from; none when not assigned, or for a kept address whose pool is not there.
    pub pool: Option<PoolName>,
    /// The pool that they came from, whether it is there, refused or missing; none if that is not known.
    pub origin: Option<PoolName>,
    /// Why it has no address; for an assigned Service why a request of it is not met.
    pub reason: Option<Reason>,
    /// What is wrong and what to do; empty without a reason.
    pub message: String,
}

/// `services[].state` of `plan`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum State {
    /// Has its addresses.
    Assigned,
    /// Wants an address and has none.
    Pending,
    /// Of another load balancer class.
    Ignored,
    /// Wants an address, had one by its status, and loses it.
    Released,
    /// Of another type; known only while it still carries what an earlier assignment left.
    NotLoadBalancer,
}

impl State {
    /// As `plan` prints it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Assigned => "assigned",
            Self::Pending => "pending",
            Self::Ignored => "ignored",
            Self::Released => "released",
            Self::NotLoadBalancer => "notLoadBalancer",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Record {
    /// Why it waits, or keeps addresses that no pool owns. A second family that is merely preferred comes last.
    fn reason(&self) -> (Option<Reason>, String) {
        let waits = |standing: &Standing| (standing.reason, standing.message.clone());
        let standing = self.standing.as_deref();
        let kept = self.held.as_ref().and_then(Held::kept_because);
        let unmet = standing.filter(|standing| standing.is_unmet_request).map(waits);
        let told = unmet.or(kept).or_else(|| standing.map(waits));
        told.map_or_else(Default::default, |(reason, message)| (Some(reason), message))
    }
}

impl Engine {
    pub(crate) fn outcome_of(&self, id: ServiceId) -> Outcome {
        let record = &self.directory[id];
        let state = match Concern::of(&record.facts, &self.options().class) {
            Concern::Ignored => State::Ignored,
            Concern::NotLoadBalancer => State::NotLoadBalancer,
            Concern::Ours if record.held.is_some() => State::Assigned,
            Concern::Ours if self.is_started() && record.facts.addresses().next().is_some() => {
                State::Released
            }
            Concern::Ours => State::Pending,
        };
        let (reason, message) = record.reason();
        let held = record.held.as_ref();
        Outcome {
            state,
            addresses: held.map_or_else(Vec::new, |held| held.addresses.as_slice().to_vec()),
            pool: held.and_then(Held::pool).cloned(),
            origin: held.and_then(Held::origin).cloned(),
            reason,
            message,
        }
    }
}
