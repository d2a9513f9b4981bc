//! Flags of `controller`.

use clap::Args;

use super::election::ElectionArgs;
use super::go;
use super::process::{ProcessArgs, UnusedControllerArgs};
use super::webhook::WebhookArgs;

/// Arguments of `controller`.
#[derive(Debug, Args)]
#[command(args_override_self = true, after_help = super::process::AFTER_HELP)]
pub struct ControllerArgs {
    /// What every process takes.
    #[command(flatten)]
    pub process: ProcessArgs,
    /// Take an address away when a changed request cannot be met, and every address when there is no pool (as MetalLB
    /// does), instead of keeping it
    #[arg(long, value_parser = go::bool, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value = "false",
          default_missing_value = "true", hide_default_value = true, action = clap::ArgAction::Set)]
    pub strict_requests: bool,
    /// The Secret with the speakers' gossip key, to be created if it is missing; empty: none
    #[arg(
        long,
        env = "METALLB_ML_SECRET_NAME",
        value_name = "NAME",
        hide_env_values = true
    )]
    pub ml_secret_name: Option<String>,
    /// The Deployment that owns the Secret with the gossip key; empty: none owns it
    #[arg(long, env = "METALLB_DEPLOYMENT", value_name = "NAME", hide_env_values = true)]
    pub deployment: Option<String>,
    /// Flags of leader election.
    #[command(flatten)]
    pub election: ElectionArgs,
    /// Flags of the webhooks.
    #[command(flatten)]
    pub webhook: WebhookArgs,
    /// Taken, without effect.
    #[command(flatten)]
    pub unused: UnusedControllerArgs,
}
