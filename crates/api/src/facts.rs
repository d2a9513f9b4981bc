//! What decisions need to know of core objects, and nothing else.
//!
//! A watch sees whole objects; the engine and the planner see these. They are the border: a change of the Kubernetes
//! API ends at `observe`, a change of the rules begins behind it.

use std::collections::BTreeSet;
use std::sync::Arc;

use core::net::IpAddr;
use serde::{Deserialize, Serialize};

use ferrolb_types::{IpFamily, Labels, NamespaceName, NodeName, ObjectKey, PoolName};

/// A Service, as far as allocation and announcing care.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceFacts {
    /// `namespace/name`.
    pub key: ObjectKey,
    /// Distinguishes a Service from a later one of the same name; empty in manifests.
    pub uid: Box<str>,
    /// The version these facts were read from; empty in manifests.
    pub resource_version: Box<str>,
    /// RFC 3339; older first when several wait. Empty sorts first.
    pub created_at: Box<str>,
    /// `metadata.generation`; 0 where the API server does not count it.
    pub generation: i64,
    /// Its labels.
    pub labels: Labels,
    /// Whether `spec.type` is `LoadBalancer`.
    pub is_load_balancer: bool,
    /// `spec.loadBalancerClass`, if set.
    pub class: Option<Box<str>>,
    /// `spec.clusterIPs`, else `spec.clusterIP`, as written (`None` for headless).
    pub cluster_ips: Vec<Box<str>>,
    /// `spec.ipFamilyPolicy`.
    pub family_policy: FamilyPolicy,
    /// `spec.ipFamilies`, in order.
    pub families: Vec<IpFamily>,
    /// Ports in the order of the spec.
    pub ports: Vec<Port>,
    /// Whether `spec.externalTrafficPolicy` is `Local`.
    pub local_traffic_only: bool,
    /// `spec.selector` as canonical text (`k=v` sorted by key, joined by commas); empty without a selector.
    pub pod_selector: Box<str>,
    /// What the user asks for.
    pub request: Request,
    /// Keys of annotations with the deprecated prefix, sorted.
    pub deprecated_annotations: Vec<Box<str>>,
    /// `status.loadBalancer.ingress`, in order.
    pub ingress: Vec<Ingress>,
    /// Annotation `metallb.io/ip-allocated-from-pool`, if present.
    pub pool_annotation: Option<Box<str>>,
    /// What the status says of a request that is not met, if it does.
    pub request_condition: Option<Box<RequestCondition>>,
}

/// Condition [`RequestCondition::TYPE`] of a Service: it keeps the addresses that it has, and asks for others in vain.
/// Absent where nothing is asked for in vain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestCondition {
    /// `False`, unless somebody else has written something else.
    pub status: Box<str>,
    /// The word for what is in the way.
    pub reason: Box<str>,
    /// What is in the way, for people.
    pub message: Box<str>,
    /// [`ServiceFacts::generation`] of the request.
    pub observed_generation: i64,
}

impl RequestCondition {
    /// `type` of the condition.
    pub const TYPE: &'static str = "ferrolb.io/RequestMet";
    /// `status` of the condition as it is written here.
    pub const STATUS: &'static str = "False";
}

/// `spec.ipFamilyPolicy`; absent means [`FamilyPolicy::SingleStack`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum FamilyPolicy {
    /// One family.
    #[default]
    SingleStack,
    /// Two if the cluster has them.
    PreferDualStack,
    /// Two or nothing.
    RequireDualStack,
}

/// A port that the Service takes on its address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Port {
    /// The transport protocol.
    pub protocol: Protocol,
    /// `spec.ports[].port`.
    pub number: u16,
}

/// `spec.ports[].protocol`; absent means TCP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Protocol {
    /// Transmission Control Protocol.
    #[default]
    Tcp,
    /// User Datagram Protocol.
    Udp,
    /// Stream Control Transmission Protocol.
    Sctp,
}

