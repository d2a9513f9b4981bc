//! A working address is not thrown away for a wish that cannot be met (design, promise 1), and what pools and Services
//! may change under it (controller 9).

mod support;

use core::time::Duration;

use ferrolb_api::facts::FamilyPolicy;
use ferrolb_ipam::{Reason, State, WriteOutcome};
use support::*;

fn started(pools: &[ferrolb_api::resolved::Pool]) -> Cluster {
    Cluster::started(false, pools)
}

#[test]
fn keeps_its_address_on_a_request_that_cannot_be_met_and_moves_once_it_can() {
    let mut cluster = started(&[pool("p", &["10.0.0.0/30"])]);
    cluster.apply(service("other").asking("10.0.0.1"));
    cluster.apply(service("s"));
    cluster.forget();
    cluster.change("s", |facts| facts.asking("10.0.0.1"));
    assert_eq!(cluster.status("s"), "10.0.0.0");
    assert_eq!(cluster.events_of("s"), ["Warning AllocationFailed"]);
    assert_eq!(cluster.outcome("s").reason, Some(Reason::AddressInUse));
    cluster.forget();
    cluster.delete("other");
    assert_eq!(cluster.status("s"), "10.0.0.1");
    assert_eq!(cluster.written.len(), 1);
}

#[test]
fn the_same_refusal_is_not_repeated_while_nothing_changed() {
    let mut cluster = started(&[pool("p", &["10.0.0.0/32"])]);
    cluster.apply(service("holder"));
    cluster.apply(service("s"));
    for tier in ["a", "b", "c"] {
        cluster.change("s", |facts| facts.labelled(&[("tier", tier)]));
    }
    assert_eq!(cluster.events_of("s"), ["Warning AllocationFailed"]);
}

#[test]
fn zero_pools_at_the_start_clear_nothing_and_their_coming_needs_no_write() {
    let held = service("s").status(&["10.0.0.7"]).with_pool("p");
    let mut cluster = Cluster::restarted(false, &[], vec![held]);
    assert_eq!(cluster.status("s"), "10.0.0.7");
    cluster.pools(&[pool("p", &["10.0.0.0/24"])]);
    assert_eq!(cluster.status("s"), "10.0.0.7");
    assert!(cluster.written.is_empty() && cluster.events.is_empty());
    cluster.pools(&[]);
    assert_eq!(cluster.status("s"), "", "the pool was deleted on purpose");
}

#[test]
fn the_second_family_is_added_to_the_first_when_the_service_becomes_dual() {
    let mut cluster = started(&[pool("p", &["10.0.0.0/30", "fd00::/126"])]);
    cluster.apply(service("s"));
    cluster.change("s", |facts| facts.dual(FamilyPolicy::PreferDualStack));
    assert_eq!(cluster.status("s"), "10.0.0.0 fd00::");
}

#[test]
fn of_a_pool_that_shrinks_only_those_move_whose_address_is_gone() {
    let mut cluster = started(&[pool("p", &["10.0.0.0/30"])]);
    cluster.apply(service("a").asking("10.0.0.0"));
    cluster.apply(service("b").asking("10.0.0.3"));
    cluster.change("b", |facts| facts.asking(""));
    cluster.forget();
    cluster.pools(&[pool("p", &["10.0.0.0/31"])]);
    assert_eq!(
        (&*cluster.status("a"), &*cluster.status("b")),
        ("10.0.0.0", "10.0.0.1")
    );
    assert!(cluster.written.iter().all(|write| write.key == key("b")));
}

#[test]
fn a_pool_that_is_renamed_or_split_costs_no_address() {
    let mut cluster = started(&[pool("p", &["10.0.0.0/30"])]);
    cluster.apply(service("a"));
    cluster.apply(service("b").asking("10.0.0.2"));
    cluster.pools(&[pool("renamed", &["10.0.0.0/30"])]);
    assert_eq!(cluster.annotation("a"), Some("renamed"));
    cluster.pools(&[pool("low", &["10.0.0.0/31"]), pool("high", &["10.0.0.2/31"])]);
    assert_eq!(
        (&*cluster.status("a"), &*cluster.status("b")),
        ("10.0.0.0", "10.0.0.2")
    );
    assert_eq!(
        (cluster.annotation("a"), cluster.annotation("b")),
        (Some("low"), Some("high"))
    );
    assert!(!cluster.has_warning());
}

