//! Why a Service has the address that it has, or none, who announces it, and what would change that.
//!
//! The same decisions as in [`Plan`], with what lies behind them: pool by pool and node by node.

mod cluster;

use core::net::IpAddr;

use serde::Serialize;
use serde_json::Value;

use ferrolb_api::core::Service;
use ferrolb_api::facts::{Ingress, ServiceFacts};
use ferrolb_api::resolved::{Config, Pool};
use ferrolb_api::{Problem, Reason, Severity, reason};
use ferrolb_types::{IpNet, ObjectKey};

use crate::event::Protocol;
use crate::report::{self, Event, NotAnnounced, Options, Plan, Route};

use cluster::{leader, reported};

pub use cluster::Leader;

/// `apiVersion` of [`Explanation`].
pub const API_VERSION: &str = "explain.ferrolb.io/v1";

/// Everything there is to say about one Service. A stable interface, as [`Plan`] is.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// [`API_VERSION`].
    pub api_version: &'static str,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// As in [`report::Service::state`].
    pub state: &'static str,
    /// The addresses that it has or will get.
    pub ips: Vec<String>,
    /// The addresses in its status as it was read.
    pub status_ips: Vec<String>,
    /// Where they come from.
    pub pool: String,
    /// One word for the cause, or empty.
    pub reason: String,
    /// What is behind the state, one sentence each; the first is the most important.
    pub findings: Vec<String>,
    /// What would help, one step each; empty if nothing needs help.
    pub remedies: Vec<String>,
    /// What each pool could do for a Service that waits, by name.
    pub pools: Vec<PoolAnswer>,
    /// What each node makes of its addresses, by name and protocol.
    pub nodes: Vec<NodeAnswer>,
    /// Problems of the Service, and of its pool.
    pub problems: Vec<Problem>,
    /// Events that the decision gives rise to.
    pub events: Vec<Event>,
    /// Which controller writes, by the Lease `metallb-controller`; absent without one, as in files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leader: Option<Leader>,
}

/// What a pool could do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PoolAnswer {
    /// The pool.
    pub name: String,
    /// Whether nothing is in the way.
    pub usable: bool,
    /// What is in the way.
    pub obstacles: Vec<String>,
}

/// What a node does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeAnswer {
    /// The node.
    pub name: String,
    /// By which protocol.
    pub protocol: Protocol,
    /// Whether it announces the Service.
    pub announces: bool,
    /// Where it does: interfaces, or peers of BGP; `*` for every interface.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub on: Vec<String>,
    /// The withdraw reason, or empty.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub reason: &'static str,
    /// The node that announces it instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// What the reason leaves out.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
}

/// Where the manifests are from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// From files: a Service without an address has not met a controller yet.
    Files,
    /// From a cluster, where a controller should run.
    Cluster,
}

impl Explanation {
    /// Explains the Service `key` from `manifests`, parsed but of whatever content; none if it is not among them.
    ///
    /// ```
    /// use ferrolb_plan::explain::{Explanation, Origin};
    /// use ferrolb_plan::report::Options;
    /// use serde_json::json;
    ///
    /// let service = json!({ "apiVersion": "v1", "kind": "Service", "metadata": { "name": "web" },
    ///                       "spec": { "type": "LoadBalancer", "ports": [{ "port": 80 }] } });
    /// let options = Options { namespace: "metallb-system".into(), ..Options::default() };
    /// let web = ferrolb_types::ObjectKey::new("default", "web");
    /// let explained = Explanation::of(vec![service], Origin::Files, &options, &web).unwrap();
    /// assert_eq!((explained.state, &*explained.reason), ("pending", "NoMatchingPool"));
    /// ```
    #[must_use]
    pub fn of(manifests: Vec<Value>, origin: Origin, options: &Options, key: &ObjectKey) -> Option<Self> {
        let manifests = report::flat(manifests);
        let (reported, leader) = (reported(&manifests, key), leader(&manifests, options));
        let view = report::View::of(manifests.clone(), options);
        let facts = view.service(key).map(Service::observe)?;
        let options = Options {
            nodes: std::collections::BTreeSet::new(),
            ..options.clone()
        };
        let plan = Plan::draw_up(manifests, &options);
        let mut explanation = Self::begin(key, &facts, &plan);
        explanation.pools = pools(&view, key, &explanation);
        explanation.nodes = nodes(&plan, key, &explanation.ips);
        explanation.problems = problems(&plan, key, &explanation.pool);
        explanation.find(&facts, &plan, &view, &reported);
        if origin == Origin::Cluster {
            explanation.leader = leader;
            explanation.find_controller();
        }
        Some(explanation)
    }

