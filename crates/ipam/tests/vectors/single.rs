//! One Service and four pools.

use ferrolb_api::facts::{FamilyPolicy, Ingress};
use ferrolb_api::resolved::Pool;
use ferrolb_ipam::Reason;

use crate::support::*;
use crate::{BOTH, gets, gets_with_warning, pools, result, result_by, result_with};

#[test]
pub(crate) fn a_plain_service_gets_the_first_address() {
    assert_eq!(result(service("s")), gets("1.2.3.0"));
}

#[test]
pub(crate) fn an_address_asked_for_by_field_or_annotation_is_given() {
    assert_eq!(result(service("s").load_balancer_ip("1.2.3.1")), gets("1.2.3.1"));
    assert_eq!(result(service("s").asking("1.2.3.1")), gets("1.2.3.1"));
}

#[test]
pub(crate) fn field_and_annotation_together_are_refused() {
    let both = service("s").asking("1.2.3.1").load_balancer_ip("1.2.3.1");
    assert_eq!(result(both), gets_with_warning(""));
}

#[test]
pub(crate) fn an_address_outside_the_pool_asked_for_is_refused() {
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
pub(crate) fn two_addresses_of_one_family_are_refused() {
    assert_eq!(
        result(service("s").asking("1.2.3.1,1.2.3.2")),
        gets_with_warning("")
    );
}

#[test]
pub(crate) fn a_foreign_address_asked_for_costs_the_present_one() {
    let asking = || service("s").status(&["1.2.3.1"]).load_balancer_ip("1.2.3.4");
    assert_eq!(result_by(true, &pools(), asking()), gets_with_warning(""));
    let lenient = result_by(false, &pools(), asking());
    assert_eq!(
        lenient,
        gets_with_warning("1.2.3.1"),
        "it stays unless requests are strict"
    );
}

#[test]
pub(crate) fn a_pool_asked_for_moves_the_service() {
    let asking = service("s").status(&["1.2.3.0"]).in_pool("p2");
    assert_eq!(result(asking), gets("3.4.5.6"));
}

#[test]
pub(crate) fn a_status_outside_all_pools_is_replaced() {
    assert_eq!(result(service("s").status(&["2.3.4.5"])), gets("1.2.3.0"));
}

#[test]
pub(crate) fn a_host_name_in_the_status_does_not_count() {
    let mut named = service("s").status(&["10.10.10.10"]);
    named.ingress.insert(0, Ingress::Hostname("lb.example".into()));
    assert_eq!(result(named), gets("1.2.3.0"));
}

#[test]
pub(crate) fn a_status_of_three_addresses_is_replaced_with_a_warning() {
    let three = service("s").status(&["1.2.3.0", "1.2.3.1", "3.4.5.6"]);
    assert_eq!(result(three), gets_with_warning("1.2.3.0"));
}

#[test]
pub(crate) fn a_node_port_service_loses_its_status() {
    let mut other = service("s").status(&["1.2.3.0"]);
    other.is_load_balancer = false;
    assert_eq!(result(other), gets(""));
}

#[test]
pub(crate) fn a_service_without_cluster_ips_is_left_alone() {
    for strict in BOTH {
        let mut cluster = Cluster::started(strict, &pools());
        cluster.apply(service("s").cluster(&[]));
        assert!(cluster.written.is_empty() && cluster.events.is_empty());
        assert_eq!(cluster.outcome("s").reason, Some(Reason::NotEnoughClusterIPs));
    }
}

#[test]
pub(crate) fn an_address_of_another_family_is_refused() {
    let asking = service("s").cluster(&["3000::1"]).load_balancer_ip("1.2.3.1");
    assert_eq!(result(asking), gets_with_warning(""));
}

#[test]
pub(crate) fn a_status_of_another_family_is_replaced() {
    let other = service("s").cluster(&["3000::1"]).status(&["1.2.3.0"]);
    assert_eq!(result(other), gets("1000::"));
}

fn both_families() -> Vec<Pool> {
    vec![
        manual(pool("p1", &["1.2.3.0/31"])),
        manual(pool("p", &["5.6.7.0/31", "1000::/127"])),
    ]
}

#[test]
pub(crate) fn prefer_dual_stack_on_a_single_stack_cluster_gets_one_family() {
    let mut one = service("s").in_pool("p");
    one.family_policy = FamilyPolicy::PreferDualStack;
    assert_eq!(result_with(&both_families(), one), gets("5.6.7.0"));
}

#[test]
pub(crate) fn require_dual_stack_on_a_single_stack_cluster_is_refused() {
    let mut one = service("s").in_pool("p");
    one.family_policy = FamilyPolicy::RequireDualStack;
    for strict in BOTH {
        let mut cluster = Cluster::started(strict, &both_families());
        cluster.apply(one.clone());
        assert_eq!(cluster.status("s"), "");
        assert_eq!(cluster.events_of("s"), ["Warning not enough clusterips"]);
    }
}

#[test]
pub(crate) fn require_dual_stack_gets_ipv4_then_ipv6_whatever_the_order_of_the_cluster_ips() {
    for cluster_ips in [["10.0.0.1", "3000::1"], ["3000::1", "10.0.0.1"]] {
        let dual = service("s").in_pool("p").dual(FamilyPolicy::RequireDualStack);
        let dual = dual.cluster(&cluster_ips);
        assert_eq!(result_with(&both_families(), dual), gets("5.6.7.0 1000::"));
    }
}

#[test]
pub(crate) fn prefer_dual_stack_takes_one_family_where_the_pool_has_one() {
    let dual = service("s").in_pool("p1").dual(FamilyPolicy::PreferDualStack);
    assert_eq!(result(dual), gets("1.2.3.0"));
}

#[test]
pub(crate) fn a_dual_stack_service_cannot_ask_for_one_address() {
    for policy in [FamilyPolicy::PreferDualStack, FamilyPolicy::RequireDualStack] {
        let by_field = service("s").dual(policy).load_balancer_ip("1.2.3.1");
        assert_eq!(result(by_field), gets_with_warning(""));
        let by_annotation = service("s").dual(policy).asking("1.2.3.1");
        assert_eq!(result(by_annotation), gets_with_warning(""));
    }
}

#[test]
pub(crate) fn a_single_stack_service_cannot_ask_for_two_families() {
    assert_eq!(
        result(service("s").asking("1.2.3.1,1000::1")),
        gets_with_warning("")
    );
}
