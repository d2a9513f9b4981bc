//! `update` and `patch`: one read-change-write cycle under the lock.

use std::sync::Arc;

use ferrolb_types::ObjectKey;
use serde_json::Value;

use super::{Core, Draft, Outcome, WriteOptions, group_resource, intake, refuse};
use crate::error::{ApiError, Cause};
use crate::kinds::Resource;
use crate::managed;
use crate::object::{Stored, has_finalizers, is_terminating, meta_mut, meta_str, root_mut};
use crate::rules::Rules;
use crate::schema::Part;

/// Which part of an object a request writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sub {
    /// The object without its status, where status is a subresource.
    Main,
    /// `/status`.
    Status,
    /// `/finalize` of a Namespace.
    Finalize,
}

impl Sub {
    /// As in a URL and in managed fields; empty for the object itself.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Main => "",
            Self::Status => "status",
            Self::Finalize => "finalize",
        }
    }

    fn part(self) -> Part {
        match self {
            Self::Status => Part::Status,
            Self::Main | Self::Finalize => Part::Whole,
        }
    }
}

/// How a request writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// The object comes whole from the client (PUT).
    Replace,
    /// The current object is changed.
    Patch,
    /// A configuration is merged in; the rewrite keeps the managed fields itself.
    Apply,
}

/// The new object from the current one, both in the version of the request.
pub(crate) trait Rewrite: Send + Sync {
    /// How the object is written.
    fn manner(&self) -> Manner;

    /// Makes the new object; `current` is `Null` if there is none yet.
    fn rewrite(&self, current: &Value) -> Result<Value, ApiError>;
}

/// The body of a PUT.
pub(crate) struct Replace(pub(crate) Value);

impl Rewrite for Replace {
    fn manner(&self) -> Manner {
        Manner::Replace
    }

    fn rewrite(&self, _current: &Value) -> Result<Value, ApiError> {
        Ok(self.0.clone())
    }
}

/// Metadata that no writer can change.
const FIXED: [&str; 8] = [
    "name",
    "namespace",
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "generation",
    "generateName",
];

impl Core {
    /// Changes an object.
    pub(crate) fn update(
        &mut self,
        resource: &Arc<Resource>,
        key: &ObjectKey,
        sub: Sub,
        rewrite: &dyn Rewrite,
        options: &WriteOptions,
    ) -> Result<Outcome, ApiError> {
        let draft = self.draft_update(resource, key, sub, rewrite, options)?;
        self.commit(draft, options)
    }

    /// A changed object, checked, that is not stored yet; a new one where the rewrite makes such.
    pub(crate) fn draft_update(
        &mut self,
        resource: &Arc<Resource>,
        key: &ObjectKey,
        sub: Sub,
        rewrite: &dyn Rewrite,
        options: &WriteOptions,
    ) -> Result<Draft, ApiError> {
        let Some(current) = self.store.get(&resource.id, key).cloned() else {
            return self.draft_missing(resource, key, rewrite, options);
        };
        let manner = rewrite.manner();
        let shown = resource.show(&current);
        let body = rewrite.rewrite(&shown)?;
        let (mut object, mut warnings) = read(resource, body, manner, options)?;
        same_name(key, &object)?;
        fresh(resource, &current, &object, manner)?;
        carry_metadata(&mut object, &current.value);
        resource.rules.apply_defaults(&mut object);
        if manner != Manner::Apply {
            managed::record_update(resource, &mut object, &shown, sub, options);
        }
        carry_parts(resource, sub, &mut object, &shown);
        resource.rules.prepare(&mut object, Some(&shown));
        count_generation(resource, &mut object, &shown);
        let told =
            Self::check(resource, sub.part(), &object, Some(&shown)).map_err(|e| e.warning(&warnings))?;
        warnings.extend(told);
        Ok(Draft {
            resource: Arc::clone(resource),
            key: key.clone(),
            sub,
            current: Some(current),
            unconverted: resource.hook().map(|_| object.clone()),
            object: resource.unshow(object),
            warnings,
        })
    }

