//! An object as the writer needs it: with its owners, which the slim kinds leave out.

use ferrolb_api::metallb::{ServiceL2Status, ServiceL2StatusStatus};
use ferrolb_api::{Object, ObjectMeta, Scope};
use ferrolb_types::ObjectKey;
use serde::Deserialize;

pub(super) const NODE: &str = "metallb.io/node";
pub(super) const SERVICE_NAME: &str = "metallb.io/service-name";
pub(super) const SERVICE_NAMESPACE: &str = "metallb.io/service-namespace";

/// A ServiceL2Status.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Record {
    pub(super) metadata: Metadata,
    #[serde(default)]
    pub(super) status: Option<ServiceL2StatusStatus>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Metadata {
    #[serde(flatten)]
    pub(super) common: ObjectMeta,
    #[serde(default, rename = "ownerReferences")]
    pub(super) owners: Vec<Owner>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Owner {
    pub(super) uid: Box<str>,
}

impl Object for Record {
    const GROUP: &'static str = ServiceL2Status::GROUP;
    const VERSION: &'static str = ServiceL2Status::VERSION;
    const KIND: &'static str = ServiceL2Status::KIND;
    const PLURAL: &'static str = ServiceL2Status::PLURAL;
    const SCOPE: Scope = ServiceL2Status::SCOPE;

    fn meta(&self) -> &ObjectMeta {
        &self.metadata.common
    }
}

impl Record {
    /// The Service and the node that the labels name; none if one is missing.
    pub(super) fn subject(&self) -> Option<(ObjectKey, &str)> {
        let label = |key| self.metadata.common.labels.get(key);
        let service = ObjectKey::new(label(SERVICE_NAMESPACE)?, label(SERVICE_NAME)?);
        Some((service, label(NODE)?))
    }

    pub(super) fn is_owned_by(&self, uid: &str) -> bool {
        self.metadata.owners.iter().any(|owner| *owner.uid == *uid)
    }

    pub(super) fn age(&self) -> Age {
        let common = &self.metadata.common;
        Age {
            uid: common.uid.clone(),
            version: common.resource_version.parse().ok(),
        }
    }
}

/// Which state of which object something is.
#[derive(Debug)]
pub(super) struct Age {
    uid: Box<str>,
    /// Versions are opaque by the API's contract, but every server counts; where one does not, a write too many does no
    /// harm.
    version: Option<u64>,
}

impl Age {
    /// Whether `other` is a later state of the same object.
    pub(super) fn is_before(&self, other: &Self) -> bool {
        let versions = self.version.zip(other.version);
        self.uid == other.uid && versions.is_some_and(|(mine, theirs)| mine < theirs)
    }
}
