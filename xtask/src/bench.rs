//! The benchmarks next to their budgets.
//!
//! Medians are read from the tables that divan prints. A benchmark that measures something else, memory or frames on a
//! wire, prints a line for each thing:
//!
//! ```text
//!   measure NAME VALUE UNIT        measure controller/resident 31.5 MiB
//! ```
//!
//! A budget without a measurement is shown as not measured; it is not forgotten.

mod divan;

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use serde::Serialize;

use crate::{binary, repository};

/// How to print the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Output {
    Table,
    Json,
}

/// An upper bound that the project promises.
struct Budget {
    name: &'static str,
    what: &'static str,
    limit: f64,
    unit: &'static str,
}

impl Budget {
    fn is_for(&self, measure: &Measure) -> bool {
        self.name == measure.name && self.unit == measure.unit
    }
}

const fn budget(name: &'static str, what: &'static str, limit: f64, unit: &'static str) -> Budget {
    Budget {
        name,
        what,
        limit,
        unit,
    }
}

const BUDGETS: &[Budget] = &[
    budget(
        "ipam/allocate-p50",
        "allocation decision, 1 million addresses of a /8 in use, p50",
        5.0,
        "us",
    ),
    budget(
        "decisions/automatic/1000000",
        "the same as a whole event of the engine",
        5.0,
        "us",
    ),
    budget(
        "decisions/shared/10000",
        "allocation decision with a sharing key among 10,000 shared addresses",
        10.0,
        "us",
    ),
    budget(
        "decisions/fill/16384",
        "a quarter of a /16 filled, decisions only: linear",
        125_000.0,
        "us",
    ),
    budget(
        "decisions/fill/65536",
        "a /16 filled by 65,536 Services, decisions only",
        500_000.0,
        "us",
    ),
    budget(
        "decisions/release_wakes_one/10000",
        "pool exhausted, 10,000 waiting: one release wakes one",
        100.0,
        "us",
    ),
    budget(
        "decisions/namespace_created",
        "a Namespace is created among 10,000 Services: none touched, no write",
        10.0,
        "us",
    ),
    budget(
        "decisions/restart",
        "restart with 10,000 assigned, decisions only: no write",
        200_000.0,
        "us",
    ),
    budget(
        "router/service_change",
        "BGP decision, 10,000 Services and 4 peers: one Service changes",
        20.0,
        "us",
    ),
    budget(
        "validation/bgp_peer",
        "API server: a BGPPeer against its schema and rules",
        500.0,
        "us",
    ),
    budget(
        "controller/resident",
        "controller, 10,000 Services: resident memory",
        64.0,
        "MiB",
    ),
    budget(
        "controller/writes-per-service",
        "controller, 10,000 pending Services: writes to each",
        1.0,
        "writes",
    ),
    budget(
        "controller/writes-on-restart",
        "controller, restart with everything assigned: writes",
        0.0,
        "writes",
    ),
    budget(
        "cluster/controller-resident",
        "the same on a real API server: resident memory",
        64.0,
        "MiB",
    ),
    budget(
        "cluster/writes-per-service",
        "the same on a real API server: writes to each",
        1.0,
        "writes",
    ),
    budget(
        "cluster/writes-on-restart",
        "the same on a real API server: writes on restart",
        0.0,
        "writes",
    ),
    budget(
        "speaker/resident",
        "speaker, 10,000 Services and EndpointSlices of 10: resident memory",
        64.0,
        "MiB",
    ),
    budget(
        "l2/arp-answer-p50",
        "ARP answer on veth, one address held, p50",
        60.0,
        "us",
    ),
    budget(
        "l2/arp-answer-of-10k-p50",
        "ARP answer on veth, 10,000 addresses held, p50",
        60.0,
        "us",
    ),
    budget("l2/arp-answer-of-10k-p99", "the same, p99", 200.0, "us"),
    budget(
        "l2/arp-answer-while-busy-p99",
        "the same while 1,000 Services change per second, p99",
        1.0,
        "ms",
    ),
    budget(
        "l2/arp-storm-core",
        "ARP, 100,000 questions/s for others' addresses: share of a core",
        10.0,
        "%",
    ),
    budget(
        "l2/arp-storm-lost",
        "the same: questions for held addresses without an answer",
        0.0,
        "answers",
    ),
    budget(
        "l2/ndp-answer-of-10k-p50",
        "NDP answer on veth, 10,000 addresses held, p50",
        60.0,
        "us",
    ),
    budget("l2/ndp-answer-of-10k-p99", "the same, p99", 200.0, "us"),
    budget(
        "l2/ndp-answer-while-busy-p99",
        "the same while 1,000 Services change per second, p99",
        1.0,
        "ms",
    ),
    budget(
        "l2/ndp-storm-core",
        "NDP, 100,000 questions/s for others' addresses: share of a core",
        10.0,
        "%",
    ),
    budget(
        "l2/ndp-storm-lost",
        "the same: questions for held addresses without an answer",
        0.0,
        "answers",
    ),
    budget(
        "node/slice_event_without_effect",
        "EndpointSlice of a Service of another node changes, 10,000 Services",
        20.0,
        "us",
    ),
    budget(
        "node/slice_event_of_a_foreign_service",
        "EndpointSlice of a Service without a load balancer changes",
        20.0,
        "us",
    ),
    budget(
        "speaker/start-to-frame-p99",
        "speaker started in a running ring: until its own address is announced, p99",
        500.0,
        "ms",
    ),
    budget(
        "filter/arp_of_a_third_of_a_pool",
        "kernel filter for 10,000 addresses is built",
        1000.0,
        "us",
    ),
    budget(
        "l2/failover-other-frames",
        "a speaker of three killed, 100 addresses: frames about those that have not moved",
        0.0,
        "frames",
    ),
    budget(
        "speaker/event-to-frame-p99",
        "watch event to gratuitous frame, 1,000 addresses announced, p99",
        10.0,
        "ms",
    ),
    budget(
        "speaker/event-to-frame-of-10k-p99",
        "watch event to gratuitous frame, 10,000 addresses announced, p99",
        10.0,
        "ms",
    ),
    budget(
        "gossip/packets-per-node",
        "ring of 100 nodes: packets that one sends",
        60.0,
        "packets/s",
    ),
    budget(
        "gossip/kilobytes-per-node",
        "ring of 100 nodes: what one sends, headers included",
        6.0,
        "KB/s",
    ),
    budget("ring/ping", "ring of 100 nodes: a packet comes in", 5.0, "us"),
    budget(
        "ring/a_second_of_ticks",
        "ring of 100 nodes: what a second asks for",
        1000.0,
        "us",
    ),
    budget("session/packet_received", "BFD: a packet comes in", 1.0, "us"),
    budget("session/packet_sent", "BFD: a packet goes out", 1.0, "us"),
    budget("codec/arp_decode", "ARP message read", 1.0, "us"),
    budget("codec/arp_encode", "ARP message written", 1.0, "us"),
    budget(
        "codec/ndp_decode/solicitation",
        "Neighbor Discovery message read",
        1.0,
        "us",
    ),
    budget(
        "codec/ndp_encode/advertisement",
        "Neighbor Discovery message written",
        1.0,
        "us",
    ),
    budget("codec/bfd_decode", "BFD message read", 1.0, "us"),
    budget("codec/bfd_encode", "BFD message written", 1.0, "us"),
    budget("codec/ring_decode/alive", "ring: alive message read", 1.0, "us"),
    budget(
        "codec/ring_encode/alive",
        "ring: alive message written",
        1.0,
        "us",
    ),
    budget(
        "codec/datagram_open",
        "ring: an encrypted datagram is unwrapped and read",
        20.0,
        "us",
    ),
    budget(
        "codec/datagram_seal",
        "ring: a datagram is compressed and encrypted",
        20.0,
        "us",
    ),
    budget("binary/size", "release binary, stripped", 15.0, "MiB"),
];

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

