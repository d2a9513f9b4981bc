//! The document. A stable interface: fields may be added, never renamed or removed, and every list has a fixed order.

use serde::Serialize;

use ferrolb_api::Problem;

use crate::event::Protocol;

/// `apiVersion` of [`Plan`].
pub const API_VERSION: &str = "plan.ferrolb.io/v1";

/// What the cluster would get.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// [`API_VERSION`].
    pub api_version: &'static str,
    /// Whether no problem is an error, those of the nodes included.
    pub valid: bool,
    /// By kind, namespace and name.
    pub problems: Vec<Problem>,
    /// Objects of kinds that are not read, by kind, namespace and name.
    pub ignored: Vec<Ignored>,
    /// Accepted pools by name.
    pub pools: Vec<Pool>,
    /// Services that want or carry addresses, by namespace and name.
    pub services: Vec<Service>,
    /// Nodes by name.
    pub nodes: Vec<Node>,
}

/// An object that has no part in the plan.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Ignored {
    /// Its kind.
    pub kind: String,
    /// Its namespace; empty for cluster-scoped objects.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// A pool and its counters; saturating at `i64::MAX` (controller 10.1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Pool {
    /// The pool's name.
    pub name: String,
    /// In the order of allocation.
    pub prefixes: Vec<String>,
    /// IPv4 addresses in use.
    #[serde(rename = "assignedIPv4")]
    pub assigned_ipv4: i64,
    /// IPv6 addresses in use.
    #[serde(rename = "assignedIPv6")]
    pub assigned_ipv6: i64,
    /// IPv4 addresses left.
    #[serde(rename = "availableIPv4")]
    pub available_ipv4: i64,
    /// IPv6 addresses left.
    #[serde(rename = "availableIPv6")]
    pub available_ipv6: i64,
}

/// What becomes of a Service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Service {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its addresses, IPv4 before IPv6; empty unless `assigned`.
    pub ips: Vec<String>,
    /// Where they come from; empty unless `assigned`, and for addresses that no accepted pool has.
    pub pool: String,
    /// `assigned`, `pending`, `ignored`, `released` or `notLoadBalancer`.
    pub state: &'static str,
    /// One word for the cause, or empty.
    pub reason: String,
    /// What is wrong and what to do, or empty.
    pub message: String,
    /// In the order in which they would be recorded.
    pub events: Vec<Event>,
}

/// A Kubernetes event on a Service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Event {
    /// `Normal` or `Warning`.
    #[serde(rename = "type")]
    pub severity: &'static str,
    /// As the reference spells it.
    pub reason: String,
    /// For people.
    pub message: String,
}

/// What a node announces.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Node {
    /// The node's name.
    pub name: String,
    /// What is wrong with this node only.
    pub problems: Vec<Problem>,
    /// By ARP and NDP; by address, IPv4 first.
    pub l2: Vec<L2>,
    /// By BGP.
    pub bgp: Bgp,
    /// By Service, then protocol.
    pub not_announced: Vec<NotAnnounced>,
}

/// An address that a node answers for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct L2 {
    /// The address.
    pub ip: String,
    /// The Services that it belongs to, as `namespace/name`, sorted.
    pub services: Vec<String>,
    /// Sorted names, or `*` alone for all.
    pub interfaces: Vec<String>,
}

/// What a node tells its peers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Bgp {
    /// The node's router ID; empty without sessions.
    #[serde(rename = "routerID")]
    pub router_id: String,
    /// By name of the peer.
    pub sessions: Vec<Session>,
    /// By name.
    pub bfd_profiles: Vec<BfdProfile>,
}

/// A BGP session. None is planned yet: the kinds are read and checked, not acted on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Session {}

/// A BFD profile. None is planned yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum BfdProfile {}

/// A Service with an address that a node does not announce.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NotAnnounced {
    /// As `namespace/name`.
    pub service: String,
    /// By which protocol.
    pub protocol: Protocol,
    /// A withdraw reason (layer2 3.1).
    pub reason: &'static str,
    /// The node that announces it instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// What the reason leaves out, for people.
    pub message: String,
}
