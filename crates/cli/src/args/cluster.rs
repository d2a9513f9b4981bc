//! Flags of the commands that look at a cluster as it is.

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::Args;
use ferrolb_plan::report::Options;
use ferrolb_types::NodeName;

use super::BgpType;

/// Which cluster, and which of its objects.
#[derive(Debug, Args)]
pub struct ClusterArgs {
    /// The namespace whose `metallb.io` objects and pods count
    #[arg(short, long, value_name = "NAME", default_value = "metallb-system")]
    pub namespace: String,
    /// How to reach the API server; default: `KUBECONFIG`, then the pod's ServiceAccount, then `~/.kube/config`
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// What the processes were told.
    #[command(flatten)]
    pub told: ToldArgs,
}

/// What the controller and the speakers of the cluster were told by flags of their own.
#[derive(Debug, Args)]
pub struct ToldArgs {
    /// Which rules and defaults apply
    #[arg(long, value_enum, default_value_t)]
    pub bgp_type: BgpType,
    /// As the flag of the controller and the speakers
    #[arg(long, value_name = "CLASS", default_value = "", hide_default_value = true)]
    pub lb_class: String,
    /// As the flag of the speakers
    #[arg(long)]
    pub ignore_exclude_lb: bool,
}

impl ClusterArgs {
    /// The flags as the planner takes them, in a cluster with these speakers.
    #[must_use]
    pub fn options(&self, speakers: Option<BTreeSet<NodeName>>) -> Options {
        Options {
            namespace: self.namespace.as_str().into(),
            speakers,
            ..self.told.options()
        }
    }
}

impl ToldArgs {
    /// The flags as the planner takes them; everything else by default.
    #[must_use]
    pub fn options(&self) -> Options {
        Options {
            class: self.lb_class.as_str().into(),
            bgp_mode: self.bgp_type.mode(),
            ignore_exclude_lb: self.ignore_exclude_lb,
            ..Options::default()
        }
    }
}
