//! The ConfigurationState of a component: what it reports, and what it must find again when it starts.
//!
//! ```text
//!   wanted ──(latest counts)──▶ Writer ──apply metadata, apply status──▶ API server
//!                                 ▲                                          │
//!                                 └── watch of the one object ◀──────────────┘  deleted or edited: written again
//! ```
//!
//! Nothing is written that stands there already, so an unchanged configuration costs nothing, also over restarts. The
//! object belongs to the component's Pod and goes with it, except while it holds annotations: what must be found by the
//! next Pod has no owner.

mod owner;
mod placeholder;
mod writer;

use std::collections::BTreeMap;

use core::time::Duration;
use ferrolb_api::metallb::ConfigurationState;
use ferrolb_api::{Alert, Component, Object, Reason, Verdict};
use ferrolb_types::{Labels, NamespaceName, ObjectKey};
use kube::Client;
use kube::api::GetParams;
use tokio::sync::watch;

use crate::backoff::Backoff;
use crate::connection::{Watches, concerns_kind_alone};
use crate::request::{UNREADY_ATTEMPTS, is_server_ready, path, send, unbuildable};
use crate::{Error, WallClock};

pub(crate) use owner::find as own_pod;
pub use placeholder::keep_placeholder;
pub use writer::Writer;

/// What is to stand in the object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// What is reported.
    pub verdict: Verdict,
    /// What the next process must find; empty texts are left out.
    pub annotations: BTreeMap<&'static str, String>,
}

/// What the writer goes by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Report {
    /// None until the configuration is known; nothing is written before.
    wanted: Option<Wanted>,
    /// By kind.
    alerts: BTreeMap<&'static str, Alert>,
}

/// Takes what is wanted to the writer; the latest counts.
#[derive(Clone, Debug)]
pub struct Reporter(watch::Sender<Report>);

impl Reporter {
    /// Never waits.
    pub fn want(&self, wanted: Wanted) {
        self.0.send_if_modified(|present| {
            let differs = present.wanted.as_ref() != Some(&wanted);
            present.wanted = Some(wanted);
            differs
        });
    }

    /// That `alert` stands, in the place of an earlier one of its kind. Never waits.
    pub fn raise(&self, alert: Alert) {
        self.0.send_if_modified(|present| {
            let kind = alert.kind.word();
            let differs = present.alerts.get(kind) != Some(&alert);
            present.alerts.insert(kind, alert);
            differs
        });
    }

    /// That there is nothing of this kind any more. Never waits.
    pub fn clear(&self, kind: Reason) {
        self.0
            .send_if_modified(|present| present.alerts.remove(kind.word()).is_some());
    }
}

/// Whose object it is and where.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Which component reports.
    pub component: Component,
    /// The namespace of the objects that configure.
    pub namespace: NamespaceName,
    /// The own Pod, if the process knows it (`--pod-name`).
    pub pod: Option<Box<str>>,
}

/// A reporter and the writer behind it, which is to be run once and has one watch.
#[must_use]
pub fn reporter(
    client: Client,
    identity: Identity,
    clock: WallClock,
    watches: Watches,
) -> (Reporter, Writer) {
    let (sender, report) = watch::channel(Report::default());
    let writer = Writer::new(client, identity, (clock, watches), report);
    (Reporter(sender), writer)
}

/// The annotations that an earlier process of this component left; none if there is no such object or it may not be
/// read. An API server that is away is waited for, and so is one that has just started: it refuses everything until it
/// has read the roles, and a record that is passed over then would be lost.
pub async fn stored_annotations(
    client: &Client,
    namespace: &NamespaceName,
    component: &Component,
    watches: &mut Watches,
) -> Labels {
    let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5));
    let mut attempts = 0;
    // Only what was refused after the server had been ready is refused for good.
    let mut is_ready = false;
    loop {
        match read(client, namespace, component).await {
            Ok(state) => {
                watches.found(ConfigurationState::KIND);
                return state.metadata.annotations;
            }
            Err(error) if concerns_kind_alone(&error) && (is_ready || attempts == UNREADY_ATTEMPTS) => {
                watches.found(ConfigurationState::KIND);
                tracing::debug!(op = "startup", %error, "no record of an earlier process");
                return Labels::default();
            }
            Err(error) if concerns_kind_alone(&error) => {
                is_ready = is_server_ready(client).await;
                if !is_ready {
                    attempts += 1;
                    tokio::time::sleep(backoff.pause()).await;
                }
            }
            Err(error) => {
                watches.lost(ConfigurationState::KIND, &error);
                tokio::time::sleep(backoff.pause()).await;
            }
        }
    }
}

async fn read(
    client: &Client,
    namespace: &NamespaceName,
    component: &Component,
) -> Result<ConfigurationState, Error> {
    let requests = kube::core::Request::new(path::<ConfigurationState>(namespace.as_str()));
    let request = requests
        .get(&component.object_name(), &GetParams::default())
        .map_err(unbuildable)?;
    let text = send(client, request).await?;
    Ok(serde_json::from_str(&text)?)
}

/// `metadata.name=NAME`, for a watch of one object.
fn only(name: &str) -> Option<String> {
    Some(format!("metadata.name={name}"))
}

/// Type and name, as every applied object begins.
fn head(identity: &Identity) -> serde_json::Value {
    serde_json::json!({
        "apiVersion": ConfigurationState::api_version(),
        "kind": ConfigurationState::KIND,
        "metadata": { "name": identity.component.object_name(), "namespace": identity.namespace.as_str() },
    })
}

fn labels(identity: &Identity) -> serde_json::Value {
    let labels: BTreeMap<&str, &str> = identity.component.labels().into_iter().collect();
    serde_json::json!(labels)
}

fn key(identity: &Identity) -> ObjectKey {
    ObjectKey::new(identity.namespace.clone(), &*identity.component.object_name())
}
