//! The objects of a running cluster that matter, listed once.
//!
//! ```text
//!   plan, check --live   configuration of every namespace; what may not be read is an error
//!   explain svc/NAME     configuration of one namespace, status objects, speaker pods, Leases; what may not be read is left out
//!   doctor, status       the same and more; what may not be read is told
//! ```

mod survey;

use std::collections::BTreeSet;
use std::io::IsTerminal as _;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use ferrolb_api::Object;
use ferrolb_api::core::{EndpointSlice, Lease, Namespace, Node, Pod, Secret, Service};
use ferrolb_api::metallb::{
    BfdProfile, BgpAdvertisement, BgpPeer, Community, IpAddressPool, L2Advertisement, ServiceBgpStatus,
    ServiceL2Status,
};
use ferrolb_kube::{Client, client};
use ferrolb_types::NodeName;
use http::StatusCode;
use indicatif::{ProgressBar, ProgressDrawTarget};
use serde_json::Value;

pub(crate) use survey::{Survey, fetch, survey, why};

use crate::{environment, output};

/// Objects of one page; the API server tells how to get the next ones.
const PAGE: usize = 500;
/// What lasts longer shows that it goes on.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long the API server may take for a page.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Labels by which manifests and chart of the reference name a component.
const COMPONENT_LABELS: [&str; 2] = ["component", "app.kubernetes.io/component"];

/// What the objects are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To compute what everybody would get. Configuration in other namespaces is wanted, to be told that it does not count.
    Plan,
    /// To say why one Service stands where it stands, as far as the user may know.
    Explain,
}

/// A client for the cluster that the flag, the environment or the home directory name.
pub(crate) async fn connect(kubeconfig: Option<&Path>) -> anyhow::Result<Client> {
    let source = client::Source {
        kubeconfig: kubeconfig.map(Path::to_owned),
        variable: environment::kubeconfig(),
        home: environment::home(),
    };
    let agent = format!("ferrolb/{}", env!("CARGO_PKG_VERSION"));
    Ok(client::connect(&source, &agent).await?)
}

/// Reads the objects, each with its kind; Secrets and pods from `namespace` only. A kind that the cluster does not know is
/// noted on standard error. Shows what is being read, once it takes long.
pub(crate) async fn read(client: &Client, namespace: &str, purpose: Purpose) -> anyhow::Result<Vec<Value>> {
    let read = |bar| async move {
        let reader = Reader {
            client,
            namespace,
            purpose,
            bar: &bar,
        };
        reader.read().await
    };
    with_progress(read).await
}

/// Carries out `work`, and shows its bar once that takes long.
async fn with_progress<T, F>(work: impl FnOnce(ProgressBar) -> F) -> anyhow::Result<T>
where
    F: Future<Output = anyhow::Result<T>>,
{
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
    let work = work(bar.clone());
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

/// Nodes of ready speaker pods among `objects`; none if no speaker runs as a pod, or pods may not be read.
pub(crate) fn speakers(objects: &[Value]) -> Option<BTreeSet<NodeName>> {
    let pods: Vec<&Value> = objects.iter().filter(|object| is_speaker(object)).collect();
    let ready = pods.iter().filter(|pod| is_ready(pod));
    let nodes = ready.filter_map(|pod| pod.pointer("/spec/nodeName")?.as_str());
    (!pods.is_empty()).then(|| nodes.map(NodeName::from).collect())
}

/// Objects of one kind, of one namespace or of all.
struct Collection<'a> {
    version: String,
    kind: &'static str,
    plural: &'static str,
    is_core: bool,
    namespace: Option<&'a str>,
}

impl<'a> Collection<'a> {
    fn of<T: Object>(namespace: Option<&'a str>) -> Self {
        Self {
            version: T::api_version(),
            kind: T::KIND,
            plural: T::PLURAL,
            is_core: T::GROUP.is_empty(),
            namespace,
        }
    }

    fn path(&self) -> String {
        let root = if self.is_core { "/api" } else { "/apis" };
        let (version, plural) = (&self.version, self.plural);
        match self.namespace {
            None => format!("{root}/{version}/{plural}"),
            Some(namespace) => format!("{root}/{version}/namespaces/{}/{plural}", escaped(namespace)),
        }
    }

    /// Items of a list carry neither kind nor version.
    fn complete(&self, object: &mut Value) {
        object["apiVersion"] = self.version.as_str().into();
        object["kind"] = self.kind.into();
    }
}

