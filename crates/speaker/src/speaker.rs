//! The task that owns what a speaker knows.

mod segment;
mod takeover;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use ferrolb_api::{BgpMode, Component, Rules};
use ferrolb_claim::{Isolation, OnIsolation, Rivals};
use ferrolb_driver::{Clock, clock};
use ferrolb_kube::configuration_state::{self, Identity};
use ferrolb_kube::connection::Connection;
use ferrolb_kube::secrets::NamedSecrets;
use ferrolb_kube::{Client, event, l2_status};
use ferrolb_l2::{Claim, Input as Layer2Input, Machine, Statistics};
use ferrolb_netio::link::LinkMonitor;
use ferrolb_plan::{Input, NodePlanner, Options, Output};
use ferrolb_telemetry::admin::{Readiness, StateQueries, StateSource, state_channel};
use ferrolb_telemetry::metrics::{ClientMetrics, Registry};
use ferrolb_types::{InterfaceIndex, InterfaceName, NamespaceName, NodeName, ObjectKey};
use futures::StreamExt as _;
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;

use crate::announcer::{self, Announcer, Command, News};
use crate::exclude::ExcludedInterfaces;
use crate::feed::{self, Feed, Message};
use crate::gateway::Gateways;
use crate::links::Links;
use crate::memory;
use crate::metrics::Metrics;
use crate::network;
use crate::outbox::Outbox;
use crate::report::Reporter;
use crate::ring::{Heard, Membership, RingConfig, until};
use crate::vigil::Vigil;
use takeover::{Takeover, first_frame};

/// Messages taken in before the configuration is resolved and the planner asked: an initial list is one such heap.
const BATCH: usize = 256;
/// How often the layer 2 thread's counters are read; shorter than any scrape interval in use.
const COUNT_INTERVAL: Duration = Duration::from_secs(5);
/// How soon a full mailbox is tried again.
const FLUSH_INTERVAL: Duration = Duration::from_millis(5);

/// What the command line decides.
#[derive(Clone, Debug)]
pub struct Config {
    /// The namespace whose pools and advertisements count.
    pub namespace: NamespaceName,
    /// `METALLB_BGP_TYPE`: whose restrictions the objects of BGP are judged by.
    pub bgp_mode: BgpMode,
    /// `--pod-name`: the Pod that the speaker's ConfigurationState belongs to.
    pub pod: Option<Box<str>>,
    /// The node that this speaker runs on.
    pub node: NodeName,
    /// `--lb-class`.
    pub class: Box<str>,
    /// `--ignore-exclude-lb`.
    pub ignore_exclude_lb: bool,
    /// Announce on these interfaces only; empty: on all that can.
    pub interfaces: Vec<InterfaceName>,
    /// Interfaces never to announce on.
    pub excluded: ExcludedInterfaces,
    /// Bursts and refresh.
    pub layer2: ferrolb_l2::Config,
    /// How to take part in the ring; none: every Node object counts as having a speaker (layer2 5.1).
    pub ring: Option<RingConfig>,
    /// What to do when this node hears neither another speaker nor its gateway.
    pub isolation: OnIsolation,
    /// Decides the jitter of the layer 2 thread; another one on each node.
    pub seed: u64,
}

impl Config {
    /// Whose ConfigurationState it is.
    fn identity(&self) -> Identity {
        Identity {
            component: Component::Speaker(self.node.clone()),
            namespace: self.namespace.clone(),
            pod: self.pod.clone(),
        }
    }

    /// Whose ServiceL2Status objects they are.
    fn owner_identity(&self) -> l2_status::Identity {
        l2_status::Identity {
            node: self.node.clone(),
            namespace: self.namespace.clone(),
            pod: self.pod.clone(),
        }
    }

    /// What the objects that configure are held against.
    fn rules(&self) -> Rules {
        Rules {
            namespace: self.namespace.as_str().into(),
            bgp_mode: self.bgp_mode,
            ..Rules::default()
        }
    }

