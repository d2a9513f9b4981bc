//! The cluster tier: what is promised, seen through a real API server, kubectl and kube-proxy.
//!
//! Needs root or a user namespace, and the programs that `make cluster` provides; prints a skip otherwise.

mod announce;
mod bad_input;
mod doctor;
mod essence;
mod leader;
mod outage;
mod plan;
mod requests;
mod roles;
mod rules;
mod schema;
mod webhook;
mod writes;

use std::net::IpAddr;

use anyhow::Result;
use ferrolb_tests_cluster::{Cluster, eventually};

/// The Service of `examples/`.
const WEB: &str = "web";

/// Applies `examples/`, gives its Service endpoints, and waits for its addresses.
fn apply_examples(cluster: &Cluster) -> Result<Vec<IpAddr>> {
    cluster.plane.kubectl.apply(&cluster.file("examples"))?;
    cluster.set_endpoints(WEB)?;
    eventually("the Service of the examples has both addresses", || {
        let addresses = cluster.plane.kubectl.addresses(WEB)?;
        anyhow::ensure!(addresses.len() == 2, "only {addresses:?}");
        Ok(addresses)
    })
}

/// Creates one more Service and waits for its address: what was asked of the controller before has been dealt with.
fn create_another(cluster: &Cluster, name: &str) -> Result<Vec<IpAddr>> {
    let kubectl = &cluster.plane.kubectl;
    kubectl.run(["create", "service", "loadbalancer", name, "--tcp=80:80"])?;
    eventually("the new Service has an address", || kubectl.addresses(name))
}
