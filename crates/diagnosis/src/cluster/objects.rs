//! What the objects come to: configuration, pools, Services, and what the processes report of them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use ferrolb_api::{Problem, Severity, reason};
use ferrolb_plan::report::{Options, Plan, Pool, Service, idle};

use super::{Facts, LINES_MAX, list, of_kind, text};
use crate::check::{Area, Check, Checks, Outcome};

/// Part of a pool's addresses in use, in percent, from which there is a warning; that of the alert of severity `critical`.
const NEARLY_FULL_PERCENT: i64 = 95;
/// Kinds without which nothing can be said of pools and Services.
const CONFIGURATION: [&str; 4] = ["ipaddresspools", "l2advertisements", "services", "nodes"];

pub(super) fn examine(facts: &Facts, plan: &Plan, options: &Options, checks: &mut Checks) {
    reports(facts, checks);
    let unreadable = CONFIGURATION
        .iter()
        .find_map(|kind| Some((kind, facts.unreadable.get(kind)?)));
    if let Some((kind, why)) = unreadable {
        for name in ["configuration", "pools", "advertisements", "services"] {
            checks.skip(name, format!("{kind} cannot be listed: {why}"));
        }
        return;
    }
    configuration(plan, checks);
    pools(facts, plan, checks);
    advertisements(facts, options, checks);
    services(facts, plan, checks);
}

/// Adds checks up to a number, and one that counts the rest.
fn add_bounded(name: &'static str, found: Vec<Check>, checks: &mut Checks) {
    let more = found.len().saturating_sub(LINES_MAX);
    let worst = found.iter().skip(LINES_MAX).map(|check| check.result).max();
    found
        .into_iter()
        .take(LINES_MAX)
        .for_each(|check| checks.push(check));
    if let Some(worst) = worst {
        checks.push(Check::new(Area::Cluster, name, worst, format!("and {more} more")));
    }
}

fn found(name: &'static str, result: Outcome, word: &str, message: String) -> Check {
    let mut check = Check::new(Area::Cluster, name, result, message);
    word.clone_into(&mut check.reason);
    check
}

/// `Kind namespace/name field: message`; severity and word are the check's own.
fn describe(problem: &Problem) -> String {
    let Problem {
        kind,
        namespace,
        name,
        field,
        message,
        ..
    } = problem;
    let slash = if namespace.is_empty() { "" } else { "/" };
    let space = if field.is_empty() { "" } else { " " };
    format!("{kind} {namespace}{slash}{name}{space}{field}: {message}")
}

/// What is wrong with objects that configure; what Services want in vain is told of them.
fn configuration(plan: &Plan, checks: &mut Checks) {
    const NAME: &str = "configuration";
    let problems = plan.problems.iter().filter(|problem| &*problem.kind != "Service");
    let check = |problem: &Problem| {
        let result = match problem.severity {
            Severity::Error => Outcome::Failed,
            Severity::Warning => Outcome::Warning,
        };
        found(NAME, result, &problem.reason, describe(problem))
    };
    let mut problems: Vec<Check> = problems.map(check).collect();
    problems.sort_by_key(|check| core::cmp::Reverse(check.result));
    add_bounded(NAME, problems, checks);
    checks.otherwise(NAME, "everything that is written is accepted");
}

fn pools(facts: &Facts, plan: &Plan, checks: &mut Checks) {
    const NAME: &str = "pools";
    if plan.pools.is_empty() {
        return checks.warn(
            NAME,
            "there is no accepted IPAddressPool, so no Service gets an address; create one",
        );
    }
    let mut lines: Vec<Check> = plan.pools.iter().flat_map(fullness).collect();
    lines.extend(addresses_of_nodes(facts, plan));
    add_bounded(NAME, lines, checks);
    let names: Vec<String> = plan.pools.iter().map(usage).collect();
    checks.otherwise(
        NAME,
        format!("addresses are left in all of them: {}", list(&names)),
    );
}

/// Pools that hold the address of a node: the controller gives it away as any other.
fn addresses_of_nodes(facts: &Facts, plan: &Plan) -> Vec<Check> {
    let mut found = Vec::new();
    for node in of_kind(&facts.objects, "Node") {
        let addresses = node["status"]["addresses"].as_array().into_iter().flatten();
        let internal = addresses.filter(|address| address["type"] == "InternalIP");
        for address in internal.map(|address| text(address, "/address")) {
            let holds = |pool: &&Pool| pool.prefixes.iter().any(|prefix| contains(prefix, address));
            found.extend(
                plan.pools
                    .iter()
                    .find(holds)
                    .map(|pool| node_address_in(pool, text(node, "/metadata/name"), address)),
            );
        }
    }
    found
}

