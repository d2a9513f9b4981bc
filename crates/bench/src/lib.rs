//! Measures what the project promises about speed and size, on the real processes.
//!
//! What it is not: a test. Nothing here fails because a machine is slow; only what does not happen at all, or happens
//! wrongly, is an error. Budgets are in `xtask`, which prints them beside what this prints (`make bench`).
//!
//! ```text
//!   this process                      a namespace "node"          a namespace "client"
//!   ┌──────────────┐  HTTP on its lo  ┌────────────────────┐      ┌──────────────────┐
//!   │ API server   │◀────────────────▶│ ferrolb controller │      │                  │
//!   │ in memory    │                  │ or ferrolb speaker │ veth │ packet socket of │
//!   │              │                  │               eth0 │──────│ this process     │
//!   └──────────────┘                  └────────────────────┘      └──────────────────┘
//! ```
//!
//! Each thing measured is one line on standard output, `measure NAME VALUE UNIT`; all else goes to standard error.
//! Namespaces have no names, and programs are killed with the thread that started them: nothing stays behind.
//!
//! ```
//! use ferrolb_bench::Distribution;
//! use std::time::Duration;
//!
//! let samples = (1..=200).map(Duration::from_micros);
//! let answers = Distribution::of(samples.collect()).expect("there are samples");
//! assert_eq!(answers.quantile(0.99), Duration::from_micros(198));
//! ```

mod allocation;
mod cluster;
mod controller;
mod distribution;
mod objects;
mod program;
pub mod report;
mod ring;
mod speaker;
mod wire;

use anyhow::{Result, bail};
use ferrolb_netio::namespace::{enter_user_namespace, is_permitted};

pub use distribution::Distribution;
pub use program::Program;

/// Something that can be asked for by name.
struct Measurement {
    name: &'static str,
    what: &'static str,
    run: fn() -> Result<()>,
}

const MEASUREMENTS: &[Measurement] = &[
    Measurement {
        name: "allocation",
        what: "one decision of the allocator with a million addresses of a /8 in use",
        run: allocation::decides_with_a_million_addresses_in_use,
    },
    Measurement {
        name: "controller",
        what: "10,000 pending Services: time, memory, writes; then a restart with everything assigned",
        run: controller::assigns_ten_thousand_services_and_restarts,
    },
    Measurement {
        name: "arp",
        what: "how long an ARP request waits for its answer, from the kernel and from a speaker with one address",
        run: speaker::answers_arp_for_one_address,
    },
    Measurement {
        name: "start",
        what: "from the start of a speaker in a running ring to the first frame about its address",
        run: ring::starts_in_a_running_ring,
    },
    Measurement {
        name: "failover",
        what: "one of three speakers is killed: frames about addresses that have not moved",
        run: ring::announces_after_a_death_what_has_moved,
    },
    Measurement {
        name: "takeover",
        what: "five speakers, each killed and asked to leave: until others announce its addresses, and what it claims later",
        run: ring::takes_over_from_the_dead_and_the_leaving,
    },
    Measurement {
        name: "announce",
        what: "from a change of a Service to the first gratuitous frame, with 1,000 addresses announced",
        run: speaker::announces_beside_a_thousand_addresses,
    },
    Measurement {
        name: "speaker",
        what: "a speaker with 10,000 Services and as many EndpointSlices: memory, ARP answers, a storm, announcing",
        run: speaker::holds_ten_thousand_addresses,
    },
    Measurement {
        name: "ndp",
        what: "the answers and the storm with 10,000 IPv6 addresses",
        run: speaker::holds_ten_thousand_ipv6_addresses,
    },
];

/// Runs the measurements named in `arguments`, or all.
///
/// # Errors
/// When a name is unknown, when there is neither root nor a user namespace, or when something does not happen.
pub fn run(arguments: &[String]) -> Result<()> {
    // `cargo bench` itself adds `--bench`.
    let names: Vec<&str> = arguments
        .iter()
        .map(String::as_str)
        .filter(|word| *word != "--bench")
        .collect();
    if names.contains(&"--help") {
        print!("{}", help());
        return Ok(());
    }
    if let Some(unknown) = names.iter().find(|name| find(name).is_none()) {
        bail!("no measurement `{unknown}`\n{}", help());
    }
    if !is_permitted() {
        enter_user_namespace()?;
    }
    let chosen = |m: &&Measurement| names.is_empty() || names.contains(&m.name);
    for measurement in MEASUREMENTS.iter().filter(chosen) {
        report::say(format_args!("{}: {}", measurement.name, measurement.what));
        (measurement.run)()?;
    }
    Ok(())
}

fn find(name: &str) -> Option<&'static Measurement> {
    MEASUREMENTS.iter().find(|measurement| measurement.name == name)
}

fn help() -> String {
    let line = |m: &Measurement| format!("  {:12} {}\n", m.name, m.what);
    let lines: String = MEASUREMENTS.iter().map(line).collect();
    format!("measurements, all by default:\n{lines}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_name_is_refused_with_the_known_ones() {
        let error = run(&["latency".to_owned()]).unwrap_err().to_string();
        assert!(error.contains("`latency`"), "{error}");
        assert!(MEASUREMENTS.iter().all(|m| error.contains(m.name)), "{error}");
    }

    #[test]
    fn help_runs_nothing() {
        run(&["--bench".to_owned(), "--help".to_owned()]).unwrap();
    }
}
