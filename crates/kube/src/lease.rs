//! Carries out what an election asks for.
//!
//! A Lease is changed by PUT of the whole object on the version that was seen, with the rights that client-go needs; what
//! others have written on it stays.

use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use core::time::Duration;
use std::sync::{Mutex, PoisonError};

use ferrolb_api::core::Lease as Object;
use ferrolb_lease::{Claim, Input, Lease, Record, Request};
use ferrolb_types::ObjectKey;
use futures::StreamExt;
use futures::stream::BoxStream;
use kube::Client;
use kube::api::{GetParams, PostParams};
use serde_json::{Value, json};

use crate::request::{UNREADY_ATTEMPTS, is_server_ready, path, resource, send, unbuildable};
use crate::watch::{Change, Options};
use crate::{Error, WallClock, time};

/// One Lease of the API server.
pub struct LeaseClient {
    client: Client,
    key: ObjectKey,
    clock: WallClock,
    /// As the API server gave it last.
    stored: Mutex<Option<Value>>,
    /// The failure that was logged last; the same one is not logged again.
    failure: Mutex<Option<Error>>,
    /// Whether the API server has said that it is ready: what it denies from then on is denied for good.
    was_ready: AtomicBool,
    /// Denials of a server that does not say so.
    denials: AtomicU32,
}

impl LeaseClient {
    /// For the Lease `key`. `clock` gives the times that people read in it.
    #[must_use]
    pub fn new(client: Client, key: ObjectKey, clock: WallClock) -> Self {
        Self {
            client,
            key,
            clock,
            stored: Mutex::default(),
            failure: Mutex::default(),
            was_ready: AtomicBool::new(false),
            denials: AtomicU32::new(0),
        }
    }

    /// Asks the API server and gives its answer in the words of the election, after `within` at the latest.
    pub async fn ask(&self, request: Request, within: Duration) -> Input {
        let Ok(result) = tokio::time::timeout(within, self.outlast_start(&request)).await else {
            let seconds = within.as_secs();
            return self.failed(&request, Error::Timeout { seconds });
        };
        match result {
            Ok(input) => {
                *lock(&self.failure) = None;
                input
            }
            Err(error) => self.failed(&request, error),
        }
    }

