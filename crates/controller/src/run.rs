//! Putting the parts together.

use core::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;

use anyhow::Context;
use ferrolb_api::Component;
use ferrolb_driver::task;
use ferrolb_ipam::Ticket;
use ferrolb_kube::configuration_state::{self, Identity};
use ferrolb_kube::write::{PoolStatusWriter, ReservationWriter, ServiceStatusWriter};
use ferrolb_kube::{Client, event};
use ferrolb_telemetry::admin::{Readiness, StateQueries, StateSource, state_channel};
use ferrolb_telemetry::metrics::{ClientMetrics, Histogram};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::allocator::{Allocator, Input};
use crate::effect::{self, Effects};
use crate::metrics::Metrics;
use crate::{Config, Telemetry, feed};

/// Inputs that may wait for the allocator; a watch that is faster waits.
const QUEUE: usize = 1024;

/// A controller that is set up and not yet running.
pub struct Controller {
    config: Config,
    client: Client,
    clock: ferrolb_kube::WallClock,
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
            client_metrics: telemetry.client.clone(),
            metrics: Metrics::register(&telemetry.registry)
                .context("cannot set up the allocator's metrics")?,
            is_ready: Arc::default(),
            state,
            queries,
        })
    }

    /// For `/readyz`: all objects are known and decisions are being made.
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

    /// Allocates until `shutdown`. An API server that is away is waited for.
    ///
    /// # Errors
    /// When a part ends by itself, which is a mistake in the program.
    pub async fn run(self, shutdown: CancellationToken) -> anyhow::Result<()> {
        tracing::info!(op = "startup", namespace = %self.config.namespace, "controller starts");
        let mut parts = self.start();
        let ended = shutdown.run_until_cancelled(parts.join_next()).await;
        parts.shutdown().await;
        match ended {
            None => {
                tracing::info!(op = "shutdown", "controller stops");
                Ok(())
            }
            Some(Some(Err(error))) => Err(error).context("a part of the controller failed"),
            Some(_) => anyhow::bail!("a part of the controller ended by itself"),
        }
    }

    fn start(self) -> JoinSet<()> {
        let (inputs, queue) = mpsc::channel(QUEUE);
        let (recorder, events) = event::recorder(self.client.clone(), event::CONTROLLER, self.clock);
        let identity = Identity {
            component: Component::Controller,
            namespace: self.config.namespace.clone(),
            pod: self.config.pod.clone(),
        };
        let (reporter, state_writer) =
            configuration_state::reporter(self.client.clone(), identity, self.clock);
        let effects = Effects {
            services: ServiceStatusWriter::new(self.client.clone()),
            pools: PoolStatusWriter::new(self.client.clone(), self.config.namespace.clone()),
            reservations: ReservationWriter::new(self.client.clone(), self.config.namespace.clone()),
            recorder,
            reporter,
            metrics: self.metrics,
            client_metrics: self.client_metrics.clone(),
            is_ready: self.is_ready,
        };
        let (services, pools) = (effects.services.clone(), effects.pools.clone());
        let reservations = effects.reservations.clone();
        let writes = effects.metrics.writes.clone();
        let allocator = Allocator::new(&self.config, effects.metrics.decisions.clone());
        let updates = self.client_metrics.updates.clone();
        let mut parts = JoinSet::new();
        parts.spawn(task::run(allocator, queue, move |_, output| {
            effects.dispatch(output);
        }));
        parts.spawn(feed::run(
            self.client,
            self.config.namespace,
            updates,
            inputs.clone(),
        ));
        parts.spawn(write_services(
            services,
            self.client_metrics,
            writes,
            inputs.clone(),
        ));
        parts.spawn(async move { pools.run().await });
        parts.spawn(async move { reservations.run().await });
        parts.spawn(events.run());
        parts.spawn(state_writer.run());
        parts.spawn(ask(self.queries, inputs));
        parts
    }
}

/// Carries out status writes and gives their outcomes back.
async fn write_services(
    writer: ServiceStatusWriter,
    metrics: ClientMetrics,
    times: Histogram,
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

/// Passes questions about the state on.
async fn ask(mut queries: StateQueries, inputs: mpsc::Sender<Input>) {
    while let Some(query) = queries.recv().await {
        if inputs.send(Input::StateAsked(query)).await.is_err() {
            return;
        }
    }
    // Without an admin server nobody can ask; that is no fault.
    core::future::pending::<()>().await;
}
