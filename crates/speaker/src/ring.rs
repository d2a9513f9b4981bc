//! This speaker's part in the gossip ring (layer2 section 5): who is there, and when addresses may be claimed.
//!
//! ```text
//!   pod list ──▶ Peers ──addresses──▶ ┌────────────┐ ── Heard::Members ──▶ election
//!   ring ── view, reports ──────────▶ │ Membership │ ── Heard::Opened ───▶ the first announcement
//!   time ───────────────────────────▶ │   (Gate)   │ ── Heard::Report ───▶ log, events
//!                                     └────────────┘
//! ```
//!
//! The ring has a thread of its own: a control packet never waits until a thousand Services are decided.

mod neighbours;
mod peers;
mod reach;
mod tell;
mod thread;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context as _;
use ferrolb_claim::{Acquaintances, Gate, Opening, electable};
use ferrolb_driver::Clock;
use ferrolb_driver::ring::Setup;
use ferrolb_gossip::{Meta, Output};
use ferrolb_kube::Client;
use ferrolb_plan::Members;
use ferrolb_types::{Instant, MacAddr, NamespaceName, NodeName};
use ferrolb_wire::memberlist::{Key, KeyRing};
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use neighbours::Neighbours;
use peers::Peers;
use thread::RingThread;

pub(crate) use reach::Reach;

pub use ferrolb_gossip::{Config as GossipConfig, derive_key};

/// How long a leaving speaker still answers, while its successor announces. One network latency is needed; a burst, in which
/// two may answer, is longer.
const HAND_OVER: Duration = Duration::from_millis(100);
/// For telling everybody that this node leaves; the ring itself gives up after a second.
const LEAVE_TIMEOUT: Duration = Duration::from_millis(1500);

/// How to take part in the ring.
#[derive(Clone, Debug)]
pub struct RingConfig {
    /// `--ml-bindaddr` and `--ml-bindport`: where to listen, TCP and UDP, and what others are told.
    pub bind: SocketAddr,
    /// `--ml-labels`: the label selector of the speakers' pods.
    pub labels: Box<str>,
    /// From `--ml-secret-key-path`; none: not encrypted.
    pub key: Option<GossipKey>,
    /// `--ml-wan-config`, `config.json`, `--fast-watch`.
    pub gossip: GossipConfig,
}

/// The key of the ring; never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct GossipKey(pub [u8; 32]);

impl fmt::Debug for GossipKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GossipKey(256 bits)")
    }
}

impl RingConfig {
    fn setup(&self, node: &NodeName) -> anyhow::Result<Setup> {
        let key = self.key.as_ref().map(|key| Key::new(&key.0)).transpose();
        Ok(Setup {
            config: self.gossip,
            meta: Meta {
                subnets: Some(BTreeSet::new()),
                ..Meta::default()
            },
            keys: key.context("the key of the ring")?.map(KeyRing::new),
            ..Setup::new(node.as_str(), self.bind)
        })
    }
}

/// What the ring tells.
#[derive(Debug)]
pub(crate) enum Heard {
    /// Who may be elected is, or may be, somebody else now.
    Members,
    /// Addresses may be claimed from now on.
    Opened(Opening),
    /// Something that people want to know.
    Report(Output),
    /// The pod list names others than before.
    Pods(BTreeSet<SocketAddr>),
    /// The pod list could not be had.
    NoPeers(ferrolb_kube::Error),
}

/// The ring as the speaker sees it; without gossip (layer2 5.1) nothing ever comes of it.
pub(crate) struct Membership {
    clock: Clock,
    gate: Gate,
    part: Option<Part>,
}

/// A part in a ring.
struct Part {
    node: NodeName,
    thread: RingThread,
    peers: Peers,
    /// As last read.
    pods: Option<BTreeSet<SocketAddr>>,
    acquaintances: Acquaintances,
    /// Where the hardware addresses of MetalLB's speakers are found.
    neighbours: Neighbours,
    /// How many could be elected when this node lost its last link, while it has none.
    cut_off_from: Option<usize>,
    /// It was told that the pod list does not name this speaker.
    is_told: bool,
}

