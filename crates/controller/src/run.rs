//! Putting the parts together.

use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::sync::Arc;

use anyhow::Context;
use ferrolb_api::Component;
use ferrolb_driver::task;
use ferrolb_ipam::Ticket;
use ferrolb_kube::configuration_state::{self, Identity};
use ferrolb_kube::connection::{Connection, Watches};
use ferrolb_kube::fence::Fence;
use ferrolb_kube::write::{PoolStatusWriter, ReservationWriter, ServiceStatusWriter};
use ferrolb_kube::{Client, event};
use ferrolb_telemetry::admin::{Readiness, StateQueries, StateSource, state_channel};
use ferrolb_telemetry::metrics::{ClientMetrics, Histogram};
use ferrolb_types::NamespaceName;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::allocator::{Allocator, Input};
use crate::effect::{self, Effects};
use crate::election::{Elector, Standing};
use crate::metrics::Metrics;
use crate::{Config, Telemetry, feed};

/// Inputs that may wait for the allocator; a watch that is faster waits.
const QUEUE: usize = 1024;

/// How long writes that are under way may take when the process ends.
const DRAIN: Duration = Duration::from_secs(1);
/// How long giving the Lease back may take; within the five seconds that a Pod has, with the rest.
const GIVE_BACK: Duration = Duration::from_secs(2);

/// A controller that is set up and not yet running.
pub struct Controller {
    config: Config,
    client: Client,
    clock: ferrolb_kube::WallClock,
    connection: Connection,
    client_metrics: ClientMetrics,
    metrics: Metrics,
    is_ready: Arc<AtomicBool>,
    state: StateSource,
    queries: StateQueries,
}

impl Controller {
    /// Registers metrics; does nothing else yet.
    ///
    /// # Errors
    /// When the registry has a controller already.
    pub fn new(config: Config, client: Client, telemetry: &Telemetry) -> anyhow::Result<Self> {
        let (state, queries) = state_channel();
        Ok(Self {
            config,
            client,
            clock: telemetry.clock,
            connection: telemetry.connection.clone(),
            client_metrics: telemetry.client.clone(),
            metrics: Metrics::register(&telemetry.registry)
                .context("cannot set up the allocator's metrics")?,
            is_ready: Arc::default(),
            state,
            queries,
        })
    }

    /// For `/readyz`: all objects are known. One that stands by is ready too.
    pub fn readiness(&self) -> Readiness {
        let is_ready = Arc::clone(&self.is_ready);
        Arc::new(move || {
            let missing = "controller: Services, Namespaces and IPAddressPools have not all been read yet";
            (!is_ready.load(Ordering::Relaxed)).then(|| missing.to_owned())
        })
    }

    /// For `/debug/state`.
    #[must_use]
    pub fn state(&self) -> StateSource {
        self.state.clone()
    }

    /// Allocates until `shutdown`, or stands by while another controller does. An API server that is away is waited for.
    ///
    /// # Errors
    /// When a part ends by itself, which is a mistake in the program.
    pub async fn run(mut self, shutdown: CancellationToken) -> anyhow::Result<()> {
        tracing::info!(op = "startup", namespace = %self.config.namespace, "controller starts");
        let fence = Fence::closed();
        let stop = CancellationToken::new();
        let (mut standing, elector) = self.take_part(&fence, &stop);
        let mut parts = loop {
            let (mut parts, inputs) = self.start(&fence.client(&self.client), standing.clone());
            let ended = tokio::select! {
                ended = parts.join_next() => Ended::Part(ended),
                () = lost(standing.clone()) => Ended::Term,
                () = ask(&mut self.queries, &standing, inputs) => Ended::Part(None),
                () = shutdown.cancelled() => Ended::Process,
            };
            match ended {
                Ended::Process => break parts,
                // Whatever was decided and is not written goes with the one who decided it.
                Ended::Term => self.stand_by(parts, &mut standing).await,
                Ended::Part(Some(Err(error))) => {
                    return Err(error).context("a part of the controller failed");
                }
                Ended::Part(_) => anyhow::bail!("a part of the controller ended by itself"),
            }
        };
        tracing::info!(op = "shutdown", "controller stops");
        fence.shut();
        let is_drained = tokio::time::timeout(DRAIN, fence.drained()).await.is_ok();
        parts.shutdown().await;
        leave(elector, is_drained, &stop).await;
        Ok(())
    }

    /// Joins the election, if there is one.
    fn take_part(
        &self,
        fence: &Fence,
        stop: &CancellationToken,
    ) -> (watch::Receiver<Standing>, Option<AbortOnDropHandle<()>>) {
        let Some(config) = &self.config.election else {
            fence.open();
            self.metrics.show_leader(true);
            return (watch::channel(Standing::without_election()).1, None);
        };
        let place = (self.client.clone(), self.config.namespace.clone(), self.clock);
        let (elector, standing) = Elector::new(config, place, fence.clone(), self.metrics.clone());
        (
            standing,
            Some(AbortOnDropHandle::new(tokio::spawn(elector.run(stop.clone())))),
        )
    }

    async fn stand_by(&self, mut parts: JoinSet<()>, standing: &mut watch::Receiver<Standing>) {
        parts.shutdown().await;
        standing.mark_unchanged();
        self.metrics.clear();
        self.is_ready.store(false, Ordering::Relaxed);
    }