#[test]
fn another_type_gives_the_address_back_and_another_class_leaves_the_status_alone() {
    let mut cluster = started(&[pool("p", &["10.0.0.0/32"])]);
    cluster.apply(service("s"));
    cluster.apply(service("late"));
    cluster.change("s", |mut facts| {
        facts.is_load_balancer = false;
        facts
    });
    assert_eq!(
        (&*cluster.status("s"), &*cluster.status("late")),
        ("", "10.0.0.0")
    );
    cluster.forget();
    cluster.change("late", |mut facts| {
        facts.class = Some("example.com/lb".into());
        facts
    });
    assert_eq!(cluster.outcome("late").state, State::Ignored);
    assert_eq!(cluster.status("late"), "10.0.0.0");
    assert!(cluster.written.is_empty());
}

#[test]
fn a_status_that_the_api_server_refuses_is_told_once_and_tried_slowly() {
    let mut cluster = started(&[pool("p", &["10.0.0.0/30"])]);
    cluster.writes = Writes::Held;
    cluster.apply(service("s"));
    let refuse = |cluster: &mut Cluster| {
        let message = "status.loadBalancer: Invalid value".into();
        let write = cluster.held.pop().expect("a write");
        cluster.answer(&write, WriteOutcome::Refused { message });
    };
    refuse(&mut cluster);
    cluster.pass(Duration::from_secs(29));
    assert!(cluster.held.is_empty(), "not before half a minute");
    for _ in 0..5 {
        cluster.pass(Duration::from_secs(600));
        refuse(&mut cluster);
    }
    let told = cluster.events_of("s");
    assert_eq!(
        told.iter()
            .filter(|event| event.ends_with("StatusRefused"))
            .count(),
        1,
        "{told:?}"
    );
}

#[test]
fn after_a_conflict_nothing_is_written_before_the_fresh_object_is_seen() {
    let mut cluster = started(&[pool("p", &["10.0.0.0/30"])]);
    cluster.writes = Writes::Held;
    cluster.apply(service("s"));
    let write = cluster.held.pop().expect("a write");
    cluster.answer(&write, WriteOutcome::Conflict);
    assert!(cluster.held.is_empty());
    cluster.change("s", |facts| facts.labelled(&[("tier", "x")]));
    assert_eq!(cluster.held.len(), 1);
    assert_ne!(cluster.held[0].resource_version, write.resource_version);
}

/// A Service that keeps an address of pool `gone`, which was not there at the start.
fn without_its_pool() -> Cluster {
    let held = service("s").status(&["10.0.0.7"]).with_pool("gone");
    Cluster::restarted(false, &[pool("p", &["10.0.1.0/30"])], vec![held])
}

fn emptied(mut facts: ferrolb_api::facts::ServiceFacts) -> ferrolb_api::facts::ServiceFacts {
    facts.ingress.clear();
    facts
}

#[test]
fn a_status_that_is_emptied_while_the_pool_is_missing_is_put_back_and_outlasts_the_return_of_the_pool() {
    let mut cluster = without_its_pool();
    cluster.change("s", emptied);
    assert_eq!(cluster.status("s"), "10.0.0.7");
    assert_eq!(cluster.annotation("s"), Some("gone"));
    cluster.pools(&[pool("gone", &["10.0.0.0/29"]), pool("p", &["10.0.1.0/30"])]);
    assert_eq!(cluster.status("s"), "10.0.0.7");
    assert_eq!(cluster.outcome("s").reason, None);
}

#[test]
fn without_status_and_pool_annotation_an_address_without_a_pool_is_given_up() {
    let mut cluster = without_its_pool();
    cluster.change("s", |facts| {
        let mut facts = emptied(facts);
        facts.pool_annotation = None;
        facts
    });
    assert_eq!(cluster.status("s"), "10.0.1.0");
    assert_eq!(
        cluster.events_of("s"),
        ["Normal ClearAssignment", "Normal IPAllocated"]
    );
}

#[test]
fn another_address_in_the_status_takes_the_place_of_one_without_a_pool() {
    let mut cluster = without_its_pool();
    cluster.change("s", |facts| facts.status(&["10.0.1.2"]));
    assert_eq!(cluster.status("s"), "10.0.1.2");
    assert_eq!(cluster.annotation("s"), Some("p"));
}

