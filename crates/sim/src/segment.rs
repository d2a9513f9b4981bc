//! All nodes, the clock and the events.

use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use ferrolb_gossip::{Input, Output, StreamId};
use ferrolb_types::Instant;
use ferrolb_wire::memberlist::{NodeState, PushPull, PushPullNode, Versions};
use ferrolb_wire::{Frame, arp};

use crate::network::Network;
use crate::node::{self, Effect, Event, Node, Setting};
use crate::owners::Watched;
use crate::queue::Queue;
use crate::{ControlPlane, MS, Record, SECOND, Weather};

/// How often the pod list is read, as the speaker does: while it is young, and later.
const RETRY_YOUNG: Duration = Duration::from_millis(500);
const YOUTH: Duration = Duration::from_secs(15);
const RETRY: Duration = Duration::from_mins(1);
/// From the API server to a node.
const WATCH_DELAY: Duration = Duration::from_millis(5);
/// How often clients look who answers.
const LOOK: Duration = Duration::from_millis(10);
/// Nodes with Node objects; more would only cost time, for a speaker without one is a candidate, too.
const NODE_OBJECTS_MAX: usize = 100;

/// A node with what the world knows of it.
struct Place {
    node: Node,
    is_running: bool,
    started: Instant,
    /// What its clock is ahead of the world's.
    ahead: Duration,
    /// While its process stands still, what waits for it.
    paused: Option<Vec<Event>>,
    wakes_at: Option<Instant>,
    /// Facts that it was sent.
    seen: usize,
    /// The pod list as it was read last.
    pods: Option<BTreeSet<SocketAddr>>,
    has_gateway: bool,
}

enum Happening {
    Wake(usize),
    /// To this life of a node, counted by its start.
    Deliver(usize, Instant, Event),
    Frame(usize, Frame),
    Resume(usize),
    ReadPods(usize, Instant),
    Watch(usize, Instant),
}

struct Stream {
    from: usize,
    id: StreamId,
    deadline: Instant,
}

/// A segment of `n` nodes with a client that can reach all of them.
pub struct Segment {
    setting: Setting,
    /// The world's time.
    pub now: Instant,
    /// What the API server knows. After a change, [`Segment::publish`] it.
    pub control: ControlPlane,
    places: Vec<Place>,
    network: Network,
    queue: Queue<Happening>,
    streams: BTreeMap<StreamId, Stream>,
    stream_count: u64,
    watched: Watched,
    effects: Vec<Effect>,
}

impl Segment {
    /// A ring of `size` speakers that has been up for a while: all know each other and all facts.
    #[must_use]
    pub fn new(size: usize, setting: Setting, seed: u64) -> Self {
        let mut segment = Self::empty(setting, seed);
        if size <= NODE_OBJECTS_MAX {
            for node in 0..size {
                segment.control.apply_node(&node::name(node), false);
            }
        }
        for number in 0..size {
            let seed = segment.network.random().next_u64();
            let node = Node::veteran(number, &setting, segment.now, seed);
            let place = segment.place(node);
            segment.places.push(place);
        }
        let everybody = segment.everybody();
        (0..size).for_each(|number| segment.acquaint(number, &everybody));
        // Sessions come up.
        segment.run(3 * SECOND);
        segment.watched.clear();
        segment
    }

    /// Tells a veteran all that it has forgotten.
    fn acquaint(&mut self, number: usize, everybody: &[u8]) {
        let exchange = Input::StreamRequested {
            stream: StreamId(0),
            from: node::address(number),
            payload: everybody.into(),
        };
        let facts = self.control.since(0).to_vec();
        let (now, mut effects) = (self.now, Vec::new());
        let place = &mut self.places[number];
        place.seen = self.control.len();
        place.node.remember(now, exchange, facts, &mut effects);
        for effect in effects {
            self.take_effect(number, effect);
        }
        self.schedule_wake(number);
    }

    /// What a node knows that knows all.
    fn everybody(&self) -> Vec<u8> {
        let metas: Vec<Vec<u8>> = self.places.iter().map(|place| place.node.meta()).collect();
        let nodes = self.places.iter().zip(&metas).enumerate();
        let nodes = nodes.map(|(number, (place, meta))| PushPullNode {
            name: place.node.name().as_str(),
            address: node::address(number),
            meta,
            incarnation: 1,
            state: NodeState::Alive,
            versions: Some(Versions::CURRENT),
        });
        PushPull {
            join: false,
            nodes: nodes.collect(),
            user_state: &[],
        }
        .encode()
    }

