//! The machine: inputs in, outputs out.

mod claims;
mod exchange;
mod greeting;
mod leave;
mod probe;
mod recall;
mod receive;
mod relay;
mod send;
mod solitude;
mod watching;

use core::net::SocketAddr;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use ferrolb_types::{Instant, SplitMix64};
use ferrolb_wire::memberlist::{NodeState, Versions};

use crate::awareness::Awareness;
use crate::broadcast::Broadcasts;
use crate::lost::Lost;
use crate::members::{Members, Node, NodeId};
use crate::meta::Life;
use crate::timer::{Timer, Timers};
use crate::watch::Watch;
use crate::{Config, Input, Member, Meta, Output, StreamId};

use exchange::Purpose;
use greeting::Greeting;
use probe::Probe;
use relay::Relay;

/// Who this node is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The name of the Kubernetes node, 1 to 255 octets.
    pub name: String,
    /// Where others reach its gossip, by datagrams and streams.
    pub address: SocketAddr,
    /// What it tells about itself. [`Meta::fast_watch`] is set by the configuration, [`Meta::life`] by chance.
    pub meta: Meta,
    /// Most octets that wrapping adds to a datagram
    /// ([`Envelope::packet_overhead`](ferrolb_wire::memberlist::Envelope::packet_overhead)).
    pub packet_overhead: usize,
}

/// A node of a ring.
///
/// Probes one node after the other, tells what it learns to random others, compares all with one of them now and then, and
/// watches its ring neighbours closely.
///
/// | A node | is believed to be | until |
/// |---|---|---|
/// | tells that it is there | alive | – |
/// | answers no probe: not directly, not over others, not over a stream | suspect | it defends itself with a higher incarnation |
/// | is suspect for too long | dead, told as `ReportMemberGone` | it defends itself, which it is called upon to do, or is forgotten |
/// | says goodbye | left, told as `ReportMemberGone` | it comes back, or is forgotten |
/// | is not heard by two watchers, or by one that no other contradicts, nor reached for them | out for elections, told as `ReportElectionOut` | it is heard |
#[derive(Debug)]
pub struct Machine {
    config: Config,
    packet_overhead: usize,
    this: NodeId,
    name: Arc<str>,
    incarnation: u32,
    members: Members,
    lost: Lost,
    awareness: Awareness,
    broadcasts: Broadcasts,
    probe: Option<Probe>,
    greetings: BTreeMap<NodeId, Greeting>,
    relays: BTreeMap<u32, Relay>,
    streams: BTreeMap<StreamId, Purpose>,
    next_stream: u64,
    /// Addresses that are still to be asked.
    joins: VecDeque<SocketAddr>,
    sequence: u32,
    watch: Watch,
    timers: Timers,
    random: SplitMix64,
    phase: Phase,
    /// As told: no other node is heard.
    is_unheard: bool,
}

/// Whether this node takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Running,
    Leaving,
    Left,
}

impl Machine {
    /// A ring of one node, at `now`. `seed` decides every choice by chance.
    #[must_use]
    pub fn new(config: Config, identity: Identity, now: Instant, seed: u64) -> Self {
        let name: Arc<str> = identity.name.into();
        let mut random = SplitMix64::new(seed);
        let mut members = Members::default();
        let life = Life(1 + random.below(u32::MAX));
        let meta = Meta {
            fast_watch: config.fast_watch,
            life: config.fast_watch.then_some(life),
            ..identity.meta
        };
        let node = Node {
            name: Arc::clone(&name),
            address: identity.address,
            meta_octets: meta.encode().into(),
            meta: Some(meta),
            versions: Versions::CURRENT,
            incarnation: 1,
            state: NodeState::Alive,
            changed: now,
            suspicion: None,
            conflict_told: None,
        };
        let this = members
            .add(node, &mut random)
            .expect("an empty table takes a node");
        let watch = Watch::new(this, &name, config.fast_watch, life);
        let mut machine = Self {
            config,
            packet_overhead: identity.packet_overhead,
            this,
            name,
            incarnation: 1,
            members,
            lost: Lost::default(),
            awareness: Awareness::new(config.awareness_max_multiplier),
            broadcasts: Broadcasts::default(),
            probe: None,
            greetings: BTreeMap::new(),
            relays: BTreeMap::new(),
            streams: BTreeMap::new(),
            next_stream: 0,
            joins: VecDeque::new(),
            sequence: 0,
            watch,
            timers: Timers::default(),
            random,
            phase: Phase::Running,
            is_unheard: false,
        };
        machine.start(now);
        machine
    }

