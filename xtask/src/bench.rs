//! The benchmarks next to their budgets.
//!
//! Medians are read from the tables that divan prints. A benchmark that measures something else, memory or frames on a
//! wire, prints a line for each thing:
//!
//! ```text
//!   measure NAME VALUE UNIT        measure controller/resident 31.5 MiB
//! ```
//!
//! A budget without a measurement is shown as not measured; it is not forgotten. The table ends with how many were missed, and
//! the program with a failure if any was, or if any was not measured although everything was asked for.

mod budgets;
mod divan;

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use serde::Serialize;

use crate::{binary, repository};
use budgets::BUDGETS;

/// How to print the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Output {
    Table,
    Json,
}

/// Something that was measured.
#[derive(Clone, Debug, PartialEq)]
struct Measure {
    name: String,
    value: f64,
    unit: String,
}

/// One row of the result.
#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    name: String,
    what: String,
    measured: Option<f64>,
    budget: Option<f64>,
    unit: String,
    within: Option<bool>,
}

/// Runs every benchmark of the workspace, or only the measurements with these names, and prints the result.
pub(crate) fn run(output: Output, names: &[&str]) -> Result<()> {
    let (measures, outcome) = measure(names)?;
    let rows = rows(&measures);
    match output {
        Output::Json => println!("{}", serde_json::to_string_pretty(&rows)?),
        Output::Table => print!("{}", table(&rows)),
    }
    outcome?;
    verdict(&rows, names.is_empty())
}

/// Lets cargo run the benchmarks; what they print goes to standard error, so that JSON stays JSON. One that fails takes nothing
/// from the others: it is told at the end.
fn measure(names: &[&str]) -> Result<(Vec<Measure>, Result<()>)> {
    let binary = binary::build()?;
    let mut measures = vec![size_of(&binary)?];
    let mut outcome = Ok(());
    for arguments in calls(names) {
        outcome = outcome.and(bench(&binary, &arguments, &mut measures));
    }
    Ok((measures, outcome))
}

/// An error if a budget was missed, or in a run of everything not measured.
fn verdict(rows: &[Row], is_everything: bool) -> Result<()> {
    let with_budget = || rows.iter().filter(|row| row.budget.is_some());
    let missed = with_budget().filter(|row| row.within == Some(false)).count();
    let unmeasured = with_budget().filter(|row| row.within.is_none()).count();
    ensure!(missed == 0, "{missed} budgets were missed");
    ensure!(
        unmeasured == 0 || !is_everything,
        "{unmeasured} budgets were not measured"
    );
    Ok(())
}

/// Arguments of the calls of `cargo bench` that make these measurements: `cluster/NAME` is one on a real API server, others are
/// of `ferrolb-bench`. Without names it is everything.
fn calls<'a>(names: &[&'a str]) -> Vec<Vec<&'a str>> {
    if names.is_empty() {
        return vec![vec!["--workspace"]];
    }
    let on_cluster = names.iter().filter_map(|name| name.strip_prefix("cluster/"));
    let on_cluster: Vec<&str> = on_cluster.collect();
    let others = names.iter().copied().filter(|name| !name.starts_with("cluster/"));
    let of = |package: &'static str, names: Vec<&'a str>| {
        let is_asked = !names.is_empty();
        is_asked.then(|| [&["--package", package, "--"][..], &names].concat())
    };
    let calls = [
        of("ferrolb-bench", others.collect()),
        of("ferrolb-tests-cluster", on_cluster),
    ];
    calls.into_iter().flatten().collect()
}

/// Runs benchmarks and adds what they print to `measures`.
fn bench(binary: &Path, arguments: &[&str], measures: &mut Vec<Measure>) -> Result<()> {
    let mut cargo = repository::cargo();
    // What benchmarks of whole processes run.
    cargo.env("FERROLB_BIN", binary);
    cargo
        .args(["bench", "--locked", "--no-fail-fast", "--bench", "*"])
        .args(arguments);
    let mut child = cargo
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start `cargo bench`")?;
    let stdout = child
        .stdout
        .take()
        .context("`cargo bench` has no standard output")?;
    let mut tables = divan::Tables::default();
    for line in BufReader::new(stdout).lines() {
        let line = line?;
        eprintln!("{line}");
        measures.extend(parse(&line).or_else(|| tables.read(&line)));
    }
    ensure!(
        child.wait()?.success(),
        "`cargo bench` failed; its last lines say which benchmark"
    );
    Ok(())
}

fn size_of(binary: &Path) -> Result<Measure> {
    let bytes = fs::metadata(binary)
        .with_context(|| format!("no {}", binary.display()))?
        .len();
    Ok(Measure {
        name: "binary/size".to_owned(),
        value: bytes as f64 / f64::from(1 << 20),
        unit: "MiB".to_owned(),
    })
}

fn parse(line: &str) -> Option<Measure> {
    let mut words = line.trim().strip_prefix("measure ")?.split_whitespace();
    let (name, value, unit) = (words.next()?, words.next()?.parse().ok()?, words.next()?);
    words.next().is_none().then(|| Measure {
        name: name.to_owned(),
        value,
        unit: unit.to_owned(),
    })
}

