//! The verbs over the store: what a request means, without HTTP and without a clock.
//!
//! ```text
//!   body ─▶ intake (type, unknown fields, schema) ─▶ metadata ─▶ defaults ─▶ checks ─▶ allocation ─▶ store
//!              400, warnings                          409, 404               422         422
//! ```

mod collect;
mod create;
mod delete;
mod draft;
mod intake;
mod list;
mod owners;
mod update;

use std::collections::VecDeque;
use std::sync::Arc;

use ferrolb_types::ObjectKey;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::error::{ApiError, Cause};
use crate::kinds::{Registry, Resource, Shape};
use crate::object::Stored;
use crate::options::Options;
use crate::random::Random;
use crate::rules::Rules;
use crate::schema::{self, Part};
use crate::service::alloc::{Allocators, Claim};
use crate::store::{CollectionId, Store};

pub(crate) use delete::{DeleteOptions, Deleted};
pub(crate) use draft::{Asked, Draft};
pub(crate) use list::{ListOptions, Page, VersionMatch, parse_version};
use owners::Owners;
pub(crate) use update::{Manner, Replace, Rewrite, Sub};

/// What to do about fields that a kind does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FieldValidation {
    /// Drop them silently.
    Ignore,
    /// Drop them and say so in a `Warning` header.
    Warn,
    /// Refuse the request.
    Strict,
}

/// How a write is to be done.
#[derive(Clone, Debug)]
pub(crate) struct WriteOptions {
    /// Wall-clock time of the request.
    pub(crate) now: Timestamp,
    /// Nothing is stored.
    pub(crate) dry_run: bool,
    /// Who owns the written fields.
    pub(crate) manager: String,
    /// What to do about unknown fields.
    pub(crate) validation: FieldValidation,
    /// Fields that the text of the body names twice.
    pub(crate) twice: Vec<String>,
}

/// What a write led to.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// The object as it is now (or would be, in a dry run).
    pub(crate) object: Arc<Stored>,
    /// Whether it did not exist before.
    pub(crate) created: bool,
    /// For the client's eyes.
    pub(crate) warnings: Vec<String>,
}

/// Everything that a server knows; all its methods are synchronous and short.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) store: Store,
    pub(crate) registry: Registry,
    allocators: Allocators,
    random: Random,
    owners: Owners,
    /// When which Event goes: the time it was written, its key and version.
    events: VecDeque<(Timestamp, ObjectKey, u64)>,
}

/// Events are kept for an hour after their last change, as a real server has it by default.
const EVENT_SECONDS: i64 = 3600;

/// At most so many Events are kept, whatever their age.
const MAX_EVENTS: usize = 10_000;

impl Core {
    /// An empty cluster.
    pub(crate) fn new(options: &Options, seed: u64) -> Self {
        Self {
            store: Store::new(0, options.history),
            registry: Registry::built_in(),
            allocators: Allocators::new(&options.service_cidrs, options.node_ports.clone()),
            random: Random::new(seed),
            owners: Owners::default(),
            events: VecDeque::new(),
        }
    }

    /// The object, or 404.
    pub(crate) fn get(&self, resource: &Resource, key: &ObjectKey) -> Result<&Arc<Stored>, ApiError> {
        let found = self.store.get(&resource.id, key);
        found.ok_or_else(|| ApiError::not_found(&group_resource(resource), &key.name))
    }

    /// Stores an object and keeps the indexes over all objects true.
    fn put(&mut self, id: &CollectionId, key: ObjectKey, value: Value, now: Timestamp) -> Arc<Stored> {
        let old = self.store.get(id, &key).cloned();
        let stored = self.store.put(id, key.clone(), value);
        self.owners
            .replace(id, &key, old.as_deref().map(|o| &o.value), Some(&stored.value));
        if &**id == "events" {
            self.expire_events(now);
            self.events.push_back((now, key, stored.version));
        }
        stored
    }

