//! Which kinds are served, and how: the built-in table and what CRDs add at run time.

mod builtin;
mod conversion;
pub(crate) mod crd;

use std::collections::BTreeMap;
use std::sync::Arc;

use ferrolb_api::Scope;
use serde_json::Value;

use crate::convert::Hook;
use crate::object::{Stored, root_mut, to_bytes};
use crate::rules::Rules;
use crate::schema::{self, Origin, Schema};
use crate::store::CollectionId;

pub(crate) use conversion::Conversion;

/// One served version of one kind.
#[derive(Debug)]
pub(crate) struct Resource {
    /// API group; empty for the core group.
    pub(crate) group: Box<str>,
    /// The served version.
    pub(crate) version: Box<str>,
    /// The version that objects are stored in.
    pub(crate) storage_version: Box<str>,
    /// `Service`.
    pub(crate) kind: Box<str>,
    /// `services`.
    pub(crate) plural: Box<str>,
    /// `service`.
    pub(crate) singular: Box<str>,
    /// `svc`.
    pub(crate) short_names: Vec<Box<str>>,
    /// `all`.
    pub(crate) categories: Vec<Box<str>>,
    /// Whether objects live in namespaces.
    pub(crate) scope: Scope,
    /// Whether `/status` is a subresource.
    pub(crate) has_status: bool,
    /// The collection that objects are stored in.
    pub(crate) id: CollectionId,
    /// Special behaviour of the kind.
    pub(crate) rules: Rules,
    /// What objects may contain.
    pub(crate) shape: Shape,
    /// Printer columns of a CRD version; empty for built-in kinds, whose columns are code.
    pub(crate) columns: Vec<Column>,
    /// Sent with every answer when the version is deprecated.
    pub(crate) deprecation: Option<Box<str>>,
    /// The schema of the version that objects are stored in; `None` for built-in kinds.
    pub(crate) storage_schema: Option<Arc<Schema>>,
    /// How objects come from one version to another.
    pub(crate) conversion: Conversion,
}

/// Where the schema of a kind is.
#[derive(Debug)]
pub(crate) enum Shape {
    /// A bundled definition, by its OpenAPI name.
    BuiltIn(&'static str),
    /// The structural schema of a CRD version.
    Custom(Arc<Schema>),
}

/// One additional printer column of a CRD.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Column {
    /// The heading.
    pub(crate) name: Box<str>,
    /// `string`, `integer`, `number`, `boolean`, `date`.
    pub(crate) kind: Box<str>,
    /// OpenAPI format.
    pub(crate) format: Box<str>,
    /// For `kubectl explain`.
    pub(crate) description: Box<str>,
    /// Columns above 0 are shown with `-o wide` only.
    pub(crate) priority: i64,
    /// Where the value is.
    pub(crate) path: Box<str>,
}

impl Resource {
    /// `v1`, `metallb.io/v1beta1`.
    #[must_use]
    pub(crate) fn api_version(&self) -> String {
        api_version(&self.group, &self.version)
    }

    /// The `apiVersion` that objects are stored with.
    #[must_use]
    pub(crate) fn storage_api_version(&self) -> String {
        let group = if self.rules.is_view() { "" } else { &self.group };
        api_version(group, &self.storage_version)
    }

    /// Whether objects live in namespaces.
    #[must_use]
    pub(crate) fn is_namespaced(&self) -> bool {
        self.scope == Scope::Namespaced
    }

    /// Whether the kind was defined by a CRD.
    #[must_use]
    pub(crate) fn is_custom(&self) -> bool {
        matches!(self.shape, Shape::Custom(_))
    }

    /// The schema, if there is one.
    #[must_use]
    pub(crate) fn schema(&self) -> Option<&Schema> {
        match &self.shape {
            Shape::BuiltIn(name) => schema::builtin(name),
            Shape::Custom(schema) => Some(schema),
        }
    }

    /// Whose rules of pruning apply.
    #[must_use]
    pub(crate) fn origin(&self) -> Origin {
        match self.shape {
            Shape::BuiltIn(_) => Origin::BuiltIn,
            Shape::Custom(_) => Origin::Custom,
        }
    }

    /// `services.v1.` or `bgppeers.v1beta2.metallb.io`: whether this is the version that objects are stored in.
    #[must_use]
    pub(crate) fn is_storage(&self) -> bool {
        self.version == self.storage_version && !self.rules.is_view()
    }

    /// A stored object as this version shows it.
    ///
    /// Where a webhook converts, requests see to it that its answer is there ([`crate::convert::prepare`]); the
    /// embedding program gets what this server makes of the object by itself.
    #[must_use]
    pub(crate) fn show(&self, stored: &Stored) -> Value {
        match self
            .hook()
            .and_then(|hook| stored.forms().get(hook, &self.version))
        {
            Some(form) => (*form).clone(),
            None => self.show_value(&stored.value),
        }
    }

