//! A virtual clock and network with nodes on it.

use core::cmp::Ordering;
use core::net::{IpAddr, SocketAddr};
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use ferrolb_gossip::{Config, Identity, Input, Machine, Meta, Output, StreamId};
use ferrolb_types::{Instant, SplitMix64};

pub(crate) const MS: Duration = Duration::from_millis(1);
pub(crate) const SECOND: Duration = Duration::from_secs(1);
/// What encryption, CRC, UDP and IPv4 add to a payload.
const OVERHEAD: usize = 29 + 5 + 8 + 20;
/// First waiting times of TCP before it sends again: for a SYN (RFC 6298 section 2), and for data in Linux.
const SYN_AGAIN: Duration = Duration::from_secs(1);
const DATA_AGAIN: Duration = Duration::from_millis(200);

/// Runs `scenario` for each of `seeds`, or for the one in the environment.
pub(crate) fn with_seeds(seeds: core::ops::Range<u64>, scenario: impl Fn(u64)) {
    let seeds = match (asked("FERROLB_SIM_SEED"), asked("FERROLB_SIM_SEEDS")) {
        (Some(seed), _) => vec![seed],
        (None, Some(count)) => (seeds.start..count).collect::<Vec<_>>(),
        (None, None) => seeds.collect(),
    };
    for seed in seeds {
        let told = TellSeed(seed);
        scenario(seed);
        drop(told);
    }
}

fn asked(variable: &str) -> Option<u64> {
    #[expect(
        clippy::disallowed_methods,
        reason = "a developer names the seed to run again, or asks for more"
    )]
    let named = std::env::var(variable).ok()?;
    Some(named.parse().expect("a number of a seed, or of seeds"))
}

struct TellSeed(u64);

impl Drop for TellSeed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the seed was {0}: FERROLB_SIM_SEED={0} runs it again", self.0);
        }
    }
}

/// How the network is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Weather {
    pub(crate) loss_percent: u32,
    pub(crate) delay: (Duration, Duration),
}

impl Weather {
    pub(crate) const FAIR: Self = Self {
        loss_percent: 0,
        delay: (Duration::from_micros(100), MS),
    };
}

pub(crate) struct Node {
    pub(crate) machine: Machine,
    pub(crate) running: bool,
    pub(crate) address: SocketAddr,
    /// What the node's clock is ahead of the world's.
    pub(crate) ahead: Duration,
    /// While paused, what waits for it.
    paused: Option<Vec<Input>>,
    scheduled: Option<Instant>,
    /// Names of members and of those that are out, from what was reported.
    pub(crate) members: BTreeSet<String>,
    pub(crate) out: BTreeSet<String>,
    pub(crate) packets: u64,
    pub(crate) octets: u64,
}

impl Node {
    /// Whether its process stands still.
    pub(crate) fn is_paused(&self) -> bool {
        self.paused.is_some()
    }
}

enum Event {
    Wake(usize),
    Deliver(usize, Input),
    Resume(usize),
}

/// An event in its place: the earliest first, and of those the first that was made.
struct Scheduled {
    at: Instant,
    number: u64,
    event: Event,
}

impl Ord for Scheduled {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.number).cmp(&(self.at, self.number))
    }
}

impl PartialOrd for Scheduled {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Scheduled {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl Eq for Scheduled {}

/// A stream between two nodes.
struct Stream {
    from: usize,
    id: StreamId,
    deadline: Instant,
}

pub(crate) struct World {
    pub(crate) now: Instant,
    pub(crate) nodes: Vec<Node>,
    pub(crate) weather: Weather,
    /// Directions in which nothing passes.
    pub(crate) cut: BTreeSet<(usize, usize)>,
    /// Directions in which streams pass, and datagrams do not.
    pub(crate) deaf: BTreeSet<(usize, usize)>,
    /// All reports, with who made them.
    pub(crate) reports: Vec<(Instant, usize, Output)>,
    events: BinaryHeap<Scheduled>,
    count: u64,
    streams: BTreeMap<StreamId, Stream>,
    random: SplitMix64,
    out: Vec<Output>,
}

pub(crate) fn name(node: usize) -> String {
    format!("node-{node}")
}

pub(crate) fn address(node: usize) -> SocketAddr {
    let [_, a, b, c] = u32::try_from(node).expect("a small number").to_be_bytes();
    SocketAddr::new(IpAddr::from([10, a, b, c]), Config::PORT)
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            now: Instant::ZERO,
            nodes: Vec::new(),
            weather: Weather::FAIR,
            cut: BTreeSet::new(),
            deaf: BTreeSet::new(),
            reports: Vec::new(),
            events: BinaryHeap::new(),
            count: 0,
            streams: BTreeMap::new(),
            random: SplitMix64::new(seed),
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
            machine,
            running: true,
            address: address(node),
            ahead: Duration::ZERO,
            paused: None,
            scheduled: None,
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
        Machine::new(config, identity, self.now, self.random.next_u64())
    }