    /// What the planner needs to know of the command line.
    fn options(&self) -> Options {
        Options {
            node: self.node.clone(),
            class: self.class.clone(),
            ignore_exclude_lb: self.ignore_exclude_lb,
        }
    }
}

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
        let config = &self.config;
        let ring = Membership::start(
            config.ring.as_ref(),
            &config.node,
            &self.client,
            &config.namespace,
        )
        .await?;
        let machine = Machine::new(self.config.layer2, self.config.seed);
        let announcer = announcer::start(machine, ring.clock()).context("cannot start the layer 2 thread")?;
        let (connection, client) = (Connection::default(), || self.client.clone());
        let (events, event_writer) = event::recorder(client(), event::SPEAKER, clock::wall);
        let (state, state_writer) =
            configuration_state::reporter(client(), config.identity(), clock::wall, connection.watches());
        let (owners, owner_writer) =
            l2_status::reporter(client(), config.owner_identity(), connection.watches());
        let messages = feed::open(
            &self.client,
            &self.config.namespace,
            &self.config.node,
            connection.watches(),
        )
        .ready_chunks(BATCH);
        let Announcer {
            commands,
            news,
            thread,
        } = announcer;
        let mut task = Task {
            planner: NodePlanner::new(config.options()),
            feed: Feed::new(config.node.clone(), config.rules(), connection.watches()),
            links: Links::new(self.config.interfaces, self.config.excluded),
            outbox: Outbox::new(commands),
            reporter: Reporter::new(self.config.node, events, state, owners, self.metrics),
            vigil: Vigil::start(Instant::now()),
            is_ready: self.is_ready,
            is_synced: false,
            electable: 0,
            withheld: BTreeMap::new(),
            clock: ring.clock(),
            rivals: Rivals::default(),
            isolation: Isolation::new(self.config.isolation),
            gateways: Gateways::default(),
            takeover: None,
        };
        let mut inputs = Inputs {
            ring,
            messages,
            secrets: NamedSecrets::new(self.client, self.config.namespace.clone()),
            namespace: self.config.namespace,
            links,
            news,
            queries: self.state.1,
        };
        let event_writer = shutdown.clone().run_until_cancelled_owned(event_writer.run());
        let state_writer = shutdown.clone().run_until_cancelled_owned(state_writer.run());
        let owner_writer = shutdown.clone().run_until_cancelled_owned(owner_writer.run());
        let (outcome, ..) = tokio::join!(
            task.run(&mut inputs, shutdown),
            event_writer,
            state_writer,
            owner_writer
        );
        // Until the successor has announced, this node answers (promise 6).
        let _ended = task.outbox.ask(Command::Hush);
        inputs.ring.leave().await;
        let _ended = task.outbox.ask(Command::Stop);
        drop(task);
        // The thread looks at its mailbox at once, so this does not wait for long.
        let joined = tokio::task::spawn_blocking(move || thread.join()).await;
        inputs.ring.end().await;
        anyhow::ensure!(matches!(joined, Ok(Ok(()))), "the layer 2 thread panicked");
        outcome
    }
}

/// Everything that the task waits for.
struct Inputs<S> {
    ring: Membership,
    messages: S,
    secrets: NamedSecrets,
    namespace: NamespaceName,
    links: LinkMonitor,
    news: tokio::sync::mpsc::Receiver<announcer::News>,
    queries: StateQueries,
}

/// The task's state; nobody else sees it.
struct Task {
    planner: NodePlanner,
    feed: Feed,
    links: Links,
    outbox: Outbox,
    reporter: Reporter,
    /// When the node is looked over for traps.
    vigil: Vigil,
    is_ready: Arc<AtomicBool>,
    /// Everything that existed at the start is known.
    is_synced: bool,
    /// How many speakers could be elected.
    electable: usize,
    /// Links that are back, until others that may stand in for this node have been asked.
    withheld: BTreeMap<InterfaceIndex, Layer2Input>,
    clock: Clock,
    rivals: Rivals,
    /// Whether this node is cut off, and whom it asks.
    isolation: Isolation,
    gateways: Gateways,
    /// Addresses of a speaker that was lost, on their way to the wire.
    takeover: Option<Takeover>,
}

