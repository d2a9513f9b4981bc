//! The task that owns what a speaker knows.

mod describe;
mod segment;
mod takeover;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ferrolb_claim::{Isolation, Rivals};
use ferrolb_driver::Clock;
use ferrolb_kube::connection::Watches;
use ferrolb_kube::secrets::NamedSecrets;
use ferrolb_l2::{Claim, Input as Layer2Input, Statistics};
use ferrolb_netio::link::LinkMonitor;
use ferrolb_plan::{Input, NodePlanner, Output};
use ferrolb_telemetry::admin::StateQueries;
use ferrolb_types::{InterfaceIndex, NamespaceName, ObjectKey};
use futures::StreamExt as _;
use tokio::sync::oneshot;
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;

use crate::Config;
use crate::announcer::{Command, News};
use crate::feed::{Feed, Message};
use crate::gateway::Gateways;
use crate::links::Links;
use crate::memory;
use crate::network;
use crate::outbox::Outbox;
use crate::report::Reporter;
use crate::ring::{Heard, Membership, until};
use crate::vigil::Vigil;
use takeover::{Takeover, first_frame};

/// Messages taken in before the configuration is resolved and the planner asked: an initial list is one such heap.
pub(crate) const BATCH: usize = 256;
/// How often the layer 2 thread's counters are read; shorter than any scrape interval in use.
const COUNT_INTERVAL: Duration = Duration::from_secs(5);
/// How soon a full mailbox is tried again.
const FLUSH_INTERVAL: Duration = Duration::from_millis(5);

/// Everything that the task waits for.
pub(crate) struct Inputs<S> {
    pub(crate) ring: Membership,
    pub(crate) messages: S,
    pub(crate) secrets: NamedSecrets,
    pub(crate) namespace: NamespaceName,
    pub(crate) links: LinkMonitor,
    pub(crate) news: tokio::sync::mpsc::Receiver<News>,
    pub(crate) queries: StateQueries,
}

/// The task's state; nobody else sees it.
pub(crate) struct Task {
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
    pub(crate) fn new(
        config: &Config,
        watches: Watches,
        outbox: Outbox,
        reporter: Reporter,
        is_ready: Arc<AtomicBool>,
        clock: Clock,
    ) -> Self {
        Self {
            planner: NodePlanner::new(config.options()),
            feed: Feed::new(config.node.clone(), config.rules(), watches),
            links: Links::new(config.interfaces.clone(), config.excluded.clone()),
            outbox,
            reporter,
            vigil: Vigil::start(Instant::now()),
            is_ready,
            is_synced: false,
            electable: 0,
            withheld: BTreeMap::new(),
            clock,
            rivals: Rivals::default(),
            isolation: Isolation::new(config.isolation),
            gateways: Gateways::default(),
            takeover: None,
        }
    }

    /// It has ended, and this is what is left to say to the layer 2 thread.
    pub(crate) fn into_outbox(self) -> Outbox {
        self.outbox
    }

    pub(crate) async fn run<S>(
        &mut self,
        inputs: &mut Inputs<S>,
        shutdown: CancellationToken,
    ) -> anyhow::Result<()>
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
                        claim: Claim::new(is_first_use),
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