    /// Rings that start together do not act together: each begins at a random time of its intervals.
    fn start(&mut self, now: Instant) {
        let first_probe = now + self.within(self.config.probe_interval);
        self.timers.arm(Timer::Probe, first_probe);
        if !self.config.push_pull_interval.is_zero() {
            let first_exchange = now + self.within(self.config.push_pull_interval);
            self.timers.arm(Timer::PushPull, first_exchange);
        }
        if !self.config.queue_check_interval.is_zero() {
            self.timers
                .arm(Timer::QueueCheck, now + self.config.queue_check_interval);
        }
        self.announce_self(now);
    }

    /// Takes in `input` at `now`, which never runs backwards, and appends what is to be done to `out`.
    pub fn handle(&mut self, now: Instant, input: Input, out: &mut Vec<Output>) {
        if self.phase == Phase::Left {
            return;
        }
        let told = out.len();
        match input {
            Input::PacketReceived { from, payload } => self.receive(now, from, &payload, out),
            Input::StreamRequested {
                stream,
                from,
                payload,
            } => self.answer_stream(now, stream, from, &payload, out),
            Input::StreamAnswered { stream, payload } => self.take_answer(now, stream, &payload, out),
            Input::StreamFailed { stream, reason } => self.fail_stream(stream, reason, out),
            Input::PeersFound(addresses) => self.join(&addresses, out),
            Input::MetaChanged(meta) => self.change_meta(now, meta, out),
            Input::LeaveRequested => self.leave(now, out),
            Input::Tick => {
                while let Some(timer) = self.timers.pop_due(now) {
                    self.expire(now, timer, out);
                }
            }
        }
        if self.phase != Phase::Left {
            self.settle_watching(now, out);
        }
        self.notice_solitude(told, out);
    }

    /// When to call with [`Input::Tick`], if nothing happens before.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        self.timers.next_deadline()
    }

    /// Every node that is believed to be there, this one included, by name.
    #[must_use]
    pub fn members(&self) -> Vec<Member> {
        let mut members: Vec<Member> = self
            .members
            .iter()
            .filter(|(_, node)| node.is_usable())
            .map(|(_, node)| node.to_member())
            .collect();
        members.sort_by(|a, b| a.name.cmp(&b.name));
        members
    }

    /// Names of nodes that are there but out for elections.
    pub fn out_for_elections(&self) -> impl Iterator<Item = &Arc<str>> {
        self.watch
            .out
            .keys()
            .filter_map(|id| self.members.get(*id))
            .map(|node| &node.name)
    }

    /// How well this node itself does: 0 is well; more means that its own probes fail where others' succeed.
    #[must_use]
    pub const fn health_score(&self) -> u32 {
        self.awareness.score()
    }

    fn expire(&mut self, now: Instant, timer: Timer, out: &mut Vec<Output>) {
        match timer {
            Timer::Probe => self.probe_next(now, out),
            Timer::ProbeTimeout => self.ask_others(now, out),
            Timer::ProbeEnd => self.end_probe(now),
            Timer::Gossip => self.gossip(now, out),
            Timer::PushPull => self.exchange(now, out),
            Timer::QueueCheck => self.check_queue(now, out),
            Timer::LeaveEnd => self.finish_leaving(out),
            Timer::Suspicion(id) => self.give_up(now, id, out),
            Timer::Remind(id) => self.remind(now, id, out),
            Timer::Greet(id) => self.greet_again(now, id, out),
            Timer::Relay(sequence) => self.end_relay(sequence, out),
            Timer::Session(id) => self.tick_session(now, id, out),
            Timer::Confirm(id) => self.confirm_silence(now, id, out),
            // Told when all that is due at this time has happened.
            Timer::Tell => {}
            Timer::Decide(id) => drop(self.watch.undecided.insert(id)),
            Timer::Solitude => self.be_alone(now),
            Timer::Expire(node, watcher) => self.expire_judgement(node, watcher),
        }
    }

    fn check_queue(&mut self, now: Instant, out: &mut Vec<Output>) {
        self.timers
            .arm(Timer::QueueCheck, now + self.config.queue_check_interval);
        if !self.broadcasts.is_empty() {
            let length = self.broadcasts.len();
            out.push(Output::ReportQueue { length });
        }
    }

    /// A random part of `interval`.
    fn within(&mut self, interval: core::time::Duration) -> core::time::Duration {
        interval * self.random.below(1000) / 1000
    }

    fn next_sequence(&mut self) -> u32 {
        self.sequence = self.sequence.wrapping_add(1);
        self.sequence
    }

    fn is_other_usable(&self, id: NodeId, node: &Node) -> bool {
        id != self.this && node.is_usable()
    }
}

impl Node {
    pub(crate) fn to_member(&self) -> Member {
        Member {
            name: Arc::clone(&self.name),
            address: self.address,
            meta: self.meta.clone(),
        }
    }
}
