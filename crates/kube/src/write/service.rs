//! Addresses and pool annotation of Services.

use core::net::IpAddr;
use core::time::Duration;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ferrolb_api::annotations::IP_ALLOCATED_FROM_POOL;
use ferrolb_api::core::Service;
use ferrolb_types::address::parse_address;
use ferrolb_types::{ObjectKey, PoolName};
use kube::Client;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::lanes::Lanes;
use super::status::{Desired, ObjectClient, brief, changed_meanwhile, is_transient, member, text_at};
use crate::Error;
use crate::backoff::Backoff;

/// Writes under way at a time.
const IN_FLIGHT: usize = 32;
/// Attempts before a write is given back as failed; with the pauses between them about 10 s of an API server that
/// refuses connections.
const ATTEMPTS: u32 = 6;

/// What the status of a Service shall say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceStatus {
    /// The Service.
    pub key: ObjectKey,
    /// Names the decision; comes back with the outcome.
    pub ticket: u64,
    /// The object that is meant; one of another UID is [`Outcome::Gone`].
    pub uid: Box<str>,
    /// The version that the decision rests on; another one is [`Outcome::Conflict`].
    pub resource_version: Box<str>,
    /// Whether that version is known to have no ingress entry: then there is nothing of others to keep, and the write
    /// is one request.
    pub is_blank: bool,
    /// All addresses, in order. Other entries with an `ip` go, entries with a host name only stay.
    pub addresses: Vec<IpAddr>,
    /// The pool annotation; absent removes it.
    pub pool: Option<PoolName>,
}

/// How a write ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Stored, or already so.
    Written {
        /// The version that holds it.
        resource_version: Box<str>,
    },
    /// The object is of another version; a fresher one is on its way.
    Conflict,
    /// There is no such object, or one of another UID.
    Gone,
    /// Not permitted or not valid; the API server's words.
    Refused {
        /// Why.
        message: Box<str>,
    },
    /// This process may not write; if the write was under way, it may have been stored.
    Fenced,
    /// No answer after several attempts; it may have been stored.
    Failed {
        /// Why.
        message: Box<str>,
    },
}

/// Carries out writes, up to 32 at a time and one per Service. Clones share the queue.
///
/// The queue is bounded by the number of Services: a newer write takes the place of one that waits, and that one has
/// no outcome.
#[derive(Clone)]
pub struct ServiceStatusWriter {
    queue: Arc<Queue>,
    status: Arc<ObjectClient>,
}

#[derive(Default)]
struct Queue {
    lanes: Mutex<Lanes<ObjectKey, ServiceStatus>>,
    wake: Notify,
}

impl Queue {
    fn lanes(&self) -> MutexGuard<'_, Lanes<ObjectKey, ServiceStatus>> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ServiceStatusWriter {
    /// A writer that waits to be run.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self {
            queue: Arc::default(),
            status: Arc::new(ObjectClient::new(client, "status")),
        }
    }

    /// Queues a write. Never blocks.
    pub fn submit(&self, write: ServiceStatus) {
        self.queue.lanes().push(write.key.clone(), write);
        self.queue.wake.notify_one();
    }

    /// Works on the queue for ever and gives each outcome to `finished`, with how long it took. Dropping the future breaks off the writes that
    /// are under way.
    pub async fn run<F: Future<Output = ()>>(
        &self,
        mut finished: impl FnMut(ServiceStatus, Outcome, Duration) -> F,
    ) {
        let mut under_way = JoinSet::new();
        loop {
            while let Some(write) = self.next() {
                let status = Arc::clone(&self.status);
                under_way.spawn(async move {
                    let begun = Instant::now();
                    let outcome = attempt(&status, &write).await;
                    (write, outcome, begun.elapsed())
                });
            }
            tokio::select! {
                () = self.queue.wake.notified() => {}
                Some(ended) = under_way.join_next() => {
                    // A task is neither aborted nor does it panic; if it did, its Service would stay busy.
                    let Ok((write, outcome, took)) = ended else { continue };
                    self.queue.lanes().done(&write.key);
                    finished(write, outcome, took).await;
                }
            }
        }
    }

    fn next(&self) -> Option<ServiceStatus> {
        let mut lanes = self.queue.lanes();
        let room = lanes.busy() < IN_FLIGHT;
        room.then(|| lanes.next())?.map(|(_, write)| write)
    }
}

