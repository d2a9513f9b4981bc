//! What clients and tests see of a segment.

use core::net::Ipv4Addr;
use core::time::Duration;

use super::{Place, Segment};
use crate::Record;

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
            let (process, now) = (&mut place.process, self.now);
            let now = process.clock(now);
            (process.is_awake() && process.program.answers(now, address)).then_some(number)
        };
        self.places.iter_mut().enumerate().filter_map(answers).collect()
    }

    /// Clients have seen for `time` what they see now.
    pub(super) fn look(&mut self, time: Duration) {
        for address in self.control.addresses().to_vec() {
            let answers = self.owners_of(address).len();
            self.watched.add(address, answers, time);
        }
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

    /// Claims that were taken for those of foreign hosts. There are no such hosts.
    #[must_use]
    pub fn conflicts(&self) -> usize {
        self.places.iter().map(|place| place.node().conflicts).sum()
    }

    /// Whether all that run are in the ring of each of them, all but the nodes in `out` for elections, and nobody else.
    #[must_use]
    pub fn agrees_on(&self, members: usize, out: usize) -> bool {
        let mut running = self.places.iter().filter(|place| place.process.is_running());
        running.all(|place| place.node().ring_size() == (members, out))
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
