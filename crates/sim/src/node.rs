//! One node: the machines of a speaker, and what it carries between them.

mod announcing;
mod event;
mod ring;

use core::net::{Ipv4Addr, SocketAddr};
use core::time::Duration;
use std::collections::BTreeSet;

use ferrolb_claim::{Acquaintances, Gate, Isolation, Rivals};
use ferrolb_gossip::{Identity, Input as GossipInput, Machine as Ring, Meta};
use ferrolb_l2::{Input as Layer2Input, Link, Machine as Layer2, Output as Layer2Output};
use ferrolb_plan::{Input as PlanInput, NodePlanner, Options};
use ferrolb_types::{Instant, InterfaceIndex, MacAddr, NodeName};
use ferrolb_wire::arp;

pub use self::event::{Effect, Event};
use crate::Setting;
use crate::control::SUBNET;
use crate::names::{address, mac, name, number};
use crate::process::Program;

/// The only interface that announces.
pub(crate) const ETH0: InterfaceIndex = InterfaceIndex(2);
/// Who asks.
const CLIENT: MacAddr = MacAddr([2, 0xc1, 0, 0, 0, 0]);
const CLIENT_IP: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 250);
/// How long a speaker goes on answering after its goodbye (`ring.rs` of the speaker).
const HAND_OVER: Duration = Duration::from_millis(100);

/// A node with its speaker.
#[derive(Debug)]
pub struct Node {
    name: NodeName,
    address: SocketAddr,
    mac: MacAddr,
    ring: Ring,
    layer2: Layer2,
    planner: NodePlanner,
    gate: Gate,
    acquaintances: Acquaintances,
    rivals: Rivals,
    isolation: Isolation,
    has_pods: bool,
    is_synced: bool,
    is_ready: bool,
    is_unheard: bool,
    /// How many could be elected when it stopped.
    cut_off_from: usize,
    /// It may go on once the gate is open.
    is_link_withheld: bool,
    /// The others were told that this node may claim addresses.
    is_told_to_claim: bool,
    /// It has said goodbye, and answers until then.
    ends: Option<Instant>,
    has_ended: bool,
    /// Claims of hosts that are taken for foreign ones. There are none in this world.
    pub(crate) conflicts: usize,
}

impl Node {
    /// A node whose speaker has just started.
    pub(crate) fn new(number: usize, setting: &Setting, now: Instant, seed: u64) -> Self {
        Self::telling(nowhere(number), number, setting, now, seed)
    }

    /// A node that has been in the ring for long. It still has to [`remember`](Self::remember).
    pub(crate) fn veteran(number: usize, setting: &Setting, now: Instant, seed: u64) -> Self {
        Self::telling(somewhere(number), number, setting, now, seed)
    }

    /// Knows `everybody`, who know it, and all `facts`.
    pub(crate) fn remember(
        &mut self,
        now: Instant,
        everybody: GossipInput,
        facts: Vec<PlanInput>,
        out: &mut Vec<Effect>,
    ) {
        (self.has_pods, self.is_told_to_claim) = (true, true);
        self.tell_ring(now, everybody, out);
        self.learn(now, facts, out);
        self.gate = Gate::open();
        self.begin(now, out);
    }

    /// As its ring tells it.
    pub(crate) fn meta(&self) -> Vec<u8> {
        let members = self.ring.members();
        let own = members.iter().find(|member| *member.name == *self.name.as_str());
        own.and_then(|member| Some(member.meta.as_ref()?.encode()))
            .unwrap_or_default()
    }

    fn telling(told: Meta, number: usize, setting: &Setting, now: Instant, seed: u64) -> Self {
        let (name, address) = (NodeName::new(name(number)), address(number));
        let identity = Identity {
            name: name.as_str().to_owned(),
            address,
            meta: told,
            packet_overhead: 34,
        };
        let mut node = Self {
            address,
            mac: mac(number),
            ring: Ring::new(setting.gossip, identity, now, seed),
            layer2: Layer2::new(setting.layer2, seed),
            planner: NodePlanner::new(Options {
                node: name.clone(),
                class: "".into(),
                ignore_exclude_lb: false,
            }),
            name,
            gate: Gate::closed(),
            acquaintances: Acquaintances::default(),
            rivals: Rivals::default(),
            isolation: Isolation::new(setting.isolation),
            has_pods: false,
            is_synced: false,
            is_ready: false,
            is_unheard: false,
            cut_off_from: 0,
            is_link_withheld: false,
            is_told_to_claim: false,
            ends: None,
            has_ended: false,
            conflicts: 0,
        };
        node.set_link(now);
        node
    }

    fn set_link(&mut self, now: Instant) {
        let link = Link {
            index: ETH0,
            name: "eth0".into(),
            mac: Some(self.mac),
            up: true,
            carrier: true,
            carrier_ups: 1,
            broadcast: true,
            noarp: false,
            enslaved: false,
            excluded: self.isolation.is_stopped(),
            link_local: None,
        };
        self.tell_layer2(now, Layer2Input::LinkChanged(link), &mut Vec::new());
    }

    /// Its name.
    #[must_use]
    pub const fn name(&self) -> &NodeName {
        &self.name
    }

    pub(crate) const fn mac(&self) -> MacAddr {
        self.mac
    }

