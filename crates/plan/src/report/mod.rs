//! What a cluster would get, as one document (spec/plan.md). The same decisions that the controller and the speakers
//! take, fed from manifests instead of watches.
//!
//! ```text
//!   manifests ──objects──▶ raw config ──resolve──▶ pools, advertisements ──┐
//!                     └──▶ Services, Namespaces ──allocation (ipam)────────┼──▶ document
//!                     └──▶ Nodes, slices ────────announcing (cluster)──────┤
//!                                                peering (bgp) ────────────┘
//! ```

mod allocation;
mod announcing;
mod document;
mod idle;
mod kind;
mod objects;
mod peering;
mod view;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use ferrolb_api::core::Namespace;
use ferrolb_api::frr_k8s::FrrConfiguration;
use ferrolb_api::metallb::L2Advertisement;
use ferrolb_api::resolved::Config;
use ferrolb_api::{BgpMode, Object as _, Problem, Rules, Severity, node_view, reason, resolve};
use ferrolb_ipam::{Outcome, Reason};
use ferrolb_types::{NodeName, ObjectKey};

use crate::bgp::Exporter;
use allocation::Allocation;
use announcing::Announcing;
use objects::Objects;
use peering::Peering;

pub(crate) use view::{View, flat};

pub use idle::idle;

pub use document::{
    API_VERSION, BfdProfile, Bgp, Event, Ignored, L2, Node, NotAnnounced, Plan, Pool, Route, Service, Session,
};

/// What the command line decides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// The namespace whose `metallb.io` objects count.
    pub namespace: Box<str>,
    /// Nodes whose speaker is a live member; none: every Node object.
    pub speakers: Option<BTreeSet<NodeName>>,
    /// Nodes to print; empty: all.
    pub nodes: BTreeSet<NodeName>,
    /// Load balancer class that counts; empty: Services without one.
    pub class: Box<str>,
    /// Whose restrictions and defaults of BGP apply.
    pub bgp_mode: BgpMode,
    /// Nodes with the exclude label are candidates all the same.
    pub ignore_exclude_lb: bool,
    /// Every warning is an error.
    pub strict: bool,
    /// A changed request that cannot be met costs the address.
    pub strict_requests: bool,
}

impl Options {
    fn prints(&self, node: &ferrolb_api::core::Node) -> bool {
        self.nodes.is_empty() || self.nodes.contains(&*node.meta().name)
    }

    fn rules(&self) -> Rules {
        Rules {
            namespace: self.namespace.clone(),
            bgp_mode: self.bgp_mode,
            strict: self.strict,
            with_secrets: true,
            ..Rules::default()
        }
    }
}

impl Plan {
    /// Plans what `manifests`, parsed but of whatever content, lead to. Total and independent of their order.
    ///
    /// ```
    /// use ferrolb_plan::report::{Options, Plan};
    /// use serde_json::json;
    ///
    /// let pool = json!({ "apiVersion": "metallb.io/v1beta1", "kind": "IPAddressPool", "metadata": { "name": "a" },
    ///                    "spec": { "addresses": ["192.0.2.0/24"] } });
    /// let service = json!({ "apiVersion": "v1", "kind": "Service", "metadata": { "name": "web" },
    ///                       "spec": { "type": "LoadBalancer", "ports": [{ "port": 80 }] } });
    /// let options = Options { namespace: "metallb-system".into(), ..Options::default() };
    /// let plan = Plan::draw_up(vec![service, pool], &options);
    /// assert_eq!((plan.valid, &*plan.services[0].ips), (true, &["192.0.2.0".to_owned()][..]));
    /// ```
    #[must_use]
    pub fn draw_up(manifests: Vec<Value>, options: &Options) -> Self {
        Self::draw_up_with(manifests, options, |_, _| ()).0
    }

    /// The same, and the object of each printed node that its speaker would write for an frr-k8s daemon (bgp 4.1).
    #[must_use]
    pub fn draw_up_for_frr_k8s(
        manifests: Vec<Value>,
        options: &Options,
        exporter: &Exporter,
    ) -> (Self, Vec<FrrConfiguration>) {
        let (plan, objects) = Self::draw_up_with(manifests, options, |peering, config| {
            peering.frr_configuration(exporter, config)
        });
        (plan, objects.into_iter().flatten().collect())
    }

