//! From watches to inputs of the allocator.

use std::sync::Arc;

use ferrolb_api::Object;
use ferrolb_api::core::{Namespace, Service};
use ferrolb_api::metallb::IpAddressPool;
use ferrolb_kube::watch::{Change, Options, watch};
use ferrolb_kube::{Client, Error};
use ferrolb_telemetry::metrics::Counter;
use ferrolb_types::{NamespaceName, ObjectKey};
use futures::StreamExt;
use futures::stream::{BoxStream, select_all};
use tokio::sync::mpsc;

use crate::allocator::{Input, Kind};
use crate::connection::Connection;

/// What a watch reports, whatever its kind.
enum Report {
    Input(Input),
    Lost(Kind, Arc<Error>),
    Found(Kind),
    /// Nothing follows from it; it has been logged.
    Nothing,
}

/// How a kind becomes an input.
struct Translation<T> {
    kind: Kind,
    applied: fn(T) -> Input,
    deleted: fn(ObjectKey) -> Input,
    /// None: the last readable version counts on.
    malformed: Option<fn(ObjectKey, Box<ferrolb_api::Problem>) -> Input>,
}

/// Watches everything that allocation depends on, until the allocator is gone.
pub(crate) async fn run(
    client: Client,
    namespace: NamespaceName,
    updates: Counter,
    inputs: mpsc::Sender<Input>,
) {
    let mut reports = select_all([
        services(client.clone()),
        namespaces(client.clone()),
        pools(client, namespace),
    ]);
    let mut connection = Connection::default();
    while let Some(report) = reports.next().await {
        match report {
            Report::Lost(kind, error) => connection.lost(kind, &error),
            Report::Found(kind) => connection.found(kind),
            Report::Nothing => {}
            Report::Input(input) => {
                if counts(&input) {
                    updates.increment();
                }
                if inputs.send(input).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// What `metallb_k8s_client_updates_total` counts.
fn counts(input: &Input) -> bool {
    !matches!(
        input,
        Input::Listed(_) | Input::NamespaceApplied(..) | Input::NamespaceDeleted(_)
    )
}

fn services(client: Client) -> BoxStream<'static, Report> {
    let translation = Translation::<Service> {
        kind: Kind::Service,
        applied: |service| Input::ServiceApplied(Arc::new(service.observe())),
        deleted: Input::ServiceDeleted,
        malformed: None,
    };
    translated(client, Options::default(), translation)
}

fn namespaces(client: Client) -> BoxStream<'static, Report> {
    let translation = Translation::<Namespace> {
        kind: Kind::Namespace,
        applied: |namespace| {
            Input::NamespaceApplied(
                NamespaceName::new(&*namespace.metadata.name),
                namespace.metadata.labels,
            )
        },
        deleted: |key| Input::NamespaceDeleted(NamespaceName::new(key.name)),
        malformed: None,
    };
    translated(client, Options::default(), translation)
}

fn pools(client: Client, namespace: NamespaceName) -> BoxStream<'static, Report> {
    let translation = Translation::<IpAddressPool> {
        kind: Kind::Pool,
        applied: |pool| Input::PoolApplied(Box::new(pool)),
        deleted: Input::PoolDeleted,
        malformed: Some(Input::PoolMalformed),
    };
    translated(client, Options::in_namespace(namespace), translation)
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
            Change::Synced => Report::Input(Input::Listed(self.kind)),
            Change::Away { error } => Report::Lost(self.kind, error),
            Change::Back => Report::Found(self.kind),
            Change::Malformed { key, problem } => match self.malformed {
                Some(malformed) => Report::Input(malformed(key, problem)),
                None => {
                    tracing::warn!(%key, %problem, "an object cannot be read; its last readable version counts on");
                    Report::Nothing
                }
            },
        }
    }
}
