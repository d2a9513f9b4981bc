//! A full pool: one Service goes, the next one gets its address.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use ferrolb_bench::Distribution;
use ferrolb_bench::report::{Unit, measure, measure_all};
use http::Method;
use serde_json::json;

use crate::lab::{Lab, SERVICES, services};
use crate::plain::request;

const POOL: &str = "10.0.0.0/20";
const ADDRESSES: usize = 4_096;
const WAITING: usize = 200;
const ROUNDS: usize = 20;

pub(crate) fn serves_the_next_one(lab: &mut Lab<'_>) -> Result<()> {
    lab.create_pool(POOL)?;
    lab.create(services("holder", ADDRESSES))?;
    let controller = lab.start_controller()?;
    lab.sight.wait_for(ADDRESSES)?;
    lab.create(services("waiter", WAITING))?;
    lab.settled_writes()?;
    ensure!(lab.sight.count() == ADDRESSES, "the pool holds more than it has");
    let (mut times, mut most) = (Vec::new(), 0);
    for round in 0..ROUNDS {
        let (time, writes) = release(lab, &format!("holder-{round}"))?;
        times.push(time);
        most = most.max(writes);
    }
    let times = Distribution::of(times).context("nothing was released")?;
    measure_all("cluster/release-to-next", &times, Unit::Milliseconds);
    measure("cluster/writes-per-release", most as f64, "writes");
    controller.stop()
}

/// From the request that deletes this Service until another one has its address; and what was written for it.
fn release(lab: &mut Lab<'_>, name: &str) -> Result<(Duration, usize)> {
    let before = lab.writes()?;
    let deletion = request(
        Method::DELETE,
        &format!("{SERVICES}/{name}"),
        "application/json",
        &json!({}),
    )?;
    let start = lab.clock.elapsed();
    lab.plain.send_all(vec![deletion])?;
    let (next, seen) = lab.sight.wait_for_another()?;
    ensure!(next.starts_with("waiter-"), "`{next}` got an address that it had");
    let writes = lab.settled_writes()?.since(&before);
    writes.tell();
    Ok((seen.addressed.saturating_sub(start), writes.0.len()))
}
