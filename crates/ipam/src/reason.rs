//! The words for why a Service has no address, or not the one it asks for. One spelling, part of the interface.

use core::fmt;

use serde::{Deserialize, Serialize};

/// Reasons of Kubernetes events, spelled as the reference does (controller 4.4).
pub mod events {
    use ferrolb_api::reason;

    /// A deprecated annotation is in use.
    pub const DEPRECATED_ANNOTATION: &str = reason::EVENT_DEPRECATED_ANNOTATION.word();
    /// RequireDualStack with fewer than two cluster IPs.
    pub const NOT_ENOUGH_CLUSTER_IPS: &str = reason::EVENT_NOT_ENOUGH_CLUSTER_IPS.word();
    /// The family of the addresses in the status cannot be told.
    pub const INGRESS_FAMILY: &str = reason::EVENT_INGRESS_FAMILY.word();
    /// The family of the cluster IPs cannot be told.
    pub const CLUSTER_FAMILY: &str = reason::EVENT_CLUSTER_FAMILY.word();
    /// An address is taken away.
    pub const CLEAR_ASSIGNMENT: &str = reason::EVENT_CLEAR_ASSIGNMENT.word();
    /// A request is malformed; the present address stays.
    pub const LOAD_BALANCER_FAILED: &str = reason::EVENT_LOAD_BALANCER_FAILED.word();
    /// No address of the second family.
    pub const ADDITIONAL_ASSIGN_FAILED: &str = reason::EVENT_ADDITIONAL_ASSIGN_FAILED.word();
    /// An address is given.
    pub const IP_ALLOCATED: &str = reason::EVENT_IP_ALLOCATED.word();
    /// No address could be given.
    pub const ALLOCATION_FAILED: &str = reason::EVENT_ALLOCATION_FAILED.word();
    /// No more reservations fit into the pool (beyond the reference).
    pub const RESERVATION_FAILED: &str = reason::EVENT_RESERVATION_FAILED.word();
    /// The API server refuses the status (beyond the reference).
    pub const STATUS_REFUSED: &str = reason::EVENT_STATUS_REFUSED.word();
}

/// Why a Service waits (plan: `services[].reason`; metric label `reason`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Reason {
    /// No free address, and none that could be shared, in any pool that it may use.
    PoolExhausted,
    /// No pool owns what is asked for, the named pool does not exist, or none may be used by this Service.
    NoMatchingPool,
    /// The address asked for is held by another Service.
    AddressInUse,
    /// The address asked for is shared by others under another key, backend or with one of the ports.
    SharingConflict,
    /// The pool, the request and the cluster IPs are of different families.
    FamilyUnavailable,
    /// Fewer cluster IPs than the family policy needs.
    NotEnoughClusterIPs,
    /// The cluster IPs are no addresses, or more than one of a family.
    InvalidClusterIPs,
    /// The request cannot be read, or contradicts itself.
    MalformedRequest,
    /// The pool that the address came from is not there (yet); the Service keeps the address.
    PoolMissing,
    /// The pool that the address came from is refused; the Service keeps the address.
    PoolRefused,
    /// The address asked for is reserved for Services of another name.
    AddressReserved,
    /// The address asked for was released a short time ago and rests (`ferrolb.io/release-delay`).
    AddressResting,
    /// The annotation `ferrolb.io/pools` of the namespace does not admit the pools that could serve.
    NamespaceConfined,
    /// The Namespace is not known yet, so neither is which pools its Services may use.
    NamespaceUnknown,
    /// Enough Services of the namespace have addresses of the pool (`ferrolb.io/max-per-namespace`).
    QuotaReached,
    /// The status asks for more than the API server lets this process write.
    StatusRefused,
}

impl Reason {
    /// Every reason, in the order of declaration.
    pub const ALL: [Self; 16] = [
        Self::PoolExhausted,
        Self::NoMatchingPool,
        Self::AddressInUse,
        Self::SharingConflict,
        Self::FamilyUnavailable,
        Self::NotEnoughClusterIPs,
        Self::InvalidClusterIPs,
        Self::MalformedRequest,
        Self::PoolMissing,
        Self::PoolRefused,
        Self::AddressReserved,
        Self::AddressResting,
        Self::NamespaceConfined,
        Self::NamespaceUnknown,
        Self::QuotaReached,
        Self::StatusRefused,
    ];

    /// The word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PoolExhausted => "PoolExhausted",
            Self::NoMatchingPool => "NoMatchingPool",
            Self::AddressInUse => "AddressInUse",
            Self::SharingConflict => "SharingConflict",
            Self::FamilyUnavailable => "FamilyUnavailable",
            Self::NotEnoughClusterIPs => "NotEnoughClusterIPs",
            Self::InvalidClusterIPs => "InvalidClusterIPs",
            Self::MalformedRequest => "MalformedRequest",
            Self::PoolMissing => "PoolMissing",
            Self::PoolRefused => "PoolRefused",
            Self::AddressReserved => "AddressReserved",
            Self::AddressResting => "AddressResting",
            Self::NamespaceConfined => "NamespaceConfined",
            Self::NamespaceUnknown => "NamespaceUnknown",
            Self::QuotaReached => "QuotaReached",
            Self::StatusRefused => "StatusRefused",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
