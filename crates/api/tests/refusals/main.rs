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
        pub(crate) fn rows() -> Vec<super::Row> {
            [$($name()),*].into_iter().flatten().collect()
        }
    };
}

mod consequences;
mod ids;
mod tables;
mod vectors;

use ferrolb_api::core::Node;
use ferrolb_api::{Problem, RawConfig, Resolved, Rules, Severity, decode, node_view, reason, resolve};
use serde_json::Value;

use tables::Row;

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
