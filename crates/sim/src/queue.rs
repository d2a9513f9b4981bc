//! What is going to happen, in order of time.

use core::cmp::Ordering;
use std::collections::BinaryHeap;

use ferrolb_types::Instant;

/// Events; the earliest comes first, and of those at one time the one that was put in first.
#[derive(Debug)]
pub struct Queue<E> {
    events: BinaryHeap<Scheduled<E>>,
    count: u64,
}

#[derive(Debug)]
struct Scheduled<E> {
    at: Instant,
    number: u64,
    event: E,
}

impl<E> Default for Queue<E> {
    fn default() -> Self {
        Self {
            events: BinaryHeap::new(),
            count: 0,
        }
    }
}

impl<E> Queue<E> {
    /// `event` is going to happen.
    pub fn push(&mut self, at: Instant, event: E) {
        self.count += 1;
        let number = self.count;
        self.events.push(Scheduled { at, number, event });
    }

    /// The next one, if it is not after `end`.
    pub fn pop(&mut self, end: Instant) -> Option<(Instant, E)> {
        self.events.peek().filter(|next| next.at <= end)?;
        self.events.pop().map(|next| (next.at, next.event))
    }
}

impl<E> Ord for Scheduled<E> {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.number).cmp(&(self.at, self.number))
    }
}

impl<E> PartialOrd for Scheduled<E> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<E> PartialEq for Scheduled<E> {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl<E> Eq for Scheduled<E> {}
