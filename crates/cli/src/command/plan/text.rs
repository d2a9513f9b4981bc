//! A plan for people: what is wrong first, then who gets what and who announces it.

use std::collections::BTreeMap;

use ferrolb_api::Severity;
use ferrolb_plan::report::{Node, NotAnnounced, Plan, Pool, Route, Service, Session};
use ferrolb_types::IpNet;

use crate::command::findings::{Finding, counted, object};
use crate::table::table;

/// The whole plan; sections without content are left out.
pub(super) fn render(plan: &Plan, findings: &[Finding]) -> String {
    let sections = [
        problems(findings),
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
        section(
            "BGP SESSIONS",
            ["PEER", "NODES", "ADDRESS", "AS", "HOLD", "WITH", "ROUTES"],
            on_nodes(plan, |node| node.bgp.sessions.iter().map(session)),
        ),
        section(
            "BGP ROUTES",
            ["PREFIX", "PEER", "NODES", "LOCAL PREF", "COMMUNITIES"],
            on_nodes(plan, |node| node.bgp.sessions.iter().flat_map(routes)),
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

fn problems(findings: &[Finding]) -> String {
    let mut all: Vec<&Finding> = findings.iter().collect();
    all.sort_by_key(|f| std::cmp::Reverse(f.problem.severity));
    lines("PROBLEMS", all.into_iter().map(problem))
}

/// `error: IPAddressPool metallb-system/a, spec.addresses[0] (InvalidAddress), pools.yaml:7`, and the message below it.
fn problem(finding: &Finding) -> String {
    let problem = &finding.problem;
    let field = match &*problem.field {
        "" => String::new(),
        field => format!(", {field}"),
    };
    let place = finding
        .place
        .as_ref()
        .map(|p| format!(", {p}"))
        .unwrap_or_default();
    format!(
        "{}: {}{field} ({}){}{place}\n    {}",
        finding.severity(),
        finding.object(),
        problem.reason,
        finding.on_nodes(),
        problem.message
    )
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

/// A row that several nodes may have: what it is ordered by, and the column for their names.
type Shared<const N: usize> = (Option<IpNet>, usize, [String; N]);

/// Rows of all nodes; equal ones become one with the names of the nodes, or `all`.
fn on_nodes<'a, const N: usize, R>(plan: &'a Plan, rows: impl Fn(&'a Node) -> R) -> Vec<[String; N]>
where
    R: Iterator<Item = Shared<N>> + 'a,
{
    let mut nodes: BTreeMap<Shared<N>, Vec<&str>> = BTreeMap::new();
    for node in &plan.nodes {
        for row in rows(node) {
            nodes.entry(row).or_default().push(&node.name);
        }
    }
    let named = |((_, column, mut row), names): (Shared<N>, Vec<&str>)| {
        row[column] = all_or_named(plan, &names);
        row
    };
    nodes.into_iter().map(named).collect()
}

fn all_or_named(plan: &Plan, names: &[&str]) -> String {
    if names.len() == plan.nodes.len() {
        "all".to_owned()
    } else {
        names.join(", ")
    }
}

fn session(session: &Session) -> Shared<7> {
    let theirs = session
        .peer_asn
        .map_or_else(|| session.dynamic_asn.to_owned(), |asn| asn.to_string());
    let hold = session
        .hold_time_seconds
        .map_or_else(|| "-".to_owned(), |seconds| format!("{seconds}s"));
    let row = [
        session.peer.clone(),
        String::new(),
        remote(session),
        format!("{} to {theirs}", session.local_asn),
        hold,
        or_dash(&features(session).join(", ")),
        session.routes.len().to_string(),
    ];
    (None, 1, row)
}

fn remote(session: &Session) -> String {
    match (&*session.peer_address, session.peer_port) {
        ("", _) => format!("on {}", session.interface),
        (address, 179) => address.to_owned(),
        (address, port) if address.contains(':') => format!("[{address}]:{port}"),
        (address, port) => format!("{address}:{port}"),
    }
}

/// What is not so with every session.
fn features(session: &Session) -> Vec<String> {
    let named = |name: &str, value: &str| (!value.is_empty()).then(|| format!("{name} {value}"));
    let flag = |name: &str, set: bool| set.then(|| name.to_owned());
    [
        named("vrf", &session.vrf),
        named("from", &session.source_address),
        named("bfd", &session.bfd_profile),
        flag("password", session.has_password),
        flag("multihop", session.ebgp_multi_hop),
        flag("graceful restart", session.graceful_restart),
        flag("dual stack", session.dual_stack_address_family),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn routes(session: &Session) -> impl Iterator<Item = Shared<5>> + '_ {
    session.routes.iter().map(|route| {
        let local_pref = match route.local_pref {
            0 => "-".to_owned(),
            pref => pref.to_string(),
        };
        let row = [
            route.prefix.clone(),
            session.peer.clone(),
            String::new(),
            local_pref,
            or_dash(&communities(route)),
        ];
        (route.prefix.parse().ok(), 2, row)
    })
}

fn communities(route: &Route) -> String {
    let large = route.large_communities.iter().map(|c| format!("large:{c}"));
    let all: Vec<String> = route.communities.iter().cloned().chain(large).collect();
    all.join(", ")
}

/// What no node announces at all, nodes with one reason together. That the others leave it to the owner needs no words.
fn silent(plan: &Plan) -> String {
    let mut silent: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for n in plan.nodes.iter().flat_map(|node| &node.not_announced) {
        *silent.entry((&n.service, n.protocol.as_str())).or_default() += 1;
    }
    let nobody = |n: &NotAnnounced| silent[&(&*n.service, n.protocol.as_str())] == plan.nodes.len();
    let mut nodes: BTreeMap<[&str; 4], Vec<&str>> = BTreeMap::new();
    for node in &plan.nodes {
        let lonely = |n: &&NotAnnounced| n.owner.is_none() && nobody(n);
        for n in node.not_announced.iter().filter(lonely) {
            let row = [&n.service, n.protocol.as_str(), n.reason, &n.message];
            nodes.entry(row).or_default().push(&node.name);
        }
    }
    let rows = nodes
        .into_iter()
        .map(|([service, protocol, reason, why], names)| {
            [
                service.to_owned(),
                protocol.to_owned(),
                all_or_named(plan, &names),
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
