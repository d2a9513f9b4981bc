//! Generators and checks of the repository, called by the Makefile: `cargo run -p xtask -- COMMAND`.
//!
//! ```text
//!   layers            fails when a crate depends across the borders of the architecture
//!   generate          writes every generated file: manifests, CRDs of the chart, reference pages
//!   check-generated   compares every generated file with what its generator makes
//!   compat            checks docs/compatibility.md against the CRDs, the error ids and the tests that it names
//!   binary            builds the static release binary and prints its path
//!   image             writes the container image as an OCI layout
//!   bench-table       runs the benchmarks, prints measured next to budget; with --json as JSON; with names only these
//!                     measurements: of ferrolb-bench, or cluster/NAME for one on a real API server
//! ```

mod api;
mod bench;
mod binary;
mod cli;
mod compat;
mod crd;
mod generated;
mod image;
mod layers;
mod manifests;
mod reasons;
mod repository;

use std::process::ExitCode;

use anyhow::{Result, bail};

const USAGE: &str = "usage: xtask layers | generate | check-generated | compat | binary | image [DIRECTORY] | \
                     bench-table [--json] [NAME...]";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match run(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(words: &[&str]) -> Result<()> {
    match words {
        ["layers"] => layers::run(),
        ["generate"] => generated::write(),
        ["check-generated"] => generated::check(),
        ["compat"] => compat::run(),
        ["binary"] => binary::run(),
        ["image"] => image::run(None),
        ["image", directory] => image::run(Some(directory.as_ref())),
        ["bench-table", "--json", names @ ..] => bench::run(bench::Output::Json, names),
        ["bench-table", names @ ..] => bench::run(bench::Output::Table, names),
        _ => bail!("{USAGE}"),
    }
}
