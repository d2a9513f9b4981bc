//! The controller beside 10,000 Services on a real API server: memory, writes, and time.
//!
//! `make bench` runs it; it needs what the cluster tier needs.

use std::time::Instant;

use anyhow::Result;
use ferrolb_tests_cluster::{Cluster, Program, Roles, eventually};
use serde_json::{Value, json};

const SERVICES: usize = 10_000;

const POOL: &str = "
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {name: large, namespace: metallb-system}
spec: {addresses: [10.0.0.0/8]}
";

fn main() -> Result<()> {
    Cluster::run(Roles::Shipped, |cluster| {
        cluster.plane.kubectl.apply_text(POOL)?;
        cluster
            .plane
            .create_many("/api/v1/namespaces/default/services", (0..SERVICES).map(service))?;
        let controller = first_start(cluster)?;
        controller.stop()?;
        restart(cluster)
    })
}

/// All Services are waiting when the controller comes.
fn first_start(cluster: &Cluster) -> Result<Program> {
    let start = now();
    let controller = cluster.start_controller()?;
    wait_for_writes(cluster, SERVICES)?;
    println!(
        "measure cluster/assign-10k {:.1} s",
        start.elapsed().as_secs_f64()
    );
    println!(
        "measure cluster/controller-resident {:.1} MiB",
        controller.resident_mib()?
    );
    create_probe(cluster)?;
    let per_service = status_writes(cluster)? as f64 / (SERVICES + 1) as f64;
    println!("measure cluster/writes-per-service {per_service} writes");
    Ok(controller)
}

/// All Services have their addresses when the controller comes.
fn restart(cluster: &Cluster) -> Result<()> {
    let before = status_writes(cluster)?;
    let controller = cluster.start_controller()?;
    cluster
        .plane
        .create_many("/api/v1/namespaces/default/services", [named("last")])?;
    eventually("the last Service has an address", || {
        cluster.plane.kubectl.addresses("last")
    })?;
    println!(
        "measure cluster/writes-on-restart {} writes",
        status_writes(cluster)? - before - 1
    );
    println!(
        "measure cluster/controller-resident-after-restart {:.1} MiB",
        controller.resident_mib()?
    );
    Ok(())
}

/// Once a later Service has its address, nothing is left to be written for the earlier ones.
fn create_probe(cluster: &Cluster) -> Result<()> {
    cluster
        .plane
        .create_many("/api/v1/namespaces/default/services", [named("probe")])?;
    eventually("the probe has an address", || {
        cluster.plane.kubectl.addresses("probe")
    })?;
    Ok(())
}

/// As long as the count goes on, so does the patience.
fn wait_for_writes(cluster: &Cluster, wanted: usize) -> Result<()> {
    let mut seen = 0;
    while seen < wanted {
        seen = eventually("more Services have an address", || {
            let count = status_writes(cluster)?;
            anyhow::ensure!(count > seen, "{count} of {wanted}");
            Ok(count)
        })?;
    }
    Ok(())
}

fn status_writes(cluster: &Cluster) -> Result<usize> {
    let writes = cluster.plane.audit.writes_of("controller")?;
    Ok(writes
        .iter()
        .filter(|request| request.resource == "services/status")
        .count())
}

fn service(number: usize) -> Value {
    named(&format!("service-{number}"))
}

/// Without node ports, of which there are fewer than Services.
fn named(name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service", "metadata": { "name": name },
        "spec": { "type": "LoadBalancer", "allocateLoadBalancerNodePorts": false, "ports": [{ "port": 80 }] } })
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
fn now() -> Instant {
    Instant::now()
}
