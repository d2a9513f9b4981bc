//! All nodes, the clock and the events.

mod carrying;
mod faults;
mod judging;

use core::net::SocketAddr;
use core::time::Duration;
use std::collections::BTreeSet;

use ferrolb_gossip::{Input, StreamId};
use ferrolb_types::Instant;
use ferrolb_wire::Frame;
use ferrolb_wire::memberlist::{NodeState, PushPull, PushPullNode, Versions};

use crate::names::{address, name};
use crate::network::Network;
use crate::node::{Effect, Event, Node};
use crate::owners::Watched;
use crate::process::{Process, Program};
use crate::queue::Queue;
use crate::{ControlPlane, SECOND, Setting};

/// How often clients look who answers.
const LOOK: Duration = Duration::from_millis(10);
/// Nodes with Node objects; more would only cost time, for a speaker without one is a candidate, too.
const NODE_OBJECTS_MAX: usize = 100;

/// A node with what the world knows of it.
struct Place {
    process: Process<Node>,
    started: Instant,
    /// Facts that it was sent.
    seen: usize,
    /// The pod list as it was read last.
    pods: Option<BTreeSet<SocketAddr>>,
    has_gateway: bool,
}

impl Place {
    const fn new(node: Node, started: Instant) -> Self {
        Self {
            process: Process::new(node),
            started,
            seen: 0,
            pods: None,
            has_gateway: true,
        }
    }

    const fn node(&self) -> &Node {
        &self.process.program
    }
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
                segment.control.apply_node(&name(node), false);
            }
        }
        for number in 0..size {
            let seed = segment.network.random().next_u64();
            let node = Node::veteran(number, &setting, segment.now, seed);
            segment.places.push(Place::new(node, segment.now));
        }
        let everybody = segment.everybody();
        (0..size).for_each(|number| segment.acquaint(number, &everybody));
        // Sessions come up.
        segment.run(3 * SECOND);
        segment.watched.clear();
        segment
    }

    fn empty(setting: Setting, seed: u64) -> Self {
        Self {
            setting,
            now: Instant::ZERO,
            control: ControlPlane::new(setting.services),
            places: Vec::new(),
            network: Network::new(seed),
            queue: Queue::default(),
            watched: Watched::default(),
            effects: Vec::new(),
        }
    }

    /// Tells a veteran all that it has forgotten.
    fn acquaint(&mut self, number: usize, everybody: &[u8]) {
        let exchange = Input::StreamRequested {
            stream: StreamId(0),
            from: address(number),
            payload: everybody.into(),
        };
        let facts = self.control.since(0).to_vec();
        let (now, mut effects) = (self.now, Vec::new());
        let place = &mut self.places[number];
        place.seen = self.control.len();
        place.process.program.remember(now, exchange, facts, &mut effects);
        for effect in effects {
            self.take_effect(number, effect);
        }
        self.schedule_wake(number);
    }

    /// What a node knows that knows all.
    fn everybody(&self) -> Vec<u8> {
        let metas: Vec<Vec<u8>> = self.places.iter().map(|place| place.node().meta()).collect();
        let nodes = self.places.iter().zip(&metas).enumerate();
        let nodes = nodes.map(|(number, (place, meta))| PushPullNode {
            name: place.node().name().as_str(),
            address: address(number),
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

    /// How many nodes there are.
    #[must_use]
    pub fn size(&self) -> usize {
        self.places.len()
    }

    /// A node.
    #[must_use]
    pub fn node(&self, node: usize) -> &Node {
        self.places[node].node()
    }

    /// A random number below `bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        let bound = u32::try_from(bound).expect("a small number");
        usize::try_from(self.network.random().below(bound)).expect("a small number")
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
                if self.places[node].process.wakes(self.now) {
                    self.tell(node, Node::TICK);
                }
            }
            Happening::Deliver(node, life, event) => {
                if self.places[node].started == life {
                    self.tell(node, event);
                }
            }
            Happening::Frame(from, frame) => self.spread(from, &frame),
            Happening::Resume(node) => {
                for event in self.places[node].process.resume() {
                    self.tell(node, event);
                }
                self.schedule_wake(node);
            }
            Happening::ReadPods(node, life) => self.read_pods(node, life),
            Happening::Watch(node, life) => {
                if self.places[node].started == life && self.control.is_up {
                    self.send_facts(node);
                }
            }
        }
    }

    fn tell(&mut self, node: usize, event: Event) {
        let mut effects = core::mem::take(&mut self.effects);
        self.places[node].process.tell(self.now, event, &mut effects);
        for effect in effects.drain(..) {
            self.take_effect(node, effect);
        }
        self.effects = effects;
        self.schedule_wake(node);
    }

    fn schedule_wake(&mut self, node: usize) {
        if let Some(at) = self.places[node].process.next_wake(self.now) {
            self.queue.push(at, Happening::Wake(node));
        }
    }
}