    /// Whether it may claim addresses: it has met the others, and knows all facts.
    #[must_use]
    pub const fn is_ready(&self) -> bool {
        self.is_ready && self.gate.is_open()
    }

    /// Whether it has stopped because it hears nobody.
    #[must_use]
    pub const fn is_isolated(&self) -> bool {
        self.isolation.is_stopped()
    }

    /// How many nodes its ring has, itself included, and how many of them are out for elections.
    #[must_use]
    pub fn ring_size(&self) -> (usize, usize) {
        (self.ring.members().len(), self.ring.out_for_elections().count())
    }

    /// Whether the filter of its socket lets frames about `address` pass.
    pub(crate) fn listens_for(&self, address: Ipv4Addr) -> bool {
        self.layer2.holds(address.into())
    }

    /// Whether an ARP request of a client for `address` would be answered now.
    pub(crate) fn answers(&mut self, now: Instant, address: Ipv4Addr) -> bool {
        if self.has_ended || !self.listens_for(address) {
            return false;
        }
        let question = arp::Packet::request(CLIENT, CLIENT_IP, address).encode();
        let mut out = Vec::new();
        self.layer2.receive(now, ETH0, &question, &mut out);
        matches!(&out[..], [Layer2Output::SendFrame { .. }])
    }

    fn tick(&mut self, now: Instant, out: &mut Vec<Effect>) {
        if self.ends.is_some_and(|at| at <= now) {
            self.has_ended = true;
            return;
        }
        if is_due(self.ring.next_deadline(), now) {
            self.tell_ring(now, GossipInput::Tick, out);
        }
        for address in self.rivals.take_due(now) {
            if self.planner.announces(address) {
                let prevails = Layer2Input::RivalJudged {
                    address,
                    prevails: true,
                };
                self.tell_layer2(now, prevails, out);
            }
        }
        let step = self.isolation.tick(now);
        self.take_step(now, step, out);
        if self.ends.is_none() && is_due(self.layer2.next_deadline(), now) {
            self.tell_layer2(now, Layer2Input::Tick, out);
        }
    }

    /// A node that has just started, or was cut off, may claim addresses once the others are known, and all facts.
    fn begin(&mut self, now: Instant, out: &mut Vec<Effect>) {
        let _opening = self.gate.check(now);
        if self.gate.is_open() && core::mem::take(&mut self.is_link_withheld) {
            self.set_link(now);
        }
        if self.is_synced && self.gate.is_open() && !self.is_ready {
            self.is_ready = true;
            let members = self.electable(&self.ring.members());
            self.plan(now, PlanInput::MembersChanged(members), out);
            self.plan(now, PlanInput::Synced, out);
        }
        let may_claim = self.is_ready() && !self.is_isolated();
        if core::mem::replace(&mut self.is_told_to_claim, may_claim) != may_claim {
            let meta = if may_claim { somewhere } else { nowhere };
            let meta = meta(number(self.name.as_str()));
            self.tell_ring(now, GossipInput::MetaChanged(meta), out);
        }
    }

    fn learn(&mut self, now: Instant, facts: Vec<PlanInput>, out: &mut Vec<Effect>) {
        for fact in facts {
            self.plan(now, fact, out);
        }
        if !core::mem::replace(&mut self.is_synced, true) && !self.has_pods {
            self.gate = Gate::closed_again(self.ring.members().len() > 1, now);
            out.push(Effect::ReadPods);
        }
    }
}

impl Program for Node {
    type Input = Event;
    type Output = Effect;
    const TICK: Event = Event::Tick;

    fn handle(&mut self, now: Instant, event: Event, out: &mut Vec<Effect>) {
        if self.has_ended {
            return;
        }
        match event {
            Event::Gossip(input) => self.tell_ring(now, input, out),
            Event::Frame(frame) => self.receive(now, &frame, out),
            Event::Facts(facts) => self.learn(now, facts, out),
            Event::Pods(pods) => self.find(now, &pods, out),
            Event::NoPods => self.gate.ask(&BTreeSet::new(), now),
            Event::GatewayAnswers => {
                let step = self.isolation.answered(now);
                self.take_step(now, step, out);
            }
            Event::Terminate => self.leave(now, out),
            Event::Tick => self.tick(now, out),
        }
        self.begin(now, out);
    }

    fn next_deadline(&self) -> Option<Instant> {
        if self.has_ended {
            return None;
        }
        let layer2 = self.layer2.next_deadline().filter(|_| self.ends.is_none());
        let deadlines = [
            self.ring.next_deadline(),
            layer2,
            self.gate.deadline(),
            self.rivals.deadline(),
            self.isolation.deadline(),
            self.ends,
        ];
        deadlines.into_iter().flatten().min()
    }

    /// Whether its process is over, after SIGTERM.
    fn has_ended(&self) -> bool {
        self.has_ended
    }
}

fn is_due(deadline: Option<Instant>, now: Instant) -> bool {
    deadline.is_some_and(|deadline| deadline <= now)
}

/// What a node tells that may claim addresses.
fn somewhere(number: usize) -> Meta {
    Meta {
        subnets: Some([SUBNET.parse().expect("a prefix")].into()),
        ..nowhere(number)
    }
}

/// What a node tells that may not.
fn nowhere(number: usize) -> Meta {
    Meta {
        subnets: Some(BTreeSet::new()),
        macs: [mac(number)].into(),
        ..Meta::default()
    }
}
