//! What can be done to a segment.

use core::time::Duration;
use std::collections::BTreeSet;

use super::{Happening, Place, Segment};
use crate::Weather;
use crate::node::{Event, Node};

/// From the API server to a node.
const WATCH_DELAY: Duration = Duration::from_millis(5);

impl Segment {
    /// SIGKILL.
    pub fn kill(&mut self, node: usize) {
        self.places[node].process.kill();
    }

    /// Starts the speaker of a node that was killed or has stopped, without memory.
    pub fn start(&mut self, number: usize) {
        let seed = self.network.random().next_u64();
        let node = Node::new(number, &self.setting, self.now, seed);
        self.places[number] = Place::new(node, self.now);
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
        self.places[node].process.pause();
        self.queue.push(self.now + time, Happening::Resume(node));
    }

    /// The clock of a node jumps ahead.
    pub fn jump(&mut self, node: usize, time: Duration) {
        self.places[node].process.jump(time);
        self.schedule_wake(node);
    }

    /// Nothing that `from` sends reaches `to`.
    pub fn cut(&mut self, from: usize, to: usize) {
        self.network.cut(from, to);
    }

    /// Cuts `side` off from the rest, in both directions.
    pub fn partition(&mut self, side: &BTreeSet<usize>) {
        self.network.partition(side.clone());
    }

    /// Cuts the gossip between `side` and the rest, and no frames.
    pub fn muffle(&mut self, side: &BTreeSet<usize>) {
        self.network.muffle(side.clone());
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
    pub const fn set_weather(&mut self, weather: Weather) {
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
