//! The server over loopback, against the in-memory API server: certificates, paths, bounds.

use core::net::{Ipv4Addr, SocketAddr};
use core::time::Duration;
use std::sync::Arc;

use ferrolb_api::Rules;
use ferrolb_apiserver::{ApiServer, Fault, Options, Target, Verb};
use ferrolb_driver::clock;
use ferrolb_kube::Client;
use ferrolb_kube::connection::Connection;
use ferrolb_webhook::{Certificates, Config, TlsOptions, Webhook};
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_util::sync::CancellationToken;

const NAMESPACE: &str = "metallb-system";
const NAME: &str = "metallb-webhook-service.metallb-system.svc";
const POOLS: &str = "/validate-metallb-io-v1beta1-ipaddresspool";

fn config(certificates: Certificates) -> Config {
    Config {
        rules: Rules {
            namespace: NAMESPACE.into(),
            ..Rules::default()
        },
        service: "metallb-webhook-service".into(),
        certificates,
        port: 0,
        tls: TlsOptions::parse("", "", "").expect("the defaults"),
        http2: false,
        clock: clock::wall,
        connection: Connection::default(),
    }
}

fn rotated() -> Certificates {
    Certificates::Rotated {
        secret: "metallb-webhook-cert".into(),
    }
}

/// Webhooks that run until this goes.
struct Running {
    api: ApiServer,
    address: SocketAddr,
    shutdown: CancellationToken,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

async fn start(config: Config) -> Running {
    let api = ApiServer::new(Options::default()).expect("the bundled definitions are valid");
    start_beside(api, config).await
}

async fn start_beside(api: ApiServer, config: Config) -> Running {
    let webhook = Webhook::bind(config, Client::new(api.clone(), "default"))
        .await
        .expect("a free port");
    let port = webhook.address().expect("an address").port();
    let (shutdown, readiness) = (CancellationToken::new(), webhook.readiness());
    tokio::spawn(webhook.run(shutdown.clone()));
    until("it is ready", || readiness().is_none()).await;
    Running {
        api,
        address: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
        shutdown,
    }
}

async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let wait = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), wait)
        .await
        .unwrap_or_else(|_| panic!("in vain: {what}"));
}

impl Running {
    fn secret(&self) -> Option<Value> {
        self.api.get("secrets", NAMESPACE, "metallb-webhook-cert")
    }

    /// What a client trusts that knows the Secret's authority.
    fn roots(&self) -> RootCertStore {
        use base64::Engine as _;
        let secret = self.secret().expect("the Secret");
        let text = secret["data"]["ca.crt"].as_str().expect("an authority");
        let pem = base64::prelude::BASE64_STANDARD.decode(text).expect("base64");
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(CertificateDer::pem_slice_iter(&pem).map(|c| c.expect("PEM")));
        roots
    }

    async fn connect(&self, protocols: &[&[u8]]) -> std::io::Result<TlsStream<TcpStream>> {
        self.connect_with(rustls::DEFAULT_VERSIONS, protocols).await
    }

    async fn connect_with(
        &self,
        versions: &[&'static SupportedProtocolVersion],
        protocols: &[&[u8]],
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .expect("versions that there are")
            .with_root_certificates(self.roots())
            .with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|p| p.to_vec()).collect();
        let stream = TcpStream::connect(self.address).await?;
        let name = ServerName::try_from(NAME).expect("a name");
        TlsConnector::from(Arc::new(config)).connect(name, stream).await
    }

    async fn post(&self, path: &str, body: impl Into<Vec<u8>>) -> (u16, String) {
        let stream = self.connect(&[b"http/1.1"]).await.expect("a handshake");
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .expect("a connection");
        tokio::spawn(connection);
        let body = Full::new(bytes::Bytes::from(body.into()));
        let request = http::Request::post(path)
            .header("host", NAME)
            .body(body)
            .expect("a request");
        let response = sender.send_request(request).await.expect("an answer");
        let status = response.status().as_u16();
        let text = response.into_body().collect().await.expect("a body").to_bytes();
        (status, String::from_utf8_lossy(&text).into_owned())
    }

