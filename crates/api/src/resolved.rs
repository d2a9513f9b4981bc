//! What the configuration means: checked, with names and selectors ready to be matched.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use core::net::IpAddr;
use serde::{Deserialize, Serialize};

use ferrolb_types::{InterfaceName, IpNet, Labels, NamespaceName, PoolName, Selector};

/// Everything accepted, ready for decisions. Refused objects are simply absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Config {
    /// Pools by name. No address is in two of them.
    pub pools: BTreeMap<PoolName, Arc<Pool>>,
    /// Layer 2 advertisements, by object name.
    pub l2_advertisements: BTreeMap<Box<str>, Arc<L2Advertisement>>,
}

/// An accepted IPAddressPool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pool {
    /// The object's name.
    pub name: PoolName,
    /// The object's labels, which advertisements select by.
    pub labels: Labels,
    /// `spec.addresses` in order, each entry as its prefixes in ascending order.
    pub entries: Vec<AddressEntry>,
    /// Whether it may be used without being asked for.
    pub auto_assign: bool,
    /// Whether IPv4 addresses that end in `.0` or `.255` are left out.
    pub avoid_buggy_ips: bool,
    /// Who may use it; absent means everybody (an *unpinned* pool).
    pub allocation: Option<ServiceAllocation>,
}

/// One string of `spec.addresses`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressEntry {
    /// As the user wrote it.
    pub text: Box<str>,
    /// Its minimal cover, ascending, host bits cleared; all of one family.
    pub prefixes: Vec<IpNet>,
}

impl Pool {
    /// All prefixes in the order in which addresses are handed out.
    pub fn prefixes(&self) -> impl Iterator<Item = IpNet> + '_ {
        self.entries.iter().flat_map(|e| e.prefixes.iter().copied())
    }

    /// Whether the pool owns `addr`; one that `avoidBuggyIPs` leaves out is not owned (controller 6.3).
    #[must_use]
    pub fn owns(&self, addr: IpAddr) -> bool {
        !(self.avoid_buggy_ips && is_buggy(addr)) && self.prefixes().any(|p| p.contains(&addr))
    }
}

/// IPv4 addresses ending in `.0` or `.255`, which some old network stacks take for broadcast (controller 8.6).
#[must_use]
pub const fn is_buggy(addr: IpAddr) -> bool {
    match addr {
        IpAddr::V4(v4) => matches!(v4.octets()[3], 0 | 255),
        IpAddr::V6(_) => false,
    }
}

/// Restriction of a *pinned* pool (controller 6.1, 6.2).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceAllocation {
    /// 1 is best, larger is worse, 0 is last.
    pub priority: i64,
    /// Namespaces by name, whether they exist or not.
    pub namespaces: BTreeSet<NamespaceName>,
    /// Namespaces by label; any of them.
    pub namespace_selectors: Vec<Selector>,
    /// Services by label; any of them.
    pub service_selectors: Vec<Selector>,
}

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

/// Pools that an advertisement reaches (api-and-config 3.5).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PoolSelection {
    /// Neither names nor selectors were given.
    All,
    /// Those named and those that any selector matches; possibly none.
    Some {
        /// By name; unknown names mean nothing.
        names: BTreeSet<PoolName>,
        /// By label.
        selectors: Vec<Selector>,
    },
}

impl PoolSelection {
    /// Whether `pool` is reached.
    #[must_use]
    pub fn reaches(&self, pool: &Pool) -> bool {
        match self {
            Self::All => true,
            Self::Some { names, selectors } => {
                names.contains(&pool.name) || selectors.iter().any(|s| s.matches(&pool.labels))
            }
        }
    }
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

/// Whether any selector matches, or none is given.
#[must_use]
pub fn any_or_empty(selectors: &[Selector], labels: &Labels) -> bool {
    selectors.is_empty() || selectors.iter().any(|s| s.matches(labels))
}