    /// Stores a changed object unless nothing changed; one that nothing holds any more is removed.
    pub(super) fn commit_change(
        &mut self,
        draft: Draft,
        current: Arc<Stored>,
        options: &WriteOptions,
    ) -> Result<Outcome, ApiError> {
        let Draft {
            resource,
            key,
            mut object,
            warnings,
            ..
        } = draft;
        let (resource, key) = (&resource, &key);
        let claim = self.allocate(resource, &mut object, Some(&current.value))?;
        let outcome = |object| Outcome {
            object,
            created: false,
            warnings,
        };
        if object == current.value && !released(resource, &object) {
            return Ok(outcome(current));
        }
        self.prepare_crd(resource, &mut object, options)?;
        if options.dry_run {
            return Ok(outcome(Stored::unversioned(object)));
        }
        if let Some(claim) = claim {
            self.allocators.commit(claim);
        }
        let is_released = released(resource, &object);
        let stored = self.put(&resource.id, key.clone(), object, options.now);
        if is_released {
            self.remove_now(&resource.id, key, options.now);
        }
        Ok(outcome(stored))
    }

    fn draft_missing(
        &mut self,
        resource: &Arc<Resource>,
        key: &ObjectKey,
        rewrite: &dyn Rewrite,
        options: &WriteOptions,
    ) -> Result<Draft, ApiError> {
        let creates = match rewrite.manner() {
            Manner::Replace => resource.rules.creates_on_update(),
            Manner::Apply => true,
            Manner::Patch => false,
        };
        if !creates {
            return Err(ApiError::not_found(&group_resource(resource), &key.name));
        }
        let mut body = rewrite.rewrite(&Value::Null)?;
        same_name(key, &body)?;
        let meta = meta_mut(&mut body);
        meta.remove("resourceVersion");
        meta.insert("name".to_owned(), (*key.name).into());
        self.draft_create(resource, key.namespace.as_str(), body, options)
    }
}

/// A patch whose result cannot be read is invalid, not malformed.
fn read(
    resource: &Resource,
    body: Value,
    manner: Manner,
    options: &WriteOptions,
) -> Result<(Value, Vec<String>), ApiError> {
    if manner != Manner::Patch {
        return intake::read(resource, body, &options.twice, options.validation);
    }
    let shown = Value::from(body.to_string());
    intake::read(resource, body, &options.twice, options.validation).map_err(|error| match error.code {
        400 => {
            // The kind is said by the patch already.
            let why = error.message.split_once(&*format!("as a {}: ", resource.kind));
            let why = why.map_or(&*error.message, |(_, why)| why);
            let cause = Cause::invalid("patch", &shown, why);
            ApiError::invalid("", "", "", vec![cause])
        }
        _ => error,
    })
}

/// Whether an object that is to be deleted is held by no finalizer any more.
fn released(resource: &Resource, object: &Value) -> bool {
    let held = match resource.rules {
        Rules::Namespace => super::delete::namespace_is_held(object),
        _ => has_finalizers(object),
    };
    is_terminating(object) && !held
}

fn same_name(key: &ObjectKey, object: &Value) -> Result<(), ApiError> {
    let (name, namespace) = (meta_str(object, "name"), meta_str(object, "namespace"));
    if !name.is_empty() && *name != *key.name {
        let message = format!(
            "the name of the object ({name}) does not match the name on the URL ({})",
            key.name
        );
        return Err(ApiError::bad_request(message));
    }
    if !namespace.is_empty() && namespace != key.namespace.as_str() {
        let message = format!(
            "the namespace of the object ({namespace}) does not match the namespace on the URL ({})",
            key.namespace
        );
        return Err(ApiError::bad_request(message));
    }
    Ok(())
}