fn node_address_in(pool: &Pool, node: &str, address: &str) -> Check {
    let name = &pool.name;
    let message = format!(
        "IPAddressPool `{name}` has {address}, which is the address of node `{node}`; a Service that gets it takes the \
         node's traffic; take it out of the pool"
    );
    found(
        "pools",
        Outcome::Warning,
        reason::NODE_ADDRESS_IN_POOL.word(),
        message,
    )
}

/// `lan 3 of 50`.
fn usage(pool: &Pool) -> String {
    let assigned = pool.assigned_ipv4.saturating_add(pool.assigned_ipv6);
    let left = pool.available_ipv4.saturating_add(pool.available_ipv6);
    format!("{} {assigned} of {}", pool.name, assigned.saturating_add(left))
}

fn fullness(pool: &Pool) -> Vec<Check> {
    let families = [
        ("IPv4", pool.assigned_ipv4, pool.available_ipv4),
        ("IPv6", pool.assigned_ipv6, pool.available_ipv6),
    ];
    let judge = |(family, assigned, left): (&str, i64, i64)| {
        let total = assigned.saturating_add(left);
        let percent = if total > 0 {
            i128::from(assigned) * 100 / i128::from(total)
        } else {
            0
        };
        let name = &pool.name;
        if assigned > 0 && left <= 0 {
            let message = format!(
                "IPAddressPool `{name}` has no {family} address left, all {assigned} are in use; add some or release some"
            );
            Some(found(
                "pools",
                Outcome::Warning,
                reason::POOL_EXHAUSTED.word(),
                message,
            ))
        } else if percent >= i128::from(NEARLY_FULL_PERCENT) {
            let message = format!(
                "{percent} % of the {family} addresses of IPAddressPool `{name}` are in use, {left} are left"
            );
            Some(found("pools", Outcome::Warning, "", message))
        } else {
            None
        }
    };
    families.into_iter().filter_map(judge).collect()
}

/// Pools that nobody announces, and advertisements that come to nothing.
fn advertisements(facts: &Facts, options: &Options, checks: &mut Checks) {
    const NAME: &str = "advertisements";
    let idle = idle(facts.objects.clone(), options);
    let check = |problem: &Problem| found(NAME, Outcome::Warning, &problem.reason, describe(problem));
    add_bounded(NAME, idle.iter().map(check).collect(), checks);
    checks.otherwise(
        NAME,
        "every pool is announced, and every advertisement selects something",
    );
}

fn services(facts: &Facts, plan: &Plan, checks: &mut Checks) {
    const NAME: &str = "services";
    let mut lines: Vec<Check> = plan.services.iter().filter_map(waiting).collect();
    let announced = Announced::of(facts, plan);
    lines.extend(
        plan.services
            .iter()
            .filter_map(|service| announced.silence(service)),
    );
    add_bounded(NAME, lines, checks);
    let assigned = plan
        .services
        .iter()
        .filter(|service| !service.ips.is_empty())
        .count();
    checks.otherwise(
        NAME,
        format!("{assigned} have addresses and are announced, none is waiting"),
    );
}

/// A Service that wants an address and gets none.
fn waiting(service: &Service) -> Option<Check> {
    let Service {
        namespace,
        name,
        state,
        reason,
        message,
        ..
    } = service;
    (*state == "pending").then(|| {
        let message = format!("Service `{namespace}/{name}` waits for an address: {message} (`ferrolb explain svc/{name} -n {namespace}`)");
        found("services", Outcome::Warning, reason, message)
    })
}

/// Who announces what, as it should be and as it is reported.
struct Announced<'a> {
    /// Elected nodes by address.
    elected: BTreeMap<&'a str, &'a str>,
    routed: BTreeSet<&'a str>,
    /// Reporting nodes by Service; none where the reports cannot be read.
    reported: Option<BTreeMap<String, &'a str>>,
    /// Why nodes are silent about a Service.
    silences: BTreeMap<&'a str, BTreeSet<&'static str>>,
}

impl<'a> Announced<'a> {
    fn of(facts: &'a Facts, plan: &'a Plan) -> Self {
        let nodes = &plan.nodes;
        let elected = nodes
            .iter()
            .flat_map(|node| node.l2.iter().map(|l2| (&*l2.ip, &*node.name)));
        let routed = nodes
            .iter()
            .flat_map(|node| node.bgp.sessions.iter().flat_map(|session| &session.routes));
        let mut silences: BTreeMap<&str, BTreeSet<&'static str>> = BTreeMap::new();
        for silent in nodes.iter().flat_map(|node| &node.not_announced) {
            silences.entry(&silent.service).or_default().insert(silent.reason);
        }
        let reported = (!facts.unreadable.contains_key("servicel2statuses")).then(|| owners(&facts.objects));
        Self {
            elected: elected.collect(),
            routed: routed.map(|route| &*route.prefix).collect(),
            reported,
            silences,
        }
    }

