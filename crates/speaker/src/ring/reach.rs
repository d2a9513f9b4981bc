//! Speakers in the pod list that do not answer by gossip, and over what: the port must be open for TCP and UDP.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use ferrolb_api::{Alert, reason};

/// Addresses that are told apart; a ring has no more nodes that fail to join.
const CLOSED_MAX: usize = 1024;
/// Addresses that a condition names.
const NAMED_MAX: usize = 5;

/// What is known of them.
#[derive(Debug)]
pub(crate) struct Reach {
    closed: BTreeMap<SocketAddr, String>,
}

impl Reach {
    pub(crate) const fn new() -> Self {
        Self {
            closed: BTreeMap::new(),
        }
    }

    /// An address does not answer because of `cause`. Whether that is news.
    pub(crate) fn fail(&mut self, address: SocketAddr, cause: &str) -> bool {
        let has_room = self.closed.len() < CLOSED_MAX;
        has_room && self.closed.insert(address, cause.to_owned()).is_none()
    }

    /// An address answers. Whether that is news.
    pub(crate) fn answer(&mut self, address: SocketAddr) -> bool {
        self.closed.remove(&address).is_some()
    }

    /// Only these are in the pod list.
    pub(crate) fn keep(&mut self, pods: &BTreeSet<SocketAddr>) {
        self.closed.retain(|address, _| pods.contains(address));
    }

    /// How many do not answer.
    pub(crate) fn len(&self) -> usize {
        self.closed.len()
    }

    /// What needs attention, if any of them does not answer.
    pub(crate) fn alert(&self) -> Option<Alert> {
        let named = self.closed.iter().take(NAMED_MAX);
        let mut lines: Vec<String> = named
            .map(|(address, cause)| format!("{address}: {cause}"))
            .collect();
        let more = self.closed.len().saturating_sub(NAMED_MAX);
        if more > 0 {
            lines.push(format!("and {more} more"));
        }
        (!lines.is_empty()).then(|| Alert {
            kind: reason::EVENT_GOSSIP_UNREACHABLE,
            reason: reason::EVENT_GOSSIP_UNREACHABLE,
            message: lines.join("\n"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(port: u16) -> SocketAddr {
        ([192, 0, 2, 1], port).into()
    }

    fn message(reach: &Reach) -> String {
        reach.alert().expect("some do not answer").message
    }

    #[test]
    fn each_address_is_news_once_until_it_answers() {
        let mut reach = Reach::new();
        assert_eq!(reach.alert(), None);
        assert_eq!(
            [reach.fail(at(1), "no answer"), reach.fail(at(1), "refused")],
            [true, false]
        );
        assert_eq!(message(&reach), "192.0.2.1:1: refused");
        assert_eq!([reach.answer(at(1)), reach.answer(at(1))], [true, false]);
        assert_eq!(reach.alert(), None);
    }

    #[test]
    fn pods_that_are_gone_are_forgotten() {
        let mut reach = Reach::new();
        reach.fail(at(1), "no answer");
        reach.fail(at(2), "no answer");
        reach.keep(&BTreeSet::from([at(2)]));
        assert_eq!((reach.len(), reach.answer(at(2))), (1, true));
    }

    #[test]
    fn a_condition_names_some_and_counts_the_rest() {
        let mut reach = Reach::new();
        assert!((1..=7).all(|port| reach.fail(at(port), "no answer")));
        assert!(message(&reach).ends_with("192.0.2.1:5: no answer\nand 2 more"));
    }
}
