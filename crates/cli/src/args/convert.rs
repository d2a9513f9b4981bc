//! Flags of `convert`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// How the result of `convert` is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ConvertFormat {
    /// Manifests; notes go to standard error.
    #[default]
    Yaml,
    /// One document with the objects, the notes and the problems.
    Json,
}

/// Arguments of `convert`.
#[derive(Debug, Args)]
#[command(after_help = "\
Reads what others are configured with and prints IPAddressPools, advertisements, BGPPeers, BFDProfiles
and Communities that mean the same:

  MetalLB up to v0.12   ConfigMap with key `config`
  kube-vip              ConfigMap `kubevip`: cidr-NAMESPACE, range-NAMESPACE
  Cilium                CiliumLoadBalancerIPPool, CiliumL2AnnouncementPolicy, CiliumBGPPeeringPolicy,
                        CiliumBGPClusterConfig with CiliumBGPPeerConfig and CiliumBGPAdvertisement

What does not carry over is named on standard error with file and line, and in JSON under `notes`.

Exit status: 0 converted, 1 an object could not be converted or the result would be refused (the rest is
printed all the same), 2 wrong usage or unreadable input.

Examples:
  kubectl get configmap -n metallb-system config -o yaml | ferrolb convert -f - > resources.yaml
  kubectl get ciliumloadbalancerippools -o yaml | ferrolb convert -f - | kubectl apply -f -")]
pub struct ConvertArgs {
    /// YAML or JSON file, directory, or `-` for standard input; repeatable
    #[arg(short, long, value_name = "FILE|DIR|-", required = true)]
    pub filename: Vec<PathBuf>,
    /// The namespace of the result; a ConfigMap of MetalLB that has one brings its own
    #[arg(long, value_name = "NAME", default_value = "metallb-system")]
    pub namespace: String,
    /// The input is the text of MetalLB's key `config` alone
    #[arg(long)]
    pub only_data: bool,
    /// How to print it
    #[arg(short, long, value_enum, default_value_t)]
    pub output: ConvertFormat,
}
