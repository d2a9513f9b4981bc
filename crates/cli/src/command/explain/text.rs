//! An explanation for people: what it is, what helps, then pool by pool and node by node.

use std::fmt::Write as _;

use ferrolb_plan::explain::{Explanation, NodeAnswer};

use crate::table::table;

/// The whole explanation; parts without content are left out.
pub(super) fn render(explanation: &Explanation) -> String {
    let parts = [
        headline(explanation),
        list("WHAT WOULD HELP", &explanation.remedies),
        pools(explanation),
        nodes(explanation),
        problems(explanation),
    ];
    let filled: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    filled.join("\n")
}

fn headline(e: &Explanation) -> String {
    let state = match (e.ips.as_slice(), &*e.reason) {
        ([], "") => e.state.to_owned(),
        ([], reason) => format!("{} ({reason})", e.state),
        (ips, "") => format!("{} {}", e.state, ips.join(", ")),
        (ips, reason) => format!("{} {} ({reason})", e.state, ips.join(", ")),
    };
    let mut out = format!("Service {}/{}: {state}\n", e.namespace, e.name);
    for finding in &e.findings {
        let _infallible = writeln!(out, "  {finding}");
    }
    out
}

fn list(heading: &str, items: &[String]) -> String {
    if items.is_empty() {
        return String::new();
    }
    items.iter().fold(format!("{heading}\n"), |mut out, item| {
        let _infallible = writeln!(out, "  - {item}");
        out
    })
}

fn pools(e: &Explanation) -> String {
    let rows = e.pools.iter().flat_map(|pool| {
        let none = ["nothing is in the way".to_owned()];
        let why = if pool.obstacles.is_empty() {
            none.to_vec()
        } else {
            pool.obstacles.clone()
        };
        let name = std::iter::once(pool.name.clone()).chain(std::iter::repeat(String::new()));
        name.zip(why).map(|(name, why)| [name, why]).collect::<Vec<_>>()
    });
    table(["POOL", "WHAT IS IN THE WAY"], rows)
}

fn nodes(e: &Explanation) -> String {
    let row = |node: &NodeAnswer| {
        let announces = if node.announces { "yes" } else { "no" };
        [
            node.name.clone(),
            node.protocol.to_string(),
            announces.to_owned(),
            why(node),
        ]
    };
    table(["NODE", "BY", "ANNOUNCES", "WHY"], e.nodes.iter().map(row))
}

/// `notOwner (n2): another node is elected`, or where it announces.
fn why(node: &NodeAnswer) -> String {
    match (&node.owner, node.announces) {
        (_, true) if node.on == ["*"] => "on every interface".to_owned(),
        (_, true) => format!("on {}", node.on.join(", ")),
        (Some(owner), false) => format!("{} ({owner}): {}", node.reason, node.message),
        (None, false) => format!("{}: {}", node.reason, node.message),
    }
}

/// Those that the first lines do not tell already.
fn problems(e: &Explanation) -> String {
    let untold = e
        .problems
        .iter()
        .filter(|problem| !e.findings.contains(&problem.message));
    let lines: Vec<String> = untold.map(ToString::to_string).collect();
    list("PROBLEMS", &lines)
}
