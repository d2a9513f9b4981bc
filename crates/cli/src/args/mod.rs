//! What can be written on the command line, one file per command.

mod cluster;
mod controller;
mod convert;
mod demo;
mod doctor;
mod election;
mod explain;
mod go;
mod plan;
mod process;
mod ring;
mod speaker;
mod standalone;
mod status;
mod webhook;

use clap::{Args, CommandFactory as _, Parser, Subcommand, ValueEnum};

pub use crate::output::Format;
pub use cluster::{ClusterArgs, ToldArgs};
pub use controller::ControllerArgs;
pub use convert::{ConvertArgs, ConvertFormat};
pub use demo::DemoArgs;
pub use doctor::{DoctorArgs, Subject};
pub use election::ElectionArgs;
pub use explain::ExplainArgs;
pub use plan::{BgpType, CheckArgs, InputArgs, PlanArgs, PlanFormat};
pub use process::{ProcessArgs, UnusedControllerArgs, UnusedSpeakerArgs, WITHOUT_EFFECT};
pub use ring::{GossipKeyArgs, RingArgs};
pub use speaker::{ConflictProbe, OnIsolation, SpeakerArgs, SpeakerOptions};
pub use standalone::{Component, StandaloneArgs};
pub use status::{StatusArgs, StatusFormat};
pub use webhook::{WebhookArgs, WebhookMode};

/// Commands under their headings, in the order of the help. Every command but `help` is in one of them.
const GROUPS: &[(&str, &[&str])] = &[
    ("In a cluster", &["controller", "speaker"]),
    ("Without a cluster", &["standalone", "demo"]),
    ("Ask", &["plan", "check", "explain", "status", "doctor"]),
    ("Set up", &["convert", "crds", "completion", "version"]),
];

/// Load balancer for bare-metal Kubernetes: gives Services of type LoadBalancer an address and makes the network find it.
#[derive(Debug, Parser)]
#[command(
    name = "ferrolb",
    version,
    propagate_version = true,
    max_term_width = 100,
    after_help = "\
Exit status: 0 done, 1 the command failed or found an error, 2 wrong usage or unreadable input,
130 interrupted a second time while stopping.
`ferrolb COMMAND --help` says more. Data goes to standard output, messages to standard error."
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// One command each.
#[derive(Debug, Subcommand)]
#[expect(clippy::large_enum_variant, reason = "there is one in a process")]
pub enum Command {
    /// Give Services their addresses (once per cluster; of several, one writes)
    Controller(ControllerArgs),
    /// Answer for the addresses on this node (runs on every node)
    Speaker(SpeakerArgs),
    /// API server, controller and speaker in one process, for a try without a cluster
    Standalone(StandaloneArgs),
    /// A whole cluster in private network namespaces: see it work in seconds
    Demo(DemoArgs),
    /// What would the cluster get? Computed offline from manifests
    Plan(PlanArgs),
    /// What is wrong with these manifests? With file and line
    Check(CheckArgs),
    /// Why is this Service pending, or announced from there? What does this reason word mean?
    Explain(ExplainArgs),
    /// Who leads, which node answers for which address, what is left in the pools?
    Status(StatusArgs),
    /// What keeps this node or this cluster from working? With what to do about it
    Doctor(DoctorArgs),
    /// Turn the configuration of MetalLB up to v0.12, kube-vip or Cilium into objects
    Convert(ConvertArgs),
    /// Print the custom resource definitions
    Crds(CrdsArgs),
    /// Print the completion script for a shell
    Completion(CompletionArgs),
    /// Print the version
    Version(VersionArgs),
    /// Print the reference of all commands, for `docs/reference/cli.md`
    #[command(hide = true)]
    Reference,
}

impl Cli {
    /// The command line with the commands grouped in its help.
    #[must_use]
    pub fn grouped() -> clap::Command {
        let command = Self::command();
        let template = format!(
            "{{about-with-newline}}\n{{usage-heading}} {{usage}}\n\n{}Options:\n{{options}}{{after-help}}",
            commands_by_group(&command)
        );
        command.help_template(template)
    }
}

/// Headings with the commands under them, in the order of the help.
pub(crate) const fn groups() -> &'static [(&'static str, &'static [&'static str])] {
    GROUPS
}

fn commands_by_group(command: &clap::Command) -> String {
    let mut out = String::new();
    for (heading, names) in GROUPS {
        out.push_str(heading);
        out.push_str(":\n");
        for name in *names {
            let about = command.find_subcommand(name).and_then(clap::Command::get_about);
            let about = about.map(ToString::to_string).unwrap_or_default();
            out.push_str(&format!("  {name:<11} {about}\n"));
        }
        out.push('\n');
    }
    out
}

/// Arguments of `crds`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ferrolb crds | kubectl apply --server-side -f -
  ferrolb crds bgppeers -o json | jq '.items[].spec.versions[].name'")]
pub struct CrdsArgs {
    /// Print these kinds only, like `IPAddressPool`, `bgppeers` or `bgppeers.metallb.io`
    #[arg(value_name = "KIND")]
    pub kinds: Vec<String>,
    /// How to print them: YAML documents, or one JSON list
    #[arg(short, long, value_enum, default_value_t = CrdFormat::Yaml)]
    pub output: CrdFormat,
}

/// How definitions are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CrdFormat {
    /// Documents, with comments.
    Yaml,
    /// One `List`.
    Json,
}

/// Arguments of `completion`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  source <(ferrolb completion bash)")]
pub struct CompletionArgs {
    /// The shell
    pub shell: clap_complete::Shell,
}

/// Arguments of `version`.
#[derive(Debug, Args)]
pub struct VersionArgs {
    /// How to print it
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Format,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::grouped().debug_assert();
    }

    #[test]
    fn every_command_is_in_one_group() {
        let command = Cli::command();
        let shown = command.get_subcommands().filter(|command| !command.is_hide_set());
        let mut known: Vec<&str> = shown.map(clap::Command::get_name).collect();
        let mut grouped: Vec<&str> = GROUPS.iter().flat_map(|(_, names)| *names).copied().collect();
        known.sort_unstable();
        grouped.sort_unstable();
        assert_eq!(known, grouped);
    }
}
