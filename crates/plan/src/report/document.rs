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

/// A BGP session with its parameters. Empty texts are parameters that are not set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Session {
    /// Name of the BGPPeer object.
    pub peer: String,
    /// Where the peer is, or empty with an interface.
    pub peer_address: String,
    /// The interface of an unnumbered peer, or empty.
    pub interface: String,
    /// The peer's TCP port.
    pub peer_port: u16,
    /// The AS of the cluster.
    #[serde(rename = "myASN")]
    pub my_asn: u32,
    /// The AS that the peer sees.
    #[serde(rename = "localASN")]
    pub local_asn: u32,
    /// The peer's AS; none with `dynamicASN`.
    #[serde(rename = "peerASN")]
    pub peer_asn: Option<u32>,
    /// `internal`, `external` or empty.
    #[serde(rename = "dynamicASN")]
    pub dynamic_asn: &'static str,
    /// The address to connect from.
    pub source_address: String,
    /// The VRF; empty means the default one.
    pub vrf: String,
    /// The BGP identifier that the peer object names.
    #[serde(rename = "routerID")]
    pub router_id: String,
    /// The hold time that is proposed; none leaves it to the backend.
    pub hold_time_seconds: Option<u16>,
    /// Time between keepalives; none leaves it to the backend.
    pub keepalive_time_seconds: Option<u16>,
    /// Time between attempts to connect, if it is set.
    pub connect_time_seconds: Option<u64>,
    /// Whether there is a password, from wherever.
    pub has_password: bool,
    /// The BFD profile by name.
    pub bfd_profile: String,
    /// Whether an external peer may be several hops away.
    pub ebgp_multi_hop: bool,
    /// Whether the peer keeps our routes while we restart.
    pub graceful_restart: bool,
    /// Whether it carries both families whatever its own is.
    pub dual_stack_address_family: bool,
    /// What the peer is offered, by prefix, IPv4 first.
    pub routes: Vec<Route>,
}

/// A route before any detail of the wire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Route {
    /// The destination.
    pub prefix: String,
    /// LOCAL_PREF; 0 means unset. External peers are not sent it.
    pub local_pref: u32,
    /// Standard communities, by value.
    pub communities: Vec<String>,
    /// Large communities, by value; without the word `large`.
    pub large_communities: Vec<String>,
}

/// A BFD profile; none is left to the backend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BfdProfile {
    /// The object's name.
    pub name: String,
    /// Shortest time between received packets.
    pub receive_interval_ms: Option<u64>,
    /// Time between sent packets.
    pub transmit_interval_ms: Option<u64>,
    /// Missed packets after which the peer is down.
    pub detect_multiplier: Option<u8>,
    /// Time between echo packets.
    pub echo_interval_ms: Option<u64>,
    /// Whether to send echo packets.
    pub echo_mode: bool,
    /// Whether to wait for the peer to begin.
    pub passive_mode: bool,
    /// Lowest TTL that packets may arrive with.
    pub minimum_ttl: Option<u8>,
}

/// A Service with an address that a node does not announce.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NotAnnounced {
    /// As `namespace/name`.
    pub service: String,
    /// By which protocol.
    pub protocol: Protocol,
    /// A withdraw reason (layer2 3.1, bgp 1.1).
    pub reason: &'static str,
    /// The node that announces it instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// What the reason leaves out, for people.
    pub message: String,
}
