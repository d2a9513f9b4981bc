//! Keeping a part of each pool's object as wanted.

use core::marker::PhantomData;
use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ferrolb_api::metallb::IpAddressPool;
use ferrolb_types::{NamespaceName, ObjectKey, PoolName};
use kube::Client;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::status::{Desired, ObjectClient, brief};
use crate::Error;
use crate::backoff::Backoff;

/// Least time between two writes to one pool: a thousand allocations are a few writes.
const PAUSE: Duration = Duration::from_secs(1);

/// A part of an IPAddressPool that the controller owns.
pub trait Part: Send + Sync + 'static {
    /// What it says.
    type Value: Clone + PartialEq + Send + Sync + 'static;
    /// Where it is written: a subresource, or empty for the object itself.
    const SUBRESOURCE: &'static str;
    /// Whether others write it too: then a write must fail on a version that was not seen.
    const IS_SHARED: bool;
    /// For the log.
    const NAME: &'static str;

    /// A merge patch that makes an object say `value`.
    fn patch(value: &Self::Value) -> Value;
    /// The same change to the whole object.
    fn edit(object: &mut Value, value: &Self::Value);
}

/// Keeps a part of pools as wanted, with at most one write per second and pool. Clones share the state.
///
/// A write happens only where what was observed differs from what is wanted, so an unchanged cluster costs nothing and an
/// edit by others is put right.
pub struct Keeper<P: Part> {
    namespace: NamespaceName,
    pools: Arc<Pools<P::Value>>,
    client: Arc<ObjectClient>,
    part: PhantomData<fn() -> P>,
}

impl<P: Part> Clone for Keeper<P> {
    fn clone(&self) -> Self {
        Self {
            namespace: self.namespace.clone(),
            pools: Arc::clone(&self.pools),
            client: Arc::clone(&self.client),
            part: PhantomData,
        }
    }
}

struct Pools<V> {
    entries: Mutex<BTreeMap<PoolName, Entry<V>>>,
    wake: Notify,
}

impl<V> Pools<V> {
    fn entries(&self) -> MutexGuard<'_, BTreeMap<PoolName, Entry<V>>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Entry<V> {
    wanted: Option<V>,
    /// Outer: whether the object is known at all; inner: whether it has the part.
    observed: Option<Option<V>>,
    /// The version that it was observed at.
    version: Box<str>,
    not_before: Option<Instant>,
    failures: Backoff,
    /// The failure that was logged last; the same one is not logged again.
    failure: Option<Error>,
}

impl<V> Default for Entry<V> {
    fn default() -> Self {
        Self {
            wanted: None,
            observed: None,
            version: Box::default(),
            not_before: None,
            failures: Backoff::new(Duration::from_secs(2), Duration::from_secs(60)),
            failure: None,
        }
    }
}

impl<V: Clone + PartialEq> Entry<V> {
    /// What has to be written, if anything.
    fn due(&self) -> Option<&V> {
        let (wanted, observed) = (self.wanted.as_ref()?, self.observed.as_ref()?);
        (observed.as_ref() != Some(wanted)).then_some(wanted)
    }
}

impl<P: Part> Keeper<P> {
    /// A writer for the pools in `namespace` that waits to be run.
    #[must_use]
    pub fn new(client: Client, namespace: NamespaceName) -> Self {
        Self {
            namespace,
            pools: Arc::new(Pools {
                entries: Mutex::default(),
                wake: Notify::new(),
            }),
            client: Arc::new(ObjectClient::new(client, P::SUBRESOURCE)),
            part: PhantomData,
        }
    }

    /// What a pool shall say; the latest counts. None: it is left alone. Never blocks.
    pub fn want(&self, pool: &PoolName, value: Option<P::Value>) {
        self.change(pool, |entry| entry.wanted = value);
    }

    /// What the pool's object says, at this resource version.
    pub fn observed(&self, pool: &PoolName, value: Option<P::Value>, version: &str) {
        self.change(pool, |entry| {
            entry.observed = Some(value);
            entry.version = version.into();
        });
    }

    /// The pool's object is gone.
    pub fn forget(&self, pool: &PoolName) {
        self.pools.entries().remove(pool);
    }

    fn change(&self, pool: &PoolName, change: impl FnOnce(&mut Entry<P::Value>)) {
        change(self.pools.entries().entry(pool.clone()).or_default());
        self.pools.wake.notify_one();
    }

    /// Writes for ever.
    pub async fn run(&self) {
        loop {
            match self.next() {
                Next::Write(write) => self.write(write).await,
                Next::Wait(until) => {
                    tokio::select! {
                        () = self.pools.wake.notified() => {}
                        () = sleep_until(until) => {}
                    }
                }
            }
        }
    }

    fn next(&self) -> Next<P::Value> {
        let entries = self.pools.entries();
        let due = entries
            .iter()
            .filter_map(|(pool, entry)| Some((entry.not_before, pool, entry, entry.due()?)));
        match due.min_by_key(|(not_before, ..)| *not_before) {
            Some((Some(time), ..)) if time > Instant::now() => Next::Wait(Some(time)),
            Some((_, pool, entry, value)) => Next::Write(Write {
                pool: pool.clone(),
                value: value.clone(),
                version: entry.version.clone(),
            }),
            None => Next::Wait(None),
        }
    }

    async fn write(&self, write: Write<P::Value>) {
        let key = ObjectKey::new(self.namespace.clone(), write.pool.as_str());
        let mut patch = P::patch(&write.value);
        if P::IS_SHARED {
            merge(
                &mut patch,
                json!({ "metadata": { "resourceVersion": &*write.version } }),
            );
        }
        let desired = Desired {
            patch,
            version: P::IS_SHARED.then_some(&*write.version),
            present: None,
            edit: &|object| P::edit(object, &write.value),
        };
        let result = self.client.write::<IpAddressPool>(&key, &desired).await;
        if let Some(entry) = self.pools.entries().get_mut(&write.pool) {
            settle::<P>(entry, write, result);
        }
    }
}

struct Write<V> {
    pool: PoolName,
    value: V,
    version: Box<str>,
}

enum Next<V> {
    Write(Write<V>),
    Wait(Option<Instant>),
}

fn settle<P: Part>(entry: &mut Entry<P::Value>, write: Write<P::Value>, result: Result<Box<str>, Error>) {
    let pause = match result {
        Ok(version) => {
            entry.observed = Some(Some(write.value));
            entry.version = version;
            entry.failures.reset();
            entry.failure = None;
            PAUSE
        }
        // It was deleted; should it come back, it is observed again.
        Err(error) if error.code() == Some(404) => {
            entry.observed = None;
            PAUSE
        }
        // Somebody else wrote meanwhile; what was written is on its way here.
        Err(error) if error.code() == Some(409) => PAUSE,
        Err(error) => {
            if entry.failure.as_ref() != Some(&error) && error != Error::Fenced {
                let (pool, part) = (write.pool, P::NAME);
                tracing::warn!(%pool, error = %brief(&error), "cannot write the {part} of a pool");
            }
            entry.failure = Some(error);
            entry.failures.pause()
        }
    };
    entry.not_before = Some(Instant::now() + pause);
}

/// Adds the members of `other` to those of `value`, level by level.
fn merge(value: &mut Value, other: Value) {
    match (value, other) {
        (Value::Object(own), Value::Object(other)) => {
            for (key, member) in other {
                merge(own.entry(key).or_insert(Value::Null), member);
            }
        }
        (value, other) => *value = other,
    }
}

async fn sleep_until(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => core::future::pending().await,
    }
}
