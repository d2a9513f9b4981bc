//! `ferrolb controller`.

use std::process::ExitCode;

use ferrolb_controller::{Config, Controller, ElectionConfig, Telemetry, gossip_key};
use ferrolb_driver::clock;
use ferrolb_kube::Client;
use ferrolb_kube::configuration_state::{Identity, keep_placeholder};
use ferrolb_telemetry::log::Format;
use tokio::task::JoinSet;

use super::election;
use super::process::{Component, HealthFrom, Process, block_on, warn_unused};
use super::webhook;
use crate::args::{ControllerArgs, WebhookMode};

/// How logs, metrics and state name it.
pub(super) const NAME: &str = "controller";

pub(crate) fn run(args: &ControllerArgs) -> anyhow::Result<ExitCode> {
    let bgp_mode = args.process.bgp_mode()?;
    let mode = args.webhook.mode(WebhookMode::Enabled)?;
    webhook::tls(&args.webhook)?;
    election::times(&args.election)?;
    block_on(async {
        let process = Process::start(NAME, &args.process, Format::Json)?;
        warn_unused(&args.unused.given());
        let client = Process::connect(NAME, &args.process).await?;
        let (mut parts, mut shown) = (JoinSet::new(), Vec::new());
        if mode != WebhookMode::Disabled {
            let webhook = webhook::set_up(&process, client.clone(), &args.webhook, bgp_mode).await?;
            shown.push(webhook::component(&webhook));
            parts.spawn(webhook.run(process.shutdown.clone()));
        }
        ensure_gossip_key(args, &process, &client).await?;
        if mode == WebhookMode::Only {
            parts.spawn(stand_in(&process, client));
        } else {
            let election = election::of(&args.election, true, &process)?;
            let class = &args.process.lb_class;
            let controller = set_up(&process, client, class, args.strict_requests, election)?;
            shown.push(component(&controller));
            parts.spawn(controller.run(process.shutdown.clone()));
        }
        process
            .serve_admin(&args.process, HealthFrom::Anywhere, shown)
            .await?;
        process.wait(parts).await
    })
}

/// Without a controller nothing judges the configuration, which its ConfigurationState says, unless another process does.
fn stand_in(process: &Process, client: Client) -> impl Future<Output = anyhow::Result<()>> + Send + use<> {
    let identity = Identity {
        component: ferrolb_api::Component::Controller,
        namespace: process.namespace.clone(),
        pod: process.pod.clone(),
    };
    let (watches, shutdown) = (process.connection.watches(), process.shutdown.clone());
    async move {
        let placeholder = keep_placeholder(client, identity, watches);
        shutdown.run_until_cancelled(placeholder).await;
        Ok(())
    }
}

async fn ensure_gossip_key(args: &ControllerArgs, process: &Process, client: &Client) -> anyhow::Result<()> {
    let given = |value: &'_ Option<String>| value.clone().filter(|text| !text.is_empty());
    match given(&args.ml_secret_name) {
        Some(name) => {
            let owner = given(&args.deployment);
            gossip_key::ensure(client, &process.namespace, &name, owner.as_deref()).await
        }
        None => Ok(()),
    }
}

pub(super) fn set_up(
    process: &Process,
    client: Client,
    class: &str,
    strict_requests: bool,
    election: Option<ElectionConfig>,
) -> anyhow::Result<Controller> {
    let telemetry = Telemetry {
        registry: process.registry.clone(),
        client: process.client_metrics.clone(),
        clock: clock::wall,
        connection: process.connection.clone(),
    };
    let config = Config {
        namespace: process.namespace.clone(),
        class: class.into(),
        strict_requests,
        bgp_mode: process.bgp_mode,
        pod: process.pod.clone(),
        election,
    };
    Controller::new(config, client, &telemetry)
}

pub(super) fn component(controller: &Controller) -> Component {
    Component {
        name: NAME,
        readiness: controller.readiness(),
        state: Some(controller.state()),
    }
}
