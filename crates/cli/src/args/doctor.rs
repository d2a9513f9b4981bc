//! Flags of `doctor`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{ClusterArgs, Format, GossipKeyArgs, go};

/// Arguments of `doctor`.
#[derive(Debug, Args)]
#[command(after_help = "\
Looks for what is known to keep addresses from working although every object is right, and says what
to do about each. Nothing is changed, and no packet is sent but questions to the API server and to
the gossip port of the speakers; over UDP those of an encrypted ring answer whoever has the key
(--ml-secret-key-path) alone.

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
    /// The cluster.
    #[command(flatten)]
    pub cluster: ClusterArgs,
    /// The name of this host as a node; default: the Node that has its name or one of its addresses
    #[arg(long, env = "METALLB_NODE_NAME", value_name = "NAME", hide_env_values = true)]
    pub node_name: Option<String>,
    /// As the flag of the speaker
    #[arg(long, value_name = "FILE", value_parser = go::path(), default_value = "/etc/metallb/excludel2.yaml")]
    pub exclude_interfaces_file: PathBuf,
    /// As the flag of the speaker
    #[arg(long, value_name = "PORT", default_value_t = 7946)]
    pub ml_bindport: u16,
    /// With the key of an encrypted ring, it is asked whether gossip comes through over UDP, too.
    #[command(flatten)]
    pub gossip_key: GossipKeyArgs,
    /// As the flag of the speaker
    #[arg(long, value_name = "PORT", default_value_t = 17472)]
    pub health_probe_port: u16,
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
