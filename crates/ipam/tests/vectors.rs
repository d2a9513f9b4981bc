//! The conformance vectors of the behaviour specification (controller 16), in the reference's mode
//! (`--strict-requests`).

mod support;

use ferrolb_api::facts::{FamilyPolicy, Ingress, ServiceFacts};
use ferrolb_ipam::Reason;
use support::*;

fn pools() -> Vec<ferrolb_api::resolved::Pool> {
    vec![
        pool("p1", &["1.2.3.0/31"]),
        manual(pool("p2", &["3.4.5.6/32"])),
        pool("p3", &["1000::/127"]),
        manual(pool("p4", &["2000::1/128"])),
    ]
}

/// The status that one Service ends up with, and whether there was a Warning.
fn result(service: ServiceFacts) -> (String, bool) {
    result_with(&pools(), service)
}

fn result_with(pools: &[ferrolb_api::resolved::Pool], service: ServiceFacts) -> (String, bool) {
    let mut cluster = Cluster::started(true, pools);
    let name = service.key.to_string();
    cluster.apply(service);
    (cluster.status(&name), cluster.has_warning())
}

fn gets(addresses: &str) -> (String, bool) {
    (addresses.to_owned(), false)
}

fn gets_with_warning(addresses: &str) -> (String, bool) {
    (addresses.to_owned(), true)
}

#[test]
fn a_plain_service_gets_the_first_address() {
    assert_eq!(result(service("s")), gets("1.2.3.0"));
}

#[test]
fn an_address_asked_for_by_field_or_annotation_is_given() {
    assert_eq!(result(service("s").load_balancer_ip("1.2.3.1")), gets("1.2.3.1"));
    assert_eq!(result(service("s").asking("1.2.3.1")), gets("1.2.3.1"));
}

#[test]
fn field_and_annotation_together_are_refused() {
    let both = service("s").asking("1.2.3.1").load_balancer_ip("1.2.3.1");
    assert_eq!(result(both), gets_with_warning(""));
}

#[test]
fn an_address_outside_the_pool_asked_for_is_refused() {
    let other = service("s").asking("1.2.3.1").in_pool("p2");
    assert_eq!(result(other), gets_with_warning(""));
}

#[test]
fn a_pool_asked_for_that_does_not_exist_is_refused() {
    assert_eq!(result(service("s").in_pool("nowhere")), gets_with_warning(""));
}

#[test]
fn an_address_of_no_pool_that_the_service_may_use_is_refused() {
    assert_eq!(result(service("s").asking("9.9.9.9")), gets_with_warning(""));
}

#[test]
fn two_addresses_of_one_family_are_refused() {
    assert_eq!(
        result(service("s").asking("1.2.3.1,1.2.3.2")),
        gets_with_warning("")
    );
}

#[test]
fn a_foreign_address_asked_for_costs_the_present_one() {
    let asking = service("s").status(&["1.2.3.1"]).load_balancer_ip("1.2.3.4");
    assert_eq!(result(asking), gets_with_warning(""));
}

#[test]
fn a_pool_asked_for_moves_the_service() {
    let asking = service("s").status(&["1.2.3.0"]).in_pool("p2");
    assert_eq!(result(asking), gets("3.4.5.6"));
}

#[test]
fn a_status_outside_all_pools_is_replaced() {
    assert_eq!(result(service("s").status(&["2.3.4.5"])), gets("1.2.3.0"));
}

#[test]
fn a_host_name_in_the_status_does_not_count() {
    let mut named = service("s").status(&["10.10.10.10"]);
    named.ingress.insert(0, Ingress::Hostname("lb.example".into()));
    assert_eq!(result(named), gets("1.2.3.0"));
}

#[test]
fn a_status_of_three_addresses_is_replaced_with_a_warning() {
    let three = service("s").status(&["1.2.3.0", "1.2.3.1", "3.4.5.6"]);
    assert_eq!(result(three), gets_with_warning("1.2.3.0"));
}

