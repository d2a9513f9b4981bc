//! Paths and requests with a time limit.

use core::time::Duration;

use ferrolb_api::Object;
use ferrolb_types::ObjectKey;
use http::Request;
use kube::Client;
use serde::Deserialize;

use crate::Error;

/// How long the API server may take to answer a request.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(15);

/// Path of a collection: of one namespace, or of the cluster where `namespace` is empty.
pub(crate) fn path<T: Object>(namespace: &str) -> String {
    let root = if T::GROUP.is_empty() { "api" } else { "apis" };
    let version = T::api_version();
    if namespace.is_empty() {
        format!("/{root}/{version}/{}", T::PLURAL)
    } else {
        format!("/{root}/{version}/namespaces/{namespace}/{}", T::PLURAL)
    }
}

/// `plural.group`, as roles and `kubectl` name a kind.
pub(crate) fn resource<T: Object>() -> String {
    if T::GROUP.is_empty() {
        T::PLURAL.to_owned()
    } else {
        format!("{}.{}", T::PLURAL, T::GROUP)
    }
}

/// Sends `request` and returns the body of a success.
pub(crate) async fn send(client: &Client, request: Request<Vec<u8>>) -> Result<String, Error> {
    within(TIMEOUT, client.request_text(request)).await
}

/// How often a denial is asked about again while the API server does not say that it is ready; about 30 s, for clusters where
/// `/readyz` may not be read.
pub(crate) const UNREADY_ATTEMPTS: u32 = 12;

/// Whether the API server says that it has everything it needs to answer, the roles among it.
pub(crate) async fn is_server_ready(client: &Client) -> bool {
    let request = Request::get("/readyz").body(Vec::new());
    match request {
        Ok(request) => send(client, request).await.is_ok(),
        Err(_) => false,
    }
}

/// Limits the time of one request.
pub(crate) async fn within<T>(
    limit: Duration,
    request: impl Future<Output = Result<T, kube::Error>>,
) -> Result<T, Error> {
    match tokio::time::timeout(limit, request).await {
        Ok(result) => Ok(result?),
        Err(_) => Err(Error::Timeout {
            seconds: limit.as_secs(),
        }),
    }
}

/// A request that the builder of the client's library refuses: a name or a value is malformed.
#[expect(clippy::needless_pass_by_value, reason = "for `map_err`")]
pub(crate) fn unbuildable(error: kube::core::request::Error) -> Error {
    Error::Unreadable {
        cause: error.to_string(),
    }
}

/// The least that any object has.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Head {
    #[serde(default)]
    pub(crate) metadata: HeadMeta,
}

/// Metadata of a [`Head`].
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct HeadMeta {
    pub(crate) name: Box<str>,
    pub(crate) namespace: Box<str>,
    pub(crate) uid: Box<str>,
    pub(crate) resource_version: Box<str>,
    /// Of a list: where the next page begins.
    #[serde(rename = "continue")]
    pub(crate) next_page: Option<String>,
}

impl HeadMeta {
    pub(crate) fn key(&self) -> ObjectKey {
        ObjectKey::new(&*self.namespace, &*self.name)
    }
}
