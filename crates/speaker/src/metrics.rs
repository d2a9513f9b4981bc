//! What the speaker counts (`operations.md` 7.2, layer2 section 8).

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ferrolb_l2::{AddressCounters, DropReason, Statistics};
use ferrolb_plan::Protocol;
use ferrolb_telemetry::metrics::{
    ClientMetrics, Counter, CounterVec, Error, Gauge, GaugeVec, Histogram, Registry, Time,
};
use ferrolb_types::{NodeName, ObjectKey};

/// In seconds. A speaker that leaves is replaced in milliseconds, one that dies in half a second, without fast watching in five.
const FAILOVER_BOUNDS: [f64; 10] = [0.01, 0.05, 0.1, 0.25, 0.5, 0.7, 1.0, 2.5, 5.0, 10.0];

/// All metrics of a speaker.
pub(crate) struct Metrics {
    node: NodeName,
    pub(crate) client: ClientMetrics,
    announced: GaugeVec,
    traps: GaugeVec,
    told_traps: BTreeSet<&'static str>,
    pub(crate) ring: RingMetrics,
    layer2: Layer2Metrics,
}

impl Metrics {
    /// `client` is registered outside, since a controller in the same process counts there, too.
    pub(crate) fn register(
        registry: &Registry,
        client: ClientMetrics,
        node: NodeName,
    ) -> Result<Self, Error> {
        let labels = ["service", "protocol", "node", "ip"];
        let help = "Services that are announced from this node: 1 for each address.";
        Ok(Self {
            node,
            client,
            announced: registry.gauge_vec("metallb_speaker_announced", help, &labels)?,
            traps: registry.gauge_vec(
                "ferrolb_node_traps",
                "What is wrong with the settings of this node, by reason; `ferrolb explain REASON` says what to do.",
                &["reason"],
            )?,
            told_traps: BTreeSet::new(),
            ring: RingMetrics::register(registry)?,
            layer2: Layer2Metrics::register(registry)?,
        })
    }

    pub(crate) fn announced(&self, service: &ObjectKey, protocol: Protocol, addresses: &[IpAddr]) {
        self.each(service, protocol, addresses, |labels| {
            self.announced.with(labels).set(1);
        });
    }

    pub(crate) fn withdrawn(&self, service: &ObjectKey, protocol: Protocol, addresses: &[IpAddr]) {
        self.each(service, protocol, addresses, |labels| {
            self.announced.remove(labels);
        });
    }

    fn each(&self, service: &ObjectKey, protocol: Protocol, addresses: &[IpAddr], act: impl Fn(&[&str])) {
        let service = service.to_string();
        for ip in addresses {
            act(&[&service, protocol.as_str(), self.node.as_str(), &ip.to_string()]);
        }
    }

    /// There is a series only while there is a trap.
    pub(crate) fn count_traps(&mut self, counts: &BTreeMap<&'static str, i64>) {
        for gone in self.told_traps.iter().filter(|word| !counts.contains_key(*word)) {
            self.traps.remove(&[gone]);
        }
        for (word, count) in counts {
            self.traps.with(&[word]).set(*count);
        }
        self.told_traps = counts.keys().copied().collect();
    }

    /// Brings the counters of the layer 2 thread up to date.
    pub(crate) fn count_layer2(&mut self, now: &Statistics) {
        self.layer2.count(now);
    }
}

/// What is known of the ring.
pub(crate) struct RingMetrics {
    members: Gauge,
    out: Gauge,
    unreachable: Gauge,
    failover: Histogram,
    last_failover: Gauge,
    last_failover_took: Time,
    frozen: GaugeVec,
    isolated: Gauge,
}

