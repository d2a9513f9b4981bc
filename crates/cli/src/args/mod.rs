//! What can be written on the command line, one file per command.

mod controller;
mod demo;
mod plan;
mod process;
mod speaker;
mod standalone;

use clap::{Args, Parser, Subcommand};

pub use crate::output::Format;
pub use controller::ControllerArgs;
pub use demo::DemoArgs;
pub use plan::{BgpType, PlanArgs};
pub use process::{ProcessArgs, UnusedControllerArgs, UnusedSpeakerArgs};
pub use speaker::{SpeakerArgs, SpeakerOptions};
pub use standalone::{Component, StandaloneArgs};

/// Load balancer for bare-metal Kubernetes: gives Services of type LoadBalancer an address and makes the network find it.
#[derive(Debug, Parser)]
#[command(name = "ferrolb", version, propagate_version = true, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// One command each.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Give Services their addresses (runs once per cluster)
    Controller(ControllerArgs),
    /// Answer for the addresses on this node (runs on every node)
    Speaker(SpeakerArgs),
    /// API server, controller and speaker in one process, for a try without a cluster
    Standalone(StandaloneArgs),
    /// A whole cluster in private network namespaces: see it work in seconds
    Demo(DemoArgs),
    /// What would the cluster get? Computed offline from manifests
    Plan(PlanArgs),
    /// Print the custom resource definitions
    Crds(CrdsArgs),
    /// Print the completion script for a shell
    Completion(CompletionArgs),
    /// Print the version
    Version(VersionArgs),
}

/// Arguments of `crds`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  ferrolb crds | kubectl apply --server-side -f -")]
pub struct CrdsArgs {
    /// Print these kinds only, like `IPAddressPool`
    #[arg(value_name = "KIND")]
    pub kinds: Vec<String>,
}

/// Arguments of `completion`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  source <(ferrolb completion bash)")]
pub struct CompletionArgs {
    /// The shell
    pub shell: clap_complete::Shell,
}

/// Arguments of `version`.
#[derive(Debug, Args)]
pub struct VersionArgs {
    /// How to print it
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Format,
}
