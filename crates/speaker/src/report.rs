//! What people see: events, log lines, metrics, conditions.

mod conflict;
mod placement;
mod trap;

use std::collections::BTreeSet;
use std::net::IpAddr;

use ferrolb_api::core::Node;
use ferrolb_api::{
    Alert, ObjectId, Problem, Severity as ProblemSeverity, Verdict, annotations, is_found_by_nodes, reason,
};
use ferrolb_kube::configuration::reference;
use ferrolb_kube::configuration_state::{Reporter as StateReporter, Wanted};
use ferrolb_kube::event::{Event, Recorder, Reference, Severity, Tellers};
use ferrolb_kube::l2_status::Reporter as OwnerReporter;
use ferrolb_plan::{Output, Protocol, Silence};
use ferrolb_types::{NodeName, ObjectKey};

use crate::feed::Settled;
use crate::links::Links;
use crate::metrics::Metrics;
use crate::ring::Reach;
use conflict::Conflicts;
use placement::Announced;
use trap::Traps;

const OWNERSHIP_FROZEN: &str = "more than half of the nodes are not ready: addresses stay with their owners, as far as the \
                                speakers hear each other, and endpoints that vanish withdraw nothing";
const NODE_ISOLATED: &str = "neither another speaker nor the gateway is heard: nothing is answered or announced from this node \
                             until one of them is (`--isolation=stop`)";
/// What the last accepted versions may take; all annotations of an object may take 256 KiB.
const KEPT_BYTES: usize = 128 << 10;

/// Tells what the planner and the layer 2 thread report.
pub(crate) struct Reporter {
    pub(crate) node: NodeName,
    pub(crate) events: Recorder,
    state: StateReporter,
    owners: OwnerReporter,
    pub(crate) metrics: Metrics,
    problems: BTreeSet<Problem>,
    /// Services that are announced from here on interfaces that do not exist.
    nowhere: BTreeSet<ObjectKey>,
    pub(crate) traps: Traps,
    pub(crate) conflicts: Conflicts,
    /// Speakers that do not answer by gossip.
    pub(crate) reach: Reach,
    /// Most nodes are not ready, as last told.
    is_frozen: bool,
}

impl Reporter {
    pub(crate) fn new(
        node: NodeName,
        events: Recorder,
        state: StateReporter,
        owners: OwnerReporter,
        metrics: Metrics,
    ) -> Self {
        Self {
            node,
            events,
            state,
            owners,
            metrics,
            problems: BTreeSet::new(),
            nowhere: BTreeSet::new(),
            traps: Traps::default(),
            conflicts: Conflicts::default(),
            reach: Reach::new(),
            is_frozen: false,
        }
    }

    /// Tells one report of the planner; outputs for the layer 2 thread are none.
    pub(crate) fn tell(&mut self, output: &Output, links: &Links) {
        match output {
            Output::ReportAnnounced {
                service,
                uid,
                protocol,
                addresses,
                interfaces,
            } => {
                let announced = Announced {
                    service,
                    uid,
                    protocol: *protocol,
                    addresses,
                };
                self.tell_announced(&announced, interfaces, links);
            }
            Output::ReportWithdrawn {
                service,
                protocol,
                addresses,
                silence,
            } => {
                self.tell_withdrawn(service, *protocol, addresses, silence);
            }
            Output::ReportInterfaces { .. } | Output::Announce { .. } | Output::Withdraw { .. } => {}
        }
    }

    /// Everything that is announced from here has been told once.
    pub(crate) fn tell_complete(&self) {
        self.owners.complete();
    }

    fn tell_withdrawn(
        &mut self,
        service: &ObjectKey,
        protocol: Protocol,
        addresses: &[IpAddr],
        silence: &Silence,
    ) {
        self.metrics.withdrawn(service, protocol, addresses);
        self.nowhere.remove(service);
        if protocol == Protocol::Layer2 {
            self.owners.want(service.clone(), None);
        }
        let owner = silence
            .owner
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default();
        tracing::info!(
            event = "serviceWithdrawn", %service, %protocol, ips = %list(addresses), node = %self.node,
            reason = silence.reason.word(), owner, "withdrawing service announcement"
        );
    }