/// One reading.
struct Reader<'a> {
    client: &'a Client,
    namespace: &'a str,
    purpose: Purpose,
    bar: &'a ProgressBar,
}

impl<'a> Reader<'a> {
    async fn read(self) -> anyhow::Result<Vec<Value>> {
        let mut objects = Vec::new();
        for collection in self.collections() {
            objects.extend(self.collect(&collection).await?);
        }
        let secrets = self.secrets(&objects).await?;
        objects.extend(secrets);
        Ok(objects)
    }

    fn collections(&self) -> Vec<Collection<'a>> {
        let own = Some(self.namespace);
        let configured = own.filter(|_| self.purpose == Purpose::Explain);
        let mut wanted = vec![
            Collection::of::<IpAddressPool>(configured),
            Collection::of::<L2Advertisement>(configured),
            Collection::of::<BgpAdvertisement>(configured),
            Collection::of::<BgpPeer>(configured),
            Collection::of::<BfdProfile>(configured),
            Collection::of::<Community>(configured),
            Collection::of::<Namespace>(None),
            Collection::of::<Node>(None),
            Collection::of::<Service>(None),
            Collection::of::<EndpointSlice>(None),
        ];
        if self.purpose == Purpose::Explain {
            wanted.push(Collection::of::<ServiceL2Status>(own));
            wanted.push(Collection::of::<ServiceBgpStatus>(own));
            wanted.push(Collection::of::<Pod>(own));
            wanted.push(Collection::of::<Lease>(own));
        }
        wanted
    }

    async fn collect(&self, collection: &Collection<'_>) -> anyhow::Result<Vec<Value>> {
        let plural = collection.plural;
        self.bar.set_message(format!("reading {plural}"));
        match self.list(collection).await {
            Err(kube::Error::Api(status)) if status.code == StatusCode::NOT_FOUND.as_u16() => {
                note(format_args!("the cluster does not know {plural}"));
                Ok(Vec::new())
            }
            Err(kube::Error::Api(status)) if self.may_do_without(status.code) => {
                let message = &status.message;
                note(format_args!(
                    "{plural} may not be read, so they do not count here: {message}"
                ));
                Ok(Vec::new())
            }
            other => other.with_context(|| format!("cannot list {plural} of the cluster")),
        }
    }

    fn may_do_without(&self, status: u16) -> bool {
        self.purpose == Purpose::Explain && status == StatusCode::FORBIDDEN.as_u16()
    }

    async fn list(&self, collection: &Collection<'_>) -> Result<Vec<Value>, kube::Error> {
        let mut objects = Vec::new();
        let mut position = String::new();
        loop {
            let path = format!("{}?limit={PAGE}{position}", collection.path());
            let mut page = get(self.client, &path).await?;
            if let Value::Array(items) = page["items"].take() {
                objects.extend(items);
            }
            self.bar
                .set_message(format!("reading {}: {}", collection.plural, objects.len()));
            match page["metadata"]["continue"].as_str().unwrap_or_default() {
                "" => break,
                token => position = format!("&continue={}", escaped(token)),
            }
        }
        objects.iter_mut().for_each(|object| collection.complete(object));
        Ok(objects)
    }

    /// The Secrets that peers name: nobody else's passwords are of interest. One that may not be read is told and missing.
    async fn secrets(&self, objects: &[Value]) -> anyhow::Result<Vec<Value>> {
        let peers = objects.iter().filter(|object| object["kind"] == BgpPeer::KIND);
        let names: BTreeSet<&str> = peers
            .filter_map(|peer| peer["spec"]["passwordSecret"]["name"].as_str())
            .filter(|name| !name.is_empty())
            .collect();
        let mut secrets = Vec::new();
        for name in names {
            let collection = Collection::of::<Secret>(Some(self.namespace));
            match get(self.client, &format!("{}/{}", collection.path(), escaped(name))).await {
                Ok(secret) => secrets.push(secret),
                Err(kube::Error::Api(status)) if status.code == StatusCode::NOT_FOUND.as_u16() => {}
                Err(kube::Error::Api(status)) if status.code == StatusCode::FORBIDDEN.as_u16() => {
                    note(format_args!(
                        "Secret `{name}` may not be read, so its peer counts as one whose Secret is missing"
                    ));
                }
                Err(error) => return Err(error).context(format!("cannot read Secret `{name}`")),
            }
        }
        Ok(secrets)
    }
}