    fn silence(&self, service: &Service) -> Option<Check> {
        let ip = &**service.ips.first()?;
        let key = format!("{}/{}", service.namespace, service.name);
        let Some(owner) = self.elected.get(ip) else {
            return (!self.is_routed(ip)).then(|| self.unannounced(&key, ip));
        };
        let reported = self.reported.as_ref()?.get(&key).copied();
        let (result, so) = match reported {
            Some(node) if node == *owner => return None,
            Some(node) => (
                Outcome::Warning,
                format!("node `{node}` reports that it announces it"),
            ),
            None => (
                Outcome::Warning,
                "no speaker reports that it announces it".to_owned(),
            ),
        };
        let message = format!(
            "{ip} of Service `{key}` should be announced by node `{owner}`, but {so}; see the log of the speaker there"
        );
        Some(found("services", result, "", message))
    }

    fn is_routed(&self, ip: &str) -> bool {
        let host = |prefix: &&str| prefix.split_once('/').is_some_and(|(network, _)| network == ip);
        self.routed.iter().any(host) || self.routed.iter().any(|prefix| contains(prefix, ip))
    }

    fn unannounced(&self, key: &str, ip: &str) -> Check {
        let reasons: Vec<&str> = self.silences.get(key).into_iter().flatten().copied().collect();
        let why = if reasons.is_empty() {
            String::new()
        } else {
            format!(" ({})", reasons.join(", "))
        };
        let (namespace, name) = key.split_once('/').unwrap_or_default();
        let message = format!(
            "no node announces {ip} of Service `{key}`{why}; `ferrolb explain svc/{name} -n {namespace}` says why node by node"
        );
        let word = reasons.first().copied().unwrap_or_default();
        found("services", Outcome::Warning, word, message)
    }
}

fn contains(prefix: &str, ip: &str) -> bool {
    let parsed = prefix.parse::<ferrolb_types::IpNet>().ok().zip(ip.parse().ok());
    parsed.is_some_and(|(net, ip): (_, core::net::IpAddr)| net.contains(&ip))
}

/// Nodes that report to announce a Service, by `namespace/name`.
fn owners(objects: &[Value]) -> BTreeMap<String, &str> {
    let owner = |object: &'_ Value| {
        format!(
            "{}/{}",
            text(object, "/status/serviceNamespace"),
            text(object, "/status/serviceName")
        )
    };
    of_kind(objects, "ServiceL2Status")
        .filter(|object| !text(object, "/status/node").is_empty())
        .map(|object| (owner(object), text(object, "/status/node")))
        .collect()
}

/// What the processes report in their ConfigurationStates.
fn reports(facts: &Facts, checks: &mut Checks) {
    const NAME: &str = "reports";
    if let Some(why) = facts.unreadable.get("configurationstates") {
        return checks.skip(NAME, format!("ConfigurationStates cannot be listed: {why}"));
    }
    let states: Vec<&Value> = of_kind(&facts.objects, "ConfigurationState").collect();
    if states.is_empty() {
        return checks.skip(
            NAME,
            "no controller or speaker has written a ConfigurationState yet",
        );
    }
    let mut lines = Vec::new();
    for state in &states {
        let name = text(state, "/metadata/name");
        if state["status"]["result"] == "Invalid" {
            let summary = text(state, "/status/errorSummary")
                .lines()
                .next()
                .unwrap_or_default();
            lines.push(found(NAME, Outcome::Failed, "", format!("{name}: {summary}")));
        }
        lines.extend(alerts(name, state));
    }
    add_bounded(NAME, lines, checks);
    checks.otherwise(
        NAME,
        format!(
            "the controller and the speakers complain of nothing ({} ConfigurationStates)",
            states.len()
        ),
    );
}

/// The conditions that stand only while something is wrong.
fn alerts(name: &str, state: &Value) -> Vec<Check> {
    let conditions = state["status"]["conditions"].as_array().into_iter().flatten();
    let standing = conditions.filter(|c| c["status"] == "True" && !text(c, "/type").ends_with("Valid"));
    standing
        .map(|c| {
            let message = text(c, "/message").replace('\n', "; ");
            found(
                "reports",
                Outcome::Warning,
                text(c, "/reason"),
                format!("{name}: {message}"),
            )
        })
        .collect()
}
