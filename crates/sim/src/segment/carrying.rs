//! What nodes do to each other, and what they learn of the API server.

use core::time::Duration;

use ferrolb_types::Instant;
use ferrolb_wire::{Frame, arp};

use super::{Happening, Segment};
use crate::MS;
use crate::names::address;
use crate::node::{Effect, Event};

/// How often the pod list is read, as the speaker does: while it is young, and later.
const RETRY_YOUNG: Duration = Duration::from_millis(500);
const YOUTH: Duration = Duration::from_secs(15);
const RETRY: Duration = Duration::from_mins(1);

impl Segment {
    pub(super) fn take_effect(&mut self, node: usize, effect: Effect) {
        match effect {
            Effect::Ring(output) => {
                let places = &self.places;
                let runs = |to: usize| places.get(to).is_some_and(|place| place.process.is_running());
                if let Some(delivery) = self.network.carry(self.now, node, output, runs) {
                    self.deliver(delivery.to, delivery.at, Event::Gossip(delivery.input));
                }
            }
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
    pub(super) fn spread(&mut self, from: usize, frame: &Frame) {
        let Ok(packet) = arp::Packet::decode(frame) else {
            return;
        };
        let is_for = |mac| packet.ethernet.destination.is_multicast() || packet.ethernet.destination == mac;
        for number in 0..self.size() {
            let node = self.node(number);
            let listens = node.listens_for(packet.target_ip) || node.listens_for(packet.sender_ip);
            if number != from && listens && is_for(node.mac()) && self.network.frame(from, number) {
                self.tell(number, Event::Frame(*frame));
            }
        }
    }

    pub(super) fn read_pods(&mut self, node: usize, life: Instant) {
        let (now, size) = (self.now, self.size());
        let place = &mut self.places[node];
        if place.started != life || !place.process.is_running() {
            return;
        }
        if self.control.is_up {
            place.pods = Some((0..size).map(address).collect());
        }
        let is_young = place.pods.is_none() || now - place.started < YOUTH;
        let event = place.pods.clone().map_or(Event::NoPods, Event::Pods);
        self.tell(node, event);
        let pause = if is_young { RETRY_YOUNG } else { RETRY };
        self.queue.push(now + pause, Happening::ReadPods(node, life));
    }

    pub(super) fn send_facts(&mut self, node: usize) {
        let facts = self.control.since(self.places[node].seen).to_vec();
        self.places[node].seen = self.control.len();
        self.tell(node, Event::Facts(facts));
    }
}
