//! What is remembered of one Service.

use core::cmp::Ordering;
use core::net::IpAddr;
use std::sync::Arc;

use ferrolb_api::facts::{Ingress, RequestCondition, ServiceFacts};
use ferrolb_types::{IpFamily, ObjectKey, PoolName};

use crate::reason::Reason;
use crate::sharing::Claim;
use crate::waiting::Queue;
use crate::write::Writing;

/// Index of a record; reused after its Service is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ServiceId(pub(crate) u32);

/// A Service's place in every queue: oldest first, then by key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Turn {
    pub(crate) created_at: Box<str>,
    pub(crate) key: ObjectKey,
    pub(crate) id: ServiceId,
}

impl Ord for Turn {
    fn cmp(&self, other: &Self) -> Ordering {
        (&self.created_at, &self.key).cmp(&(&other.created_at, &other.key))
    }
}

impl PartialOrd for Turn {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// One address, or one of each family, in the order of the status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Addresses {
    One([IpAddr; 1]),
    Two([IpAddr; 2]),
}

impl Addresses {
    /// None unless `list` is one address or two of different families.
    pub(crate) fn from_slice(list: &[IpAddr]) -> Option<Self> {
        match *list {
            [one] => Some(Self::One([one])),
            [a, b] if IpFamily::of(a) != IpFamily::of(b) => Some(Self::Two([a, b])),
            _ => None,
        }
    }

    pub(crate) fn as_slice(&self) -> &[IpAddr] {
        match self {
            Self::One(list) => list,
            Self::Two(list) => list,
        }
    }

    pub(crate) fn contains(&self, addr: IpAddr) -> bool {
        self.as_slice().contains(&addr)
    }

    /// Whether both are the same, in whatever order.
    pub(crate) fn same_set(&self, other: &[IpAddr]) -> bool {
        self.as_slice().len() == other.len() && self.as_slice().iter().all(|addr| other.contains(addr))
    }

    pub(crate) fn ipv4_first(self) -> Self {
        match self {
            Self::Two([a, b]) if b.is_ipv4() => Self::Two([b, a]),
            other => other,
        }
    }

    /// The address of `family`, if there is one.
    pub(crate) fn of(&self, family: IpFamily) -> Option<IpAddr> {
        let mut list = self.as_slice().iter().copied();
        list.find(|addr| IpFamily::of(*addr) == family)
    }

    /// The family that is missing, if only one is there.
    pub(crate) fn missing_family(&self) -> Option<IpFamily> {
        match self {
            Self::One([addr]) => Some(IpFamily::of(*addr).other()),
            Self::Two(_) => None,
        }
    }
}

/// The addresses of a Service: a decision, binding from the moment it is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) addresses: Addresses,
    pub(crate) source: Source,
    /// Present if the Service agrees to share.
    pub(crate) claim: Option<Box<Claim>>,
}

/// Where held addresses come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// This pool owns all of them.
    Pool(PoolName),
    /// The pool that they came from is not known (yet); they are kept (design, promise 1).
    Missing(PoolName),
    /// The pool that they came from is refused; they are kept.
    Refused(PoolName),
    /// No pool was ever known; they are kept.
    Unknown,
}

impl Held {
    pub(crate) fn claim(&self) -> Option<&Claim> {
        self.claim.as_deref()
    }

    pub(crate) const fn pool(&self) -> Option<&PoolName> {
        match &self.source {
            Source::Pool(pool) => Some(pool),
            Source::Missing(_) | Source::Refused(_) | Source::Unknown => None,
        }
    }

    /// The pool that they came from, whatever has become of it.
    pub(crate) const fn origin(&self) -> Option<&PoolName> {
        match &self.source {
            Source::Pool(pool) | Source::Missing(pool) | Source::Refused(pool) => Some(pool),
            Source::Unknown => None,
        }
    }

    /// The pool whose object records what is reserved of this: it exists, accepted or not.
    pub(crate) const fn home(&self) -> Option<&PoolName> {
        match &self.source {
            Source::Pool(pool) | Source::Refused(pool) => Some(pool),
            Source::Missing(_) | Source::Unknown => None,
        }
    }

    /// Why the addresses are kept, if no pool owns them.
    pub(crate) fn kept_because(&self) -> Option<(Reason, String)> {
        match &self.source {
            Source::Pool(_) => None,
            Source::Missing(pool) => Some((
                Reason::PoolMissing,
                format!("there is no pool `{pool}`, from which the address came; it is kept"),
            )),
            Source::Refused(pool) => Some((
                Reason::PoolRefused,
                format!("pool `{pool}`, from which the address came, is refused; the address is kept"),
            )),
            Source::Unknown => Some((
                Reason::PoolMissing,
                "no IPAddressPool owns the address, and none existed when it was found; it is kept"
                    .to_owned(),
            )),
        }
    }
}

/// Why a Service has no address, or not what it asks for; and what it waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) reason: Reason,
    pub(crate) message: String,
    /// Whether that is a request which is not met, and not merely a preference.
    pub(crate) is_unmet_request: bool,
    /// The queues that it stands in.
    pub(crate) queues: Vec<Queue>,
}

/// What is kept of a message in a status.
const CONDITION_CHARS: usize = 1024;

impl Standing {
    /// As the status tells it of a request of this generation.
    pub(crate) fn condition(&self, generation: i64) -> RequestCondition {
        condition(self.reason, &self.message, generation)
    }
}

/// A condition that tells this of what is asked for in vain.
pub(crate) fn condition(reason: Reason, message: &str, generation: i64) -> RequestCondition {
    let message: String = message.chars().take(CONDITION_CHARS).collect();
    RequestCondition {
        status: RequestCondition::STATUS.into(),
        reason: reason.as_str().into(),
        message: message.into(),
        observed_generation: generation,
    }
}

/// One Service.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    /// As last observed.
    pub(crate) facts: Arc<ServiceFacts>,
    pub(crate) turn: Arc<Turn>,
    pub(crate) held: Option<Held>,
    pub(crate) standing: Option<Box<Standing>>,
    pub(crate) writing: Writing,
    /// It was told that its addresses could not be reserved.
    pub(crate) reservation_failed: bool,
}

impl Record {
    /// What the status shall say of a request that is not met, while the Service keeps its addresses. One that has none
    /// waits, which everybody sees, and costs no write.
    pub(crate) fn request_condition(&self) -> Option<Box<RequestCondition>> {
        let standing = self.standing.as_ref().filter(|_| self.held.is_some())?;
        standing
            .is_unmet_request
            .then(|| Box::new(standing.condition(self.facts.generation)))
    }

    pub(crate) fn new(id: ServiceId, facts: Arc<ServiceFacts>) -> Self {
        let turn = Arc::new(Turn {
            created_at: facts.created_at.clone(),
            key: facts.key.clone(),
            id,
        });
        Self {
            facts,
            turn,
            held: None,
            standing: None,
            writing: Writing::default(),
            reservation_failed: false,
        }
    }
}

/// Whether `status.loadBalancer.ingress` holds something that is no address.
pub(crate) fn has_malformed_ingress(facts: &ServiceFacts) -> bool {
    facts
        .ingress
        .iter()
        .any(|entry| matches!(entry, Ingress::Malformed(_)))
}
