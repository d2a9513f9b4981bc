//! How near the controller comes to what the API server takes.
//!
//! Two clients are beside it that decide nothing and write the same to as many Services, as the same user: one that only
//! writes, and one that also watches Services, as everybody must who is to hear of them. The API server sends each write
//! back to each watch, which costs it about a tenth of what the write does.

use std::sync::mpsc::channel;

use anyhow::{Context as _, Result};
use ferrolb_api::core::Service;
use ferrolb_bench::report::measure;
use ferrolb_kube::watch::{Change, Options, watch};
use futures::StreamExt as _;
use http::Method;
use serde_json::{Value, json};

use crate::lab::{Lab, SERVICES, services};
use crate::plain::{Plain, request};

const COUNT: usize = 5_000;
/// Before and after the controller, so that a server that becomes faster or slower with time favours nobody.
const PLAIN: usize = COUNT / 2;

pub(crate) fn keeps_up_with_a_plain_client(lab: &mut Lab<'_>) -> Result<()> {
    lab.create_pool("10.0.0.0/8")?;
    for prefix in ["plain1", "plain2", "watching1", "watching2"] {
        lab.create(services(prefix, PLAIN).map(of_another_class))?;
    }
    lab.create(services("bulk", COUNT))?;
    let before = [rate_of_plain(lab, "plain1")?, rate_of_watching(lab, "watching1")?];
    let own = rate_of_controller(lab)?;
    let after = [rate_of_watching(lab, "watching2")?, rate_of_plain(lab, "plain2")?];
    let plain = f64::midpoint(before[0], after[1]);
    let watching = f64::midpoint(before[1], after[0]);
    measure("cluster/assign-rate", own, "Services/s");
    measure("cluster/plain-rate", plain, "Services/s");
    measure("cluster/watching-rate", watching, "Services/s");
    measure("cluster/slower-than-plain", 100.0 * (1.0 - own / plain), "%");
    measure(
        "cluster/slower-than-watching",
        100.0 * (1.0 - own / watching),
        "%",
    );
    Ok(())
}

/// How many Services a second get an address from the controller.
fn rate_of_controller(lab: &mut Lab<'_>) -> Result<f64> {
    let (had, written) = (lab.sight.count(), lab.writes()?);
    let controller = lab.start_controller()?;
    lab.sight.wait_for(had + COUNT)?;
    let took = controller.cpu_seconds()?;
    lab.settled_writes()?.since(&written).tell();
    measure("cluster/assign-5k-cpu", took, "s");
    measure(
        "cluster/assign-5k-cpu-with-events",
        controller.cpu_seconds()?,
        "s",
    );
    controller.stop()?;
    rate(lab, "bulk")
}

/// The same of a client that only writes.
fn rate_of_plain(lab: &mut Lab<'_>, prefix: &str) -> Result<f64> {
    let client = client(lab)?;
    rate_of(&client, lab, prefix)
}

/// The same of a client that watches what it writes to.
fn rate_of_watching(lab: &mut Lab<'_>, prefix: &str) -> Result<f64> {
    let client = client(lab)?;
    let (listed, is_listed) = channel();
    let mut changes = watch::<Service>(client.client.clone(), Options::default());
    client.begin(async move {
        while let Some(change) = changes.next().await {
            if matches!(change, Change::Synced) && listed.send(()).is_err() {
                return;
            }
        }
    });
    is_listed.recv().context("Services cannot be listed")?;
    rate_of(&client, lab, prefix)
}

/// A client with the controller's rights.
fn client(lab: &Lab<'_>) -> Result<Plain> {
    let plane = &lab.cluster.plane;
    Plain::start(plane.namespace(), &plane.account_kubeconfig("controller")?)
}

/// Writes what the controller writes to all Services with this prefix, as fast as it goes.
fn rate_of(client: &Plain, lab: &mut Lab<'_>, prefix: &str) -> Result<f64> {
    let write = |number| {
        let status = json!({
            "metadata": { "annotations": { "metallb.io/ip-allocated-from-pool": "large" } },
            "status": { "loadBalancer": { "ingress": [{ "ip": "192.0.2.1" }] } } });
        request(
            Method::PATCH,
            &format!("{SERVICES}/{prefix}-{number}/status"),
            "application/merge-patch+json",
            &status,
        )
    };
    let had = lab.sight.count();
    client.send_all((0..PLAIN).map(write).collect::<Result<_>>()?)?;
    lab.sight.wait_for(had + PLAIN)?;
    rate(lab, prefix)
}

/// How many a second got an address, from the first to the last.
fn rate(lab: &mut Lab<'_>, prefix: &str) -> Result<f64> {
    let (span, count) = lab.sight.span(prefix).context("no Service has an address")?;
    Ok((count - 1) as f64 / span.as_secs_f64())
}

fn of_another_class(mut service: Value) -> Value {
    service["spec"]["loadBalancerClass"] = "example.com/plain".into();
    service
}