/// Compare-and-swap: a version or uid that the writer names must be the current one.
fn fresh(resource: &Resource, current: &Stored, object: &Value, manner: Manner) -> Result<(), ApiError> {
    let name = meta_str(&current.value, "name");
    let version = meta_str(object, "resourceVersion");
    if matches!(version, "" | "0") && manner == Manner::Replace && resource.rules.needs_version() {
        let cause = Cause::invalid(
            "metadata.resourceVersion",
            &0.into(),
            "must be specified for an update",
        );
        return Err(ApiError::invalid(
            &resource.group,
            &resource.plural,
            name,
            vec![cause],
        ));
    }
    if !matches!(version, "" | "0") && version != meta_str(&current.value, "resourceVersion") {
        return Err(ApiError::stale(&group_resource(resource), name));
    }
    let (uid, expected) = (meta_str(object, "uid"), meta_str(&current.value, "uid"));
    if !uid.is_empty() && uid != expected && manner == Manner::Patch {
        let cause = Cause::invalid("metadata.uid", &uid.into(), "field is immutable");
        return refuse(resource, &current.value, vec![cause]);
    }
    if !uid.is_empty() && uid != expected {
        let why = format!("Precondition failed: UID in precondition: {uid}, UID in object meta: {expected}");
        return Err(ApiError::conflict(&group_resource(resource), name, &why));
    }
    Ok(())
}

fn carry_metadata(object: &mut Value, current: &Value) {
    let meta = meta_mut(object);
    for field in FIXED.iter().chain(&["resourceVersion"]) {
        match current["metadata"].get(*field) {
            Some(value) => meta.insert((*field).to_owned(), value.clone()),
            None => meta.remove(*field),
        };
    }
}

/// What this request has no say in stays as it is.
fn carry_parts(resource: &Resource, sub: Sub, object: &mut Value, current: &Value) {
    match sub {
        Sub::Main if resource.has_status => copy(object, current, "status"),
        Sub::Main => {}
        Sub::Finalize => {
            let finalizers = object["spec"]["finalizers"].take();
            *object = current.clone();
            root_mut(&mut root_mut(object)["spec"]).insert("finalizers".to_owned(), finalizers);
        }
        Sub::Status => {
            let status = object["status"].take();
            let metadata = object["metadata"].take();
            *object = current.clone();
            let root = root_mut(object);
            match status {
                Value::Null => root.remove("status"),
                status => root.insert("status".to_owned(), status),
            };
            if resource.rules.status_keeps_metadata() {
                root.insert("metadata".to_owned(), metadata);
            } else if let Some(managed) = metadata.get("managedFields") {
                meta_mut(object).insert("managedFields".to_owned(), managed.clone());
            }
        }
    }
}

fn copy(object: &mut Value, current: &Value, field: &str) {
    let root = root_mut(object);
    match current.get(field) {
        Some(value) => root.insert(field.to_owned(), value.clone()),
        None => root.remove(field),
    };
}

/// The generation rises when anything but metadata and status changed.
fn count_generation(resource: &Resource, object: &mut Value, current: &Value) {
    if !resource.rules.counts_generations() {
        return;
    }
    let ignored = |key: &str| key == "metadata" || (key == "status" && resource.has_status);
    let differs = |a: &Value, b: &Value| {
        let (Some(a), Some(b)) = (a.as_object(), b.as_object()) else {
            return false;
        };
        a.keys()
            .chain(b.keys())
            .any(|k| !ignored(k) && a.get(k) != b.get(k))
    };
    let labels = |o: &Value| o["metadata"]["labels"].clone();
    let relabelled = resource.rules.counts_labels() && labels(object) != labels(current);
    if relabelled || differs(object, current) {
        let generation = current["metadata"]["generation"].as_i64().unwrap_or(0);
        meta_mut(object).insert("generation".to_owned(), (generation + 1).into());
    }
}
