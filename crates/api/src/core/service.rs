//! Service: what is asked for and what the status holds.

use std::collections::BTreeMap;

use ferrolb_types::address::parse_address;
use ferrolb_types::{IpFamily, Labels};
use serde::Deserialize;

use crate::ObjectMeta;
use crate::annotations as key;
use crate::facts::{FamilyPolicy, Ingress, Port, Protocol, Request, RequestCondition, ServiceFacts};
use crate::meta::{null_as_default, object};
use crate::metallb::Condition;

/// A Service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Service {
    /// Metadata.
    #[serde(deserialize_with = "null_as_default")]
    pub metadata: ObjectMeta,
    /// What is wanted.
    #[serde(deserialize_with = "null_as_default")]
    pub spec: ServiceSpec,
    /// What it has.
    #[serde(deserialize_with = "null_as_default")]
    pub status: ServiceStatus,
}

/// `spec` of a [`Service`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ServiceSpec {
    /// The type; empty means `ClusterIP`.
    #[serde(rename = "type", deserialize_with = "null_as_default")]
    pub kind: Box<str>,
    /// Which load balancer is meant.
    pub load_balancer_class: Option<Box<str>>,
    /// The address asked for, the deprecated way.
    #[serde(rename = "loadBalancerIP", deserialize_with = "null_as_default")]
    pub load_balancer_ip: Box<str>,
    /// The primary cluster address, `None` for headless.
    #[serde(rename = "clusterIP", deserialize_with = "null_as_default")]
    pub cluster_ip: Box<str>,
    /// All cluster addresses.
    #[serde(rename = "clusterIPs", deserialize_with = "null_as_default")]
    pub cluster_ips: Vec<Box<str>>,
    /// One family or two.
    #[serde(deserialize_with = "null_as_default")]
    pub ip_family_policy: FamilyPolicy,
    /// The families, preferred first.
    #[serde(deserialize_with = "null_as_default")]
    pub ip_families: Vec<IpFamily>,
    /// The ports.
    #[serde(deserialize_with = "null_as_default")]
    pub ports: Vec<ServicePort>,
    /// `Local` or `Cluster`; empty means `Cluster`.
    #[serde(deserialize_with = "null_as_default")]
    pub external_traffic_policy: Box<str>,
    /// Which pods serve it.
    #[serde(deserialize_with = "null_as_default")]
    pub selector: BTreeMap<Box<str>, Box<str>>,
}

/// One of [`ServiceSpec::ports`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct ServicePort {
    /// The transport protocol.
    #[serde(deserialize_with = "null_as_default")]
    pub protocol: Protocol,
    /// The port on the Service's address.
    pub port: u16,
}

/// `status` of a [`Service`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ServiceStatus {
    /// What a load balancer gave it.
    #[serde(deserialize_with = "null_as_default")]
    pub load_balancer: LoadBalancerStatus,
    /// What controllers report about it.
    #[serde(deserialize_with = "null_as_default")]
    pub conditions: Vec<Condition>,
}

impl ServiceStatus {
    fn request_condition(&self) -> Option<Box<RequestCondition>> {
        let own = |condition: &&Condition| condition.kind == RequestCondition::TYPE;
        let condition = self.conditions.iter().find(own)?;
        Some(Box::new(RequestCondition {
            status: condition.status.as_str().into(),
            reason: condition.reason.as_str().into(),
            message: condition.message.as_str().into(),
            observed_generation: condition.observed_generation.unwrap_or_default(),
        }))
    }
}

/// `status.loadBalancer` of a [`Service`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct LoadBalancerStatus {
    /// Where it can be reached.
    #[serde(deserialize_with = "null_as_default")]
    pub ingress: Vec<LoadBalancerIngress>,
}

/// One of [`LoadBalancerStatus::ingress`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct LoadBalancerIngress {
    /// The address, if reached by address.
    #[serde(deserialize_with = "null_as_default")]
    pub ip: Box<str>,
    /// The name, if reached by name.
    #[serde(deserialize_with = "null_as_default")]
    pub hostname: Box<str>,
}

