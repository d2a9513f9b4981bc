//! Counters of a pool.

use serde::{Deserialize, Serialize};

use ferrolb_api::resolved::{Pool, is_buggy};
use ferrolb_types::{IpFamily, IpNet};

use crate::effect::Effect;
use crate::engine::{Engine, Step};

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
    /// Addresses without a Service that are not given out to just anybody: reserved, or released a short time ago.
    pub withheld: i64,
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

    pub(crate) const fn count_assigned(&mut self, family: IpFamily, by: i64) {
        let assigned = match family {
            IpFamily::V4 => &mut self.assigned_ipv4,
            IpFamily::V6 => &mut self.assigned_ipv6,
        };
        *assigned = assigned.saturating_add(by);
    }
}

/// The counters of `pool` with nothing in use.
pub(crate) fn capacity(pool: &Pool) -> PoolUsage {
    let mut usage = PoolUsage::default();
    for net in pool.prefixes() {
        let capacity = match net {
            IpNet::V4(_) => &mut usage.capacity_ipv4,
            IpNet::V6(_) => &mut usage.capacity_ipv6,
        };
        *capacity = capacity.saturating_add(size(net, pool.avoid_buggy_ips));
    }
    usage
}

/// Addresses of a prefix that count; from 2^62 on as many as can be shown.
fn size(net: IpNet, avoid_buggy: bool) -> i64 {
    let host_bits = net.max_prefix_len() - net.prefix_len();
    if host_bits >= 62 {
        return i64::MAX;
    }
    let all = 1i64 << host_bits;
    let buggy = match host_bits {
        _ if !avoid_buggy || IpFamily::of(net.addr()) == IpFamily::V6 => 0,
        0 => i64::from(is_buggy(net.addr())),
        1..8 => i64::from(is_buggy(net.network())) + i64::from(is_buggy(net.broadcast())),
        _ => all / 128,
    };
    all - buggy
}

impl Engine {
    /// Reports the counters that changed. Before the start they mean nothing yet.
    pub(crate) fn report_usage(&mut self, step: &mut Step<'_>) {
        if !self.is_started() {
            return;
        }
        for (pool, usage) in self.pools.changed_usage() {
            step.out.push(Effect::PoolUsageChanged { pool, usage });
        }
    }
}
