//! Runs the election: carries requests to the API server, opens and closes the fence, and tells where this process stands.

use ferrolb_kube::fence::Fence;
use ferrolb_kube::lease::LeaseClient;
use ferrolb_kube::{Client, WallClock};
use ferrolb_lease::{Election, Input, Loss, Output};
use ferrolb_types::{Instant, NamespaceName, ObjectKey};
use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::{self, BoxStream};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::metrics::Metrics;

/// How one of several controllers is chosen.
#[derive(Clone, Debug)]
pub struct ElectionConfig {
    /// The times.
    pub times: crate::ElectionTimes,
    /// The name of the Lease, in the controller's namespace.
    pub lease: Box<str>,
    /// The own name in the Lease. Two processes must not have the same at a time; one that comes after another and has its
    /// name does not wait for the Lease to expire, which suits a container that was started again in its Pod.
    pub identity: Box<str>,
    /// Spreads the attempts of several candidates.
    pub seed: u64,
}

/// Where this process stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Standing {
    /// Which time as the leader this is, counted from 1; none: not the leader.
    pub(crate) term: Option<u64>,
    /// Who holds the Lease, as far as is known.
    holder: Box<str>,
    /// The own name; empty without election.
    identity: Box<str>,
    is_elected: bool,
}

impl Standing {
    /// Without election there is one term, and it does not end.
    pub(crate) fn without_election() -> Self {
        Self {
            term: Some(1),
            ..Self::default()
        }
    }

    /// For `/debug/state`.
    pub(crate) fn state(&self) -> Value {
        let standing = match (self.term, self.is_elected) {
            (Some(_), true) => "leader",
            (Some(_), false) => "withoutElection",
            (None, _) => "standby",
        };
        json!({ "standing": standing, "identity": &*self.identity, "holder": &*self.holder })
    }
}

/// One candidate with what it needs.
pub(crate) struct Elector {
    election: Election,
    leases: LeaseClient,
    fence: Fence,
    metrics: Metrics,
    standing: watch::Sender<Standing>,
    terms: u64,
}

impl Elector {
    pub(crate) fn new(
        config: &ElectionConfig,
        place: (Client, NamespaceName, WallClock),
        fence: Fence,
        metrics: Metrics,
    ) -> (Self, watch::Receiver<Standing>) {
        let (client, namespace, clock) = place;
        let key = ObjectKey::new(namespace, config.lease.clone());
        let standing = Standing {
            identity: config.identity.clone(),
            is_elected: true,
            ..Standing::default()
        };
        let (standing, receiver) = watch::channel(standing);
        let elector = Self {
            election: Election::new(config.times, config.identity.clone(), config.seed),
            leases: LeaseClient::new(client, key, clock),
            fence,
            metrics,
            standing,
            terms: 0,
        };
        (elector, receiver)
    }

    /// Takes part until `stop`, and then gives the Lease back. By then no write may be under way.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let leases = &self.leases;
        let mut watch: BoxStream<'_, Input> = leases.watch();
        let mut answer: Option<BoxFuture<'_, Input>> = None;
        let (mut has_stopped, mut has_ended, mut out) = (false, false, Vec::new());
        while !has_ended {
            let input = tokio::select! {
                biased;
                () = reached(&self.fence, self.election.next_deadline()) => Input::Tick,
                input = answered(&mut answer) => { answer = None; input }
                Some(input) = watch.next() => input,
                () = stop.cancelled(), if !has_stopped => { has_stopped = true; Input::Stopped }
            };
            self.election.handle(self.fence.now(), input, &mut out);
            for output in out.drain(..) {
                match output {
                    Output::Send { request, within } => {
                        answer = Some(Box::pin(async move { leases.ask(request, within).await }));
                    }
                    Output::MayWriteUntil(until) => self.fence.open_until(until),
                    Output::Lead => {
                        self.terms += 1;
                        begin(
                            &self.standing,
                            self.terms,
                            self.election.identity(),
                            &self.metrics,
                        );
                    }
                    Output::Stop(loss) => {
                        self.fence.close();
                        end(&self.standing, &loss, &self.metrics);
                    }
                    Output::LeadUnelected => {
                        watch = stream::pending().boxed();
                        self.fence.open();
                        go_without(&self.standing, &self.metrics);
                    }
                    Output::NoteHolder(holder) => note(&self.standing, &holder),
                    Output::End => has_ended = true,
                }
            }
        }
        if let Some(answer) = answer {
            answer.await;
            tracing::info!(op = "leaderElection", "the Lease is given back");
        }
    }
}

async fn reached(fence: &Fence, at: Option<Instant>) {
    match at {
        Some(at) => fence.reached(at).await,
        None => core::future::pending().await,
    }
}

async fn answered(answer: &mut Option<BoxFuture<'_, Input>>) -> Input {
    match answer {
        Some(answer) => answer.await,
        None => core::future::pending().await,
    }
}

fn begin(standing: &watch::Sender<Standing>, term: u64, identity: &str, metrics: &Metrics) {
    tracing::info!(
        op = "leaderElection",
        identity,
        term,
        "this controller is the leader now"
    );
    metrics.show_leader(true);
    standing.send_modify(|standing| {
        standing.term = Some(term);
        standing.holder = identity.into();
    });
}

fn end(standing: &watch::Sender<Standing>, loss: &Loss, metrics: &Metrics) {
    match loss {
        Loss::NotRenewed => tracing::warn!(
            op = "leaderElection",
            "the Lease could not be renewed in time; this controller writes nothing more and stands by"
        ),
        Loss::Taken(holder) => tracing::warn!(
            op = "leaderElection", %holder,
            "somebody else holds the Lease; this controller writes nothing more and stands by"
        ),
        Loss::Left => tracing::info!(op = "leaderElection", "this controller is the leader no more"),
    }
    metrics.show_leader(false);
    standing.send_modify(|standing| standing.term = None);
}

fn go_without(standing: &watch::Sender<Standing>, metrics: &Metrics) {
    tracing::warn!(
        op = "leaderElection",
        "Leases may not be used, so there is no leader election, as in MetalLB: run one replica, or permit this \
         ServiceAccount to get, list, watch, create and update `leases.coordination.k8s.io` and start again"
    );
    metrics.show_leader(true);
    standing.send_modify(|standing| (standing.term, standing.is_elected) = (Some(1), false));
}

fn note(standing: &watch::Sender<Standing>, holder: &str) {
    if holder.is_empty() {
        tracing::info!(op = "leaderElection", "the Lease is free");
    } else {
        tracing::info!(op = "leaderElection", %holder, "another controller is the leader");
    }
    standing.send_modify(|standing| standing.holder = holder.into());
}

#[cfg(test)]
mod tests;
