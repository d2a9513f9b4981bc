//! Flags of `plan`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::Format;

/// Which rules and defaults apply (`METALLB_BGP_TYPE`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum BgpType {
    /// The built-in stack.
    #[default]
    Native,
    /// The built-in stack with the defaults of the reference's FRR mode.
    Frr,
    /// An frr-k8s daemon that the cluster already has.
    FrrK8s,
}

/// Arguments of `plan`.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit status: 0 nothing wrong, 1 at least one problem of severity `error` (the rest is planned all the same),
2 usage, unreadable file, or YAML that does not parse.

Example:
  ferrolb plan -f examples/ -f nodes.yaml -o json | jq .services")]
pub struct PlanArgs {
    /// YAML or JSON file, directory, or `-` for standard input; repeatable
    #[arg(short, long, value_name = "FILE|DIR|-", required = true)]
    pub filename: Vec<PathBuf>,
    /// The namespace whose `metallb.io` objects and Secrets count
    #[arg(long, value_name = "NAME", default_value = "metallb-system")]
    pub namespace: String,
    /// Print only this node; repeatable
    #[arg(long, value_name = "NAME")]
    pub node: Vec<String>,
    /// Nodes whose speaker is alive, separated by commas; default: every Node object
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub speakers: Option<Vec<String>>,
    /// Which rules and defaults apply
    #[arg(long, value_enum, default_value_t)]
    pub bgp_type: BgpType,
    /// As the flag of the controller and the speaker
    #[arg(long, value_name = "CLASS", default_value = "", hide_default_value = true)]
    pub lb_class: String,
    /// As the flag of the speaker
    #[arg(long)]
    pub ignore_exclude_lb: bool,
    /// How to print the plan
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Format,
    /// Every warning is an error
    #[arg(long)]
    pub strict: bool,
    /// A Service whose changed request cannot be met loses its address, as in the reference
    #[arg(long)]
    pub strict_requests: bool,
}