/// Runs every benchmark of the workspace, or only the measurements of `ferrolb-bench` with these names, and prints the
/// result.
pub(crate) fn run(output: Output, names: &[&str]) -> Result<()> {
    let measures = measure(names)?;
    let rows = rows(&measures);
    match output {
        Output::Json => println!("{}", serde_json::to_string_pretty(&rows)?),
        Output::Table => print!("{}", table(&rows)),
    }
    Ok(())
}

/// Lets cargo run the benchmarks; what they print goes to standard error, so that JSON stays JSON.
fn measure(names: &[&str]) -> Result<Vec<Measure>> {
    let binary = binary::build()?;
    let mut measures = vec![size_of(&binary)?];
    let mut cargo = repository::cargo();
    // What benchmarks of whole processes run.
    cargo.env("FERROLB_BIN", &binary);
    cargo.args(["bench", "--locked", "--bench", "*"]);
    match names {
        [] => cargo.arg("--workspace"),
        _ => cargo.args(["--package", "ferrolb-bench", "--"]).args(names),
    };
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
    ensure!(child.wait()?.success(), "`cargo bench` failed");
    Ok(measures)
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
    let mut text = format!("{:width$}  {:>12}  {:>12}\n", "WHAT", "MEASURED", "BUDGET");
    for row in rows {
        let measured = row.measured.map_or_else(
            || "not measured".to_owned(),
            |v| format!("{} {}", short(v), row.unit),
        );
        let budget = row
            .budget
            .map_or_else(|| "-".to_owned(), |v| format!("{} {}", short(v), row.unit));
        let mark = if row.within == Some(false) { "  OVER" } else { "" };
        text += &format!("{:width$}  {measured:>12}  {budget:>12}{mark}\n", row.what);
    }
    text
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
    fn a_budget_that_nothing_measured_stays_in_the_table() {
        let text = table(&rows(&[]));
        assert_eq!(text.matches("not measured").count(), BUDGETS.len());
        assert!(!text.contains("OVER"));
    }

    #[test]
    fn what_is_over_its_budget_is_marked_and_what_has_none_is_shown() {
        let over = measure(BUDGETS[0].name, BUDGETS[0].limit * 1.5, BUDGETS[0].unit);
        let text = table(&rows(&[over, measure("wire/decode-arp", 3.0, "ns")]));
        assert_eq!(text.lines().filter(|line| line.ends_with("OVER")).count(), 1);
        assert!(text.contains("wire/decode-arp"));
    }
}