#[test]
fn a_node_port_service_loses_its_status() {
    let mut other = service("s").status(&["1.2.3.0"]);
    other.is_load_balancer = false;
    assert_eq!(result(other), gets(""));
}

#[test]
fn a_service_without_cluster_ips_is_left_alone() {
    let mut cluster = Cluster::started(true, &pools());
    cluster.apply(service("s").cluster(&[]));
    assert!(cluster.written.is_empty() && cluster.events.is_empty());
    assert_eq!(cluster.outcome("s").reason, Some(Reason::NotEnoughClusterIPs));
}

#[test]
fn an_address_of_another_family_is_refused() {
    let asking = service("s").cluster(&["3000::1"]).load_balancer_ip("1.2.3.1");
    assert_eq!(result(asking), gets_with_warning(""));
}

#[test]
fn a_status_of_another_family_is_replaced() {
    let other = service("s").cluster(&["3000::1"]).status(&["1.2.3.0"]);
    assert_eq!(result(other), gets("1000::"));
}

fn both_families() -> Vec<ferrolb_api::resolved::Pool> {
    vec![
        manual(pool("p1", &["1.2.3.0/31"])),
        manual(pool("p", &["5.6.7.0/31", "1000::/127"])),
    ]
}

#[test]
fn prefer_dual_stack_on_a_single_stack_cluster_gets_one_family() {
    let mut one = service("s").in_pool("p");
    one.family_policy = FamilyPolicy::PreferDualStack;
    assert_eq!(result_with(&both_families(), one), gets("5.6.7.0"));
}

#[test]
fn require_dual_stack_on_a_single_stack_cluster_is_refused() {
    let mut one = service("s").in_pool("p");
    one.family_policy = FamilyPolicy::RequireDualStack;
    let mut cluster = Cluster::started(true, &both_families());
    cluster.apply(one);
    assert_eq!(cluster.status("s"), "");
    assert_eq!(cluster.events_of("s"), ["Warning not enough clusterips"]);
}

#[test]
fn require_dual_stack_gets_ipv4_then_ipv6_whatever_the_order_of_the_cluster_ips() {
    for cluster_ips in [["10.0.0.1", "3000::1"], ["3000::1", "10.0.0.1"]] {
        let dual = service("s").in_pool("p").dual(FamilyPolicy::RequireDualStack);
        let dual = dual.cluster(&cluster_ips);
        assert_eq!(result_with(&both_families(), dual), gets("5.6.7.0 1000::"));
    }
}

#[test]
fn prefer_dual_stack_takes_one_family_where_the_pool_has_one() {
    let dual = service("s").in_pool("p1").dual(FamilyPolicy::PreferDualStack);
    assert_eq!(result(dual), gets("1.2.3.0"));
}

#[test]
fn a_dual_stack_service_cannot_ask_for_one_address() {
    for policy in [FamilyPolicy::PreferDualStack, FamilyPolicy::RequireDualStack] {
        let by_field = service("s").dual(policy).load_balancer_ip("1.2.3.1");
        assert_eq!(result(by_field), gets_with_warning(""));
        let by_annotation = service("s").dual(policy).asking("1.2.3.1");
        assert_eq!(result(by_annotation), gets_with_warning(""));
    }
}

#[test]
fn a_single_stack_service_cannot_ask_for_two_families() {
    assert_eq!(
        result(service("s").asking("1.2.3.1,1000::1")),
        gets_with_warning("")
    );
}

// Pinned pools.

#[test]
fn the_pinned_pool_of_best_priority_is_taken_first() {
    let pools = [
        pool("open", &["9.0.0.0/32"]),
        pinned(pool("b", &["1.0.0.0/32"]), 11, for_namespace("n")),
        pinned(pool("c", &["2.0.0.0/32"]), 10, for_namespace("n")),
    ];
    assert_eq!(result_with(&pools, service("n/s")).0, "2.0.0.0");
    assert_eq!(result_with(&pools, service("other/s")).0, "9.0.0.0");
}

