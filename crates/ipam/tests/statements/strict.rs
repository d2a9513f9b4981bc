//! A wish that cannot be met, and a start without pools: by default the working address stays; with `--strict-requests`
//! it is cleared first, as in the reference (controller 4.2 steps 2, 5, 8 and 10).

use ferrolb_api::facts::{FamilyPolicy, ServiceFacts};
use ferrolb_ipam::{Reason, State};

use crate::support::*;
use crate::{BOTH, told};

/// `s` holds 10.0.0.0 of `p`, `other` 10.0.0.1; `full` has no address left.
fn cluster(strict: bool) -> Cluster {
    let pools = [
        pool("p", &["10.0.0.0/30"]),
        manual(pool("full", &["10.0.1.0/32"])),
        manual(pool("six", &["fd00::/126"])),
    ];
    let mut cluster = Cluster::started(strict, &pools);
    cluster.apply(service("s"));
    cluster.apply(service("other"));
    cluster.apply(service("filler").in_pool("full"));
    cluster.forget();
    cluster
}

/// What becomes of `s`, its event and its reason.
fn after(strict: bool, edit: impl FnOnce(ServiceFacts) -> ServiceFacts) -> (String, String, Option<Reason>) {
    let mut cluster = cluster(strict);
    cluster.change("s", edit);
    assert_eq!(cluster.status("other"), "10.0.0.1");
    (
        cluster.status("s"),
        told(&cluster, "s"),
        cluster.outcome("s").reason,
    )
}

#[test]
fn an_unmet_request_costs_the_address_only_where_requests_are_strict() {
    type Edit = fn(ServiceFacts) -> ServiceFacts;
    let cases: [(Edit, Reason); 8] = [
        (|s| s.asking("10.0.0.1"), Reason::AddressInUse),
        (|s| s.load_balancer_ip("10.0.0.1"), Reason::AddressInUse),
        (|s| s.asking("192.0.2.1"), Reason::NoMatchingPool),
        (|s| s.asking("10.0.0.2").in_pool("full"), Reason::NoMatchingPool),
        (|s| s.in_pool("full"), Reason::PoolExhausted),
        (|s| s.in_pool("unknown"), Reason::NoMatchingPool),
        (|s| s.in_pool("six"), Reason::FamilyUnavailable),
        (|s| s.asking("10.0.0.2,fd00::1"), Reason::FamilyUnavailable),
    ];
    for (edit, reason) in cases {
        let refusal = "Warning AllocationFailed".to_owned();
        assert_eq!(
            after(false, edit),
            ("10.0.0.0".into(), refusal.clone(), Some(reason))
        );
        assert_eq!(after(true, edit), (String::new(), refusal, Some(reason)));
    }
}

#[test]
fn two_families_that_cannot_be_had_cost_the_address_only_where_requests_are_strict() {
    for (strict, left) in [(false, "10.0.0.0"), (true, "")] {
        let (status, told, reason) = after(strict, |s| s.dual(FamilyPolicy::RequireDualStack));
        assert_eq!((&*status, &*told), (left, "Warning AllocationFailed"));
        assert_eq!(reason, Some(Reason::FamilyUnavailable));
        let single = |s| ServiceFacts {
            family_policy: FamilyPolicy::RequireDualStack,
            ..s
        };
        let (status, told, reason) = after(strict, single);
        assert_eq!((&*status, &*told), (left, "Warning not enough clusterips"));
        assert_eq!(reason, Some(Reason::NotEnoughClusterIPs));
    }
}

#[test]
fn a_request_that_can_be_met_later_is_met_then() {
    for (strict, meanwhile) in [(false, "10.0.0.0"), (true, "")] {
        let mut cluster = cluster(strict);
        cluster.change("s", |s| s.asking("10.0.0.1"));
        assert_eq!(cluster.status("s"), meanwhile);
        cluster.forget();
        cluster.delete("other");
        assert_eq!(
            (&*cluster.status("s"), &*told(&cluster, "s")),
            ("10.0.0.1", "Normal IPAllocated")
        );
        assert_eq!(cluster.written.len(), 1);
    }
}

#[test]
fn what_an_unmet_request_releases_serves_who_waits() {
    let mut cluster = Cluster::started(true, &[pool("p", &["10.0.0.0/32"])]);
    cluster.apply(service("s"));
    cluster.apply(service("waits"));
    cluster.change("s", |s| s.asking("192.0.2.1"));
    assert_eq!(
        (&*cluster.status("s"), &*cluster.status("waits")),
        ("", "10.0.0.0")
    );
}

#[test]
fn a_start_without_pools_clears_every_status_only_where_requests_are_strict() {
    for (strict, left) in [(false, "10.0.0.7"), (true, "")] {
        let held = || service("s").status(&["10.0.0.7"]).with_pool("p");
        let unnamed = || service("t").status(&["10.0.0.8"]);
        let cluster = Cluster::restarted(strict, &[], vec![held(), unnamed()]);
        assert_eq!(cluster.status("s"), left);
        assert_eq!(cluster.status("t").is_empty(), strict);
        assert_eq!(cluster.outcome("s").state == State::Assigned, !strict);
        assert_eq!(cluster.written.len(), if strict { 2 } else { 0 });
    }
}

#[test]
fn a_pool_that_is_missing_at_the_start_costs_its_addresses_only_where_requests_are_strict() {
    for (strict, left) in [(false, "10.0.0.7"), (true, "10.0.1.0")] {
        let held = service("s").status(&["10.0.0.7"]).with_pool("gone");
        let cluster = Cluster::restarted(strict, &[pool("p", &["10.0.1.0/30"])], vec![held]);
        assert_eq!(cluster.status("s"), left);
    }
}

#[test]
fn the_last_pool_that_is_deleted_on_purpose_takes_its_addresses_along_in_both_ways() {
    for strict in BOTH {
        let mut cluster = cluster(strict);
        cluster.pools(&[]);
        assert_eq!((&*cluster.status("s"), cluster.annotation("s")), ("", None));
        assert_eq!(cluster.status("other"), "");
    }
}
