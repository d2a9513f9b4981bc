//! The paths of the webhooks.
//!
//! | Answer | When |
//! |---|---|
//! | 200 | the review is answered, allowed or not |
//! | 400 | the body is no review |
//! | 404, 405 | another path, another method |
//! | 413 | the body is larger than 3 MiB |
//! | 500, 503 | what the API server holds cannot be read now, or not in time: the `failurePolicy` decides |

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use ferrolb_admission::{FirstLook, Kind, Malformed, Needs, Review, Verdict, conversion};
use ferrolb_api::Rules;
use ferrolb_kube::Client;
use tokio::sync::Semaphore;

use crate::live;

/// An API server refuses objects over 3 MiB, the old and the new version of one are each below half of that in etcd.
const BODY_BYTES: usize = 3 << 20;
/// API servers wait 10 s unless told otherwise, and 30 s at most.
const TIME: Duration = Duration::from_secs(30);
/// Reviews that may hold the whole configuration in memory at a time; others wait.
const READERS: usize = 4;

#[derive(Clone)]
struct Reviewer {
    client: Client,
    rules: Arc<Rules>,
    readers: Arc<Semaphore>,
}

/// All paths.
pub(crate) fn routes(client: Client, rules: Rules) -> Router {
    let reviewer = Reviewer {
        client,
        rules: Arc::new(rules),
        readers: Arc::new(Semaphore::new(READERS)),
    };
    let mut router = Router::new().route("/convert", post(convert));
    for kind in Kind::ALL {
        let review = move |State(reviewer): State<Reviewer>, body: Bytes| review(reviewer, kind, body);
        router = router.route(kind.path(), post(review));
    }
    router
        .layer(DefaultBodyLimit::max(BODY_BYTES))
        .with_state(reviewer)
}

async fn convert(body: Bytes) -> Response {
    // Thousands of peers may come at once; other work goes on meanwhile.
    match tokio::task::spawn_blocking(move || conversion::answer(&body)).await {
        Ok(Ok(answer)) => axum::Json(answer).into_response(),
        Ok(Err(error)) => malformed(&error),
        Err(error) => failed(&error.to_string()),
    }
}

async fn review(reviewer: Reviewer, kind: Kind, body: Bytes) -> Response {
    let review = match Review::parse(kind, &body) {
        Ok(review) => review,
        Err(error) => return malformed(&error),
    };
    drop(body);
    let verdict = match review.first_look(&reviewer.rules) {
        FirstLook::Answered(verdict) => verdict,
        FirstLook::Needs(needs) => match tokio::time::timeout(TIME, reviewer.judge(&review, needs)).await {
            Ok(Ok(verdict)) => verdict,
            Ok(Err(error)) => return failed(&format!("{error:#}")),
            Err(_) => return (StatusCode::SERVICE_UNAVAILABLE, "too many reviews at once\n").into_response(),
        },
    };
    tell(&review, &verdict);
    axum::Json(review.answer(&verdict)).into_response()
}

impl Reviewer {
    async fn judge(&self, review: &Review, needs: Needs) -> anyhow::Result<Verdict> {
        let _permit = self.readers.acquire().await?;
        let existing = live::read(&self.client, &self.rules.namespace, needs).await?;
        let (review, rules) = (review.clone(), Arc::clone(&self.rules));
        // Resolving thousands of objects takes as long as many events of the controller.
        Ok(tokio::task::spawn_blocking(move || review.judge(existing, &rules)).await?)
    }
}

fn tell(review: &Review, verdict: &Verdict) {
    let (kind, object) = (review.kind.name(), review.object());
    match &verdict.refusal {
        Some(refusal) => {
            tracing::info!(op = "webhook", kind, object, message = refusal.message, "refused");
        }
        None => tracing::debug!(op = "webhook", kind, object, "allowed"),
    }
}

fn malformed(error: &Malformed) -> Response {
    (StatusCode::BAD_REQUEST, format!("{error}\n")).into_response()
}

fn failed(error: &str) -> Response {
    tracing::warn!(
        op = "webhook",
        error,
        "a review could not be answered; the failurePolicy decides"
    );
    (
        StatusCode::INTERNAL_SERVER_ERROR,
        format!("cannot review: {error}\n"),
    )
        .into_response()
}
