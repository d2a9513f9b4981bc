//! `ferrolb version`.

use std::process::ExitCode;

use serde::Serialize;

use crate::args::VersionArgs;
use crate::output;

/// What this binary is.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Version {
    version: &'static str,
    architecture: &'static str,
    /// The release of the reference whose API is served.
    api_level: &'static str,
}

pub(crate) fn run(args: &VersionArgs) -> anyhow::Result<ExitCode> {
    let version = Version {
        version: env!("CARGO_PKG_VERSION"),
        architecture: std::env::consts::ARCH,
        api_level: "metallb.io as of v0.16.1",
    };
    output::print_as(args.output, &version, text)?;
    Ok(ExitCode::SUCCESS)
}

fn text(v: &Version) -> String {
    format!(
        "ferrolb {} ({}), API: {}\n",
        v.version, v.architecture, v.api_level
    )
}
