//! The allocator's metrics (`operations.md` 7.2), label `pool`.

use std::collections::BTreeMap;

use ferrolb_ipam::{PoolUsage, Reason};
use ferrolb_telemetry::metrics::{Counter, CounterVec, Error, Gauge, GaugeVec, Histogram, Registry};
use ferrolb_types::PoolName;

/// Gauges of pools, and what went wrong on the way.
#[derive(Clone, Debug)]
pub(crate) struct Metrics {
    pools: Vec<(GaugeVec, Value)>,
    waiting: GaugeVec,
    /// How long the engine worked on one event.
    pub(crate) decisions: Histogram,
    /// How long status writes took, with their repetitions.
    pub(crate) writes: Histogram,
    /// Kubernetes events that did not reach the API server.
    pub(crate) events_dropped: Counter,
    leader: Gauge,
    leader_transitions: CounterVec,
}

/// What a gauge shows.
type Value = fn(&PoolUsage) -> i64;

/// From a microsecond, which a decision takes, to the seconds of an API server in trouble.
const DECISION_SECONDS: [f64; 8] = [1e-6, 5e-6, 2e-5, 1e-4, 5e-4, 2e-3, 1e-2, 1e-1];
const WRITE_SECONDS: [f64; 10] = [1e-3, 2.5e-3, 5e-3, 1e-2, 2.5e-2, 5e-2, 1e-1, 5e-1, 2.0, 10.0];

/// Name, help and value. The one without `_total` is what older documentation calls the fourth.
const POOL_GAUGES: [(&str, &str, Value); 8] = [
    (
        "metallb_allocator_addresses_total",
        "Number of usable IP addresses, per pool",
        PoolUsage::capacity,
    ),
    (
        "metallb_allocator_ipv4_addresses_total",
        "Number of usable IPv4 addresses, per pool",
        |usage| usage.capacity_ipv4,
    ),
    (
        "metallb_allocator_ipv6_addresses_total",
        "Number of usable IPv6 addresses, per pool",
        |usage| usage.capacity_ipv6,
    ),
    (
        "metallb_allocator_addresses_in_use_total",
        "Number of IP addresses in use, per pool",
        PoolUsage::assigned,
    ),
    (
        "metallb_allocator_ipv4_addresses_in_use_total",
        "Number of IPv4 addresses in use, per pool",
        |usage| usage.assigned_ipv4,
    ),
    (
        "metallb_allocator_ipv6_addresses_in_use_total",
        "Number of IPv6 addresses in use, per pool",
        |usage| usage.assigned_ipv6,
    ),
    (
        "metallb_allocator_addresses_in_use",
        "Number of IP addresses in use, per pool (another name of metallb_allocator_addresses_in_use_total)",
        PoolUsage::assigned,
    ),
    (
        "ferrolb_allocator_addresses_withheld",
        "Number of IP addresses that nobody uses and that are reserved, or rest after their release, per pool",
        |usage| usage.withheld,
    ),
];

impl Metrics {
    pub(crate) fn register(registry: &Registry) -> Result<Self, Error> {
        let register = |(name, help, value)| Ok((registry.gauge_vec(name, help, &["pool"])?, value));
        Ok(Self {
            pools: POOL_GAUGES
                .into_iter()
                .map(register)
                .collect::<Result<_, Error>>()?,
            waiting: registry.gauge_vec(
                "ferrolb_allocator_waiting_services",
                "Number of Services that wait for an address, per reason",
                &["reason"],
            )?,
            decisions: registry.histogram(
                "ferrolb_allocator_decision_seconds",
                "Time from taking an event to everything that follows from it being decided",
                &DECISION_SECONDS,
            )?,
            writes: registry.histogram(
                "ferrolb_allocator_write_seconds",
                "Time that writing the status of a Service took, with repetitions, whatever the outcome",
                &WRITE_SECONDS,
            )?,
            events_dropped: registry.counter(
                "ferrolb_events_dropped_total",
                "Number of Kubernetes events that did not reach the API server.",
            )?,
            leader: registry.gauge(
                "ferrolb_leader",
                "1 if this controller is the one that writes, 0 if it stands by",
            )?,
            leader_transitions: registry.counter_vec(
                "ferrolb_leader_transitions_total",
                "Number of times that this controller became the leader or a standby",
                &["to"],
            )?,
        })
    }

    pub(crate) fn show(&self, pool: &PoolName, usage: &PoolUsage) {
        for (gauge, value) in &self.pools {
            gauge.with(&[pool.as_str()]).set(value(usage));
        }
    }

    pub(crate) fn show_leader(&self, is_leader: bool) {
        let to = if is_leader { "leader" } else { "standby" };
        self.leader.set_bool(is_leader);
        self.leader_transitions.with(&[to]).increment();
    }

    /// Who does not decide has nothing to show of pools and Services; the leader has.
    pub(crate) fn clear(&self) {
        self.waiting.clear();
        for (gauge, _) in &self.pools {
            gauge.clear();
        }
    }

    /// Reasons that nobody waits for disappear.
    pub(crate) fn show_waiting(&self, waiting: &BTreeMap<Reason, usize>) {
        for reason in Reason::ALL {
            match waiting.get(&reason) {
                Some(count) => self
                    .waiting
                    .with(&[reason.as_str()])
                    .set(i64::try_from(*count).unwrap_or(i64::MAX)),
                None => self.waiting.remove(&[reason.as_str()]),
            }
        }
    }

    pub(crate) fn hide(&self, pool: &PoolName) {
        for (gauge, _) in &self.pools {
            gauge.remove(&[pool.as_str()]);
        }
    }
}
