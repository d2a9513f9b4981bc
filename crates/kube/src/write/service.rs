//! Addresses, pool annotation and condition of Services.

use core::net::IpAddr;
use core::time::Duration;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ferrolb_api::annotations::IP_ALLOCATED_FROM_POOL;
use ferrolb_api::core::Service;
use ferrolb_api::facts::RequestCondition;
use ferrolb_types::address::parse_address;
use ferrolb_types::{ObjectKey, PoolName};
use kube::Client;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::lanes::Lanes;
use super::pressure::Pressure;
use super::status::{Desired, ObjectClient, brief, changed_meanwhile, is_transient, member, text_at};
use crate::backoff::Backoff;
use crate::{Error, WallClock, time};

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
    /// Whether that version is known to have no ingress entry and no condition of ours: then there is nothing to keep, and
    /// the write is one request.
    pub is_blank: bool,
    /// All addresses, in order. Other entries with an `ip` go, entries with a host name only stay.
    pub addresses: Vec<IpAddr>,
    /// The pool annotation; absent removes it.
    pub pool: Option<PoolName>,
    /// The condition of this type; absent removes it. Conditions of other types stay.
    pub request_condition: Option<Box<RequestCondition>>,
}

impl ServiceStatus {
    /// Whether nothing that the object holds decides how the write looks.
    fn is_independent(&self) -> bool {
        self.is_blank && self.request_condition.is_none()
    }
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
    place: Arc<Place>,
}

/// Where writes go, and the time that they carry.
struct Place {
    status: ObjectClient,
    clock: WallClock,
}

#[derive(Default)]
struct Queue {
    lanes: Mutex<Lanes<ObjectKey, ServiceStatus>>,
    wake: Notify,
    pressure: Pressure,
}

impl Queue {
    fn lanes(&self) -> MutexGuard<'_, Lanes<ObjectKey, ServiceStatus>> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ServiceStatusWriter {
    /// A writer that waits to be run. `clock` gives the times that people read in conditions.
    #[must_use]
    pub fn new(client: Client, clock: WallClock) -> Self {
        let status = ObjectClient::new(client, "status");
        Self {
            queue: Arc::default(),
            place: Arc::new(Place { status, clock }),
        }
    }

    /// Queues a write. Never blocks.
    pub fn submit(&self, write: ServiceStatus) {
        self.queue.lanes().push(write.key.clone(), write);
        self.queue.wake.notify_one();
    }

    /// Whether writes wait.
    #[must_use]
    pub fn pressure(&self) -> Pressure {
        self.queue.pressure.clone()
    }

