//! Work is proportional to the change (design, promise 7): an event has those Services decided on that it can serve, oldest
//! first, and nobody else.

mod support;

use ferrolb_api::facts::{FamilyPolicy, ServiceFacts};
use support::*;

const MANY: usize = 500;

/// How many Services are decided on because of this.
fn decided(cluster: &mut Cluster, event: impl FnOnce(&mut Cluster)) -> u64 {
    let before = cluster.engine.decisions();
    event(cluster);
    cluster.engine.decisions() - before
}

/// Writes show up again as events of their own, which have nothing to do with who is woken.
fn held(mut cluster: Cluster) -> Cluster {
    cluster.writes = Writes::Held;
    cluster
}

/// `holder` has the only address of `p`, and many wait for one.
fn crowded(waiting: impl Fn(ServiceFacts) -> ServiceFacts) -> Cluster {
    let pools = [pool("p", &["10.0.0.0/32"]), manual(pool("q", &["10.0.1.0/30"]))];
    let mut cluster = Cluster::started(false, &pools);
    cluster.apply(service("holder").sharing("k").ports(&[tcp(80)]));
    for n in 0..MANY {
        let created = format!("2026-02-01T00:{:02}:{:02}Z", n / 60, n % 60);
        cluster.apply(waiting(service(&format!("waits-{n}")).created(&created)));
    }
    held(cluster)
}

#[test]
fn one_release_wakes_the_one_that_it_serves_of_many_who_wait() {
    let mut cluster = crowded(|facts| facts);
    assert_eq!(decided(&mut cluster, |cluster| cluster.delete("holder")), 1);
    assert_eq!(cluster.outcome("waits-0").addresses, [ip("10.0.0.0")]);
}

#[test]
fn a_release_wakes_nobody_who_waits_for_another_pool_family_or_address() {
    for waiting in [
        (|facts: ServiceFacts| facts.in_pool("none")) as fn(ServiceFacts) -> ServiceFacts,
        |facts| facts.cluster(&["3000::1"]),
        |facts| facts.asking("10.0.1.9"),
        |facts| facts.dual(FamilyPolicy::RequireDualStack),
    ] {
        let mut cluster = crowded(waiting);
        assert_eq!(decided(&mut cluster, |cluster| cluster.delete("holder")), 0);
    }
}

#[test]
fn who_asks_for_an_address_is_woken_by_that_address() {
    let mut cluster = crowded(|facts| facts.in_pool("none"));
    cluster.apply(service("late").asking("10.0.0.0"));
    assert_eq!(decided(&mut cluster, |cluster| cluster.delete("holder")), 1);
    assert_eq!(cluster.outcome("late").addresses, [ip("10.0.0.0")]);
}

#[test]
fn a_port_that_is_freed_wakes_those_of_the_group_who_want_it() {
    let mut cluster = crowded(|facts| facts.sharing("other").ports(&[tcp(80)]));
    cluster.apply(service("same").sharing("k").ports(&[tcp(80)]));
    cluster.apply(service("else").sharing("k").ports(&[tcp(80), tcp(443)]));
    let free = |cluster: &mut Cluster| cluster.change("holder", |facts| facts.ports(&[tcp(443)]));
    // The holder itself, and the one that fits.
    assert_eq!(decided(&mut cluster, free), 2);
    assert_eq!(cluster.outcome("same").addresses, [ip("10.0.0.0")]);
    assert!(cluster.outcome("else").addresses.is_empty());
}

#[test]
fn a_namespace_wakes_its_own_who_wait_and_only_if_a_pool_or_its_fence_cares() {
    let mut cluster = crowded(|facts| facts);
    assert_eq!(
        decided(&mut cluster, |cluster| cluster.namespace("new", &[("tier", "x")])),
        0
    );
    assert_eq!(
        decided(&mut cluster, |cluster| cluster
            .namespace("default", &[("tier", "x")])),
        0
    );
    cluster.apply(service("team/s").in_pool("p"));
    assert_eq!(
        decided(&mut cluster, |cluster| cluster.confine("team", &["q"])),
        1
    );
}

#[test]
fn a_pool_that_changes_touches_its_own_holders_and_who_waits() {
    let mut cluster = Cluster::started(false, &[pool("a", &["10.0.0.0/22"]), pool("b", &["10.0.8.0/24"])]);
    for n in 0..MANY {
        cluster.apply(service(&format!("s{n}")).in_pool("a"));
    }
    cluster.apply(service("last").in_pool("a").asking("10.0.3.255"));
    let mut cluster = held(cluster);
    let grown = [pool("a", &["10.0.0.0/22"]), pool("b", &["10.0.8.0/23"])];
    assert_eq!(decided(&mut cluster, |cluster| cluster.pools(&grown)), 0);
    let smaller = [pool("a", &["10.0.0.0-10.0.3.254"]), pool("b", &["10.0.8.0/23"])];
    // It loses its address, and then is looked at among those who wait.
    assert_eq!(decided(&mut cluster, |cluster| cluster.pools(&smaller)), 2);
}

#[test]
fn a_start_decides_on_everybody_once() {
    let services = |n: usize| {
        service(&format!("s{n}"))
            .status(&[&format!("10.0.{}.{}", n / 256, n % 256)])
            .with_pool("p")
    };
    let cluster = Cluster::restarted(
        false,
        &[pool("p", &["10.0.0.0/16"])],
        (0..MANY).map(services).collect(),
    );
    assert_eq!(cluster.engine.decisions(), MANY as u64);
    assert!(cluster.written.is_empty());
}