impl Membership {
    /// Binds the sockets if there is to be a ring.
    pub(crate) async fn start(
        config: Option<&RingConfig>,
        node: &NodeName,
        client: &Client,
        namespace: &NamespaceName,
    ) -> anyhow::Result<Self> {
        let Some(config) = config else {
            tracing::info!(
                op = "startup",
                "no gossip, since `--ml-bindaddr` or `--ml-labels` is empty: every Node counts as having a speaker"
            );
            return Ok(Self {
                clock: Clock::start(),
                gate: Gate::open(),
                part: None,
            });
        };
        if config.key.is_none() {
            tracing::warn!(op = "startup", "gossip is not encrypted: there is no key");
        }
        let thread = thread::start(config.setup(node)?).await.with_context(|| {
            format!(
                "cannot listen on `{}` (`--ml-bindaddr`, `--ml-bindport`)",
                config.bind
            )
        })?;
        let peers = Peers::follow(client.clone(), namespace.clone(), config);
        Ok(Self {
            clock: thread.clock,
            gate: Gate::closed(),
            part: Some(Part {
                node: node.clone(),
                thread,
                peers,
                pods: None,
                acquaintances: Acquaintances::default(),
                neighbours: Neighbours::default(),
                cut_off_from: None,
                is_told: false,
            }),
        })
    }

    /// Whether addresses may be claimed.
    pub(crate) const fn is_open(&self) -> bool {
        self.gate.is_open()
    }

    /// Who may be elected.
    pub(crate) fn members(&self) -> Members {
        match &self.part {
            Some(part) => electable(part.thread.view.borrow().candidates()),
            None => Members::AllNodes,
        }
    }

    /// How many are there, and how many of them are out for elections.
    pub(crate) fn size(&self) -> (usize, usize) {
        self.part.as_ref().map_or((0, 0), |part| {
            let view = part.thread.view.borrow();
            (view.members.len(), view.out.len())
        })
    }

    /// Whether no other speaker is heard, though none has said goodbye.
    pub(crate) fn is_unheard(&self) -> bool {
        let part = self.part.as_ref();
        part.is_some_and(|part| part.thread.view.borrow().is_unheard)
    }

    /// Who is in the ring as this speaker sees it, for `/debug/state`; nothing without gossip.
    pub(crate) fn describe(&self) -> Value {
        let Some(part) = &self.part else {
            return Value::Null;
        };
        let view = part.thread.view.borrow();
        let members: BTreeSet<&str> = view.members.iter().map(|member| &*member.name).collect();
        let electable: BTreeSet<&str> = view.candidates().map(|member| &*member.name).collect();
        let out: Vec<&str> = members.difference(&electable).copied().collect();
        let addresses: BTreeMap<&str, Vec<String>> = part
            .acquaintances
            .iter()
            .map(|(name, known)| (name.as_str(), known.macs.iter().map(MacAddr::to_string).collect()))
            .collect();
        json!({
            "members": members,
            "out": out,
            "isOpen": self.gate.is_open(),
            "hardwareAddresses": addresses,
        })
    }

    /// What the instants of the ring count from; without gossip a new clock.
    pub(crate) const fn clock(&self) -> Clock {
        self.clock
    }

    /// When the candidate that was lost last gave its last sign of life, as far as known.
    pub(crate) fn lost_at(&self) -> Option<Instant> {
        self.part.as_ref()?.thread.view.borrow().lost_at
    }

    /// The hardware addresses of the other speakers, as far as they tell, also of those that the ring has lost.
    pub(crate) fn macs_of_others(&self) -> BTreeSet<MacAddr> {
        let acquaintances = self.part.as_ref().map(|part| &part.acquaintances);
        acquaintances.map(Acquaintances::macs).unwrap_or_default()
    }

    /// The speakers whose claims are told from those of foreign hosts.
    pub(crate) fn acquaintances(&self) -> Option<&Acquaintances> {
        self.part.as_ref().map(|part| &part.acquaintances)
    }

    /// Asks those that are missing at once: there is a sign that they can be reached.
    pub(crate) fn seek(&self) {
        if let Some(part) = &self.part {
            part.peers.look_again();
        }
    }

    /// All facts are known. If the pod list is not, because the API server was away, it is to be read before anything is claimed:
    /// that nobody has answered so far says nothing.
    pub(crate) fn learn_facts(&mut self) {
        if let Some(part) = self.part.as_ref().filter(|part| part.pods.is_none()) {
            self.gate = Gate::closed_again(part.has_others(), self.clock.now());
            part.peers.look_again();
        }
    }

    /// This node has lost its last link.
    pub(crate) fn cut_off(&mut self) {
        if let Some(part) = &mut self.part {
            part.cut_off_from = Some(part.thread.view.borrow().candidates().count());
        }
    }