#[test]
fn an_address_that_an_admin_moved_to_a_pool_that_is_refused_is_kept() {
    let mut cluster = started(&[pool("p", &["10.0.0.0/30"])]);
    cluster.apply(service("s").asking("10.0.0.3"));
    cluster.pools(&[pool("p", &["10.0.0.0/31"])]);
    assert_eq!(cluster.status("s"), "", "the pool is smaller");
    cluster.pools(&[pool("p", &["10.0.0.0/30"])]);
    cluster.refuse("q", &["10.0.0.2/31"]);
    cluster.pools(&[pool("p", &["10.0.0.0/31"])]);
    assert_eq!(cluster.status("s"), "10.0.0.3");
    assert_eq!(cluster.outcome("s").reason, Some(Reason::PoolRefused));
}

#[test]
fn a_conflict_without_a_fresher_object_does_not_keep_a_later_decision_from_being_written() {
    let mut cluster = started(&[pool("p", &["10.0.0.0/32"])]);
    cluster.writes = Writes::Held;
    cluster.apply(service("s"));
    let write = cluster.held.pop().expect("a write");
    cluster.answer(&write, WriteOutcome::Conflict);
    cluster.pools(&[]);
    cluster.pass(Duration::from_secs(120));
    cluster.pools(&[pool("p", &["10.0.0.0/32"])]);
    assert_eq!(cluster.held.len(), 1);
}

/// `older` waits for the only address, which `younger` has.
fn contested() -> Cluster {
    let mut cluster = started(&[pool("p", &["10.0.0.0/32"])]);
    cluster.apply(service("younger").created("2026-01-02T00:00:00Z"));
    cluster.apply(service("older").created("2026-01-01T00:00:00Z"));
    cluster.forget();
    cluster
}

#[test]
fn a_status_with_the_address_of_another_service_is_put_right() {
    let mut cluster = contested();
    cluster.change("older", |facts| facts.status(&["10.0.0.0"]));
    assert_eq!(
        (&*cluster.status("older"), &*cluster.status("younger")),
        ("", "10.0.0.0")
    );
    assert!(cluster.written.iter().all(|write| write.key == key("older")));
}

#[test]
fn to_another_controller_that_writes_it_again_the_older_service_has_the_address() {
    let mut cluster = contested();
    for _ in 0..2 {
        cluster.change("older", |facts| facts.status(&["10.0.0.0"]));
    }
    assert_eq!(
        (&*cluster.status("older"), &*cluster.status("younger")),
        ("10.0.0.0", "")
    );
    assert_eq!(cluster.outcome("younger").reason, Some(Reason::PoolExhausted));
}

#[test]
fn a_younger_service_does_not_get_the_address_however_often_it_is_written() {
    let mut cluster = contested();
    cluster.delete("younger");
    cluster.apply(service("youngest").created("2026-01-03T00:00:00Z"));
    for _ in 0..5 {
        cluster.change("youngest", |facts| facts.status(&["10.0.0.0"]));
        cluster.pass(Duration::from_secs(300));
    }
    assert_eq!(
        (&*cluster.status("older"), &*cluster.status("youngest")),
        ("10.0.0.0", "")
    );
}

#[test]
fn a_status_that_is_written_again_much_later_is_put_right_again() {
    let mut cluster = contested();
    for _ in 0..3 {
        cluster.change("older", |facts| facts.status(&["10.0.0.0"]));
        cluster.pass(Duration::from_secs(3600));
    }
    assert_eq!(cluster.status("younger"), "10.0.0.0");
}

#[test]
fn an_address_that_was_found_without_any_pool_is_kept_and_so_it_is_after_a_restart_with_pools() {
    let held = service("s").status(&["10.0.0.7"]);
    let mut cluster = Cluster::restarted(false, &[], vec![held]);
    assert!(cluster.written.is_empty());
    let pools = [pool("p", &["10.0.1.0/30"])];
    cluster.pools(&pools);
    assert_eq!(cluster.status("s"), "10.0.0.7");
    let told = cluster.objects[&key("s")].request_condition.clone();
    assert_eq!(told.map(|told| told.reason), Some("PoolMissing".into()));

    for pools in [&[][..], &pools] {
        let services = cluster.objects.values().cloned().collect();
        cluster = Cluster::restarted(false, pools, services);
        assert_eq!(cluster.status("s"), "10.0.0.7");
        assert!(cluster.written.is_empty(), "{:?}", cluster.written);
    }
    cluster.pools(&[pool("q", &["10.0.0.0/24"])]);
    assert_eq!(
        (&*cluster.status("s"), cluster.annotation("s")),
        ("10.0.0.7", Some("q"))
    );
    assert_eq!(cluster.objects[&key("s")].request_condition, None);
}
