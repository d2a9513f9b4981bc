//! `/debug/state`: asked of the tasks that own the state, through channels.

use core::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};
use tokio::sync::{mpsc, oneshot};

use super::{Admin, FromLoopback};

/// How long an owner may take to answer.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Questions that may wait for an owner.
const QUEUE: usize = 4;

/// Where the owner of some state receives questions; it answers each with the state as JSON.
pub type StateQueries = mpsc::Receiver<oneshot::Sender<Value>>;

/// Asks the owner of some state.
#[derive(Clone, Debug)]
pub struct StateSource(mpsc::Sender<oneshot::Sender<Value>>);

/// Both ends.
#[must_use]
pub fn state_channel() -> (StateSource, StateQueries) {
    let (sender, receiver) = mpsc::channel(QUEUE);
    (StateSource(sender), receiver)
}

impl StateSource {
    /// The owner's answer, or an object that says why there is none.
    async fn ask(&self) -> Value {
        let (sender, receiver) = oneshot::channel();
        let answer = async {
            self.0.send(sender).await.ok()?;
            receiver.await.ok()
        };
        match tokio::time::timeout(TIMEOUT, answer).await {
            Ok(Some(state)) => state,
            Ok(None) => json!({ "error": "stopped" }),
            Err(_) => json!({ "error": "no answer in time" }),
        }
    }
}

impl Admin {
    /// What `/debug/state` shows.
    pub async fn state(&self) -> Value {
        let mut all = Map::new();
        for (name, source) in &self.state {
            all.insert((*name).to_owned(), source.ask().await);
        }
        Value::Object(all)
    }
}

pub(super) async fn show(_: FromLoopback, State(admin): State<Admin>) -> Response {
    Json(admin.state().await).into_response()
}
