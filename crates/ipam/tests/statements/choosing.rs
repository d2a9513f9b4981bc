//! Choosing pools and addresses (controller 6.2, 8, 15.2).

use ferrolb_api::facts::{FamilyPolicy, ServiceFacts};
use ferrolb_types::IpFamily;

use crate::BOTH;
use crate::support::*;

const PREFER: FamilyPolicy = FamilyPolicy::PreferDualStack;
const REQUIRE: FamilyPolicy = FamilyPolicy::RequireDualStack;

/// What a Service is given, with strict requests and without.
fn given(pools: &[ferrolb_api::resolved::Pool], service: ServiceFacts) -> String {
    let lenient = given_by(false, pools, service.clone());
    let strict = given_by(true, pools, service);
    assert_eq!(strict, lenient);
    strict
}

fn given_by(strict: bool, pools: &[ferrolb_api::resolved::Pool], service: ServiceFacts) -> String {
    let name = service.key.to_string();
    let mut cluster = Cluster::started(strict, pools);
    cluster.apply(service);
    cluster.status(&name)
}

#[test]
fn prefixes_count_in_the_order_of_the_pool_and_ranges_ascend_in_their_place() {
    let pools = [pool("p", &["10.0.9.0/32", "10.0.0.255-10.0.1.1", "10.0.0.0/32"])];
    for strict in BOTH {
        let mut cluster = Cluster::started(strict, &pools);
        for name in ["a", "b", "c", "d", "e"] {
            cluster.apply(service(name));
        }
        let given = ["a", "b", "c", "d", "e"].map(|name| cluster.status(name));
        assert_eq!(
            given,
            ["10.0.9.0", "10.0.0.255", "10.0.1.0", "10.0.1.1", "10.0.0.0"]
        );
    }
}

#[test]
fn the_lowest_address_that_is_free_again_is_given_first() {
    for strict in BOTH {
        let mut cluster = Cluster::started(strict, &[pool("p", &["10.0.0.0/29"])]);
        for name in ["a", "b", "c", "d"] {
            cluster.apply(service(name));
        }
        cluster.delete("c");
        cluster.delete("b");
        cluster.apply(service("e"));
        assert_eq!(cluster.status("e"), "10.0.0.1");
    }
}

#[test]
fn a_dual_stack_service_takes_the_first_pool_with_both_families() {
    let pools = [
        pool("a", &["10.0.0.0/30"]),
        pool("b", &["10.0.1.0/30", "fd00::/126"]),
    ];
    assert_eq!(given(&pools, service("s").dual(PREFER)), "10.0.1.0 fd00::");
    assert_eq!(given(&pools, service("s").dual(REQUIRE)), "10.0.1.0 fd00::");
    assert_eq!(given(&pools, service("s")), "10.0.0.0");
}

#[test]
fn without_a_pool_of_both_families_the_primary_one_decides_and_nothing_is_put_together() {
    let pools = [pool("a", &["10.0.0.0/30"]), pool("b", &["fd00::/126"])];
    assert_eq!(given(&pools, service("s").dual(PREFER)), "10.0.0.0");
    let mut six_first = service("s").dual(PREFER);
    six_first.families = vec![IpFamily::V6, IpFamily::V4];
    assert_eq!(given(&pools, six_first), "fd00::");
    assert_eq!(given(&pools, service("s").dual(REQUIRE)), "");
    let mut six_first = service("s").dual(PREFER);
    six_first.families = vec![IpFamily::V6, IpFamily::V4];
    assert_eq!(given(&pools[..1], six_first), "10.0.0.0", "else the other one");
}

#[test]
fn two_families_of_cluster_ips_need_a_policy_that_allows_two() {
    let pools = [pool("p", &["10.0.0.0/30", "fd00::/126"])];
    assert_eq!(given(&pools, service("s").dual(FamilyPolicy::SingleStack)), "");
}

