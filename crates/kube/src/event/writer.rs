//! From the queue to the API server.

use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;

use ferrolb_types::ObjectKey;
use kube::Client;
use kube::api::{Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::limit::Bucket;
use super::recent::Recent;
use super::{Event, Reference, Tellers};
use crate::backoff::Backoff;
use crate::request::{send, unbuildable};
use crate::write::Pressure;
use crate::{Error, WallClock, time};

/// Requests under way at a time; status writes matter more and have their own.
const IN_FLIGHT: usize = 8;
/// How long an event waits for status writes that wait.
const PATIENCE: Duration = Duration::from_millis(250);
/// Objects and events that are remembered, at least.
const REMEMBERED: usize = 4096;
/// Attempts before an event is dropped; with the pauses between them about a minute.
const ATTEMPTS: u32 = 8;
/// What `events.k8s.io` allows in a note.
const MESSAGE_CHARS: usize = 1024;
/// Longest object name inside of an event's name (253 characters with a dot and 16 digits).
const NAME_CHARS: usize = 236;

/// Carries events to the API server. To be run once.
pub struct Writer {
    api: Arc<Api>,
    events: mpsc::Receiver<Event>,
    /// What is remembered is remembered by its digest, not by its text: thousands of objects and events are.
    digests: RandomState,
    limits: Recent<Digest, Bucket>,
    written: Recent<Digest, Series>,
    dropped: Arc<AtomicU64>,
    pressure: Pressure,
}

/// Of an object or an event, with a key of this process. That two of 8,192 have the same is as likely as one in 10¹¹.
type Digest = u64;

struct Api {
    client: Client,
    component: &'static str,
    clock: WallClock,
    /// Events created so far.
    created: AtomicU64,
}

/// Identical events, which are one object of the API.
#[derive(Clone, Copy, Debug)]
struct Series {
    /// The end of its name, see [`named`].
    unique: u64,
    count: u32,
}

type Written = (Event, Result<Series, Error>);

impl Writer {
    pub(super) fn new(
        client: Client,
        component: &'static str,
        clock: WallClock,
        events: mpsc::Receiver<Event>,
        dropped: Arc<AtomicU64>,
    ) -> Self {
        let api = Api {
            client,
            component,
            clock,
            created: AtomicU64::new(0),
        };
        Self {
            api: Arc::new(api),
            events,
            digests: RandomState::new(),
            limits: Recent::new(REMEMBERED),
            written: Recent::new(REMEMBERED),
            dropped,
            pressure: Pressure::default(),
        }
    }

    /// Sends one event in a quarter of a second, no more, while these writes wait; as many as else once half of the queue is
    /// full, since an event that is late tells more than one that is dropped.
    #[must_use]
    pub fn giving_way_to(mut self, pressure: Pressure) -> Self {
        self.pressure = pressure;
        self
    }

    /// Writes until the last recorder is gone and its events are written.
    pub async fn run(mut self) {
        let mut under_way: JoinSet<Written> = JoinSet::new();
        let mut busy = HashSet::new();
        while let Some(mut event) = self.events.recv().await {
            if event.message.len() > MESSAGE_CHARS {
                event.message = event.message.chars().take(MESSAGE_CHARS).collect();
            }
            if !self.is_allowed(&event.object) {
                self.dropped.fetch_add(1, Ordering::Relaxed);
                continue;
            }
            self.give_way().await;
            // One at a time per object, so that the second of two identical ones finds the first.
            while under_way.len() >= IN_FLIGHT || busy.contains(&event.object) {
                self.settle(&mut under_way, &mut busy).await;
            }
            busy.insert(event.object.clone());
            let series = self.written.take(&self.digests.hash_one(&event));
            under_way.spawn(write(Arc::clone(&self.api), event, series));
        }
        while !under_way.is_empty() {
            self.settle(&mut under_way, &mut busy).await;
        }
    }

    async fn give_way(&self) {
        if self.events.len() < self.events.max_capacity() / 2 {
            let _ = tokio::time::timeout(PATIENCE, self.pressure.relieved()).await;
        }
    }

    fn is_allowed(&mut self, object: &Reference) -> bool {
        let (now, object) = (Instant::now(), self.digests.hash_one(object));
        let mut bucket = self.limits.take(&object).unwrap_or_else(|| Bucket::new(now));
        let allowed = bucket.take(now);
        self.limits.put(object, bucket);
        allowed
    }

    /// Waits for one request to end.
    async fn settle(&mut self, under_way: &mut JoinSet<Written>, busy: &mut HashSet<Reference>) {
        let Some(Ok((event, result))) = under_way.join_next().await else {
            return;
        };
        busy.remove(&event.object);
        match result {
            Ok(series) => self.written.put(self.digests.hash_one(&event), series),
            Err(error) => {
                self.dropped.fetch_add(1, Ordering::Relaxed);
                tracing::debug!(object = %event.object.key, reason = %event.reason, %error, "cannot write event");
            }
        }
    }
}

async fn write(api: Arc<Api>, event: Event, series: Option<Series>) -> Written {
    let mut backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(20));
    let mut attempts = 1;
    loop {
        match api.write(&event, series).await {
            Err(error) if crate::write::is_transient(&error) && attempts < ATTEMPTS => {
                attempts += 1;
                tokio::time::sleep(backoff.pause()).await;
            }
            result => return (event, result),
        }
    }
}