impl RingMetrics {
    fn register(registry: &Registry) -> Result<Self, Error> {
        Ok(Self {
            members: registry.gauge(
                "ferrolb_ring_members",
                "Speakers in the gossip ring as this one sees it, itself included; 0 without gossip.",
            )?,
            out: registry.gauge(
                "ferrolb_ring_out_for_elections",
                "Those of them whose watchers do not hear them, so that they are not elected.",
            )?,
            unreachable: registry.gauge(
                "ferrolb_ring_unreachable",
                "Speakers in the pod list that do not answer by gossip, over TCP or over UDP.",
            )?,
            failover: registry.histogram(
                "ferrolb_failover_seconds",
                "From the last sign of life of a speaker that was lost, as its watchers tell it, to the first frame by which \
                 this one announces its addresses; of one that left or that nobody watched, from the word that it is gone.",
                &FAILOVER_BOUNDS,
            )?,
            last_failover: registry.gauge(
                "ferrolb_failover_last_timestamp_seconds",
                "When this speaker took addresses of another one over for the last time; 0: never.",
            )?,
            last_failover_took: registry.time(
                "ferrolb_failover_last_duration_seconds",
                "How long that took, counted as ferrolb_failover_seconds does; 0: there was none.",
            )?,
            frozen: registry.gauge_vec(
                "ferrolb_ownership_frozen",
                "Whether nothing is withdrawn for want of trustworthy news, by cause: nodesNotReady, apiServerAway.",
                &["cause"],
            )?,
            isolated: registry.gauge(
                "ferrolb_node_isolated",
                "1 while nothing is announced from here because neither another speaker nor the gateway is heard \
                 (`--isolation=stop`).",
            )?,
        })
    }

    /// Addresses of a speaker that was lost were taken over, `took` after its last sign of life.
    pub(crate) fn failed_over(&self, took: Duration, at: SystemTime) {
        self.failover.observe(took);
        self.last_failover_took.set(took);
        let seconds = at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        self.last_failover.set(i64::try_from(seconds).unwrap_or(i64::MAX));
    }

    /// Whether ownership is frozen because of `cause`.
    pub(crate) fn frozen(&self, cause: &str, is_frozen: bool) {
        self.frozen.with(&[cause]).set(i64::from(is_frozen));
    }

    /// Whether this node is cut off and has stopped.
    pub(crate) fn isolated(&self, is_isolated: bool) {
        self.isolated.set_bool(is_isolated);
    }

    /// How many speakers do not answer by gossip.
    pub(crate) fn unreachable(&self, count: usize) {
        self.unreachable.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// How many members there are, and how many of them are out for elections.
    pub(crate) fn sized(&self, (members, out): (usize, usize)) {
        self.members.set(i64::try_from(members).unwrap_or(i64::MAX));
        self.out.set(i64::try_from(out).unwrap_or(i64::MAX));
    }
}

/// Counters that the layer 2 thread keeps and that are read from it now and then.
struct Layer2Metrics {
    requests: CounterVec,
    responses: CounterVec,
    gratuitous: CounterVec,
    conflicts: CounterVec,
    yielded: GaugeVec,
    drops: BTreeMap<DropReason, Counter>,
    seen: BTreeMap<IpAddr, AddressCounters>,
    seen_drops: BTreeMap<DropReason, u64>,
    seen_yielded: BTreeSet<IpAddr>,
}

impl Layer2Metrics {
    fn register(registry: &Registry) -> Result<Self, Error> {
        let by_ip = |name: &str, help: &str| registry.counter_vec(name, help, &["ip"]);
        let drops = registry.counter_vec(
            "ferrolb_layer2_dropped_total",
            "Frames that passed the kernel's filter and got no answer, by reason.",
            &["reason"],
        )?;
        let counter = |reason: DropReason| (reason, drops.with(&[reason.as_str()]));
        Ok(Self {
            requests: by_ip(
                "metallb_layer2_requests_received",
                "Requests received for held addresses.",
            )?,
            responses: by_ip("metallb_layer2_responses_sent", "Answers sent to them.")?,
            gratuitous: by_ip("metallb_layer2_gratuitous_sent", "Gratuitous frames sent.")?,
            conflicts: by_ip(
                "ferrolb_layer2_conflicts_total",
                "Claims of held addresses by foreign hosts.",
            )?,
            yielded: registry.gauge_vec(
                "ferrolb_layer2_address_yielded",
                "1 while another host keeps a wanted address from being answered for on some interface.",
                &["ip"],
            )?,
            drops: DropReason::ALL.into_iter().map(counter).collect(),
            seen: BTreeMap::new(),
            seen_drops: BTreeMap::new(),
            seen_yielded: BTreeSet::new(),
        })
    }

    fn count(&mut self, now: &Statistics) {
        self.remove_released(now);
        for (ip, statistics) in &now.addresses {
            self.count_address(*ip, statistics.counters);
            self.tell_yielded(*ip, !statistics.yielded.is_empty());
        }
        for (reason, total) in &now.drops {
            let seen = self.seen_drops.insert(*reason, *total).unwrap_or(0);
            if let Some(counter) = self.drops.get(reason) {
                counter.add(total.saturating_sub(seen));
            }
        }
    }

