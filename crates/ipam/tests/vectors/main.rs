//! The conformance vectors of the behaviour specification (controller 16), with `--strict-requests` as in the reference and
//! without. One of them differs, and says so: what an unmet request costs.
//!
//! `section-16.txt` lists them as the specification does, one a line; [`VECTORS`] says which test shows each.

#[path = "../support/mod.rs"]
mod support;

mod capacity;
mod pinned;
mod reload;
mod several;
mod sharing;
mod single;

use ferrolb_api::facts::ServiceFacts;
use ferrolb_api::resolved::Pool;
use support::*;

/// Every vector, in the order of the specification, with the test that shows it.
const VECTORS: &[(&str, fn())] = &[
    ("plain", single::a_plain_service_gets_the_first_address),
    (
        "loadBalancerIP 1.2.3.1 or annotation 1.2.3.1",
        single::an_address_asked_for_by_field_or_annotation_is_given,
    ),
    ("both set", single::field_and_annotation_together_are_refused),
    (
        "annotation 1.2.3.1, pool annotation p2",
        single::an_address_outside_the_pool_asked_for_is_refused,
    ),
    (
        "annotation 1.2.3.1,1.2.3.2",
        single::two_addresses_of_one_family_are_refused,
    ),
    (
        "status 1.2.3.1, loadBalancerIP 1.2.3.4",
        single::a_foreign_address_asked_for_costs_the_present_one,
    ),
    (
        "status 1.2.3.0, pool annotation p2",
        single::a_pool_asked_for_moves_the_service,
    ),
    (
        "status 2.3.4.5 (no pool)",
        single::a_status_outside_all_pools_is_replaced,
    ),
    (
        "status hostname + 10.10.10.10",
        single::a_host_name_in_the_status_does_not_count,
    ),
    (
        "status three IPv4 addresses",
        single::a_status_of_three_addresses_is_replaced_with_a_warning,
    ),
    (
        "NodePort with status 1.2.3.0",
        single::a_node_port_service_loses_its_status,
    ),
    (
        "no cluster IPs",
        single::a_service_without_cluster_ips_is_left_alone,
    ),
    (
        "cluster 3000::1, loadBalancerIP 1.2.3.1",
        single::an_address_of_another_family_is_refused,
    ),
    (
        "cluster 3000::1, status 1.2.3.0",
        single::a_status_of_another_family_is_replaced,
    ),
    (
        "cluster IPv4, pool with both families by annotation, PreferDualStack",
        single::prefer_dual_stack_on_a_single_stack_cluster_gets_one_family,
    ),
    (
        "same, RequireDualStack",
        single::require_dual_stack_on_a_single_stack_cluster_is_refused,
    ),
    (
        "cluster dual, RequireDualStack, pool with both",
        single::require_dual_stack_gets_ipv4_then_ipv6_whatever_the_order_of_the_cluster_ips,
    ),
    (
        "cluster dual, PreferDualStack, pool annotation IPv4-only pool",
        single::prefer_dual_stack_takes_one_family_where_the_pool_has_one,
    ),
    (
        "cluster dual, loadBalancerIP 1.2.3.1 or one address by annotation",
        single::a_dual_stack_service_cannot_ask_for_one_address,
    ),
    (
        "cluster single, annotation with two families",
        single::a_single_stack_service_cannot_ask_for_two_families,
    ),
    (
        "pinned: two pools for namespace n with priorities 10 and 11",
        pinned::the_pinned_pool_of_best_priority_is_taken_first,
    ),
    (
        "pinned: selector pools 9 and 8",
        pinned::selectors_rank_by_priority_too,
    ),
    (
        "pinned: a pool with namespace + selector priority 5",
        pinned::namespace_and_selector_together_must_both_match,
    ),
    (
        "pinned: a namespace pool without priority",
        pinned::a_pinned_pool_without_priority_comes_before_unpinned_ones,
    ),
    (
        "pinned: two pools with only priority 20 and 10",
        pinned::a_pool_with_only_a_priority_is_pinned_to_every_service,
    ),
    (
        "single /32 pool: deleting the first or changing its type serves the second",
        several::the_only_address_goes_to_the_second_when_the_first_is_deleted_or_changes_type,
    ),
    (
        "pools removed altogether",
        several::without_pools_every_status_is_emptied_once,
    ),
    (
        "shared address: second goes Local",
        several::backends_decide_who_may_stay_on_a_shared_address,
    ),
    (
        "shared address: first goes Local with the same selector",
        several::backends_decide_who_may_stay_on_a_shared_address,
    ),
    (
        "shared address: first changes selector",
        several::backends_decide_who_may_stay_on_a_shared_address,
    ),
    (
        "shared address: second aligns its selector",
        several::backends_decide_who_may_stay_on_a_shared_address,
    ),
    (
        "sharing: same key, tcp/80 + tcp/443",
        sharing::different_ports_of_one_key_share,
    ),
    ("sharing: tcp/80 twice", sharing::different_ports_of_one_key_share),
    (
        "sharing: different key or backend key",
        sharing::different_keys_or_backends_do_not_share,
    ),
    (
        "sharing: own ports changed in place",
        sharing::own_ports_and_a_key_alone_change_in_place,
    ),
    (
        "sharing: own key changed alone",
        sharing::own_ports_and_a_key_alone_change_in_place,
    ),
    (
        "sharing: own key changed with company",
        sharing::a_key_changed_in_company_costs_the_address,
    ),
    ("capacity: /24", capacity::capacity_counts_what_can_be_handed_out),
    (
        "capacity: /24 + 2.3.4.128/25",
        capacity::capacity_counts_what_can_be_handed_out,
    ),
    (
        "capacity: same with avoidBuggyIPs",
        capacity::capacity_counts_what_can_be_handed_out,
    ),
    (
        "capacity: plus 1000::/64",
        capacity::capacity_counts_what_can_be_handed_out,
    ),
    (
        "capacity: 1.2.3.0/31 + 1000::/127 with avoidBuggyIPs",
        capacity::capacity_counts_what_can_be_handed_out,
    ),
    (
        "avoidBuggyIPs pools 1.2.4.0/31 and 1.2.4.254/31",
        capacity::buggy_addresses_are_not_given_out,
    ),
    (
        "reload: same pool",
        reload::the_same_expanded_or_still_covering_pool_changes_nothing,
    ),
    (
        "reload: expanded pool",
        reload::the_same_expanded_or_still_covering_pool_changes_nothing,
    ),
    (
        "reload: shrunk-but-covering pool",
        reload::the_same_expanded_or_still_covering_pool_changes_nothing,
    ),
    (
        "reload: pool shrunk to 1.2.3.2/31",
        reload::a_pool_that_shrinks_away_from_a_service_moves_it,
    ),
    ("reload: renamed", reload::services_follow_a_renamed_pool),
    (
        "reload: split over two pools",
        reload::services_follow_the_parts_of_a_split_pool,
    ),
    (
        "reload: avoidBuggyIPs turned on",
        reload::avoiding_buggy_addresses_later_moves_those_on_one,
    ),
];

#[test]
fn every_vector_of_the_specification_is_shown_by_a_test() {
    let listed: Vec<&str> = include_str!("section-16.txt").lines().collect();
    let shown: Vec<&str> = VECTORS.iter().map(|(vector, _)| *vector).collect();
    assert_eq!(listed, shown);
    for (vector, shows) in VECTORS {
        println!("{vector}");
        shows();
    }
}

/// With `--strict-requests` and without.
const BOTH: [bool; 2] = [true, false];

fn pools() -> Vec<Pool> {
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

/// With and without strict requests it must be the same.
fn result_with(pools: &[Pool], service: ServiceFacts) -> (String, bool) {
    let lenient = result_by(false, pools, service.clone());
    let strict = result_by(true, pools, service);
    assert_eq!(strict, lenient);
    strict
}

fn result_by(strict: bool, pools: &[Pool], service: ServiceFacts) -> (String, bool) {
    let mut cluster = Cluster::started(strict, pools);
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
