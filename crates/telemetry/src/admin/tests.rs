use core::net::Ipv4Addr;
use core::sync::atomic::{AtomicBool, Ordering};

use axum::body::Body;
use axum::http::{Method, Request};
use http_body_util::BodyExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::*;

const LOOPBACK: &str = "127.0.0.1:9";
const ELSEWHERE: &str = "192.0.2.7:9";

fn admin() -> Admin {
    Admin {
        registry: Registry::new(),
        readiness: Arc::new(|| None),
        state: Vec::new(),
        level: None,
    }
}

async fn ask(routes: Router, method: Method, path: &str, peer: &str, body: &str) -> (StatusCode, String) {
    let peer = Peer(peer.parse().expect("an address"));
    let request = Request::builder()
        .method(method)
        .uri(path)
        .extension(peer)
        .body(Body::from(body.to_owned()))
        .expect("a request");
    let response = routes.oneshot(request).await.expect("infallible");
    let status = response.status();
    let bytes = response.into_body().collect().await.expect("a body").to_bytes();
    (status, String::from_utf8_lossy(&bytes).into_owned())
}

async fn get_path(routes: Router, path: &str, peer: &str) -> (StatusCode, String) {
    ask(routes, Method::GET, path, peer, "").await
}

#[tokio::test]
async fn readiness_says_what_is_missing_until_nothing_is() {
    let synced = Arc::new(AtomicBool::new(false));
    let mut admin = admin();
    let flag = Arc::clone(&synced);
    admin.readiness = Arc::new(move || (!flag.load(Ordering::Relaxed)).then(|| "waiting for pools".into()));
    let routes = admin.health_routes();
    let (status, text) = get_path(routes.clone(), "/readyz", ELSEWHERE).await;
    assert_eq!(
        (status, &*text),
        (StatusCode::SERVICE_UNAVAILABLE, "waiting for pools")
    );
    synced.store(true, Ordering::Relaxed);
    let (status, _) = get_path(routes.clone(), "/readyz", ELSEWHERE).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(get_path(routes, "/healthz", ELSEWHERE).await.1, "ok");
}

#[tokio::test]
async fn metrics_are_not_on_the_health_port() {
    let admin = admin();
    admin.registry.counter("x_total", "Help.").expect("free");
    let (status, text) = get_path(admin.clone().routes(), "/metrics", ELSEWHERE).await;
    assert_eq!(status, StatusCode::OK);
    assert!(text.contains("x_total 0"), "{text}");
    let (status, _) = get_path(admin.health_routes(), "/metrics", LOOPBACK).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn state_comes_from_its_owners_and_to_loopback_only() {
    let (source, mut queries) = state_channel();
    let (gone, _) = state_channel();
    let mut admin = admin();
    admin.state = vec![("allocator", source), ("announcer", gone)];
    tokio::spawn(async move {
        while let Some(query) = queries.recv().await {
            let _ = query.send(serde_json::json!({ "waiting": 2 }));
        }
    });
    let (status, text) = get_path(admin.clone().routes(), "/debug/state", LOOPBACK).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        text,
        r#"{"allocator":{"waiting":2},"announcer":{"error":"stopped"}}"#
    );
    let (status, _) = get_path(admin.routes(), "/debug/state", ELSEWHERE).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn log_level_is_read_and_changed_from_loopback_only() {
    let options = crate::log::Options {
        format: crate::log::Format::Json,
        level: crate::log::Level::Info,
        writer: Box::new(std::io::sink()),
        clock: || std::time::SystemTime::UNIX_EPOCH,
    };
    let (_subscriber, level, _guard) = crate::log::subscriber(options).expect("a thread can be started");
    let mut admin = admin();
    admin.level = Some(level);
    let routes = admin.routes();
    let put = |peer, body| ask(routes.clone(), Method::PUT, "/debug/log-level", peer, body);
    assert_eq!(put(ELSEWHERE, "none").await.0, StatusCode::FORBIDDEN);
    assert_eq!(put(LOOPBACK, "loud").await.0, StatusCode::BAD_REQUEST);
    assert_eq!(
        put("[::ffff:127.0.0.1]:9", "debug\n").await,
        (StatusCode::OK, "debug\n".into())
    );
    assert_eq!(
        get_path(routes.clone(), "/debug/log-level", LOOPBACK).await.1,
        "debug\n"
    );
}

#[tokio::test]
async fn serves_over_tcp_until_shutdown() {
    let listener = bind((Ipv4Addr::LOCALHOST, 0).into()).await.expect("a free port");
    let addr = listener.local_addr().expect("bound");
    let shutdown = CancellationToken::new();
    let server = tokio::spawn(serve(listener, admin().routes(), shutdown.clone()));
    let mut stream = tokio::net::TcpStream::connect(addr).await.expect("listening");
    let request = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    stream.write_all(request).await.expect("connected");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.ends_with("ok"),
        "{answer}"
    );
    shutdown.cancel();
    server.await.expect("ends");
    assert!(tokio::net::TcpStream::connect(addr).await.is_err());
}

#[tokio::test]
async fn a_taken_port_is_named() {
    let first = bind((Ipv4Addr::LOCALHOST, 0).into()).await.expect("a free port");
    let addr = first.local_addr().expect("bound");
    let error = bind(addr).await.expect_err("taken");
    let want = format!(
        "port {} of `127.0.0.1` is already in use by another process; free it or choose another port",
        addr.port()
    );
    assert_eq!(error.to_string(), want);
}
