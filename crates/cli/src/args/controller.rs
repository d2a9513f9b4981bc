//! Flags of `controller`.

use clap::Args;

use super::process::{ProcessArgs, UnusedControllerArgs, go_bool};

/// Arguments of `controller`.
#[derive(Debug, Args)]
#[command(
    after_help = "Flags may be written with one dash or two. Each has the meaning that it has in MetalLB."
)]
pub struct ControllerArgs {
    /// What every process takes.
    #[command(flatten)]
    pub process: ProcessArgs,
    /// Take an address away when a changed request cannot be met (as MetalLB does), instead of keeping it
    #[arg(long, value_parser = go_bool(), value_name = "BOOL", hide_possible_values = true, num_args = 0..=1, require_equals = true, default_value = "false",
          default_missing_value = "true", hide_default_value = true, action = clap::ArgAction::Set)]
    pub strict_requests: bool,
    /// Taken, without effect.
    #[command(flatten)]
    pub unused: UnusedControllerArgs,
}
