//! `ferrolb explain`.

mod reason;

use std::process::ExitCode;

use crate::args::ExplainArgs;

pub(crate) fn run(args: &ExplainArgs) -> anyhow::Result<ExitCode> {
    reason::run(&args.what.join(" "), args.output)
}
