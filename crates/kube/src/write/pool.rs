//! Counters in the status of IPAddressPools.

use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ferrolb_api::metallb::{IpAddressPool, IpAddressPoolStatus};
use ferrolb_types::{NamespaceName, ObjectKey, PoolName};
use kube::Client;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::status::{Desired, StatusClient, brief};
use crate::Error;
use crate::backoff::Backoff;

/// Least time between two writes to one pool: a thousand allocations are a few writes.
const PAUSE: Duration = Duration::from_secs(1);

/// Keeps the status of pools as wanted, with at most one write per second and pool. Clones share the state.
///
/// A write happens only where the pool's observed status differs from the wanted one, so an unchanged cluster costs
/// nothing and an edit by others is put right.
#[derive(Clone)]
pub struct PoolStatusWriter {
    namespace: NamespaceName,
    pools: Arc<Pools>,
    status: Arc<StatusClient>,
}

#[derive(Default)]
struct Pools {
    entries: Mutex<BTreeMap<PoolName, Entry>>,
    wake: Notify,
}

impl Pools {
    fn entries(&self) -> MutexGuard<'_, BTreeMap<PoolName, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug)]
struct Entry {
    wanted: Option<IpAddressPoolStatus>,
    /// Outer: whether the object is known at all; inner: whether it has a status.
    observed: Option<Option<IpAddressPoolStatus>>,
    not_before: Option<Instant>,
    failures: Backoff,
    /// The failure that was logged last; the same one is not logged again.
    failure: Option<Error>,
}

impl Default for Entry {
    fn default() -> Self {
        Self {
            wanted: None,
            observed: None,
            not_before: None,
            failures: Backoff::new(Duration::from_secs(2), Duration::from_secs(60)),
            failure: None,
        }
    }
}

impl Entry {
    /// What has to be written, if anything.
    fn due(&self) -> Option<IpAddressPoolStatus> {
        let (wanted, observed) = (self.wanted?, self.observed?);
        (observed != Some(wanted)).then_some(wanted)
    }
}

impl PoolStatusWriter {
    /// A writer for the pools in `namespace` that waits to be run.
    #[must_use]
    pub fn new(client: Client, namespace: NamespaceName) -> Self {
        Self {
            namespace,
            pools: Arc::default(),
            status: Arc::new(StatusClient::new(client)),
        }
    }

    /// The counters that a pool shall show; the latest ones count. None: its status is left alone. Never blocks.
    pub fn want(&self, pool: &PoolName, status: Option<IpAddressPoolStatus>) {
        self.change(pool, |entry| entry.wanted = status);
    }

    /// The status that the pool's object holds.
    pub fn observed(&self, pool: &PoolName, status: Option<IpAddressPoolStatus>) {
        self.change(pool, |entry| entry.observed = Some(status));
    }

    /// The pool's object is gone.
    pub fn forget(&self, pool: &PoolName) {
        self.pools.entries().remove(pool);
    }

    fn change(&self, pool: &PoolName, change: impl FnOnce(&mut Entry)) {
        change(self.pools.entries().entry(pool.clone()).or_default());
        self.pools.wake.notify_one();
    }

    /// Writes for ever.
    pub async fn run(&self) {
        loop {
            match self.next() {
                Next::Write(pool, status) => self.write(&pool, status).await,
                Next::Wait(until) => {
                    tokio::select! {
                        () = self.pools.wake.notified() => {}
                        () = sleep_until(until) => {}
                    }
                }
            }
        }
    }

    fn next(&self) -> Next {
        let entries = self.pools.entries();
        let due = entries
            .iter()
            .filter_map(|(pool, entry)| Some((entry.not_before, pool, entry.due()?)));
        match due.min_by_key(|(not_before, ..)| *not_before) {
            Some((Some(time), ..)) if time > Instant::now() => Next::Wait(Some(time)),
            Some((_, pool, status)) => Next::Write(pool.clone(), status),
            None => Next::Wait(None),
        }
    }

