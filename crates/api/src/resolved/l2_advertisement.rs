//! Layer 2 advertisements: what to answer ARP and NDP for, and from where.

use std::collections::BTreeSet;

use ferrolb_types::{InterfaceName, Selector};
use serde::{Deserialize, Serialize};

use super::PoolSelection;

/// An accepted L2Advertisement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct L2Advertisement {
    /// The object's name.
    pub name: Box<str>,
    /// The pools whose addresses it announces.
    pub pools: PoolSelection,
    /// Nodes that may announce, any selector; empty means all (layer2 3.6).
    pub node_selectors: Vec<Selector>,
    /// Interfaces to announce on.
    pub interfaces: Interfaces,
    /// Services that it announces, any selector; empty means all.
    pub service_selectors: Vec<Selector>,
    /// Soft preferences between the nodes.
    pub preferred_nodes: Vec<NodePreference>,
}

/// Interfaces of a node.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Interfaces {
    /// All that can announce.
    All,
    /// Only these.
    Named(BTreeSet<InterfaceName>),
}

impl Interfaces {
    /// Whether `name` is among them.
    #[must_use]
    pub fn allow(&self, name: &InterfaceName) -> bool {
        match self {
            Self::All => true,
            Self::Named(names) => names.contains(name),
        }
    }

    /// Both together.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        match (self, other) {
            (Self::Named(mut mine), Self::Named(theirs)) => {
                mine.extend(theirs);
                Self::Named(mine)
            }
            _ => Self::All,
        }
    }
}

/// A soft preference for nodes (layer2 4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodePreference {
    /// 1 to 100; sums over all that match.
    pub weight: u32,
    /// Which nodes.
    pub preference: Selector,
}
