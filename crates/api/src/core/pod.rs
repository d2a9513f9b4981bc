//! Pod: labels and the address, by which speakers find each other.

use core::net::IpAddr;

use ferrolb_types::address::parse_address;
use serde::Deserialize;

use crate::ObjectMeta;
use crate::meta::{null_as_default, object};

/// A Pod.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Pod {
    /// Metadata.
    #[serde(deserialize_with = "null_as_default")]
    pub metadata: ObjectMeta,
    /// What the kubelet reports.
    #[serde(deserialize_with = "null_as_default")]
    pub status: PodStatus,
}

/// `status` of a [`Pod`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PodStatus {
    /// The primary address as text; empty until the pod has one.
    #[serde(rename = "podIP", deserialize_with = "null_as_default")]
    pub pod_ip: Box<str>,
}

impl Pod {
    /// The primary address, once there is one.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        parse_address(&self.status.pod_ip).ok()
    }
}

object!(Pod: "", "v1", "Pod", "pods", Namespaced);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::from_yaml;

    #[test]
    fn the_address_appears_with_the_status() {
        let pod: Pod = from_yaml("{metadata: {name: speaker-x}, status: {podIP: 192.0.2.7, phase: Running}}");
        assert_eq!(pod.address(), Some("192.0.2.7".parse().unwrap()));
        let starting: Pod = from_yaml("{metadata: {name: speaker-y}, status: null}");
        assert_eq!(starting.address(), None);
    }
}
