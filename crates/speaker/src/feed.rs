//! Everything that is watched, as inputs of the planner.
//!
//! ```text
//!   Service, EndpointSlice, Node ──observe──▶ facts ─────────────────────┐
//!   IPAddressPool, L2Advertisement ──▶ InForce ──resolve (per batch)──▶ Config ──▶ plan::Input
//! ```

use std::collections::BTreeSet;
use std::sync::Arc;

use ferrolb_api::core::{EndpointSlice, Node, Service};
use ferrolb_api::metallb::{IpAddressPool, L2Advertisement};
use ferrolb_api::{InForce, Object, Problem, Rules, Versions};
use ferrolb_kube::Client;
use ferrolb_kube::watch::{Change, Options, watch};
use ferrolb_plan::Input;
use ferrolb_types::{NamespaceName, NodeName};
use futures::stream::{BoxStream, SelectAll, StreamExt as _, select_all};

use crate::connection::Connection;

/// One change of one kind.
pub(crate) enum Message {
    Service(Change<Service>),
    Slice(Change<EndpointSlice>),
    Node(Change<Node>),
    Pool(Change<IpAddressPool>),
    Advertisement(Change<L2Advertisement>),
}

/// The kinds that must have been listed before anything is decided.
const KINDS: [&str; 5] = [
    Service::KIND,
    EndpointSlice::KIND,
    Node::KIND,
    IpAddressPool::KIND,
    L2Advertisement::KIND,
];

/// All watches of a speaker.
pub(crate) fn open(client: &Client, namespace: &NamespaceName) -> SelectAll<BoxStream<'static, Message>> {
    let own = || Options::in_namespace(namespace.clone());
    let all = Options::default;
    select_all([
        watch(client.clone(), own()).map(Message::Pool).boxed(),
        watch(client.clone(), own()).map(Message::Advertisement).boxed(),
        watch(client.clone(), all()).map(Message::Node).boxed(),
        watch(client.clone(), all()).map(Message::Slice).boxed(),
        watch(client.clone(), all()).map(Message::Service).boxed(),
    ])
}

/// Turns messages into inputs.
pub(crate) struct Feed {
    in_force: InForce,
    /// Pools or advertisements have changed since they were resolved.
    is_stale: bool,
    synced: BTreeSet<&'static str>,
    connection: Connection,
}

impl Feed {
    pub(crate) fn new(namespace: &NamespaceName) -> Self {
        Self {
            in_force: InForce::new(Rules {
                namespace: namespace.as_str().into(),
                ..Rules::default()
            }),
            is_stale: false,
            synced: BTreeSet::new(),
            connection: Connection::default(),
        }
    }

    /// Whether everything that existed at the start is known.
    pub(crate) fn is_synced(&self) -> bool {
        self.synced.len() == KINDS.len()
    }

    /// Kinds that have not been listed yet.
    pub(crate) fn missing(&self) -> Vec<&'static str> {
        KINDS
            .into_iter()
            .filter(|kind| !self.synced.contains(kind))
            .collect()
    }

    /// Takes in one message; configuration waits for [`Feed::settle`].
    pub(crate) fn take(&mut self, message: Message, out: &mut Vec<Input>) {
        match message {
            Message::Service(change) => self.take_service(change, out),
            Message::Slice(change) => self.take_slice(change, out),
            Message::Node(change) => self.take_node(change, out),
            Message::Pool(change) => {
                let changed = configure(&mut self.in_force.pools, &change);
                self.note(&change, changed);
            }
            Message::Advertisement(change) => {
                let changed = configure(&mut self.in_force.l2_advertisements, &change);
                self.note(&change, changed);
            }
        }
    }

    /// Resolves the configuration if it changed, once for a batch of messages. Returns the problems if it did.
    pub(crate) fn settle(&mut self, was_synced: bool, out: &mut Vec<Input>) -> Option<Vec<Problem>> {
        if !self.is_synced() || (was_synced && !self.is_stale) {
            return None;
        }
        self.is_stale = false;
        let resolved = self.in_force.resolve();
        out.push(Input::ConfigResolved(Arc::new(resolved.config)));
        if !was_synced {
            out.push(Input::Synced);
        }
        Some(resolved.problems)
    }

    fn take_service(&mut self, change: Change<Service>, out: &mut Vec<Input>) {
        self.note(&change, false);
        match change {
            Change::Applied(service) => out.push(Input::ServiceApplied(Arc::new(service.observe()))),
            Change::Deleted(key) => out.push(Input::ServiceDeleted(key)),
            _ => {}
        }
    }

    fn take_slice(&mut self, change: Change<EndpointSlice>, out: &mut Vec<Input>) {
        self.note(&change, false);
        match change {
            Change::Applied(slice) => out.push(Input::SliceApplied(slice.observe())),
            Change::Deleted(key) => out.push(Input::SliceDeleted(key)),
            _ => {}
        }
    }

    fn take_node(&mut self, change: Change<Node>, out: &mut Vec<Input>) {
        self.note(&change, false);
        match change {
            Change::Applied(node) => out.push(Input::NodeApplied(node.observe())),
            Change::Deleted(key) => out.push(Input::NodeDeleted(NodeName::new(key.name))),
            _ => {}
        }
    }

    fn note<T: Object>(&mut self, change: &Change<T>, configures: bool) {
        self.is_stale |= configures;
        match change {
            Change::Synced => drop(self.synced.insert(T::KIND)),
            Change::Away { error } => self.connection.lose(T::KIND, error),
            Change::Back => self.connection.regain(T::KIND),
            Change::Malformed { problem, .. } => tracing::error!(
                op = "setConfig",
                error = %problem,
                "an object cannot be read, its last readable version stays in force"
            ),
            Change::Applied(_) | Change::Deleted(_) => {}
        }
    }
}

/// Returns whether the configuration may mean something else now.
fn configure<T: Object>(versions: &mut Versions<T>, change: &Change<T>) -> bool {
    match change {
        Change::Applied(object) => versions.apply(object.clone()),
        Change::Deleted(key) => versions.delete(key),
        Change::Malformed { key, problem } => versions.apply_malformed(key.clone(), problem.clone()),
        Change::Synced | Change::Away { .. } | Change::Back => false,
    }
}

#[cfg(test)]
mod tests;
