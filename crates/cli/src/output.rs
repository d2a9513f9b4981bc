//! Where words go: data on standard output, messages on standard error; a closed pipe is no error.

use std::fmt::Display;
use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::ValueEnum;

use crate::manifest::ManifestError;

/// The exit status for wrong usage and unreadable input.
pub(crate) const USAGE: u8 = 2;

/// How a command prints its data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// One JSON document.
    Json,
    /// One YAML document.
    Yaml,
}

/// Marks a failure to get at the input, which ends with status 2; it stands in front of the causes.
#[derive(Debug, thiserror::Error)]
#[error("the input is not usable")]
pub(crate) struct Unusable;

/// Prints what clap says: help and version on standard output with status 0, errors on standard error with status 2.
pub(crate) fn usage(error: &clap::Error) -> ExitCode {
    let printed = error.print();
    let code = if error.use_stderr() { USAGE } else { 0 };
    finish(printed.map(|()| ExitCode::from(code)).map_err(Into::into))
}

/// Maps an outcome to an exit status; failures are told on standard error with their causes.
pub(crate) fn finish(outcome: anyhow::Result<ExitCode>) -> ExitCode {
    match outcome {
        Ok(code) => code,
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            say(format_args!("error: {error:#}"));
            if error.is::<ManifestError>() || error.is::<Unusable>() {
                ExitCode::from(USAGE)
            } else {
                ExitCode::FAILURE
            }
        }
    }
}

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let closed = |e: &io::Error| e.kind() == io::ErrorKind::BrokenPipe;
    error.downcast_ref::<io::Error>().is_some_and(closed)
}

/// One line on standard error; whether anybody reads it does not matter.
pub(crate) fn say(line: impl Display) {
    let _unread = writeln!(io::stderr().lock(), "{line}");
}

/// Writes data to standard output, whole.
pub(crate) fn print(data: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(data.as_bytes())?;
    out.flush()?;
    Ok(())
}

/// Writes `value` in the asked form; `text` is only made when it is wanted.
pub(crate) fn print_as<T: serde::Serialize>(
    format: Format,
    value: &T,
    text: impl FnOnce(&T) -> String,
) -> anyhow::Result<()> {
    let data = match format {
        Format::Text => text(value),
        Format::Json => serde_json::to_string_pretty(value)? + "\n",
        Format::Yaml => serde_saphyr::to_string(value)?,
    };
    print(&data)
}
