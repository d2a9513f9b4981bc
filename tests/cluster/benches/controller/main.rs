//! The controller on a real API server: time, writes and memory.
//!
//! ```text
//!   cargo bench -p ferrolb-tests-cluster --bench controller -- [--current] [NAME...]       all by default
//! ```
//!
//! `make bench` runs it and prints the budgets beside it; it needs what the cluster tier needs. Every measurement has a
//! cluster of its own and takes one to three minutes. The controller runs as it is shipped: as its ServiceAccount and
//! with leader election.
//!
//! The API server behaves like Kubernetes 1.32. From 1.33 on, it goes through all `IPAddress` objects twice whenever it gives a
//! Service its cluster address, one creation at a time: beside 10,000 Services that takes 20 ms each, so that 50 a second
//! queue up for seconds without any controller. With `--current` the API server behaves like its own version.
//!
//! Store, API server, controller and this program share one machine. So the times are upper bounds, and the rate of
//! writes is compared with that of a client that does nothing else.

mod lab;
mod plain;
mod sight;

mod bulk;
mod release;
mod restart;
mod steady;

use std::process::ExitCode;

use anyhow::{Result, bail};
use ferrolb_bench::report::say;
use ferrolb_tests_cluster::{Cluster, Roles};

use crate::lab::Lab;

/// Something that can be asked for by name.
struct Measurement {
    name: &'static str,
    what: &'static str,
    run: fn(&mut Lab<'_>) -> Result<()>,
}

/// The last version that gives cluster addresses in a time that does not grow with their number.
const KUBERNETES: &str = "1.32";

const MEASUREMENTS: &[Measurement] = &[
    Measurement {
        name: "steady",
        what: "1,000 pending Services at once, then 50 a second beside 1,000 and beside 10,000",
        run: steady::serves_a_crowd_and_then_one_after_another,
    },
    Measurement {
        name: "release",
        what: "4,096 addresses in use and 200 Services waiting: one is deleted, the next one is served",
        run: release::serves_the_next_one,
    },
    Measurement {
        name: "restart",
        what: "start beside 10,000 Services that have their addresses",
        run: restart::adopts_ten_thousand,
    },
    Measurement {
        name: "bulk",
        what: "5,000 new Services, beside a client that does nothing but write as many statuses",
        run: bulk::keeps_up_with_a_plain_client,
    },
];

fn main() -> ExitCode {
    // `cargo bench` itself adds `--bench`.
    let words = std::env::args().skip(1).filter(|word| word != "--bench");
    let (options, names): (Vec<_>, Vec<_>) = words.partition(|word| word == "--current");
    let version = options.is_empty().then_some(KUBERNETES);
    match run(version, &names) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(version: Option<&'static str>, names: &[String]) -> Result<()> {
    if let Some(unknown) = names
        .iter()
        .find(|&name| MEASUREMENTS.iter().all(|m| m.name != name))
    {
        let known = MEASUREMENTS
            .iter()
            .map(|m| format!("  {:8} {}\n", m.name, m.what));
        bail!(
            "no measurement `{unknown}`; there are\n{}",
            known.collect::<String>()
        );
    }
    let is_chosen = |m: &&Measurement| names.is_empty() || names.iter().any(|name| name == m.name);
    for measurement in MEASUREMENTS.iter().filter(is_chosen) {
        say(format_args!("{}: {}", measurement.name, measurement.what));
        Cluster::run_as(version, Roles::Shipped, |cluster| {
            (measurement.run)(&mut Lab::new(cluster)?)
        })?;
    }
    Ok(())
}