/// What the annotations and `spec.loadBalancerIP` ask for, unchecked. An empty annotation is no request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// `address-pool`, else the seed's `metallb.universe.tf/ip-allocated-from-pool`; empty means none.
    pub pool: Box<str>,
    /// `loadBalancerIPs`; empty means none.
    pub addresses: Box<str>,
    /// `spec.loadBalancerIP`; empty means none.
    pub load_balancer_ip: Box<str>,
    /// `allow-shared-ip`; empty means no sharing.
    pub sharing_key: Box<str>,
    /// Whether the sharing annotation is present at all, even empty (layer2 3.2 step 3).
    pub has_sharing_annotation: bool,
    /// `ferrolb.io/reserve-as`; empty means nothing is reserved.
    pub reserve_as: Box<str>,
}

/// One entry of `status.loadBalancer.ingress`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ingress {
    /// A well-formed address.
    Address(IpAddr),
    /// `ip` holds something that is no address.
    Malformed(Box<str>),
    /// `hostname` only.
    Hostname(Box<str>),
}

impl ServiceFacts {
    /// The addresses of the status, without hostnames and malformed entries.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> + '_ {
        self.ingress.iter().filter_map(|i| match i {
            Ingress::Address(addr) => Some(*addr),
            Ingress::Malformed(_) | Ingress::Hostname(_) => None,
        })
    }

    /// Whether this process is responsible for the Service's class (controller 3.4): a set class must equal the
    /// flag, an unset one needs an empty flag.
    #[must_use]
    pub fn has_class(&self, flag: &str) -> bool {
        match &self.class {
            None => flag.is_empty(),
            Some(class) => !flag.is_empty() && **class == *flag,
        }
    }
}

/// One EndpointSlice, reduced to where a request could be served (layer2 3.4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SliceFacts {
    /// The slice's own key.
    pub key: ObjectKey,
    /// The Service it belongs to; absent without the label.
    pub service: Option<ObjectKey>,
    /// Whether any endpoint can serve (with an address or without: layer 2).
    pub any_serving: bool,
    /// Whether any endpoint with at least one address can serve (BGP).
    pub any_serving_with_address: bool,
    /// Nodes that host an endpoint that can serve, sorted.
    pub serving_nodes: Arc<[NodeName]>,
}

/// A Namespace, as far as allocation cares.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamespaceFacts {
    /// Its name.
    pub name: NamespaceName,
    /// Its labels, which pools select by.
    pub labels: Labels,
    /// What its annotation says of pools.
    pub fence: Fence,
}

/// Which pools the Services of a namespace may get addresses from: annotation `ferrolb.io/pools` of the Namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fence {
    /// No annotation: all that the pools themselves allow.
    #[default]
    Open,
    /// Of those only these; none at all if it is empty.
    Pools(BTreeSet<PoolName>),
    /// The annotation cannot be read; a fence that is not understood lets nobody through.
    Malformed(Box<str>),
}

impl Fence {
    /// Whether it lets through to `pool`.
    #[must_use]
    pub fn admits(&self, pool: &PoolName) -> bool {
        match self {
            Self::Open => true,
            Self::Pools(pools) => pools.contains(pool),
            Self::Malformed(_) => false,
        }
    }
}

/// A Node, as far as candidates are concerned (layer2 3.3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeFacts {
    /// The node's name.
    pub name: NodeName,
    /// Its labels.
    pub labels: Labels,
    /// Whether condition `NetworkUnavailable` is `True`.
    pub network_unavailable: bool,
    /// Whether condition `Ready` is `False` or `Unknown`.
    pub not_ready: bool,
    /// Whether it has the taint `node.kubernetes.io/out-of-service`: somebody has made sure that it is off.
    pub out_of_service: bool,
    /// Whether annotation [`DRAIN`](crate::annotations::DRAIN) asks to announce from other nodes.
    pub draining: bool,
}

impl NodeFacts {
    /// Whether the node carries the exclude label, with whatever value.
    #[must_use]
    pub fn is_excluded(&self) -> bool {
        self.labels
            .contains(crate::annotations::EXCLUDE_FROM_LOAD_BALANCERS)
    }
}
