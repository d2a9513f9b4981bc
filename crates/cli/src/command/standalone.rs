//! `ferrolb standalone`: API server, controller and speaker in one process.
//!
//! The components talk to the embedded API server in memory; what listens is for `kubectl`.

mod api;
mod tls;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, bail, ensure};
use ferrolb_apiserver::ApiServer;
use ferrolb_driver::Stopwatch;
use ferrolb_kube::Client;
use ferrolb_telemetry::log::Format;
use serde_json::json;
use tokio::task::JoinSet;

use super::process::{Component as Shown, HealthFrom, Process, block_on, host_name};
use super::{controller, election, speaker, webhook};
use crate::args::{Component, StandaloneArgs, WebhookMode};

/// How logs and errors name it.
const NAME: &str = "standalone";
/// The namespace of an installation.
const DEFAULT_NAMESPACE: &str = "metallb-system";

pub(crate) fn run(mut args: StandaloneArgs) -> anyhow::Result<ExitCode> {
    api::check_exposure(&args)?;
    fill_in_defaults(&mut args)?;
    let bgp_mode = args.process.bgp_mode()?;
    // The embedded API server converts and checks by itself.
    let webhook_mode = args.webhook.mode(WebhookMode::Disabled)?;
    webhook::tls(&args.webhook)?;
    election::times(&args.election)?;
    if webhook_mode == WebhookMode::Only {
        args.components
            .retain(|component| *component != Component::Controller);
    }
    block_on(async {
        let watch = Stopwatch::start();
        let process = Process::start(NAME, &args.process, format())?;
        let mut parts = JoinSet::new();
        let client = match api::start(&args, &process, &mut parts).await? {
            Some(api) => {
                register_node(&api.server, &args)?;
                api.client(DEFAULT_NAMESPACE)
            }
            None => Process::connect(NAME, &args.process).await?,
        };
        let mut shown = start_components(&args, &process, &client, &mut parts)?;
        if webhook_mode != WebhookMode::Disabled {
            let webhook = webhook::set_up(&process, client, &args.webhook, bgp_mode).await?;
            shown.push(webhook::component(&webhook));
            parts.spawn(webhook.run(process.shutdown.clone()));
        }
        process
            .serve_admin(&args.process, HealthFrom::Loopback, shown)
            .await?;
        tracing::info!(op = "startup", took = ?watch.elapsed(), "everything is started");
        process.wait(parts).await
    })
}

/// A person reads a terminal, a program anything else.
fn format() -> Format {
    if std::io::IsTerminal::is_terminal(&std::io::stdout()) {
        Format::Text
    } else {
        Format::Json
    }
}

fn fill_in_defaults(args: &mut StandaloneArgs) -> anyhow::Result<()> {
    args.process
        .namespace
        .get_or_insert_with(|| DEFAULT_NAMESPACE.to_owned());
    if args.speaker.node_name.is_none() {
        let name = host_name().context("cannot read the host's name, use `--node-name`")?;
        args.speaker.node_name = Some(name.to_ascii_lowercase());
    }
    Ok(())
}

fn start_components(
    args: &StandaloneArgs,
    process: &Process,
    client: &Client,
    parts: &mut JoinSet<anyhow::Result<()>>,
) -> anyhow::Result<Vec<Shown>> {
    let class = &args.process.lb_class;
    let mut shown = Vec::new();
    if args.components.contains(&Component::Controller) {
        let election = election::of(&args.election, false, process)?;
        let client = client.clone();
        let controller = controller::set_up(process, client, class, args.strict_requests, election)?;
        shown.push(controller::component(&controller));
        parts.spawn(controller.run(process.shutdown.clone()));
    }
    if args.components.contains(&Component::Speaker) {
        let speaker = speaker::set_up(process, client.clone(), class, &args.speaker, &args.interfaces)?;
        shown.push(speaker::component(&speaker));
        parts.spawn(speaker.run(process.shutdown.clone()));
    }
    ensure!(
        !parts.is_empty(),
        "there is nothing to run: `--components` is empty"
    );
    Ok(shown)
}

/// As a kubelet does: without a Node object this node is no candidate.
fn register_node(api: &ApiServer, args: &StandaloneArgs) -> anyhow::Result<()> {
    let Some(name) = args
        .speaker
        .node_name
        .as_deref()
        .filter(|_| args.components.contains(&Component::Speaker))
    else {
        return Ok(());
    };
    let node = json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": { "name": name, "labels": { "kubernetes.io/hostname": name } },
    });
    match api.apply_manifest(node) {
        Ok(_) => Ok(()),
        Err(error) => bail!("cannot register node `{name}`: {error}"),
    }
}

/// The files that name the parts of TLS, both or none.
fn tls_files(args: &StandaloneArgs) -> Option<(&PathBuf, &PathBuf)> {
    args.tls_cert_file
        .as_ref()
        .zip(args.tls_private_key_file.as_ref())
}
