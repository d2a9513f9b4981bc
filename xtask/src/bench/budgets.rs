//! What the project promises about speed and size (design: budgets).

use super::Measure;

/// An upper bound that the project promises.
pub(super) struct Budget {
    pub(super) name: &'static str,
    pub(super) what: &'static str,
    pub(super) limit: f64,
    pub(super) unit: &'static str,
}

impl Budget {
    /// Whether it bounds what this tells.
    pub(super) fn is_for(&self, measure: &Measure) -> bool {
        self.name == measure.name && self.unit == measure.unit
    }
}

const fn budget(name: &'static str, what: &'static str, limit: f64, unit: &'static str) -> Budget {
    Budget {
        name,
        what,
        limit,
        unit,
    }
}

/// All of them, in the order in which they are shown.
pub(super) const BUDGETS: &[Budget] = &[
    budget(
        "ipam/allocate-p50",
        "allocation decision, 1 million addresses of a /8 in use, p50",
        5.0,
        "us",
    ),
    budget(
        "decisions/automatic/1000000",
        "the same as a whole event of the engine",
        5.0,
        "us",
    ),
    budget(
        "decisions/shared/10000",
        "allocation decision with a sharing key among 10,000 shared addresses",
        10.0,
        "us",
    ),
    budget(
        "decisions/fill/16384",
        "a quarter of a /16 filled, decisions only: linear",
        125_000.0,
        "us",
    ),
    budget(
        "decisions/fill/65536",
        "a /16 filled by 65,536 Services, decisions only",
        500_000.0,
        "us",
    ),
    budget(
        "decisions/release_wakes_one/10000",
        "pool exhausted, 10,000 waiting: one release wakes one",
        100.0,
        "us",
    ),
    budget(
        "decisions/namespace_created",
        "a Namespace is created among 10,000 Services: none touched, no write",
        10.0,
        "us",
    ),
    budget(
        "decisions/restart",
        "restart with 10,000 assigned, decisions only: no write",
        200_000.0,
        "us",
    ),
    budget(
        "router/service_change",
        "BGP decision, 10,000 Services and 4 peers: one Service changes",
        20.0,
        "us",
    ),
    budget(
        "validation/bgp_peer",
        "API server: a BGPPeer against its schema and rules",
        500.0,
        "us",
    ),
    budget(
        "controller/resident",
        "controller, 10,000 Services: resident memory",
        64.0,
        "MiB",
    ),
    budget(
        "controller/writes-per-service",
        "controller, 10,000 pending Services: writes to each",
        1.0,
        "writes",
    ),
    budget(
        "controller/writes-on-restart",
        "controller, restart with everything assigned: writes",
        0.0,
        "writes",
    ),
    budget(
        "cluster/assign-1k",
        "real API server: 1,000 pending Services, from the controller's start until all have addresses",
        3.0,
        "s",
    ),
    budget(
        "cluster/assign-1k-cpu",
        "real API server: processor time for these 1,000, events included",
        0.5,
        "s",
    ),
    budget(
        "cluster/create-to-address-beside-1k-p50",
        "real API server: create to address at 50/s beside 1,000, p50",
        10.0,
        "ms",
    ),
    budget(
        "cluster/create-to-address-beside-1k-p99",
        "real API server: create to address at 50/s beside 1,000, p99",
        50.0,
        "ms",
    ),
    budget(
        "cluster/backlog-beside-1k",
        "real API server: left behind after 20 s of that",
        0.0,
        "Services",
    ),
    budget(
        "cluster/create-to-address-beside-10k-p50",
        "real API server: create to address at 50/s beside 10,000, p50",
        10.0,
        "ms",
    ),
    budget(
        "cluster/create-to-address-beside-10k-p99",
        "real API server: create to address at 50/s beside 10,000, p99",
        50.0,
        "ms",
    ),
    budget(
        "cluster/backlog-beside-10k",
        "real API server: left behind after 20 s of that",
        0.0,
        "Services",
    ),
    budget(
        "cluster/release-to-next-p99",
        "real API server: 4,096 used, 200 waiting, one deleted until the next is served, p99 of 20",
        50.0,
        "ms",
    ),
    budget(
        "cluster/writes-per-release",
        "real API server: writes for that",
        4.0,
        "writes",
    ),
    budget(
        "cluster/start-to-address",
        "real API server: start until a new Service has its address beside 10,000 assigned",
        2.0,
        "s",
    ),
    budget(
        "cluster/writes-for-old-ones",
        "real API server: writes for the 10,000",
        0.0,
        "writes",
    ),
    budget(
        "cluster/ready-after-restart",
        "real API server: start until ready, 10,000 assigned",
        2.0,
        "s",
    ),
    budget(
        "cluster/writes-on-restart",
        "real API server: writes on that start",
        0.0,
        "writes",
    ),
    budget(
        "cluster/start-to-metrics",
        "real API server: start until /metrics answers",
        50.0,
        "ms",
    ),
    budget(
        "cluster/controller-resident",
        "real API server: controller with 10,000 Services, resident memory",
        64.0,
        "MiB",
    ),
    budget(
        "cluster/slower-than-plain",
        "real API server: 5,000 new Services, slower than a client that only writes their statuses by",
        10.0,
        "%",
    ),
    budget(
        "cluster/slower-than-watching",
        "real API server: the same, slower than one that also watches Services by",
        10.0,
        "%",
    ),
    budget(
        "cluster/status-writes-per-service",
        "real API server: status writes per allocated Service",
        1.0,
        "writes",
    ),
    budget(
        "cluster/events-per-service",
        "real API server: events per allocated Service",
        1.0,
        "writes",
    ),
    budget(
        "cluster/pool-writes",
        "real API server: status writes to a pool",
        1.0,
        "writes/s",
    ),
    budget(
        "speaker/resident",
        "speaker, 10,000 addresses, EndpointSlices of 10, 100 nodes: resident memory once all are announced",
        64.0,
        "MiB",
    ),
    budget(
        "speaker/resident-highest",
        "the same, the most from then on: a storm, questions, 1,000 changes per second",
        64.0,
        "MiB",
    ),
    budget(
        "speaker/foreign-slice-writes",
        "10,000 EndpointSlices of a Service without a load balancer change: writes",
        0.0,
        "writes",
    ),
    budget(
        "l2/arp-answer-p50",
        "ARP answer on veth, one address held, p50",
        60.0,
        "us",
    ),
    budget(
        "l2/arp-answer-of-10k-p50",
        "ARP answer on veth, 10,000 addresses held, p50",
        60.0,
        "us",
    ),
    budget("l2/arp-answer-of-10k-p99", "the same, p99", 200.0, "us"),
    budget(
        "l2/arp-answer-while-busy-p99",
        "the same while 1,000 Services change per second, p99",
        1.0,
        "ms",
    ),
    budget(
        "l2/arp-storm-core",
        "ARP, 100,000 questions/s for others' addresses: share of a core",
        10.0,
        "%",
    ),
    budget(
        "l2/arp-storm-lost",
        "the same: questions for held addresses without an answer",
        0.0,
        "answers",
    ),
    budget(
        "l2/ndp-answer-of-10k-p50",
        "NDP answer on veth, 10,000 addresses held, p50",
        60.0,
        "us",
    ),
    budget("l2/ndp-answer-of-10k-p99", "the same, p99", 200.0, "us"),
    budget(
        "l2/ndp-answer-while-busy-p99",
        "the same while 1,000 Services change per second, p99",
        1.0,
        "ms",
    ),
    budget(
        "l2/ndp-storm-core",
        "NDP, 100,000 questions/s for others' addresses: share of a core",
        10.0,
        "%",
    ),
    budget(
        "l2/ndp-storm-lost",
        "the same: questions for held addresses without an answer",
        0.0,
        "answers",
    ),
    budget(
        "node/slice_event_without_effect",
        "EndpointSlice of a Service of another node changes, 10,000 Services",
        20.0,
        "us",
    ),
    budget(
        "node/slice_event_of_a_foreign_service",
        "EndpointSlice of a Service without a load balancer changes",
        20.0,
        "us",
    ),
    budget(
        "speaker/start-to-frame-p99",
        "speaker started in a running ring: until its own address is announced, p99",
        500.0,
        "ms",
    ),
    budget(
        "filter/arp_of_a_third_of_a_pool",
        "kernel filter for 10,000 addresses is built",
        1000.0,
        "us",
    ),
    budget(
        "l2/failover-p99",
        "a speaker of five killed: until its addresses are announced by others, longest of 5",
        700.0,
        "ms",
    ),
    budget("l2/leave-p99", "the same when it is asked to leave", 100.0, "ms"),
    budget(
        "l2/restart-claims",
        "started again in the ring: addresses of others that it claims",
        0.0,
        "addresses",
    ),
    budget(
        "l2/failover-other-frames",
        "a speaker of three killed, 100 addresses: frames about those that have not moved",
        0.0,
        "frames",
    ),
    budget(
        "speaker/event-to-frame-p99",
        "watch event to gratuitous frame, 1,000 addresses announced, p99",
        10.0,
        "ms",
    ),
    budget(
        "speaker/event-to-frame-of-10k-p99",
        "watch event to gratuitous frame, 10,000 addresses announced, p99",
        10.0,
        "ms",
    ),
    budget(
        "gossip/packets-per-node",
        "ring of 100 nodes: packets that one sends",
        60.0,
        "packets/s",
    ),
    budget(
        "gossip/kilobytes-per-node",
        "ring of 100 nodes: what one sends, headers included",
        6.0,
        "KB/s",
    ),
    budget(
        "gossip/killed-until-out-max",
        "ring of 100 nodes, simulated: a node killed until nobody counts on it, longest of 10",
        1000.0,
        "ms",
    ),
    budget("ring/ping", "ring of 100 nodes: a packet comes in", 5.0, "us"),
    budget(
        "ring/a_second_of_ticks",
        "ring of 100 nodes: what a second asks for",
        1000.0,
        "us",
    ),
    budget("session/packet_received", "BFD: a packet comes in", 1.0, "us"),
    budget("session/packet_sent", "BFD: a packet goes out", 1.0, "us"),
    budget("codec/arp_decode", "ARP message read", 1.0, "us"),
    budget("codec/arp_encode", "ARP message written", 1.0, "us"),
    budget(
        "codec/ndp_decode/solicitation",
        "Neighbor Discovery message read",
        1.0,
        "us",
    ),
    budget(
        "codec/ndp_encode/advertisement",
        "Neighbor Discovery message written",
        1.0,
        "us",
    ),
    budget("codec/bfd_decode", "BFD message read", 1.0, "us"),
    budget("codec/bfd_encode", "BFD message written", 1.0, "us"),
    budget("codec/ring_decode/alive", "ring: alive message read", 1.0, "us"),
    budget(
        "codec/ring_encode/alive",
        "ring: alive message written",
        1.0,
        "us",
    ),
    budget(
        "codec/datagram_open",
        "ring: an encrypted datagram is unwrapped and read",
        20.0,
        "us",
    ),
    budget(
        "codec/datagram_seal",
        "ring: a datagram is compressed and encrypted",
        20.0,
        "us",
    ),
    budget("binary/size", "release binary, stripped", 15.0, "MiB"),
];