    async fn review(&self, object: &Value) -> Value {
        let request = json!({ "uid": "u", "operation": "CREATE", "namespace": NAMESPACE, "object": object });
        let review =
            json!({ "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request });
        let (status, text) = self.post(POOLS, review.to_string()).await;
        assert_eq!(status, 200, "{text}");
        serde_json::from_str::<Value>(&text).expect("JSON")["response"].clone()
    }
}

fn pool(name: &str, address: &str) -> Value {
    json!({ "apiVersion": "metallb.io/v1beta1", "kind": "IPAddressPool",
            "metadata": { "name": name, "namespace": NAMESPACE }, "spec": { "addresses": [address] } })
}

#[tokio::test]
async fn it_serves_at_once_and_reviews_beside_what_is_stored() {
    let running = start(config(rotated())).await;
    assert_eq!(
        running.review(&pool("a", "192.0.2.0/24")).await,
        json!({ "uid": "u", "allowed": true })
    );
    running
        .api
        .create(pool("older", "192.0.2.128/25"))
        .expect("stored");
    let response = running.review(&pool("a", "192.0.2.0/24")).await;
    assert_eq!(
        (&response["allowed"], &response["status"]["code"]),
        (&json!(false), &json!(422))
    );
    let cause = &response["status"]["details"]["causes"][0];
    assert_eq!(
        (&cause["field"], &cause["reason"]),
        (&json!("spec.addresses[0]"), &json!("OverlappingAddresses"))
    );
}

#[tokio::test]
async fn what_is_malformed_too_large_or_elsewhere_has_a_status_of_its_own() {
    let running = start(config(rotated())).await;
    assert_eq!(running.post(POOLS, "{").await.0, 400);
    assert_eq!(running.post("/convert", "[]").await.0, 400);
    assert_eq!(running.post("/validate-nothing", "{}").await.0, 404);
    assert_eq!(running.post(POOLS, vec![b' '; (3 << 20) + 1]).await.0, 413);
    assert_eq!(running.post(POOLS, "{").await.0, 400, "and it serves on");
}

#[tokio::test]
async fn w_03_where_the_stored_objects_cannot_be_read_the_failure_policy_decides() {
    let running = start(config(rotated())).await;
    running
        .api
        .faults()
        .always(Target::new(Verb::List, "ipaddresspools.metallb.io"), Fault::Drop);
    let review = json!({ "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {
        "uid": "u", "operation": "CREATE", "namespace": NAMESPACE, "object": pool("a", "192.0.2.0/24") } });
    let (status, text) = running.post(POOLS, review.to_string()).await;
    assert_eq!(status, 500, "{text}");
    assert!(text.starts_with("cannot review: "), "{text}");
}

#[tokio::test]
async fn a_peer_that_does_not_speak_tls_harms_only_itself() {
    let running = start(config(rotated())).await;
    let mut plain = TcpStream::connect(running.address).await.expect("a connection");
    plain.write_all(b"GET / HTTP/1.1\r\n\r\n").await.expect("sent");
    let mut answer = Vec::new();
    // An alert, or the connection just ends.
    let _ = plain.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    let _silent = TcpStream::connect(running.address).await.expect("a connection");
    assert_eq!(running.post("/convert", "{").await.0, 400);
}

#[tokio::test]
async fn http_2_is_spoken_if_asked_for_only() {
    for (http2, expected) in [(false, None), (true, Some(b"h2".to_vec()))] {
        let running = start(Config {
            http2,
            ..config(rotated())
        })
        .await;
        let chosen = running.connect(&[b"h2", b"http/1.1"]).await.expect("a handshake");
        let chosen = chosen.get_ref().1.alpn_protocol().map(<[u8]>::to_vec);
        assert_eq!(chosen, expected.or(Some(b"http/1.1".to_vec())));
    }
    let running = start(Config {
        http2: true,
        ..config(rotated())
    })
    .await;
    let stream = running.connect(&[b"h2"]).await.expect("a handshake");
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .expect("a connection");
    tokio::spawn(connection);
    let request =
        http::Request::post(format!("https://{NAME}/convert")).body(Full::new(bytes::Bytes::from("{")));
    let response = sender
        .send_request(request.expect("a request"))
        .await
        .expect("an answer");
    assert_eq!(response.status(), 400);
}

#[tokio::test]
async fn a_handshake_keeps_to_the_least_version_the_suites_and_the_curves() {
    let with = |version: &str, suites: &str, curves: &str| Config {
        tls: TlsOptions::parse(version, suites, curves).expect("valid"),
        ..config(rotated())
    };
    let tls12: &[_] = &[&rustls::version::TLS12];
    let newest = start(with("", "", "23")).await;
    assert!(newest.connect_with(tls12, &[]).await.is_err(), "1.3 is the least");
    let stream = newest.connect(&[]).await.expect("a handshake");
    let group = stream.get_ref().1.negotiated_key_exchange_group();
    assert_eq!(group.map(|group| u16::from(group.name())), Some(23));

    let older = start(with(
        "VersionTLS12",
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        "",
    ))
    .await;
    let stream = older.connect_with(tls12, &[]).await.expect("a handshake");
    let suite = stream.get_ref().1.negotiated_cipher_suite();
    assert_eq!(
        suite.map(|suite| suite.suite()),
        Some(rustls::CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256)
    );
}

#[tokio::test]
async fn two_replicas_agree_through_the_secret_and_a_restart_writes_nothing() {
    let first = start(config(rotated())).await;
    let made = first.secret().expect("made");
    let second = start_beside(first.api.clone(), config(rotated())).await;
    first.connect(&[]).await.expect("the first is trusted");
    second
        .connect(&[])
        .await
        .expect("the second is trusted by the same authority");
    drop(first);
    let third = start_beside(second.api.clone(), config(rotated())).await;
    third.connect(&[]).await.expect("trusted");
    assert_eq!(third.secret().expect("there")["data"], made["data"]);
    let writes = third
        .api
        .writes()
        .into_iter()
        .filter(|w| w.resource == "secrets")
        .count();
    assert_eq!(writes, 1);
}

#[tokio::test]
async fn an_empty_secret_is_filled_and_an_authority_that_is_told_is_told_once() {
    let api = ApiServer::new(Options::default()).expect("the bundled definitions are valid");
    let empty = json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "metallb-webhook-cert", "namespace": NAMESPACE } });
    api.create(empty).expect("made");
    let bundle = |api: &ApiServer| {
        let crd = api
            .get(
                "customresourcedefinitions.apiextensions.k8s.io",
                "",
                "bgppeers.metallb.io",
            )
            .expect("it is bundled");
        crd.pointer("/spec/conversion/webhook/clientConfig/caBundle")
            .cloned()
    };
    let running = start_beside(api, config(rotated())).await;
    until("the API server is told", || bundle(&running.api).is_some()).await;
    let secret = running.secret().expect("there");
    assert_eq!(bundle(&running.api).as_ref(), secret["data"].get("ca.crt"));
}

#[tokio::test]
async fn files_of_somebody_else_are_served_and_must_be_there() {
    let directory = tempfile::tempdir().expect("a directory");
    let files = || Certificates::Files {
        directory: directory.path().to_owned(),
    };
    let api = ApiServer::new(Options::default()).expect("the bundled definitions are valid");
    let client = Client::new(api.clone(), "default");
    let missing = Webhook::bind(config(files()), client.clone())
        .await
        .err()
        .expect("no files");
    assert!(format!("{missing:#}").contains("tls.crt"), "{missing:#}");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/metallb-secret");
    for file in ["tls.crt", "tls.key"] {
        std::fs::copy(format!("{source}/{file}"), directory.path().join(file)).expect("copied");
    }
    let running = start_beside(api, config(files())).await;
    assert!(running.secret().is_none(), "nothing is made");
    let stream = TcpStream::connect(running.address).await.expect("a connection");
    drop(stream);
    std::fs::write(directory.path().join("tls.key"), "nonsense").expect("written");
    let damaged = Webhook::bind(config(files()), client)
        .await
        .err()
        .expect("no key");
    assert!(
        format!("{damaged:#}").contains("no certificate in PEM with its key"),
        "{damaged:#}"
    );
}
