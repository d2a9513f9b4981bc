//! Who may be on one address with whom (controller 7).

use std::sync::Arc;

use ferrolb_api::facts::{Port, ServiceFacts};

/// Services that may be together on an address as far as their keys go: one sharing key and one set of backends.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct GroupKey {
    /// The sharing key, global over all namespaces; never empty.
    pub(crate) sharing_key: Box<str>,
    /// Empty with `externalTrafficPolicy: Cluster` or without a selector; else `namespace/selector`, since equal
    /// selectors of two namespaces select different pods.
    pub(crate) backend: Box<str>,
}

/// What a Service that agrees to share occupies on each of its addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    pub(crate) group: Arc<GroupKey>,
    /// Sorted, without duplicates.
    pub(crate) ports: Box<[Port]>,
}

impl Claim {
    /// The claim of a Service; none without a sharing key, since then it is alone on its addresses.
    pub(crate) fn of(facts: &ServiceFacts) -> Option<Self> {
        let sharing_key = &facts.request.sharing_key;
        if sharing_key.is_empty() {
            return None;
        }
        let backend = if facts.local_traffic_only && !facts.pod_selector.is_empty() {
            format!("{}/{}", facts.key.namespace, facts.pod_selector).into()
        } else {
            Box::default()
        };
        let mut ports = facts.ports.clone();
        ports.sort_unstable();
        ports.dedup();
        Some(Self {
            group: Arc::new(GroupKey {
                sharing_key: sharing_key.clone(),
                backend,
            }),
            ports: ports.into(),
        })
    }
}
