//! A thousand Services at once, and then one after another.

use std::time::Duration;

use anyhow::{Context as _, Result};
use ferrolb_bench::Distribution;
use ferrolb_bench::report::{Unit, measure, measure_all};
use ferrolb_driver::clock::Stopwatch;
use ferrolb_kube::Client;
use serde_json::Value;
use tokio::time::{MissedTickBehavior, interval};

use crate::lab::{Lab, creation, services};
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
    controller.stop()?;
    // What the API server takes for the same without any controller.
    let requests = create_one_after_another(lab, "alone-beside-10k")?;
    tell_answers("alone-beside-10k", &requests)
}

/// Creates 50 Services a second for 20 seconds and tells when each had its address.
fn one_after_another(lab: &mut Lab<'_>, name: &str) -> Result<()> {
    let requests = create_one_after_another(lab, name)?;
    let end = lab.clock.elapsed();
    let (mut times, mut own) = (Vec::new(), Vec::new());
    let mut left_behind = 0;
    for (number, request) in requests.iter().enumerate() {
        let seen = lab.sight.wait_for_one(&format!("{name}-{number}"))?;
        times.push(seen.addressed.saturating_sub(request.sent));
        own.push(seen.addressed.saturating_sub(seen.created));
        left_behind += usize::from(request.sent + GRACE < end && seen.addressed > end);
    }
    tell(&format!("create-to-address-{name}"), times)?;
    tell(&format!("seen-to-address-{name}"), own)?;
    tell_answers(name, &requests)?;
    measure(&format!("cluster/backlog-{name}"), left_behind as f64, "Services");
    Ok(())
}

/// How long the API server took to answer.
fn tell_answers(name: &str, requests: &[Creation]) -> Result<()> {
    let times = requests.iter().map(|r| r.answered.saturating_sub(r.sent));
    tell(&format!("create-to-answer-{name}"), times.collect())
}

fn tell(what: &str, times: Vec<Duration>) -> Result<()> {
    let times = Distribution::of(times).context("no Service was created")?;
    measure_all(&format!("cluster/{what}"), &times, Unit::Milliseconds);
    Ok(())
}

/// When a creation was sent and when it was answered.
struct Creation {
    sent: Duration,
    answered: Duration,
}

/// Creates 50 Services a second for 20 seconds; returns when the last one is answered.
fn create_one_after_another(lab: &Lab<'_>, name: &str) -> Result<Vec<Creation>> {
    let bodies = services(name, SAMPLES).collect();
    let (client, clock) = (lab.plain.client.clone(), lab.clock);
    lab.plain.run(create_at_rate(client, clock, bodies))?
}

async fn create_at_rate(client: Client, clock: Stopwatch, bodies: Vec<Value>) -> Result<Vec<Creation>> {
    let mut ticks = interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut under_way = Vec::with_capacity(bodies.len());
    for body in bodies {
        ticks.tick().await;
        let (client, request) = (client.clone(), creation(&body)?);
        under_way.push(tokio::spawn(async move {
            let sent = clock.elapsed();
            send(&client, request).await?;
            let answered = clock.elapsed();
            anyhow::Ok(Creation { sent, answered })
        }));
    }
    let mut creations = Vec::with_capacity(under_way.len());
    for creation in under_way {
        creations.push(creation.await??);
    }
    Ok(creations)
}
