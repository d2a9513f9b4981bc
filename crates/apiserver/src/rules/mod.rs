//! What is special about a kind: its strategy, in the words of the real server.
//!
//! [`Rules`] says which hooks a kind has; the hooks are pure functions over JSON values.

mod builtin;
pub(crate) mod event;
pub(crate) mod metadata;
pub(crate) mod names;

use serde_json::Value;

use crate::error::Cause;
use crate::object::root_mut;
use crate::service;

/// Special behaviour of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rules {
    /// None.
    Plain,
    /// Addresses, ports, families.
    Service,
    /// Nothing but the name.
    Node,
    /// Phase, finalizer and contents.
    Namespace,
    /// Phase.
    Pod,
    /// `stringData`.
    Secret,
    /// Immutability.
    ConfigMap,
    /// Core events, which expire.
    Event,
    /// The same events as `events.k8s.io` shows them.
    EventView,
    /// Endpoints and the address family.
    EndpointSlice,
    /// Positive durations; no update without a version.
    Lease,
    /// Counts generations.
    Workload,
    /// Counts generations; each webhook can be asked.
    Webhooks,
    /// Establishes kinds.
    Crd,
    /// Any name that fits into a path.
    Role,
    /// The same, and `roleRef` is immutable.
    RoleBinding,
    /// A kind of a CRD.
    Custom,
}

impl Rules {
    /// Whether the kind shows objects that are stored as another one.
    #[must_use]
    pub(crate) fn is_view(self) -> bool {
        self == Self::EventView
    }

    /// Turns a stored object into what this kind serves.
    pub(crate) fn to_served(self, object: &mut Value) {
        if self == Self::EventView {
            event::to_view(object);
        }
    }

    /// Turns a served object into what is stored.
    pub(crate) fn to_stored(self, object: &mut Value) {
        if self == Self::EventView {
            event::to_core(object);
        }
    }

    /// Whether `metadata.generation` counts changes of everything but metadata and status.
    pub(crate) fn counts_generations(self) -> bool {
        matches!(
            self,
            Self::Workload | Self::Webhooks | Self::Crd | Self::EndpointSlice | Self::Custom | Self::Pod
        )
    }

    /// Whether a PUT to a name that does not exist creates the object.
    pub(crate) fn creates_on_update(self) -> bool {
        matches!(
            self,
            Self::Service | Self::EndpointSlice | Self::Lease | Self::Event | Self::EventView
        )
    }

    /// Whether a PUT must name the version that it replaces.
    pub(crate) fn needs_version(self) -> bool {
        matches!(self, Self::Custom | Self::Lease)
    }

    /// Whether a change of labels counts as well.
    pub(crate) fn counts_labels(self) -> bool {
        self == Self::EndpointSlice
    }

    /// Whether a deletion answers with the object instead of a Status.
    pub(crate) fn deletion_shows_object(self) -> bool {
        matches!(self, Self::Service | Self::Pod | Self::Namespace | Self::Crd)
    }

    /// Whether a write to `/status` keeps changes of labels and annotations (the Service strategy; controller spec 2.1).
    pub(crate) fn status_keeps_metadata(self) -> bool {
        // On a real server every kind but custom resources with a status subresource does.
        self != Self::Custom
    }

    /// Sets what a writer may leave out; the writer owns these fields as if it had written them.
    pub(crate) fn apply_defaults(self, object: &mut Value) {
        match self {
            Self::Service => service::defaults::apply(object),
            Self::Namespace => builtin::namespace_defaults(object),
            Self::Pod => builtin::pod_defaults(object),
            Self::Secret => builtin::secret_defaults(object),
            Self::EndpointSlice => builtin::slice_defaults(object),
            Self::Crd => builtin::crd_defaults(object),
            _ => {}
        }
    }

    /// Sets what the server alone decides, which nobody owns. `old` is the object before an update.
    pub(crate) fn prepare(self, object: &mut Value, old: Option<&Value>) {
        match self {
            Self::Service => service::defaults::prepare(object, old),
            Self::Namespace => builtin::prepare_namespace(object, old.is_none()),
            Self::Pod => builtin::prepare_phase(object, "Pending"),
            _ => {}
        }
    }

    /// What a writer should know although it is allowed.
    pub(crate) fn warnings(self, object: &Value) -> Vec<String> {
        match self {
            Self::Service => service::check::warnings(object),
            _ => Vec::new(),
        }
    }

    /// What is wrong with a new object.
    pub(crate) fn check(self, object: &Value) -> Vec<Cause> {
        let mut found = metadata::check(object);
        found.extend(match self {
            Self::Service => service::check::object(object),
            Self::EndpointSlice => builtin::check_slice(object),
            Self::Lease => builtin::check_lease(object),
            Self::Webhooks => crate::admission::check(object),
            _ => Vec::new(),
        });
        found
    }

    /// What may not change in this way.
    pub(crate) fn check_change(self, new: &Value, old: &Value) -> Vec<Cause> {
        let mut found = metadata::check_change(new, old);
        found.extend(match self {
            Self::Service => service::check::change(new, old),
            Self::EndpointSlice => immutable("addressType", &new["addressType"], &old["addressType"]),
            Self::RoleBinding => builtin::role_ref_change(new, old),
            Self::Secret => builtin::secret_change(new, old),
            Self::ConfigMap => builtin::config_map_change(new, old),
            _ => Vec::new(),
        });
        found
    }

    /// What is wrong with the name.
    pub(crate) fn check_name(self, name: &str) -> Option<String> {
        match self {
            Self::Service => names::dns_1035_label(name),
            Self::Namespace => names::dns_1123_label(name),
            Self::Role | Self::RoleBinding => names::path_segment(name),
            _ => names::dns_1123_subdomain(name),
        }
    }

    /// Drops what the writer of a new object has no say in.
    pub(crate) fn drop_on_create(self, object: &mut Value, has_status: bool) {
        if has_status && self != Self::Node {
            root_mut(object).remove("status");
        }
    }
}

/// A cause if a field that is set for good differs.
pub(crate) fn immutable(field: &str, new: &Value, old: &Value) -> Vec<Cause> {
    if new == old {
        return Vec::new();
    }
    vec![Cause::invalid(field, new, "field is immutable")]
}
