//! All deadlines of the machine in one ordered set.

use std::collections::{BTreeMap, BTreeSet};

use ferrolb_types::Instant;

use crate::members::NodeId;

/// What is to be done at a deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    /// Probe the next node.
    Probe,
    /// The probed node has not answered the direct question.
    ProbeTimeout,
    /// The probed node has not answered at all.
    ProbeEnd,
    /// Send changes on.
    Gossip,
    /// Compare all with somebody.
    PushPull,
    /// Tell the length of the queue.
    QueueCheck,
    /// Saying goodbye has taken long enough.
    LeaveEnd,
    /// A suspect node has not defended itself.
    Suspicion(NodeId),
    /// A suspect node is to hear of it again.
    Remind(NodeId),
    /// A new node has not answered yet whether it hears.
    Greet(NodeId),
    /// A node that we asked for somebody has not answered.
    Relay(u32),
    /// The BFD session with a node.
    Session(NodeId),
    /// Another question to a node that is not heard.
    Confirm(NodeId),
    /// Tell our judgements of others, or tell them again.
    Tell,
    /// A lone judgement of a node has stood for long enough.
    Decide(NodeId),
    /// Nobody was heard for long.
    Solitude,
    /// The judgement of the second node about the first is too old.
    Expire(NodeId, NodeId),
}

/// Deadlines in order, at most one for each timer.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    order: BTreeSet<(Instant, Timer)>,
    armed: BTreeMap<Timer, Instant>,
}

impl Timers {
    pub(crate) fn arm(&mut self, timer: Timer, at: Instant) {
        if let Some(before) = self.armed.insert(timer, at) {
            self.order.remove(&(before, timer));
        }
        self.order.insert((at, timer));
    }

    /// As [`Timers::arm`], unless it is armed already.
    pub(crate) fn arm_once(&mut self, timer: Timer, at: Instant) {
        if !self.armed.contains_key(&timer) {
            self.arm(timer, at);
        }
    }

    pub(crate) fn disarm(&mut self, timer: Timer) {
        if let Some(at) = self.armed.remove(&timer) {
            self.order.remove(&(at, timer));
        }
    }

    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.order.first().map(|&(at, _)| at)
    }

    /// Takes the first timer whose deadline has come.
    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<Timer> {
        let &(at, timer) = self.order.first().filter(|(at, _)| *at <= now)?;
        self.order.remove(&(at, timer));
        self.armed.remove(&timer);
        Some(timer)
    }
}
