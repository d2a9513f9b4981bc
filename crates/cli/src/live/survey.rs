//! Everything that `doctor` and `status` look at, as far as it may be read.

use std::collections::BTreeMap;

use ferrolb_api::core::{EndpointSlice, Lease, Namespace, Node, Pod, Service};
use ferrolb_api::metallb::{
    BfdProfile, BgpAdvertisement, BgpPeer, Community, ConfigurationState, IpAddressPool, L2Advertisement,
    ServiceBgpStatus, ServiceL2Status,
};
use ferrolb_diagnosis::cluster::Fetched;
use ferrolb_kube::Client;
use http::StatusCode;
use indicatif::ProgressBar;
use serde_json::Value;

use super::{Collection, Purpose, Reader, get, with_progress};

/// Labels of a release of the reference in whatever namespace: by its manifests, and by its chart.
const RELEASES: [&str; 2] = ["app%3Dmetallb", "app.kubernetes.io%2Fname%3Dmetallb"];

/// What a cluster holds.
#[derive(Debug, Default)]
pub(crate) struct Survey {
    /// With their kinds.
    pub(crate) objects: Vec<Value>,
    /// Kinds that could not be listed, as plurals, and why.
    pub(crate) unreadable: BTreeMap<&'static str, String>,
}

/// Lists everything; `namespace` is that of the configuration. Shows what is being read, once it takes long.
pub(crate) async fn survey(client: &Client, namespace: &str) -> anyhow::Result<Survey> {
    with_progress(|bar| async move { Ok(read(client, namespace, &bar).await) }).await
}

async fn read(client: &Client, namespace: &str, bar: &ProgressBar) -> Survey {
    let reader = Reader {
        client,
        namespace,
        purpose: Purpose::Explain,
        bar,
    };
    let mut survey = Survey::default();
    for collection in collections(namespace) {
        match reader.list(&collection).await {
            Ok(objects) => survey.objects.extend(objects),
            Err(error) => {
                survey.unreadable.insert(collection.plural, why(&error));
            }
        }
    }
    survey.add_other_releases(client, namespace).await;
    // One that may not be read is told, and counts as missing.
    if let Ok(secrets) = reader.secrets(&survey.objects).await {
        survey.objects.extend(secrets);
    }
    survey
}

fn collections(namespace: &str) -> Vec<Collection<'_>> {
    let own = Some(namespace);
    vec![
        Collection::of::<IpAddressPool>(own),
        Collection::of::<L2Advertisement>(own),
        Collection::of::<BgpAdvertisement>(own),
        Collection::of::<BgpPeer>(own),
        Collection::of::<BfdProfile>(own),
        Collection::of::<Community>(own),
        Collection::of::<ConfigurationState>(own),
        Collection::of::<ServiceL2Status>(own),
        Collection::of::<ServiceBgpStatus>(own),
        Collection::of::<Pod>(own),
        Collection::of::<Lease>(own),
        Collection::of::<Namespace>(None),
        Collection::of::<Node>(None),
        Collection::of::<Service>(None),
        Collection::of::<EndpointSlice>(None),
    ]
}

impl Survey {
    /// Pods of the reference elsewhere; whoever may not see them does not learn of them.
    async fn add_other_releases(&mut self, client: &Client, namespace: &str) {
        for labels in RELEASES {
            let Ok(mut page) = get(client, &format!("/api/v1/pods?limit=500&labelSelector={labels}")).await
            else {
                return;
            };
            let Some(Value::Array(pods)) = page.get_mut("items").map(Value::take) else {
                return;
            };
            for mut pod in pods
                .into_iter()
                .filter(|pod| pod["metadata"]["namespace"] != namespace)
            {
                pod["kind"] = "Pod".into();
                self.objects.push(pod);
            }
        }
    }
}

/// One object by its path.
pub(crate) async fn fetch(client: &Client, path: &str) -> Fetched {
    match get(client, path).await {
        Ok(object) => Fetched::Found(object),
        Err(kube::Error::Api(status)) if status.code == StatusCode::NOT_FOUND.as_u16() => Fetched::Missing,
        Err(error) => Fetched::Unknown(why(&error)),
    }
}

/// The cause, in one line.
pub(crate) fn why(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) if status.code == StatusCode::NOT_FOUND.as_u16() => {
            "the cluster does not know this kind".to_owned()
        }
        kube::Error::Api(status) => status.message.clone(),
        other => {
            let mut text = other.to_string();
            let mut cause = std::error::Error::source(other);
            while let Some(next) = cause {
                text = format!("{text}: {next}");
                cause = next.source();
            }
            text
        }
    }
}
