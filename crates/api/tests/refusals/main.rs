//! Every error id of api-and-config section 6 by itself: what refuses which object, where and why, and what does not.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

/// Makes a test of each function that gives rows, and `rows`, which gives those of all of them.
macro_rules! tables {
    ($($name:ident),* $(,)?) => {
        mod table {
            $(#[test]
            fn $name() {
                crate::check(&super::$name());
            })*
        }

        /// The rows of all tables of this page.
        pub(crate) fn rows() -> Vec<crate::Row> {
            [$($name()),*].into_iter().flatten().collect()
        }
    };
}

mod bgp_advertisements;
mod bgp_modes;
mod bgp_peers;
mod communities;
mod ids;
mod l2_advertisements;
mod pools;
mod timers;
mod vectors;

use ferrolb_api::core::Node;
use ferrolb_api::{
    BgpMode, Problem, RawConfig, Resolved, Rules, Severity, decode, node_view, reason, resolve,
};
use serde_json::Value;

/// One row: the ids that it shows, manifests, and the problems that they must give, in order and no others.
///
/// A problem is written `NAME FIELD REASON`, and `warning: NAME FIELD REASON` if its object is accepted.
pub(crate) struct Row {
    ids: &'static str,
    manifests: String,
    problems: Vec<String>,
    rules: Rules,
}

/// A row that is refused (or warned of), in mode `frr` with Secrets known.
fn row(ids: &'static str, manifests: impl Into<String>, problems: &[&str]) -> Row {
    let rules = Rules {
        bgp_mode: BgpMode::Frr,
        with_secrets: true,
        ..Rules::default()
    };
    Row {
        ids,
        manifests: manifests.into(),
        problems: problems.iter().map(ToString::to_string).collect(),
        rules,
    }
}

/// A row that is fine.
fn fine(ids: &'static str, manifests: impl Into<String>) -> Row {
    row(ids, manifests, &[])
}

impl Row {
    fn mode(mut self, mode: BgpMode) -> Self {
        self.rules.bgp_mode = mode;
        self
    }

    fn strict(mut self) -> Self {
        self.rules.strict = true;
        self
    }

    fn passthrough(mut self) -> Self {
        self.rules.secret_passthrough = true;
        self
    }
}

/// A manifest of one line, ready to be joined.
fn manifest(kind: &str, name: &str, spec: &str) -> String {
    let version = if kind == "BGPPeer" { "v1beta2" } else { "v1beta1" };
    format!(
        "---\n{{apiVersion: metallb.io/{version}, kind: {kind}, metadata: {{name: {name}}}, spec: {spec}}}\n"
    )
}

/// A manifest with a time of creation.
fn manifest_of(kind: &str, name: &str, year: u16, spec: &str) -> String {
    let created = format!("{{creationTimestamp: '{year}-01-01T00:00:00Z', name: ");
    manifest(kind, name, spec).replace("{name: ", &created)
}

/// Nodes with a label that is their name.
fn nodes(names: &[&str]) -> String {
    let node = |name: &&str| {
        format!("---\n{{apiVersion: v1, kind: Node, metadata: {{name: {name}, labels: {{host: {name}}}}}}}\n")
    };
    names.iter().map(node).collect()
}

/// The same without nodes, so that none is known.
fn without_nodes(manifests: &str) -> String {
    let documents = manifests.split("---\n").filter(|d| !d.contains("kind: Node"));
    documents.collect::<Vec<_>>().join("---\n")
}

fn resolve_manifests(text: &str, rules: &Rules) -> Resolved {
    let mut raw = RawConfig {
        rules: rules.clone(),
        ..RawConfig::default()
    };
    let (mut nodes, mut undecodable) = (Vec::new(), Vec::new());
    for document in text.split("---\n").filter(|d| !d.is_empty()) {
        let value: Value = serde_saphyr::from_str(document).unwrap();
        match raw.add(&value) {
            Ok(true) => {}
            Ok(false) => nodes.push(decode::<Node>(&value).unwrap().observe()),
            Err(problem) => undecodable.push(*problem),
        }
    }
    let mut resolved = resolve(&raw);
    resolved.problems.extend(undecodable);
    let views = nodes.iter().map(Some).chain(nodes.is_empty().then_some(None));
    let seen: Vec<Problem> = views
        .flat_map(|node| node_view(&resolved.config, node, rules).problems)
        .collect();
    for problem in seen {
        if !resolved.problems.contains(&problem) {
            resolved.problems.push(problem);
        }
    }
    resolved
}

fn check(rows: &[Row]) {
    for row in rows {
        let resolved = resolve_manifests(&row.manifests, &row.rules);
        let found: Vec<String> = resolved.problems.iter().map(|p| described(row.ids, p)).collect();
        assert_eq!(
            found, row.problems,
            "{} {:?}: {:#?}",
            row.ids, row.rules, resolved.problems
        );
    }
}

fn described(ids: &str, p: &Problem) -> String {
    assert!(
        reason::Reason::find(&p.reason).is_some(),
        "{ids}: {} is not listed",
        p.reason
    );
    assert!(
        !p.message.ends_with('.') && !p.message.is_empty(),
        "{ids}: {}",
        p.message
    );
    assert!(!p.hint().is_empty(), "{ids}: {}", p.reason);
    let mark = if p.severity == Severity::Error {
        ""
    } else {
        "warning: "
    };
    format!("{mark}{} {} {}", p.name, p.field, p.reason)
}
