//! Flags of `standalone`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::election::ElectionArgs;
use super::go;
use super::process::ProcessArgs;
use super::speaker::SpeakerOptions;
use super::webhook::WebhookArgs;

/// Part of the system that `standalone` can run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Component {
    /// The embedded Kubernetes API server.
    Api,
    /// The controller.
    Controller,
    /// The speaker.
    Speaker,
}

/// Arguments of `standalone`.
#[derive(Debug, Args)]
#[command(
    args_override_self = true,
    after_help = "\
Example:
  ferrolb standalone --write-kubeconfig ferrolb.kubeconfig --node-name $(hostname) --interfaces eth0 &
  kubectl --kubeconfig ferrolb.kubeconfig apply -f examples/
  kubectl --kubeconfig ferrolb.kubeconfig get services

Without root the speaker cannot open packet sockets; `--components api,controller` needs no privilege."
)]
pub struct StandaloneArgs {
    /// Where the API server listens; plain HTTP, so loopback only, unless `--tls-cert-file` and `--token-file` are given
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:6443")]
    pub listen: SocketAddr,
    /// Serve HTTPS with this certificate chain (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_private_key_file")]
    pub tls_cert_file: Option<PathBuf>,
    /// The certificate's private key (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_cert_file")]
    pub tls_private_key_file: Option<PathBuf>,
    /// Accept only requests with a bearer token of this file: `TOKEN,USER,UID` a line
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// What to run
    #[arg(
        long,
        value_enum,
        value_delimiter = ',',
        default_value = "api,controller,speaker"
    )]
    pub components: Vec<Component>,
    /// Apply the manifests in this directory at start and whenever they change
    #[arg(long, value_name = "DIR")]
    pub manifests: Option<PathBuf>,
    /// Keep everything in this file, so that it survives a restart; default: in memory only
    #[arg(long, value_name = "FILE")]
    pub state: Option<PathBuf>,
    /// Write a kubeconfig for this API server here once it serves
    #[arg(long, value_name = "PATH")]
    pub write_kubeconfig: Option<PathBuf>,
    /// Where the API server calls webhooks that a configuration names by their Service, which nothing routes here; default:
    /// 127.0.0.1 and the port of `--webhook-port`
    #[arg(long, value_name = "ADDRESS")]
    pub webhook_address: Option<SocketAddr>,
    /// Announce on these interfaces only; default: all that can
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub interfaces: Vec<String>,
    /// Take an address away when a changed request cannot be met, and every address when there is no pool (as MetalLB
    /// does), instead of keeping it
    #[arg(long, value_parser = go::bool, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value = "false",
          default_missing_value = "true", hide_default_value = true, action = clap::ArgAction::Set)]
    pub strict_requests: bool,
    /// What every process takes.
    #[command(flatten)]
    pub process: ProcessArgs,
    /// Flags of leader election.
    #[command(flatten)]
    pub election: ElectionArgs,
    /// Flags of the webhooks.
    #[command(flatten)]
    pub webhook: WebhookArgs,
    /// What the speaker alone takes.
    #[command(flatten)]
    pub speaker: SpeakerOptions,
}
