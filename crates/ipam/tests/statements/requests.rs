//! Requested addresses and pools (controller 4.3, 5).

use ferrolb_api::facts::FamilyPolicy;
use ferrolb_ipam::Reason;

use crate::support::*;
use crate::{BOTH, told};

fn pools() -> [ferrolb_api::resolved::Pool; 2] {
    [
        pool("p", &["10.0.0.0/30", "fd00::/126"]),
        manual(pool("q", &["10.0.1.0/30"])),
    ]
}

#[test]
fn a_malformed_request_costs_no_address() {
    for strict in BOTH {
        for asked in [
            "10.0.0.1,",
            "10.0.0.0/32",
            "web",
            "10.0.0.1,10.0.0.2",
            "10.0.0.1,fd00::1,10.0.0.2",
        ] {
            let mut cluster = Cluster::started(strict, &pools());
            cluster.apply(service("s"));
            cluster.forget();
            cluster.change("s", |facts| facts.asking(asked));
            assert_eq!(
                (&*cluster.status("s"), &*told(&cluster, "s")),
                ("10.0.0.0", "Warning LoadBalancerFailed")
            );
            cluster.apply(service("new").asking(asked));
            assert_eq!(
                (&*cluster.status("new"), &*told(&cluster, "new")),
                ("", "Warning AllocationFailed")
            );
            assert_eq!(cluster.outcome("new").reason, Some(Reason::MalformedRequest));
        }
    }
}

#[test]
fn an_explicit_request_needs_no_automatic_pool() {
    for strict in BOTH {
        let mut cluster = Cluster::started(strict, &pools());
        cluster.apply(service("address").asking("10.0.1.2"));
        cluster.apply(service("pool").in_pool("q"));
        cluster.apply(service("field").load_balancer_ip("10.0.1.3"));
        assert_eq!(cluster.status("address"), "10.0.1.2");
        assert_eq!(cluster.status("pool"), "10.0.1.0");
        assert_eq!(cluster.status("field"), "10.0.1.3");
    }
}

#[test]
fn what_it_has_already_may_be_asked_for_and_not_asked_for_any_more() {
    for strict in BOTH {
        let mut cluster = Cluster::started(strict, &pools());
        cluster.apply(service("s").asking("10.0.0.2"));
        cluster.forget();
        cluster.change("s", |facts| facts.in_pool("p"));
        cluster.change("s", |facts| facts.asking(""));
        cluster.change("s", |facts| facts.in_pool(""));
        cluster.change("s", |facts| facts.load_balancer_ip("10.0.0.2"));
        assert_eq!(cluster.status("s"), "10.0.0.2");
        assert!(cluster.written.is_empty() && cluster.events.is_empty());
    }
}

#[test]
fn another_address_or_pool_that_is_free_is_exchanged_for_the_present_one_in_one_write() {
    for strict in BOTH {
        let mut cluster = Cluster::started(strict, &pools());
        cluster.apply(service("s"));
        cluster.apply(service("waits").asking("10.0.0.0"));
        cluster.forget();
        cluster.change("s", |facts| facts.in_pool("q"));
        assert_eq!(
            (&*cluster.status("s"), cluster.annotation("s")),
            ("10.0.1.0", Some("q"))
        );
        assert_eq!(told(&cluster, "s"), "Normal IPAllocated");
        assert_eq!(
            cluster.status("waits"),
            "10.0.0.0",
            "what was released is offered"
        );
        cluster.forget();
        cluster.change("s", |facts| facts.in_pool("").asking("10.0.0.3"));
        assert_eq!((&*cluster.status("s"), cluster.written.len()), ("10.0.0.3", 1));
    }
}

#[test]
fn requested_addresses_stand_ipv4_first_and_are_not_rewritten_for_their_order() {
    for strict in BOTH {
        let mut cluster = Cluster::started(strict, &pools());
        cluster.apply(
            service("s")
                .dual(FamilyPolicy::RequireDualStack)
                .asking("fd00::3, 10.0.0.3"),
        );
        assert_eq!(cluster.status("s"), "10.0.0.3 fd00::3");

        let other_order = service("s")
            .dual(FamilyPolicy::RequireDualStack)
            .asking("10.0.0.3,fd00::3");
        let held = other_order.status(&["fd00::3", "10.0.0.3"]).with_pool("p");
        let cluster = Cluster::restarted(strict, &pools(), vec![held]);
        assert!(cluster.written.is_empty() && cluster.events.is_empty());
    }
}

#[test]
fn both_addresses_of_a_request_come_from_one_pool_or_none_does() {
    for strict in BOTH {
        let pools = [pool("p", &["10.0.0.0/30"]), pool("q", &["fd00::/126"])];
        let mut cluster = Cluster::started(strict, &pools);
        cluster.apply(
            service("s")
                .dual(FamilyPolicy::RequireDualStack)
                .asking("10.0.0.1,fd00::1"),
        );
        assert_eq!(
            (&*cluster.status("s"), &*told(&cluster, "s")),
            ("", "Warning AllocationFailed")
        );
        assert_eq!(
            cluster.events[0]
                .message
                .matches("no pool owns [\"10.0.0.1\" \"fd00::1\"]")
                .count(),
            1
        );
    }
}

#[test]
fn a_request_for_a_family_that_the_pool_lacks_says_so() {
    for strict in BOTH {
        let mut cluster = Cluster::started(strict, &pools());
        cluster.apply(service("s").cluster(&["3000::1"]).in_pool("q"));
        assert_eq!(cluster.outcome("s").reason, Some(Reason::FamilyUnavailable));
        assert!(
            cluster.events[0]
                .message
                .contains("pool `q` has no IPv6 addresses"),
            "{:?}",
            cluster.events
        );
    }
}

#[test]
fn a_pool_that_may_not_be_used_is_refused_to_explicit_requests_too() {
    for strict in BOTH {
        let pools = [pinned(pool("p", &["10.0.0.0/30"]), 0, for_namespace("n"))];
        let mut cluster = Cluster::started(strict, &pools);
        for asking in [service("a").in_pool("p"), service("b").asking("10.0.0.1")] {
            let name = asking.key.name.clone();
            cluster.apply(asking);
            assert_eq!(
                (&*cluster.status(&name), &*told(&cluster, &name)),
                ("", "Warning AllocationFailed")
            );
        }
        cluster.apply(service("n/s").asking("10.0.0.1"));
        assert_eq!(cluster.status("n/s"), "10.0.0.1");
    }
}
