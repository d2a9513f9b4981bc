//! The built-in kinds.

use ferrolb_api::Scope;
use ferrolb_api::Scope::{Cluster, Namespaced};

use super::{Conversion, Resource, Shape, collection_id};
use crate::rules::Rules;

/// One row of the table; what is not told is the lower-case kind (singular) or nothing.
struct Row {
    group: &'static str,
    kind: &'static str,
    plural: &'static str,
    short: &'static [&'static str],
    scope: Scope,
    status: bool,
    in_all: bool,
    rules: Rules,
    definition: &'static str,
}

const fn row(
    group: &'static str,
    kind: &'static str,
    plural: &'static str,
    scope: Scope,
    definition: &'static str,
) -> Row {
    Row {
        group,
        kind,
        plural,
        short: &[],
        scope,
        status: false,
        in_all: false,
        rules: Rules::Plain,
        definition,
    }
}

impl Row {
    const fn short(mut self, names: &'static [&'static str]) -> Self {
        self.short = names;
        self
    }

    const fn status(mut self) -> Self {
        self.status = true;
        self
    }

    const fn all(mut self) -> Self {
        self.in_all = true;
        self
    }

    const fn rules(mut self, rules: Rules) -> Self {
        self.rules = rules;
        self
    }

    fn resource(self) -> Resource {
        let owned = |names: &[&str]| names.iter().map(|n| (*n).into()).collect();
        let id = match self.rules {
            // One storage under two groups, as on a real server.
            Rules::EventView => collection_id("", "events"),
            _ => collection_id(self.group, self.plural),
        };
        Resource {
            group: self.group.into(),
            version: "v1".into(),
            storage_version: "v1".into(),
            kind: self.kind.into(),
            plural: self.plural.into(),
            singular: self.kind.to_lowercase().into(),
            short_names: owned(self.short),
            categories: owned(if self.in_all { &["all"] } else { &[] }),
            scope: self.scope,
            has_status: self.status,
            id,
            rules: self.rules,
            shape: Shape::BuiltIn(self.definition),
            columns: Vec::new(),
            deprecation: None,
            storage_schema: None,
            conversion: Conversion::SAME,
        }
    }
}

const CORE: [Row; 9] = [
    row(
        "",
        "Service",
        "services",
        Namespaced,
        "io.k8s.api.core.v1.Service",
    )
    .short(&["svc"])
    .status()
    .all()
    .rules(Rules::Service),
    row("", "Node", "nodes", Cluster, "io.k8s.api.core.v1.Node")
        .short(&["no"])
        .status()
        .rules(Rules::Node),
    row(
        "",
        "Namespace",
        "namespaces",
        Cluster,
        "io.k8s.api.core.v1.Namespace",
    )
    .short(&["ns"])
    .status()
    .rules(Rules::Namespace),
    row("", "Pod", "pods", Namespaced, "io.k8s.api.core.v1.Pod")
        .short(&["po"])
        .status()
        .all()
        .rules(Rules::Pod),
    row("", "Secret", "secrets", Namespaced, "io.k8s.api.core.v1.Secret").rules(Rules::Secret),
    row(
        "",
        "ConfigMap",
        "configmaps",
        Namespaced,
        "io.k8s.api.core.v1.ConfigMap",
    )
    .short(&["cm"])
    .rules(Rules::ConfigMap),
    row("", "Event", "events", Namespaced, "io.k8s.api.core.v1.Event")
        .short(&["ev"])
        .rules(Rules::Event),
    row(
        "",
        "ServiceAccount",
        "serviceaccounts",
        Namespaced,
        "io.k8s.api.core.v1.ServiceAccount",
    )
    .short(&["sa"]),
    row(
        "",
        "Endpoints",
        "endpoints",
        Namespaced,
        "io.k8s.api.core.v1.Endpoints",
    )
    .short(&["ep"]),
];

