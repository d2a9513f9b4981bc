//! `ferrolb controller`.

use std::process::ExitCode;

use ferrolb_controller::{Config, Controller, Telemetry};
use ferrolb_driver::clock;
use ferrolb_kube::Client;
use ferrolb_telemetry::log::Format;

use super::process::{Component, HealthFrom, Process, block_on, warn_unused};
use crate::args::ControllerArgs;

/// How logs, metrics and state name it.
pub(super) const NAME: &str = "controller";

pub(crate) fn run(args: &ControllerArgs) -> anyhow::Result<ExitCode> {
    args.process.bgp_mode()?;
    args.unused.check()?;
    block_on(async {
        let process = Process::start(NAME, &args.process, Format::Json)?;
        warn_unused(&args.unused.given());
        let client = Process::connect(NAME, &args.process).await?;
        let controller = set_up(&process, client, &args.process.lb_class, args.strict_requests)?;
        process
            .serve_admin(&args.process, HealthFrom::Anywhere, vec![component(&controller)])
            .await?;
        controller.run(process.shutdown.clone()).await?;
        Ok(ExitCode::SUCCESS)
    })
}

pub(super) fn set_up(
    process: &Process,
    client: Client,
    class: &str,
    strict_requests: bool,
) -> anyhow::Result<Controller> {
    let telemetry = Telemetry {
        registry: process.registry.clone(),
        client: process.client_metrics.clone(),
        clock: clock::wall,
    };
    let config = Config {
        namespace: process.namespace.clone(),
        class: class.into(),
        strict_requests,
        bgp_mode: process.bgp_mode,
        pod: process.pod.clone(),
    };
    Controller::new(config, client, &telemetry)
}

pub(super) fn component(controller: &Controller) -> Component {
    Component {
        name: NAME,
        readiness: controller.readiness(),
        state: controller.state(),
    }
}