    /// What a watch shows of the Lease, for ever. Where watching is not permitted nothing comes.
    pub fn watch(&self) -> BoxStream<'static, Input> {
        let options = Options {
            fields: Some(format!("metadata.name={}", self.key.name)),
            ..Options::in_namespace(self.key.namespace.clone())
        };
        let seen = |change| async {
            match change {
                Change::Applied(object) => Some(Input::Seen(Some(lease(&object)))),
                Change::Deleted(_) => Some(Input::Seen(None)),
                Change::Malformed { .. } | Change::Synced | Change::Away { .. } | Change::Back => None,
            }
        };
        crate::watch::watch::<Object>(self.client.clone(), options)
            .filter_map(seen)
            .boxed()
    }

    /// A server that has just started denies everything until it has read the roles. A candidate that took this for a role
    /// without Leases would write beside the leader.
    async fn outlast_start(&self, request: &Request) -> Result<Input, Error> {
        let result = self.carry_out(request).await;
        let is_denied = result.as_ref().is_err_and(|error| error.code() == Some(403));
        if !is_denied || self.was_ready.load(Ordering::Relaxed) {
            return result;
        }
        if is_server_ready(&self.client).await {
            self.was_ready.store(true, Ordering::Relaxed);
            return self.carry_out(request).await;
        }
        let denials = self.denials.fetch_add(1, Ordering::Relaxed);
        if denials < UNREADY_ATTEMPTS {
            Ok(Input::Failed)
        } else {
            result
        }
    }

    async fn carry_out(&self, request: &Request) -> Result<Input, Error> {
        match request {
            Request::Get => self.get().await,
            Request::Create(claim) => self.create(claim).await,
            Request::Update { version, claim } => self.update(version, claim).await,
        }
    }

    async fn get(&self) -> Result<Input, Error> {
        let request = self.requests().get(&self.key.name, &GetParams::default());
        let text = send(&self.client, request.map_err(unbuildable)?).await?;
        Ok(Input::Read(Some(self.keep(&text)?)))
    }

    async fn create(&self, claim: &Claim) -> Result<Input, Error> {
        let object = json!({
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": { "name": &*self.key.name, "namespace": self.key.namespace.as_str() },
            "spec": self.spec(claim),
        });
        let request = self
            .requests()
            .create(&PostParams::default(), object.to_string().into_bytes());
        let text = send(&self.client, request.map_err(unbuildable)?).await?;
        Ok(Input::Written(self.keep(&text)?))
    }

    async fn update(&self, version: &str, claim: &Claim) -> Result<Input, Error> {
        let stored = lock(&self.stored).clone();
        let is_current = |object: &Value| object["metadata"]["resourceVersion"] == json!(version);
        let Some(mut object) = stored.filter(is_current) else {
            // A watch showed this version, and not the whole of it.
            return self.get_and_update(version, claim).await;
        };
        object["spec"] = merged(&object["spec"], self.spec(claim));
        let body = object.to_string().into_bytes();
        let request = self
            .requests()
            .replace(&self.key.name, &PostParams::default(), body);
        let text = send(&self.client, request.map_err(unbuildable)?).await?;
        Ok(Input::Written(self.keep(&text)?))
    }

    async fn get_and_update(&self, version: &str, claim: &Claim) -> Result<Input, Error> {
        match self.get().await? {
            Input::Read(Some(lease)) if *lease.version == *version => {
                Box::pin(self.update(version, claim)).await
            }
            other => Ok(other),
        }
    }

    /// Remembers the whole object.
    fn keep(&self, text: &str) -> Result<Lease, Error> {
        let object: Value = serde_json::from_str(text)?;
        let slim: Object = serde_json::from_str(text)?;
        *lock(&self.stored) = Some(object);
        Ok(lease(&slim))
    }

    fn spec(&self, claim: &Claim) -> Value {
        let now = time::micros(self.clock);
        json!({
            "holderIdentity": &*claim.holder,
            "leaseDurationSeconds": claim.duration.as_secs(),
            "acquireTime": claim.acquired.as_deref().unwrap_or(&now),
            "renewTime": &now,
            "leaseTransitions": claim.transitions,
        })
    }

    fn failed(&self, request: &Request, error: Error) -> Input {
        let input = match (error.code(), request) {
            (Some(409), _) => return Input::Conflict,
            (Some(404), Request::Get | Request::Update { .. }) => return Input::Read(None),
            (Some(403 | 404), _) => Input::Denied,
            _ => Input::Failed,
        };
        let verb = match request {
            Request::Get => "get",
            Request::Create(_) => "create",
            Request::Update { .. } => "update",
        };
        let error = error.of(verb, resource::<Object>());
        let mut told = lock(&self.failure);
        if told.as_ref() != Some(&error) {
            tracing::warn!(op = "leaderElection", lease = %self.key, %error, "cannot use the Lease");
        }
        *told = Some(error);
        input
    }

    fn requests(&self) -> kube::core::Request {
        kube::core::Request::new(path::<Object>(self.key.namespace.as_str()))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Fields that only others know stay.
fn merged(present: &Value, claimed: Value) -> Value {
    let mut all = present.as_object().cloned().unwrap_or_default();
    if let Value::Object(claimed) = claimed {
        all.extend(claimed);
    }
    all.into()
}

fn lease(object: &Object) -> Lease {
    let spec = &object.spec;
    let seconds = u64::try_from(spec.lease_duration_seconds).unwrap_or_default();
    Lease {
        version: object.metadata.resource_version.clone(),
        record: Record {
            holder: spec.holder_identity.clone(),
            duration: Duration::from_secs(seconds),
            acquired: spec.acquire_time.clone(),
            renewed: spec.renew_time.clone(),
            transitions: u32::try_from(spec.lease_transitions).unwrap_or_default(),
        },
    }
}

#[cfg(test)]
mod tests;
