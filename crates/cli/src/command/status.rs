//! `ferrolb status`: how things stand.

mod text;

use std::collections::BTreeMap;
use std::process::ExitCode;

use anyhow::Context as _;
use ferrolb_api::Object as _;
use ferrolb_api::core::Pod;
use ferrolb_diagnosis::cluster::component_of;
use ferrolb_diagnosis::roles::Process;
use ferrolb_diagnosis::status::{Sources, Speaker, Status};
use ferrolb_kube::Client;
use futures::stream::{self, StreamExt as _};
use serde_json::Value;

use super::process::block_on;
use crate::args::{StatusArgs, StatusFormat};
use crate::live::{self, Survey};
use crate::output::{self, Format};

/// Speakers that are asked at a time.
const QUESTIONS: usize = 16;
/// Where metrics are served, by the name that manifests give the port.
const METRICS_PORT: &str = "monitoring";
/// What it is otherwise.
const DEFAULT_PORT: u64 = 7472;

pub(crate) fn run(args: &StatusArgs) -> anyhow::Result<ExitCode> {
    block_on(async {
        let client = live::connect(args.cluster.kubeconfig.as_deref()).await?;
        live::get(&client, "/version")
            .await
            .context("the API server does not answer")?;
        let survey = live::survey(&client, &args.cluster.namespace).await?;
        let options = args.cluster.options(live::speakers(&survey.objects));
        let sources = Sources {
            speakers: speakers(&client, &survey, &args.cluster.namespace).await,
            lease: args.leader_elect_resource_name.clone(),
            now: live::time(&client).await,
            objects: survey.objects,
            unreadable: survey.unreadable,
        };
        let status = Status::of(&sources, &options);
        let (format, is_wide) = match args.output {
            StatusFormat::Text => (Format::Text, false),
            StatusFormat::Wide => (Format::Text, true),
            StatusFormat::Json => (Format::Json, false),
            StatusFormat::Yaml => (Format::Yaml, false),
        };
        output::print_as(format, &status, |status| text::render(status, is_wide))?;
        Ok(ExitCode::SUCCESS)
    })
}

/// Asks the speakers for their metrics, through the API server: with a kubeconfig alone there is no other way to them.
async fn speakers(
    client: &Client,
    survey: &Survey,
    namespace: &str,
) -> BTreeMap<String, Result<Speaker, String>> {
    let pods = survey.objects.iter().filter(|object| object["kind"] == Pod::KIND);
    let speakers = pods
        .filter(|pod| {
            pod["metadata"]["namespace"] == namespace && component_of(pod) == Some(Process::Speaker)
        })
        .filter_map(|pod| Some((pod["spec"]["nodeName"].as_str()?.to_owned(), metrics_path(pod)?)));
    let questions = speakers.map(|(node, path)| async move {
        let answer = live::get_text(client, &path).await;
        (
            node,
            answer
                .map(|text| Speaker::read(&text))
                .map_err(|error| live::why(&error)),
        )
    });
    stream::iter(questions)
        .buffer_unordered(QUESTIONS)
        .collect()
        .await
}

fn metrics_path(pod: &Value) -> Option<String> {
    let (namespace, name) = (
        pod["metadata"]["namespace"].as_str()?,
        pod["metadata"]["name"].as_str()?,
    );
    let ports = pod["spec"]["containers"].as_array().into_iter().flatten();
    let mut ports = ports
        .filter_map(|container| container["ports"].as_array())
        .flatten();
    let port = ports
        .find(|port| port["name"] == METRICS_PORT)
        .and_then(|port| port["containerPort"].as_u64());
    let port = port.unwrap_or(DEFAULT_PORT);
    Some(format!(
        "/api/v1/namespaces/{namespace}/pods/{name}:{port}/proxy/metrics"
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_speaker_is_asked_on_the_port_of_its_metrics() {
        let mut pod =
            json!({ "metadata": { "namespace": "lb", "name": "speaker-x" }, "spec": { "containers": [{}] } });
        let path = |pod: &Value| metrics_path(pod).unwrap_or_default();
        assert_eq!(
            path(&pod),
            "/api/v1/namespaces/lb/pods/speaker-x:7472/proxy/metrics"
        );
        pod["spec"]["containers"] = json!([{ "ports": [{ "name": "memberlist-tcp", "containerPort": 7946 },
                                                        { "name": "monitoring", "containerPort": 7999 }] }]);
        assert_eq!(
            path(&pod),
            "/api/v1/namespaces/lb/pods/speaker-x:7999/proxy/metrics"
        );
    }
}