    /// The process of `node` starts again, without memory.
    pub(crate) fn restart(&mut self, node: usize, config: Config) {
        self.nodes[node].machine = self.machine(node, config);
        self.nodes[node].running = true;
        self.nodes[node].scheduled = None;
        self.nodes[node].members.clear();
        self.nodes[node].out.clear();
        self.schedule_wake(node);
    }

    pub(crate) fn kill(&mut self, node: usize) {
        self.nodes[node].running = false;
    }

    pub(crate) fn pause(&mut self, node: usize, time: Duration) {
        self.nodes[node].paused = Some(Vec::new());
        self.push(self.now + time, Event::Resume(node));
    }

    /// Cuts `sides` off from each other.
    pub(crate) fn partition(&mut self, side: &[usize]) {
        for a in 0..self.nodes.len() {
            for b in 0..self.nodes.len() {
                if side.contains(&a) != side.contains(&b) {
                    self.cut.insert((a, b));
                }
            }
        }
    }

    /// Every running node is a member for every other, and none else.
    pub(crate) fn is_one_ring(&self) -> bool {
        let running: Vec<usize> = (0..self.nodes.len())
            .filter(|node| self.nodes[*node].running)
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
            .filter(|node| node.running)
            .all(|node| node.out.is_empty())
    }

    pub(crate) fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while self.step(end) {}
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
        let must = (0..self.nodes.len()).filter(|node| *node != except && self.nodes[*node].running);
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
        if !self.nodes[node].running {
            return;
        }
        if let Some(waiting) = &mut self.nodes[node].paused {
            return waiting.push(input);
        }
        let mut out = core::mem::take(&mut self.out);
        let now = self.now + self.nodes[node].ahead;
        self.nodes[node].machine.handle(now, input, &mut out);
        for output in out.drain(..) {
            self.act(node, output);
        }
        self.out = out;
        self.schedule_wake(node);
    }

    fn step(&mut self, end: Instant) -> bool {
        if self.events.peek().is_none_or(|next| next.at > end) {
            return false;
        }
        let Some(Scheduled { at, event, .. }) = self.events.pop() else {
            return false;
        };
        self.now = at;
        match event {
            Event::Wake(node) => {
                if self.nodes[node].scheduled == Some(at) {
                    self.nodes[node].scheduled = None;
                    self.tell(node, Input::Tick);
                }
            }
            Event::Deliver(node, input) => self.tell(node, input),
            Event::Resume(node) => self.resume(node),
        }
        true
    }

    fn resume(&mut self, node: usize) {
        let waiting = self.nodes[node].paused.take().unwrap_or_default();
        let (ticks, received): (Vec<Input>, Vec<Input>) = waiting
            .into_iter()
            .partition(|input| matches!(input, Input::Tick));
        received.into_iter().for_each(|input| self.tell(node, input));
        if !ticks.is_empty() {
            self.tell(node, Input::Tick);
        }
    }

    fn schedule_wake(&mut self, node: usize) {
        let ahead = self.nodes[node].ahead;
        let Some(deadline) = self.nodes[node].machine.next_deadline() else {
            return;
        };
        let at = Instant::ZERO + (deadline - Instant::ZERO).saturating_sub(ahead);
        let at = at.max(self.now);
        if self.nodes[node].scheduled.is_none_or(|scheduled| at < scheduled) {
            self.nodes[node].scheduled = Some(at);
            self.push(at, Event::Wake(node));
        }
    }

