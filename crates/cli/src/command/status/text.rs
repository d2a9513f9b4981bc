//! The state for people: tables, and what could not be found out.

use ferrolb_diagnosis::status::{Address, Leader, Node, Ring, Status, Waiting};
use ferrolb_plan::report::Pool;

use crate::table::table;

/// All tables that have rows.
pub(super) fn render(status: &Status, is_wide: bool) -> String {
    let parts = [
        controllers(status),
        nodes(status, is_wide),
        status.ring.as_ref().map(disagreement).unwrap_or_default(),
        addresses(status, is_wide),
        table(["WAITING", "REASON", "WHY"], status.waiting.iter().map(waiting)),
        pools(status),
        unknown(status),
    ];
    let filled: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    filled.join("\n")
}

fn controllers(status: &Status) -> String {
    let ready = match &*status.controllers {
        [] => "no ready controller pod is seen".to_owned(),
        names => format!("ready controllers: {}", names.join(", ")),
    };
    match &status.leader {
        Some(leader) => format!("{}; {ready}\n", leads(leader)),
        None => format!("{ready}\n"),
    }
}

fn leads(leader: &Leader) -> String {
    let Leader { lease, holder, .. } = leader;
    let renewed = leader
        .renewed_seconds_ago
        .map(|age| format!(", renewed {age} s ago"))
        .unwrap_or_default();
    match (&**holder, leader.is_current) {
        ("", _) => format!("nobody holds Lease {lease}"),
        (holder, true) => format!("{holder} leads (Lease {lease}{renewed})"),
        (holder, false) => format!("nobody leads: Lease {lease} of {holder} has run out{renewed}"),
    }
}

fn nodes(status: &Status, is_wide: bool) -> String {
    let row = |node: &Node| {
        let members = node
            .ring_members
            .map_or_else(|| "?".to_owned(), |n| n.to_string());
        [
            node.name.clone(),
            if node.ready { "yes" } else { "no" }.to_owned(),
            node.speaker.as_str().to_owned(),
            node.addresses.to_string(),
            members,
            remarks(node, is_wide),
        ]
    };
    let headings = ["NODE", "READY", "SPEAKER", "ADDRESSES", "RING", "REMARKS"];
    table(headings, status.nodes.iter().map(row))
}

/// What is wrong with a node; in full where there is room, otherwise the first of it.
fn remarks(node: &Node, is_wide: bool) -> String {
    let mut remarks: Vec<String> = Vec::new();
    if is_wide && !node.image.is_empty() {
        remarks.push(node.image.clone());
    }
    if !node.frozen.is_empty() {
        remarks.push(format!("withdraws nothing ({})", node.frozen.join(", ")));
    }
    let shown = if is_wide { node.alerts.len() } else { 1 };
    remarks.extend(node.alerts.iter().take(shown).cloned());
    let more = node.alerts.len().saturating_sub(shown);
    if more > 0 {
        remarks.push(format!("and {more} more (-o wide)"));
    }
    remarks.join("; ")
}

/// Whose view of the ring is not the one that the first speaker has.
fn disagreement(ring: &Ring) -> String {
    if ring.agree {
        return String::new();
    }
    let rows = ring
        .views
        .iter()
        .map(|view| [view.node.clone(), view.members.to_string(), view.out.to_string()]);
    format!(
        "The speakers do not see the same ring; addresses may have several owners.\n{}",
        table(["SPEAKER", "SEES", "NOT ELECTABLE"], rows)
    )
}

fn addresses(status: &Status, is_wide: bool) -> String {
    if is_wide {
        let headings = [
            "ADDRESS",
            "SERVICE",
            "POOL",
            "OWNER",
            "STATE",
            "ELECTED",
            "INTERFACES",
        ];
        let row = |address: &Address| {
            let [ip, service, pool, owner, state] = columns(address);
            let interfaces = match &*address.interfaces {
                [] if address.owners.is_empty() => String::new(),
                [] => "all".to_owned(),
                names => names.join(", "),
            };
            [
                ip,
                service,
                pool,
                owner,
                state,
                address.elected.clone(),
                interfaces,
            ]
        };
        return table(headings, status.addresses.iter().map(row));
    }
    table(
        ["ADDRESS", "SERVICE", "POOL", "OWNER", "STATE"],
        status.addresses.iter().map(columns),
    )
}

fn columns(address: &Address) -> [String; 5] {
    let state = match &*address.reasons {
        [] => address.state.as_str().to_owned(),
        reasons => format!("{} ({})", address.state.as_str(), reasons.join(", ")),
    };
    [
        address.ip.clone(),
        address.services.join(", "),
        address.pool.clone(),
        address.owners.join(", "),
        state,
    ]
}

fn waiting(waiting: &Waiting) -> [String; 3] {
    [
        waiting.service.clone(),
        waiting.reason.clone(),
        waiting.message.clone(),
    ]
}

fn pools(status: &Status) -> String {
    let row = |pool: &Pool| {
        [
            pool.name.clone(),
            used(pool.assigned_ipv4, pool.available_ipv4),
            used(pool.assigned_ipv6, pool.available_ipv6),
            pool.prefixes.join(", "),
        ]
    };
    table(
        ["POOL", "IPV4", "IPV6", "ADDRESSES"],
        status.pools.iter().map(row),
    )
}

/// `3 of 16`; nothing for a family that the pool does not have.
fn used(assigned: i64, available: i64) -> String {
    match assigned.saturating_add(available) {
        0 => String::new(),
        i64::MAX => format!("{assigned} of more than 9e18"),
        total => format!("{assigned} of {total}"),
    }
}

fn unknown(status: &Status) -> String {
    status
        .unknown
        .iter()
        .map(|line| format!("not known: {line}\n"))
        .collect()
}
