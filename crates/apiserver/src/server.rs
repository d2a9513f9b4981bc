//! The server as others hold it: shared state, the library's own calls, and what tests turn on.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ferrolb_types::ObjectKey;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::callout::Caller;
use crate::error::ApiError;
use crate::faults::Faults;
use crate::kinds::Resource;
use crate::object::meta_str;
use crate::ops::{Core, FieldValidation, WriteOptions};
use crate::options::Options;
use crate::requests::{Log, Request};
use crate::store::CollectionId;

/// Owner of the fields that the server itself writes.
const OWN: &str = "ferrolb-apiserver";

/// An API server. Cheap to clone; all clones are one server.
#[derive(Clone)]
pub struct ApiServer {
    pub(crate) shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub(crate) options: Options,
    pub(crate) faults: Faults,
    pub(crate) log: Log,
    /// Calls webhooks.
    pub(crate) caller: Caller,
    core: Mutex<Core>,
    /// One per collection that is watched: the version of its last change.
    signals: Mutex<BTreeMap<CollectionId, watch::Sender<u64>>>,
    /// Counts how often all watches were closed.
    closings: watch::Sender<u64>,
    /// The version of the last change of all, for whoever saves the state.
    latest: watch::Sender<u64>,
}

impl ApiServer {
    /// A fresh cluster with the namespaces and CRDs of the options.
    ///
    /// # Errors
    /// A CRD or a namespace of the options that the server itself refuses.
    pub fn new(options: Options) -> Result<Self, ApiError> {
        let server = Self::unseeded(options);
        server.seed()?;
        Ok(server)
    }

    /// A server without any object.
    pub(crate) fn unseeded(options: Options) -> Self {
        let now = now(&options);
        let seed = u64::try_from(now.as_nanosecond()).unwrap_or_default();
        let core = Core::new(&options, seed);
        Self {
            shared: Arc::new(Shared {
                faults: Faults::default(),
                log: Log::new(options.request_log),
                caller: Caller::new(options.webhook_address),
                core: Mutex::new(core),
                signals: Mutex::default(),
                closings: watch::Sender::new(0),
                latest: watch::Sender::new(0),
                options,
            }),
        }
    }

    /// Namespaces and CRDs that exist from the start.
    pub(crate) fn seed(&self) -> Result<(), ApiError> {
        let options = self.shared.options.clone();
        let namespace =
            |name: &String| json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        let namespaces = options.namespaces.iter().map(namespace);
        for object in namespaces.chain(options.crds) {
            self.apply_as(OWN, object)?;
        }
        Ok(())
    }

    /// Creates an object of any kind, as a client would. The answer is the object as it was stored.
    ///
    /// # Errors
    /// What a client would be told.
    pub fn create(&self, object: Value) -> Result<Value, ApiError> {
        let write = self.shared.own_write();
        self.shared.write(|core| {
            let resource = kind_of(core, &object)?;
            let namespace = namespace_of(&resource, &object);
            let outcome = core.create(&resource, &namespace, object, &write)?;
            Ok(outcome.object.value.clone())
        })
    }

    /// What a client would be told that creates `object` on a dry run: warnings, above all about fields that the kind does
    /// not have, and the refusal if it is one. Nothing is stored.
    #[must_use]
    pub fn review(&self, object: Value) -> (Vec<String>, Option<ApiError>) {
        let write = WriteOptions {
            dry_run: true,
            validation: FieldValidation::Warn,
            ..self.shared.own_write()
        };
        let reviewed = self.shared.write(|core| {
            let resource = kind_of(core, &object)?;
            let namespace = namespace_of(&resource, &object);
            core.create(&resource, &namespace, object, &write)
        });
        match reviewed {
            Ok(outcome) => (outcome.warnings, None),
            Err(error) => (error.warnings.clone(), Some(error)),
        }
    }

    /// Reads one object; `resource` as in `services` or `ipaddresspools.metallb.io`, `namespace` empty for
    /// cluster-scoped kinds.
    #[must_use]
    pub fn get(&self, resource: &str, namespace: &str, name: &str) -> Option<Value> {
        let key = ObjectKey::new(namespace, name);
        self.shared
            .read(|core| core.store.get(resource, &key).map(|o| o.value.clone()))
    }

