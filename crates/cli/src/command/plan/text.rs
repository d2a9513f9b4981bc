//! A plan for people: what is wrong first, then who gets what and who announces it.

use std::collections::{BTreeMap, BTreeSet};

use ferrolb_api::{Problem, Severity};
use ferrolb_plan::report::{Node, NotAnnounced, Plan, Pool, Service};

use crate::table::table;

/// The whole plan; sections without content are left out.
pub(super) fn render(plan: &Plan) -> String {
    let sections = [
        problems(plan),
        section(
            "POOLS",
            ["NAME", "IPV4 USED", "FREE", "IPV6 USED", "FREE", "PREFIXES"],
            plan.pools.iter().map(pool),
        ),
        section(
            "SERVICES",
            ["NAME", "STATE", "ADDRESSES", "POOL", "REASON"],
            plan.services.iter().map(service),
        ),
        section(
            "ANNOUNCED",
            ["NODE", "ADDRESS", "BY", "INTERFACES", "SERVICES"],
            plan.nodes.iter().flat_map(announced),
        ),
        silent(plan),
        ignored(plan),
        hint(plan),
    ];
    let mut out = sections
        .into_iter()
        .filter(|s| !s.is_empty())
        .collect::<Vec<_>>()
        .join("\n");
    if !out.is_empty() {
        out.push('\n');
    }
    out + &verdict(plan) + "\n"
}

fn problems(plan: &Plan) -> String {
    let own = plan.nodes.iter().flat_map(|node| &node.problems);
    let mut all: Vec<&Problem> = plan.problems.iter().chain(own).collect();
    all.sort_by_key(|p| std::cmp::Reverse(p.severity));
    lines("PROBLEMS", all.into_iter().map(problem))
}

/// `error: IPAddressPool metallb-system/a, spec.addresses[0] (InvalidAddress)`, and the message below it.
fn problem(problem: &Problem) -> String {
    let severity = match problem.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let field = if problem.field.is_empty() {
        String::new()
    } else {
        format!(", {}", problem.field)
    };
    let object = object(&problem.kind, &problem.namespace, &problem.name);
    format!(
        "{severity}: {object}{field} ({})\n    {}",
        problem.reason, problem.message
    )
}

/// `Kind namespace/name`, as far as there is one.
fn object(kind: &str, namespace: &str, name: &str) -> String {
    let kind = if kind.is_empty() { "object" } else { kind };
    let slash = if namespace.is_empty() { "" } else { "/" };
    format!("{kind} {namespace}{slash}{name}").trim_end().to_owned()
}

fn pool(pool: &Pool) -> [String; 6] {
    [
        pool.name.clone(),
        pool.assigned_ipv4.to_string(),
        count(pool.available_ipv4),
        pool.assigned_ipv6.to_string(),
        count(pool.available_ipv6),
        abridged(&pool.prefixes),
    ]
}

/// Large pools are counted to the limit of the API only, so their figure means nothing.
fn count(addresses: i64) -> String {
    if addresses > i64::MAX / 2 {
        "(huge)".to_owned()
    } else {
        addresses.to_string()
    }
}

/// The cover of a range can be long.
fn abridged(prefixes: &[String]) -> String {
    match prefixes {
        [first, .., last] if prefixes.len() > 3 => format!("{first} … {last} ({} prefixes)", prefixes.len()),
        few => few.join(", "),
    }
}

fn service(service: &Service) -> [String; 5] {
    [
        format!("{}/{}", service.namespace, service.name),
        service.state.to_owned(),
        or_dash(&service.ips.join(", ")),
        or_dash(&service.pool),
        or_dash(&service.reason),
    ]
}

fn announced(node: &Node) -> impl Iterator<Item = [String; 5]> {
    let by = |ip: &str| if ip.contains(':') { "NDP" } else { "ARP" };
    node.l2.iter().map(move |l2| {
        [
            node.name.clone(),
            l2.ip.clone(),
            by(&l2.ip).to_owned(),
            l2.interfaces.join(", "),
            l2.services.join(", "),
        ]
    })
}

/// What no node announces at all, nodes with one reason together. That the others leave it to the owner needs no words.
fn silent(plan: &Plan) -> String {
    let announced: BTreeSet<&str> = plan
        .nodes
        .iter()
        .flat_map(|n| &n.l2)
        .flat_map(|l2| &l2.services)
        .map(|s| &**s)
        .collect();
    let mut nodes: BTreeMap<[&str; 4], Vec<&str>> = BTreeMap::new();
    for node in &plan.nodes {
        let lonely = |n: &&NotAnnounced| n.owner.is_none() && !announced.contains(&*n.service);
        for n in node.not_announced.iter().filter(lonely) {
            let row = [&n.service, n.protocol.as_str(), n.reason, &n.message];
            nodes.entry(row).or_default().push(&node.name);
        }
    }
    let rows = nodes
        .into_iter()
        .map(|([service, protocol, reason, why], names)| {
            let on = if names.len() == plan.nodes.len() {
                "all".to_owned()
            } else {
                names.join(", ")
            };
            [
                service.to_owned(),
                protocol.to_owned(),
                on,
                reason.to_owned(),
                why.to_owned(),
            ]
        });
    section("NOT ANNOUNCED", ["SERVICE", "BY", "NODES", "REASON", "WHY"], rows)
}

fn ignored(plan: &Plan) -> String {
    let objects = plan
        .ignored
        .iter()
        .map(|i| object(&i.kind, &i.namespace, &i.name));
    lines("IGNORED (kinds that are not read)", objects)
}

/// Manifests of a cluster seldom hold its Nodes.
fn hint(plan: &Plan) -> String {
    if !plan.nodes.is_empty() || plan.services.is_empty() {
        return String::new();
    }
    "hint: without Node objects nothing is said about announcing; add them and the EndpointSlices with\n      \
     kubectl get nodes,endpointslices --all-namespaces -o yaml | ferrolb plan -f - -f ...\n"
        .to_owned()
}

fn verdict(plan: &Plan) -> String {
    let all = || {
        plan.problems
            .iter()
            .chain(plan.nodes.iter().flat_map(|n| &n.problems))
    };
    let errors = all().filter(|p| p.severity == Severity::Error).count();
    let warnings = all().count() - errors;
    match (errors, warnings) {
        (0, 0) => "The plan is valid.".to_owned(),
        (0, warnings) => format!("The plan is valid, with {}.", counted(warnings, "warning")),
        (errors, 0) => format!("The plan is not valid: {}.", counted(errors, "error")),
        (errors, warnings) => {
            format!(
                "The plan is not valid: {}, {}.",
                counted(errors, "error"),
                counted(warnings, "warning")
            )
        }
    }
}

fn counted(n: usize, noun: &str) -> String {
    format!("{n} {noun}{}", if n == 1 { "" } else { "s" })
}

fn or_dash(text: &str) -> String {
    if text.is_empty() {
        "-".to_owned()
    } else {
        text.to_owned()
    }
}

fn lines(title: &str, lines: impl Iterator<Item = String>) -> String {
    let body: String = lines.map(|line| format!("  {line}\n")).collect();
    if body.is_empty() {
        body
    } else {
        format!("{title}\n{body}")
    }
}

/// An indented table under its title; nothing at all without rows.
fn section<const N: usize>(
    title: &str,
    headings: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> String {
    let table = table(headings, rows);
    lines(title, table.lines().map(str::to_owned))
}
