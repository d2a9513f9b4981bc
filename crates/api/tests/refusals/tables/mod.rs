//! The tables: manifests, and the problems that they must give. Whoever includes this module says in a macro `tables!` what
//! becomes of each function that gives rows.

use ferrolb_api::{BgpMode, Rules};

pub(crate) mod bgp_advertisements;
pub(crate) mod bgp_modes;
pub(crate) mod bgp_peers;
pub(crate) mod communities;
pub(crate) mod l2_advertisements;
pub(crate) mod pools;
pub(crate) mod timers;
pub(crate) mod vectors;

/// The rows of all tables.
pub(crate) fn rows() -> Vec<Row> {
    [
        bgp_advertisements::rows,
        bgp_modes::rows,
        bgp_peers::rows,
        communities::rows,
        l2_advertisements::rows,
        pools::rows,
        timers::rows,
        vectors::rows,
    ]
    .iter()
    .flat_map(|rows| rows())
    .collect()
}

/// One row: the ids that it shows, manifests, and the problems that they must give, in order and no others.
///
/// A problem is written `NAME FIELD REASON`, and `warning: NAME FIELD REASON` if its object is accepted.
pub(crate) struct Row {
    pub(crate) ids: &'static str,
    pub(crate) manifests: String,
    pub(crate) problems: Vec<String>,
    pub(crate) rules: Rules,
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
pub(crate) fn manifest(kind: &str, name: &str, spec: &str) -> String {
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
