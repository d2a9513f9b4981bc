//! Flags of `speaker`.

use std::path::PathBuf;

use clap::Args;

use super::go;
use super::process::{ProcessArgs, UnusedSpeakerArgs};
use super::ring::RingArgs;

/// Arguments of `speaker`.
#[derive(Debug, Args)]
#[command(args_override_self = true, after_help = super::process::AFTER_HELP)]
pub struct SpeakerArgs {
    /// What every process takes.
    #[command(flatten)]
    pub process: ProcessArgs,
    /// What the speaker alone takes.
    #[command(flatten)]
    pub options: SpeakerOptions,
    /// Taken, without effect.
    #[command(flatten)]
    pub unused: UnusedSpeakerArgs,
}

/// `--conflict-probe`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum ConflictProbe {
    /// Do not ask.
    Off,
    /// Three questions within 0.3 s.
    #[default]
    Fast,
    /// With the times of RFC 5227 and RFC 4862.
    Rfc,
}

/// `--isolation`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum OnIsolation {
    /// Answer and announce as before.
    #[default]
    Continue,
    /// Be silent until another speaker or the gateway is heard.
    Stop,
}

/// Flags that only a speaker has.
#[derive(Debug, Args)]
pub struct SpeakerOptions {
    /// The Kubernetes name of the node that this speaker runs on
    #[arg(long, env = "METALLB_NODE_NAME", value_name = "NAME", hide_env_values = true)]
    pub node_name: Option<String>,
    /// Announce also from nodes that carry `node.kubernetes.io/exclude-from-external-load-balancers`
    #[arg(long, value_parser = go::bool, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value = "false",
          default_missing_value = "true", hide_default_value = true, action = clap::ArgAction::Set)]
    pub ignore_exclude_lb: bool,
    /// YAML file with `announcedInterfacesToExclude`, regular expressions of interfaces never to announce on
    #[arg(long, value_name = "FILE", value_parser = go::path(), default_value = "/etc/metallb/excludel2.yaml")]
    pub exclude_interfaces_file: PathBuf,
    /// Repeat the gratuitous frames of held addresses this often, in seconds; 0 switches it off
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    pub announce_refresh: u32,
    /// Before the first use of an address, ask whether another host has it: `off`, `fast` (0.3 s) or `rfc` (RFC 5227 and
    /// RFC 4862, up to 7 s)
    #[arg(
        long,
        value_name = "HOW",
        value_enum,
        default_value_t,
        hide_possible_values = true
    )]
    pub conflict_probe: ConflictProbe,
    /// What to do when the node hears no other speaker any more and its default gateway does not answer either: `continue`, or
    /// `stop` answering and announcing until one of them is heard. Without a default gateway it goes on
    #[arg(
        long,
        value_name = "HOW",
        value_enum,
        default_value_t,
        hide_possible_values = true
    )]
    pub isolation: OnIsolation,
    /// Gossip.
    #[command(flatten)]
    pub ring: RingArgs,
}
