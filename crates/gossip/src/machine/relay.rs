//! Questions that this node asks for others.

use core::net::SocketAddr;

use ferrolb_types::Instant;
use ferrolb_wire::memberlist::{Ack, Message};

use super::Machine;
use crate::Output;
use crate::timer::Timer;

/// Most questions at a time; a stranger may not make us hold more.
const RELAYS_MAX: usize = 1024;

/// Who wants to know.
#[derive(Clone, Copy, Debug)]
pub(super) struct Relay {
    /// Where the answer goes.
    pub(super) asker: SocketAddr,
    /// The asker's number.
    pub(super) sequence: u32,
    /// Whether to tell that there is none.
    pub(super) nack: bool,
}

impl Machine {
    /// Gives the number under which to ask; none while there are too many.
    pub(super) fn start_relay(&mut self, now: Instant, relay: Relay) -> Option<u32> {
        if self.relays.len() >= RELAYS_MAX {
            return None;
        }
        let sequence = self.next_sequence();
        self.relays.insert(sequence, relay);
        self.timers
            .arm(Timer::Relay(sequence), now + self.config.probe_timeout);
        Some(sequence)
    }

    pub(super) fn pass_ack_on(&mut self, sequence: u32, out: &mut Vec<Output>) {
        let Some(relay) = self.relays.remove(&sequence) else {
            return;
        };
        self.timers.disarm(Timer::Relay(sequence));
        let answer = Message::Ack(Ack {
            sequence: relay.sequence,
            payload: &[],
        });
        self.send_to_address(relay.asker, &answer, out);
    }

    pub(super) fn end_relay(&mut self, sequence: u32, out: &mut Vec<Output>) {
        let Some(relay) = self.relays.remove(&sequence) else {
            return;
        };
        if relay.nack {
            let sequence = relay.sequence;
            self.send_to_address(relay.asker, &Message::Nack { sequence }, out);
        }
    }
}