    fn begin(key: &ObjectKey, facts: &ServiceFacts, plan: &Plan) -> Self {
        let planned = plan
            .services
            .iter()
            .find(|s| *s.namespace == *key.namespace.as_str() && *s.name == *key.name);
        let status = facts.ingress.iter().map(|entry| match entry {
            Ingress::Address(address) => address.to_string(),
            Ingress::Malformed(text) | Ingress::Hostname(text) => text.to_string(),
        });
        Self {
            api_version: API_VERSION,
            namespace: key.namespace.to_string(),
            name: key.name.to_string(),
            state: planned.map_or("notLoadBalancer", |s| s.state),
            ips: planned.map(|s| s.ips.clone()).unwrap_or_default(),
            status_ips: status.collect(),
            pool: planned.map(|s| s.pool.clone()).unwrap_or_default(),
            reason: planned.map(|s| s.reason.clone()).unwrap_or_default(),
            findings: planned
                .map(|s| s.message.clone())
                .filter(|m| !m.is_empty())
                .into_iter()
                .collect(),
            remedies: Vec::new(),
            pools: Vec::new(),
            nodes: Vec::new(),
            problems: Vec::new(),
            events: planned.map(|s| s.events.clone()).unwrap_or_default(),
            leader: None,
        }
    }

    fn find(&mut self, facts: &ServiceFacts, plan: &Plan, view: &report::View, reported: &[String]) {
        match self.state {
            "notLoadBalancer" => self
                .findings
                .push("its type is not LoadBalancer, so it gets no address".to_owned()),
            "ignored" => self.find_class(facts),
            "pending" | "released" => self.find_missing_address(view, &facts.key),
            _ => self.find_address(facts, view.config()),
        }
        if !self.ips.is_empty() {
            self.find_announcing(plan, view.config(), reported);
        }
        let refused = plan
            .problems
            .iter()
            .filter(|p| p.severity == Severity::Error && p.kind != "Service")
            .count();
        if refused > 0 {
            self.findings.push(format!(
                "{refused} problem(s) of severity error are in the configuration, and what has one does not count"
            ));
            self.remedies
                .push("see them with `ferrolb check`, and repair them".to_owned());
        }
    }

    fn find_class(&mut self, facts: &ServiceFacts) {
        let class = facts.class.as_deref();
        self.findings.push(match class {
            Some(class) => {
                format!("its load balancer class is `{class}`, which is not the one given with --lb-class")
            }
            None => "it has no load balancer class, and --lb-class names one".to_owned(),
        });
        self.remedies.push(reason::OTHER_CLASS.remedy().to_owned());
    }

    /// Pools with one obstacle are the near ones: what removes it would help at once.
    fn find_missing_address(&mut self, view: &report::View, key: &ObjectKey) {
        let fitness = view.fitness(key);
        for near in &fitness {
            if let [one] = near.obstacles.as_slice() {
                let remedy = one.remedy(&near.pool, key);
                if !self.remedies.contains(&remedy) {
                    self.remedies.push(remedy);
                }
            }
        }
        if self.remedies.is_empty()
            && let Some(reason) = Reason::find(&self.reason)
        {
            self.remedies.push(reason.remedy().to_owned());
        }
    }

    fn find_address(&mut self, facts: &ServiceFacts, config: &Config) {
        let list = self.ips.join(", ");
        if let Some(pool) = config.pools.get(&*self.pool) {
            self.findings.push(format!(
                "{list} is from pool `{}`: {}",
                pool.name,
                self.chosen_because(facts, pool)
            ));
        }
        if let Some(reason) = Reason::find(&self.reason) {
            self.remedies.push(reason.remedy().to_owned());
        }
    }

    fn chosen_because(&self, facts: &ServiceFacts, pool: &Pool) -> String {
        let request = &facts.request;
        if !self.reason.is_empty() && !self.status_ips.is_empty() {
            "the Service has it already, and keeps it until it can have what it asks for".to_owned()
        } else if !request.addresses.is_empty() || !request.load_balancer_ip.is_empty() {
            "the Service asks for this address".to_owned()
        } else if !request.pool.is_empty() && *request.pool == *pool.name.as_str() {
            "the Service asks for this pool".to_owned()
        } else if !self.status_ips.is_empty() {
            "the Service has it already, and keeps it".to_owned()
        } else if let Some(allocation) = &pool.allocation {
            format!(
                "the pool is meant for it (`serviceAllocation`, priority {})",
                allocation.priority
            )
        } else {
            "it is the first pool that has a free address for it".to_owned()
        }
    }

    /// What the rules give and what is written differ for a moment only, while a controller runs.
    fn find_controller(&mut self) {
        match &self.leader {
            Some(Leader { holder, .. }) if holder.is_empty() => {
                self.findings
                    .push("no controller holds the Lease `metallb-controller`, so nobody writes".to_owned());
                self.remedies.push("see whether a controller runs".to_owned());
            }
            Some(Leader { holder, renewed }) => {
                self.findings.push(format!(
                    "controller `{holder}` writes; it renewed its Lease at {renewed}"
                ));
            }
            None => {}
        }
        let same =
            self.ips.len() == self.status_ips.len() && self.ips.iter().all(|ip| self.status_ips.contains(ip));
        if self.state == "assigned" && !same {
            self.findings.push(format!(
                "its status does not hold {} yet, which the controller has to write",
                self.ips.join(", ")
            ));
            self.remedies.push(
                "if that lasts: see whether the controller runs, with the same --lb-class, and may update services/status"
                    .to_owned(),
            );
        }
    }

