//! Everything that is watched, as inputs of the planner.
//!
//! ```text
//!   Service, EndpointSlice, Node ──observe──▶ facts ──────────────────────────────────────────────┐
//!   the six kinds that configure ──▶ NodeScope ──▶ Resolver ──settle (per batch), if it differs──▶ Config ──▶ plan::Input
//!   Secrets that peers name ────────────────────────┘
//! ```

use std::collections::BTreeSet;
use std::sync::Arc;

use ferrolb_api::core::{ConfigMap, EndpointSlice, Node, Secret, Service};
use ferrolb_api::facts::NodeFacts;
use ferrolb_api::metallb::{
    BfdProfile, BgpAdvertisement, BgpPeer, Community, IpAddressPool, L2Advertisement,
};
use ferrolb_api::{
    Change as ConfigChange, Component, Kept, NodeScope, Object, ObjectId, Problem, Resolver, Rules,
    annotations, bgp_extras, node_view,
};
use ferrolb_kube::configuration::{self, Report};
use ferrolb_kube::configuration_state::stored_annotations;
use ferrolb_kube::connection::{Watches, concerns_kind_alone};
use ferrolb_kube::watch::{Change, Options, watch};
use ferrolb_kube::{Client, Error};
use ferrolb_plan::Input;
use ferrolb_types::{Labels, NamespaceName, NodeName, ObjectKey};
use futures::stream::{self, BoxStream, StreamExt as _, select_all};

/// One change of one kind.
pub(crate) enum Message {
    /// What an earlier process had accepted; before everything else.
    Restored(Kept),
    Service(Change<Service>),
    Slice(Change<EndpointSlice>),
    Node(Change<Node>),
    Config(Report),
    /// About the Secret of this name.
    Secret(Box<str>, Report),
    /// The ConfigMap with raw configuration for FRR.
    Extras(Change<ConfigMap>),
}

