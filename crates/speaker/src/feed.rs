//! Everything that is watched, as inputs of the planner.
//!
//! ```text
//!   Service, EndpointSlice, Node ──observe──▶ facts ──────────────────────────────────┐
//!   the six kinds that configure ──▶ Resolver ──settle (per batch), if it differs──▶ Config ──▶ plan::Input
//! ```

use std::sync::Arc;

use ferrolb_api::core::{EndpointSlice, Node, Service};
use ferrolb_api::metallb::{
    BfdProfile, BgpAdvertisement, BgpPeer, Community, IpAddressPool, L2Advertisement,
};
use ferrolb_api::{Object, Problem, Resolver, Rules};
use ferrolb_kube::configuration::{self, Report};
use ferrolb_kube::connection::{Connection, concerns_kind_alone};
use ferrolb_kube::watch::{Change, Options, watch};
use ferrolb_kube::{Client, Error};
use ferrolb_plan::Input;
use ferrolb_types::{NamespaceName, NodeName};
use futures::stream::{BoxStream, SelectAll, StreamExt as _, select_all};

/// One change of one kind.
pub(crate) enum Message {
    Service(Change<Service>),
    Slice(Change<EndpointSlice>),
    Node(Change<Node>),
    Config(Report),
}

impl Message {
    /// Whether it is about an object, which `metallb_k8s_client_updates_total` counts.
    pub(crate) const fn is_update(&self) -> bool {
        match self {
            Self::Service(change) => is_update(change),
            Self::Slice(change) => is_update(change),
            Self::Node(change) => is_update(change),
            Self::Config(report) => matches!(report, Report::Changed { .. }),
        }
    }
}

const fn is_update<T>(change: &Change<T>) -> bool {
    matches!(
        change,
        Change::Applied(_) | Change::Deleted(_) | Change::Malformed { .. }
    )
}

/// The kinds that must have been listed before anything is decided.
const REQUIRED: [&str; 5] = [
    Service::KIND,
    EndpointSlice::KIND,
    Node::KIND,
    IpAddressPool::KIND,
    L2Advertisement::KIND,
];

/// Kinds that are waited for, too, unless they cannot be had: layer 2 does without them.
const OPTIONAL: [&str; 4] = [
    BgpAdvertisement::KIND,
    BgpPeer::KIND,
    BfdProfile::KIND,
    Community::KIND,
];

/// All watches of a speaker.
pub(crate) fn open(client: &Client, namespace: &NamespaceName) -> SelectAll<BoxStream<'static, Message>> {
    let all = Options::default;
    let mut watches = vec![
        watch(client.clone(), all()).map(Message::Node).boxed(),
        watch(client.clone(), all()).map(Message::Slice).boxed(),
        watch(client.clone(), all()).map(Message::Service).boxed(),
    ];
    let configuration = configuration::watch_all(client, namespace);
    watches.extend(
        configuration
            .into_iter()
            .map(|watch| watch.map(Message::Config).boxed()),
    );
    select_all(watches)
}

/// Turns messages into inputs.
pub(crate) struct Feed {
    resolver: Resolver,
    /// Objects that configure have come, changed or gone since they were resolved.
    is_touched: bool,
    /// Kinds whose first list is awaited.
    missing: Vec<&'static str>,
    connection: Connection,
}

impl Feed {
    pub(crate) fn new(namespace: &NamespaceName) -> Self {
        Self {
            resolver: Resolver::new(Rules {
                namespace: namespace.as_str().into(),
                keep_last_accepted: true,
                ..Rules::default()
            }),
            is_touched: false,
            missing: REQUIRED.into_iter().chain(OPTIONAL).collect(),
            connection: Connection::default(),
        }
    }

    /// Whether everything that existed at the start is known.
    pub(crate) fn is_synced(&self) -> bool {
        self.missing.is_empty()
    }

    /// Kinds that have not been listed yet.
    pub(crate) fn missing(&self) -> &[&'static str] {
        &self.missing
    }

    /// Takes in one message; configuration waits for [`Feed::settle`].
    pub(crate) fn take(&mut self, message: Message, out: &mut Vec<Input>) {
        match message {
            Message::Service(change) => self.take_service(change, out),
            Message::Slice(change) => self.take_slice(change, out),
            Message::Node(change) => self.take_node(change, out),
            Message::Config(report) => self.take_config(report),
        }
    }

    /// Resolves the configuration if it changed, once for a batch of messages. Returns the problems if they are others.
    pub(crate) fn settle(&mut self, was_synced: bool, out: &mut Vec<Input>) -> Option<Vec<Problem>> {
        if !self.is_synced() || (was_synced && !self.is_touched) {
            return None;
        }
        self.is_touched = false;
        let delta = self.resolver.settle();
        if !was_synced || !delta.is_config_unchanged() {
            out.push(Input::ConfigResolved(Arc::new(self.resolver.config().clone())));
        }
        if !was_synced {
            out.push(Input::Synced);
        }
        let differ = !was_synced || !delta.objects.is_empty();
        differ.then(|| self.resolver.problems().cloned().collect())
    }

    fn take_config(&mut self, report: Report) {
        match report {
            Report::Changed { change, .. } => {
                self.resolver.apply(*change);
                self.is_touched = true;
            }
            Report::Listed(kind) => self.know(kind),
            Report::Lost(kind, error) => self.lose(kind, &error),
            Report::Found(kind) => self.connection.found(kind),
        }
    }

    fn know(&mut self, kind: &'static str) {
        self.missing.retain(|missing| *missing != kind);
    }

    fn lose(&mut self, kind: &'static str, error: &Error) {
        self.connection.lost(kind, error);
        if OPTIONAL.contains(&kind) && concerns_kind_alone(error) {
            self.know(kind);
        }
    }

    fn take_service(&mut self, change: Change<Service>, out: &mut Vec<Input>) {
        self.note(&change);
        match change {
            Change::Applied(service) => out.push(Input::ServiceApplied(Arc::new(service.observe()))),
            Change::Deleted(key) => out.push(Input::ServiceDeleted(key)),
            _ => {}
        }
    }

    fn take_slice(&mut self, change: Change<EndpointSlice>, out: &mut Vec<Input>) {
        self.note(&change);
        match change {
            Change::Applied(slice) => out.push(Input::SliceApplied(slice.observe())),
            Change::Deleted(key) => out.push(Input::SliceDeleted(key)),
            _ => {}
        }
    }

    fn take_node(&mut self, change: Change<Node>, out: &mut Vec<Input>) {
        self.note(&change);
        match change {
            Change::Applied(node) => out.push(Input::NodeApplied(node.observe())),
            Change::Deleted(key) => out.push(Input::NodeDeleted(NodeName::new(key.name))),
            _ => {}
        }
    }

    fn note<T: Object>(&mut self, change: &Change<T>) {
        match change {
            Change::Synced => self.know(T::KIND),
            Change::Away { error } => self.lose(T::KIND, error),
            Change::Back => self.connection.found(T::KIND),
            Change::Malformed { problem, .. } => tracing::error!(
                op = "setConfig",
                error = %problem,
                "an object cannot be read, its last readable version stays in force"
            ),
            Change::Applied(_) | Change::Deleted(_) => {}
        }
    }
}

#[cfg(test)]
mod tests;
