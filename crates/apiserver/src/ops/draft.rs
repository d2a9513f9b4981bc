//! A write between its check and its storing: long enough to ask others about it.

use std::sync::Arc;

use ferrolb_types::{Labels, ObjectKey};
use serde_json::Value;

use super::{Core, Outcome, Sub, WriteOptions, group_resource};
use crate::admission::{self, Attributes, Operation, Review, Subject};
use crate::error::ApiError;
use crate::kinds::Resource;
use crate::object::Stored;

/// A checked object that is to be stored.
#[derive(Debug)]
pub(crate) struct Draft {
    /// In the version of the request.
    pub(crate) resource: Arc<Resource>,
    pub(crate) key: ObjectKey,
    pub(crate) sub: Sub,
    /// What it replaces; `None` for a new one.
    pub(crate) current: Option<Arc<Stored>>,
    /// As it is stored.
    pub(crate) object: Value,
    /// As it was asked for, while `object` still has to be made from it by a webhook.
    pub(crate) unconverted: Option<Value>,
    /// For the writer.
    pub(crate) warnings: Vec<String>,
}

/// A write that others may have a say in.
#[derive(Debug)]
pub(crate) struct Asked<'a> {
    /// In the version of the request.
    pub(crate) resource: &'a Arc<Resource>,
    pub(crate) key: &'a ObjectKey,
    pub(crate) subresource: &'a str,
    pub(crate) operation: Operation,
    /// As it is to be stored; `None` for a deletion.
    pub(crate) object: Option<&'a Value>,
    /// As it is stored.
    pub(crate) old: Option<&'a Value>,
    /// Who asks.
    pub(crate) user: &'a Value,
    pub(crate) dry_run: bool,
}

impl Draft {
    /// What reviewers are asked.
    pub(crate) fn asked<'a>(&'a self, user: &'a Value, dry_run: bool) -> Asked<'a> {
        Asked {
            resource: &self.resource,
            key: &self.key,
            subresource: self.sub.as_str(),
            operation: match self.current {
                None => Operation::Create,
                Some(_) => Operation::Update,
            },
            object: Some(&self.object),
            old: self.current.as_deref().map(|o| &o.value),
            user,
            dry_run,
        }
    }
}

impl Core {
    /// Stores what was drafted, if what it replaces is still what it was.
    ///
    /// # Errors
    /// [`ApiError::stale`] where somebody else wrote in between; what the write itself is refused for.
    pub(crate) fn commit(&mut self, mut draft: Draft, options: &WriteOptions) -> Result<Outcome, ApiError> {
        let Some(current) = draft.current.take() else {
            return self.commit_new(draft, options);
        };
        let found = self.get(&draft.resource, &draft.key)?;
        if found.version != current.version {
            return Err(ApiError::stale(&group_resource(&draft.resource), &draft.key.name));
        }
        self.commit_change(draft, current, options)
    }

    /// Who has to be asked before a write, and what.
    pub(crate) fn reviews(&mut self, asked: &Asked<'_>) -> Vec<Review> {
        let configurations: Vec<Arc<Stored>> = {
            let all = self.store.range(admission::CONFIGURATIONS, "", None);
            all.map(|(_, o)| Arc::clone(o)).collect()
        };
        // A webhook about webhooks could lock itself in.
        if configurations.is_empty() || &*asked.resource.id == admission::CONFIGURATIONS {
            return Vec::new();
        }
        let uid = self.random.uid();
        let webhooks = configurations.iter().flat_map(|c| admission::webhooks(&c.value));
        webhooks.filter_map(|w| self.review(w, asked, &uid)).collect()
    }

    fn review(&self, webhook: admission::Webhook, asked: &Asked<'_>, uid: &str) -> Option<Review> {
        let labels = |object: &Value| crate::object::labels_of(object);
        let (new, old) = (asked.object.map(labels), asked.old.map(labels));
        let namespace = self.labels_around(asked);
        let write = Attributes {
            resource: asked.resource,
            subresource: asked.subresource,
            operation: asked.operation,
            namespace: namespace.as_ref(),
            objects: [old.as_ref(), new.as_ref()],
        };
        let wanted = webhook.concerns(&write, &self.registry)?;
        let subject = Subject {
            requested: asked.resource,
            subresource: asked.subresource,
            operation: asked.operation,
            namespace: asked.key.namespace.as_str(),
            name: &asked.key.name,
            user: asked.user,
            dry_run: asked.dry_run,
            uid,
        };
        Some(Review::new(webhook, &subject, &wanted, asked.object, asked.old))
    }

    /// Labels of the namespace that an object is in, or is.
    fn labels_around(&self, asked: &Asked<'_>) -> Option<Labels> {
        let name = match (&*asked.resource.id, asked.key.namespace.as_str()) {
            ("namespaces", _) => &*asked.key.name,
            (_, "") => return None,
            (_, namespace) => namespace,
        };
        let key = ObjectKey::new("", name);
        let namespace = self.store.get("namespaces", &key);
        Some(namespace.map(|n| n.labels().clone()).unwrap_or_default())
    }
}
