//! Flags of `demo`.

use std::path::PathBuf;

use clap::Args;

use super::Format;

/// Arguments of `demo`.
#[derive(Debug, Args)]
#[command(after_help = "\
Builds a bridge, three nodes and a client as network namespaces of their own, starts one API server, one controller and
three speakers, applies the manifests in `examples/`, fetches a page through the address as the client, and kills the speaker
that answered to show how long the next one takes.
Needs root, or user namespaces. Ends by itself and leaves nothing behind.")]
pub struct DemoArgs {
    /// The manifests to apply; default: those built in, the same as `examples/` in the repository
    #[arg(long, value_name = "DIR")]
    pub manifests: Option<PathBuf>,
    /// How to print the result
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Format,
    /// Show the log of each process on standard error
    #[arg(short, long)]
    pub verbose: bool,
}