/// As [`get`], of what is not JSON.
pub(crate) async fn get_text(client: &Client, path: &str) -> Result<String, kube::Error> {
    let request = http::Request::get(path)
        .body(Vec::new())
        .map_err(kube::Error::HttpError)?;
    let answer = tokio::time::timeout(TIMEOUT, client.request_text(request)).await;
    answer.unwrap_or_else(|late| Err(kube::Error::Service(late.into())))
}

pub(crate) async fn get(client: &Client, path: &str) -> Result<Value, kube::Error> {
    let request = http::Request::get(path)
        .body(Vec::new())
        .map_err(kube::Error::HttpError)?;
    let answer = tokio::time::timeout(TIMEOUT, client.request(request)).await;
    answer.unwrap_or_else(|late| Err(kube::Error::Service(late.into())))
}

/// The API server's time, in seconds since 1970, from the `Date` of an answer (RFC 9110 6.6.1).
pub(crate) async fn time(client: &Client) -> Option<i64> {
    let request = http::Request::get("/version").body(kube::client::Body::empty());
    let answer = tokio::time::timeout(TIMEOUT, client.send(request.ok()?)).await;
    let response = answer.ok()?.ok()?;
    seconds(response.headers().get(http::header::DATE)?.to_str().ok()?)
}

fn seconds(date: &str) -> Option<i64> {
    Some(jiff::fmt::rfc2822::parse(date).ok()?.timestamp().as_second())
}

/// Posts `object`, as reviews are asked for.
pub(crate) async fn post(client: &Client, path: &str, object: &Value) -> Result<Value, kube::Error> {
    let request = http::Request::post(path)
        .header(http::header::CONTENT_TYPE, "application/json")
        .body(object.to_string().into_bytes())
        .map_err(kube::Error::HttpError)?;
    let answer = tokio::time::timeout(TIMEOUT, client.request(request)).await;
    answer.unwrap_or_else(|late| Err(kube::Error::Service(late.into())))
}

fn note(text: impl std::fmt::Display) {
    output::say(format_args!("note: {text}"));
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

fn is_speaker(object: &Value) -> bool {
    let label = |key: &&str| object["metadata"]["labels"][*key] == "speaker";
    object["kind"] == Pod::KIND && COMPONENT_LABELS.iter().any(label)
}

fn is_ready(pod: &Value) -> bool {
    let conditions = pod.pointer("/status/conditions").and_then(Value::as_array);
    let ready = |condition: &Value| condition["type"] == "Ready" && condition["status"] == "True";
    conditions.is_some_and(|conditions| conditions.iter().any(ready))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn nodes_with_a_ready_speaker_pod_have_a_speaker() {
        let object = |kind: &str, label: &str, node: &str, ready: &str| {
            json!({ "kind": kind, "metadata": { "labels": { label: "speaker" } }, "spec": { "nodeName": node },
                    "status": { "conditions": [{ "type": "Ready", "status": ready }] } })
        };
        let objects = [
            object("Pod", "component", "n1", "True"),
            object("Pod", "app.kubernetes.io/component", "n2", "True"),
            object("Pod", "component", "n3", "False"),
            object("Pod", "role", "n4", "True"),
            object("Service", "component", "n5", "True"),
        ];
        assert_eq!(speakers(&objects), Some(["n1", "n2"].map(NodeName::from).into()));
    }

    #[test]
    fn without_speaker_pods_nothing_is_known() {
        let pod = json!({ "kind": "Pod", "metadata": { "name": "web" } });
        assert_eq!(speakers(&[pod]), None);
    }

    #[test]
    fn the_path_of_a_collection_follows_from_its_kind() {
        let own = Collection::of::<IpAddressPool>(Some("lb"));
        assert_eq!(
            own.path(),
            "/apis/metallb.io/v1beta1/namespaces/lb/ipaddresspools"
        );
        let all = Collection::of::<BgpPeer>(None);
        assert_eq!(all.path(), "/apis/metallb.io/v1beta2/bgppeers");
        assert_eq!(Collection::of::<Service>(None).path(), "/api/v1/services");
    }

    #[test]
    fn the_date_of_an_answer_is_read() {
        assert_eq!(
            seconds("Sun, 06 Nov 1994 08:49:37 GMT"),
            Some(784_111_777),
            "RFC 9110 5.6.7"
        );
        assert_eq!(seconds("tomorrow"), None);
    }

    #[test]
    fn a_name_cannot_leave_its_place_in_a_path() {
        assert_eq!(escaped("a-b.c_1"), "a-b.c_1");
        assert_eq!(escaped("../x?y=ä"), "..%2Fx%3Fy%3D%C3%A4");
    }
}
