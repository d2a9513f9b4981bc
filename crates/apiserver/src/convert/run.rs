//! The calls: objects in, forms out, in portions.

use core::time::Duration;
use std::sync::Arc;

use serde_json::Value;

use super::Hook;
use super::review::Review;
use crate::callout::Caller;
use crate::error::ApiError;
use crate::kinds::Resource;
use crate::object::Stored;

/// How long one call may take, as on a real server.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Objects of one call.
const MAX_OBJECTS: usize = 100;

/// Bytes of the objects of one call, unless a single one has more.
const MAX_BYTES: usize = 1024 * 1024;

/// Sees to it that [`Resource::show`] finds every object in the version of `resource`.
///
/// # Errors
/// The webhook did not answer, or not as it must; objects that were converted before keep their forms.
pub(crate) async fn prepare<'a>(
    caller: &Caller,
    resource: &Resource,
    objects: impl IntoIterator<Item = &'a Arc<Stored>>,
) -> Result<(), ApiError> {
    let Some(hook) = resource.hook() else {
        return Ok(());
    };
    let missing = objects.into_iter().filter(|o| !resource.can_show(o));
    let missing: Vec<&Arc<Stored>> = missing.collect();
    for portion in portions(&missing) {
        let values: Vec<&Value> = portion.iter().map(|o| &o.value).collect();
        let converted = call(caller, hook, &resource.api_version(), &values).await?;
        for (object, mut form) in portion.iter().zip(converted) {
            resource.complete_shown(&mut form);
            object.forms().keep(hook, &resource.version, form);
        }
    }
    Ok(())
}

/// A stored object that is not in the store, in the version of `resource`.
///
/// # Errors
/// As [`prepare`].
pub(crate) async fn shown(caller: &Caller, resource: &Resource, object: &Value) -> Result<Value, ApiError> {
    let Some(hook) = resource.hook() else {
        return Ok(resource.show_value(object));
    };
    let mut shown = one(caller, hook, &resource.api_version(), object).await?;
    resource.complete_shown(&mut shown);
    Ok(shown)
}

/// An object in the version of `resource`, as it is to be stored.
///
/// # Errors
/// As [`prepare`].
pub(crate) async fn stored(caller: &Caller, resource: &Resource, object: Value) -> Result<Value, ApiError> {
    let Some(hook) = resource.hook() else {
        return Ok(resource.unshow(object));
    };
    let mut stored = one(caller, hook, &resource.storage_api_version(), &object).await?;
    resource.complete_stored(&mut stored);
    Ok(stored)
}

async fn one(caller: &Caller, hook: &Hook, wanted: &str, object: &Value) -> Result<Value, ApiError> {
    let converted = call(caller, hook, wanted, &[object]).await?;
    // The review holds the answer to the number of its objects.
    Ok(converted.into_iter().next().unwrap_or_default())
}

async fn call(
    caller: &Caller,
    hook: &Hook,
    wanted: &str,
    objects: &[&Value],
) -> Result<Vec<Value>, ApiError> {
    let review = Review {
        version: hook.review,
        uid: &caller.next_uid(),
        wanted,
        objects,
    };
    let answer = caller.exchange(&hook.endpoint, &review.body(), TIMEOUT).await;
    let answer = answer.map_err(|why| {
        let seconds = TIMEOUT.as_secs();
        review.failed(&format!("Post \"{}?timeout={seconds}s\": {why}", hook.endpoint))
    })?;
    review.converted(answer)
}

/// Cuts a list so that no portion has too many objects or bytes.
fn portions<'a, 'b>(objects: &'b [&'a Arc<Stored>]) -> impl Iterator<Item = &'b [&'a Arc<Stored>]> {
    let mut rest = objects;
    core::iter::from_fn(move || {
        let mut bytes = 0;
        let fits = |object: &&&Arc<Stored>| {
            bytes += object.json().len();
            bytes <= MAX_BYTES
        };
        let fitting = rest.iter().take(MAX_OBJECTS).take_while(fits).count();
        let (portion, left) = rest.split_at(fitting.max(1).min(rest.len()));
        rest = left;
        (!portion.is_empty()).then_some(portion)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn no_portion_is_too_large_and_none_of_the_objects_is_left_out() {
        let object = |size: usize| Stored::new(1, json!({"x": "x".repeat(size)}));
        let sizes = |objects: &[Arc<Stored>]| -> Vec<usize> {
            let all: Vec<&Arc<Stored>> = objects.iter().collect();
            portions(&all).map(<[_]>::len).collect()
        };
        assert_eq!(sizes(&[]), [0_usize; 0]);
        let many: Vec<_> = (0..250).map(|_| object(1)).collect();
        assert_eq!(sizes(&many), [100, 100, 50]);
        let large = [object(10), object(2 * MAX_BYTES), object(10), object(10)];
        assert_eq!(sizes(&large), [1, 1, 2]);
    }
}