    fn draw_up_with<T>(
        manifests: Vec<Value>,
        options: &Options,
        export: impl Fn(&Peering<'_>, &Config) -> T,
    ) -> (Self, Vec<T>) {
        let mut objects = Objects::read(manifests, &options.namespace);
        objects.raw.rules = options.rules();
        let resolved = resolve(&objects.raw);
        let config = &resolved.config;
        let allocation = Allocation::run(&objects, config, options);
        let announcing = Announcing::new(&objects, &allocation, config, options);
        let (nodes, exported) = objects
            .nodes
            .values()
            .filter(|node| options.prints(node))
            .map(|node| announcing.node(node, config, options))
            .map(|(node, peering)| (node, export(&peering, config)))
            .unzip();

        let mut problems = core::mem::take(&mut objects.problems);
        problems.extend(resolved.problems);
        problems.extend(allocation.outcomes().filter_map(|(key, o)| unmet(key, &o)));
        problems.extend(objects.namespaces.values().filter_map(Namespace::problem));
        problems.extend(sharing_conflicts(&announcing, options));
        if objects.nodes.is_empty() {
            problems.extend(node_view(config, None, &options.rules()).problems);
        }
        let mut plan = Self {
            api_version: API_VERSION,
            valid: true,
            problems,
            ignored: core::mem::take(&mut objects.ignored),
            pools: pools(&allocation, config),
            services: services(&allocation),
            nodes,
        };
        plan.finish(options.strict);
        (plan, exported)
    }

    fn finish(&mut self, strict: bool) {
        // Problems of one object keep the order in which they were found.
        self.problems
            .sort_by(|a, b| (&a.kind, &a.namespace, &a.name).cmp(&(&b.kind, &b.namespace, &b.name)));
        self.ignored.sort_unstable();
        let of_nodes = self.nodes.iter_mut().flat_map(|node| &mut node.problems);
        for problem in self.problems.iter_mut().chain(of_nodes) {
            if strict {
                problem.severity = Severity::Error;
            }
            self.valid &= problem.severity != Severity::Error;
        }
    }
}

fn pools(allocation: &Allocation, config: &Config) -> Vec<Pool> {
    let usage: BTreeMap<_, _> = allocation.engine().usage().collect();
    let pool = |pool: &ferrolb_api::resolved::Pool| {
        let usage = usage.get(&pool.name).copied().unwrap_or_default();
        Pool {
            name: pool.name.to_string(),
            prefixes: pool.prefixes().map(|p| p.to_string()).collect(),
            assigned_ipv4: usage.assigned_ipv4,
            assigned_ipv6: usage.assigned_ipv6,
            available_ipv4: usage.available_ipv4(),
            available_ipv6: usage.available_ipv6(),
        }
    };
    config.pools.values().map(|p| pool(p)).collect()
}

fn services(allocation: &Allocation) -> Vec<Service> {
    let service = |(key, outcome): (&ObjectKey, Outcome)| {
        let mut addresses = outcome.addresses;
        addresses.sort_unstable();
        Service {
            namespace: key.namespace.to_string(),
            name: key.name.to_string(),
            ips: addresses.iter().map(ToString::to_string).collect(),
            pool: outcome.pool.map(|p| p.to_string()).unwrap_or_default(),
            state: outcome.state.as_str(),
            reason: outcome.reason.map(|r| r.to_string()).unwrap_or_default(),
            message: outcome.message,
            events: allocation.events(key).iter().map(event).collect(),
        }
    };
    allocation.outcomes().map(service).collect()
}

fn event(event: &ferrolb_ipam::ServiceEvent) -> Event {
    Event {
        severity: event.severity.as_str(),
        reason: event.reason.to_string(),
        message: event.message.clone(),
    }
}

/// A request that is not met is a problem of the Service: an error if it can never be.
fn unmet(service: &ObjectKey, outcome: &Outcome) -> Option<Problem> {
    let reason = outcome.reason?;
    let severity = match reason {
        Reason::MalformedRequest => Severity::Error,
        _ => Severity::Warning,
    };
    Some(Problem {
        severity,
        kind: ferrolb_api::core::Service::KIND.into(),
        namespace: service.namespace.to_string(),
        name: service.name.to_string(),
        field: String::new(),
        value: None,
        reason: reason.as_str().into(),
        message: outcome.message.clone(),
    })
}

fn sharing_conflicts(announcing: &Announcing, options: &Options) -> Vec<Problem> {
    let conflicts = announcing.sharing_conflicts().into_iter();
    conflicts
        .map(|(name, services)| {
            let others = services.len() - 1;
            let more = if others > 0 { format!(" and {others} more") } else { String::new() };
            Problem {
                severity: Severity::Warning,
                kind: L2Advertisement::KIND.into(),
                namespace: options.namespace.to_string(),
                name: name.to_owned(),
                field: "spec.serviceSelectors".to_owned(),
                value: None,
                reason: reason::SHARED_IP_WITH_SERVICE_SELECTOR.word().into(),
                message: format!(
                    "Service `{}`{more} asks for a shared address and is not announced, since advertisements that \
                     select Services may tear apart those who share; remove one of the two",
                    services[0]
                ),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests;