#[test]
fn selectors_rank_by_priority_too() {
    let pools = [
        pinned(pool("a", &["1.0.0.0/32"]), 9, for_labels("app", "x")),
        pinned(pool("b", &["2.0.0.0/32"]), 8, for_labels("app", "x")),
    ];
    assert_eq!(
        result_with(&pools, service("s").labelled(&[("app", "x")])).0,
        "2.0.0.0"
    );
    assert_eq!(result_with(&pools, service("s")), gets_with_warning(""));
}

#[test]
fn namespace_and_selector_together_must_both_match() {
    let mut both = for_namespace("n");
    both.service_selectors = vec![selector("app", "x")];
    let pools = [
        pinned(pool("a", &["1.0.0.0/32"]), 6, for_namespace("n")),
        pinned(pool("b", &["2.0.0.0/32"]), 5, both),
    ];
    assert_eq!(
        result_with(&pools, service("n/s").labelled(&[("app", "x")])).0,
        "2.0.0.0"
    );
    assert_eq!(result_with(&pools, service("n/s")).0, "1.0.0.0");
}

#[test]
fn a_pinned_pool_without_priority_comes_before_unpinned_ones() {
    let pools = [
        pool("a", &["9.0.0.0/32"]),
        pinned(pool("z", &["1.0.0.0/32"]), 0, for_namespace("n")),
    ];
    assert_eq!(result_with(&pools, service("n/s")).0, "1.0.0.0");
}

#[test]
fn a_pool_with_only_a_priority_is_pinned_to_every_service() {
    let everyone = || ferrolb_api::resolved::ServiceAllocation {
        service_selectors: vec![ferrolb_types::Selector::everything()],
        ..Default::default()
    };
    let pools = [
        pinned(pool("a", &["1.0.0.0/32"]), 20, everyone()),
        pinned(pool("b", &["2.0.0.0/32"]), 10, everyone()),
        pool("c", &["3.0.0.0/32"]),
    ];
    let mut cluster = Cluster::started(true, &pools);
    for name in ["s1", "s2", "s3"] {
        cluster.apply(service(name));
    }
    assert_eq!(cluster.status("s1"), "2.0.0.0");
    assert_eq!(cluster.status("s2"), "1.0.0.0");
    assert_eq!(cluster.status("s3"), "3.0.0.0");
}

// Life of several Services.

#[test]
fn the_only_address_goes_to_the_second_when_the_first_is_deleted_or_changes_type() {
    for delete in [true, false] {
        let mut cluster = Cluster::started(true, &[pool("p", &["1.2.3.4/32"])]);
        cluster.apply(service("s1"));
        cluster.apply(service("s2"));
        assert_eq!(cluster.status("s2"), "");
        assert_eq!(cluster.outcome("s2").reason, Some(Reason::PoolExhausted));
        if delete {
            cluster.delete("s1");
        } else {
            cluster.change("s1", |mut s| {
                s.is_load_balancer = false;
                s
            });
            assert_eq!(cluster.status("s1"), "");
            assert_eq!(cluster.annotation("s1"), None);
        }
        assert_eq!(cluster.status("s2"), "1.2.3.4");
    }
}

#[test]
fn without_pools_every_status_is_emptied_once() {
    let mut cluster = Cluster::started(true, &pools());
    cluster.apply(service("s"));
    cluster.forget();
    cluster.pools(&[]);
    assert_eq!(cluster.status("s"), "");
    assert_eq!(cluster.annotation("s"), None);
    assert_eq!(cluster.written.len(), 1);
}

#[test]
fn backends_decide_who_may_stay_on_a_shared_address() {
    let mut cluster = Cluster::started(true, &[pool("p", &["1.2.3.4/32"])]);
    cluster.apply(service("s1").sharing("k").ports(&[tcp(80)]));
    cluster.apply(service("s2").sharing("k").ports(&[tcp(443)]));
    let have = |cluster: &Cluster| (cluster.status("s1"), cluster.status("s2"));
    let (none, held) = (String::new(), "1.2.3.4".to_owned());
    assert_eq!(have(&cluster), (held.clone(), held.clone()));
    cluster.change("s2", |s| s.local("app=web"));
    assert_eq!(have(&cluster), (held.clone(), none.clone()));
    cluster.change("s1", |s| s.local("app=web"));
    assert_eq!(have(&cluster), (held.clone(), held.clone()));
    cluster.change("s1", |s| s.local("app=api"));
    assert_eq!(have(&cluster), (none, held.clone()));
    cluster.change("s2", |s| s.local("app=api"));
    assert_eq!(have(&cluster), (held.clone(), held));
}

