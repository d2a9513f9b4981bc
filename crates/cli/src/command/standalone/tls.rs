//! HTTPS for the embedded API server.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use ferrolb_apiserver::ApiServer;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

/// Connections at a time.
const CONNECTIONS: usize = 256;
/// How long a peer may take to shake hands.
const HANDSHAKE: Duration = Duration::from_secs(10);

pub(super) type Acceptor = TlsAcceptor;

/// Reads the certificate chain and its key.
pub(super) fn acceptor(certificate: &Path, key: &Path) -> anyhow::Result<Acceptor> {
    let chain: Vec<_> = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect)
        .with_context(|| {
            format!(
                "`{}` of `--tls-cert-file` holds no certificate in PEM",
                certificate.display()
            )
        })?;
    let key = PrivateKeyDer::from_pem_file(key).with_context(|| {
        format!(
            "`{}` of `--tls-private-key-file` holds no key in PEM",
            key.display()
        )
    })?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .context("the certificate and the key do not belong together")?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Serves until `shutdown`.
pub(super) async fn serve(
    api: ApiServer,
    listener: TcpListener,
    acceptor: Acceptor,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    let (stop, stopped) = watch::channel(false);
    let accept = async {
        loop {
            let permit = Arc::clone(&room)
                .acquire_owned()
                .await
                .map_err(io::Error::other)?;
            let (stream, _) = listener.accept().await?;
            let (api, acceptor, stopped) = (api.clone(), acceptor.clone(), stopped.clone());
            tokio::spawn(async move {
                serve_one(&api, &acceptor, stream, stopped).await;
                drop(permit);
            });
        }
    };
    let outcome: Option<io::Result<()>> = shutdown.run_until_cancelled(accept).await;
    stop.send_replace(true);
    api.close_watches();
    outcome
        .unwrap_or(Ok(()))
        .context("the API server cannot accept connections any more")
}

/// A peer that does not shake hands harms only itself.
async fn serve_one(api: &ApiServer, acceptor: &Acceptor, stream: TcpStream, stopped: watch::Receiver<bool>) {
    if let Ok(Ok(stream)) = tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await {
        api.serve_connection(stream, stopped).await;
    }
}