impl LoadBalancerIngress {
    fn observe(&self) -> Ingress {
        if self.ip.is_empty() {
            return Ingress::Hostname(self.hostname.clone());
        }
        match parse_address(&self.ip) {
            Ok(addr) => Ingress::Address(addr),
            Err(_) => Ingress::Malformed(self.ip.clone()),
        }
    }
}

impl Service {
    /// Reduces the object to what decisions need.
    #[must_use]
    pub fn observe(&self) -> ServiceFacts {
        let (meta, spec) = (&self.metadata, &self.spec);
        ServiceFacts {
            key: meta.key(),
            uid: meta.uid.clone(),
            resource_version: meta.resource_version.clone(),
            created_at: meta.creation_timestamp.clone(),
            generation: meta.generation,
            labels: meta.labels.clone(),
            is_load_balancer: &*spec.kind == "LoadBalancer",
            class: spec.load_balancer_class.clone(),
            cluster_ips: spec.cluster_addresses(),
            family_policy: spec.ip_family_policy,
            families: spec.ip_families.clone(),
            ports: spec
                .ports
                .iter()
                .map(|p| Port {
                    protocol: p.protocol,
                    number: p.port,
                })
                .collect(),
            local_traffic_only: &*spec.external_traffic_policy == "Local",
            pod_selector: canonical(&spec.selector),
            request: request(&meta.annotations, spec),
            deprecated_annotations: deprecated(&meta.annotations),
            ingress: self
                .status
                .load_balancer
                .ingress
                .iter()
                .map(LoadBalancerIngress::observe)
                .collect(),
            pool_annotation: meta.annotations.get(key::IP_ALLOCATED_FROM_POOL).map(Into::into),
            request_condition: self.status.request_condition(),
        }
    }
}

impl ServiceSpec {
    /// `clusterIPs`, else `clusterIP` (api-and-config 2.2).
    fn cluster_addresses(&self) -> Vec<Box<str>> {
        if self.cluster_ips.is_empty() && !self.cluster_ip.is_empty() {
            vec![self.cluster_ip.clone()]
        } else {
            self.cluster_ips.clone()
        }
    }
}

/// `k=v` sorted by key, joined by commas.
fn canonical(selector: &BTreeMap<Box<str>, Box<str>>) -> Box<str> {
    let pairs: Vec<String> = selector.iter().map(|(k, v)| format!("{k}={v}")).collect();
    pairs.join(",").into()
}

fn request(annotations: &Labels, spec: &ServiceSpec) -> Request {
    let pool = [
        key::ADDRESS_POOL,
        key::DEPRECATED_ADDRESS_POOL,
        key::DEPRECATED_IP_ALLOCATED_FROM_POOL,
    ];
    let addresses = [key::LOAD_BALANCER_IPS, key::DEPRECATED_LOAD_BALANCER_IPS];
    let sharing = [key::ALLOW_SHARED_IP, key::DEPRECATED_ALLOW_SHARED_IP];
    Request {
        pool: first_present(annotations, &pool).unwrap_or_default().into(),
        addresses: first_present(annotations, &addresses).unwrap_or_default().into(),
        load_balancer_ip: spec.load_balancer_ip.clone(),
        sharing_key: first_present(annotations, &sharing).unwrap_or_default().into(),
        has_sharing_annotation: first_present(annotations, &sharing).is_some(),
        reserve_as: annotations.get(key::RESERVE_AS).unwrap_or_default().into(),
    }
}

/// A key that is present wins over those after it, even when its value is empty (api-and-config 2.1).
fn first_present<'a>(annotations: &'a Labels, keys: &[&str]) -> Option<&'a str> {
    keys.iter().find_map(|key| annotations.get(key))
}

fn deprecated(annotations: &Labels) -> Vec<Box<str>> {
    let keys = annotations.iter().map(|(key, _)| key);
    keys.filter(|k| k.starts_with(key::DEPRECATED_PREFIX))
        .map(Into::into)
        .collect()
}

object!(Service: "", "v1", "Service", "services", Namespaced);

#[cfg(test)]
mod tests;
