//! Fences around namespaces (`ferrolb.io/pools`) and quotas of pools (`ferrolb.io/max-per-namespace`).

mod support;

use ferrolb_api::facts::Fence;
use ferrolb_ipam::{Event, Options, Reason};
use ferrolb_types::Labels;
use support::*;

fn two_pools() -> [ferrolb_api::resolved::Pool; 2] {
    [pool("a", &["192.0.2.0/30"]), pool("b", &["198.51.100.0/30"])]
}

#[test]
fn a_confined_namespace_gets_addresses_of_its_pools_only() {
    let mut cluster = Cluster::started(false, &two_pools());
    cluster.confine("team", &["b"]);
    cluster.apply(service("team/s1"));
    cluster.apply(service("free/s2"));
    assert_eq!(cluster.status("team/s1"), "198.51.100.0");
    assert_eq!(cluster.status("free/s2"), "192.0.2.0");
}

#[test]
fn explicit_requests_are_confined_too_with_a_reason() {
    let mut cluster = Cluster::started(false, &two_pools());
    cluster.confine("team", &["b"]);
    cluster.apply(service("team/by-pool").in_pool("a"));
    cluster.apply(service("team/by-address").asking("192.0.2.1"));
    for name in ["team/by-pool", "team/by-address"] {
        let outcome = cluster.outcome(name);
        assert_eq!(outcome.reason, Some(Reason::NamespaceConfined), "{name}");
        assert!(
            outcome.message.contains("`a`") && outcome.message.contains("`team`"),
            "{}",
            outcome.message
        );
        assert_eq!(cluster.events_of(name), ["Warning AllocationFailed"]);
    }
}

#[test]
fn a_fence_takes_nothing_away_and_one_that_opens_serves_whoever_waits() {
    let mut cluster = Cluster::started(false, &[pool("a", &["192.0.2.0/30"])]);
    cluster.apply(service("team/s1"));
    cluster.forget();
    cluster.confine("team", &["b"]);
    assert!(cluster.written.is_empty() && cluster.events.is_empty());
    cluster.apply(service("team/s2"));
    assert_eq!(cluster.outcome("team/s2").reason, Some(Reason::NamespaceConfined));
    cluster.namespace("team", &[]);
    assert_eq!(cluster.status("team/s2"), "192.0.2.1");
    assert_eq!(cluster.status("team/s1"), "192.0.2.0");
}

#[test]
fn a_malformed_fence_lets_nobody_through_and_says_so() {
    let mut cluster = Cluster::started(false, &two_pools());
    let fence = Fence::Malformed("A!".into());
    cluster.feed(Event::NamespaceApplied(namespace(
        "team",
        Labels::default(),
        fence,
    )));
    cluster.apply(service("team/s1"));
    let outcome = cluster.outcome("team/s1");
    assert_eq!(outcome.reason, Some(Reason::NamespaceConfined));
    assert!(outcome.message.contains("`A!`"), "{}", outcome.message);
}

#[test]
fn a_release_outside_the_fence_wakes_nobody_inside() {
    let mut cluster = Cluster::started(
        false,
        &[pool("a", &["192.0.2.0/32"]), pool("b", &["198.51.100.0/32"])],
    );
    cluster.confine("team", &["b"]);
    cluster.apply(service("free/s1"));
    cluster.apply(service("team/s2"));
    cluster.apply(service("team/s3"));
    let before = cluster.engine.decisions();
    cluster.delete("free/s1");
    assert_eq!(cluster.engine.decisions(), before);
    assert_eq!(cluster.status("team/s3"), "");
    cluster.delete("team/s2");
    assert_eq!(cluster.status("team/s3"), "198.51.100.0");
}

#[test]
fn a_quota_bounds_the_services_of_a_namespace_in_a_pool() {
    let mut cluster = Cluster::started(false, &[at_most(pool("a", &["192.0.2.0/28"]), 2)]);
    for name in ["team/s1", "team/s2", "team/s3", "other/s4"] {
        cluster.apply(service(name));
    }
    let outcome = cluster.outcome("team/s3");
    assert_eq!(outcome.reason, Some(Reason::QuotaReached));
    assert!(
        outcome.message.contains('2') && outcome.message.contains("`team`"),
        "{}",
        outcome.message
    );
    assert_eq!(cluster.status("other/s4"), "192.0.2.2");
    cluster.delete("other/s4");
    assert_eq!(cluster.status("team/s3"), "");
    cluster.delete("team/s1");
    assert_eq!(cluster.status("team/s3"), "192.0.2.0");
}

#[test]
fn beyond_its_quota_a_namespace_goes_on_in_the_next_pool() {
    let mut cluster = Cluster::started(
        false,
        &[
            at_most(pool("a", &["192.0.2.0/28"]), 1),
            pool("b", &["198.51.100.0/32"]),
        ],
    );
    for name in ["team/s1", "team/s2", "team/s3"] {
        cluster.apply(service(name));
    }
    assert_eq!(cluster.status("team/s2"), "198.51.100.0");
    // Room in the pool whose quota is used up does not help; room in the other one does.
    assert_eq!(cluster.outcome("team/s3").reason, Some(Reason::PoolExhausted));
    cluster.delete("team/s2");
    assert_eq!(cluster.status("team/s3"), "198.51.100.0");
}

#[test]
fn a_quota_counts_by_explicit_request_too_and_not_who_is_counted_already() {
    let mut cluster = Cluster::started(false, &[at_most(pool("a", &["192.0.2.0/28"]), 1)]);
    cluster.apply(service("team/s1"));
    cluster.apply(service("team/s2").asking("192.0.2.9"));
    assert_eq!(cluster.outcome("team/s2").reason, Some(Reason::QuotaReached));
    cluster.change("team/s1", |s| s.asking("192.0.2.5"));
    assert_eq!(cluster.status("team/s1"), "192.0.2.5");
}

#[test]
fn a_smaller_quota_takes_nothing_away_and_a_larger_one_serves_whoever_waits() {
    let of = |most| [at_most(pool("a", &["192.0.2.0/28"]), most)];
    let mut cluster = Cluster::started(false, &of(2));
    for name in ["team/s1", "team/s2", "team/s3"] {
        cluster.apply(service(name));
    }
    cluster.forget();
    cluster.pools(&of(1));
    assert!(cluster.written.is_empty());
    cluster.pools(&of(3));
    assert_eq!(cluster.status("team/s3"), "192.0.2.2");
    assert_eq!(cluster.written.len(), 1);
}

#[test]
fn a_cluster_that_knows_its_namespaces_waits_for_them() {
    let options = Options {
        await_namespaces: true,
        ..Options::default()
    };
    let mut cluster = Cluster::with(options);
    cluster.pools(&two_pools());
    cluster.feed(Event::Synced);
    cluster.apply(service("team/s1"));
    assert_eq!(cluster.outcome("team/s1").reason, Some(Reason::NamespaceUnknown));
    cluster.confine("team", &["b"]);
    assert_eq!(cluster.status("team/s1"), "198.51.100.0");
}