/// Every budget in order, then what was measured without a budget.
fn rows(measures: &[Measure]) -> Vec<Row> {
    let with_budget = BUDGETS.iter().map(|b| {
        let measured = measures.iter().find(|m| b.is_for(m)).map(|m| m.value);
        Row {
            name: b.name.to_owned(),
            what: b.what.to_owned(),
            measured,
            budget: Some(b.limit),
            unit: b.unit.to_owned(),
            within: measured.map(|value| value <= b.limit),
        }
    });
    let other = measures.iter().filter(|m| !BUDGETS.iter().any(|b| b.is_for(m)));
    with_budget.chain(other.map(without_budget)).collect()
}

fn without_budget(measure: &Measure) -> Row {
    let Measure { name, value, unit } = measure.clone();
    Row {
        what: name.clone(),
        name,
        measured: Some(value),
        budget: None,
        unit,
        within: None,
    }
}

/// Three digits that mean something.
fn short(value: f64) -> String {
    match value {
        v if v == v.trunc() || v >= 100.0 => format!("{v:.0}"),
        v if v >= 1.0 => format!("{v:.1}"),
        v => format!("{v:.3}"),
    }
}

fn table(rows: &[Row]) -> String {
    let width = rows.iter().map(|row| row.what.len()).max().unwrap_or(0);
    let mut text = format!("{:width$}  {:>13}  {:>13}\n", "WHAT", "MEASURED", "BUDGET");
    for row in rows {
        let measured = row.measured.map_or_else(
            || "not measured".to_owned(),
            |v| format!("{} {}", short(v), row.unit),
        );
        let budget = row
            .budget
            .map_or_else(|| "-".to_owned(), |v| format!("{} {}", short(v), row.unit));
        let mark = row
            .within
            .map_or("", |within| if within { "  pass" } else { "  MISS" });
        text += &format!("{:width$}  {measured:>13}  {budget:>13}{mark}\n", row.what);
    }
    text + &summary(rows)
}

fn summary(rows: &[Row]) -> String {
    let count = |within| rows.iter().filter(|row| row.within == Some(within)).count();
    let unmeasured = rows.iter().filter(|row| row.measured.is_none()).count();
    let (passed, missed) = (count(true), count(false));
    format!("{passed} budgets passed, {missed} missed, {unmeasured} not measured\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measure(name: &str, value: f64, unit: &str) -> Measure {
        Measure {
            name: name.to_owned(),
            value,
            unit: unit.to_owned(),
        }
    }

    #[test]
    fn reads_measurements_among_other_lines() {
        assert_eq!(
            parse("measure controller/resident 31.5 MiB"),
            Some(measure("controller/resident", 31.5, "MiB"))
        );
        for other in [
            "",
            "measure",
            "measure ipam/allocate fast us",
            "Timer precision: 20 ns",
            "measure a 1 us extra",
        ] {
            assert_eq!(parse(other), None, "{other}");
        }
    }

    #[test]
    fn names_are_looked_for_where_they_are_measured() {
        assert_eq!(calls(&[]), [["--workspace"]]);
        let expected = [
            vec!["--package", "ferrolb-bench", "--", "arp"],
            vec!["--package", "ferrolb-tests-cluster", "--", "steady", "bulk"],
        ];
        assert_eq!(calls(&["cluster/steady", "arp", "cluster/bulk"]), expected);
        assert_eq!(calls(&["arp"]).len(), 1);
    }

    #[test]
    fn a_budget_that_nothing_measured_stays_in_the_table() {
        let text = table(&rows(&[]));
        assert_eq!(text.matches("not measured\u{20}").count(), BUDGETS.len());
        assert!(!text.contains("MISS"));
        let all = format!("0 budgets passed, 0 missed, {} not measured\n", BUDGETS.len());
        assert!(text.ends_with(&all), "{text}");
    }

    #[test]
    fn what_misses_its_budget_is_marked_and_what_has_none_is_shown() {
        let over = measure(BUDGETS[0].name, BUDGETS[0].limit * 1.5, BUDGETS[0].unit);
        let text = table(&rows(&[over, measure("wire/decode-arp", 3.0, "ns")]));
        assert_eq!(text.lines().filter(|line| line.ends_with("MISS")).count(), 1);
        assert!(text.contains("wire/decode-arp"));
    }

    #[test]
    fn a_missed_budget_fails_the_run_and_one_not_measured_only_a_run_of_everything() {
        let at = |factor: f64| {
            let measures = BUDGETS.iter().map(|b| measure(b.name, b.limit * factor, b.unit));
            measures.collect::<Vec<_>>()
        };
        verdict(&rows(&at(1.0)), true).unwrap();
        let missed = verdict(&rows(&at(1.5)), false).unwrap_err().to_string();
        assert!(missed.ends_with("budgets were missed"), "{missed}");
        let few = rows(&at(1.0)[..2]);
        verdict(&few, false).unwrap();
        let unmeasured = verdict(&few, true).unwrap_err().to_string();
        assert!(unmeasured.ends_with("budgets were not measured"), "{unmeasured}");
    }
}
