//! Flags of `doctor`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{BgpType, Format};

/// Arguments of `doctor`.
#[derive(Debug, Args)]
#[command(after_help = "\
Looks for what is known to keep addresses from working although every object is right, and says what
to do about each. Nothing is changed, and no packet is sent but questions to the API server and to
the gossip port of the speakers.

The host, if it is a node: interfaces, kube-proxy in IPVS mode without strictARP, addresses of
Services on its interfaces, rp_filter, rights, sockets, the speaker, the gossip port of the others.
The cluster: API server, clock, definitions, roles, webhooks, kube-proxy, other load balancers,
controller, speakers, their reports, configuration, pools, advertisements, Services.

What may not be read is `not checked` and says why; so it is of use with every role. In the pod of a
speaker it looks at that node:
  kubectl exec -n metallb-system SPEAKER-POD -- /ferrolb doctor

Exit status: 0 nothing failed, 1 something failed (with --strict also: there is a warning), 2 wrong
usage.

Examples:
  ferrolb doctor
  ferrolb doctor --only cluster -o json | jq -r '.checks[] | select(.result == \"failed\").message'
  ferrolb explain StrictArpMissing")]
pub struct DoctorArgs {
    /// Look at one of the two only; without it the host is looked at if it is a node of the cluster
    #[arg(long, value_enum, value_name = "WHAT")]
    pub only: Option<Subject>,
    /// The namespace whose `metallb.io` objects and pods count
    #[arg(short, long, value_name = "NAME", default_value = "metallb-system")]
    pub namespace: String,
    /// How to reach the API server; default: `KUBECONFIG`, then the pod's ServiceAccount, then `~/.kube/config`
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// The name of this host as a node; default: the Node that has its name or one of its addresses
    #[arg(long, env = "METALLB_NODE_NAME", value_name = "NAME", hide_env_values = true)]
    pub node_name: Option<String>,
    /// As the flag of the speaker
    #[arg(long, value_name = "FILE", default_value = "/etc/metallb/excludel2.yaml")]
    pub exclude_interfaces_file: PathBuf,
    /// As the flag of the speaker
    #[arg(long, value_name = "PORT", default_value_t = 7946)]
    pub ml_bindport: u16,
    /// As the flag of the speaker: with the key, it is asked whether gossip comes through over UDP, too
    #[arg(
        long,
        env = "METALLB_ML_SECRET_KEY_PATH",
        value_name = "DIR",
        hide_env_values = true
    )]
    pub ml_secret_key_path: Option<PathBuf>,
    /// As the flag of the speaker
    #[arg(long, value_name = "PORT", default_value_t = 17472)]
    pub health_probe_port: u16,
    /// Which rules and defaults apply
    #[arg(long, value_enum, default_value_t)]
    pub bgp_type: BgpType,
    /// As the flag of the controller and the speakers
    #[arg(long, value_name = "CLASS", default_value = "", hide_default_value = true)]
    pub lb_class: String,
    /// As the flag of the speakers
    #[arg(long)]
    pub ignore_exclude_lb: bool,
    /// A warning is a failure
    #[arg(long)]
    pub strict: bool,
    /// How to print it
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Format,
}

/// What is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Subject {
    /// This host.
    Node,
    /// What the API server tells.
    Cluster,
}

impl DoctorArgs {
    /// Whether `subject` is to be looked at.
    #[must_use]
    pub fn wants(&self, subject: Subject) -> bool {
        self.only.is_none_or(|only| only == subject)
    }
}
