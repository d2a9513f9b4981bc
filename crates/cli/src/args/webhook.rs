//! Flags of the webhooks (operations 6.2).

use std::path::PathBuf;

use anyhow::bail;
use clap::{ArgAction, Args};

use super::go;

const HEADING: &str = "Webhooks";

/// Flags of the admission and conversion webhooks.
#[derive(Debug, Args)]
pub struct WebhookArgs {
    /// `enabled`, `disabled` (no webhooks) or `onlywebhook` (webhooks, and no addresses); default: `enabled`, in `standalone`
    /// `disabled`
    #[arg(long, help_heading = HEADING, value_name = "MODE")]
    pub webhook_mode: Option<String>,
    /// Where the webhooks listen, HTTPS on every address
    #[arg(long, help_heading = HEADING, value_name = "PORT", default_value = "9443", value_parser = go::port)]
    pub webhook_port: u16,
    /// The Secret with the certificates of the webhooks; it is made if it is missing, filled, and renewed in time
    #[arg(long, help_heading = HEADING, value_name = "NAME", default_value = "metallb-webhook-cert")]
    pub webhook_secret: String,
    /// The Kubernetes Service of the webhooks, whose name the certificate carries
    #[arg(long, help_heading = HEADING, value_name = "NAME", default_value = "metallb-webhook-service")]
    pub cert_service_name: String,
    /// Leave certificates to somebody else: serve `tls.crt` and `tls.key` of `--cert-dir`, read again when they change
    #[arg(long, help_heading = HEADING, value_parser = go::bool, value_name = "BOOL", num_args = 0..=1, require_equals = true,
          default_value = "false", default_missing_value = "true", hide_default_value = true, action = ArgAction::Set)]
    pub disable_cert_rotation: bool,
    /// The directory of the certificate with `--disable-cert-rotation`; without effect otherwise, the Secret is read itself
    #[arg(long, help_heading = HEADING, value_name = "DIR", default_value = "/tmp/k8s-webhook-server/serving-certs",
          value_parser = go::path())]
    pub cert_dir: PathBuf,
    /// Let the webhooks speak HTTP/2 too
    #[arg(long, help_heading = HEADING, value_parser = go::bool, value_name = "BOOL", num_args = 0..=1, require_equals = true,
          default_value = "false", default_missing_value = "true", hide_default_value = true, action = ArgAction::Set)]
    pub webhook_http2: bool,
    /// The lowest version of TLS: `VersionTLS12` or `VersionTLS13`; empty: `VersionTLS13`
    #[arg(long, help_heading = HEADING, value_name = "VERSION", default_value = "", hide_default_value = true)]
    pub tls_min_version: String,
    /// Cipher suites by their IANA names, separated by commas; with `--tls-min-version=VersionTLS12` only, those of TLS 1.3
    /// cannot be chosen
    #[arg(long, help_heading = HEADING, value_name = "NAMES", default_value = "", hide_default_value = true)]
    pub tls_cipher_suites: String,
    /// Key exchange groups by number, separated by commas: 29 (X25519), 23 (P-256), 24 (P-384)
    #[arg(long, help_heading = HEADING, value_name = "NUMBERS", default_value = "", hide_default_value = true)]
    pub tls_curve_preferences: String,
}

/// What `--webhook-mode` means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WebhookMode {
    /// Beside everything else.
    Enabled,
    /// Not at all.
    Disabled,
    /// Alone.
    Only,
}

impl WebhookArgs {
    /// The mode that is asked for.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn mode(&self, default: WebhookMode) -> anyhow::Result<WebhookMode> {
        Ok(match self.webhook_mode.as_deref() {
            None => default,
            Some("enabled") => WebhookMode::Enabled,
            Some("disabled") => WebhookMode::Disabled,
            Some("onlywebhook") => WebhookMode::Only,
            Some(other) => bail!("`--webhook-mode` is `{other}`; write enabled, disabled or onlywebhook"),
        })
    }
}
