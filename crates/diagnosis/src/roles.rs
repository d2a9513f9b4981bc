//! What the ServiceAccounts of the processes need, and what is lost without it (`operations.md` section 3).

/// A component with a ServiceAccount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Process {
    /// The controller.
    Controller,
    /// The speaker.
    Speaker,
}

/// One right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permission {
    /// The API group; empty: core.
    pub group: &'static str,
    /// The resource.
    pub resource: &'static str,
    /// `status`, or empty.
    pub subresource: &'static str,
    /// The only object that matters; empty: any.
    pub name: &'static str,
    /// Any of these will do.
    pub verbs: &'static [&'static str],
    /// Where.
    pub scope: Scope,
    /// What does not work without it; none: nothing does.
    pub lost: Option<&'static str>,
}

/// Where a right is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// In every namespace.
    Cluster,
    /// In the namespace of the configuration.
    Namespace,
}

impl Process {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Controller, Self::Speaker];

    /// As pods are labelled.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Controller => "controller",
            Self::Speaker => "speaker",
        }
    }

    /// What it needs.
    #[must_use]
    pub const fn permissions(self) -> &'static [Permission] {
        match self {
            Self::Controller => CONTROLLER,
            Self::Speaker => SPEAKER,
        }
    }
}

impl Permission {
    /// `list services`, `patch or update services/status`.
    #[must_use]
    pub fn describe(&self) -> String {
        let slash = if self.subresource.is_empty() { "" } else { "/" };
        format!(
            "{} {}{slash}{}",
            self.verbs.join(" or "),
            self.resource,
            self.subresource
        )
    }
}

const fn any(
    group: &'static str,
    resource: &'static str,
    verb: &'static [&'static str],
    scope: Scope,
) -> Permission {
    Permission {
        group,
        resource,
        subresource: "",
        name: "",
        verbs: verb,
        scope,
        lost: None,
    }
}

impl Permission {
    const fn or(mut self, lost: &'static str) -> Self {
        self.lost = Some(lost);
        self
    }

    const fn of(mut self, subresource: &'static str) -> Self {
        self.subresource = subresource;
        self
    }

    const fn named(mut self, name: &'static str) -> Self {
        self.name = name;
        self
    }
}

use Scope::{Cluster, Namespace};

const METALLB: &str = "metallb.io";
const LIST: &[&str] = &["list"];
const WATCH: &[&str] = &["watch"];
const CREATE: &[&str] = &["create"];
const PATCH: &[&str] = &["patch"];
const DELETE: &[&str] = &["delete"];
const WRITE: &[&str] = &["patch", "update"];

const NO_EVENTS: &str = "no events are seen in `kubectl describe`";
const NO_STATE: &str =
    "nobody is told whether the configuration is accepted, and last accepted versions end with the process";
const NO_OWNERS: &str = "ServiceL2Status does not tell which node announces";
const NO_LEASE: &str = "there is no leader election, so only one controller may run";
const NO_BGP: &str = "there is no BGP";

const CONTROLLER: &[Permission] = &[
    any("", "services", LIST, Cluster),
    any("", "services", WATCH, Cluster),
    any("", "services", WRITE, Cluster).of("status"),
    any("", "namespaces", LIST, Cluster),
    any("", "namespaces", WATCH, Cluster),
    any(METALLB, "ipaddresspools", LIST, Namespace),
    any(METALLB, "ipaddresspools", WATCH, Namespace),
    any(METALLB, "ipaddresspools", WRITE, Namespace)
        .of("status")
        .or("the counters of pools stand still"),
    any(METALLB, "ipaddresspools", PATCH, Namespace).or("reservations last only as long as the process"),
    any("", "events", CREATE, Cluster).or(NO_EVENTS),
    any(METALLB, "configurationstates", PATCH, Namespace).or(NO_STATE),
    any(METALLB, "configurationstates", WRITE, Namespace)
        .of("status")
        .or(NO_STATE),
    any("coordination.k8s.io", "leases", CREATE, Namespace).or(NO_LEASE),
    any("coordination.k8s.io", "leases", &["update"], Namespace)
        .named("metallb-controller")
        .or(NO_LEASE),
];

