//! IPAddressPool: addresses to hand out.

use serde::{Deserialize, Serialize};

use super::LabelSelector;
use crate::ObjectMeta;
use crate::meta::{null_as_default, object};

/// Addresses that Services may get.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct IpAddressPool {
    /// Metadata.
    #[serde(deserialize_with = "null_as_default")]
    pub metadata: ObjectMeta,
    /// What the admin wrote.
    #[serde(deserialize_with = "null_as_default")]
    pub spec: IpAddressPoolSpec,
    /// What the controller counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<IpAddressPoolStatus>,
}

/// `spec` of an [`IpAddressPool`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct IpAddressPoolSpec {
    /// Prefixes and ranges, in the order in which they are handed out.
    #[serde(deserialize_with = "null_as_default")]
    pub addresses: Vec<String>,
    /// Whether Services get them without asking; absent means yes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auto_assign: Option<bool>,
    /// Whether to leave out IPv4 addresses that end in `.0` or `.255`; absent means no.
    #[serde(rename = "avoidBuggyIPs", skip_serializing_if = "Option::is_none")]
    pub avoid_buggy_ips: Option<bool>,
    /// Who may use it. Absent and empty differ (api-and-config 3.3).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_allocation: Option<ServiceAllocation>,
}

/// `spec.serviceAllocation` of an [`IpAddressPool`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ServiceAllocation {
    /// 1 is tried first, larger later, 0 or absent last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<i64>,
    /// Namespaces by name.
    #[serde(deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    pub namespaces: Vec<String>,
    /// Namespaces by label.
    #[serde(deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    pub namespace_selectors: Vec<LabelSelector>,
    /// Services by label.
    #[serde(deserialize_with = "null_as_default", skip_serializing_if = "Vec::is_empty")]
    pub service_selectors: Vec<LabelSelector>,
}

/// `status` of an [`IpAddressPool`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct IpAddressPoolStatus {
    /// IPv4 addresses in use.
    #[serde(rename = "assignedIPv4")]
    pub assigned_ipv4: i64,
    /// IPv6 addresses in use.
    #[serde(rename = "assignedIPv6")]
    pub assigned_ipv6: i64,
    /// IPv4 addresses left.
    #[serde(rename = "availableIPv4")]
    pub available_ipv4: i64,
    /// IPv6 addresses left.
    #[serde(rename = "availableIPv6")]
    pub available_ipv6: i64,
}

object!(IpAddressPool: "metallb.io", "v1beta1", "IPAddressPool", "ipaddresspools", Namespaced);
