//! The speaker from its start to its end: what is opened, and what is said before it is closed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use anyhow::Context as _;
use ferrolb_driver::clock;
use ferrolb_kube::connection::Connection;
use ferrolb_kube::secrets::NamedSecrets;
use ferrolb_kube::{Client, configuration_state, event, l2_status};
use ferrolb_l2::Machine;
use ferrolb_netio::link::LinkMonitor;
use ferrolb_telemetry::admin::{Readiness, StateQueries, StateSource, state_channel};
use ferrolb_telemetry::metrics::{ClientMetrics, Registry};
use futures::StreamExt as _;
use tokio_util::sync::CancellationToken;

use crate::Config;
use crate::announcer::{self, Announcer, Command};
use crate::feed;
use crate::metrics::Metrics;
use crate::outbox::Outbox;
use crate::report::Reporter;
use crate::ring::Membership;
use crate::task::{BATCH, Inputs, Task};

/// A speaker that is ready to be run.
pub struct Speaker {
    config: Config,
    client: Client,
    metrics: Metrics,
    is_ready: Arc<AtomicBool>,
    state: (StateSource, StateQueries),
}

impl Speaker {
    /// Registers the metrics; nothing is started.
    ///
    /// # Errors
    /// When the metrics of another speaker are in `registry`.
    pub fn new(
        config: Config,
        client: Client,
        registry: &Registry,
        shared: ClientMetrics,
    ) -> anyhow::Result<Self> {
        let metrics = Metrics::register(registry, shared, config.node.clone())?;
        Ok(Self {
            config,
            client,
            metrics,
            is_ready: Arc::default(),
            state: state_channel(),
        })
    }

    /// Ready once everything that existed at the start is known.
    #[must_use]
    pub fn readiness(&self) -> Readiness {
        let is_ready = Arc::clone(&self.is_ready);
        Arc::new(move || {
            (!is_ready.load(Ordering::Relaxed)).then(|| "speaker: the lists are not complete yet".to_owned())
        })
    }

    /// Answers `/debug/state`.
    #[must_use]
    pub fn state(&self) -> StateSource {
        self.state.0.clone()
    }

    /// Runs until `shutdown`, in the network namespace of the calling thread.
    ///
    /// # Errors
    /// When the interfaces cannot be watched or the layer 2 thread cannot be started, or if it ends.
    pub async fn run(self, shutdown: CancellationToken) -> anyhow::Result<()> {
        let links = LinkMonitor::open().context("cannot watch the network interfaces")?;
        let Self {
            config,
            client,
            metrics,
            is_ready,
            state: (_, queries),
        } = self;
        let ring = Membership::start(config.ring.as_ref(), &config.node, &client, &config.namespace).await?;
        let machine = Machine::new(config.layer2, config.seed);
        let announcer = announcer::start(machine, ring.clock()).context("cannot start the layer 2 thread")?;
        let Announcer {
            commands,
            news,
            thread,
        } = announcer;
        let connection = Connection::default();
        let (reporter, writers) = reporter(&config, &client, metrics, &connection);
        let messages = feed::open(&client, &config.namespace, &config.node, connection.watches());
        let outbox = Outbox::new(commands);
        let mut task = Task::new(
            &config,
            connection.watches(),
            outbox,
            reporter,
            is_ready,
            ring.clock(),
        );
        let mut inputs = Inputs {
            ring,
            messages: messages.ready_chunks(BATCH),
            secrets: NamedSecrets::new(client, config.namespace.clone()),
            namespace: config.namespace,
            links,
            news,
            queries,
        };
        let writers = shutdown.clone().run_until_cancelled_owned(writers);
        let (outcome, _) = tokio::join!(task.run(&mut inputs, shutdown), writers);
        hand_over(task.into_outbox(), inputs.ring, thread).await?;
        outcome
    }
}

/// Who tells the API server what comes about, and what writes it.
fn reporter(
    config: &Config,
    client: &Client,
    metrics: Metrics,
    connection: &Connection,
) -> (Reporter, impl Future<Output = ()> + use<>) {
    let (events, event_writer) = event::recorder(client.clone(), event::SPEAKER, clock::wall);
    let (state, state_writer) = configuration_state::reporter(
        client.clone(),
        config.identity(),
        clock::wall,
        connection.watches(),
    );
    let (owners, owner_writer) =
        l2_status::reporter(client.clone(), config.owner_identity(), connection.watches());
    let reporter = Reporter::new(config.node.clone(), events, state, owners, metrics);
    let writers = async move {
        tokio::join!(event_writer.run(), state_writer.run(), owner_writer.run());
    };
    (reporter, writers)
}

/// Leaves: until the successor has announced, this node answers (promise 6).
async fn hand_over(outbox: Outbox, mut ring: Membership, thread: JoinHandle<()>) -> anyhow::Result<()> {
    let _ended = outbox.ask(Command::Hush);
    ring.leave().await;
    let _ended = outbox.ask(Command::Stop);
    drop(outbox);
    // The thread looks at its mailbox at once, so this does not wait for long.
    let joined = tokio::task::spawn_blocking(move || thread.join()).await;
    ring.end().await;
    anyhow::ensure!(matches!(joined, Ok(Ok(()))), "the layer 2 thread panicked");
    Ok(())
}