const WORKLOADS: [Row; 4] = [
    row(
        "apps",
        "Deployment",
        "deployments",
        Namespaced,
        "io.k8s.api.apps.v1.Deployment",
    )
    .short(&["deploy"])
    .status()
    .all()
    .rules(Rules::Workload),
    row(
        "apps",
        "DaemonSet",
        "daemonsets",
        Namespaced,
        "io.k8s.api.apps.v1.DaemonSet",
    )
    .short(&["ds"])
    .status()
    .all()
    .rules(Rules::Workload),
    row(
        "apps",
        "ReplicaSet",
        "replicasets",
        Namespaced,
        "io.k8s.api.apps.v1.ReplicaSet",
    )
    .short(&["rs"])
    .status()
    .all()
    .rules(Rules::Workload),
    row(
        "apps",
        "StatefulSet",
        "statefulsets",
        Namespaced,
        "io.k8s.api.apps.v1.StatefulSet",
    )
    .short(&["sts"])
    .status()
    .all()
    .rules(Rules::Workload),
];

const NETWORK: [Row; 4] = [
    row(
        "discovery.k8s.io",
        "EndpointSlice",
        "endpointslices",
        Namespaced,
        "io.k8s.api.discovery.v1.EndpointSlice",
    )
    .rules(Rules::EndpointSlice),
    row(
        "coordination.k8s.io",
        "Lease",
        "leases",
        Namespaced,
        "io.k8s.api.coordination.v1.Lease",
    )
    .rules(Rules::Lease),
    row(
        "events.k8s.io",
        "Event",
        "events",
        Namespaced,
        "io.k8s.api.events.v1.Event",
    )
    .short(&["ev"])
    .rules(Rules::EventView),
    row(
        "networking.k8s.io",
        "NetworkPolicy",
        "networkpolicies",
        Namespaced,
        "io.k8s.api.networking.v1.NetworkPolicy",
    )
    .short(&["netpol"])
    .rules(Rules::Workload),
];

const POLICY: [Row; 7] = [
    row(
        "policy",
        "PodDisruptionBudget",
        "poddisruptionbudgets",
        Namespaced,
        "io.k8s.api.policy.v1.PodDisruptionBudget",
    )
    .short(&["pdb"])
    .status()
    .rules(Rules::Workload),
    row(
        "admissionregistration.k8s.io",
        "ValidatingWebhookConfiguration",
        "validatingwebhookconfigurations",
        Cluster,
        "io.k8s.api.admissionregistration.v1.ValidatingWebhookConfiguration",
    )
    .rules(Rules::Webhooks),
    row(
        "apiextensions.k8s.io",
        "CustomResourceDefinition",
        "customresourcedefinitions",
        Cluster,
        "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition",
    )
    .short(&["crd", "crds"])
    .status()
    .rules(Rules::Crd),
    row(
        "rbac.authorization.k8s.io",
        "Role",
        "roles",
        Namespaced,
        "io.k8s.api.rbac.v1.Role",
    )
    .rules(Rules::Role),
    row(
        "rbac.authorization.k8s.io",
        "RoleBinding",
        "rolebindings",
        Namespaced,
        "io.k8s.api.rbac.v1.RoleBinding",
    )
    .rules(Rules::RoleBinding),
    row(
        "rbac.authorization.k8s.io",
        "ClusterRole",
        "clusterroles",
        Cluster,
        "io.k8s.api.rbac.v1.ClusterRole",
    )
    .rules(Rules::Role),
    row(
        "rbac.authorization.k8s.io",
        "ClusterRoleBinding",
        "clusterrolebindings",
        Cluster,
        "io.k8s.api.rbac.v1.ClusterRoleBinding",
    )
    .rules(Rules::RoleBinding),
];

/// Every built-in kind.
pub(super) fn resources() -> Vec<Resource> {
    let rows = CORE.into_iter().chain(WORKLOADS).chain(NETWORK).chain(POLICY);
    rows.map(Row::resource).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_bundled_definition() {
        for resource in resources() {
            assert!(resource.schema().is_some(), "{} has none", resource.kind);
        }
    }
}
