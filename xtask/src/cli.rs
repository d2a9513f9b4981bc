//! `docs/reference/cli.md`, which the binary itself writes.

use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::generated::Page;
use crate::repository;

/// The page.
pub(crate) const PAGE: Page = Page {
    path: "docs/reference/cli.md",
    source: "crates/cli/src/args/",
    render,
};

fn render() -> Result<String> {
    let output = Command::new("cargo")
        .args([
            "run",
            "--quiet",
            "--locked",
            "--package",
            "ferrolb-cli",
            "--",
            "reference",
        ])
        .current_dir(repository::root())
        .output()
        .context("cannot run cargo")?;
    ensure!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).context("the page is not UTF-8")
}
