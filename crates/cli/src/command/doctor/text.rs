//! The checks for people: one line each, and what they come to.

use ferrolb_diagnosis::{Area, Check, Outcome};

use super::Report;
use crate::command::findings::counted;
use crate::table::table;

pub(super) fn render(report: &Report) -> String {
    let node = section(report, Area::Node, "THIS NODE");
    let cluster = section(report, Area::Cluster, "THE CLUSTER");
    let parts: Vec<String> = [node, cluster, summary(report)]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect();
    parts.join("\n")
}

fn section(report: &Report, area: Area, heading: &str) -> String {
    let checks = report.checks.iter().filter(|check| check.area == area);
    let row = |check: &Check| {
        [
            check.result.as_str().to_owned(),
            check.name.to_owned(),
            finding(check),
        ]
    };
    table(["RESULT", "CHECK", heading], checks.map(row))
}

/// The message, with the word that `explain` knows.
fn finding(check: &Check) -> String {
    match &*check.reason {
        "" => check.message.clone(),
        reason => format!("{} ({reason})", check.message),
    }
}

fn summary(report: &Report) -> String {
    let count = |result| {
        report
            .checks
            .iter()
            .filter(|check| check.result == result)
            .count()
    };
    let (failed, warnings, skipped) = (
        count(Outcome::Failed),
        count(Outcome::Warning),
        count(Outcome::NotChecked),
    );
    let found = match (failed, warnings) {
        (0, 0) => "Nothing is wrong".to_owned(),
        (0, warnings) => counted(warnings, "warning"),
        (failed, 0) => format!("{failed} failed"),
        (failed, warnings) => format!("{failed} failed, {}", counted(warnings, "warning")),
    };
    if skipped == 0 {
        format!("{found}.\n")
    } else {
        format!("{found}; {skipped} not checked.\n")
    }
}
