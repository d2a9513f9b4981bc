//! The controller starts beside 10,000 Services that have their addresses.

use anyhow::Result;
use ferrolb_bench::report::measure;

use crate::lab::{Lab, Writes, service, services};

const COUNT: usize = 10_000;
/// Created while no controller runs.
const NEW: &str = "new";

pub(crate) fn adopts_ten_thousand(lab: &mut Lab<'_>) -> Result<()> {
    lab.create_pool("10.0.0.0/8")?;
    lab.create(services("old", COUNT))?;
    let controller = lab.start_controller()?;
    lab.sight.wait_for(COUNT)?;
    measure("cluster/assign-10k", controller.age().as_secs_f64(), "s");
    lab.settled_writes()?.tell();
    controller.stop()?;
    with_nothing_new(lab)?;
    with_a_new_one(lab)
}

fn with_nothing_new(lab: &Lab<'_>) -> Result<()> {
    let before = lab.settled_writes()?;
    let mut controller = lab.start_controller()?;
    let namespace = lab.cluster.plane.namespace();
    let served = controller.wait_until_metrics(namespace)?;
    measure("cluster/start-to-metrics", served.as_secs_f64() * 1e3, "ms");
    let ready = controller.wait_until_ready(namespace)?;
    measure("cluster/ready-after-restart", ready.as_secs_f64(), "s");
    let writes = lab.settled_writes()?.since(&before);
    writes.tell();
    measure("cluster/writes-on-restart", writes.0.len() as f64, "writes");
    measure("cluster/cpu-of-restart", controller.cpu_seconds()?, "s");
    measure(
        "cluster/controller-resident-after-restart",
        controller.resident_mib()?,
        "MiB",
    );
    controller.stop()
}

fn with_a_new_one(lab: &mut Lab<'_>) -> Result<()> {
    lab.create([service(NEW)])?;
    let before = lab.settled_writes()?;
    let start = lab.clock.elapsed();
    let controller = lab.start_controller()?;
    let seen = lab.sight.wait_for_one(NEW)?.addressed;
    measure("cluster/start-to-address", (seen - start).as_secs_f64(), "s");
    let writes = lab.settled_writes()?.since(&before);
    writes.tell();
    measure(
        "cluster/writes-for-old-ones",
        for_others(&writes) as f64,
        "writes",
    );
    controller.stop()
}

/// Neither status and event of the new Service nor the counters of its pool.
fn for_others(writes: &Writes) -> usize {
    let is_for_new = |object: &str| {
        let name = object.rsplit('/').next().unwrap_or_default();
        name == NEW || name.starts_with("new.")
    };
    let others = writes
        .0
        .iter()
        .filter(|w| w.resource != "ipaddresspools/status" && !is_for_new(&w.object));
    others.count()
}
