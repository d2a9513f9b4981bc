//! An API server that answers by script, for tests.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use futures::{StreamExt, stream};
use http::{Request, Response, StatusCode};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};

type Answered = BoxBody<bytes::Bytes, std::io::Error>;

/// What the API server does with one request.
pub(crate) enum Answer {
    Json(u16, Value),
    /// Lines of a watch, which then ends.
    Lines(Vec<Value>),
    /// Lines of a watch, which then stays silent.
    Silence(Vec<Value>),
    Unreachable,
}

impl Answer {
    /// A refusal.
    pub(crate) fn status(code: u16, message: &str) -> Self {
        let body = json!({ "kind": "Status", "status": "Failure", "code": code, "message": message });
        Self::Json(code, body)
    }
}

/// A request that came.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Asked {
    /// Method and path, like `GET /api/v1/services`.
    pub(crate) what: String,
    /// `null` without a body.
    pub(crate) body: Value,
}

/// Answers in order, then nothing any more; notes the requests.
#[derive(Default)]
pub(crate) struct Script {
    answers: Mutex<VecDeque<Answer>>,
    asked: Mutex<Vec<Asked>>,
}

impl Script {
    pub(crate) fn client(answers: impl IntoIterator<Item = Answer>) -> (Client, Arc<Self>) {
        let script = Arc::new(Self {
            answers: Mutex::new(answers.into_iter().collect()),
            asked: Mutex::default(),
        });
        let server = Arc::clone(&script);
        let service = tower::service_fn(move |request| Arc::clone(&server).answer(request));
        (Client::new(service, "default"), script)
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().expect("not poisoned").clone()
    }

    /// Methods and paths alone.
    pub(crate) fn paths(&self) -> Vec<String> {
        self.asked().into_iter().map(|asked| asked.what).collect()
    }

    async fn answer(self: Arc<Self>, request: Request<Body>) -> Result<Response<Answered>, std::io::Error> {
        let what = format!("{} {}", request.method(), request.uri());
        let body = request.into_body().collect().await.expect("in memory").to_bytes();
        let body = serde_json::from_slice(&body).unwrap_or_default();
        self.asked
            .lock()
            .expect("not poisoned")
            .push(Asked { what, body });
        let next = self.answers.lock().expect("not poisoned").pop_front();
        let (code, body) = match next {
            None => futures::future::pending().await,
            Some(Answer::Unreachable) => return Err(std::io::ErrorKind::ConnectionRefused.into()),
            Some(Answer::Json(code, value)) => (code, whole(value.to_string().into_bytes())),
            Some(Answer::Lines(values)) => (200, whole(lines(&values))),
            Some(Answer::Silence(values)) => {
                let first = stream::iter([Ok(Frame::data(lines(&values).into()))]);
                (
                    200,
                    BodyExt::boxed(StreamBody::new(first.chain(stream::pending()))),
                )
            }
        };
        let code = StatusCode::from_u16(code).expect("a status");
        Ok(Response::builder().status(code).body(body).expect("a response"))
    }
}

fn whole(bytes: Vec<u8>) -> Answered {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed()
}

fn lines(values: &[Value]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|v| format!("{v}\n").into_bytes())
        .collect()
}
