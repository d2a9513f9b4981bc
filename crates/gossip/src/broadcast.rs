//! Changes that are being sent on.

use core::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Least octets of a message that is worth looking for when a datagram is nearly full.
const SHORTEST: usize = 20;

/// Place in the queue: least often sent first, as far as it counts, then long ones, then new ones.
type Place = (u32, Reverse<usize>, Reverse<u64>);

/// What a datagram with changes is sent for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ride {
    /// To spread them, to a node chosen at random.
    Round,
    /// A question or an answer, and changes in the room that is left. It goes to whom they are about as often as not, so it
    /// counts only while more changes wait than fit, as when a large ring forms. Deviation: for memberlist it always does, and
    /// in a small ring a change may have been sent often enough before anybody whom it is news to has got it.
    Along,
}

/// Messages about nodes, at most one per node: a newer one replaces an older one. So the queue is never longer than the ring.
#[derive(Debug, Default)]
pub(crate) struct Broadcasts {
    order: BTreeSet<(Place, Arc<str>)>,
    messages: BTreeMap<Arc<str>, (Place, Arc<[u8]>)>,
    count: u64,
}

impl Broadcasts {
    /// Sends `message` about `node` from now on.
    pub(crate) fn queue(&mut self, node: &Arc<str>, message: Vec<u8>) {
        self.remove(node);
        self.count += 1;
        let place = (0, Reverse(message.len()), Reverse(self.count));
        self.insert(node, place, message.into());
    }

    /// Whether something about `node` has not been sent often enough.
    pub(crate) fn holds(&self, node: &str) -> bool {
        self.messages.contains_key(node)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.messages.len()
    }

    /// Appends messages to `parts` that fit into `room` octets, each with `overhead`. What `limit` datagrams that count have
    /// carried leaves the queue.
    pub(crate) fn take(
        &mut self,
        ride: Ride,
        (overhead, room): (usize, usize),
        limit: u32,
        parts: &mut Vec<Arc<[u8]>>,
    ) {
        let fitting = self.fitting(overhead, room);
        if ride == Ride::Along && fitting.len() == self.len() {
            let messages = fitting.iter().filter_map(|node| self.messages.get(node));
            return parts.extend(messages.map(|(_, message)| Arc::clone(message)));
        }
        for node in fitting {
            let Some((mut place, message)) = self.remove(&node) else {
                continue;
            };
            parts.push(Arc::clone(&message));
            place.0 += 1;
            if place.0 < limit {
                self.insert(&node, place, message);
            }
        }
    }

    fn fitting(&self, overhead: usize, mut room: usize) -> Vec<Arc<str>> {
        let mut fitting = Vec::new();
        for (place, node) in &self.order {
            if room < overhead + SHORTEST {
                break;
            }
            let (_, Reverse(length), _) = place;
            if overhead + length <= room {
                room -= overhead + length;
                fitting.push(Arc::clone(node));
            }
        }
        fitting
    }

    fn insert(&mut self, node: &Arc<str>, place: Place, message: Arc<[u8]>) {
        self.order.insert((place, Arc::clone(node)));
        self.messages.insert(Arc::clone(node), (place, message));
    }

    fn remove(&mut self, node: &Arc<str>) -> Option<(Place, Arc<[u8]>)> {
        let (place, message) = self.messages.remove(node)?;
        self.order.remove(&(place, Arc::clone(node)));
        Some((place, message))
    }
}

/// How often a change is sent on by each node: `RetransmitMult × ⌈log10(n + 1)⌉`.
pub(crate) fn retransmit_limit(multiplier: u32, nodes: usize) -> u32 {
    // The number of decimal digits of n is ⌈log10(n + 1)⌉.
    multiplier * nodes.checked_ilog10().map_or(0, |log| log + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(queue: &mut Broadcasts, room: usize, limit: u32) -> Vec<usize> {
        take_for(queue, Ride::Round, room, limit)
    }

    fn take_for(queue: &mut Broadcasts, ride: Ride, room: usize, limit: u32) -> Vec<usize> {
        let mut parts = Vec::new();
        queue.take(ride, (2, room), limit, &mut parts);
        parts.iter().map(|part| part.len()).collect()
    }

    #[test]
    fn each_message_is_sent_as_often_as_the_limit_says() {
        let mut queue = Broadcasts::default();
        queue.queue(&"a".into(), vec![0; 100]);
        assert_eq!([1, 2, 3].map(|_| take(&mut queue, 1000, 3)), [[100]; 3]);
        assert!(queue.is_empty() && take(&mut queue, 1000, 3).is_empty());
    }

    #[test]
    fn what_goes_along_with_questions_and_answers_is_still_to_be_spread() {
        let mut queue = Broadcasts::default();
        queue.queue(&"a".into(), vec![0; 100]);
        let along = [1, 2, 3, 4, 5].map(|_| take_for(&mut queue, Ride::Along, 1000, 2));
        assert_eq!(along, [[100]; 5]);
        assert_eq!([1, 2].map(|_| take(&mut queue, 1000, 2)), [[100]; 2]);
        assert!(queue.is_empty());
    }

    #[test]
    fn what_goes_along_counts_while_more_waits_than_fits() {
        let mut queue = Broadcasts::default();
        queue.queue(&"a".into(), vec![0; 60]);
        queue.queue(&"b".into(), vec![0; 50]);
        let along = [1, 2, 3].map(|_| take_for(&mut queue, Ride::Along, 70, 2));
        assert_eq!(along, [[60], [50], [60]]);
        assert_eq!(queue.len(), 1, "the one that is left fits");
        assert_eq!(take_for(&mut queue, Ride::Along, 70, 2), [50]);
        assert!(queue.holds("b"));
    }

    #[test]
    fn what_was_sent_least_often_comes_first_and_what_does_not_fit_waits() {
        let mut queue = Broadcasts::default();
        queue.queue(&"a".into(), vec![0; 60]);
        queue.queue(&"b".into(), vec![0; 50]);
        queue.queue(&"c".into(), vec![0; 40]);
        assert_eq!(take(&mut queue, 110, 9), [60, 40]);
        assert_eq!(take(&mut queue, 60, 9), [50]);
        assert_eq!(queue.len(), 3);
    }

    #[test]
    fn news_about_a_node_replaces_what_was_said_before() {
        let mut queue = Broadcasts::default();
        queue.queue(&"a".into(), vec![0; 60]);
        queue.queue(&"a".into(), vec![0; 30]);
        assert_eq!(take(&mut queue, 1000, 1), [30]);
        assert!(queue.is_empty() && !queue.holds("a"));
    }

    #[test]
    fn the_limit_grows_with_the_logarithm() {
        let limits = [0, 1, 9, 10, 99, 100, 999].map(|nodes| retransmit_limit(4, nodes));
        assert_eq!(limits, [0, 4, 4, 8, 8, 12, 12]);
    }
}