#[test]
fn pinned_pools_come_first_but_are_not_exclusive() {
    let pools = [
        pool("a", &["10.0.9.0/30"]),
        pinned(pool("p", &["10.0.0.0/32"]), 0, for_namespace("n")),
    ];
    for strict in BOTH {
        let mut cluster = Cluster::started(strict, &pools);
        cluster.apply(service("n/first"));
        cluster.apply(service("n/second"));
        cluster.apply(service("other/s"));
        assert_eq!(cluster.status("n/first"), "10.0.0.0");
        assert_eq!(cluster.status("n/second"), "10.0.9.0");
        assert_eq!(cluster.status("other/s"), "10.0.9.1");
    }
}

#[test]
fn one_family_of_a_pinned_pool_comes_before_two_of_an_unpinned_one() {
    let pools = [
        pool("a", &["10.0.9.0/30", "fd00::/126"]),
        pinned(pool("p", &["10.0.0.0/32"]), 0, for_namespace("n")),
    ];
    assert_eq!(given(&pools, service("n/s").dual(PREFER)), "10.0.0.0");
    assert_eq!(given(&pools, service("n/s").dual(REQUIRE)), "10.0.9.0 fd00::");
}

#[test]
fn a_pinned_pool_that_is_not_automatic_has_to_be_asked_for() {
    let pools = [manual(pinned(pool("p", &["10.0.0.0/32"]), 0, for_namespace("n")))];
    assert_eq!(given(&pools, service("n/s")), "");
    assert_eq!(given(&pools, service("n/s").in_pool("p")), "10.0.0.0");
}

#[test]
fn namespace_selectors_that_match_nothing_open_the_pool_to_nobody() {
    let mut selected = for_namespace_labels("tier", "x");
    let pools = |allocation| [pinned(pool("p", &["10.0.0.0/30"]), 0, allocation)];
    assert_eq!(given(&pools(selected.clone()), service("s")), "");
    assert_eq!(given(&pools(selected.clone()), service("s").in_pool("p")), "");
    selected.service_selectors = vec![selector("app", "x")];
    assert_eq!(
        given(&pools(selected), service("s").labelled(&[("app", "x")])),
        ""
    );
}

#[test]
fn a_namespace_is_chosen_by_name_or_by_labels_and_need_not_exist_for_its_name() {
    let mut either = for_namespace_labels("tier", "x");
    either.namespaces = ["later".into()].into();
    for strict in BOTH {
        let mut cluster = Cluster::started(strict, &[pinned(pool("p", &["10.0.0.0/30"]), 0, either.clone())]);
        cluster.namespace("n", &[("tier", "x")]);
        cluster.apply(service("n/s"));
        cluster.apply(service("later/s"));
        assert_eq!(
            (&*cluster.status("n/s"), &*cluster.status("later/s")),
            ("10.0.0.0", "10.0.0.1")
        );
    }
}

#[test]
fn any_of_the_service_selectors_is_enough() {
    let mut any = for_labels("app", "x");
    any.service_selectors.push(selector("tier", "y"));
    let pools = [pinned(pool("p", &["10.0.0.0/30"]), 0, any)];
    assert_eq!(given(&pools, service("s").labelled(&[("tier", "y")])), "10.0.0.0");
    assert_eq!(given(&pools, service("s").labelled(&[("tier", "z")])), "");
}

#[test]
fn the_second_family_comes_from_the_pool_of_the_first_or_not_at_all() {
    for strict in BOTH {
        let pools = [
            pool("a", &["10.0.0.0/30"]),
            pool("b", &["10.0.1.0/30", "fd00::/126"]),
        ];
        let mut cluster = Cluster::started(strict, &pools);
        cluster.apply(service("s"));
        cluster.change("s", |facts| facts.dual(PREFER));
        assert_eq!(cluster.status("s"), "10.0.0.0");
    }
}

#[test]
fn the_oldest_who_wait_are_served_first() {
    for strict in BOTH {
        let mut cluster = Cluster::started(strict, &[pool("p", &["10.0.0.0/32"])]);
        cluster.apply(service("holder"));
        cluster.apply(service("young").created("2026-03-01T00:00:00Z"));
        cluster.apply(service("old").created("2026-02-01T00:00:00Z"));
        cluster.delete("holder");
        assert_eq!(
            (&*cluster.status("old"), &*cluster.status("young")),
            ("10.0.0.0", "")
        );
    }
}
