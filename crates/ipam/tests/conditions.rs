//! What the status says of a request that is not met while the Service keeps its addresses.

mod support;

use core::time::Duration;

use ferrolb_api::facts::{FamilyPolicy, RequestCondition, ServiceFacts};
use ferrolb_ipam::{Reason, State};
use support::*;

/// `other` holds 10.0.0.1, and `s` holds 10.0.0.0.
fn two() -> Cluster {
    let mut cluster = Cluster::started(false, &[pool("p", &["10.0.0.0/30"])]);
    cluster.apply(service("other").asking("10.0.0.1"));
    cluster.apply(service("s"));
    cluster.forget();
    cluster
}

/// As [`two`], and `s` asks in vain for what `other` has.
fn unmet() -> Cluster {
    let mut cluster = two();
    cluster.change("s", |facts| facts.asking("10.0.0.1"));
    cluster
}

fn condition<'a>(cluster: &'a Cluster, name: &str) -> Option<&'a RequestCondition> {
    cluster.objects[&key(name)].request_condition.as_deref()
}

fn reason<'a>(cluster: &'a Cluster, name: &str) -> Option<&'a str> {
    condition(cluster, name).map(|condition| &*condition.reason)
}

#[test]
fn a_request_that_cannot_be_met_is_one_write_with_the_address_that_is_kept() {
    let cluster = unmet();
    let [write] = &cluster.written[..] else {
        panic!("{:?}", cluster.written)
    };
    assert_eq!(write.addresses, [ip("10.0.0.0")]);
    assert_eq!(write.pool, Some("p".into()));
    let told = condition(&cluster, "s").expect("a condition");
    assert_eq!((&*told.status, &*told.reason), ("False", "AddressInUse"));
    assert_eq!(*told.message, *cluster.outcome("s").message);
    assert_eq!(cluster.events_of("s"), ["Warning AllocationFailed"]);
    assert_eq!(reason(&cluster, "other"), None);
}

#[test]
fn it_goes_in_the_write_that_meets_the_request() {
    let mut cluster = unmet();
    cluster.forget();
    cluster.delete("other");
    assert_eq!(cluster.status("s"), "10.0.0.1");
    assert_eq!(condition(&cluster, "s"), None);
    assert_eq!(cluster.written.len(), 1);
}

#[test]
fn it_goes_in_one_write_when_nothing_is_asked_for_any_more() {
    let mut cluster = unmet();
    cluster.forget();
    cluster.change("s", |facts| facts.asking(""));
    assert_eq!(
        (&*cluster.status("s"), condition(&cluster, "s")),
        ("10.0.0.0", None)
    );
    assert_eq!(cluster.written.len(), 1);
    assert!(cluster.events.is_empty());
}

#[test]
fn what_changes_nothing_about_the_request_is_not_written() {
    let mut cluster = unmet();
    cluster.forget();
    cluster.change("s", |facts| facts.labelled(&[("tier", "x")]));
    cluster.apply(service("third"));
    assert!(cluster.written.iter().all(|write| write.key == key("third")));
    assert!(cluster.events_of("s").is_empty());
}

#[test]
fn another_cause_and_another_generation_are_told() {
    let mut cluster = unmet();
    cluster.change("s", |facts| facts.asking("198.51.100.1"));
    assert_eq!(reason(&cluster, "s"), Some("NoMatchingPool"));
    cluster.change("s", |facts| ServiceFacts {
        generation: 7,
        ..facts
    });
    assert_eq!(
        condition(&cluster, "s").map(|told| told.observed_generation),
        Some(7)
    );
    assert_eq!(cluster.written.len(), 3);
}

#[test]
fn a_restart_with_an_unmet_request_writes_nothing_and_tells_nothing() {
    let before = unmet();
    let services = before.objects.values().cloned().collect();
    let after = Cluster::restarted(false, &[pool("p", &["10.0.0.0/30"])], services);
    assert_eq!(after.outcome("s").reason, Some(Reason::AddressInUse));
    assert!(
        after.written.is_empty() && after.events.is_empty(),
        "{:?}",
        after.events
    );
}

#[test]
fn a_service_that_waits_without_an_address_has_none() {
    let mut cluster = Cluster::started(false, &[pool("p", &["10.0.0.0/32"])]);
    cluster.apply(service("holder"));
    cluster.apply(service("s"));
    assert_eq!(cluster.outcome("s").state, State::Pending);
    assert_eq!(reason(&cluster, "s"), None);
    assert_eq!(cluster.written.len(), 1);
}

#[test]
fn a_second_family_that_is_merely_preferred_is_no_unmet_request() {
    let mut cluster = Cluster::started(false, &[pool("p", &["10.0.0.0/30"])]);
    cluster.apply(service("s").dual(FamilyPolicy::PreferDualStack));
    assert!(cluster.outcome("s").reason.is_some());
    assert_eq!(reason(&cluster, "s"), None);
}

#[test]
fn a_request_that_cannot_be_read_is_not_met_either_and_says_so_in_a_bounded_text() {
    for strict in [false, true] {
        let mut cluster = Cluster::started(strict, &[pool("p", &["10.0.0.0/30"])]);
        cluster.apply(service("s"));
        let long = "10.0.0.1,10.0.0.2".repeat(1000);
        cluster.change("s", |facts| facts.asking(&long));
        assert_eq!(cluster.status("s"), "10.0.0.0");
        assert_eq!(reason(&cluster, "s"), Some("MalformedRequest"));
        let told = condition(&cluster, "s").expect("a condition");
        assert!(told.message.chars().count() <= 1024);
    }
}

#[test]
fn where_requests_are_strict_the_address_goes_and_the_condition_with_it() {
    let mut cluster = Cluster::started(true, &[pool("p", &["10.0.0.0/30"])]);
    cluster.apply(service("other").asking("10.0.0.1"));
    cluster.apply(service("s"));
    cluster.change("s", |facts| facts.asking("10.0.0.1"));
    assert_eq!((&*cluster.status("s"), reason(&cluster, "s")), ("", None));
}

#[test]
fn another_type_takes_it_away_also_after_a_restart() {
    let not_ours = |facts: ServiceFacts| ServiceFacts {
        is_load_balancer: false,
        ingress: Vec::new(),
        pool_annotation: None,
        ..facts
    };
    let mut cluster = unmet();
    let left_over = not_ours(cluster.objects[&key("s")].clone());
    cluster.change("s", not_ours);
    assert_eq!(condition(&cluster, "s"), None);

    let after = Cluster::restarted(false, &[pool("p", &["10.0.0.0/30"])], vec![left_over]);
    assert_eq!(condition(&after, "s"), None);
    assert_eq!(after.written.len(), 1);
}

#[test]
fn somebody_who_keeps_taking_it_away_is_answered_ever_more_slowly() {
    let mut cluster = unmet();
    let remove = |facts: ServiceFacts| ServiceFacts {
        request_condition: None,
        ..facts
    };
    cluster.forget();
    for _ in 0..20 {
        cluster.change("s", remove);
        cluster.pass(Duration::from_secs(1));
    }
    assert!(
        (1..8).contains(&cluster.written.len()),
        "{}",
        cluster.written.len()
    );
    cluster.pass(Duration::from_secs(600));
    assert_eq!(reason(&cluster, "s"), Some("AddressInUse"));
    assert_eq!(cluster.status("s"), "10.0.0.0");
}