    /// Starts everything anew, with a client that writes only while this process may.
    fn start(
        &self,
        client: &Client,
        standing: watch::Receiver<Standing>,
    ) -> (JoinSet<()>, mpsc::Sender<Input>) {
        let (inputs, queue) = mpsc::channel(QUEUE);
        let namespace = &self.config.namespace;
        let (recorder, events) = event::recorder(client.clone(), event::CONTROLLER, self.clock);
        let identity = Identity {
            component: Component::Controller,
            namespace: namespace.clone(),
            pod: self.config.pod.clone(),
        };
        let (reporter, state_writer) =
            configuration_state::reporter(client.clone(), identity, self.clock, self.connection.watches());
        let effects = Effects {
            services: ServiceStatusWriter::new(client.clone(), self.clock),
            pools: PoolStatusWriter::new(client.clone(), namespace.clone()),
            reservations: ReservationWriter::new(client.clone(), namespace.clone()),
            recorder,
            reporter,
            metrics: self.metrics.clone(),
            client_metrics: self.client_metrics.clone(),
            is_ready: Arc::clone(&self.is_ready),
        };
        let (services, pools) = (effects.services.clone(), effects.pools.clone());
        let reservations = effects.reservations.clone();
        let events = events.giving_way_to(services.pressure());
        let allocator = Allocator::new(&self.config, self.metrics.decisions.clone());
        let metrics = (self.client_metrics.clone(), self.metrics.writes.clone());
        let updates = self.client_metrics.updates.clone();
        let is_elected = self.config.election.is_some();
        let mut parts = JoinSet::new();
        parts.spawn(task::run(allocator, queue, move |_, output| {
            effects.dispatch(output);
        }));
        parts.spawn(feed::run(
            client.clone(),
            namespace.clone(),
            (updates, self.connection.clone()),
            inputs.clone(),
        ));
        let told = is_elected.then(|| (client.clone(), namespace.clone(), self.connection.watches()));
        parts.spawn(lead(standing, told, inputs.clone()));
        parts.spawn(write_services(services, metrics, inputs.clone()));
        parts.spawn(async move { pools.run().await });
        parts.spawn(async move { reservations.run().await });
        parts.spawn(events.run());
        parts.spawn(state_writer.run());
        (parts, inputs)
    }
}

/// Why the parts do not run any more.
enum Ended {
    Process,
    Term,
    Part(Option<Result<(), JoinError>>),
}

/// Waits until this process is the leader, and tells the allocator; then for ever.
async fn lead(
    mut standing: watch::Receiver<Standing>,
    told: Option<(Client, NamespaceName, Watches)>,
    inputs: mpsc::Sender<Input>,
) {
    // The sender ends only together with the process.
    let is_leader = standing
        .wait_for(|standing| standing.term.is_some())
        .await
        .is_ok();
    if is_leader {
        let told = match told {
            Some((client, namespace, watches)) => Some(feed::told(&client, &namespace, watches).await),
            None => None,
        };
        drop(inputs.send(Input::Led(told)).await);
    }
    core::future::pending::<()>().await;
}

/// Waits until this process is the leader and then until that is over, also if it is the leader again by then.
async fn lost(mut standing: watch::Receiver<Standing>) {
    let term = match standing.wait_for(|standing| standing.term.is_some()).await {
        Ok(standing) => standing.term,
        Err(_) => None,
    };
    if term.is_none() || standing.wait_for(|standing| standing.term != term).await.is_err() {
        core::future::pending::<()>().await;
    }
}

/// Gives the Lease back, unless a write may still arrive: then others wait until it expires.
async fn leave(elector: Option<AbortOnDropHandle<()>>, is_drained: bool, stop: &CancellationToken) {
    let Some(mut elector) = elector else { return };
    stop.cancel();
    let gives_back = is_drained && tokio::time::timeout(GIVE_BACK, &mut elector).await.is_ok();
    if !gives_back {
        tracing::warn!(
            op = "shutdown",
            "the API server does not answer, so the Lease is not given back: others wait until it expires"
        );
    }
}

/// Carries out status writes and gives their outcomes back.
async fn write_services(
    writer: ServiceStatusWriter,
    (metrics, times): (ClientMetrics, Histogram),
    inputs: mpsc::Sender<Input>,
) {
    let give_back = |write: ferrolb_kube::write::ServiceStatus, outcome, took| {
        times.observe(took);
        let outcome = effect::finished(&write, outcome, &metrics);
        let input = Input::WriteFinished(write.key, Ticket(write.ticket), outcome);
        let inputs = inputs.clone();
        // The allocator ends only together with the process.
        async move { drop(inputs.send(input).await) }
    };
    writer.run(give_back).await;
}

/// Answers questions about the state: what the allocator says, and where this process stands. Does not end before the
/// allocator.
async fn ask(queries: &mut StateQueries, standing: &watch::Receiver<Standing>, inputs: mpsc::Sender<Input>) {
    while let Some(query) = queries.recv().await {
        let (answer, state) = oneshot::channel();
        if inputs.send(Input::StateAsked(answer)).await.is_err() {
            return;
        }
        let Ok(mut state) = state.await else { return };
        state["election"] = standing.borrow().state();
        // Whoever asked may have given up.
        drop(query.send(state));
    }
    // Without an admin server nobody can ask; that is no fault.
    core::future::pending::<()>().await;
}