impl Message {
    /// Whether it is about an object, which `metallb_k8s_client_updates_total` counts.
    pub(crate) const fn is_update(&self) -> bool {
        match self {
            Self::Restored(_) => false,
            Self::Service(change) => is_update(change),
            Self::Slice(change) => is_update(change),
            Self::Node(change) => is_update(change),
            Self::Extras(change) => is_update(change),
            Self::Config(report) | Self::Secret(_, report) => matches!(report, Report::Changed { .. }),
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

/// All watches of a speaker but those of Secrets. Nothing is watched before it is known what an earlier process had
/// accepted.
pub(crate) fn open(
    client: &Client,
    namespace: &NamespaceName,
    node: &NodeName,
    watches: Watches,
) -> BoxStream<'static, Message> {
    let all = Options::default;
    let extras = Options {
        fields: Some(format!("metadata.name={}", bgp_extras::NAME)),
        ..Options::in_namespace(namespace.clone())
    };
    let mut streams = vec![
        watch(client.clone(), all()).map(Message::Node).boxed(),
        watch(client.clone(), all()).map(Message::Slice).boxed(),
        watch(client.clone(), all()).map(Message::Service).boxed(),
        watch(client.clone(), extras).map(Message::Extras).boxed(),
    ];
    let configuration = configuration::watch_all(client, namespace);
    streams.extend(
        configuration
            .into_iter()
            .map(|watch| watch.map(Message::Config).boxed()),
    );
    stream::once(restored(client.clone(), namespace.clone(), node.clone(), watches))
        .chain(select_all(streams))
        .boxed()
}

/// What this node's last speaker kept. The controller's record fills the gaps: a speaker on a new node must come to the
/// same decisions as the others.
async fn restored(client: Client, namespace: NamespaceName, node: NodeName, mut watches: Watches) -> Message {
    let (own, controllers) = (Component::Speaker(node), Component::Controller);
    let own = stored_annotations(&client, &namespace, &own, &mut watches).await;
    let controllers = stored_annotations(&client, &namespace, &controllers, &mut watches).await;
    let kept = |stored: &Labels| Kept::decode(stored.get(annotations::LAST_ACCEPTED).unwrap_or_default());
    let mut all = kept(&own);
    all.fill_up(kept(&controllers));
    Message::Restored(all)
}

/// Turns messages into inputs.
pub(crate) struct Feed {
    node: NodeName,
    rules: Rules,
    scope: NodeScope,
    resolver: Resolver,
    own_node: Option<NodeFacts>,
    /// What is wrong in the own node's view alone.
    view_problems: Vec<Problem>,
    extras: Option<Problem>,
    /// What configures has changed since it was resolved.
    is_touched: bool,
    /// Kinds whose first list is awaited.
    missing: Vec<&'static str>,
    /// Kinds whose first list is complete and not settled yet.
    listed: Vec<&'static str>,
    secrets: BTreeSet<Box<str>>,
    watches: Watches,
}

/// What a new configuration is reported by.
#[derive(Debug, PartialEq)]
pub(crate) struct Settled {
    pub(crate) problems: Vec<Problem>,
    /// What the next process must know.
    pub(crate) kept: Kept,
}

impl Feed {
    /// `rules` are completed by what holds for every speaker.
    pub(crate) fn new(node: NodeName, rules: Rules, watches: Watches) -> Self {
        let rules = Rules {
            keep_last_accepted: true,
            with_secrets: true,
            ..rules
        };
        Self {
            node,
            resolver: Resolver::new(rules.clone()),
            rules,
            scope: NodeScope::default(),
            own_node: None,
            view_problems: Vec::new(),
            extras: None,
            is_touched: false,
            missing: REQUIRED.into_iter().chain(OPTIONAL).collect(),
            listed: Vec::new(),
            secrets: BTreeSet::new(),
            watches,
        }
    }

    /// Whether everything that existed at the start is known.
    pub(crate) fn is_synced(&self) -> bool {
        self.missing.is_empty() && !self.scope.is_waiting()
    }

    /// Whether the API server is away, so that nothing new is known.
    pub(crate) fn is_away(&self) -> bool {
        self.watches.is_away()
    }

    /// Kinds that have not been listed yet.
    pub(crate) fn missing(&self) -> Vec<&'static str> {
        let secrets = self.scope.is_waiting().then_some(Secret::KIND);
        self.missing.iter().copied().chain(secrets).collect()
    }

    /// The UID of an object that is found wrong by nodes.
    pub(crate) fn uid(&self, id: &ObjectId) -> &str {
        self.scope.uid(id).unwrap_or_default()
    }

    /// The Secrets that peers name, if they are others than before.
    pub(crate) fn changed_secrets(&mut self) -> Option<BTreeSet<Box<str>>> {
        let secrets = self.scope.secrets();
        (secrets != self.secrets).then(|| {
            self.secrets.clone_from(&secrets);
            secrets
        })
    }

    /// A Secret is named no more.
    pub(crate) fn forget_secret(&mut self, namespace: &NamespaceName, name: &str) {
        let (kind, key) = (Secret::KIND.into(), ObjectKey::new(namespace.clone(), name));
        self.resolver.apply(ConfigChange::Deleted { kind, key });
    }

    /// Takes in one message; configuration waits for [`Feed::settle`].
    pub(crate) fn take(&mut self, message: Message, out: &mut Vec<Input>) {
        match message {
            Message::Restored(kept) => self.resolver.restore(kept),
            Message::Service(change) => self.take_service(change, out),
            Message::Slice(change) => self.take_slice(change, out),
            Message::Node(change) => self.take_node(change, out),
            Message::Config(report) => self.take_config(report),
            Message::Secret(name, report) => self.take_secret(&name, report),
            Message::Extras(change) => self.take_extras(change),
        }
    }

    /// Resolves the configuration if it changed, once for a batch of messages. Returns what is to be reported if that may
    /// be something else.
    pub(crate) fn settle(&mut self, was_synced: bool, out: &mut Vec<Input>) -> Option<Settled> {
        let is_due = if was_synced {
            self.is_touched
        } else {
            self.is_synced()
        };
        if !is_due {
            return None;
        }
        self.is_touched = false;
        let delta = self.resolver.settle();
        for kind in self.listed.drain(..) {
            self.resolver.forget_restored(kind);
        }
        if !was_synced || !delta.is_config_unchanged() {
            out.push(Input::ConfigResolved(Arc::new(self.resolver.config().clone())));
        }
        if !was_synced {
            out.push(Input::Synced);
        }
        self.view_problems = node_view(self.resolver.config(), self.own_node.as_ref(), &self.rules).problems;
        Some(Settled {
            problems: self.problems().cloned().collect(),
            kept: self.resolver.kept(),
        })
    }

    fn problems(&self) -> impl Iterator<Item = &Problem> {
        let resolved = self.resolver.problems();
        resolved.chain(&self.view_problems).chain(&self.extras)
    }

    fn configure(&mut self, changes: Vec<ConfigChange>) {
        self.is_touched |= !changes.is_empty();
        for change in changes {
            self.resolver.apply(change);
        }
    }

    fn take_config(&mut self, report: Report) {
        match report {
            Report::Changed { change, .. } => {
                let changes = self.scope.take(*change);
                self.configure(changes);
            }
            Report::Listed(kind) => self.know(kind),
            Report::Lost(kind, error) => self.lose(kind, &error),
            Report::Found(kind) => self.watches.found(kind),
        }
    }

    /// Every Secret has a watch of its own.
    fn take_secret(&mut self, name: &str, report: Report) {
        match report {
            Report::Changed { change, .. } => self.configure(vec![*change]),
            Report::Listed(_) => {
                let changes = self.scope.look_up(name);
                self.configure(changes);
            }
            Report::Lost(kind, error) => {
                self.watches.lost(kind, &error);
                if concerns_kind_alone(&error) {
                    self.resolver.leave_out_secrets();
                    let changes = self.scope.look_up(name);
                    self.configure(changes);
                }
            }
            Report::Found(kind) => self.watches.found(kind),
        }
    }

    fn take_extras(&mut self, change: Change<ConfigMap>) {
        let extras = match change {
            Change::Applied(map) => bgp_extras::check(&map, self.rules.bgp_mode),
            Change::Deleted(_) => None,
            Change::Away { error } => return self.watches.lost(ConfigMap::KIND, &error),
            Change::Back => return self.watches.found(ConfigMap::KIND),
            Change::Synced | Change::Malformed { .. } => return,
        };
        self.is_touched |= self.extras != extras;
        self.extras = extras;
    }

    fn know(&mut self, kind: &'static str) {
        self.missing.retain(|missing| *missing != kind);
        self.listed.push(kind);
    }

    fn lose(&mut self, kind: &'static str, error: &Error) {
        self.watches.lost(kind, error);
        if OPTIONAL.contains(&kind) && concerns_kind_alone(error) {
            self.missing.retain(|missing| *missing != kind);
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
            Change::Applied(node) => {
                let facts = node.observe();
                if facts.name == self.node {
                    self.observe_own_node(Some(&facts));
                }
                out.push(Input::NodeApplied(facts));
            }
            Change::Deleted(key) => {
                let name = NodeName::new(key.name);
                if name == self.node {
                    self.observe_own_node(None);
                }
                out.push(Input::NodeDeleted(name));
            }
            _ => {}
        }
    }

    fn observe_own_node(&mut self, facts: Option<&NodeFacts>) {
        let labels = facts.map(|facts| facts.labels.clone()).unwrap_or_default();
        self.is_touched |= self.own_node.as_ref().map(|known| &known.labels) != Some(&labels);
        self.own_node = facts.cloned();
        let changes = self.scope.set_labels(labels);
        self.configure(changes);
    }

    fn note<T: Object>(&mut self, change: &Change<T>) {
        match change {
            Change::Synced => self.know(T::KIND),
            Change::Away { error } => self.lose(T::KIND, error),
            Change::Back => self.watches.found(T::KIND),
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
