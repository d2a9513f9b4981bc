//! `ferrolb completion`.

use std::process::ExitCode;

use clap::CommandFactory as _;

use crate::args::{Cli, CompletionArgs};
use crate::output;

pub(crate) fn run(args: &CompletionArgs) -> anyhow::Result<ExitCode> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "ferrolb", &mut script);
    output::print(&String::from_utf8_lossy(&script))?;
    Ok(ExitCode::SUCCESS)
}