async fn attempt(status: &ObjectClient, write: &ServiceStatus) -> Outcome {
    let mut backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(5));
    let mut attempts = 1;
    loop {
        match try_write(status, write).await {
            Err(error) if is_transient(&error) && attempts < ATTEMPTS => {
                attempts += 1;
                tokio::time::sleep(backoff.pause()).await;
            }
            result => return outcome(result),
        }
    }
}

fn outcome(result: Result<Box<str>, Error>) -> Outcome {
    match result {
        Ok(resource_version) => Outcome::Written { resource_version },
        Err(error) => match error.code() {
            Some(404) => Outcome::Gone,
            Some(409) => Outcome::Conflict,
            None if error == Error::Fenced => Outcome::Fenced,
            _ if is_transient(&error) => Outcome::Failed {
                message: brief(&error),
            },
            _ => Outcome::Refused {
                message: brief(&error),
            },
        },
    }
}

async fn try_write(status: &ObjectClient, write: &ServiceStatus) -> Result<Box<str>, Error> {
    let mut present = None;
    if !write.is_blank {
        let object = status.get::<Service>(&write.key).await?;
        check_identity(&object, write)?;
        if is_done(&object, write) {
            return Ok(write.resource_version.clone());
        }
        present = Some(object);
    }
    let desired = Desired {
        patch: patch(write, present.as_ref().map_or(&[], entries)),
        version: Some(&write.resource_version),
        present: present.as_ref(),
        edit: &|object| edit(object, write),
    };
    status.write::<Service>(&write.key, &desired).await
}

fn check_identity(object: &Value, write: &ServiceStatus) -> Result<(), Error> {
    if text_at(object, "/metadata/uid") != &*write.uid {
        return Err(Error::Api {
            code: 404,
            reason: "NotFound".into(),
            message: "another object of the same name".into(),
        });
    }
    if text_at(object, "/metadata/resourceVersion") != &*write.resource_version {
        return Err(changed_meanwhile());
    }
    Ok(())
}

fn entries(object: &Value) -> &[Value] {
    let entries = object
        .pointer("/status/loadBalancer/ingress")
        .and_then(Value::as_array);
    entries.map_or(&[], Vec::as_slice)
}

fn is_done(object: &Value, write: &ServiceStatus) -> bool {
    let pool = object
        .pointer("/metadata/annotations")
        .and_then(|all| all.get(IP_ALLOCATED_FROM_POOL));
    let present = entries(object);
    pool.and_then(Value::as_str) == write.pool.as_ref().map(PoolName::as_str)
        && ingress(present, &write.addresses) == present
}

/// The entries for `addresses`: one that is there keeps what others wrote into it (`ipMode`, `ports`); then those with
/// a host name only (controller 15.3).
fn ingress(present: &[Value], addresses: &[IpAddr]) -> Vec<Value> {
    let entry = |addr: &IpAddr| {
        let kept = present.iter().find(|entry| address_of(entry) == Some(*addr));
        kept.cloned().unwrap_or_else(|| json!({ "ip": addr.to_string() }))
    };
    let names = present.iter().filter(|entry| text_at(entry, "/ip").is_empty());
    addresses.iter().map(entry).chain(names.cloned()).collect()
}

fn address_of(entry: &Value) -> Option<IpAddr> {
    parse_address(text_at(entry, "/ip")).ok()
}

fn patch(write: &ServiceStatus, present: &[Value]) -> Value {
    let pool = write.pool.as_ref().map(PoolName::as_str);
    let ingress = ingress(present, &write.addresses);
    let ingress = if ingress.is_empty() {
        Value::Null
    } else {
        Value::from(ingress)
    };
    json!({
        "metadata": {
            "resourceVersion": &*write.resource_version,
            "annotations": { IP_ALLOCATED_FROM_POOL: pool },
        },
        "status": { "loadBalancer": { "ingress": ingress } },
    })
}

/// The same change as [`patch`], to the full object.
fn edit(object: &mut Value, write: &ServiceStatus) {
    let ingress = ingress(entries(object), &write.addresses);
    if let Some(load_balancer) = member(object, &["status", "loadBalancer"]) {
        load_balancer.insert("ingress".into(), ingress.into());
    }
    if let Some(annotations) = member(object, &["metadata", "annotations"]) {
        match &write.pool {
            Some(pool) => annotations.insert(IP_ALLOCATED_FROM_POOL.into(), pool.as_str().into()),
            None => annotations.remove(IP_ALLOCATED_FROM_POOL),
        };
    }
}

#[cfg(test)]
mod tests;
