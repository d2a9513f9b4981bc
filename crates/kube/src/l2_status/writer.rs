//! Keeps the objects as wanted.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use ferrolb_api::Object as _;
use ferrolb_api::metallb::ServiceL2StatusStatus;
use ferrolb_types::ObjectKey;
use futures::stream::{FuturesUnordered, StreamExt as _};
use kube::Client;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::book::{Book, Due};
use super::record::{NODE, Record, SERVICE_NAME, SERVICE_NAMESPACE};
use super::{Identity, Reporter};
use crate::Error;
use crate::backoff::Backoff;
use crate::configuration_state::own_pod;
use crate::connection::Watches;
use crate::request::{path, send, unbuildable};
use crate::watch::{Change, Options, watch};
use crate::write::brief;

/// Writes under way at once, each about another Service.
const IN_FLIGHT: usize = 16;

/// Carries reports to the API server. To be run once.
pub struct Writer {
    client: Client,
    identity: Identity,
    reporter: Reporter,
    watches: Watches,
}

/// What a write has come to.
enum Outcome {
    Object(Box<Record>),
    Gone(Box<str>),
    Failed(Error),
}

/// Failures of one Service.
struct Failures {
    backoff: Backoff,
    not_before: Instant,
}

/// The writer's state while it runs.
struct Run {
    book: Book,
    failures: BTreeMap<ObjectKey, Failures>,
    /// The failure that was logged last; the same one is not logged again.
    failure: Option<Error>,
    busy: BTreeSet<ObjectKey>,
    is_listed: bool,
    is_complete: bool,
}

impl Writer {
    pub(super) const fn new(
        client: Client,
        identity: Identity,
        reporter: Reporter,
        watches: Watches,
    ) -> Self {
        Self {
            client,
            identity,
            reporter,
            watches,
        }
    }

    /// Writes for ever.
    pub async fn run(mut self) {
        let namespace = self.identity.namespace.clone();
        let owner = own_pod(&self.client, &namespace, self.identity.pod.as_deref()).await;
        let uid = owner.as_ref().and_then(|owner| owner["uid"].as_str());
        let api = Api {
            client: &self.client,
            identity: &self.identity,
            owner: owner.as_ref(),
        };
        let mut run = Run::new(Book::new(self.identity.node.clone(), uid.map(Into::into)));
        let mut objects = watch::<Record>(self.client.clone(), Options::in_namespace(namespace));
        let mut writes = FuturesUnordered::new();
        loop {
            run.hear(&self.reporter);
            while let Some((service, due)) = run.next() {
                let api = &api;
                writes.push(async move {
                    let outcome = api.write(&service, due).await;
                    (service, outcome)
                });
            }
            tokio::select! {
                Some(change) = objects.next() => run.take(change, &mut self.watches),
                Some((service, outcome)) = writes.next() => run.settle(service, outcome),
                () = self.reporter.0.wake.notified() => {}
                () = run.sleep() => {}
            }
        }
    }
}

impl Run {
    const fn new(book: Book) -> Self {
        Self {
            book,
            failures: BTreeMap::new(),
            failure: None,
            busy: BTreeSet::new(),
            is_listed: false,
            is_complete: false,
        }
    }

    fn hear(&mut self, reporter: &Reporter) {
        let words = reporter.take();
        self.is_complete = words.is_complete;
        for (service, interfaces) in words.services {
            self.book.want(service, interfaces);
        }
    }

    /// The next write, if one is due and another one may be under way.
    fn next(&mut self) -> Option<(ObjectKey, Due)> {
        if !self.is_listed || !self.is_complete || self.busy.len() >= IN_FLIGHT {
            return None;
        }
        let (now, busy, failures) = (Instant::now(), &self.busy, &self.failures);
        let rests = |service: &ObjectKey| failures.get(service).is_some_and(|f| f.not_before > now);
        let (service, due) = self
            .book
            .next(|service| !busy.contains(service) && !rests(service))?;
        self.busy.insert(service.clone());
        Some((service, due))
    }

    /// Until the first Service that failed may be tried again.
    async fn sleep(&self) {
        match self
            .failures
            .values()
            .map(|f| f.not_before)
            .filter(|at| *at > Instant::now())
            .min()
        {
            Some(at) => tokio::time::sleep_until(at).await,
            None => core::future::pending().await,
        }
    }

    fn take(&mut self, change: Change<Record>, watches: &mut Watches) {
        match change {
            Change::Applied(record) => self.book.observe(&record),
            Change::Deleted(key) => self.book.forget(&key.name),
            Change::Synced => self.is_listed = true,
            Change::Malformed { problem, .. } => {
                tracing::error!(%problem, "a ServiceL2Status cannot be read and is ignored");
            }
            Change::Away { error } => watches.lost(Record::KIND, &error),
            Change::Back => watches.found(Record::KIND),
        }
    }