    fn push(&mut self, at: Instant, event: Event) {
        self.count += 1;
        let number = self.count;
        self.events.push(Scheduled { at, number, event });
    }

    fn act(&mut self, node: usize, output: Output) {
        match output {
            Output::SendPacket { to, payload, .. } => {
                self.nodes[node].packets += 1;
                self.nodes[node].octets += (payload.len() + OVERHEAD) as u64;
                self.carry_packet(node, to, payload);
            }
            Output::OpenStream {
                stream,
                to,
                payload,
                timeout,
            } => {
                self.nodes[node].packets += 6;
                self.nodes[node].octets += (payload.len() + 6 * 60) as u64;
                self.carry_stream(node, stream, to, payload, timeout);
            }
            Output::AnswerStream { stream, payload } => self.answer_stream(node, stream, payload),
            Output::CloseStream { stream } => {
                self.streams.remove(&stream);
            }
            report => self.note(node, report),
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

    fn index(&self, address: SocketAddr) -> Option<usize> {
        let IpAddr::V4(ip) = address.ip() else { return None };
        let [_, a, b, c] = ip.octets();
        let index = u32::from_be_bytes([0, a, b, c]) as usize;
        (index < self.nodes.len() && self.nodes[index].address == address).then_some(index)
    }

    fn delay(&mut self) -> Duration {
        let (min, max) = self.weather.delay;
        min + (max - min) * self.random.below(1000) / 1000
    }

    fn is_lost(&mut self) -> bool {
        self.random.below(100) < self.weather.loss_percent
    }

    fn carry_packet(&mut self, from: usize, to: SocketAddr, payload: Vec<u8>) {
        let Some(to) = self.index(to) else { return };
        if self.cut.contains(&(from, to)) || self.deaf.contains(&(from, to)) || self.is_lost() {
            return;
        }
        let at = self.now + self.delay();
        let input = Input::PacketReceived {
            from: address(from),
            payload: payload.into(),
        };
        self.push(at, Event::Deliver(to, input));
    }

    /// TCP brings everything in the end, but late when packets are lost.
    fn carry_stream(
        &mut self,
        from: usize,
        id: StreamId,
        to: SocketAddr,
        payload: Vec<u8>,
        timeout: Duration,
    ) {
        let deadline = self.now + timeout;
        let failed = Input::StreamFailed {
            stream: id,
            reason: "no answer".to_owned(),
        };
        let reachable = self.index(to).filter(|to| {
            let cut = self.cut.contains(&(from, *to)) || self.cut.contains(&(*to, from));
            !cut && self.nodes[*to].running
        });
        let Some(to) = reachable else {
            return self.push(deadline, Event::Deliver(from, failed));
        };
        let at = self.now + self.handshake() + self.data();
        self.count += 1;
        let stream = StreamId(self.count);
        if at > deadline {
            return self.push(deadline, Event::Deliver(from, failed));
        }
        self.streams.insert(stream, Stream { from, id, deadline });
        let request = Input::StreamRequested {
            stream,
            from: address(from),
            payload: payload.into(),
        };
        self.push(at, Event::Deliver(to, request));
    }

    fn answer_stream(&mut self, node: usize, stream: StreamId, payload: Vec<u8>) {
        let Some(Stream { from, id, deadline }) = self.streams.remove(&stream) else {
            return;
        };
        self.nodes[node].packets += 6;
        self.nodes[node].octets += (payload.len() + 6 * 60) as u64;
        let at = self.now + self.data();
        let cut = self.cut.contains(&(node, from));
        let input = if at > deadline || cut {
            Input::StreamFailed {
                stream: id,
                reason: "no answer".to_owned(),
            }
        } else {
            Input::StreamAnswered {
                stream: id,
                payload: payload.into(),
            }
        };
        self.push(at.min(deadline), Event::Deliver(from, input));
    }

    fn handshake(&mut self) -> Duration {
        let (mut time, mut wait) = (self.delay() + self.delay(), SYN_AGAIN);
        while self.is_lost() || self.is_lost() {
            time += wait;
            wait *= 2;
        }
        time
    }

    fn data(&mut self) -> Duration {
        let (mut time, mut wait) = (self.delay(), DATA_AGAIN);
        while self.is_lost() {
            time += wait;
            wait *= 2;
        }
        time
    }
}
