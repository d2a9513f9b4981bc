//! The question put to webhooks, and what follows from no answer.

use futures::future::join_all;

use super::review::Review;
use super::webhook::FailurePolicy;
use crate::callout::Caller;
use crate::error::ApiError;

/// Asks all at once. The answer is what the writer should know.
///
/// # Errors
/// The first refusal, in the order of the reviews.
pub(crate) async fn ask(caller: &Caller, reviews: &[Review]) -> Result<Vec<String>, ApiError> {
    let answers = join_all(reviews.iter().map(|r| one(caller, r))).await;
    let mut warnings = Vec::new();
    for answer in answers {
        warnings.extend(answer.map_err(|e| e.warning(&warnings))?);
    }
    Ok(warnings)
}

async fn one(caller: &Caller, review: &Review) -> Result<Vec<String>, ApiError> {
    let webhook = &review.webhook;
    let question = review.body();
    let answer = caller.exchange(&webhook.endpoint, &question, webhook.timeout);
    let verdict = answer.await.and_then(|answer| review.verdict(&answer));
    match (verdict, webhook.failure_policy) {
        (Ok(verdict), _) => verdict,
        (Err(why), FailurePolicy::Fail) => Err(review.failed(&why)),
        (Err(why), FailurePolicy::Ignore) => {
            tracing::warn!(webhook = webhook.name, why, "webhook failed and is ignored");
            Ok(Vec::new())
        }
    }
}
