//! From watches to inputs of the allocator.

use std::sync::Arc;

use ferrolb_api::core::{Namespace, Service};
use ferrolb_api::{Component, Kept, Object, Told, annotations};
use ferrolb_kube::configuration_state::stored_annotations;
use ferrolb_kube::connection::{Connection, Watches, concerns_kind_alone};
use ferrolb_kube::watch::{Change, Options, watch};
use ferrolb_kube::{Client, Error, configuration};
use ferrolb_telemetry::metrics::Counter;
use ferrolb_types::{NamespaceName, ObjectKey};
use futures::StreamExt;
use futures::stream::{self, BoxStream, select_all};
use tokio::sync::mpsc;

use crate::allocator::Input;
use crate::fences::MalformedFence;

/// What a watch reports, whatever its kind.
enum Report {
    Input(Input),
    Lost(&'static str, Arc<Error>),
    Found(&'static str),
    /// Nothing follows from it; it has been logged.
    Nothing,
}

/// How a kind becomes an input.
struct Translation<T> {
    applied: fn(T) -> Input,
    deleted: fn(ObjectKey) -> Input,
}

/// Watches everything that allocation depends on, until the allocator is gone.
pub(crate) async fn run(
    client: Client,
    namespace: NamespaceName,
    (updates, connection): (Counter, Connection),
    inputs: mpsc::Sender<Input>,
) {
    let mut streams = vec![services(client.clone()), namespaces(client.clone())];
    let configuration = configuration::watch_all(&client, &namespace);
    streams.extend(
        configuration
            .into_iter()
            .map(|watch| watch.map(Report::from).boxed()),
    );
    // Nothing is decided before it is known what an earlier process had accepted.
    let mut reports = stream::once(restored(client, namespace, connection.watches()))
        .chain(select_all(streams))
        .boxed();
    let mut watches = connection.watches();
    while let Some(report) = reports.next().await {
        let input = match report {
            Report::Lost(kind, error) => {
                watches.lost(kind, &error);
                concerns_kind_alone(&error).then_some(Input::LeftOut(kind))
            }
            Report::Found(kind) => {
                watches.found(kind);
                None
            }
            Report::Nothing => None,
            Report::Input(input) => Some(input),
        };
        let Some(input) = input else { continue };
        if counts(&input) {
            updates.increment();
        }
        if inputs.send(input).await.is_err() {
            return;
        }
    }
}

async fn restored(client: Client, namespace: NamespaceName, mut watches: Watches) -> Report {
    let stored = stored_annotations(&client, &namespace, &Component::Controller, &mut watches).await;
    Report::Input(Input::Restored {
        kept: Kept::decode(stored.get(annotations::LAST_ACCEPTED).unwrap_or_default()),
        told: Told::decode(stored.get(annotations::TOLD).unwrap_or_default()),
    })
}

/// What another leader has told by now.
pub(crate) async fn told(client: &Client, namespace: &NamespaceName, mut watches: Watches) -> Told {
    let stored = stored_annotations(client, namespace, &Component::Controller, &mut watches).await;
    Told::decode(stored.get(annotations::TOLD).unwrap_or_default())
}

/// What `metallb_k8s_client_updates_total` counts.
fn counts(input: &Input) -> bool {
    matches!(
        input,
        Input::ServiceApplied(_) | Input::ServiceDeleted(_) | Input::ConfigChanged { .. }
    )
}

fn services(client: Client) -> BoxStream<'static, Report> {
    let translation = Translation::<Service> {
        applied: |service| Input::ServiceApplied(Arc::new(service.observe())),
        deleted: Input::ServiceDeleted,
    };
    translated(client, Options::default(), translation)
}

fn namespaces(client: Client) -> BoxStream<'static, Report> {
    let translation = Translation::<Namespace> {
        applied: |namespace| {
            let malformed = namespace.problem().map(|problem| {
                let uid = namespace.metadata.uid.clone();
                Box::new(MalformedFence { uid, problem })
            });
            Input::NamespaceApplied(Box::new(namespace.observe()), malformed)
        },
        deleted: |key| Input::NamespaceDeleted(NamespaceName::new(key.name)),
    };
    translated(client, Options::default(), translation)
}

fn translated<T: Object>(
    client: Client,
    options: Options,
    translation: Translation<T>,
) -> BoxStream<'static, Report> {
    watch(client, options)
        .map(move |change| translation.report(change))
        .boxed()
}

impl<T: Object> Translation<T> {
    fn report(&self, change: Change<T>) -> Report {
        match change {
            Change::Applied(object) => Report::Input((self.applied)(object)),
            Change::Deleted(key) => Report::Input((self.deleted)(key)),
            Change::Synced => Report::Input(Input::Listed(T::KIND)),
            Change::Away { error } => Report::Lost(T::KIND, error),
            Change::Back => Report::Found(T::KIND),
            Change::Malformed { key, problem, .. } => {
                tracing::warn!(%key, %problem, "an object cannot be read; its last readable version counts on");
                Report::Nothing
            }
        }
    }
}

impl From<configuration::Report> for Report {
    fn from(report: configuration::Report) -> Self {
        match report {
            configuration::Report::Changed { uid, change } => {
                Self::Input(Input::ConfigChanged { uid, change })
            }
            configuration::Report::Listed(kind) => Self::Input(Input::Listed(kind)),
            configuration::Report::Lost(kind, error) => Self::Lost(kind, error),
            configuration::Report::Found(kind) => Self::Found(kind),
        }
    }
}