    fn expire_events(&mut self, now: Timestamp) {
        let is_due = |queue: &VecDeque<(Timestamp, ObjectKey, u64)>| {
            queue.len() >= MAX_EVENTS
                || queue
                    .front()
                    .is_some_and(|(at, ..)| now.as_second() - at.as_second() > EVENT_SECONDS)
        };
        let id: CollectionId = "events".into();
        while is_due(&self.events) {
            let Some((_, key, version)) = self.events.pop_front() else {
                return;
            };
            if self.store.get(&id, &key).is_some_and(|e| e.version == version) {
                self.store.remove(&id, &key);
            }
        }
    }

    /// Names and contents, after the defaults were applied; both objects in the version of the request. The answer is
    /// what the writer should know.
    fn check(
        resource: &Resource,
        part: Part,
        object: &Value,
        old: Option<&Value>,
    ) -> Result<Vec<String>, ApiError> {
        let mut causes = match old {
            None => intake::name_causes(resource, object),
            Some(old) => resource.rules.check_change(object, old),
        };
        causes.extend(resource.rules.check(object));
        let warnings = match &resource.shape {
            Shape::Custom(schema) => schema::judge(object, old, schema, part, &mut causes),
            Shape::BuiltIn(_) => resource.rules.warnings(object),
        };
        refuse(resource, object, causes)?;
        Ok(warnings)
    }

    /// Plans addresses and ports of a Service; nothing for other kinds.
    fn allocate(
        &self,
        resource: &Resource,
        object: &mut Value,
        old: Option<&Value>,
    ) -> Result<Option<Claim>, ApiError> {
        if resource.rules != Rules::Service {
            return Ok(None);
        }
        match self.allocators.complete(object, old) {
            Ok(claim) => Ok(Some(claim)),
            Err(causes) => Err(invalid(resource, object, causes)),
        }
    }

    /// Puts back one saved object.
    pub(crate) fn restore(&mut self, id: &CollectionId, key: ObjectKey, version: u64, value: Value) {
        self.owners.replace(id, &key, None, Some(&value));
        match &**id {
            "services" => self.allocators.adopt(&value),
            "customresourcedefinitions.apiextensions.k8s.io" => self.establish(&value),
            _ => {}
        }
        self.store.restore(id, key, version, value);
    }

    /// Serves what a CRD defines; a CRD that was stored is a good one.
    ///
    /// Objects that are stored already take the form that the schema has now, under the version that they have: a
    /// reader gets new defaults, and no longer what the schema does not know.
    fn establish(&mut self, crd: &Value) {
        let Ok(resources) = crate::kinds::crd::resources(crd) else {
            return;
        };
        let spec = &crd["spec"];
        let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
        self.registry
            .remove_custom(&text(&spec["group"]), &text(&spec["names"]["plural"]));
        if let Some(first) = resources.first()
            && let Some(schema) = &first.storage_schema
        {
            self.store
                .reshape(&first.id, |object| schema::complete(object, schema));
        }
        resources.into_iter().for_each(|r| self.registry.insert(r));
    }
}

/// `services`, `bgppeers.metallb.io`: the resource in messages (of a view: under its own group).
pub(crate) fn group_resource(resource: &Resource) -> String {
    crate::kinds::collection_id(&resource.group, &resource.plural).to_string()
}

fn invalid(resource: &Resource, object: &Value, causes: Vec<Cause>) -> ApiError {
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    ApiError::invalid(&resource.group, &resource.kind, name, causes)
}

fn refuse(resource: &Resource, object: &Value, causes: Vec<Cause>) -> Result<(), ApiError> {
    if causes.is_empty() {
        return Ok(());
    }
    Err(invalid(resource, object, causes))
}

/// The condition list that makes a CRD usable, from its names.
fn crd_status(crd: &Value, now: &str) -> Value {
    let condition = |kind: &str, reason: &str, message: &str| json!({"type": kind, "status": "True", "lastTransitionTime": now, "reason": reason, "message": message});
    let versions = crd["spec"]["versions"].as_array().into_iter().flatten();
    let stored: Vec<&Value> = versions
        .filter(|v| v["storage"] == true)
        .map(|v| &v["name"])
        .collect();
    json!({
        "conditions": [
            condition("NamesAccepted", "NoConflicts", "no conflicts found"),
            condition("Established", "InitialNamesAccepted", "the initial names have been accepted"),
        ],
        "acceptedNames": crd["spec"]["names"],
        "storedVersions": stored,
    })
}
