//! Certificates that somebody else renews (`--disable-cert-rotation`): read again when they change.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use rustls::sign::CertifiedKey;

use crate::certificate::{Show, same};
use crate::material::certified;

/// How often the files are read; kubelet itself takes about a minute to renew a mounted Secret.
const INTERVAL: Duration = Duration::from_secs(10);

/// `tls.crt` and `tls.key` in a directory.
#[derive(Clone, Debug)]
pub(crate) struct Files(pub(crate) PathBuf);

impl Files {
    /// Reads both.
    pub(crate) async fn read(&self) -> anyhow::Result<Arc<CertifiedKey>> {
        let text = async |name: &str| {
            let path = self.0.join(name);
            tokio::fs::read_to_string(&path).await.with_context(|| {
                format!(
                    "cannot read `{}` (`--cert-dir`, with `--disable-cert-rotation`)",
                    path.display()
                )
            })
        };
        let (chain, key) = (text("tls.crt").await?, text("tls.key").await?);
        certified(&chain, &key).with_context(|| {
            let directory = self.0.display();
            format!("`tls.crt` and `tls.key` in `{directory}` are no certificate in PEM with its key")
        })
    }

    /// Shows what the files hold, for ever; while they cannot be read, what they held before.
    pub(crate) async fn follow(self, show: Show) {
        let mut failed = false;
        loop {
            tokio::time::sleep(INTERVAL).await;
            match self.read().await {
                Ok(read) => {
                    failed = false;
                    if !same(show.borrow().as_ref(), &read) {
                        tracing::info!(op = "webhook", "the certificate files have changed");
                        show.send_replace(Some(read));
                    }
                }
                // Renewal may be under way: told once.
                Err(error) if !failed => {
                    failed = true;
                    tracing::warn!(
                        op = "webhook",
                        error = format!("{error:#}"),
                        "the certificate stays as it was"
                    );
                }
                Err(_) => {}
            }
        }
    }
}
