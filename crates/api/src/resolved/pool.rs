//! Pools: addresses to hand out, and to whom.

use std::collections::BTreeSet;

use core::net::IpAddr;
use core::time::Duration;

use ferrolb_types::{IpFamily, IpNet, Labels, NamespaceName, PoolName, Selector};
use serde::{Deserialize, Serialize};

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
    /// How long an address stays unused after its release (`ferrolb.io/release-delay`); zero: not at all.
    pub release_delay: Duration,
    /// How many Services of one namespace may have addresses of it (`ferrolb.io/max-per-namespace`); absent: any number.
    pub max_per_namespace: Option<u32>,
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

    /// Whether any address of `family` is in it.
    #[must_use]
    pub fn has_family(&self, family: IpFamily) -> bool {
        self.prefixes().any(|p| IpFamily::of(p.addr()) == family)
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
