//! Flags of `status`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::BgpType;

/// Arguments of `status`.
#[derive(Debug, Args)]
#[command(after_help = "\
Shows who leads, each node with its speaker, which node answers for each address, and what is left in
the pools. Owners are what the speakers say, asked through the API server, or what they report in
ServiceL2Status where they cannot be asked; what could not be found out stands at the end.

RING is how many speakers the one of the node sees. STATE says `announced` where the elected node and
no other one answers; anything else is worth a look: `ferrolb explain svc/NAME`, `ferrolb doctor`.

Exit status: 0 shown, 1 the cluster does not answer, 2 wrong usage.

Examples:
  ferrolb status
  ferrolb status -o json | jq -r '.addresses[] | select(.state != \"announced\").ip'")]
pub struct StatusArgs {
    /// The namespace whose `metallb.io` objects and pods count
    #[arg(short, long, value_name = "NAME", default_value = "metallb-system")]
    pub namespace: String,
    /// How to reach the API server; default: `KUBECONFIG`, then the pod's ServiceAccount, then `~/.kube/config`
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// As the flag of the controller
    #[arg(long, value_name = "NAME", default_value = "metallb-controller")]
    pub leader_elect_resource_name: String,
    /// Which rules and defaults apply
    #[arg(long, value_enum, default_value_t)]
    pub bgp_type: BgpType,
    /// As the flag of the controller and the speakers
    #[arg(long, value_name = "CLASS", default_value = "", hide_default_value = true)]
    pub lb_class: String,
    /// As the flag of the speakers
    #[arg(long)]
    pub ignore_exclude_lb: bool,
    /// How to print it
    #[arg(short, long, value_enum, default_value_t)]
    pub output: StatusFormat,
}

/// How `status` prints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum StatusFormat {
    /// Tables, for people.
    #[default]
    Text,
    /// Tables with more columns.
    Wide,
    /// One JSON document.
    Json,
    /// One YAML document.
    Yaml,
}
