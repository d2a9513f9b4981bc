//! Which kinds there are, in which versions, and where objects without a namespace belong.

use ferrolb_api::core::{EndpointSlice, Namespace, Node, Secret, Service};
use ferrolb_api::metallb::{
    BfdProfile, BgpAdvertisement, BgpPeer, BgpPeerV1Beta1, Community, ConfigurationState, IpAddressPool,
    L2Advertisement, ServiceBgpStatus, ServiceL2Status,
};
use ferrolb_api::{Object, Scope};

/// A kind that the plan reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kind {
    pub(super) group: &'static str,
    pub(super) kind: &'static str,
    pub(super) scope: Scope,
    versions: &'static [&'static str],
    pub(super) role: Role,
}

/// What it is read for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Configuration,
    Service,
    EndpointSlice,
    Node,
    Namespace,
    /// Part of the picture, without influence on what is planned.
    Bystander,
}

const fn kind<T: Object>(versions: &'static [&'static str], role: Role) -> Kind {
    Kind {
        group: T::GROUP,
        kind: T::KIND,
        scope: T::SCOPE,
        versions,
        role,
    }
}

const KINDS: &[Kind] = &[
    kind::<IpAddressPool>(&["v1beta1"], Role::Configuration),
    kind::<L2Advertisement>(&["v1beta1"], Role::Configuration),
    kind::<BgpAdvertisement>(&["v1beta1"], Role::Configuration),
    kind::<BgpPeer>(&[BgpPeerV1Beta1::VERSION, BgpPeer::VERSION], Role::Configuration),
    kind::<BfdProfile>(&["v1beta1"], Role::Configuration),
    kind::<Community>(&["v1beta1"], Role::Configuration),
    kind::<Secret>(&["v1"], Role::Configuration),
    kind::<Service>(&["v1"], Role::Service),
    kind::<EndpointSlice>(&["v1"], Role::EndpointSlice),
    kind::<Node>(&["v1"], Role::Node),
    kind::<Namespace>(&["v1"], Role::Namespace),
    kind::<ServiceL2Status>(&["v1beta1"], Role::Bystander),
    kind::<ServiceBgpStatus>(&["v1beta1"], Role::Bystander),
    kind::<ConfigurationState>(&["v1beta1"], Role::Bystander),
    Kind {
        group: "frrk8s.metallb.io",
        kind: "FRRConfiguration",
        scope: Scope::Namespaced,
        versions: &["v1beta1"],
        role: Role::Bystander,
    },
];

/// Kinds of the API server's own that live outside namespaces.
const CLUSTER_SCOPED: &[&str] = &[
    "APIService",
    "ClusterRole",
    "ClusterRoleBinding",
    "CustomResourceDefinition",
    "GatewayClass",
    "IngressClass",
    "MutatingWebhookConfiguration",
    "PersistentVolume",
    "PriorityClass",
    "RuntimeClass",
    "ServiceCIDR",
    "StorageClass",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
    "ValidatingWebhookConfiguration",
];

impl Kind {
    /// The kind of this group and name, if it is read.
    pub(super) fn find(group: &str, kind: &str) -> Option<&'static Self> {
        KINDS.iter().find(|k| k.group == group && k.kind == kind)
    }

    pub(super) fn is_served(&self, version: &str) -> bool {
        self.versions.contains(&version)
    }

    /// `group/version` for every served version, as a manifest has it.
    pub(super) fn api_versions(&self) -> String {
        let version = |v: &&str| {
            if self.group.is_empty() {
                format!("`{v}`")
            } else {
                format!("`{}/{v}`", self.group)
            }
        };
        self.versions.iter().map(version).collect::<Vec<_>>().join(" or ")
    }
}

/// Whether objects of a kind that is not read live outside namespaces, as far as is known.
pub(super) fn is_cluster_scoped(kind: &str) -> bool {
    CLUSTER_SCOPED.contains(&kind)
}
