//! Why a node does not announce a Service. One spelling, part of the interface.

use core::fmt;

use serde::{Deserialize, Serialize};

use ferrolb_api::reason;
use ferrolb_types::NodeName;

/// A reason with what is known beside it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Silence {
    /// The cause.
    pub reason: Reason,
    /// The node that announces it instead, if there is one.
    pub owner: Option<NodeName>,
    /// Why this node cannot be elected, if it cannot.
    pub bar: Option<Bar>,
}

/// Causes (layer2 3.1 and 3.2, bgp 1.1), in the order in which they are looked for; layer 2 before BGP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Reason {
    /// There is no such Service any more, or one of another UID in its place.
    ServiceDeleted,
    /// The type is not `LoadBalancer`.
    NotLoadBalancer,
    /// Its load balancer class is not the one that this process serves.
    OtherClass,
    /// The status holds no address.
    NoIpAllocated,
    /// The status holds something that is no address, like a host name.
    InvalidIp,
    /// No single pool contains all its addresses.
    IpNotAllowed,
    /// Its addresses are others now.
    AddressesChanged,
    /// It has no EndpointSlice.
    NoEndpointSlice,
    /// None of its endpoints can serve.
    NoServingEndpoint,
    /// It asks for sharing while an advertisement selects Services.
    SharedIpWithServiceSelector,
    /// No advertisement of its pool covers the Service and this node.
    NoMatchingAdvertisement,
    /// No node can announce it.
    NoCandidate,
    /// Another node is elected.
    NotOwner,
    /// BGP: no speaker runs on the node; only `plan` can say so.
    NoSpeaker,
    /// BGP: no advertisement of its pool covers this node.
    NotAdvertised,
    /// BGP: two advertisements give its routes different local preferences.
    ConflictingAdvertisements,
    /// BGP: the node's condition `NetworkUnavailable` is `True`.
    NodeNetworkUnavailable,
    /// BGP: the node carries the exclude label.
    NodeExcluded,
    /// BGP: policy `Local`, and no endpoint on this node can serve.
    NoLocalEndpoints,
    /// BGP: none of its endpoints can serve.
    NoEndpoints,
}

impl Reason {
    /// The withdraw reason as logs and `plan` spell it. Layer 2 knows one word for all that makes a node lose.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::ServiceDeleted => reason::SERVICE_DELETED.word(),
            Self::NotLoadBalancer => reason::NOT_LOAD_BALANCER.word(),
            Self::OtherClass => reason::OTHER_CLASS.word(),
            Self::NoIpAllocated => reason::NO_IP_ALLOCATED.word(),
            Self::InvalidIp => reason::INVALID_IP.word(),
            Self::IpNotAllowed => reason::IP_NOT_ALLOWED.word(),
            Self::AddressesChanged => reason::ADDRESSES_CHANGED.word(),
            Self::NoEndpointSlice | Self::NoEndpoints => reason::NO_ENDPOINTS.word(),
            Self::SharedIpWithServiceSelector => reason::SHARED_IP_WITHDRAWAL.word(),
            Self::NoMatchingAdvertisement => reason::NO_MATCHING_ADVERTISEMENT.word(),
            Self::NoServingEndpoint
            | Self::NoCandidate
            | Self::NotOwner
            | Self::NoSpeaker
            | Self::NotAdvertised => reason::NOT_OWNER.word(),
            Self::ConflictingAdvertisements => reason::CONFLICTING_ADVERTISEMENTS.word(),
            Self::NodeNetworkUnavailable => reason::NODE_NETWORK_UNAVAILABLE.word(),
            Self::NodeExcluded => reason::NODE_EXCLUDED.word(),
            Self::NoLocalEndpoints => reason::NO_LOCAL_ENDPOINTS.word(),
        }
    }

    const fn meaning(self) -> &'static str {
        match self {
            Self::ServiceDeleted => "the Service is gone",
            Self::NotLoadBalancer => "its type is not LoadBalancer",
            Self::OtherClass => "its load balancer class is served by others",
            Self::NoIpAllocated => "it has no address",
            Self::InvalidIp => "its status holds something that is no address",
            Self::IpNotAllowed => "no single pool contains all its addresses",
            Self::AddressesChanged => "its addresses have changed",
            Self::NoEndpointSlice => "it has no EndpointSlice",
            Self::NoServingEndpoint | Self::NoEndpoints => "none of its endpoints can serve",
            Self::SharedIpWithServiceSelector => {
                "it shares its address while an advertisement selects Services"
            }
            Self::NoMatchingAdvertisement => "no advertisement covers it on this node",
            Self::NoCandidate => "no node can announce it",
            Self::NotOwner => "another node is elected",
            Self::NoSpeaker => "no live speaker here",
            Self::NotAdvertised => "no BGPAdvertisement of its pool covers this node",
            Self::ConflictingAdvertisements => {
                "two advertisements give its routes different local preferences"
            }
            Self::NodeNetworkUnavailable => "the network of this node is unavailable",
            Self::NodeExcluded => "this node is excluded from external load balancers",
            Self::NoLocalEndpoints => "no endpoint here can serve, and the traffic policy is Local",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// What keeps a node out of an election.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Bar {
    /// Its speaker is not alive.
    NoSpeaker,
    /// Its condition `NetworkUnavailable` is `True`.
    NetworkUnavailable,
    /// It carries the exclude label.
    Excluded,
    /// It has the taint `node.kubernetes.io/out-of-service`.
    OutOfService,
    /// It is drained: annotation `ferrolb.io/drain`.
    Draining,
    /// Policy `Local`, and no endpoint on it can serve.
    NoLocalEndpoint,
}

impl Bar {
    const fn meaning(self) -> &'static str {
        match self {
            Self::NoSpeaker => "no live speaker here",
            Self::NetworkUnavailable => "the network of this node is unavailable",
            Self::Excluded => "this node is excluded from external load balancers",
            Self::OutOfService => "this node is out of service",
            Self::Draining => "this node is drained (annotation `ferrolb.io/drain`)",
            Self::NoLocalEndpoint => "no endpoint here can serve, and the traffic policy is Local",
        }
    }
}

impl Silence {
    /// A reason alone.
    #[must_use]
    pub const fn of(reason: Reason) -> Self {
        Self {
            reason,
            owner: None,
            bar: None,
        }
    }
}

/// For people: what the word leaves out.
impl fmt::Display for Silence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason.meaning())?;
        if let Some(bar) = self.bar {
            write!(f, "; {}", bar.meaning())?;
        }
        Ok(())
    }
}