    fn settle(&mut self, service: ObjectKey, outcome: Outcome) {
        self.busy.remove(&service);
        match outcome {
            Outcome::Object(record) => self.book.observe(&record),
            Outcome::Gone(name) => self.book.forget(&name),
            Outcome::Failed(error) => return self.fail(service, error),
        }
        self.failures.remove(&service);
        self.failure = None;
    }

    fn fail(&mut self, service: ObjectKey, error: Error) {
        if self.failure.as_ref() != Some(&error) {
            tracing::warn!(%service, error = %brief(&error), "cannot write a ServiceL2Status, will keep trying");
        }
        self.failure = Some(error);
        let failures = self.failures.entry(service.clone()).or_insert_with(|| Failures {
            backoff: Backoff::new(Duration::from_secs(1), Duration::from_secs(60)),
            not_before: Instant::now(),
        });
        failures.not_before = Instant::now() + failures.backoff.pause();
        self.book.unsettle(service);
    }
}

/// Requests.
struct Api<'a> {
    client: &'a Client,
    identity: &'a Identity,
    owner: Option<&'a Value>,
}

impl Api<'_> {
    async fn write(&self, service: &ObjectKey, due: Due) -> Outcome {
        let (name, result) = match due {
            Due::Create => (None, self.create(service).await),
            Due::Adopt(name) => (Some(name.clone()), self.adopt(&name, service).await),
            Due::Status(name, status) => (Some(name.clone()), self.write_status(&name, &status).await),
            Due::Delete(name) => match self.delete(&name).await {
                Ok(()) => return Outcome::Gone(name),
                Err(error) => (Some(name), Err(error)),
            },
        };
        match (result, name) {
            (Ok(record), _) => Outcome::Object(Box::new(record)),
            (Err(error), Some(name)) if error.code() == Some(404) => Outcome::Gone(name),
            (Err(error), _) => Outcome::Failed(error),
        }
    }

    fn requests(&self) -> kube::core::Request {
        kube::core::Request::new(path::<Record>(self.identity.namespace.as_str()))
    }

    fn metadata(&self, service: &ObjectKey) -> Value {
        let mut metadata = json!({ "labels": {
            NODE: self.identity.node.as_str(),
            SERVICE_NAME: &*service.name,
            SERVICE_NAMESPACE: service.namespace.as_str(),
        } });
        if let Some(owner) = self.owner {
            metadata["ownerReferences"] = json!([owner]);
        }
        metadata
    }

    /// Without status, which is a resource of its own and written next.
    async fn create(&self, service: &ObjectKey) -> Result<Record, Error> {
        let mut metadata = self.metadata(service);
        metadata["generateName"] = json!("l2-");
        metadata["namespace"] = json!(self.identity.namespace.as_str());
        let object = json!({
            "apiVersion": Record::api_version(),
            "kind": Record::KIND,
            "metadata": metadata,
            "spec": {},
        });
        let body = serde_json::to_vec(&object)?;
        let request = self.requests().create(&PostParams::default(), body);
        let text = send(self.client, request.map_err(unbuildable)?).await?;
        Ok(serde_json::from_str(&text)?)
    }

    async fn adopt(&self, name: &str, service: &ObjectKey) -> Result<Record, Error> {
        let patch = Patch::Merge(json!({ "metadata": self.metadata(service) }));
        let request = self.requests().patch(name, &PatchParams::default(), &patch);
        let text = send(self.client, request.map_err(unbuildable)?).await?;
        Ok(serde_json::from_str(&text)?)
    }

    /// MetalLB's roles permit to patch this kind, so there is no other way beside it.
    async fn write_status(&self, name: &str, status: &ServiceL2StatusStatus) -> Result<Record, Error> {
        let mut status = json!(status);
        // In a merge patch a list that is left out stays.
        if status["interfaces"].is_null() {
            status["interfaces"] = Value::Array(Vec::new());
        }
        let patch = Patch::Merge(json!({ "status": status }));
        let request = self
            .requests()
            .patch_subresource("status", name, &PatchParams::default(), &patch);
        let text = send(self.client, request.map_err(unbuildable)?).await?;
        Ok(serde_json::from_str(&text)?)
    }

    async fn delete(&self, name: &str) -> Result<(), Error> {
        let request = self.requests().delete(name, &DeleteParams::default());
        send(self.client, request.map_err(unbuildable)?).await.map(drop)
    }
}
