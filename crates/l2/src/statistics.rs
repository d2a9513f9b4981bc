//! Counters, read when somebody asks for them.

use core::net::IpAddr;
use std::collections::BTreeMap;

use ferrolb_types::InterfaceIndex;
use serde::{Deserialize, Serialize};

/// What happened with one held address since it is held; gone when it is released.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressCounters {
    /// Requests and solicitations that passed all checks.
    pub requests_received: u64,
    /// Answers to them, as asked for by [`Output::SendFrame`](crate::Output::SendFrame).
    pub responses_sent: u64,
    /// Frames sent unasked. An ARP round has two, request and reply.
    pub gratuitous_sent: u64,
    /// Claims by foreign hosts.
    pub conflicts: u64,
}

/// One held address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressStatistics {
    /// Its counters.
    pub counters: AddressCounters,
    /// Where it is answered for at present, ascending; empty when no interface qualifies.
    pub interfaces: Vec<InterfaceIndex>,
    /// Where another host keeps it from being answered for at present, ascending.
    pub yielded: Vec<InterfaceIndex>,
}

/// Everything that is counted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statistics {
    /// Held addresses.
    pub addresses: BTreeMap<IpAddr, AddressStatistics>,
    /// Frames without an answer since the start, by reason; every reason is present.
    pub drops: BTreeMap<DropReason, u64>,
}

/// Why a frame got no answer (layer2 6.4, 6.5). The first that applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum DropReason {
    /// It came from an interface that is not used, or not any more.
    InterfaceClosed,
    /// It is not a valid ARP or Neighbor Discovery message.
    Malformed,
    /// It was sent by this node and came back, as through a bridge.
    OwnFrame,
    /// A foreign host claims a held address in it.
    ForeignClaim,
    /// Another speaker claims a held address in it, which happens in a hand-over.
    PeerClaim,
    /// It is a reply or advertisement, not a question.
    NotARequest,
    /// It was sent to another host.
    OtherDestination,
    /// The address to answer to is none that a host can have.
    InvalidSender,
    /// The address asked for is not held.
    NotHeld,
    /// The address asked for is held, but not on this interface.
    OtherInterface,
    /// The address asked for is being probed for, or has been given up to another host.
    NotInUse,
}

impl DropReason {
    /// All reasons, in order.
    pub const ALL: [Self; 11] = [
        Self::InterfaceClosed,
        Self::Malformed,
        Self::OwnFrame,
        Self::ForeignClaim,
        Self::PeerClaim,
        Self::NotARequest,
        Self::OtherDestination,
        Self::InvalidSender,
        Self::NotHeld,
        Self::OtherInterface,
        Self::NotInUse,
    ];

    /// The reason as a metric label and in `debug` output.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InterfaceClosed => "interfaceClosed",
            Self::Malformed => "malformed",
            Self::OwnFrame => "ownFrame",
            Self::ForeignClaim => "foreignClaim",
            Self::PeerClaim => "peerClaim",
            Self::NotARequest => "notARequest",
            Self::OtherDestination => "otherDestination",
            Self::InvalidSender => "invalidSender",
            Self::NotHeld => "notHeld",
            Self::OtherInterface => "otherInterface",
            Self::NotInUse => "notInUse",
        }
    }
}

/// Dropped frames by reason.
#[derive(Debug, Default)]
pub(crate) struct DropCounters([u64; DropReason::ALL.len()]);

impl DropCounters {
    pub(crate) fn count(&mut self, reason: DropReason) {
        self.0[reason as usize] += 1;
    }

    pub(crate) fn by_reason(&self) -> BTreeMap<DropReason, u64> {
        DropReason::ALL.into_iter().zip(self.0).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_counter_of_its_own_and_one_spelling() {
        let mut drops = DropCounters::default();
        for (times, reason) in DropReason::ALL.into_iter().enumerate() {
            (0..times).for_each(|_| drops.count(reason));
            let stored = serde_json::to_value(reason).unwrap();
            assert_eq!(stored, reason.as_str());
        }
        let counts: Vec<u64> = drops.by_reason().into_values().collect();
        assert_eq!(counts, (0..11).collect::<Vec<_>>());
    }
}
