//! The webhooks, as `controller` and `standalone` run them.

use ferrolb_api::{BgpMode, Rules};
use ferrolb_driver::clock;
use ferrolb_kube::Client;
use ferrolb_webhook::{Certificates, Config, TlsOptions, Webhook};

use super::process::{Component, Process};
use crate::args::WebhookArgs;

/// How readiness and state name them.
const NAME: &str = "webhook";

/// Reads the flags of TLS, which are refused before anything is bound.
pub(super) fn tls(args: &WebhookArgs) -> anyhow::Result<TlsOptions> {
    Ok(TlsOptions::parse(
        &args.tls_min_version,
        &args.tls_cipher_suites,
        &args.tls_curve_preferences,
    )?)
}

pub(super) async fn set_up(
    process: &Process,
    client: Client,
    args: &WebhookArgs,
    bgp_mode: BgpMode,
) -> anyhow::Result<Webhook> {
    let certificates = if args.disable_cert_rotation {
        Certificates::Files {
            directory: args.cert_dir.clone(),
        }
    } else {
        Certificates::Rotated {
            secret: args.webhook_secret.as_str().into(),
        }
    };
    let rules = Rules {
        namespace: process.namespace.as_str().into(),
        bgp_mode,
        ..Rules::default()
    };
    let config = Config {
        rules,
        service: args.cert_service_name.as_str().into(),
        certificates,
        port: args.webhook_port,
        tls: tls(args)?,
        http2: args.webhook_http2,
        clock: clock::wall,
        connection: process.connection.clone(),
    };
    Webhook::bind(config, client).await
}

pub(super) fn component(webhook: &Webhook) -> Component {
    Component {
        name: NAME,
        readiness: webhook.readiness(),
        state: None,
    }
}
