//! A thousand Services at once, and then one after another.

use std::time::Duration;

use anyhow::{Context as _, Result};
use ferrolb_bench::Distribution;
use ferrolb_bench::report::{Unit, measure, measure_all};
use ferrolb_driver::clock::Stopwatch;
use ferrolb_kube::Client;
use serde_json::Value;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use crate::lab::{Lab, creation, service, services};
use crate::plain::send;

const FEW: usize = 1_000;
const MANY: usize = 10_000;
/// 50 a second.
const PERIOD: Duration = Duration::from_millis(20);
/// For 20 seconds.
const SAMPLES: usize = 1_000;
/// A Service that is younger when the last one is created does not count as left behind.
const GRACE: Duration = Duration::from_millis(50);

pub(crate) fn serves_a_crowd_and_then_one_after_another(lab: &mut Lab<'_>) -> Result<()> {
    lab.create_pool("10.0.0.0/8")?;
    lab.create(services("crowd", FEW))?;
    let start = lab.clock.elapsed();
    let controller = lab.start_controller()?;
    lab.sight.wait_for(FEW)?;
    let (span, _) = lab.sight.span("crowd").context("no Service has an address")?;
    let all = lab.clock.elapsed() - start;
    measure("cluster/assign-1k", all.as_secs_f64(), "s");
    measure("cluster/assign-1k-first-to-last", span.as_secs_f64(), "s");
    let writes = lab.settled_writes()?;
    measure("cluster/assign-1k-cpu", controller.cpu_seconds()?, "s");
    writes.tell();
    measure(
        "cluster/status-writes-per-service",
        writes.most_to_one("services/status") as f64,
        "writes",
    );
    measure(
        "cluster/events-per-service",
        writes.most_to_one("events") as f64,
        "writes",
    );
    // The first one comes at once.
    let later = writes.to("ipaddresspools/status").saturating_sub(1);
    measure(
        "cluster/pool-writes",
        later as f64 / controller.age().as_secs_f64(),
        "writes/s",
    );

    one_after_another(lab, "beside-1k")?;
    let missing = MANY.saturating_sub(lab.sight.count());
    lab.create(services("fill", missing))?;
    lab.sight.wait_for(MANY)?;
    lab.settled_writes()?;
    measure("cluster/controller-resident", controller.resident_mib()?, "MiB");
    one_after_another(lab, "beside-10k")?;
    measure("cluster/controller-resident-peak", controller.peak_mib()?, "MiB");
    controller.stop()
}

/// Creates 50 Services a second for 20 seconds.
fn one_after_another(lab: &mut Lab<'_>, name: &str) -> Result<()> {
    let bodies: Vec<Value> = (0..SAMPLES).map(|n| service(&format!("{name}-{n}"))).collect();
    let (client, clock) = (lab.plain.client.clone(), lab.clock);
    let sent = lab.plain.run(create_at_rate(client, clock, bodies))??;
    let end = lab.clock.elapsed();
    let mut times = Vec::with_capacity(SAMPLES);
    let mut left_behind = 0;
    for (number, sent) in sent.into_iter().enumerate() {
        let seen = lab.sight.wait_for_one(&format!("{name}-{number}"))?;
        times.push(seen.saturating_sub(sent));
        left_behind += usize::from(sent + GRACE < end && seen > end);
    }
    let times = Distribution::of(times).context("no Service was created")?;
    measure_all(
        &format!("cluster/create-to-address-{name}"),
        &times,
        Unit::Milliseconds,
    );
    measure(&format!("cluster/backlog-{name}"), left_behind as f64, "Services");
    Ok(())
}

/// When each request was sent; returns when the last one is answered.
async fn create_at_rate(client: Client, clock: Stopwatch, bodies: Vec<Value>) -> Result<Vec<Duration>> {
    let mut ticks = interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut under_way = JoinSet::new();
    let mut sent = Vec::with_capacity(bodies.len());
    for body in bodies {
        ticks.tick().await;
        let (client, request) = (client.clone(), creation(&body)?);
        sent.push(clock.elapsed());
        under_way.spawn(async move { send(&client, request).await });
    }
    while let Some(ended) = under_way.join_next().await {
        ended??;
    }
    Ok(sent)
}