    async fn write(&self, pool: &PoolName, status: IpAddressPoolStatus) {
        let key = ObjectKey::new(self.namespace.clone(), pool.as_str());
        let wanted = json!(status);
        let desired = Desired {
            patch: json!({ "status": &wanted }),
            version: None,
            present: None,
            edit: &|object| set_status(object, &wanted),
        };
        let result = self.status.write::<IpAddressPool>(&key, &desired).await;
        if let Some(entry) = self.pools.entries().get_mut(pool) {
            settle(entry, pool, status, result);
        }
    }
}

enum Next {
    Write(PoolName, IpAddressPoolStatus),
    Wait(Option<Instant>),
}

fn settle(entry: &mut Entry, pool: &PoolName, status: IpAddressPoolStatus, result: Result<Box<str>, Error>) {
    let pause = match result {
        Ok(_) => {
            entry.observed = Some(Some(status));
            entry.failures.reset();
            entry.failure = None;
            PAUSE
        }
        // It was deleted; should it come back, it is observed again.
        Err(error) if error.code() == Some(404) => {
            entry.observed = None;
            PAUSE
        }
        // Somebody else wrote between our GET and PUT.
        Err(error) if error.code() == Some(409) => PAUSE,
        Err(error) => {
            if entry.failure.as_ref() != Some(&error) {
                tracing::warn!(%pool, error = %brief(&error), "cannot write the status of a pool");
            }
            entry.failure = Some(error);
            entry.failures.pause()
        }
    };
    entry.not_before = Some(Instant::now() + pause);
}

fn set_status(object: &mut Value, wanted: &Value) {
    if let Some(object) = object.as_object_mut() {
        object.insert("status".into(), wanted.clone());
    }
}

async fn sleep_until(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => core::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::{Answer, Script};

    const SECOND: Duration = Duration::from_secs(1);

    fn status(assigned_ipv4: i64) -> IpAddressPoolStatus {
        IpAddressPoolStatus {
            assigned_ipv4,
            available_ipv4: 10 - assigned_ipv4,
            ..IpAddressPoolStatus::default()
        }
    }

    fn stored() -> Answer {
        Answer::Json(200, json!({ "metadata": { "resourceVersion": "6" } }))
    }

    fn writer(answers: impl IntoIterator<Item = Answer>) -> (PoolStatusWriter, Arc<Script>) {
        let (client, script) = Script::client(answers);
        (PoolStatusWriter::new(client, "lb".into()), script)
    }

    async fn run_for(writer: &PoolStatusWriter, time: Duration) {
        let _ = tokio::time::timeout(time, writer.run()).await;
    }

    #[tokio::test(start_paused = true)]
    async fn many_changes_are_one_write_per_second_and_the_last_one_counts() {
        let (writer, script) = writer([stored(), stored(), stored()]);
        let pool = PoolName::from("office");
        writer.observed(&pool, None);
        writer.want(&pool, Some(status(1)));
        run_for(&writer, SECOND / 4).await;
        for assigned in 2..9 {
            writer.want(&pool, Some(status(assigned)));
            run_for(&writer, SECOND / 16).await;
        }
        assert_eq!(script.asked().len(), 1);
        run_for(&writer, 10 * SECOND).await;
        let asked = script.asked();
        assert_eq!(asked.len(), 2);
        assert_eq!(
            asked[1].what,
            "PATCH /apis/metallb.io/v1beta1/namespaces/lb/ipaddresspools/office/status?"
        );
        let want = json!({ "assignedIPv4": 8, "assignedIPv6": 0, "availableIPv4": 2, "availableIPv6": 0 });
        assert_eq!(asked[1].body, json!({ "status": want }));
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_written_while_the_object_says_the_same_or_is_unknown() {
        let (writer, script) = writer([stored()]);
        writer.want(&"unknown".into(), Some(status(1)));
        writer.observed(&"office".into(), Some(status(1)));
        writer.want(&"office".into(), Some(status(1)));
        run_for(&writer, 10 * SECOND).await;
        assert!(script.asked().is_empty());
        writer.observed(&"office".into(), Some(status(7)));
        run_for(&writer, 10 * SECOND).await;
        assert_eq!(script.asked().len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn where_patch_is_forbidden_the_whole_object_is_put() {
        let object =
            json!({ "metadata": { "resourceVersion": "5" }, "spec": { "addresses": ["192.0.2.0/24"] } });
        let (writer, script) = writer([Answer::status(403, "no"), Answer::Json(200, object), stored()]);
        writer.observed(&"office".into(), None);
        writer.want(&"office".into(), Some(status(3)));
        run_for(&writer, 10 * SECOND).await;
        let put = &script.asked()[2].body;
        assert_eq!(put["status"]["assignedIPv4"], json!(3));
        assert_eq!(put["spec"]["addresses"], json!(["192.0.2.0/24"]));
    }

    #[tokio::test(start_paused = true)]
    async fn failures_are_repeated_ever_more_slowly_and_a_deleted_pool_is_left_alone() {
        let (writer, script) = writer((0..99).map(|_| Answer::status(500, "trouble")));
        writer.observed(&"office".into(), None);
        writer.want(&"office".into(), Some(status(3)));
        run_for(&writer, 60 * SECOND).await;
        let first = script.asked().len();
        assert!((4..=8).contains(&first), "{first}");
        writer.forget(&"office".into());
        run_for(&writer, 600 * SECOND).await;
        assert_eq!(script.asked().len(), first);
    }
}
