//! A node that is new here is asked whether it answers datagrams, until it does: streams may get through where they do not, and
//! then the ring forms and notices nothing. Each question tells who asks, so that of two nodes never only one knows the other,
//! whatever gossip brings to whom.

use core::time::Duration;

use ferrolb_types::Instant;

use super::send::joined;
use super::{Machine, Phase};
use crate::Output;
use crate::members::NodeId;
use crate::timer::Timer;

/// With a fifth of the packets lost one of 500 healthy nodes stays silent so often.
const TRIES: u8 = 6;
const PAUSE: Duration = Duration::from_secs(1);
/// How often one that stays silent is asked later.
const RETRY: Duration = Duration::from_secs(30);

/// A node that has not answered yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Greeting {
    sequence: u32,
    tries: u8,
    is_told: bool,
}

impl Machine {
    pub(super) fn greet(&mut self, now: Instant, id: NodeId, out: &mut Vec<Output>) {
        let greeting = Greeting {
            sequence: 0,
            tries: 0,
            is_told: false,
        };
        if id != self.this {
            self.greetings.insert(id, greeting);
            self.greet_again(now, id, out);
        }
    }

    /// The next question; after enough of them the node is told to be silent.
    pub(super) fn greet_again(&mut self, now: Instant, id: NodeId, out: &mut Vec<Output>) {
        let sequence = self.next_sequence();
        let node = self.members.get(id).filter(|node| node.is_usable());
        let (Some(node), Some(greeting)) = (node, self.greetings.get_mut(&id)) else {
            self.greetings.remove(&id);
            return;
        };
        greeting.sequence = sequence;
        greeting.tries = greeting.tries.saturating_add(1);
        let is_silent = greeting.tries > TRIES;
        if is_silent && !core::mem::replace(&mut greeting.is_told, true) {
            let address = node.address;
            out.push(Output::ReportPacketsLost { address });
        }
        self.timers
            .arm(Timer::Greet(id), now + if is_silent { RETRY } else { PAUSE });
        let mut parts = vec![self.ping(sequence, &node.name).into()];
        if self.phase == Phase::Running {
            parts.push(self.about_self().into());
        }
        // Without changes: a thousand nodes that start together greet a million times.
        out.push(node.packet(joined(&parts)));
    }

    /// An answer to the last question.
    pub(super) fn confirm_greeting(&mut self, sequence: u32, out: &mut Vec<Output>) {
        let answered = |(_, greeting): &(&NodeId, &Greeting)| greeting.sequence == sequence;
        if let Some((&id, _)) = self.greetings.iter().find(answered) {
            self.end_greeting(id, out);
        }
    }

    /// Datagrams pass in both directions: it has answered one, or its session is up.
    pub(super) fn end_greeting(&mut self, id: NodeId, out: &mut Vec<Output>) {
        let Some(greeting) = self.greetings.remove(&id) else {
            return;
        };
        self.timers.disarm(Timer::Greet(id));
        if let Some(node) = self.members.get(id).filter(|_| greeting.is_told) {
            let address = node.address;
            out.push(Output::ReportPacketsAnswered { address });
        }
    }
}