    /// This node has a link again. If the ring has lost others meanwhile, nothing may be claimed before they have been asked, as
    /// after the start: they stand in for this node, and it would claim theirs.
    pub(crate) fn reunite(&mut self) {
        let Some(part) = &mut self.part else { return };
        let before = part.cut_off_from.take().unwrap_or_default();
        if part.thread.view.borrow().candidates().count() < before {
            self.gate = Gate::closed_again(part.has_others(), self.clock.now());
        }
        part.peers.look_again();
    }

    /// Tells the others what this node can announce.
    pub(crate) async fn set_meta(&self, meta: Meta) {
        if let Some(part) = &self.part {
            part.thread.handle.set_meta(meta).await;
        }
    }

    /// The next thing that it tells; never without gossip. Cancel safe.
    pub(crate) async fn next(&mut self) -> Heard {
        let Self {
            clock,
            gate,
            part: Some(part),
        } = self
        else {
            return std::future::pending().await;
        };
        loop {
            if let Some(opening) = gate.check(clock.now()) {
                return Heard::Opened(opening);
            }
            let deadline = gate.deadline();
            tokio::select! {
                () = until(*clock, deadline) => {}
                () = until(*clock, part.neighbours.deadline()) => {
                    let before = part.acquaintances.macs();
                    part.acquaint(clock.now());
                    if part.acquaintances.macs() != before {
                        return Heard::Members;
                    }
                }
                Ok(()) = part.thread.view.changed() => {
                    part.acquaint(clock.now());
                    if part.has_others() {
                        gate.join(clock.now());
                    }
                    return Heard::Members;
                }
                Some((_, report)) = part.thread.reports.recv() => {
                    if let Output::ReportJoined { address, .. } | Output::ReportJoinFailed { address, .. } = &report {
                        gate.answer(*address, clock.now());
                    }
                    return Heard::Report(report);
                }
                Some(found) = part.peers.next() => match found {
                    Ok(addresses) => {
                        let is_new = part.pods.as_ref() != Some(&addresses);
                        part.ask(gate, &addresses, clock.now()).await;
                        if is_new {
                            part.pods = Some(addresses.clone());
                            return Heard::Pods(addresses);
                        }
                    }
                    Err(error) => {
                        gate.ask(&BTreeSet::new(), clock.now());
                        return Heard::NoPeers(error);
                    }
                },
            }
        }
    }

    /// Tells the others that this node leaves. Returns when a successor has had the time to announce; until then this node
    /// has to go on answering.
    pub(crate) async fn leave(&mut self) {
        let Some(part) = &mut self.part else { return };
        let has_others = part.has_others();
        part.thread.handle.leave().await;
        if has_others {
            tokio::time::sleep(HAND_OVER).await;
        }
    }

    /// Waits until the others know, but not for long.
    pub(crate) async fn end(self) {
        if let Some(part) = self.part {
            // Who does not hear it finds out by itself.
            let _late = timeout(LEAVE_TIMEOUT, part.thread.ended).await;
        }
    }
}

impl Part {
    fn has_others(&self) -> bool {
        self.thread.view.borrow().members.len() > 1
    }

    fn acquaint(&mut self, now: Instant) {
        let view = self.thread.view.borrow_and_update();
        let others = || {
            view.members
                .iter()
                .filter(|member| *member.name != *self.node.as_str())
        };
        let of_metallb = others().filter(|member| member.meta.is_none());
        self.neighbours
            .refresh(now, of_metallb.map(|member| member.address.ip()));
        self.acquaintances.observe(others(), |ip| self.neighbours.mac(ip));
    }

    /// Asks those of the pods that are not known.
    async fn ask(&mut self, gate: &mut Gate, addresses: &BTreeSet<SocketAddr>, now: Instant) {
        let own = self.thread.address;
        if addresses.iter().eq([&own]) {
            return gate.be_alone();
        }
        if !addresses.contains(&own) && !std::mem::replace(&mut self.is_told, true) {
            tracing::warn!(
                op = "ring", %own, pods = addresses.len(),
                "the pods of `--ml-labels` do not include this one; is the label selector right, and `--ml-bindaddr` the pod's address?"
            );
        }
        let unknown: BTreeSet<SocketAddr> = {
            let view = self.thread.view.borrow();
            let is_known =
                |address: &SocketAddr| view.members.iter().any(|member| member.address == *address);
            addresses
                .iter()
                .copied()
                .filter(|address| !is_known(address))
                .collect()
        };
        gate.ask(&unknown, now);
        if !unknown.is_empty() {
            self.thread.handle.join(unknown.into_iter().collect()).await;
        }
    }
}

/// Waits for `deadline`; for ever if there is none.
pub(crate) async fn until(clock: Clock, deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep(clock.until(deadline)).await,
        None => std::future::pending().await,
    }
}