    /// Counters of an address begin anew when it is held again.
    fn count_address(&mut self, ip: IpAddr, now: AddressCounters) {
        let seen = self.seen.insert(ip, now);
        if seen == Some(now) {
            return;
        }
        let seen = seen
            .filter(|s| s.gratuitous_sent <= now.gratuitous_sent)
            .unwrap_or_default();
        let text = ip.to_string();
        // A series exists from its first event on: of 10,000 addresses most are never asked for.
        let add = |vec: &CounterVec, now: u64, seen: u64| {
            if now > seen {
                vec.with(&[&text]).add(now - seen);
            }
        };
        add(&self.requests, now.requests_received, seen.requests_received);
        add(&self.responses, now.responses_sent, seen.responses_sent);
        add(&self.gratuitous, now.gratuitous_sent, seen.gratuitous_sent);
        add(&self.conflicts, now.conflicts, seen.conflicts);
    }

    /// There is a series only while it is 1.
    fn tell_yielded(&mut self, ip: IpAddr, is_yielded: bool) {
        if is_yielded && self.seen_yielded.insert(ip) {
            self.yielded.with(&[&ip.to_string()]).set(1);
        } else if !is_yielded && self.seen_yielded.remove(&ip) {
            self.yielded.remove(&[&ip.to_string()]);
        }
    }