    /// Tells what a configuration is worth that was just resolved.
    pub(crate) fn tell_settled<'a>(&mut self, settled: Settled, uid: impl Fn(&ObjectId) -> &'a str) {
        let Settled { problems, kept } = settled;
        let verdict = Verdict::of(&problems);
        self.metrics.client.config_loaded.set_bool(true);
        self.metrics.client.config_stale.set_bool(!verdict.is_valid());
        let kept = kept.encode(KEPT_BYTES);
        for id in &kept.left_out {
            tracing::warn!(
                op = "setConfig", kind = id.kind, object = %id.name,
                "no room to keep the last accepted version of this refused object over a restart"
            );
        }
        self.state.want(Wanted {
            verdict,
            annotations: [(annotations::LAST_ACCEPTED, kept.text)].into(),
        });
        let problems: BTreeSet<Problem> = problems.into_iter().collect();
        for problem in problems.difference(&self.problems) {
            self.tell_problem(problem, &uid);
        }
        self.problems = problems;
    }

    fn tell_problem<'a>(&self, problem: &Problem, uid: &impl Fn(&ObjectId) -> &'a str) {
        if problem.severity == ProblemSeverity::Warning {
            tracing::warn!(op = "setConfig", error = %problem, "the configuration is doubtful");
            return;
        }
        tracing::error!(op = "setConfig", error = %problem, "failed to parse the configuration");
        let id = ObjectId::find(&problem.kind, &problem.name).filter(|_| is_found_by_nodes(problem));
        let Some(id) = id else { return };
        self.events.record(Event {
            object: reference(&id, &problem.namespace, uid(&id)),
            severity: Severity::Warning,
            reason: problem.reason.clone(),
            message: format!("{}: {}", problem.field, problem.message),
            tellers: Tellers::Many,
        });
    }

    /// Whether nothing is withdrawn for want of trustworthy news.
    pub(crate) fn tell_frozen(&mut self, most_not_ready: bool, is_away: bool) {
        self.metrics.ring.frozen("nodesNotReady", most_not_ready);
        self.metrics.ring.frozen("apiServerAway", is_away);
        if std::mem::replace(&mut self.is_frozen, most_not_ready) == most_not_ready {
            return;
        }
        if !most_not_ready {
            self.state.clear(reason::EVENT_OWNERSHIP_FROZEN);
            return tracing::info!(
                event = "ownershipThawed",
                "most nodes are ready again, endpoints count as reported"
            );
        }
        tracing::warn!(
            event = "ownershipFrozen",
            "more than half of the nodes are not ready: endpoints that vanish withdraw nothing until that is over"
        );
        // That the API server is away could not be written; the gauge tells it.
        self.state.raise(Alert {
            kind: reason::EVENT_OWNERSHIP_FROZEN,
            reason: reason::EVENT_OWNERSHIP_FROZEN,
            message: OWNERSHIP_FROZEN.to_owned(),
        });
        self.events.record(Event {
            object: Reference::to::<Node>(ObjectKey::new("", self.node.as_str()), self.node.as_str()),
            severity: Severity::Warning,
            reason: reason::EVENT_OWNERSHIP_FROZEN.word().into(),
            message: OWNERSHIP_FROZEN.to_owned(),
            tellers: Tellers::Many,
        });
    }

    /// This node is cut off and stops, or not any more.
    pub(crate) fn tell_isolated(&self, is_isolated: bool) {
        self.metrics.ring.isolated(is_isolated);
        if !is_isolated {
            self.state.clear(reason::EVENT_NODE_ISOLATED);
            return tracing::info!(
                event = "nodeReached",
                "another speaker or the gateway is heard again, addresses may be claimed"
            );
        }
        tracing::warn!(event = "nodeIsolated", "{NODE_ISOLATED}");
        self.state.raise(Alert {
            kind: reason::EVENT_NODE_ISOLATED,
            reason: reason::EVENT_NODE_ISOLATED,
            message: NODE_ISOLATED.to_owned(),
        });
        self.events.record(Event {
            object: Reference::to::<Node>(ObjectKey::new("", self.node.as_str()), self.node.as_str()),
            severity: Severity::Warning,
            reason: reason::EVENT_NODE_ISOLATED.word().into(),
            message: NODE_ISOLATED.to_owned(),
            tellers: Tellers::One,
        });
    }

    /// Whether the other speakers are reached by gossip may be different now.
    pub(crate) fn tell_reach(&self) {
        self.metrics.ring.unreachable(self.reach.len());
        match self.reach.alert() {
            Some(alert) => self.state.raise(alert),
            None => self.state.clear(reason::EVENT_GOSSIP_UNREACHABLE),
        }
    }

    /// Problems of the configuration as it is written.
    pub(crate) const fn problems(&self) -> &BTreeSet<Problem> {
        &self.problems
    }
}

fn list(addresses: &[IpAddr]) -> String {
    let texts: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    texts.join(",")
}
