//! What became of a Service, for `plan`, `explain`, metrics and the debug state.

use core::fmt;
use core::net::IpAddr;

use serde::{Deserialize, Serialize};

use ferrolb_types::PoolName;

use crate::reason::Reason;

/// The decision on one Service as it stands, with its reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// Where it stands.
    pub state: State,
    /// Its addresses in the order of the status; empty unless assigned.
    pub addresses: Vec<IpAddr>,
    /// The pool that they come from; none when not assigned, or for a kept address whose pool is not there.
    pub pool: Option<PoolName>,
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