const SPEAKER: &[Permission] = &[
    any("", "services", LIST, Cluster),
    any("", "services", WATCH, Cluster),
    any("", "nodes", LIST, Cluster),
    any("", "nodes", WATCH, Cluster),
    any("discovery.k8s.io", "endpointslices", LIST, Cluster),
    any("discovery.k8s.io", "endpointslices", WATCH, Cluster),
    any(METALLB, "ipaddresspools", LIST, Namespace),
    any(METALLB, "ipaddresspools", WATCH, Namespace),
    any(METALLB, "l2advertisements", LIST, Namespace),
    any(METALLB, "l2advertisements", WATCH, Namespace),
    any("", "pods", LIST, Namespace).or("the speakers do not find each other unless another one finds them"),
    any("", "events", CREATE, Cluster).or(NO_EVENTS),
    any(METALLB, "servicel2statuses", LIST, Namespace).or(NO_OWNERS),
    any(METALLB, "servicel2statuses", CREATE, Namespace).or(NO_OWNERS),
    any(METALLB, "servicel2statuses", DELETE, Namespace).or(NO_OWNERS),
    any(METALLB, "servicel2statuses", PATCH, Namespace)
        .of("status")
        .or(NO_OWNERS),
    any(METALLB, "configurationstates", PATCH, Namespace).or(NO_STATE),
    any(METALLB, "configurationstates", WRITE, Namespace)
        .of("status")
        .or(NO_STATE),
    any(METALLB, "bgppeers", LIST, Namespace).or(NO_BGP),
    any(METALLB, "bgpadvertisements", LIST, Namespace).or(NO_BGP),
    any("", "secrets", LIST, Namespace).or("passwords of BGP peers that are in Secrets are missing"),
];

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    /// What the manifests or the reference give to a process.
    struct Given {
        everywhere: Vec<Value>,
        in_namespace: Vec<Value>,
    }

    impl Given {
        /// Rules of the roles whose names `is_of` takes, in YAML documents or a list.
        fn of(text: &str, is_of: impl Fn(&str) -> bool) -> Self {
            let mut documents: Vec<Value> = Vec::new();
            for text in text.split("\n---\n") {
                let document: Value = serde_saphyr::from_str(text).unwrap();
                match document["items"].as_array() {
                    Some(items) => documents.extend(items.iter().cloned()),
                    None => documents.push(document),
                }
            }
            let rules = |kind: &str| {
                let roles = documents.iter().filter(|role| role["kind"] == kind);
                let own = roles.filter(|role| is_of(role["metadata"]["name"].as_str().unwrap()));
                own.flat_map(|role| role["rules"].as_array().unwrap().clone())
                    .collect()
            };
            Self {
                everywhere: rules("ClusterRole"),
                in_namespace: rules("Role"),
            }
        }

        fn allow(&self, permission: &Permission) -> bool {
            let local = (permission.scope == Scope::Namespace).then_some(&self.in_namespace);
            let mut rules = self.everywhere.iter().chain(local.into_iter().flatten());
            rules.any(|rule| allows(rule, permission))
        }
    }

    fn allows(rule: &Value, permission: &Permission) -> bool {
        let lists = |key: &str, wanted: &str| {
            let items = rule[key].as_array().into_iter().flatten();
            items.into_iter().any(|item| item == wanted || item == "*")
        };
        let slash = if permission.subresource.is_empty() {
            ""
        } else {
            "/"
        };
        let resource = format!("{}{slash}{}", permission.resource, permission.subresource);
        let is_named = rule.get("resourceNames").is_none() || lists("resourceNames", permission.name);
        lists("apiGroups", permission.group)
            && lists("resources", &resource)
            && is_named
            && permission.verbs.iter().any(|verb| lists("verbs", verb))
    }

    #[test]
    fn the_manifests_give_every_right() {
        let roles = [
            (
                Process::Controller,
                include_str!("../../../manifests/parts/20-controller-rbac.yaml"),
            ),
            (
                Process::Speaker,
                include_str!("../../../manifests/parts/21-speaker-rbac.yaml"),
            ),
        ];
        for (process, text) in roles {
            let given = Given::of(text, |_| true);
            for permission in process.permissions() {
                assert!(given.allow(permission), "{process:?}: {}", permission.describe());
            }
        }
    }

    /// Under the reference's roles everything vital works; what does not is named, with what is lost.
    #[test]
    fn the_roles_of_the_reference_lack_nothing_vital() {
        let text = include_str!("../../../tests/cluster/fixtures/metallb-roles.yaml");
        let lost = |process: Process| {
            let given = Given::of(text, |name| {
                name.ends_with(process.as_str()) || name == "pod-lister"
            });
            let lacking = process
                .permissions()
                .iter()
                .filter(|permission| !given.allow(permission));
            let mut lost: Vec<&str> = lacking
                .map(|p| p.lost.expect("nothing vital is lacking"))
                .collect();
            lost.dedup();
            lost
        };
        assert_eq!(
            lost(Process::Controller),
            ["reservations last only as long as the process", NO_LEASE]
        );
        assert_eq!(lost(Process::Speaker), [""; 0]);
    }
}