impl Task {
    async fn run<S>(&mut self, inputs: &mut Inputs<S>, shutdown: CancellationToken) -> anyhow::Result<()>
    where
        S: futures::Stream<Item = Vec<Message>> + Unpin,
    {
        let mut count = interval_at(Instant::now() + COUNT_INTERVAL, COUNT_INTERVAL);
        count.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut counted: Option<oneshot::Receiver<Statistics>> = None;
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                heard = inputs.ring.next() => self.hear(&heard, &mut inputs.ring)?,
                Some(batch) = inputs.messages.next() => self.take(batch, inputs)?,
                Some((name, report)) = inputs.secrets.next() => {
                    self.take(vec![Message::Secret(name, report)], inputs)?;
                }
                change = inputs.links.next() => {
                    self.vigil.stir(Instant::now());
                    self.take_link(change?, &mut inputs.ring)?;
                }
                () = sleep_until_due(self.vigil.due()) => self.look_for_traps(),
                Some(news) = inputs.news.recv() => self.take_news(&news, &inputs.ring)?,
                () = until(self.clock, self.rivals.deadline()) => self.prevail()?,
                () = until(self.clock, self.isolation.deadline()) => self.look_for_gateway(&mut inputs.ring)?,
                at = first_frame(&mut self.takeover) => self.finish_takeover(at),
                Some(answer) = inputs.queries.recv() => drop(answer.send(self.describe(&inputs.ring))),
                () = tokio::time::sleep(FLUSH_INTERVAL), if self.outbox.is_waiting() => self.outbox.flush()?,
                statistics = answer_of(&mut counted), if counted.is_some() => {
                    counted = None;
                    if let Some(statistics) = statistics {
                        self.reporter.count_layer2(&statistics);
                    }
                }
                _ = count.tick(), if counted.is_none() => {
                    let (question, answer) = oneshot::channel();
                    self.outbox.ask(Command::Count(question))?;
                    counted = Some(answer);
                }
            }
            let may_claim = self.is_ready.load(Ordering::Relaxed) && inputs.ring.is_open();
            if let Some(meta) = self.links.changed_meta(may_claim) {
                inputs.ring.set_meta(meta).await;
            }
        }
    }

    /// Takes in a heap of messages: facts one by one, the configuration once.
    fn take<S>(&mut self, batch: Vec<Message>, sources: &mut Inputs<S>) -> anyhow::Result<()> {
        let was_synced = self.is_synced;
        let mut inputs = Vec::new();
        for message in batch {
            if message.is_update() {
                self.reporter.metrics.client.updates.increment();
            }
            if matches!(message, Message::Service(_)) {
                self.vigil.stir(Instant::now());
            }
            self.feed.take(message, &mut inputs);
        }
        self.follow_secrets(sources);
        if let Some(settled) = self.feed.settle(was_synced, &mut inputs) {
            self.reporter.tell_settled(settled, |id| self.feed.uid(id));
        }
        for input in inputs.into_iter().filter(|input| *input != Input::Synced) {
            self.plan(input)?;
        }
        if !self.is_synced && self.feed.is_synced() {
            self.is_synced = true;
            sources.ring.learn_facts();
        }
        self.reporter
            .tell_frozen(self.planner.is_frozen(), self.feed.is_away());
        self.begin(&sources.ring)
    }

    /// Lets the planner begin once the cluster and the ring are known, in whatever order.
    fn begin(&mut self, ring: &Membership) -> anyhow::Result<()> {
        if !self.is_synced || !ring.is_open() || self.is_ready.load(Ordering::Relaxed) {
            return Ok(());
        }
        self.plan(Input::MembersChanged(ring.members()))?;
        self.plan(Input::Synced)?;
        self.is_ready.store(true, Ordering::Relaxed);
        self.reporter.tell_complete();
        drop(tokio::spawn(memory::give_back_after_start()));
        tracing::info!(
            op = "startup",
            "everything is known, announcing what this node owns"
        );
        Ok(())
    }

    fn hear(&mut self, heard: &Heard, ring: &mut Membership) -> anyhow::Result<()> {
        match heard {
            Heard::Members => {
                let (members, out) = ring.size();
                let electable = members.saturating_sub(out);
                let is_smaller = electable < std::mem::replace(&mut self.electable, electable);
                self.outbox
                    .tell(Layer2Input::PeersObserved(ring.macs_of_others()))?;
                let outputs = self.decide(Input::MembersChanged(ring.members()));
                if is_smaller {
                    self.follow_takeover(&outputs, ring)?;
                }
                self.carry_out(outputs)?;
                self.reporter.metrics.ring.sized(ring.size());
                self.observe_isolation(ring)?;
            }
            Heard::Opened(opening) => {
                self.reporter.tell_opening(*opening);
                self.begin(ring)?;
                self.release_links()?;
            }
            Heard::Report(report) => self.reporter.tell_ring(report),
            Heard::Pods(pods) => self.reporter.tell_pods(pods),
            Heard::NoPeers(error) => self.reporter.tell_no_peers(error),
        }
        Ok(())
    }

    /// Watches the Secrets that peers name, and no others.
    fn follow_secrets<S>(&mut self, sources: &mut Inputs<S>) {
        if let Some(names) = self.feed.changed_secrets() {
            for gone in sources.secrets.follow(names) {
                self.feed.forget_secret(&sources.namespace, &gone);
            }
        }
    }

    /// Decides and carries out.
    fn plan(&mut self, input: Input) -> anyhow::Result<()> {
        let outputs = self.decide(input);
        self.carry_out(outputs)
    }

    fn decide(&mut self, input: Input) -> Vec<Output> {
        let mut outputs = Vec::new();
        self.planner.handle(input, &mut outputs);
        outputs
    }

    fn carry_out(&mut self, outputs: Vec<Output>) -> anyhow::Result<()> {
        for output in outputs {
            self.reporter.tell(&output, &self.links);
            match output {
                Output::Announce {
                    ip,
                    interfaces,
                    is_first_use,
                } => {
                    self.outbox.tell(Layer2Input::AddressWanted {
                        address: ip,
                        interfaces,
                        claim: if is_first_use {
                            Claim::FirstUse
                        } else {
                            Claim::TakeOver
                        },
                    })?;
                }
                Output::Withdraw { ip } => {
                    self.reporter.tell_released(ip);
                    self.outbox.tell(Layer2Input::AddressReleased { address: ip })?;
                }
                Output::ReportInterfaces { service, .. } => {
                    if let Some(announcement) = self.planner.announcement(&service) {
                        self.reporter.tell_interfaces(&service, announcement, &self.links);
                    }
                }
                Output::ReportAnnounced { .. } | Output::ReportWithdrawn { .. } => {}
            }
        }
        Ok(())
    }

    fn take_news(&mut self, news: &News, ring: &Membership) -> anyhow::Result<()> {
        match news {
            News::Rival { address, mac } => self.judge_rival(*address, *mac, ring)?,
            News::Conflict(conflict) => {
                let services = self.holders_of(conflict.address);
                self.reporter.tell_conflict(conflict, &services, &self.links);
            }
            News::Reclaimed { address, interface } => {
                self.reporter.tell_reclaimed(*address, *interface, &self.links);
            }
        }
        Ok(())
    }

    /// The Services that are announced from here at `address`, with their UIDs.
    fn holders_of(&self, address: IpAddr) -> Vec<(ObjectKey, Box<str>)> {
        let announced = self.planner.announced();
        let holders = announced.filter(|(_, a)| a.addresses.contains(&address));
        holders
            .map(|(service, announcement)| (service.clone(), announcement.uid.clone()))
            .collect()
    }

    /// Looks the node over and tells what is new.
    fn look_for_traps(&mut self) {
        let network = network::observe(self.reporter.node.clone(), &self.links);
        let found = ferrolb_diagnosis::traps(&network, self.planner.services());
        self.vigil.looked(Instant::now(), !found.is_empty());
        let planner = &self.planner;
        self.reporter
            .tell_traps(found, |service| planner.uid(service).into());
    }

    /// `/debug/state`.
    fn describe(&self, ring: &Membership) -> Value {
        let services: BTreeMap<String, Vec<IpAddr>> = self
            .planner
            .announced()
            .map(|(key, a)| (key.to_string(), a.addresses.to_vec()))
            .collect();
        let addresses: BTreeMap<String, Value> = self
            .planner
            .addresses()
            .map(|(ip, interfaces)| (ip.to_string(), json!(interfaces)))
            .collect();
        let causes = [
            ("nodesNotReady", self.planner.is_frozen()),
            ("apiServerAway", self.feed.is_away()),
        ];
        let frozen: Vec<&str> = causes
            .iter()
            .filter(|(_, is)| *is)
            .map(|(cause, _)| *cause)
            .collect();
        json!({
            "node": self.planner.options().node,
            "ring": ring.describe(),
            "isolated": self.isolation.is_stopped(),
            "frozen": frozen,
            "missing": self.feed.missing(),
            "announcedServices": services,
            "announcedAddresses": addresses,
            "problems": self.reporter.problems(),
            "traps": self.reporter.traps.messages().collect::<Vec<_>>(),
            "conflicts": self.reporter.conflicts.addresses(),
        })
    }
}

/// The answer to a question about counters; none when the thread had no time for it.
async fn answer_of(question: &mut Option<oneshot::Receiver<Statistics>>) -> Option<Statistics> {
    match question {
        Some(answer) => answer.await.ok(),
        None => std::future::pending().await,
    }
}

/// Never, if nothing is due.
async fn sleep_until_due(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}
