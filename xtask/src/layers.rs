//! The layer check: who may depend on whom.
//!
//! ```text
//!   types · wire · api │ ipam · plan · l2 ║ driver · netio · kube · telemetry │ controller · speaker · apiserver · cli
//!   vocabulary         │ decisions        ║ input and output                  │ applications
//! ```
//!
//! A crate depends on its own layer and those to its left. Left of the double bar nothing reaches a runtime, a socket, a
//! client or a random number generator, not even through a dependency of a dependency. Test-only crates appear as
//! dev-dependencies alone.

mod graph;
mod rule;

use anyhow::{Result, bail};

use crate::repository;
use graph::Graph;

/// Checks the workspace and prints what is wrong.
pub(crate) fn run() -> Result<()> {
    let metadata =
        repository::output_of(repository::cargo().args(["metadata", "--format-version", "1", "--locked"]))?;
    let graph = Graph::from_metadata(&metadata)?;
    let violations = rule::violations(&graph);
    for violation in &violations {
        eprintln!("layers: {violation}");
    }
    match violations.len() {
        0 => {
            println!(
                "layers: {} crates, every dependency points left",
                graph.members().count()
            );
            Ok(())
        }
        n => bail!(
            "{n} dependencies across the borders of the architecture (xtask/src/layers/rule.rs has the table)"
        ),
    }
}
