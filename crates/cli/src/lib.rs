//! The `ferrolb` command: reads arguments and environment, runs one command, maps its outcome to an exit status.
//!
//! What it is not: it decides nothing about addresses. Commands are thin; what they show is computed in `plan`, what
//! they run lives in `controller`, `speaker` and `apiserver`.
//!
//! ```text
//!   argv ──multicall──▶ Go-style flags made long ──clap──▶ args::* ──▶ command::*::run ──▶ exit status
//! ```
//!
//! | Exit status | Meaning |
//! |---|---|
//! | 0 | done |
//! | 1 | the command failed, or `plan`, `check` or `doctor` found something wrong |
//! | 2 | usage: unknown flag or command, unreadable file |
//! | 130 | interrupted |
//!
//! ```
//! let argv = ["/speaker", "-node-name", "n1", "-port=0"].map(Into::into);
//! let seen = ferrolb_cli::argv::normalise(argv);
//! assert_eq!(seen, ["ferrolb", "speaker", "--node-name=n1", "--port=0"]);
//! ```

pub mod args;
pub mod argv;
mod command;
mod convert;
mod environment;
mod live;
mod locate;
mod manifest;
mod output;
mod table;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::FromArgMatches as _;

use args::{Cli, Command};

/// Runs the command that `argv` names and returns its exit status.
pub fn main(argv: impl IntoIterator<Item = OsString>) -> ExitCode {
    let parsed = Cli::grouped().try_get_matches_from(argv::normalise(argv));
    let cli = match parsed.and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(error) => return output::usage(&error),
    };
    output::finish(dispatch(cli.command))
}

/// The documents of a manifest, as `plan` reads a file; for tests and fuzzing.
///
/// # Errors
/// Where the text is no YAML, and why.
pub fn read_manifests(text: &str) -> Result<Vec<serde_json::Value>, String> {
    manifest::documents(text).map_err(|error| error.to_string())
}

fn dispatch(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Controller(args) => command::controller::run(&args),
        Command::Speaker(args) => command::speaker::run(&args),
        Command::Standalone(args) => command::standalone::run(args),
        Command::Demo(args) => command::demo::run(&args),
        Command::Plan(args) => command::plan::run(&args),
        Command::Check(args) => command::check::run(&args),
        Command::Explain(args) => command::explain::run(&args),
        Command::Status(args) => command::status::run(&args),
        Command::Doctor(args) => command::doctor::run(&args),
        Command::Convert(args) => command::convert::run(&args),
        Command::Crds(args) => command::crds::run(&args),
        Command::Completion(args) => command::completion::run(&args),
        Command::Version(args) => command::version::run(&args),
        Command::Reference => command::reference::run(),
    }
}