    /// Reads all objects of a resource, ordered by namespace and name.
    #[must_use]
    pub fn objects(&self, resource: &str) -> Vec<Value> {
        self.shared.read(|core| {
            let all = core.store.range(resource, "", None);
            all.map(|(_, o)| o.value.clone()).collect()
        })
    }

    /// The version of the last change.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.shared.read(|core| core.store.version())
    }

    /// Waits until the version is above `version`; the answer is the new one.
    pub async fn changed_since(&self, version: u64) -> u64 {
        let mut latest = self.shared.latest.subscribe();
        // The sender lives as long as `self`.
        let found = latest.wait_for(|v| *v > version).await;
        found.map_or(version, |v| *v)
    }

    /// Faults that requests are to meet.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.shared.faults
    }

    /// The requests that came over HTTP (or as a service) since the start or [`ApiServer::clear_requests`]; bounded by
    /// [`Options::request_log`], the oldest go first.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.shared.log.all()
    }

    /// The requests that could have stored something.
    #[must_use]
    pub fn writes(&self) -> Vec<Request> {
        let mut all = self.requests();
        all.retain(Request::is_write);
        all
    }

    /// Forgets the requests so far.
    pub fn clear_requests(&self) {
        self.shared.log.clear();
    }

    /// Forgets all changes: watches and pages from any older version are answered with 410.
    pub fn compact(&self) {
        self.shared.write(|core| core.store.compact());
    }

    /// Ends all watches that are open now; clients may come back at once.
    pub fn close_watches(&self) {
        self.shared.closings.send_modify(|n| *n += 1);
    }
}

/// The version of the request for a manifest's kind.
pub(crate) fn kind_of(core: &Core, object: &Value) -> Result<Arc<Resource>, ApiError> {
    let text = |key: &str| object[key].as_str().unwrap_or_default();
    let (version, kind) = (text("apiVersion"), text("kind"));
    let found = core.registry.find_kind(version, kind).cloned();
    found.ok_or_else(|| {
        ApiError::bad_request(format!(
            "no matches for kind `{kind}` in version `{version}`; create its CustomResourceDefinition first"
        ))
    })
}

/// The namespace that a manifest is for.
pub(crate) fn namespace_of(resource: &Resource, object: &Value) -> String {
    match (resource.is_namespaced(), meta_str(object, "namespace")) {
        (false, _) => String::new(),
        (true, "") => "default".to_owned(),
        (true, given) => given.to_owned(),
    }
}

fn now(options: &Options) -> Timestamp {
    Timestamp::try_from((options.clock)()).unwrap_or(Timestamp::UNIX_EPOCH)
}

impl Shared {
    pub(crate) fn now(&self) -> Timestamp {
        now(&self.options)
    }

    /// Looks at the state; must not take long.
    pub(crate) fn read<T>(&self, look: impl FnOnce(&Core) -> T) -> T {
        look(&self.lock())
    }

    /// Changes the state and wakes who watches what changed.
    pub(crate) fn write<T>(&self, change: impl FnOnce(&mut Core) -> T) -> T {
        let mut core = self.lock();
        let result = change(&mut core);
        let (changed, version) = (core.store.take_changed(), core.store.version());
        drop(core);
        if !changed.is_empty() {
            let signals = self.signals.lock().unwrap_or_else(PoisonError::into_inner);
            for id in &changed {
                if let Some(signal) = signals.get(id) {
                    signal.send_replace(version);
                }
            }
            drop(signals);
            self.latest.send_replace(version);
        }
        result
    }

    /// Wakes on every change of a collection.
    pub(crate) fn signal(&self, id: &CollectionId) -> watch::Receiver<u64> {
        let mut signals = self.signals.lock().unwrap_or_else(PoisonError::into_inner);
        signals
            .entry(Arc::clone(id))
            .or_insert_with(|| watch::Sender::new(0))
            .subscribe()
    }

    /// Wakes when all watches are to end.
    pub(crate) fn closings(&self) -> watch::Receiver<u64> {
        self.closings.subscribe()
    }

    /// Options of the library's own writes.
    pub(crate) fn own_write(&self) -> WriteOptions {
        WriteOptions {
            now: self.now(),
            dry_run: false,
            manager: OWN.to_owned(),
            validation: FieldValidation::Strict,
            twice: Vec::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Core> {
        // A panic while the lock was held would be a bug; the state is still the best there is.
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl core::fmt::Debug for ApiServer {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("ApiServer")
            .field("version", &self.version())
            .finish_non_exhaustive()
    }
}
