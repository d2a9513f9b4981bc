//! The only place that reads the environment, beside the variables that are defaults of flags.

use std::ffi::OsString;
use std::path::PathBuf;

#[expect(
    clippy::disallowed_methods,
    reason = "this is the place that reads the environment"
)]
fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

/// `KUBECONFIG`: files separated by colons.
pub(crate) fn kubeconfig() -> Option<OsString> {
    variable("KUBECONFIG")
}

/// The user's home directory.
pub(crate) fn home() -> Option<PathBuf> {
    variable("HOME").map(PathBuf::from)
}
