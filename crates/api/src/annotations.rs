//! Annotation and label keys that are part of the interface (api-and-config 2.1, 2.3).

/// Allocate only from this pool.
pub const ADDRESS_POOL: &str = "metallb.io/address-pool";
/// Comma-separated addresses asked for.
pub const LOAD_BALANCER_IPS: &str = "metallb.io/loadBalancerIPs";
/// The sharing key.
pub const ALLOW_SHARED_IP: &str = "metallb.io/allow-shared-ip";
/// Written by the controller: the pool in use.
pub const IP_ALLOCATED_FROM_POOL: &str = "metallb.io/ip-allocated-from-pool";
/// The prefix that older manifests carry.
pub const DEPRECATED_PREFIX: &str = "metallb.universe.tf/";
/// Deprecated form of [`ADDRESS_POOL`].
pub const DEPRECATED_ADDRESS_POOL: &str = "metallb.universe.tf/address-pool";
/// Deprecated form of [`LOAD_BALANCER_IPS`].
pub const DEPRECATED_LOAD_BALANCER_IPS: &str = "metallb.universe.tf/loadBalancerIPs";
/// Deprecated form of [`ALLOW_SHARED_IP`].
pub const DEPRECATED_ALLOW_SHARED_IP: &str = "metallb.universe.tf/allow-shared-ip";
/// A *request* for a pool when no `address-pool` is given (design section 2).
pub const DEPRECATED_IP_ALLOCATED_FROM_POOL: &str = "metallb.universe.tf/ip-allocated-from-pool";
/// On a Node, with whatever value: it announces nothing.
pub const EXCLUDE_FROM_LOAD_BALANCERS: &str = "node.kubernetes.io/exclude-from-external-load-balancers";
/// On an EndpointSlice: the Service that it belongs to.
pub const SERVICE_NAME: &str = "kubernetes.io/service-name";

/// On a ConfigurationState: the last accepted versions of objects that are refused now, see [`crate::Kept`].
pub const LAST_ACCEPTED: &str = "ferrolb.io/last-accepted";
/// On a ConfigurationState: which refusals have been told in events, see [`crate::Told`].
pub const TOLD: &str = "ferrolb.io/told";
/// On a Node: with any value but `false` no address is announced from it by layer 2; others take over, and its speaker goes
/// on running.
pub const DRAIN: &str = "ferrolb.io/drain";
/// On a Service: its addresses stay reserved for it under this name, also while it does not exist (beyond MetalLB).
pub const RESERVE_AS: &str = "ferrolb.io/reserve-as";
/// On an IPAddressPool, written by the controller: addresses by the name that they are reserved under; see
/// [`Reservations`](crate::Reservations).
pub const RESERVATIONS: &str = "ferrolb.io/reservations";
/// On an IPAddressPool: how long a released address stays unused, as a Go duration (beyond MetalLB).
pub const RELEASE_DELAY: &str = "ferrolb.io/release-delay";
/// On an IPAddressPool: how many Services of one namespace may have addresses of it (beyond MetalLB).
pub const MAX_PER_NAMESPACE: &str = "ferrolb.io/max-per-namespace";
/// On a Namespace: the only pools that its Services may use, separated by commas (beyond MetalLB).
pub const POOLS: &str = "ferrolb.io/pools";