impl Api {
    /// Counts the series up, or begins one where there is none (any more: the API server keeps events for an hour).
    async fn write(&self, event: &Event, series: Option<Series>) -> Result<Series, Error> {
        if event.tellers == Tellers::Many {
            return self.create_shared(event).await;
        }
        if let Some(series) = series {
            match self.count_up(event, series).await {
                Err(error) if matches!(error.code(), Some(403 | 404)) => {}
                result => return result,
            }
        }
        self.create(event).await
    }

    async fn count_up(&self, event: &Event, series: Series) -> Result<Series, Error> {
        let (name, count) = (
            named(&event.object.key, series.unique),
            series.count.saturating_add(1),
        );
        let patch = Patch::Merge(json!({ "count": count, "lastTimestamp": time::seconds(self.clock) }));
        let request = collection(event).patch(&name, &PatchParams::default(), &patch);
        send(&self.client, request.map_err(unbuildable)?).await?;
        Ok(Series { count, ..series })
    }

    /// If another one was first, it is told.
    async fn create_shared(&self, event: &Event) -> Result<Series, Error> {
        let unique = digest(event);
        match self.create_named(event, unique).await {
            Err(error) if error.code() == Some(409) => Ok(Series { unique, count: 1 }),
            result => result,
        }
    }

    async fn create(&self, event: &Event) -> Result<Series, Error> {
        self.create_named(event, self.unique()).await
    }

    async fn create_named(&self, event: &Event, unique: u64) -> Result<Series, Error> {
        let name = named(&event.object.key, unique);
        let body = self.body(event, &name).to_string().into_bytes();
        let request = collection(event).create(&PostParams::default(), body);
        send(&self.client, request.map_err(unbuildable)?).await?;
        Ok(Series { unique, count: 1 })
    }

    /// As client-go names them: after the time in nanoseconds. The count keeps names apart even if the clock stands still.
    fn unique(&self) -> u64 {
        let now = (self.clock)()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap_or_default();
        let nanos = now
            .as_secs()
            .wrapping_mul(1_000_000_000)
            .wrapping_add(u64::from(now.subsec_nanos()));
        nanos.wrapping_add(self.created.fetch_add(1, Ordering::Relaxed))
    }

    fn body(&self, event: &Event, name: &str) -> Value {
        let (object, now) = (&event.object, time::seconds(self.clock));
        json!({
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": { "name": name, "namespace": namespace(object) },
            "involvedObject": {
                "apiVersion": api_version(object),
                "kind": object.kind,
                "name": &*object.key.name,
                "namespace": object.key.namespace.as_str(),
                "uid": &*object.uid,
            },
            "type": event.severity.as_str(),
            "reason": &*event.reason,
            "message": &event.message,
            "source": { "component": self.component },
            "reportingComponent": self.component,
            "reportingInstance": "",
            "firstTimestamp": &now,
            "lastTimestamp": &now,
            "count": 1,
        })
    }
}

/// The name of an event: its object's, and what keeps it apart.
fn named(object: &ObjectKey, unique: u64) -> String {
    let object: String = object.name.chars().take(NAME_CHARS).collect();
    format!("{object}.{unique:016x}")
}

/// FNV-1a over what makes two events the same, the same in every process.
fn digest(event: &Event) -> u64 {
    let parts = [
        event.object.kind,
        &*event.object.uid,
        &*event.reason,
        &*event.message,
    ];
    let bytes = parts.into_iter().flat_map(|part| part.bytes().chain([0xff]));
    bytes.fold(0xcbf2_9ce4_8422_2325, |digest, byte| {
        (digest ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

fn collection(event: &Event) -> kube::core::Request {
    kube::core::Request::new(format!("/api/v1/namespaces/{}/events", namespace(&event.object)))
}

/// Events of cluster-scoped objects live in `default`.
fn namespace(object: &Reference) -> &str {
    match object.key.namespace.as_str() {
        "" => "default",
        namespace => namespace,
    }
}

fn api_version(object: &Reference) -> String {
    match object.group {
        "" => object.version.to_owned(),
        group => format!("{group}/{}", object.version),
    }
}

#[cfg(test)]
mod tests;