    /// Whether [`Resource::show`] has what it needs from the webhook that converts, if one does.
    #[must_use]
    pub(crate) fn can_show(&self, stored: &Stored) -> bool {
        self.hook()
            .is_none_or(|hook| stored.forms().get(hook, &self.version).is_some())
    }

    /// As [`Resource::show`], of an object that is not stored, and never by a webhook.
    #[must_use]
    pub(crate) fn show_value(&self, stored: &Value) -> Value {
        if self.is_storage() {
            return stored.clone();
        }
        let mut shown = self.conversion.convert(stored, &self.api_version());
        self.rules.to_served(&mut shown);
        root_mut(&mut shown).insert("apiVersion".to_owned(), self.api_version().into());
        self.complete_shown(&mut shown);
        shown
    }

    /// Brings what was converted to this version into the form of its schema.
    pub(crate) fn complete_shown(&self, shown: &mut Value) {
        if let Shape::Custom(schema) = &self.shape {
            schema::complete(shown, schema);
        }
    }

    /// An object of this version as it is stored, never by a webhook.
    #[must_use]
    pub(crate) fn unshow(&self, served: Value) -> Value {
        if self.is_storage() {
            return served;
        }
        let mut stored = self.conversion.convert(&served, &self.storage_api_version());
        self.rules.to_stored(&mut stored);
        root_mut(&mut stored).insert("apiVersion".to_owned(), self.storage_api_version().into());
        self.complete_stored(&mut stored);
        stored
    }

    /// Brings what was converted to the stored version into the form of its schema.
    pub(crate) fn complete_stored(&self, stored: &mut Value) {
        if let Some(schema) = &self.storage_schema {
            schema::complete(stored, schema);
        }
    }

    /// The webhook that converts between this version and the stored one.
    #[must_use]
    pub(crate) fn hook(&self) -> Option<&Arc<Hook>> {
        self.conversion.hook().filter(|_| !self.is_storage())
    }

    /// The bytes of an object in this version; shared where no conversion is needed.
    #[must_use]
    pub(crate) fn bytes(&self, stored: &Stored) -> bytes::Bytes {
        if self.is_storage() {
            stored.json()
        } else {
            to_bytes(&self.show(stored))
        }
    }
}

/// `v1` or `group/v1`.
pub(crate) fn api_version(group: &str, version: &str) -> String {
    match group {
        "" => version.to_owned(),
        group => format!("{group}/{version}"),
    }
}

/// `services` or `bgppeers.metallb.io`.
pub(crate) fn collection_id(group: &str, plural: &str) -> CollectionId {
    match group {
        "" => plural.into(),
        group => format!("{plural}.{group}").into(),
    }
}

/// Group, version and plural.
type Place = (Box<str>, Box<str>, Box<str>);

/// All kinds that are served now.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    resources: BTreeMap<Place, Arc<Resource>>,
}

impl Registry {
    /// The kinds that are served without any CRD.
    #[must_use]
    pub(crate) fn built_in() -> Self {
        let mut registry = Self::default();
        builtin::resources().into_iter().for_each(|r| registry.insert(r));
        registry
    }

    /// Adds or replaces one version of a kind.
    pub(crate) fn insert(&mut self, resource: Resource) {
        let key = (
            resource.group.clone(),
            resource.version.clone(),
            resource.plural.clone(),
        );
        self.resources.insert(key, Arc::new(resource));
    }

    /// Stops serving a custom kind in all its versions.
    pub(crate) fn remove_custom(&mut self, group: &str, plural: &str) {
        self.resources
            .retain(|(g, _, p), r| !(**g == *group && **p == *plural && r.is_custom()));
    }

    /// The kind under `/apis/GROUP/VERSION/PLURAL`.
    #[must_use]
    pub(crate) fn find(&self, group: &str, version: &str, plural: &str) -> Option<&Arc<Resource>> {
        self.resources.get(&(group.into(), version.into(), plural.into()))
    }

    /// The kind that a manifest names.
    #[must_use]
    pub(crate) fn find_kind(&self, api_version: &str, kind: &str) -> Option<&Arc<Resource>> {
        self.iter()
            .find(|r| *r.kind == *kind && r.api_version() == api_version)
    }

    /// The version of a collection that its objects are stored in.
    #[must_use]
    pub(crate) fn storage_of(&self, id: &str) -> Option<&Arc<Resource>> {
        self.iter().find(|r| *r.id == *id && r.is_storage())
    }

    /// All kinds by group, version and plural.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Resource>> {
        self.resources.values()
    }
}