    fn find_announcing(&mut self, plan: &Plan, config: &Config, reported: &[String]) {
        if plan.nodes.is_empty() {
            self.findings
                .push("there is no Node, so nobody can be said to announce it".to_owned());
            return;
        }
        if config.l2_advertisements.is_empty() && config.bgp_advertisements.is_empty() {
            self.findings
                .push("nobody announces it: there is no L2Advertisement and no BGPAdvertisement".to_owned());
            self.remedies
                .push(reason::NO_MATCHING_ADVERTISEMENT.remedy().to_owned());
            return;
        }
        let by: Vec<&str> = self
            .nodes
            .iter()
            .filter(|n| n.announces)
            .map(|n| &*n.name)
            .collect();
        if by.is_empty() {
            self.findings
                .push("nobody announces it; the nodes below say why".to_owned());
            let mut words: Vec<&str> = self.nodes.iter().map(|n| n.reason).collect();
            words.sort_unstable();
            words.dedup();
            let remedies = words
                .into_iter()
                .filter_map(Reason::find)
                .map(|r| r.remedy().to_owned());
            self.remedies.extend(remedies);
        }
        let unexpected: Vec<&str> = reported
            .iter()
            .map(|n| &**n)
            .filter(|n| !by.contains(n))
            .collect();
        if !unexpected.is_empty() {
            self.findings.push(format!(
                "its status object says that `{}` announces it, where the rules elect {}",
                unexpected.join("`, `"),
                if by.is_empty() {
                    "nobody".to_owned()
                } else {
                    format!("`{}`", by.join("`, `"))
                }
            ));
            self.remedies.push(
                "see whether a speaker runs on every node, and give --speakers the nodes where one does"
                    .to_owned(),
            );
        }
    }
}

fn pools(view: &report::View, key: &ObjectKey, explanation: &Explanation) -> Vec<PoolAnswer> {
    if !explanation.ips.is_empty() {
        return Vec::new();
    }
    let answer = |fitness: ferrolb_ipam::Fitness| PoolAnswer {
        name: fitness.pool.to_string(),
        usable: fitness.obstacles.is_empty(),
        obstacles: fitness.obstacles.iter().map(ToString::to_string).collect(),
    };
    view.fitness(key).into_iter().map(answer).collect()
}

fn nodes(plan: &Plan, key: &ObjectKey, ips: &[String]) -> Vec<NodeAnswer> {
    let name = key.to_string();
    let mut answers = Vec::new();
    for node in &plan.nodes {
        let mine = node.l2.iter().filter(|l2| l2.services.contains(&name));
        let mut on: Vec<String> = mine
            .filter(|l2| ips.contains(&l2.ip))
            .flat_map(|l2| l2.interfaces.clone())
            .collect();
        on.sort_unstable();
        on.dedup();
        if !on.is_empty() {
            answers.push(announcing(&node.name, Protocol::Layer2, on));
        }
        let peers = peers(node, &name, ips);
        if !peers.is_empty() {
            answers.push(announcing(&node.name, Protocol::Bgp, peers));
        }
        let silent = node.not_announced.iter().filter(|silent| silent.service == name);
        answers.extend(silent.map(|silent| unannounced(&node.name, silent)));
    }
    answers
}

/// The peers that get a route to the Service.
fn peers(node: &report::Node, service: &str, ips: &[String]) -> Vec<String> {
    let is_silent = |silent: &NotAnnounced| silent.protocol == Protocol::Bgp && silent.service == service;
    if node.not_announced.iter().any(is_silent) {
        return Vec::new();
    }
    let covers = |route: &Route| {
        let prefix = route.prefix.parse::<IpNet>();
        let mut addresses = ips.iter().filter_map(|ip| ip.parse::<IpAddr>().ok());
        prefix.is_ok_and(|prefix| addresses.any(|ip| prefix.contains(&ip)))
    };
    let sessions = node
        .bgp
        .sessions
        .iter()
        .filter(|session| session.routes.iter().any(covers));
    sessions.map(|session| session.peer.clone()).collect()
}

fn announcing(name: &str, protocol: Protocol, on: Vec<String>) -> NodeAnswer {
    NodeAnswer {
        name: name.to_owned(),
        protocol,
        announces: true,
        on,
        reason: "",
        owner: None,
        message: String::new(),
    }
}

fn unannounced(name: &str, silent: &NotAnnounced) -> NodeAnswer {
    NodeAnswer {
        name: name.to_owned(),
        protocol: silent.protocol,
        announces: false,
        on: Vec::new(),
        reason: silent.reason,
        owner: silent.owner.clone(),
        message: silent.message.clone(),
    }
}

fn problems(plan: &Plan, key: &ObjectKey, pool: &str) -> Vec<Problem> {
    let concerns = |p: &&Problem| match &*p.kind {
        "Service" => *p.namespace == *key.namespace.as_str() && *p.name == *key.name,
        "IPAddressPool" => p.name == pool,
        "Namespace" => *p.name == *key.namespace.as_str(),
        _ => false,
    };
    plan.problems.iter().filter(concerns).cloned().collect()
}

#[cfg(test)]
mod tests;
