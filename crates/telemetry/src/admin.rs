//! The admin HTTP server.
//!
//! | Path | Method | Answer |
//! |---|---|---|
//! | `/metrics` | GET | the registry, text format 0.0.4 |
//! | `/healthz` | GET | 200 `ok` while the process serves |
//! | `/readyz` | GET | 200 `ok`, or 503 and what is missing |
//! | `/debug/state` | GET | JSON: one member per provider |
//! | `/debug/log-level` | GET, PUT | the level as a word |
//!
//! Everything under `/debug` is answered to loopback alone (so also through `kubectl port-forward`): the ports are open
//! to the network, and whoever can reach them must not read the state or quieten the log.

mod server;
mod state;

use core::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

pub use server::{Error, Listener, bind, serve};
pub use state::{StateQueries, StateSource, state_channel};

use crate::log::LevelHandle;
use crate::metrics::{self, Registry};

/// What keeps the process from being ready; `None` when it is.
pub type Readiness = Arc<dyn Fn() -> Option<String> + Send + Sync>;

/// What the server shows.
#[derive(Clone)]
pub struct Admin {
    /// The metrics.
    pub registry: Registry,
    /// Asked at each `/readyz`.
    pub readiness: Readiness,
    /// Members of `/debug/state`.
    pub state: Vec<(&'static str, StateSource)>,
    /// The log level; absent where logging is not the process's own (tests, several components in one process).
    pub level: Option<LevelHandle>,
}

impl Admin {
    /// All paths.
    pub fn routes(self) -> Router {
        let metrics = Router::new()
            .route("/metrics", get(show_metrics))
            .with_state(self.registry.clone());
        self.health_routes().merge(metrics)
    }

    /// All paths but `/metrics`, for the health port.
    pub fn health_routes(self) -> Router {
        Router::new()
            .route("/healthz", get(async || "ok"))
            .route("/readyz", get(show_readiness))
            .route("/debug/state", get(state::show))
            .route("/debug/log-level", get(show_level).put(change_level))
            .with_state(self)
    }
}

/// The peer's address, put into each request by the server.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(SocketAddr);

/// Lets requests from loopback pass.
pub(crate) struct FromLoopback;

impl<S: Sync> axum::extract::FromRequestParts<S> for FromLoopback {
    type Rejection = (StatusCode, &'static str);

    async fn from_request_parts(
        parts: &mut axum::http::request::Parts,
        _: &S,
    ) -> Result<Self, Self::Rejection> {
        let peer = parts.extensions.get::<Peer>();
        if peer.is_some_and(|peer| peer.0.ip().to_canonical().is_loopback()) {
            Ok(Self)
        } else {
            Err((
                StatusCode::FORBIDDEN,
                "only from loopback; use `kubectl port-forward`\n",
            ))
        }
    }
}

async fn show_metrics(State(registry): State<Registry>) -> Response {
    ([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], registry.encode()).into_response()
}

async fn show_readiness(State(admin): State<Admin>) -> Response {
    match (admin.readiness)() {
        None => "ok".into_response(),
        Some(missing) => (StatusCode::SERVICE_UNAVAILABLE, missing).into_response(),
    }
}

async fn show_level(_: FromLoopback, State(admin): State<Admin>) -> Response {
    match admin.level {
        Some(level) => format!("{}\n", level.get()).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn change_level(_: FromLoopback, State(admin): State<Admin>, body: Bytes) -> Response {
    let Some(handle) = admin.level else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let word = String::from_utf8_lossy(&body);
    match word.trim().parse() {
        Ok(level) => {
            handle.set(level);
            format!("{level}\n").into_response()
        }
        Err(error) => (StatusCode::BAD_REQUEST, format!("{error}\n")).into_response(),
    }
}

#[cfg(test)]
mod tests;