    fn empty(setting: Setting, seed: u64) -> Self {
        Self {
            setting,
            now: Instant::ZERO,
            control: ControlPlane::new(setting.services),
            places: Vec::new(),
            network: Network::new(seed),
            queue: Queue::new(),
            streams: BTreeMap::new(),
            stream_count: 0,
            watched: Watched::default(),
            effects: Vec::new(),
        }
    }

    fn place(&self, node: Node) -> Place {
        Place {
            node,
            is_running: true,
            started: self.now,
            ahead: Duration::ZERO,
            paused: None,
            wakes_at: None,
            seen: 0,
            pods: None,
            has_gateway: true,
        }
    }

    /// How many nodes there are.
    #[must_use]
    pub fn size(&self) -> usize {
        self.places.len()
    }

    /// A node.
    #[must_use]
    pub fn node(&self, node: usize) -> &Node {
        &self.places[node].node
    }

    /// Claims that were taken for those of foreign hosts. There are no such hosts.
    #[must_use]
    pub fn conflicts(&self) -> usize {
        self.places.iter().map(|place| place.node.conflicts).sum()
    }

    /// A random number below `bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        let bound = u32::try_from(bound).expect("a small number");
        usize::try_from(self.network.random().below(bound)).expect("a small number")
    }
}

/// What can be done to it.
impl Segment {
    /// SIGKILL.
    pub fn kill(&mut self, node: usize) {
        self.places[node].is_running = false;
    }

    /// Starts the speaker of a node that was killed or has stopped, without memory.
    pub fn start(&mut self, number: usize) {
        let seed = self.network.random().next_u64();
        let node = Node::new(number, &self.setting, self.now, seed);
        self.places[number] = self.place(node);
        self.schedule_wake(number);
        self.queue.push(self.now, Happening::ReadPods(number, self.now));
        self.watch(number);
    }

    /// SIGTERM.
    pub fn stop(&mut self, node: usize) {
        self.tell(node, Event::Terminate);
    }

    /// The process of a node stands still.
    pub fn pause(&mut self, node: usize, time: Duration) {
        self.places[node].paused.get_or_insert_default();
        self.queue.push(self.now + time, Happening::Resume(node));
    }

    /// The clock of a node jumps ahead.
    pub fn jump(&mut self, node: usize, time: Duration) {
        self.places[node].ahead += time;
        self.schedule_wake(node);
    }

    /// Nothing that `from` sends reaches `to`.
    pub fn cut(&mut self, from: usize, to: usize) {
        self.network.cut(from, to);
    }

    /// Cuts `side` off from the rest, in both directions.
    pub fn partition(&mut self, side: &BTreeSet<usize>) {
        for (a, b) in self.pairs() {
            if side.contains(&a) != side.contains(&b) {
                self.network.cut(a, b);
            }
        }
    }

    /// Cuts the gossip between `side` and the rest, and no frames.
    pub fn muffle(&mut self, side: &BTreeSet<usize>) {
        for (a, b) in self.pairs() {
            if side.contains(&a) != side.contains(&b) {
                self.network.muffle(a, b);
            }
        }
    }

    fn pairs(&self) -> Vec<(usize, usize)> {
        let all = 0..self.size();
        all.clone()
            .flat_map(|a| all.clone().map(move |b| (a, b)))
            .collect()
    }

    /// All ways are open again.
    pub fn heal(&mut self) {
        self.network.heal();
        for place in &mut self.places {
            place.has_gateway = true;
        }
    }

    /// Whether a node reaches its gateway.
    pub fn set_gateway(&mut self, node: usize, has_gateway: bool) {
        self.places[node].has_gateway = has_gateway;
    }

    /// How packets and frames fare from now on.
    pub fn set_weather(&mut self, weather: Weather) {
        self.network.weather = weather;
    }

    /// The API server goes away, or comes back.
    pub fn set_api(&mut self, is_up: bool) {
        self.control.is_up = is_up;
        self.publish();
    }

    /// Tells those that watch what has come about at the API server.
    pub fn publish(&mut self) {
        (0..self.size()).for_each(|node| self.watch(node));
    }

    fn watch(&mut self, node: usize) {
        let started = self.places[node].started;
        let at = self.now + WATCH_DELAY;
        self.queue.push(at, Happening::Watch(node, started));
    }
}

/// What is seen of it.
impl Segment {
    /// For each address, the nodes that answer an ARP request for it at this moment.
    pub fn owners(&mut self) -> Vec<Vec<usize>> {
        let addresses = self.control.addresses().to_vec();
        addresses
            .into_iter()
            .map(|address| self.owners_of(address))
            .collect()
    }

    fn owners_of(&mut self, address: Ipv4Addr) -> Vec<usize> {
        let answers = |(number, place): (usize, &mut Place)| {
            let now = self.now + place.ahead;
            let is_up = place.is_running && place.paused.is_none();
            (is_up && place.node.answers(now, address)).then_some(number)
        };
        self.places.iter_mut().enumerate().filter_map(answers).collect()
    }

