//! Single objects and whole lists, outside of watches.

use ferrolb_api::{Object, Problem};
use ferrolb_types::ObjectKey;
use http::Request;
use kube::Client;
use kube::api::{GetParams, ListParams, Patch, PatchParams, PostParams};
use serde::Deserialize;
use serde_json::Value;

use crate::Error;
use crate::request::{HeadMeta, path, resource, send, unbuildable};

/// Objects per page of a list.
const PAGE: u32 = 500;

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    metadata: HeadMeta,
    #[serde(default)]
    items: Option<Vec<Value>>,
}

/// Every object of a kind as it is now, in `namespace` or everywhere where that is empty. One that cannot be read as its
/// kind is a problem in its place.
///
/// # Errors
/// When the API server does not answer or refuses.
pub async fn list<T: Object>(
    client: &Client,
    namespace: &str,
) -> Result<Vec<Result<T, Box<Problem>>>, Error> {
    let requests = kube::core::Request::new(path::<T>(namespace));
    let mut params = ListParams::default().limit(PAGE);
    let mut found = Vec::new();
    loop {
        let request = requests.list(&params).map_err(unbuildable)?;
        let text = send(client, request).await;
        let page: Page = serde_json::from_str(&text.map_err(|e| e.of("list", resource::<T>()))?)?;
        found.extend(page.items.unwrap_or_default().iter().map(ferrolb_api::decode));
        params.continue_token = page.metadata.next_page.filter(|token| !token.is_empty());
        if params.continue_token.is_none() {
            return Ok(found);
        }
    }
}

/// One object as it is now; none if there is none.
///
/// # Errors
/// When the API server does not answer or refuses, or the answer cannot be read as the kind.
pub async fn get<T: Object>(client: &Client, key: &ObjectKey) -> Result<Option<T>, Error> {
    let request = requests::<T>(key).get(&key.name, &GetParams::default());
    match of_one(client, "get", request.map_err(unbuildable)?).await {
        Err(error) if error.code() == Some(404) => Ok(None),
        result => result.map(Some),
    }
}

/// Creates an object and gives it back as it is stored.
///
/// # Errors
/// As of [`get`]; 409 if there is one of this name.
pub async fn create<T: Object>(client: &Client, namespace: &str, object: &Value) -> Result<T, Error> {
    let requests = kube::core::Request::new(path::<T>(namespace));
    let request = requests.create(&PostParams::default(), object.to_string().into_bytes());
    of_one(client, "create", request.map_err(unbuildable)?).await
}

/// Changes an object by a merge patch (RFC 7396) and gives it back; with `metadata.resourceVersion` in the patch, only
/// that version.
///
/// # Errors
/// As of [`get`]; 409 if another version is there.
pub async fn merge<T: Object>(client: &Client, key: &ObjectKey, patch: &Value) -> Result<T, Error> {
    let patch = Patch::Merge(patch);
    let request = requests::<T>(key).patch(&key.name, &PatchParams::default(), &patch);
    of_one(client, "patch", request.map_err(unbuildable)?).await
}

/// Owns the fields in `object`, and no others, by server-side apply, and gives the whole object back. Whoever else
/// claims another value for one of them loses it.
///
/// # Errors
/// As of [`get`]; 409 if `object` names a `metadata.uid` that is not there.
pub async fn apply<T: Object>(
    client: &Client,
    key: &ObjectKey,
    owner: &str,
    object: &Value,
) -> Result<T, Error> {
    let patch = Patch::Apply(object);
    let request = requests::<T>(key).patch(&key.name, &PatchParams::apply(owner).force(), &patch);
    of_one(client, "patch", request.map_err(unbuildable)?).await
}

fn requests<T: Object>(key: &ObjectKey) -> kube::core::Request {
    kube::core::Request::new(path::<T>(key.namespace.as_str()))
}

/// Unlike a list's, a 404 means the object.
async fn of_one<T: Object>(
    client: &Client,
    verb: &'static str,
    request: Request<Vec<u8>>,
) -> Result<T, Error> {
    let text = send(client, request).await.map_err(|error| match error.code() {
        Some(403) => error.of(verb, resource::<T>()),
        _ => error,
    })?;
    Ok(serde_json::from_str(&text)?)
}

#[cfg(test)]
mod tests {
    use ferrolb_api::metallb::IpAddressPool;
    use serde_json::json;

    use super::*;
    use crate::script::{Answer, Script};

    #[tokio::test]
    async fn a_list_goes_on_to_its_last_page_and_sets_aside_what_cannot_be_read() {
        let first = json!({ "metadata": { "continue": "next" }, "items": [{ "metadata": { "name": "a" } }] });
        let last = json!({ "items": [{ "metadata": { "name": "b" }, "spec": { "addresses": 7 } }] });
        let (client, script) = Script::client([Answer::Json(200, first), Answer::Json(200, last)]);
        let found = list::<IpAddressPool>(&client, "lb").await.unwrap();
        assert_eq!(&*found[0].as_ref().unwrap().metadata.name, "a");
        assert_eq!(found[1].as_ref().unwrap_err().name, "b");
        let asked: Vec<String> = script.asked().into_iter().map(|a| a.what).collect();
        assert!(asked[1].contains("continue=next"), "{asked:?}");
    }

    #[tokio::test]
    async fn a_refusal_names_verb_and_resource_and_a_missing_object_is_none() {
        let key = ObjectKey::new("lb", "a");
        let (client, _) = Script::client([Answer::status(403, "no"), Answer::status(404, "none")]);
        let error = get::<IpAddressPool>(&client, &key).await.unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("not permitted to get `ipaddresspools.metallb.io`"),
            "{error}"
        );
        assert_eq!(get::<IpAddressPool>(&client, &key).await.unwrap(), None);
    }
}
