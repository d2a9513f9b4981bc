//! The call itself: HTTPS with a bound on time, size and number.

use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};

use super::endpoint::{Client, Endpoint};

/// Calls under way at the same time; others wait, and their time runs.
const MAX_CALLS: usize = 64;

/// Largest answer.
const MAX_ANSWER: usize = 3 * 1024 * 1024;

/// Calls webhooks.
#[derive(Debug)]
pub(crate) struct Caller {
    /// Where Services are.
    services: SocketAddr,
    calls: Semaphore,
    /// Counts the questions that need a name.
    asked: AtomicU64,
}

/// Where to connect, whom to expect there, what to ask for.
struct Target {
    address: String,
    name: String,
    path: String,
}

impl Caller {
    pub(crate) fn new(services: SocketAddr) -> Self {
        Self {
            services,
            calls: Semaphore::new(MAX_CALLS),
            asked: AtomicU64::new(0),
        }
    }

    /// Names a question, which the answer must repeat.
    pub(crate) fn next_uid(&self) -> String {
        let number = self.asked.fetch_add(1, Ordering::Relaxed);
        format!("00000000-0000-4000-8000-{number:012x}")
    }

    /// Sends a question and returns the answer. `within` counts from now on, waiting for a turn included.
    ///
    /// # Errors
    /// Why there is no answer, in words that follow a colon.
    pub(crate) async fn exchange(
        &self,
        endpoint: &Endpoint,
        question: &Value,
        within: Duration,
    ) -> Result<Value, String> {
        let exchange = async {
            let _turn = self.calls.acquire().await.map_err(|e| e.to_string())?;
            self.post(endpoint, question.to_string().into()).await
        };
        let answer = tokio::time::timeout(within, exchange).await;
        answer.unwrap_or_else(|_| Err(format!("no answer within {within:?}")))
    }

    async fn post(&self, endpoint: &Endpoint, body: Bytes) -> Result<Value, String> {
        let target = self.target(&endpoint.client)?;
        let stream = TcpStream::connect(&target.address)
            .await
            .map_err(|e| format!("cannot connect to `{}`: {e}", target.address))?;
        let name = ServerName::try_from(target.name.clone()).map_err(|e| e.to_string())?;
        let stream = tls(&endpoint.ca_bundle)?
            .connect(name, stream)
            .await
            .map_err(|e| format!("cannot trust `{}`: {e}", target.address))?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|e| e.to_string())?;
        let request = Request::post(&target.path)
            .header(http::header::HOST, &target.name)
            .header(http::header::CONTENT_TYPE, "application/json")
            .body(Full::new(body))
            .map_err(|e| e.to_string())?;
        // The connection ends with the set, also when the time is over.
        let mut driver = JoinSet::new();
        driver.spawn(connection);
        let response = sender.send_request(request).await.map_err(|e| e.to_string())?;
        let status = response.status();
        let body = Limited::new(response.into_body(), MAX_ANSWER).collect().await;
        let body = body.map_err(|e| e.to_string())?.to_bytes();
        match status.is_success() {
            true => serde_json::from_slice(&body).map_err(|e| format!("the answer is no JSON: {e}")),
            false => Err(format!("the answer has status {status}")),
        }
    }

    fn target(&self, client: &Client) -> Result<Target, String> {
        match client {
            Client::Service { host, path } => Ok(Target {
                address: self.services.to_string(),
                name: host.clone(),
                path: path.clone(),
            }),
            Client::Url(url) => {
                let uri: Uri = url.parse().map_err(|e| format!("`{url}` is no URL: {e}"))?;
                let host = uri.host().ok_or_else(|| format!("`{url}` has no host"))?;
                Ok(Target {
                    address: format!("{host}:{}", uri.port_u16().unwrap_or(443)),
                    name: host.trim_matches(['[', ']']).to_owned(),
                    path: uri.path_and_query().map_or("/", |p| p.as_str()).to_owned(),
                })
            }
        }
    }
}

/// Trusts the authorities of the bundle and no others: there is no store of the system's here.
fn tls(ca_bundle: &[u8]) -> Result<TlsConnector, String> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(ca_bundle) {
        let certificate = certificate.map_err(|e| format!("caBundle: {e}"))?;
        roots.add(certificate).map_err(|e| format!("caBundle: {e}"))?;
    }
    if roots.is_empty() {
        return Err("caBundle is empty; put the certificate of the authority into it".to_owned());
    }
    let provider = Arc::new(crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| e.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}
