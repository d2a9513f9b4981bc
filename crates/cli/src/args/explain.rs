//! Flags of `explain`.

use std::path::PathBuf;

use clap::Args;

use super::{Format, ToldArgs};

/// Arguments of `explain`.
#[derive(Debug, Args)]
#[command(after_help = "\
Reason words are what `plan` and `check` print, what events and logs carry, and what metrics have as
label `reason`.

A Service is explained from the cluster, or from files with -f: which pool gave the address or what
keeps each pool from it, which node announces it and why the others do not, and what would help.
From the cluster, the nodes with a ready speaker pod take part; where there is none, all nodes do.

Exit status: 0 explained, 1 there is no such word or Service, or the cluster does not answer, 2 wrong
usage or unreadable input.

Examples:
  ferrolb explain PoolExhausted
  ferrolb explain svc/web -n shop
  ferrolb explain svc/shop/web -f cluster.yaml -o json | jq -r '.remedies[]'")]
pub struct ExplainArgs {
    /// A reason word in any case, or a Service: `svc/NAME` or `svc/NAMESPACE/NAME`; without it, every word is listed
    #[arg(value_name = "WORD|svc/NAME")]
    pub what: Vec<String>,
    /// The namespace of the Service; default: that of the kubeconfig's context, else `default`
    #[arg(short, long, value_name = "NAME")]
    pub namespace: Option<String>,
    /// Explain the Service from these files instead of the cluster: YAML or JSON, a directory, or `-`; repeatable
    #[arg(short, long, value_name = "FILE|DIR|-")]
    pub filename: Vec<PathBuf>,
    /// The namespace whose `metallb.io` objects count
    #[arg(long, value_name = "NAME", default_value = "metallb-system")]
    pub config_namespace: String,
    /// How to reach the API server; default: `KUBECONFIG`, then the pod's ServiceAccount, then `~/.kube/config`
    #[arg(long, value_name = "FILE", conflicts_with = "filename")]
    pub kubeconfig: Option<PathBuf>,
    /// Nodes whose speaker is alive, separated by commas
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub speakers: Option<Vec<String>>,
    /// What the processes were told.
    #[command(flatten)]
    pub told: ToldArgs,
    /// As the flag of the controller
    #[arg(long)]
    pub strict_requests: bool,
    /// How to print it
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Format,
}