    fn remove_released(&mut self, now: &Statistics) {
        let released: Vec<IpAddr> = self
            .seen
            .keys()
            .filter(|ip| !now.addresses.contains_key(ip))
            .copied()
            .collect();
        for ip in released {
            self.seen.remove(&ip);
            self.tell_yielded(ip, false);
            let text = ip.to_string();
            for vec in [&self.requests, &self.responses, &self.gratuitous, &self.conflicts] {
                vec.remove(&[&text]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use ferrolb_l2::AddressStatistics;

    use super::*;

    fn metrics(registry: &Registry) -> Metrics {
        let client = ClientMetrics::register(registry).unwrap();
        Metrics::register(registry, client, "n1".into()).unwrap()
    }

    fn held(ip: &str, requests_received: u64) -> (IpAddr, AddressStatistics) {
        let counters = AddressCounters {
            requests_received,
            ..AddressCounters::default()
        };
        (
            ip.parse().unwrap(),
            AddressStatistics {
                counters,
                ..AddressStatistics::default()
            },
        )
    }

    #[test]
    fn an_address_that_another_host_has_is_told_while_it_has_it() {
        let registry = Registry::new();
        let mut metrics = metrics(&registry);
        let (ip, mut statistics) = held("192.0.2.1", 1);
        statistics.yielded = vec![ferrolb_types::InterfaceIndex(2)];
        let mut tell = |statistics: &AddressStatistics| {
            metrics.count_layer2(&Statistics {
                addresses: BTreeMap::from([(ip, statistics.clone())]),
                ..Statistics::default()
            });
            registry
                .encode()
                .contains("ferrolb_layer2_address_yielded{ip=\"192.0.2.1\"} 1")
        };
        assert!(tell(&statistics));
        statistics.yielded.clear();
        assert!(!tell(&statistics));
    }

    #[test]
    fn counters_follow_the_thread_and_go_with_the_address() {
        let registry = Registry::new();
        let mut metrics = metrics(&registry);
        for total in [3, 5] {
            let addresses = BTreeMap::from([held("192.0.2.1", total)]);
            metrics.count_layer2(&Statistics {
                addresses,
                ..Statistics::default()
            });
        }
        assert!(
            registry
                .encode()
                .contains("metallb_layer2_requests_received{ip=\"192.0.2.1\"} 5")
        );
        metrics.count_layer2(&Statistics::default());
        assert!(!registry.encode().contains("192.0.2.1"));
    }

    #[test]
    fn what_never_happened_has_no_series() {
        let registry = Registry::new();
        let mut metrics = metrics(&registry);
        metrics.count_layer2(&Statistics {
            addresses: BTreeMap::from([held("192.0.2.1", 0), held("192.0.2.2", 1)]),
            ..Statistics::default()
        });
        let text = registry.encode();
        let series: Vec<&str> = text.lines().filter(|line| line.contains("{ip=")).collect();
        assert_eq!(series, ["metallb_layer2_requests_received{ip=\"192.0.2.2\"} 1"]);
    }

    #[test]
    fn dropped_frames_are_counted_by_reason_from_the_start() {
        let registry = Registry::new();
        let mut metrics = metrics(&registry);
        let series =
            |reason: DropReason| format!("ferrolb_layer2_dropped_total{{reason=\"{}\"}}", reason.as_str());
        let text = registry.encode();
        for reason in DropReason::ALL {
            assert!(
                text.contains(&format!("{} 0", series(reason))),
                "{reason:?}: {text}"
            );
        }
        let reason = DropReason::ALL[0];
        for total in [2, 7] {
            metrics.count_layer2(&Statistics {
                drops: BTreeMap::from([(reason, total)]),
                ..Statistics::default()
            });
        }
        assert!(registry.encode().contains(&format!("{} 7", series(reason))));
    }

    #[test]
    fn conflicts_are_counted_by_address_and_go_with_it() {
        let registry = Registry::new();
        let mut metrics = metrics(&registry);
        let (ip, mut statistics) = held("192.0.2.1", 0);
        statistics.counters.conflicts = 2;
        metrics.count_layer2(&Statistics {
            addresses: BTreeMap::from([(ip, statistics)]),
            ..Statistics::default()
        });
        let text = registry.encode();
        assert!(
            text.contains("ferrolb_layer2_conflicts_total{ip=\"192.0.2.1\"} 2"),
            "{text}"
        );
        metrics.count_layer2(&Statistics::default());
        assert!(!registry.encode().contains("ferrolb_layer2_conflicts_total{"));
    }

    #[test]
    fn the_ring_and_the_last_fail_over_are_told() {
        let registry = Registry::new();
        let metrics = metrics(&registry);
        let before = registry.encode();
        for name in ["timestamp", "duration"] {
            assert!(
                before.contains(&format!("ferrolb_failover_last_{name}_seconds 0\n")),
                "{before}"
            );
        }
        metrics.ring.sized((5, 1));
        metrics
            .ring
            .failed_over(Duration::from_millis(590), UNIX_EPOCH + Duration::from_secs(42));
        metrics.ring.frozen("apiServerAway", true);
        let text = registry.encode();
        for line in [
            "ferrolb_ring_members 5",
            "ferrolb_ring_out_for_elections 1",
            "ferrolb_failover_last_timestamp_seconds 42",
            "ferrolb_failover_last_duration_seconds 0.59",
            "ferrolb_failover_seconds_count 1",
            "ferrolb_failover_seconds_bucket{le=\"0.7\"} 1",
            "ferrolb_failover_seconds_bucket{le=\"0.5\"} 0",
            "ferrolb_ownership_frozen{cause=\"apiServerAway\"} 1",
        ] {
            assert!(text.lines().any(|l| l == line), "{line}: {text}");
        }
    }

    #[test]
    fn a_trap_has_a_series_until_it_is_repaired() {
        let registry = Registry::new();
        let mut metrics = metrics(&registry);
        metrics.count_traps(&BTreeMap::from([("AddressOnNode", 2), ("StrictArpMissing", 1)]));
        let text = registry.encode();
        assert!(
            text.contains("ferrolb_node_traps{reason=\"AddressOnNode\"} 2"),
            "{text}"
        );
        metrics.count_traps(&BTreeMap::from([("AddressOnNode", 1)]));
        let text = registry.encode();
        assert!(
            text.contains("ferrolb_node_traps{reason=\"AddressOnNode\"} 1"),
            "{text}"
        );
        assert!(!text.contains("StrictArpMissing"), "{text}");
    }

    #[test]
    fn a_withdrawn_service_has_no_series() {
        let registry = Registry::new();
        let metrics = metrics(&registry);
        let (service, addresses) = (ObjectKey::new("default", "web"), ["192.0.2.1".parse().unwrap()]);
        metrics.announced(&service, Protocol::Layer2, &addresses);
        let series = "metallb_speaker_announced{ip=\"192.0.2.1\",node=\"n1\",protocol=\"layer2\",service=\"default/web\"} 1";
        assert!(registry.encode().contains(series), "{}", registry.encode());
        metrics.withdrawn(&service, Protocol::Layer2, &addresses);
        assert!(!registry.encode().contains("default/web"));
    }
}
