//! Whether a node announces a Service by BGP, in the order of bgp 1.1. The first five rows of the common part are
//! decided before: who comes here has addresses, and they are all in one pool.

use core::net::IpAddr;
use std::sync::Arc;

use ferrolb_api::facts::NodeFacts;
use ferrolb_types::{Labels, PoolName};

use super::offer::{Offer, PoolOffers};
use crate::silence::Reason;

/// A Service with addresses, as one node sees it.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// The one pool that contains all its addresses.
    pub pool: &'a PoolName,
    /// Its addresses; their order means nothing here.
    pub addresses: &'a [IpAddr],
    /// Its labels, which advertisements select by.
    pub labels: &'a Labels,
    /// Whether its external traffic policy is `Local`.
    pub local_traffic_only: bool,
    /// Where it can be served.
    pub serving: Serving,
}

/// Where endpoints with an address can serve (bgp 1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Serving {
    /// There is no EndpointSlice at all.
    NoSlice,
    /// None of the endpoints can.
    Nowhere,
    /// On other nodes only, or on none that is named.
    Elsewhere,
    /// On this node, and perhaps on others.
    Here,
}

/// What keeps a node from announcing anything by BGP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bar {
    /// Its condition `NetworkUnavailable` is `True`.
    NetworkUnavailable,
    /// It carries the exclude label, and `--ignore-exclude-lb` is not given.
    Excluded,
}

impl Bar {
    /// What speaks against this node; nothing against one that is not known.
    #[must_use]
    pub fn of(node: Option<&NodeFacts>, ignore_exclude_lb: bool) -> Option<Self> {
        let node = node?;
        if node.network_unavailable {
            return Some(Self::NetworkUnavailable);
        }
        (node.is_excluded() && !ignore_exclude_lb).then_some(Self::Excluded)
    }

    const fn reason(self) -> Reason {
        match self {
            Self::NetworkUnavailable => Reason::NodeNetworkUnavailable,
            Self::Excluded => Reason::NodeExcluded,
        }
    }
}

/// The advertisements by which this node announces `candidate`, oldest first.
///
/// # Errors
/// Why it does not.
pub(super) fn advertised<'o>(
    candidate: &Candidate<'_>,
    offers: Option<&'o PoolOffers>,
    bar: Option<Bar>,
) -> Result<Vec<&'o Arc<Offer>>, Reason> {
    let offers = offers.filter(|o| !o.is_empty()).ok_or(Reason::NotAdvertised)?;
    let selected: Vec<_> = offers.selecting(candidate.labels).collect();
    if selected.is_empty() {
        return Err(Reason::NoMatchingAdvertisement);
    }
    if offers.contradiction(&selected).is_some() {
        return Err(Reason::ConflictingAdvertisements);
    }
    if let Some(bar) = bar {
        return Err(bar.reason());
    }
    lack(candidate).map_or(Ok(selected), Err)
}

/// Why no request could be served, if none could.
const fn lack(candidate: &Candidate<'_>) -> Option<Reason> {
    match candidate.serving {
        Serving::NoSlice => Some(Reason::NoEndpointSlice),
        Serving::Nowhere | Serving::Elsewhere if candidate.local_traffic_only => {
            Some(Reason::NoLocalEndpoints)
        }
        Serving::Nowhere => Some(Reason::NoEndpoints),
        Serving::Elsewhere | Serving::Here => None,
    }
}