    /// The worst that clients saw since the record was begun.
    #[must_use]
    pub fn record(&self) -> Record {
        self.watched.worst()
    }

    /// Begins the record anew.
    pub fn begin_record(&mut self) {
        self.watched.clear();
    }

    /// # Panics
    /// When an address does not have exactly one owner.
    #[track_caller]
    pub fn assert_one_owner_each(&mut self, after: &str) {
        for (address, owners) in self.owners().into_iter().enumerate() {
            assert!(
                owners.len() == 1,
                "{after}: address {address} is answered for by {owners:?}"
            );
        }
    }

    /// # Panics
    /// When an address has several owners among the nodes of `side`.
    #[track_caller]
    pub fn assert_one_owner_each_at_most(&mut self, side: impl Fn(usize) -> bool, after: &str) {
        for (address, mut owners) in self.owners().into_iter().enumerate() {
            owners.retain(|node| side(*node));
            assert!(
                owners.len() <= 1,
                "{after}: address {address} is answered for by {owners:?}"
            );
        }
    }
}

/// Time.
impl Segment {
    /// Lets `time` pass. Clients look every 10 ms who answers.
    pub fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            let step = LOOK.min(end - self.now);
            self.run_events(self.now + step);
            self.look(step);
        }
    }

    /// Lets time pass until `holds`, for `time` at most, and tells how long it took if it does.
    pub fn run_until(&mut self, time: Duration, holds: impl Fn(&mut Self) -> bool) -> Option<Duration> {
        let (start, end) = (self.now, self.now + time);
        while !holds(self) {
            if self.now >= end {
                return None;
            }
            self.run(LOOK);
        }
        Some(self.now - start)
    }

    fn look(&mut self, time: Duration) {
        for address in self.control.addresses().to_vec() {
            let answers = self.owners_of(address).len();
            self.watched.add(address, answers, time);
        }
    }

    fn run_events(&mut self, end: Instant) {
        while let Some((at, happening)) = self.queue.pop(end) {
            self.now = at;
            self.happen(happening);
        }
        self.now = end;
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Wake(node) => {
                if self.places[node].wakes_at.take_if(|at| *at <= self.now).is_some() {
                    self.tell(node, Event::Tick);
                }
            }
            Happening::Deliver(node, life, event) => {
                if self.places[node].started == life {
                    self.tell(node, event);
                }
            }
            Happening::Frame(from, frame) => self.spread(from, &frame),
            Happening::Resume(node) => self.resume(node),
            Happening::ReadPods(node, life) => self.read_pods(node, life),
            Happening::Watch(node, life) => {
                if self.places[node].started == life && self.control.is_up {
                    self.send_facts(node);
                }
            }
        }
    }

    fn tell(&mut self, node: usize, event: Event) {
        let place = &mut self.places[node];
        if !place.is_running {
            return;
        }
        if let Some(waiting) = &mut place.paused {
            return waiting.push(event);
        }
        let mut effects = core::mem::take(&mut self.effects);
        place.node.handle(self.now + place.ahead, event, &mut effects);
        place.is_running = !place.node.has_ended();
        for effect in effects.drain(..) {
            self.take_effect(node, effect);
        }
        self.effects = effects;
        self.schedule_wake(node);
    }

    /// What was received while it was paused comes before the clock.
    fn resume(&mut self, node: usize) {
        let waiting = self.places[node].paused.take().unwrap_or_default();
        let (ticks, received): (Vec<Event>, Vec<Event>) = waiting
            .into_iter()
            .partition(|event| matches!(event, Event::Tick));
        received.into_iter().for_each(|event| self.tell(node, event));
        if !ticks.is_empty() {
            self.tell(node, Event::Tick);
        }
    }

    fn schedule_wake(&mut self, node: usize) {
        let place = &mut self.places[node];
        let Some(deadline) = place.node.next_deadline() else {
            return;
        };
        let at = Instant::ZERO + (deadline - Instant::ZERO).saturating_sub(place.ahead);
        let at = at.max(self.now);
        if place.wakes_at.is_none_or(|wakes_at| at < wakes_at) {
            place.wakes_at = Some(at);
            self.queue.push(at, Happening::Wake(node));
        }
    }
}

/// What carries.
impl Segment {
    fn take_effect(&mut self, node: usize, effect: Effect) {
        match effect {
            Effect::Ring(output) => self.carry(node, output),
            Effect::Frame(frame) => {
                let at = self.now + self.network.delay();
                self.queue.push(at, Happening::Frame(node, frame));
            }
            Effect::ReadPods => {
                let life = self.places[node].started;
                self.queue.push(self.now, Happening::ReadPods(node, life));
            }
            Effect::AskGateway => {
                if self.places[node].has_gateway {
                    self.deliver(node, self.now + MS, Event::GatewayAnswers);
                }
            }
        }
    }

