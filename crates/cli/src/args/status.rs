//! Flags of `status`.

use clap::{Args, ValueEnum};

use super::ClusterArgs;

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
    /// The cluster.
    #[command(flatten)]
    pub cluster: ClusterArgs,
    /// As the flag of the controller
    #[arg(long, value_name = "NAME", default_value = "metallb-controller")]
    pub leader_elect_resource_name: String,
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