fn sharing_pair(first: ServiceFacts, second: ServiceFacts) -> (String, String) {
    let mut cluster = Cluster::started(true, &[pool("p", &["1.2.3.4/32"])]);
    cluster.apply(first);
    cluster.apply(second);
    (cluster.status("s1"), cluster.status("s2"))
}

#[test]
fn different_ports_of_one_key_share() {
    let held = "1.2.3.4".to_owned();
    let s1 = || service("s1").sharing("k").ports(&[tcp(80)]);
    let s2 = || service("s2").sharing("k");
    assert_eq!(
        sharing_pair(s1(), s2().ports(&[tcp(443)])),
        (held.clone(), held.clone())
    );
    assert_eq!(
        sharing_pair(s1(), s2().ports(&[udp(80)])),
        (held.clone(), held.clone())
    );
    assert_eq!(sharing_pair(s1(), s2().ports(&[tcp(80)])), (held, String::new()));
}

#[test]
fn different_keys_or_backends_do_not_share() {
    let s1 = || service("s1").sharing("k").ports(&[tcp(80)]);
    for s2 in [
        service("s2").sharing("other").ports(&[tcp(443)]),
        service("s2").ports(&[tcp(443)]),
        service("s2").sharing("k").ports(&[tcp(443)]).local("app=web"),
    ] {
        assert_eq!(sharing_pair(s1(), s2), ("1.2.3.4".into(), String::new()));
    }
}

#[test]
fn own_ports_and_a_key_alone_change_in_place() {
    let mut cluster = Cluster::started(true, &[pool("p", &["1.2.3.4/31"])]);
    cluster.apply(service("s1").asking("1.2.3.5").sharing("k").ports(&[tcp(80)]));
    cluster.forget();
    cluster.change("s1", |s| s.ports(&[tcp(81)]));
    cluster.change("s1", |s| s.sharing("other"));
    assert_eq!(cluster.status("s1"), "1.2.3.5");
    assert!(cluster.written.is_empty() && cluster.events.is_empty());
}

#[test]
fn a_key_changed_in_company_costs_the_address() {
    let mut cluster = Cluster::started(true, &[pool("p", &["1.2.3.4/31"])]);
    cluster.apply(service("s1").sharing("k").ports(&[tcp(80)]));
    cluster.apply(service("s2").sharing("k").ports(&[tcp(443)]));
    cluster.change("s1", |s| s.sharing("other"));
    assert_eq!(cluster.status("s1"), "1.2.3.5");
    assert_eq!(cluster.status("s2"), "1.2.3.4");
    assert_eq!(
        cluster.events_of("s1"),
        [
            "Normal IPAllocated",
            "Normal ClearAssignment",
            "Normal IPAllocated"
        ]
    );
}

// Capacity.

#[test]
fn capacity_counts_what_can_be_handed_out() {
    let capacity = |pool: ferrolb_api::resolved::Pool| {
        let cluster = Cluster::started(true, &[pool]);
        let usage = *cluster.usage.values().next().unwrap();
        (usage.capacity(), usage.capacity_ipv4, usage.capacity_ipv6)
    };
    let max = i64::MAX;
    assert_eq!(capacity(pool("p", &["1.2.3.0/24"])), (256, 256, 0));
    assert_eq!(
        capacity(pool("p", &["1.2.3.0/24", "2.3.4.128/25"])),
        (384, 384, 0)
    );
    let avoiding = |addresses: &[&str]| avoiding_buggy(pool("p", addresses));
    assert_eq!(capacity(avoiding(&["1.2.3.0/24", "2.3.4.128/25"])), (381, 381, 0));
    assert_eq!(
        capacity(avoiding(&["1.2.3.0/24", "2.3.4.128/25", "1000::/64"])),
        (max, 381, max)
    );
    assert_eq!(
        capacity(pool("p", &["1000::/64", "2000::/127", "1.2.3.0/24"])),
        (max, 256, max)
    );
    assert_eq!(capacity(avoiding(&["1.2.3.0/31", "1000::/127"])), (3, 1, 2));
    assert_eq!(capacity(avoiding(&["1.2.3.0/32", "1.2.3.255/32"])), (0, 0, 0));
}

