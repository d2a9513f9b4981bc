//! Lease: who may write, of several.

use serde::Deserialize;

use crate::ObjectMeta;
use crate::meta::{null_as_default, object};

/// A Lease of `coordination.k8s.io`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Lease {
    /// Metadata.
    #[serde(deserialize_with = "null_as_default")]
    pub metadata: ObjectMeta,
    /// Who holds it and for how long.
    #[serde(deserialize_with = "null_as_default")]
    pub spec: LeaseSpec,
}

/// `spec` of a [`Lease`]. Times are RFC 3339 in microseconds, by the clock of whoever wrote them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LeaseSpec {
    /// Who holds it; empty: nobody.
    #[serde(deserialize_with = "null_as_default")]
    pub holder_identity: Box<str>,
    /// How long others wait after the last renewal; 0 where it is absent.
    #[serde(deserialize_with = "null_as_default")]
    pub lease_duration_seconds: i32,
    /// When the holder got it.
    #[serde(deserialize_with = "null_as_default")]
    pub acquire_time: Box<str>,
    /// When the holder renewed it last.
    #[serde(deserialize_with = "null_as_default")]
    pub renew_time: Box<str>,
    /// How often it changed hands.
    #[serde(deserialize_with = "null_as_default")]
    pub lease_transitions: i32,
}

object!(Lease: "coordination.k8s.io", "v1", "Lease", "leases", Namespaced);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::from_yaml;

    #[test]
    fn a_lease_that_was_given_back_has_no_holder() {
        let lease: Lease = from_yaml(
            "{metadata: {name: a}, spec: {holderIdentity: null, leaseDurationSeconds: 1, renewTime: '2026-01-01T00:00:00.000000Z'}}",
        );
        assert_eq!(
            (&*lease.spec.holder_identity, lease.spec.lease_duration_seconds),
            ("", 1)
        );
        assert_eq!(&*lease.spec.renew_time, "2026-01-01T00:00:00.000000Z");
    }
}
