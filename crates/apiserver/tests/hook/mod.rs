//! A webhook over HTTPS, for tests.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

/// A webhook that remembers what it was asked; ends with the runtime of the test.
pub(crate) struct Hook {
    pub(crate) address: std::net::SocketAddr,
    ca: String,
    asked: Arc<Mutex<Vec<Value>>>,
}

/// What a hook answers to a review, whole.
type Decide = Arc<dyn Fn(&Value) -> Value + Send + Sync>;

impl Hook {
    /// Serves with a certificate for `name`. Where the answer would be null there is none, ever.
    pub(crate) async fn start(name: &str, decide: impl Fn(&Value) -> Value + Send + Sync + 'static) -> Self {
        let (acceptor, ca) = tls(name);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, asked) = (listener.local_addr().unwrap(), Arc::new(Mutex::new(Vec::new())));
        let (log, decide): (_, Decide) = (Arc::clone(&asked), Arc::new(decide));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, log, decide) = (acceptor.clone(), Arc::clone(&log), Arc::clone(&decide));
                tokio::spawn(async move {
                    let Ok(stream) = acceptor.accept(stream).await else {
                        return;
                    };
                    let answer =
                        service_fn(move |request| answer(request, Arc::clone(&log), Arc::clone(&decide)));
                    let http = hyper::server::conn::http1::Builder::new();
                    drop(http.serve_connection(TokioIo::new(stream), answer).await);
                });
            }
        });
        Self { address, ca, asked }
    }

    /// The reviews so far, each with the `path` that it came to.
    pub(crate) fn asked(&self) -> Vec<Value> {
        self.asked.lock().unwrap().clone()
    }

    /// Its authority, as a configuration has it.
    pub(crate) fn ca_bundle(&self) -> String {
        base64::engine::general_purpose::STANDARD.encode(&self.ca)
    }
}

async fn answer(
    request: Request<Incoming>,
    log: Arc<Mutex<Vec<Value>>>,
    decide: Decide,
) -> Result<Response<Full<Bytes>>, std::convert::Infallible> {
    let path = request.uri().path().to_owned();
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let mut review: Value = serde_json::from_slice(&body).unwrap();
    let answer = decide(&review);
    review["path"] = path.into();
    log.lock().unwrap().push(review);
    if answer.is_null() {
        std::future::pending::<()>().await;
    }
    Ok(Response::new(Full::new(answer.to_string().into())))
}

/// A server certificate for `name`, and the authority that signed it.
fn tls(name: &str) -> (TlsAcceptor, String) {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let pem = authority.self_signed(&key).unwrap().pem();
    let authority = Issuer::new(authority, key);
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec![name.to_owned()]).unwrap();
    let leaf = leaf.signed_by(&key, &authority).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![leaf.der().clone()],
            PrivateKeyDer::Pkcs8(key.serialize_der().into()),
        )
        .unwrap();
    (TlsAcceptor::from(Arc::new(config)), pem)
}

/// Nothing that a test waits for takes so long.
pub(crate) async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), future)
        .await
        .expect("the test waited too long")
}
