//! Rings alone on the network of `ferrolb-sim`.

use core::net::SocketAddr;
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use ferrolb_gossip::{Config, Identity, Input, Machine, Meta, Output};
use ferrolb_sim::{MS, Network, Process, Queue, SECOND, address, name};
use ferrolb_types::Instant;

/// What encryption, CRC, UDP and IPv4 add to a payload.
const OVERHEAD: usize = 29 + 5 + 8 + 20;
/// What a stream costs in each direction, in packets and in octets of their headers.
const STREAM_PACKETS: u64 = 6;
const STREAM_OVERHEAD: usize = 6 * 60;

pub(crate) struct Node {
    pub(crate) process: Process<Machine>,
    /// Names of members and of those that are out, from what was reported.
    pub(crate) members: BTreeSet<String>,
    pub(crate) out: BTreeSet<String>,
    pub(crate) packets: u64,
    pub(crate) octets: u64,
}

enum Event {
    Wake(usize),
    Deliver(usize, Input),
    Resume(usize),
}

pub(crate) struct World {
    pub(crate) now: Instant,
    pub(crate) nodes: Vec<Node>,
    pub(crate) network: Network,
    /// All reports, with who made them.
    pub(crate) reports: Vec<(Instant, usize, Output)>,
    queue: Queue<Event>,
    out: Vec<Output>,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            now: Instant::ZERO,
            nodes: Vec::new(),
            network: Network::new(seed),
            reports: Vec::new(),
            queue: Queue::default(),
            out: Vec::new(),
        }
    }

    /// A ring of `count` nodes that know each other.
    pub(crate) fn ring(count: usize, config: Config, seed: u64) -> Self {
        let mut world = Self::new(seed);
        world.start(count, config);
        assert!(
            world.run_until(60 * SECOND, |world| world.is_one_ring()),
            "the ring does not form"
        );
        // Sessions come up.
        world.run(5 * SECOND);
        world.reports.clear();
        world
    }

    /// Starts `count` nodes that find each other in the pod list.
    pub(crate) fn start(&mut self, count: usize, config: Config) {
        let pods: Vec<SocketAddr> = (0..count).map(address).collect();
        for _ in 0..count {
            self.add(config);
        }
        for node in 0..count {
            self.tell(node, Input::PeersFound(pods.clone()));
        }
    }

    pub(crate) fn add(&mut self, config: Config) -> usize {
        let node = self.nodes.len();
        let machine = self.machine(node, config);
        self.nodes.push(Node {
            process: Process::new(machine),
            members: BTreeSet::new(),
            out: BTreeSet::new(),
            packets: 0,
            octets: 0,
        });
        self.schedule_wake(node);
        node
    }

    fn machine(&mut self, node: usize, config: Config) -> Machine {
        let identity = Identity {
            name: name(node),
            address: address(node),
            meta: Meta::default(),
            packet_overhead: 34,
        };
        Machine::new(config, identity, self.now, self.network.random().next_u64())
    }

    /// The process of `node` starts again, without memory.
    pub(crate) fn restart(&mut self, node: usize, config: Config) {
        self.nodes[node].process = Process::new(self.machine(node, config));
        self.nodes[node].members.clear();
        self.nodes[node].out.clear();
        self.schedule_wake(node);
    }

    pub(crate) fn kill(&mut self, node: usize) {
        self.nodes[node].process.kill();
    }

    pub(crate) fn pause(&mut self, node: usize, time: Duration) {
        self.nodes[node].process.pause();
        self.queue.push(self.now + time, Event::Resume(node));
    }

    /// Every running node is a member for every other, and none else.
    pub(crate) fn is_one_ring(&self) -> bool {
        let running: Vec<usize> = (0..self.nodes.len())
            .filter(|node| self.nodes[*node].process.is_running())
            .collect();
        running.iter().all(|node| {
            let members = &self.nodes[*node].members;
            members.len() == running.len() - 1
        })
    }

    /// Nobody is out anywhere.
    pub(crate) fn all_in(&self) -> bool {
        self.nodes
            .iter()
            .filter(|node| node.process.is_running())
            .all(|node| node.out.is_empty())
    }

    pub(crate) fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some((at, event)) = self.queue.pop(end) {
            self.now = at;
            self.happen(event);
        }
        self.now = end;
    }

    /// Runs until `holds`, for `time` at most, and tells whether it does.
    pub(crate) fn run_until(&mut self, time: Duration, holds: impl Fn(&Self) -> bool) -> bool {
        let end = self.now + time;
        while self.now < end {
            if holds(self) {
                return true;
            }
            self.run(10 * MS);
        }
        holds(self)
    }

    /// Who reported `wanted` last, and when first, since `reports` was cleared; none while not all running nodes but `except` have.
    pub(crate) fn all_reported(&self, except: usize, wanted: impl Fn(&Output) -> bool) -> Option<Instant> {
        let mut first: BTreeMap<usize, Instant> = BTreeMap::new();
        for (at, node, _) in self.reports.iter().filter(|(_, _, output)| wanted(output)) {
            first.entry(*node).or_insert(*at);
        }
        let must =
            (0..self.nodes.len()).filter(|node| *node != except && self.nodes[*node].process.is_running());
        must.map(|node| first.get(&node).copied())
            .collect::<Option<Vec<_>>>()?
            .into_iter()
            .max()
    }

    /// Reports about nodes that are not there, or out, or refused.
    pub(crate) fn alarms(&self) -> Vec<String> {
        let alarming = |output: &Output| {
            matches!(
                output,
                Output::ReportMemberGone { .. }
                    | Output::ReportElectionOut { .. }
                    | Output::ReportConflict { .. }
            )
        };
        let alarms = self.reports.iter().filter(|(_, _, output)| alarming(output));
        alarms
            .map(|(at, node, output)| format!("{at:?} {}: {output:?}", name(*node)))
            .collect()
    }

    pub(crate) fn tell(&mut self, node: usize, input: Input) {
        let mut out = core::mem::take(&mut self.out);
        self.nodes[node].process.tell(self.now, input, &mut out);
        for output in out.drain(..) {
            self.act(node, output);
        }
        self.out = out;
        self.schedule_wake(node);
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Wake(node) => {
                if self.nodes[node].process.wakes(self.now) {
                    self.tell(node, Input::Tick);
                }
            }
            Event::Deliver(node, input) => self.tell(node, input),
            Event::Resume(node) => {
                for input in self.nodes[node].process.resume() {
                    self.tell(node, input);
                }
                self.schedule_wake(node);
            }
        }
    }

    fn schedule_wake(&mut self, node: usize) {
        if let Some(at) = self.nodes[node].process.next_wake(self.now) {
            self.queue.push(at, Event::Wake(node));
        }
    }

    fn act(&mut self, node: usize, output: Output) {
        let (packets, octets) = match &output {
            Output::SendPacket { payload, .. } => (1, payload.len() + OVERHEAD),
            Output::OpenStream { payload, .. } | Output::AnswerStream { payload, .. } => {
                (STREAM_PACKETS, payload.len() + STREAM_OVERHEAD)
            }
            Output::CloseStream { .. } => (0, 0),
            _ => return self.note(node, output),
        };
        self.nodes[node].packets += packets;
        self.nodes[node].octets += octets as u64;
        let nodes = &self.nodes;
        let runs = |to: usize| nodes.get(to).is_some_and(|node| node.process.is_running());
        if let Some(delivery) = self.network.carry(self.now, node, output, runs) {
            let heard = Event::Deliver(delivery.to, delivery.input);
            self.queue.push(delivery.at, heard);
        }
    }

    fn note(&mut self, node: usize, report: Output) {
        let Node { members, out, .. } = &mut self.nodes[node];
        match &report {
            Output::ReportMemberJoined(member) => {
                assert!(members.insert(member.name.to_string()), "joined twice");
            }
            Output::ReportMemberGone { name, .. } => {
                assert!(members.remove(&**name), "gone, but was not there");
                out.remove(&**name);
            }
            Output::ReportElectionOut { name, .. } => assert!(out.insert(name.to_string()), "out twice"),
            Output::ReportElectionIn { name } => assert!(out.remove(&**name), "in, but was not out"),
            _ => {}
        }
        self.reports.push((self.now, node, report));
    }
}
