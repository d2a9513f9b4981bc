//! The release binary: static, so that it runs in an empty image, and without paths of the machine it was built on.

use std::path::PathBuf;

use anyhow::{Context as _, Result};

use crate::repository;

/// Builds it and prints where it is.
pub(crate) fn run() -> Result<()> {
    println!("{}", build()?.display());
    Ok(())
}

/// Builds it and returns where it is.
pub(crate) fn build() -> Result<PathBuf> {
    let target = host()?;
    let mut cargo = repository::cargo();
    // With `--target` the flags do not reach build scripts and procedural macros, which cannot be linked statically.
    cargo.args([
        "build",
        "--release",
        "--locked",
        "--package",
        "ferrolb-cli",
        "--target",
        &target,
    ]);
    cargo.env(
        format!(
            "CARGO_TARGET_{}_RUSTFLAGS",
            target.to_uppercase().replace('-', "_")
        ),
        flags(&target),
    );
    repository::output_of(&mut cargo)?;
    Ok(repository::target_directory()?
        .join(target)
        .join("release/ferrolb"))
}

/// Relocations packed, identical code folded (docs/design/0013). Only where lld is rustc's linker.
const PACKED: &str = " -C link-arg=-Wl,-z,pack-relative-relocs -C link-arg=-Wl,--icf=all";

fn flags(target: &str) -> String {
    let root = repository::root();
    let packed = if target == "x86_64-unknown-linux-gnu" {
        PACKED
    } else {
        ""
    };
    format!(
        "-C target-feature=+crt-static --remap-path-prefix={}=ferrolb{packed}",
        root.display()
    )
}

fn host() -> Result<String> {
    let version = repository::output_of(std::process::Command::new("rustc").arg("-vV"))?;
    let host = version
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .context("`rustc -vV` names no host")?;
    Ok(host.to_owned())
}
