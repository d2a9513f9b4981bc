//! BGP advertisements: which routes to announce, with which attributes and to whom.

use std::collections::BTreeSet;

use ferrolb_types::{IpFamily, PoolName, Selector};
use serde::{Deserialize, Serialize};

use super::{Pool, PoolSelection};
use crate::Community;

/// An accepted BGPAdvertisement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BgpAdvertisement {
    /// The object's name.
    pub name: Box<str>,
    /// RFC 3339; of two advertisements that contradict each other the older one stands. Empty is oldest.
    pub created_at: Box<str>,
    /// The pools that it selects.
    pub pools: PoolSelection,
    /// Pools that it selects but cannot announce (spec/plan.md, "What a problem stops").
    pub unusable_pools: BTreeSet<PoolName>,
    /// Prefix length of IPv4 routes, 1 to 32.
    pub aggregation_length: u8,
    /// Prefix length of IPv6 routes, 0 to 128.
    pub aggregation_length_v6: u8,
    /// LOCAL_PREF; 0 means unset.
    pub local_pref: u32,
    /// Communities, by value.
    pub communities: BTreeSet<Community>,
    /// Nodes that announce, any selector; empty means all.
    pub node_selectors: Vec<Selector>,
    /// Peers by object name; empty means all.
    pub peers: BTreeSet<Box<str>>,
    /// Services that it announces, any selector; empty means all.
    pub service_selectors: Vec<Selector>,
}

impl BgpAdvertisement {
    /// Whether addresses of `pool` are announced.
    #[must_use]
    pub fn reaches(&self, pool: &Pool) -> bool {
        self.pools.reaches(pool) && !self.unusable_pools.contains(pool.name.as_str())
    }

    /// Whether it is meant for the peer of this name.
    #[must_use]
    pub fn targets(&self, peer: &str) -> bool {
        self.peers.is_empty() || self.peers.contains(peer)
    }

    /// Whether both could give one route of `pool` to one peer, with different local preferences (api-and-config 3.5).
    /// Nodes are not looked at: both are taken to be in force on one.
    #[must_use]
    pub fn contradicts(&self, other: &Self, pool: &Pool) -> bool {
        let share_a_peer =
            self.peers.is_empty() || other.peers.is_empty() || !self.peers.is_disjoint(&other.peers);
        self.local_pref != other.local_pref && share_a_peer && self.aggregates_like(other, pool)
    }

    /// A pool of both families counts as alike unless both lengths differ, as in the reference.
    fn aggregates_like(&self, other: &Self, pool: &Pool) -> bool {
        let alike = |family| pool.has_family(family) && self.aggregation(family) == other.aggregation(family);
        alike(IpFamily::V4) || alike(IpFamily::V6)
    }

    /// Order of precedence: of two that contradict each other the lesser stands.
    #[must_use]
    pub fn seniority(&self) -> (&str, &str) {
        (&self.created_at, &self.name)
    }

    /// Prefix length of its routes.
    #[must_use]
    pub const fn aggregation(&self, family: IpFamily) -> u8 {
        match family {
            IpFamily::V4 => self.aggregation_length,
            IpFamily::V6 => self.aggregation_length_v6,
        }
    }
}
