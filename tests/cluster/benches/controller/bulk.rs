//! How near the controller comes to what the API server takes.

use std::time::Duration;

use anyhow::{Context as _, Result};
use ferrolb_bench::report::measure;
use http::Method;
use serde_json::{Value, json};

use crate::lab::{Lab, SERVICES, services};
use crate::plain::request;

const COUNT: usize = 5_000;
/// Before and after the controller, so that a server that becomes faster or slower with time favours nobody.
const PLAIN: usize = COUNT / 2;

pub(crate) fn keeps_up_with_a_plain_client(lab: &mut Lab<'_>) -> Result<()> {
    lab.create_pool("10.0.0.0/8")?;
    lab.create(services("plain1", PLAIN).map(of_another_class))?;
    lab.create(services("plain2", PLAIN).map(of_another_class))?;
    lab.create(services("bulk", COUNT))?;
    let before = plain(lab, "plain1")?;
    let controller = lab.start_controller()?;
    lab.sight.wait_for(PLAIN + COUNT)?;
    let (span, count) = span(lab, "bulk")?;
    let took = controller.cpu_seconds()?;
    lab.settled_writes()?.tell();
    measure("cluster/assign-5k-cpu", took, "s");
    measure(
        "cluster/assign-5k-cpu-with-events",
        controller.cpu_seconds()?,
        "s",
    );
    controller.stop()?;
    let after = plain(lab, "plain2")?;
    let (rate, plain) = (rate(span, count), f64::midpoint(before, after));
    measure("cluster/assign-rate", rate, "Services/s");
    measure("cluster/plain-rate", plain, "Services/s");
    measure("cluster/slower-than-plain", 100.0 * (1.0 - rate / plain), "%");
    Ok(())
}

/// Writes the status of all Services with this prefix as fast as it goes; how many a second.
fn plain(lab: &mut Lab<'_>, prefix: &str) -> Result<f64> {
    let write = |number| {
        let status = json!({ "status": { "loadBalancer": { "ingress": [{ "ip": "192.0.2.1" }] } } });
        request(
            Method::PATCH,
            &format!("{SERVICES}/{prefix}-{number}/status"),
            "application/merge-patch+json",
            &status,
        )
    };
    let have = lab.sight.count();
    lab.plain
        .send_all((0..PLAIN).map(write).collect::<Result<_>>()?)?;
    lab.sight.wait_for(have + PLAIN)?;
    let (span, count) = span(lab, prefix)?;
    Ok(rate(span, count))
}

fn span(lab: &mut Lab<'_>, prefix: &str) -> Result<(Duration, usize)> {
    lab.sight.span(prefix).context("no Service has an address")
}

/// From the first to the last.
fn rate(span: Duration, count: usize) -> f64 {
    (count - 1) as f64 / span.as_secs_f64()
}

fn of_another_class(mut service: Value) -> Value {
    service["spec"]["loadBalancerClass"] = "example.com/plain".into();
    service
}