#[test]
fn buggy_addresses_are_not_given_out() {
    let pools = [
        avoiding_buggy(pool("a", &["1.2.4.0/31"])),
        avoiding_buggy(pool("b", &["1.2.4.254/31"])),
    ];
    let mut cluster = Cluster::started(true, &pools);
    for name in ["s1", "s2", "s3"] {
        cluster.apply(service(name));
    }
    assert_eq!(cluster.status("s1"), "1.2.4.1");
    assert_eq!(cluster.status("s2"), "1.2.4.254");
    assert_eq!(cluster.status("s3"), "");
    cluster.apply(service("s4").asking("1.2.4.0"));
    assert_eq!(cluster.outcome("s4").reason, Some(Reason::NoMatchingPool));
}

// Reload with s1 on 1.2.3.0 and s2 on 1000::.

fn reloaded(pools: &[ferrolb_api::resolved::Pool]) -> Cluster {
    let before = [pool("p", &["1.2.3.0/31", "1000::/127"])];
    let mut cluster = Cluster::started(true, &before);
    cluster.apply(service("s1"));
    cluster.apply(service("s2").cluster(&["3000::1"]));
    assert_eq!(cluster.status("s1"), "1.2.3.0");
    assert_eq!(cluster.status("s2"), "1000::");
    cluster.forget();
    cluster.pools(pools);
    cluster
}

#[test]
fn the_same_expanded_or_still_covering_pool_changes_nothing() {
    for addresses in [
        &["1.2.3.0/31", "1000::/127"][..],
        &["1.2.3.0/24", "1000::/64"],
        &["1.2.3.0/32", "1000::/128"],
    ] {
        let cluster = reloaded(&[pool("p", addresses)]);
        assert!(cluster.written.is_empty() && cluster.events.is_empty());
        assert_eq!(cluster.usage["p"].assigned(), 2);
    }
}

#[test]
fn a_pool_that_shrinks_away_from_a_service_moves_it() {
    let cluster = reloaded(&[pool("p", &["1.2.3.2/31", "1000::/127"])]);
    assert_eq!(cluster.status("s1"), "1.2.3.2");
    assert_eq!(cluster.status("s2"), "1000::");
    assert_eq!(cluster.events_of("s2"), Vec::<String>::new());
}

#[test]
fn services_follow_a_renamed_pool() {
    let cluster = reloaded(&[pool("q", &["1.2.3.0/31", "1000::/127"])]);
    for (name, address) in [("s1", "1.2.3.0"), ("s2", "1000::")] {
        assert_eq!(cluster.status(name), address);
        assert_eq!(cluster.annotation(name), Some("q"));
    }
    assert_eq!(cluster.usage.len(), 1);
}

#[test]
fn services_follow_the_parts_of_a_split_pool() {
    let cluster = reloaded(&[pool("q4", &["1.2.3.0/31"]), pool("q6", &["1000::/127"])]);
    assert_eq!(cluster.annotation("s1"), Some("q4"));
    assert_eq!(cluster.annotation("s2"), Some("q6"));
    assert_eq!(cluster.status("s1"), "1.2.3.0");
    assert_eq!(cluster.status("s2"), "1000::");
}

#[test]
fn avoiding_buggy_addresses_later_moves_those_on_one() {
    let cluster = reloaded(&[avoiding_buggy(pool("p", &["1.2.3.0/31", "1000::/127"]))]);
    assert_eq!(cluster.status("s1"), "1.2.3.1");
    assert_eq!(cluster.status("s2"), "1000::");
}
