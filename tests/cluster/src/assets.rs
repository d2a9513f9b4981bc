//! Where the programs are.

use std::env;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

/// The Kubernetes programs and the binary under test.
#[derive(Clone, Debug)]
pub(crate) struct Assets {
    directories: Vec<PathBuf>,
    /// The binary under test.
    pub(crate) ferrolb: PathBuf,
}

impl Assets {
    /// Finds them, or tells on the terminal that the test is skipped; an error where it must not be.
    pub(crate) fn find() -> Result<Option<Self>> {
        if let Some(list) = variable("FERROLB_ASSETS") {
            let directories = env::split_paths(&list).collect();
            return Ok(Some(Self {
                directories,
                ferrolb: ferrolb()?,
            }));
        }
        let reason = "FERROLB_ASSETS does not name the directories with kube-apiserver, etcd, kubectl and kube-proxy; \
                      `make cluster` does";
        if variable("FERROLB_REQUIRE_CLUSTER").is_some() {
            bail!("{reason}");
        }
        // Straight to the terminal, because the test runner hides what a passing test prints.
        let _unseen = writeln!(std::io::stderr(), "skipped: {reason}");
        Ok(None)
    }

    /// The program of this name.
    pub(crate) fn program(&self, name: &str) -> Result<PathBuf> {
        let candidates = self.directories.iter().map(|directory| directory.join(name));
        candidates.into_iter().find(|path| path.is_file()).with_context(|| {
            format!("no `{name}` in FERROLB_ASSETS; scripts/cluster-assets.sh makes it and prints the directories")
        })
    }
}

/// FERROLB_BIN, or the binary that cargo built beside this test.
fn ferrolb() -> Result<PathBuf> {
    let path = match variable("FERROLB_BIN") {
        Some(path) => PathBuf::from(path),
        None => beside_this_test().context("this test does not run from cargo's target directory")?,
    };
    if !path.is_file() {
        bail!(
            "{} does not exist; `cargo build -p ferrolb-cli` makes it",
            path.display()
        );
    }
    Ok(path)
}

/// `target/PROFILE/ferrolb`, as seen from `target/PROFILE/deps/TEST`.
fn beside_this_test() -> Option<PathBuf> {
    let test = env::current_exe().ok()?;
    Some(test.parent()?.parent()?.join("ferrolb"))
}

fn variable(name: &str) -> Option<std::ffi::OsString> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the way by which `make` tells a test where things are"
    )]
    env::var_os(name).filter(|value| !value.is_empty())
}

/// The repository's root.
pub(crate) fn repository() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors()
        .nth(2)
        .expect("tests/cluster lies two levels below the root")
        .to_path_buf()
}
