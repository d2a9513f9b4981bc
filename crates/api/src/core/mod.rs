//! Slim forms of the core objects: every field only as far as it is read.
//!
//! They accept whatever an API server or a manifest holds: unknown fields are skipped, `null` is like absent. They are
//! for reading only; what is written back starts from the full object or is a patch.

mod config_map;
mod deployment;
mod endpoint_slice;
mod lease;
mod namespace;
mod node;
mod pod;
mod secret;
mod service;

pub use config_map::ConfigMap;
pub use deployment::Deployment;
pub use endpoint_slice::{Conditions, Endpoint, EndpointSlice};
pub use lease::{Lease, LeaseSpec};
pub use namespace::Namespace;
pub use node::{Node, NodeAddress, NodeCondition, NodeSpec, NodeStatus, Taint};
pub use pod::{Pod, PodStatus};
pub use secret::{BASIC_AUTH, Secret};
pub use service::{
    LoadBalancerIngress, LoadBalancerStatus, Service, ServicePort, ServiceSpec, ServiceStatus,
};

#[cfg(test)]
fn from_yaml<T: serde::de::DeserializeOwned>(text: &str) -> T {
    serde_saphyr::from_str(text).unwrap()
}
