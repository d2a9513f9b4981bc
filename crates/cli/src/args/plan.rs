//! Flags of `plan` and `check`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use ferrolb_api::BgpMode;

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

impl BgpType {
    /// The mode that it stands for.
    #[must_use]
    pub const fn mode(self) -> BgpMode {
        match self {
            Self::Native => BgpMode::Native,
            Self::Frr => BgpMode::Frr,
            Self::FrrK8s => BgpMode::FrrK8s,
        }
    }
}

/// What is planned or checked, and by which rules.
#[derive(Debug, Args)]
pub struct InputArgs {
    /// YAML or JSON file, directory, or `-` for standard input; repeatable
    #[arg(short, long, value_name = "FILE|DIR|-", required_unless_present = "live")]
    pub filename: Vec<PathBuf>,
    /// Read the objects from the cluster of the current kubeconfig; objects in files take the place of those in the cluster
    #[arg(long)]
    pub live: bool,
    /// The cluster of this file instead, with `--live`
    #[arg(long, value_name = "FILE", requires = "live")]
    pub kubeconfig: Option<PathBuf>,
    /// The namespace whose `metallb.io` objects and Secrets count
    #[arg(long, value_name = "NAME", default_value = "metallb-system")]
    pub namespace: String,
    /// Print only this node; repeatable
    #[arg(long, value_name = "NAME")]
    pub node: Vec<String>,
    /// Nodes whose speaker is alive, separated by commas; default: every Node object
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub speakers: Option<Vec<String>>,
    /// Which rules and defaults apply; default: native, with `-o frr-k8s` frr-k8s
    #[arg(long, value_enum)]
    pub bgp_type: Option<BgpType>,
    /// As the flag of the controller and the speaker
    #[arg(long, value_name = "CLASS", default_value = "", hide_default_value = true)]
    pub lb_class: String,
    /// As the flag of the speaker
    #[arg(long)]
    pub ignore_exclude_lb: bool,
    /// Every warning is an error
    #[arg(long)]
    pub strict: bool,
    /// A Service whose changed request cannot be met loses its address, and so does every one when there is no pool, as in
    /// the reference
    #[arg(long)]
    pub strict_requests: bool,
}

/// Arguments of `plan`.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit status: 0 nothing wrong, 1 at least one problem of severity `error` (the rest is planned all the same),
2 usage, unreadable file, YAML that does not parse, or a cluster that does not answer.

Examples:
  ferrolb plan -f examples/ -f nodes.yaml -o json | jq .services
  ferrolb plan --live -f changed-pool.yaml
  ferrolb plan --live -o frr-k8s")]
pub struct PlanArgs {
    /// What is planned.
    #[command(flatten)]
    pub input: InputArgs,
    /// How to print the plan; `frr-k8s` prints the FRRConfiguration objects that speakers would write
    #[arg(short, long, value_enum, default_value_t)]
    pub output: PlanFormat,
    /// The namespace of frr-k8s, for `-o frr-k8s`; default: that of `--namespace`
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
    pub frrk8s_namespace: String,
    /// Passwords stand in clear in FRRConfiguration objects, as the daemon needs them
    #[arg(long)]
    pub show_secrets: bool,
}

/// How `plan` prints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum PlanFormat {
    /// Tables, for people.
    #[default]
    Text,
    /// One JSON document.
    Json,
    /// One YAML document.
    Yaml,
    /// FRRConfiguration objects, one for each node, as YAML documents.
    FrrK8s,
}

/// Arguments of `check`.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit status: 0 nothing wrong, 1 at least one problem of severity `error`, 2 usage, unreadable file, YAML that does not
parse, or a cluster that does not answer.

Example, as a step of a pipeline:
  ferrolb check --strict -f manifests/")]
pub struct CheckArgs {
    /// What is checked.
    #[command(flatten)]
    pub input: InputArgs,
    /// How to print the problems
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Format,
}