    /// Works on the queue for ever and gives each outcome to `finished`, with how long it took. Dropping the future breaks
    /// off the writes that are under way.
    pub async fn run<F: Future<Output = ()>>(
        &self,
        mut finished: impl FnMut(ServiceStatus, Outcome, Duration) -> F,
    ) {
        let mut under_way = JoinSet::new();
        loop {
            while let Some(write) = self.next() {
                let place = Arc::clone(&self.place);
                under_way.spawn(async move {
                    let begun = Instant::now();
                    let outcome = attempt(&place, &write).await;
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
        self.queue.pressure.set(!room && lanes.has_next());
        room.then(|| lanes.next())?.map(|(_, write)| write)
    }
}

async fn attempt(place: &Place, write: &ServiceStatus) -> Outcome {
    let mut backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(5));
    let mut attempts = 1;
    loop {
        match try_write(place, write).await {
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

/// Lists are replaced as a whole by a merge patch. What others wrote into them is taken over from the version that the
/// patch names, so that nothing is lost that came between.
async fn try_write(place: &Place, write: &ServiceStatus) -> Result<Box<str>, Error> {
    let mut present = None;
    if !write.is_independent() {
        let object = place.status.get::<Service>(&write.key).await?;
        check_identity(&object, write)?;
        present = Some(object);
    }
    let now = time::seconds(place.clock);
    let wanted = Wanted::of(write, present.as_ref().unwrap_or(&Value::Null), &now);
    if present.as_ref().is_some_and(|object| wanted.is_in(object, write)) {
        return Ok(write.resource_version.clone());
    }
    let desired = Desired {
        patch: wanted.patch(write, present.as_ref()),
        version: Some(&write.resource_version),
        present: present.as_ref(),
        edit: &|object| Wanted::of(write, object, &now).put_into(object, write),
    };
    place.status.write::<Service>(&write.key, &desired).await
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

/// The two lists of the status as they shall be, with what others wrote into them.
struct Wanted {
    ingress: Vec<Value>,
    conditions: Vec<Value>,
}

impl Wanted {
    fn of(write: &ServiceStatus, object: &Value, now: &str) -> Self {
        Self {
            ingress: ingress(entries(object, INGRESS), &write.addresses),
            conditions: conditions(
                entries(object, CONDITIONS),
                write.request_condition.as_deref(),
                now,
            ),
        }
    }

    fn is_in(&self, object: &Value, write: &ServiceStatus) -> bool {
        let annotations = object.pointer("/metadata/annotations");
        let pool = annotations.and_then(|all| all.get(IP_ALLOCATED_FROM_POOL));
        pool.and_then(Value::as_str) == write.pool.as_ref().map(PoolName::as_str)
            && self.ingress == entries(object, INGRESS)
            && self.conditions == entries(object, CONDITIONS)
    }

    /// As a merge patch; conditions are named only where they change.
    fn patch(&self, write: &ServiceStatus, present: Option<&Value>) -> Value {
        let mut status = json!({ "loadBalancer": { "ingress": or_null(&self.ingress) } });
        if self.conditions != present.map_or(&[][..], |object| entries(object, CONDITIONS)) {
            status["conditions"] = or_null(&self.conditions);
        }
        json!({
            "metadata": {
                "resourceVersion": &*write.resource_version,
                "annotations": { IP_ALLOCATED_FROM_POOL: write.pool.as_ref().map(PoolName::as_str) },
            },
            "status": status,
        })
    }

    /// The same change as [`Self::patch`], to the full object.
    fn put_into(self, object: &mut Value, write: &ServiceStatus) {
        if let Some(load_balancer) = member(object, &["status", "loadBalancer"]) {
            load_balancer.insert("ingress".into(), self.ingress.into());
        }
        if let Some(status) = member(object, &["status"]) {
            status.insert("conditions".into(), or_null(&self.conditions));
        }
        if let Some(annotations) = member(object, &["metadata", "annotations"]) {
            match &write.pool {
                Some(pool) => annotations.insert(IP_ALLOCATED_FROM_POOL.into(), pool.as_str().into()),
                None => annotations.remove(IP_ALLOCATED_FROM_POOL),
            };
        }
    }
}

const INGRESS: &str = "/status/loadBalancer/ingress";
const CONDITIONS: &str = "/status/conditions";

fn entries<'a>(object: &'a Value, list: &str) -> &'a [Value] {
    let entries = object.pointer(list).and_then(Value::as_array);
    entries.map_or(&[], Vec::as_slice)
}

fn or_null(list: &[Value]) -> Value {
    if list.is_empty() { Value::Null } else { list.into() }
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

/// Those of other types as they are, and ours at its place, or last.
fn conditions(present: &[Value], wanted: Option<&RequestCondition>, now: &str) -> Vec<Value> {
    let mut list = present.to_vec();
    let is_ours = |condition: &Value| text_at(condition, "/type") == RequestCondition::TYPE;
    match (present.iter().position(is_ours), wanted) {
        (None, None) => {}
        (None, Some(wanted)) => list.push(condition(wanted, now)),
        (Some(place), None) => drop(list.remove(place)),
        (Some(place), Some(wanted)) => list[place] = condition(wanted, since(&present[place], wanted, now)),
    }
    list
}

/// The time of a transition that is not made stays.
fn since<'a>(present: &'a Value, wanted: &RequestCondition, now: &'a str) -> &'a str {
    let since = text_at(present, "/lastTransitionTime");
    let is_same = text_at(present, "/status") == &*wanted.status && !since.is_empty();
    if is_same { since } else { now }
}

fn condition(wanted: &RequestCondition, since: &str) -> Value {
    let mut condition = json!({
        "type": RequestCondition::TYPE,
        "status": &*wanted.status,
        "reason": &*wanted.reason,
        "message": &*wanted.message,
        "lastTransitionTime": since,
    });
    if wanted.observed_generation != 0 {
        condition["observedGeneration"] = wanted.observed_generation.into();
    }
    condition
}

#[cfg(test)]
mod tests;
