//! Counters of a pool.

use serde::{Deserialize, Serialize};

/// Capacity and use of one pool. Saturating: large IPv6 pools show `i64::MAX` (controller 10.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PoolUsage {
    /// Addresses of the pool, IPv4.
    pub capacity_ipv4: i64,
    /// Addresses of the pool, IPv6.
    pub capacity_ipv6: i64,
    /// Distinct addresses with at least one Service, IPv4.
    pub assigned_ipv4: i64,
    /// Distinct addresses with at least one Service, IPv6.
    pub assigned_ipv6: i64,
}

impl PoolUsage {
    /// `status.availableIPv4`.
    #[must_use]
    pub const fn available_ipv4(&self) -> i64 {
        self.capacity_ipv4.saturating_sub(self.assigned_ipv4)
    }

    /// `status.availableIPv6`.
    #[must_use]
    pub const fn available_ipv6(&self) -> i64 {
        self.capacity_ipv6.saturating_sub(self.assigned_ipv6)
    }

    /// Addresses of both families.
    #[must_use]
    pub const fn capacity(&self) -> i64 {
        self.capacity_ipv4.saturating_add(self.capacity_ipv6)
    }

    /// Addresses in use, both families.
    #[must_use]
    pub const fn assigned(&self) -> i64 {
        self.assigned_ipv4.saturating_add(self.assigned_ipv6)
    }
}
