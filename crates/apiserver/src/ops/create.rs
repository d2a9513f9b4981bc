//! `create`.

use std::sync::Arc;

use serde_json::Value;

use super::{Core, Draft, Outcome, Sub, WriteOptions, crd_status, group_resource, intake, refuse};
use crate::error::ApiError;
use crate::kinds::Resource;
use crate::managed;
use crate::object::{Stored, is_terminating, key_of, meta_mut, meta_str, root_mut};
use crate::rules::Rules;
use crate::schema::Part;
use crate::time;

/// How often a generated name that is taken is drawn anew.
const NAME_ATTEMPTS: usize = 8;

/// A name from `generateName` is cut so that the suffix fits into a label.
const MAX_GENERATED_BASE: usize = 58;

impl Core {
    /// Creates an object in `namespace` (empty for cluster-scoped kinds).
    pub(crate) fn create(
        &mut self,
        resource: &Arc<Resource>,
        namespace: &str,
        body: Value,
        options: &WriteOptions,
    ) -> Result<Outcome, ApiError> {
        let draft = self.draft_create(resource, namespace, body, options)?;
        self.commit(draft, options)
    }

    /// A new object, checked, that is not stored yet.
    pub(crate) fn draft_create(
        &mut self,
        resource: &Arc<Resource>,
        namespace: &str,
        body: Value,
        options: &WriteOptions,
    ) -> Result<Draft, ApiError> {
        let (mut object, mut warnings) = intake::read(resource, body, &options.twice, options.validation)?;
        self.fill_metadata(resource, namespace, &mut object, options)?;
        self.namespace_is_usable(resource, &object)?;
        let key = key_of(&object);
        resource.rules.apply_defaults(&mut object);
        // An applied configuration brings its managers along.
        if object["metadata"]["managedFields"].is_null() {
            managed::record_create(resource, &mut object, options);
        }
        resource.rules.drop_on_create(&mut object, resource.has_status);
        resource.rules.prepare(&mut object, None);
        let told = Self::check(resource, Part::Whole, &object, None).map_err(|e| e.warning(&warnings))?;
        warnings.extend(told);
        Ok(Draft {
            resource: Arc::clone(resource),
            key,
            sub: Sub::Main,
            current: None,
            unconverted: resource.hook().map(|_| object.clone()),
            object: resource.unshow(object),
            warnings,
        })
    }

    /// Stores a new object.
    pub(super) fn commit_new(&mut self, draft: Draft, options: &WriteOptions) -> Result<Outcome, ApiError> {
        let Draft {
            resource,
            key,
            mut object,
            warnings,
            ..
        } = draft;
        let resource = &resource;
        let claim = self.allocate(resource, &mut object, None)?;
        if self.store.get(&resource.id, &key).is_some() {
            return Err(ApiError::already_exists(&group_resource(resource), &key.name));
        }
        self.prepare_crd(resource, &mut object, options)?;
        let object = match options.dry_run {
            true => Stored::unversioned(object),
            false => {
                if let Some(claim) = claim {
                    self.allocators.commit(claim);
                }
                self.put(&resource.id, key, object, options.now)
            }
        };
        Ok(Outcome {
            object,
            created: true,
            warnings,
        })
    }

    fn fill_metadata(
        &mut self,
        resource: &Resource,
        namespace: &str,
        object: &mut Value,
        options: &WriteOptions,
    ) -> Result<(), ApiError> {
        let given = meta_str(object, "namespace");
        if resource.is_namespaced() && !given.is_empty() && given != namespace {
            let message =
                "the namespace of the provided object does not match the namespace sent on the request";
            return Err(ApiError::bad_request(message));
        }
        if !matches!(meta_str(object, "resourceVersion"), "" | "0") {
            let message = "resourceVersion should not be set on objects to be created";
            return Err(ApiError::bad_request(message));
        }
        let name = self.name_for(resource, namespace, object);
        let uid = self.random.uid();
        let meta = meta_mut(object);
        for field in [
            "selfLink",
            "deletionTimestamp",
            "deletionGracePeriodSeconds",
            "resourceVersion",
        ] {
            meta.remove(field);
        }
        if resource.is_namespaced() {
            meta.insert("namespace".to_owned(), namespace.into());
        } else {
            meta.remove("namespace");
        }
        meta.insert("name".to_owned(), name.into());
        meta.insert("uid".to_owned(), uid.into());
        meta.insert("creationTimestamp".to_owned(), time::seconds(options.now).into());
        if resource.rules.counts_generations() {
            meta.insert("generation".to_owned(), 1.into());
        }
        Ok(())
    }

    /// The name given, or a new one from `generateName`.
    fn name_for(&mut self, resource: &Resource, namespace: &str, object: &Value) -> String {
        let (name, base) = (meta_str(object, "name"), meta_str(object, "generateName"));
        if !name.is_empty() || base.is_empty() {
            return name.to_owned();
        }
        let cut = base
            .char_indices()
            .nth(MAX_GENERATED_BASE)
            .map_or(base, |(i, _)| &base[..i]);
        let mut name = String::new();
        for _ in 0..NAME_ATTEMPTS {
            name = format!("{cut}{}", self.random.suffix());
            let key = ferrolb_types::ObjectKey::new(namespace, name.as_str());
            if self.store.get(&resource.id, &key).is_none() {
                break;
            }
        }
        name
    }

    /// The namespace exists and is not on its way out.
    fn namespace_is_usable(&self, resource: &Resource, object: &Value) -> Result<(), ApiError> {
        if !resource.is_namespaced() {
            return Ok(());
        }
        let (namespace, name) = (meta_str(object, "namespace"), meta_str(object, "name"));
        let key = ferrolb_types::ObjectKey::new("", namespace);
        let found = self.store.get("namespaces", &key);
        let found = found.ok_or_else(|| ApiError::not_found("namespaces", namespace))?;
        if is_terminating(&found.value) {
            let why = format!(
                "unable to create new content in namespace {namespace} because it is being terminated"
            );
            return Err(ApiError::forbidden(&group_resource(resource), name, &why));
        }
        Ok(())
    }

    /// A CRD must be readable; its kinds are served as soon as it is stored.
    pub(super) fn prepare_crd(
        &mut self,
        resource: &Resource,
        object: &mut Value,
        options: &WriteOptions,
    ) -> Result<(), ApiError> {
        if resource.rules != Rules::Crd {
            return Ok(());
        }
        let causes = match crate::kinds::crd::resources(object) {
            Ok(found) => self.name_clash(&found),
            Err(causes) => causes,
        };
        refuse(resource, object, causes)?;
        let status = crd_status(object, &time::seconds(options.now));
        root_mut(object).entry("status").or_insert(status);
        if !options.dry_run {
            self.establish(object);
        }
        Ok(())
    }

    fn name_clash(&self, found: &[Resource]) -> Vec<crate::error::Cause> {
        let clash = found.iter().find(|new| {
            let existing = self.registry.find(&new.group, &new.version, &new.plural);
            existing.is_some_and(|r| !r.is_custom())
        });
        let cause = clash.map(|r| {
            let why = "is served by the server itself";
            crate::error::Cause::invalid("spec.names.plural", &Value::from(&*r.plural), why)
        });
        cause.into_iter().collect()
    }
}
