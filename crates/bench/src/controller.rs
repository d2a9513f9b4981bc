//! The controller beside 10,000 Services.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Result, ensure};
use ferrolb_apiserver::Request;
use ferrolb_netio::Namespace;
use ferrolb_tests_netns::wait::until_within;

use crate::cluster::Cluster;
use crate::objects;
use crate::program::Program;
use crate::report::{Progress, measure, say};

const SERVICES: u32 = 10_000;
/// Hundred times what an idle machine needs.
const PATIENCE: Duration = Duration::from_secs(300);

/// All Services wait when it comes; then all have their addresses when it comes again.
pub(crate) fn assigns_ten_thousand_services_and_restarts() -> Result<()> {
    let host = Namespace::new()?;
    let cluster = Cluster::start(&host)?;
    cluster.fill("Services created", SERVICES, |n| {
        objects::service(&objects::name(n))
    })?;
    first_start(&host, &cluster)?;
    restart(&host, &cluster)
}

fn first_start(host: &Namespace, cluster: &Cluster) -> Result<()> {
    let mut controller = start(host, cluster)?;
    let ready = controller.wait_until_ready(host)?;
    let mut progress = Progress::new("Services have an address", SERVICES as usize);
    for number in 0..SERVICES {
        wait_for_address(cluster, &mut controller, &objects::name(number))?;
        progress.at(number as usize);
    }
    measure("controller/ready", ready.as_secs_f64(), "s");
    measure("controller/assign-10k", controller.age().as_secs_f64(), "s");
    settle(cluster, &mut controller, "probe")?;
    measure("controller/resident", controller.resident_mib()?, "MiB");
    measure("controller/resident-peak", controller.peak_mib()?, "MiB");
    measure("controller/cpu", controller.cpu_seconds()?, "s");
    let writes = service_writes(cluster, "probe");
    let (least, most) = (0..SERVICES)
        .map(|number| writes.get(&objects::name(number)).copied().unwrap_or(0))
        .fold((usize::MAX, 0), |(least, most), n| (least.min(n), most.max(n)));
    ensure!(least > 0, "a Service has an address that nobody wrote");
    measure("controller/writes-per-service", most as f64, "writes");
    tell_writes(cluster);
    controller.stop()
}

fn restart(host: &Namespace, cluster: &Cluster) -> Result<()> {
    cluster.api.clear_requests();
    let mut controller = start(host, cluster)?;
    let ready = controller.wait_until_ready(host)?;
    measure("controller/ready-after-restart", ready.as_secs_f64(), "s");
    // Whatever it is, there is nothing to be written now; later only the Service that is new then is.
    let early = cluster.api.writes().len();
    settle(cluster, &mut controller, "last")?;
    let writes = early + service_writes(cluster, "last").values().sum::<usize>();
    measure("controller/writes-on-restart", writes as f64, "writes");
    measure(
        "controller/resident-after-restart",
        controller.resident_mib()?,
        "MiB",
    );
    measure("controller/cpu-of-restart", controller.cpu_seconds()?, "s");
    tell_writes(cluster);
    controller.stop()
}

fn start(host: &Namespace, cluster: &Cluster) -> Result<Program> {
    Program::start(
        host,
        cluster.kubeconfig(),
        &["controller", "--leader-elect=false"],
    )
}

/// Once a later Service has its address, everything is decided about the earlier ones.
fn settle(cluster: &Cluster, controller: &mut Program, name: &str) -> Result<()> {
    cluster.api.create(objects::service(name))?;
    wait_for_address(cluster, controller, name)
}

fn wait_for_address(cluster: &Cluster, controller: &mut Program, name: &str) -> Result<()> {
    if cluster.is_assigned(name) {
        return Ok(());
    }
    until_within(PATIENCE, &format!("Service `{name}` gets an address"), || {
        controller.check()?;
        Ok(cluster.is_assigned(name).then_some(()))
    })
}

/// Writes to each Service, whatever part of it, but for the Service named `except`.
fn service_writes(cluster: &Cluster, except: &str) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    let writes = cluster.api.writes().into_iter();
    for write in writes.filter(|w| w.resource == "services" && w.name != except) {
        *counts.entry(write.name).or_default() += 1;
    }
    counts
}

/// All writes by what was written, events included.
fn tell_writes(cluster: &Cluster) {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for Request {
        verb,
        resource,
        subresource,
        status,
        ..
    } in cluster.api.writes()
    {
        *counts
            .entry(format!("{verb:?} {resource}/{subresource} {status}"))
            .or_default() += 1;
    }
    say(format_args!("  writes: {counts:?}"));
}
