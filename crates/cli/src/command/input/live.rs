//! The objects of a cluster that matter, listed once.

use std::collections::BTreeSet;
use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use ferrolb_kube::client;
use indicatif::{ProgressBar, ProgressDrawTarget};
use kube::Client;
use serde_json::Value;

use crate::args::InputArgs;
use crate::command::process::block_on;
use crate::environment;
use crate::output;

/// Objects of one page.
const PAGE: usize = 500;
/// What lasts longer shows that it goes on.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long the API server may take for a page.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Collections that are listed, as `group version plural kind`; of Secrets only those that peers name are read.
const COLLECTIONS: &[(&str, &str, &str)] = &[
    ("apis/metallb.io/v1beta1", "ipaddresspools", "IPAddressPool"),
    ("apis/metallb.io/v1beta1", "l2advertisements", "L2Advertisement"),
    ("apis/metallb.io/v1beta1", "bgpadvertisements", "BGPAdvertisement"),
    ("apis/metallb.io/v1beta2", "bgppeers", "BGPPeer"),
    ("apis/metallb.io/v1beta1", "bfdprofiles", "BFDProfile"),
    ("apis/metallb.io/v1beta1", "communities", "Community"),
    ("api/v1", "namespaces", "Namespace"),
    ("api/v1", "nodes", "Node"),
    ("api/v1", "services", "Service"),
    ("apis/discovery.k8s.io/v1", "endpointslices", "EndpointSlice"),
];

/// Reads everything from the cluster of the current kubeconfig.
pub(super) fn read(args: &InputArgs) -> anyhow::Result<Vec<Value>> {
    let mut objects = Vec::new();
    block_on(async {
        objects = read_patiently(args).await.context(output::Unusable)?;
        Ok(ExitCode::SUCCESS)
    })?;
    Ok(objects)
}

/// Shows what is being read, once it takes long.
async fn read_patiently(args: &InputArgs) -> anyhow::Result<Vec<Value>> {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
    let work = read_all(args, &bar);
    tokio::pin!(work);
    tokio::select! {
        done = &mut work => return done,
        () = tokio::time::sleep(PATIENCE) => {}
    }
    if std::io::stderr().is_terminal() {
        bar.set_draw_target(ProgressDrawTarget::stderr());
        bar.enable_steady_tick(Duration::from_millis(100));
    }
    let done = work.await;
    bar.finish_and_clear();
    done
}

async fn read_all(args: &InputArgs, bar: &ProgressBar) -> anyhow::Result<Vec<Value>> {
    let source = client::Source {
        kubeconfig: args.kubeconfig.clone(),
        variable: environment::kubeconfig(),
        home: environment::home(),
    };
    let agent = format!("ferrolb-plan/{}", env!("CARGO_PKG_VERSION"));
    let client = client::connect(&source, &agent).await?;
    let mut objects = Vec::new();
    for (root, plural, kind) in COLLECTIONS {
        bar.set_message(format!("reading {plural}"));
        let listed = list(&client, root, plural, bar).await;
        let mut found = match listed {
            Err(kube::Error::Api(status)) if status.code == 404 => {
                output::say(format_args!("note: the cluster does not know {plural}"));
                continue;
            }
            other => other.with_context(|| format!("cannot list {plural} of the cluster"))?,
        };
        // Items of a list carry neither.
        let version = root.split_once('/').map_or("", |(_, version)| version);
        for object in &mut found {
            object["apiVersion"] = version.into();
            object["kind"] = (*kind).into();
        }
        objects.append(&mut found);
    }
    let secrets = secrets(&client, &objects, &args.namespace).await?;
    objects.extend(secrets);
    Ok(objects)
}

async fn list(
    client: &Client,
    root: &str,
    plural: &str,
    bar: &ProgressBar,
) -> Result<Vec<Value>, kube::Error> {
    let mut objects = Vec::new();
    let mut position = String::new();
    loop {
        let path = format!("/{root}/{plural}?limit={PAGE}{position}");
        let mut page = get(client, &path).await?;
        if let Value::Array(items) = page["items"].take() {
            objects.extend(items);
        }
        bar.set_message(format!("reading {plural}: {}", objects.len()));
        match page["metadata"]["continue"].as_str().unwrap_or_default() {
            "" => return Ok(objects),
            token => position = format!("&continue={}", escaped(token)),
        }
    }
}

/// The Secrets that peers name; one that may not be read is told and missing.
async fn secrets(client: &Client, objects: &[Value], namespace: &str) -> anyhow::Result<Vec<Value>> {
    let names: BTreeSet<&str> = objects
        .iter()
        .filter(|o| o["kind"] == "BGPPeer")
        .filter_map(|o| o["spec"]["passwordSecret"]["name"].as_str())
        .collect();
    let mut secrets = Vec::new();
    for name in names {
        let path = format!(
            "/api/v1/namespaces/{}/secrets/{}",
            escaped(namespace),
            escaped(name)
        );
        match get(client, &path).await {
            Ok(secret) => secrets.push(secret),
            Err(kube::Error::Api(status)) if status.code == 404 => {}
            Err(kube::Error::Api(status)) if status.code == 403 => {
                output::say(format_args!(
                    "note: Secret `{name}` may not be read, so its peer counts as one whose Secret is missing"
                ));
            }
            Err(error) => return Err(error).context(format!("cannot read Secret `{name}`")),
        }
    }
    Ok(secrets)
}

async fn get(client: &Client, path: &str) -> Result<Value, kube::Error> {
    let request = http::Request::get(path)
        .body(Vec::new())
        .map_err(kube::Error::HttpError)?;
    let answer = tokio::time::timeout(TIMEOUT, client.request(request)).await;
    answer.unwrap_or_else(|late| Err(kube::Error::Service(late.into())))
}

/// For a path or a query: everything but letters, digits, `-`, `.` and `_` in percent form.
fn escaped(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._".contains(&b);
    let escape = |b: u8| {
        if plain(b) {
            char::from(b).to_string()
        } else {
            format!("%{b:02X}")
        }
    };
    text.bytes().map(escape).collect()
}
