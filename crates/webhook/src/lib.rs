//! The HTTPS server of the admission and conversion webhooks, and its certificates (controller 12).
//!
//! What it is not: it decides neither what is allowed nor when a certificate is renewed; both are in
//! `ferrolb-admission`.
//!
//! ```text
//!   API server ──POST──▶ server ──▶ routes ──▶ admission ──▶ answer
//!                          ▲           └─ live: what the API server holds, read for each review
//!                 certificate (watch channel)
//!                          │
//!        keeper ◀── watches: Secret, ValidatingWebhookConfiguration, CRD
//!          ├──▶ Secret: authority and leaf, renewed as `admission::rotation` says
//!          └──▶ caBundle of both, by server-side apply, when it differs
//!        or files: --cert-dir, read again when they change
//! ```
//!
//! ```no_run
//! use ferrolb_webhook::{Certificates, Config, TlsOptions, Webhook};
//! use tokio_util::sync::CancellationToken;
//!
//! # async fn example(client: ferrolb_kube::Client) -> anyhow::Result<()> {
//! let config = Config {
//!     rules: ferrolb_api::Rules { namespace: "metallb-system".into(), ..Default::default() },
//!     service: "metallb-webhook-service".into(),
//!     certificates: Certificates::Rotated { secret: "metallb-webhook-cert".into() },
//!     port: 9443,
//!     tls: TlsOptions::parse("", "", "")?,
//!     http2: false,
//!     clock: ferrolb_driver::clock::wall,
//!     connection: ferrolb_kube::connection::Connection::default(),
//! };
//! let webhook = Webhook::bind(config, client).await?;
//! webhook.run(CancellationToken::new()).await
//! # }
//! ```

mod certificate;
mod files;
mod keeper;
mod live;
mod material;
mod mint;
mod routes;
mod server;
mod target;
mod tls;
mod webhook;

pub use material::trust_ends;
pub use tls::{TlsError, TlsOptions};
pub use webhook::{Certificates, Config, Webhook};