    fn deliver(&mut self, node: usize, at: Instant, event: Event) {
        let life = self.places[node].started;
        self.queue.push(at, Happening::Deliver(node, life, event));
    }

    /// A frame reaches all whose filter lets it pass.
    fn spread(&mut self, from: usize, frame: &Frame) {
        let Ok(packet) = arp::Packet::decode(frame) else {
            return;
        };
        let is_for = |mac| packet.ethernet.destination.is_multicast() || packet.ethernet.destination == mac;
        for node in 0..self.size() {
            let place = &self.places[node];
            let listens =
                place.node.listens_for(packet.target_ip) || place.node.listens_for(packet.sender_ip);
            if node != from && listens && is_for(place.node.mac()) && self.network.frame(from, node) {
                self.tell(node, Event::Frame(*frame));
            }
        }
    }

    fn read_pods(&mut self, node: usize, life: Instant) {
        let (now, size) = (self.now, self.size());
        let place = &mut self.places[node];
        if place.started != life || !place.is_running {
            return;
        }
        if self.control.is_up {
            place.pods = Some((0..size).map(node::address).collect());
        }
        let is_young = place.pods.is_none() || now - place.started < YOUTH;
        let event = place.pods.clone().map_or(Event::NoPods, Event::Pods);
        self.tell(node, event);
        let pause = if is_young { RETRY_YOUNG } else { RETRY };
        self.queue.push(now + pause, Happening::ReadPods(node, life));
    }

    fn send_facts(&mut self, node: usize) {
        let facts = self.control.since(self.places[node].seen).to_vec();
        self.places[node].seen = self.control.len();
        self.tell(node, Event::Facts(facts));
    }

    fn carry(&mut self, node: usize, output: Output) {
        match output {
            Output::SendPacket { to, payload, .. } => self.carry_packet(node, to, payload),
            Output::OpenStream {
                stream,
                to,
                payload,
                timeout,
            } => self.carry_stream(node, stream, to, payload, timeout),
            Output::AnswerStream { stream, payload } => self.answer_stream(node, stream, payload),
            Output::CloseStream { stream } => drop(self.streams.remove(&stream)),
            _ => {}
        }
    }

    fn index(&self, address: SocketAddr) -> Option<usize> {
        let IpAddr::V4(ip) = address.ip() else { return None };
        let [_, a, b, c] = ip.octets();
        let index = u32::from_be_bytes([0, a, b, c]) as usize;
        (index < self.size()).then_some(index)
    }

    fn carry_packet(&mut self, from: usize, to: SocketAddr, payload: Vec<u8>) {
        let Some(to) = self.index(to) else { return };
        if let Some(time) = self.network.datagram(from, to) {
            let input = Input::PacketReceived {
                from: node::address(from),
                payload: payload.into(),
            };
            self.deliver(to, self.now + time, Event::Gossip(input));
        }
    }

    fn carry_stream(
        &mut self,
        from: usize,
        id: StreamId,
        to: SocketAddr,
        payload: Vec<u8>,
        timeout: Duration,
    ) {
        let deadline = self.now + timeout;
        let reachable = self
            .index(to)
            .filter(|to| self.network.carries_streams(from, *to) && self.places[*to].is_running);
        let at = self.now + self.network.handshake() + self.network.data();
        let Some(to) = reachable.filter(|_| at <= deadline) else {
            return self.fail_stream(from, id, deadline);
        };
        self.stream_count += 1;
        let stream = StreamId(self.stream_count);
        self.streams.insert(stream, Stream { from, id, deadline });
        let request = Input::StreamRequested {
            stream,
            from: node::address(from),
            payload: payload.into(),
        };
        self.deliver(to, at, Event::Gossip(request));
    }

    fn answer_stream(&mut self, node: usize, stream: StreamId, payload: Vec<u8>) {
        let Some(Stream { from, id, deadline }) = self.streams.remove(&stream) else {
            return;
        };
        let at = self.now + self.network.data();
        if at > deadline || !self.network.carries_streams(node, from) {
            return self.fail_stream(from, id, deadline);
        }
        let answered = Input::StreamAnswered {
            stream: id,
            payload: payload.into(),
        };
        self.deliver(from, at, Event::Gossip(answered));
    }

    fn fail_stream(&mut self, node: usize, stream: StreamId, at: Instant) {
        let failed = Input::StreamFailed {
            stream,
            reason: "no answer".to_owned(),
        };
        self.deliver(node, at, Event::Gossip(failed));
    }
}
