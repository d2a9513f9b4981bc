//! Every error id of api-and-config section 6 by itself: what refuses which object, where and why, and what does not.
#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod l2_advertisements;
mod pools;

use ferrolb_api::{RawConfig, Resolved, Severity, reason, resolve};
use serde_json::Value;

/// One row: an id, manifests, and the problems that they must give, in order and no others.
struct Row {
    id: &'static str,
    manifests: String,
    problems: &'static [&'static str],
}

/// A row that is refused (or warned of).
fn row(id: &'static str, manifests: impl Into<String>, problems: &'static [&'static str]) -> Row {
    Row {
        id,
        manifests: manifests.into(),
        problems,
    }
}

/// A row that is fine.
fn fine(id: &'static str, manifests: impl Into<String>) -> Row {
    row(id, manifests, &[])
}

/// A manifest of one line; documents are joined by `---`.
fn manifest(kind: &str, name: &str, spec: &str) -> String {
    format!("{{apiVersion: metallb.io/v1beta1, kind: {kind}, metadata: {{name: {name}}}, spec: {spec}}}\n")
}

fn resolve_manifests(text: &str) -> Resolved {
    let mut raw = RawConfig::default();
    let mut undecodable = Vec::new();
    for document in text.split("---\n") {
        let value: Value = serde_saphyr::from_str(document).unwrap();
        match raw.add(&value) {
            Ok(known) => assert!(known, "kind of {document}"),
            Err(problem) => undecodable.push(*problem),
        }
    }
    let mut resolved = resolve(&raw);
    resolved.problems.extend(undecodable);
    resolved
}

fn check(rows: &[Row]) {
    for row in rows {
        let resolved = resolve_manifests(&row.manifests);
        let found: Vec<String> = resolved
            .problems
            .iter()
            .map(|p| {
                assert!(
                    reason::Reason::find(&p.reason).is_some(),
                    "{}: {} is not listed",
                    row.id,
                    p.reason
                );
                let mark = if p.severity == Severity::Error {
                    ""
                } else {
                    "warning: "
                };
                format!("{mark}{} {} {}", p.name, p.field, p.reason)
            })
            .collect();
        assert_eq!(found, row.problems, "{}: {:#?}", row.id, resolved.problems);
    }
}
