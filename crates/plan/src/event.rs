//! What the planner of a node is told, and what it asks for.

use core::fmt;
use core::net::IpAddr;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use ferrolb_api::facts::{NodeFacts, ServiceFacts, SliceFacts};
use ferrolb_api::resolved::{Config, Interfaces};
use ferrolb_types::{IpNet, NodeName, ObjectKey};

use crate::silence::Silence;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Input {
    /// The configuration in force. Refused objects are not in it; whoever resolves keeps their last accepted version.
    ConfigResolved(Arc<Config>),
    /// A Service exists and looks like this, of whatever type and class.
    ServiceApplied(Arc<ServiceFacts>),
    /// A Service is no longer in the cluster.
    ServiceDeleted(ObjectKey),
    /// An EndpointSlice exists and looks like this.
    SliceApplied(SliceFacts),
    /// An EndpointSlice is no longer in the cluster.
    SliceDeleted(ObjectKey),
    /// A Node exists and looks like this.
    NodeApplied(NodeFacts),
    /// A Node is no longer in the cluster.
    NodeDeleted(NodeName),
    /// These nodes have a live speaker.
    MembersChanged(Members),
    /// All objects that existed at the start have been delivered: nothing is announced or withdrawn before.
    Synced,
}

/// Whose speakers are alive (layer2 section 5).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Members {
    /// Gossip is off: every Node object counts as having a speaker.
    #[default]
    AllNodes,
    /// The members of the gossip ring that are alive or suspect, without those that are out for elections; this node among
    /// them once it has joined. One without a Node object is a candidate of advertisements without node selectors.
    Ring(BTreeMap<NodeName, Speaker>),
}

impl Members {
    /// A ring of FerroLB speakers that do not tell what they can announce.
    pub fn ring(names: impl IntoIterator<Item = NodeName>) -> Self {
        let speaker = Speaker::Ferrolb { subnets: None };
        Self::Ring(names.into_iter().map(|name| (name, speaker.clone())).collect())
    }
}

/// Which program a member of the ring is, as far as it matters to elections (design.md section 5).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Speaker {
    /// MetalLB's, which knows the candidates and the order of layer2 3.2 and no others: while there is one, everybody keeps
    /// to them, or two nodes would answer.
    Reference,
    /// FerroLB's.
    Ferrolb {
        /// The subnets that it can announce on now; none if they are not known.
        subnets: Option<BTreeSet<IpNet>>,
    },
}

/// One thing to do. Addresses come before reports, withdrawals before announcements.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Output {
    /// Answer for `ip` on these interfaces, whether or not it is answered for already: the latest value counts.
    Announce {
        /// The address.
        ip: IpAddr,
        /// The union over all Services that share it.
        interfaces: Interfaces,
        /// No speaker can have answered for it since it was allocated, see [`NodePlanner`](crate::NodePlanner).
        is_first_use: bool,
    },
    /// Stop answering for `ip`; no Service needs it here any more.
    Withdraw {
        /// The address.
        ip: IpAddr,
    },
    /// A Service is announced from this node from now on: event `nodeAssigned`, metric, status object.
    ReportAnnounced {
        /// The Service.
        service: ObjectKey,
        /// Its UID, for the event.
        uid: Box<str>,
        /// By which protocol.
        protocol: Protocol,
        /// All its addresses, in the order of its status.
        addresses: Vec<IpAddr>,
        /// The interfaces of this Service alone.
        interfaces: Interfaces,
    },
    /// A Service that is announced from here goes out on other interfaces than before: status object, no event.
    ReportInterfaces {
        /// The Service.
        service: ObjectKey,
        /// The interfaces of this Service alone.
        interfaces: Interfaces,
    },
    /// A Service is not announced from this node any more: log line, metric, status object.
    ReportWithdrawn {
        /// The Service.
        service: ObjectKey,
        /// By which protocol it was announced.
        protocol: Protocol,
        /// The addresses that it had.
        addresses: Vec<IpAddr>,
        /// Why.
        silence: Silence,
    },
}

/// How an address is announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Protocol {
    /// ARP and NDP.
    Layer2,
    /// Border Gateway Protocol.
    Bgp,
}

impl Protocol {
    /// As metrics, events and `plan` spell it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Layer2 => "layer2",
            Self::Bgp => "bgp",
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
