//! Addresses that are kept for a name (`ferrolb.io/reserve-as`) or left unused for a while (`ferrolb.io/release-delay`).

mod support;

use core::time::Duration;

use ferrolb_api::Reservations;
use ferrolb_api::facts::FamilyPolicy;
use ferrolb_ipam::Reason;
use support::*;

const MINUTE: Duration = Duration::from_secs(60);

fn recorded(cluster: &Cluster, pool: &str) -> String {
    cluster
        .recorded
        .get(pool)
        .map(ToString::to_string)
        .unwrap_or_default()
}

#[test]
fn an_address_is_recorded_in_its_pool_once_and_kept_for_its_name() {
    let mut cluster = Cluster::started(false, &[pool("p", &["192.0.2.0/30"])]);
    cluster.apply(service("a").reserving("front"));
    assert_eq!(recorded(&cluster, "p"), r#"{"default/front":["192.0.2.0"]}"#);
    cluster.delete("a");
    cluster.apply(service("other"));
    assert_eq!(cluster.status("other"), "192.0.2.1");
    cluster.apply(service("again").reserving("front"));
    assert_eq!(cluster.status("again"), "192.0.2.0");
    assert_eq!(recorded(&cluster, "p"), r#"{"default/front":["192.0.2.0"]}"#);
}

#[test]
fn a_reservation_survives_a_restart_without_its_service_and_costs_no_write() {
    let mut cluster = Cluster::stopped(false);
    cluster.edit_reservations("p", r#"{"default/front":["192.0.2.0"]}"#);
    let before = cluster.recorded.clone();
    cluster.recorded.clear();
    cluster.pools(&[pool("p", &["192.0.2.0/30"])]);
    cluster.feed(ferrolb_ipam::Event::Synced);
    cluster.apply(service("other"));
    assert_eq!(cluster.status("other"), "192.0.2.1");
    cluster.apply(service("a").reserving("front"));
    assert_eq!(cluster.status("a"), "192.0.2.0");
    assert!(
        cluster.recorded.is_empty(),
        "{:?} was asked for after {before:?}",
        cluster.recorded
    );
}

#[test]
fn both_families_come_back_together() {
    let pools = [pool("p", &["192.0.2.0/30", "2001:db8::/126"])];
    let mut cluster = Cluster::started(false, &pools);
    let dual = || {
        service("a")
            .dual(FamilyPolicy::RequireDualStack)
            .reserving("front")
    };
    cluster.apply(dual());
    cluster.delete("a");
    cluster.apply(service("b").dual(FamilyPolicy::RequireDualStack));
    assert_eq!(cluster.status("b"), "192.0.2.1 2001:db8::1");
    cluster.apply(dual());
    assert_eq!(cluster.status("a"), "192.0.2.0 2001:db8::");
}

#[test]
fn a_name_means_nothing_in_another_namespace() {
    let mut cluster = Cluster::started(false, &[pool("p", &["192.0.2.0/30"])]);
    cluster.apply(service("one/a").reserving("front"));
    cluster.delete("one/a");
    cluster.apply(service("two/a").reserving("front"));
    assert_eq!(cluster.status("two/a"), "192.0.2.1");
}

#[test]
fn removing_the_name_from_a_living_service_gives_the_reservation_back_and_not_the_address() {
    let mut cluster = Cluster::started(false, &[pool("p", &["192.0.2.0/32"])]);
    cluster.apply(service("a").reserving("front"));
    cluster.forget();
    cluster.change("a", |s| s.reserving(""));
    assert_eq!(recorded(&cluster, "p"), "{}");
    assert_eq!(cluster.status("a"), "192.0.2.0");
    assert!(cluster.written.is_empty());
    cluster.delete("a");
    cluster.apply(service("b"));
    assert_eq!(cluster.status("b"), "192.0.2.0");
}

#[test]
fn removing_the_entry_from_the_pool_serves_whoever_waits() {
    let mut cluster = Cluster::started(false, &[pool("p", &["192.0.2.0/32"])]);
    cluster.apply(service("a").reserving("front"));
    cluster.delete("a");
    cluster.apply(service("b"));
    let waiting = cluster.outcome("b");
    assert_eq!(waiting.reason, Some(Reason::PoolExhausted));
    assert!(waiting.message.contains("reserved"), "{}", waiting.message);
    assert_eq!(cluster.usage["p"].withheld, 1);
    cluster.show_reservations("p");
    cluster.edit_reservations("p", "{}");
    assert_eq!(cluster.status("b"), "192.0.2.0");
    assert_eq!(cluster.usage["p"].withheld, 0);
}

#[test]
fn an_administrator_reserves_ahead_of_time() {
    let mut cluster = Cluster::started(false, &[manual(pool("p", &["192.0.2.0/28"]))]);
    cluster.edit_reservations("p", r#"{"default/front":["192.0.2.9"]}"#);
    cluster.apply(service("a").reserving("front"));
    assert_eq!(cluster.status("a"), "192.0.2.9");
}

#[test]
fn what_a_living_service_holds_outweighs_an_edit_of_the_list() {
    let mut cluster = Cluster::started(false, &[pool("p", &["192.0.2.0/28"])]);
    cluster.apply(service("a").reserving("front"));
    cluster.show_reservations("p");
    cluster.forget();
    cluster.edit_reservations("p", "{}");
    assert_eq!(cluster.status("a"), "192.0.2.0");
    assert!(cluster.written.is_empty());
    let own = r#"{"default/front":["192.0.2.0"]}"#;
    assert_eq!(cluster.engine.reservations(&"p".into()).to_string(), own);
}

#[test]
fn a_reserved_address_that_is_asked_for_is_refused_until_it_is_given_back() {
    let mut cluster = Cluster::started(false, &[pool("p", &["192.0.2.0/28"])]);
    cluster.apply(service("a").reserving("front"));
    cluster.delete("a");
    cluster.apply(service("b").asking("192.0.2.0"));
    assert_eq!(cluster.outcome("b").reason, Some(Reason::AddressReserved));
    cluster.show_reservations("p");
    cluster.edit_reservations("p", "{}");
    assert_eq!(cluster.status("b"), "192.0.2.0");
}

#[test]
fn of_two_services_of_one_name_the_first_has_the_reservation_and_the_second_follows() {
    let mut cluster = Cluster::started(false, &[pool("p", &["192.0.2.0/32"])]);
    cluster.apply(service("a").reserving("front"));
    cluster.apply(service("b").reserving("front"));
    assert_eq!(cluster.status("b"), "");
    cluster.delete("a");
    assert_eq!(cluster.status("b"), "192.0.2.0");
}

#[test]
fn a_reservation_moves_with_its_service() {
    let pools = [
        pool("p", &["192.0.2.0/30"]),
        manual(pool("q", &["198.51.100.0/30"])),
    ];
    let mut cluster = Cluster::started(false, &pools);
    cluster.apply(service("a").reserving("front"));
    cluster.change("a", |s| s.in_pool("q"));
    assert_eq!(cluster.status("a"), "198.51.100.0");
    assert_eq!(recorded(&cluster, "p"), "{}");
    assert_eq!(recorded(&cluster, "q"), r#"{"default/front":["198.51.100.0"]}"#);
    cluster.apply(service("b"));
    assert_eq!(cluster.status("b"), "192.0.2.0");
}

#[test]
fn a_malformed_name_is_told_and_costs_no_address() {
    let mut cluster = Cluster::started(false, &[pool("p", &["192.0.2.0/30"])]);
    cluster.apply(service("a"));
    cluster.forget();
    cluster.change("a", |s| s.reserving("No Name"));
    assert_eq!(cluster.status("a"), "192.0.2.0");
    assert_eq!(cluster.outcome("a").reason, Some(Reason::MalformedRequest));
    assert_eq!(cluster.events_of("a"), ["Warning LoadBalancerFailed"]);
    cluster.apply(service("b").reserving("No Name"));
    assert_eq!(cluster.status("b"), "");
    assert!(cluster.recorded.values().all(Reservations::is_empty));
}

#[test]
fn a_full_list_is_told_once_and_costs_no_address() {
    let mut cluster = Cluster::started(false, &[pool("p", &["10.0.0.0/16"])]);
    let entry = |n: usize| format!(r#""default/r{n}":["10.0.{}.{}"]"#, 1 + n / 256, n % 256);
    let full: Vec<String> = (0..Reservations::MOST).map(entry).collect();
    cluster.edit_reservations("p", &format!("{{{}}}", full.join(",")));
    cluster.apply(service("a").reserving("front"));
    cluster.change("a", |s| s.ports(&[tcp(81)]));
    assert_eq!(cluster.status("a"), "10.0.0.0");
    assert_eq!(
        cluster.events_of("a"),
        ["Normal IPAllocated", "Warning ReservationFailed"]
    );
}

#[test]
fn a_released_address_rests_and_then_serves_the_oldest_who_waits() {
    let mut cluster = Cluster::started(false, &[resting(pool("p", &["192.0.2.0/32"]), MINUTE)]);
    cluster.apply(service("a"));
    cluster.apply(service("b").created("2026-01-02T00:00:00Z"));
    cluster.apply(service("c").created("2026-01-01T12:00:00Z"));
    cluster.delete("a");
    assert_eq!(
        (cluster.status("b"), cluster.status("c")),
        (String::new(), String::new())
    );
    assert_eq!(cluster.usage["p"].withheld, 1);
    cluster.pass(MINUTE - Duration::from_secs(1));
    assert_eq!(cluster.status("c"), "");
    cluster.pass(Duration::from_secs(1));
    assert_eq!(
        (cluster.status("b"), cluster.status("c")),
        (String::new(), "192.0.2.0".into())
    );
    assert_eq!(cluster.usage["p"].withheld, 0);
    assert_eq!(cluster.engine.next_deadline(), None);
}

#[test]
fn a_resting_address_that_is_asked_for_comes_when_the_delay_is_over() {
    let mut cluster = Cluster::started(false, &[resting(pool("p", &["192.0.2.0/30"]), MINUTE)]);
    cluster.apply(service("a"));
    cluster.delete("a");
    cluster.apply(service("b").asking("192.0.2.0"));
    cluster.apply(service("c"));
    assert_eq!(cluster.outcome("b").reason, Some(Reason::AddressResting));
    assert_eq!(cluster.status("c"), "192.0.2.1");
    cluster.pass(MINUTE);
    assert_eq!(cluster.status("b"), "192.0.2.0");
}

#[test]
fn who_has_it_reserved_does_not_wait_for_the_rest() {
    let mut cluster = Cluster::started(false, &[resting(pool("p", &["192.0.2.0/30"]), MINUTE)]);
    cluster.apply(service("a").reserving("front"));
    cluster.delete("a");
    cluster.apply(service("b").reserving("front"));
    assert_eq!(cluster.status("b"), "192.0.2.0");
    cluster.pass(MINUTE);
    assert_eq!(cluster.status("b"), "192.0.2.0");
}

#[test]
fn nobody_who_has_an_address_is_touched_by_a_delay() {
    let mut cluster = Cluster::started(false, &[pool("p", &["192.0.2.0/30"])]);
    cluster.apply(service("a"));
    cluster.forget();
    cluster.pools(&[resting(pool("p", &["192.0.2.0/30"]), MINUTE)]);
    cluster.change("a", |s| s.ports(&[tcp(81)]));
    assert!(cluster.written.is_empty() && cluster.events.is_empty());
}

#[test]
fn of_two_living_services_of_one_name_the_older_one_counts_whatever_is_recorded() {
    let mut cluster = Cluster::started(false, &[pool("p", &["10.0.0.0/30"])]);
    let young = service("young").created("2026-01-02T00:00:00Z");
    cluster.apply(young.reserving("front"));
    assert_eq!(recorded(&cluster, "p"), r#"{"default/front":["10.0.0.0"]}"#);
    cluster.apply(service("old").reserving("front"));
    let of_the_older = r#"{"default/front":["10.0.0.1"]}"#;
    assert_eq!(cluster.status("old"), "10.0.0.1");
    assert_eq!(recorded(&cluster, "p"), of_the_older);
    cluster.edit_reservations("p", r#"{"default/front":["10.0.0.0"]}"#);
    assert_eq!(recorded(&cluster, "p"), of_the_older);
    cluster.delete("old");
    assert_eq!(recorded(&cluster, "p"), r#"{"default/front":["10.0.0.0"]}"#);
}

/// Two Services on one address, of which the younger one has the second family besides.
fn sharing(name: &str, port: u16) -> ferrolb_api::facts::ServiceFacts {
    service(name).sharing("k").ports(&[tcp(port)]).reserving("front")
}

#[test]
fn of_services_that_share_an_address_under_one_name_nothing_is_left_out() {
    let pools = [pool("p", &["10.0.0.0/30", "fd00::/126"])];
    let mut cluster = Cluster::started(false, &pools);
    let both = r#"{"default/front":["10.0.0.0","fd00::"]}"#;
    cluster.apply(sharing("a", 80));
    cluster.apply(sharing("b", 81).dual(FamilyPolicy::RequireDualStack));
    assert_eq!(recorded(&cluster, "p"), both);
    // Whichever is looked at last.
    cluster.change("a", |s| s.labelled(&[("tier", "x")]));
    assert_eq!(recorded(&cluster, "p"), both);
    // The family that nobody has now waits for the one that comes again.
    cluster.delete("b");
    assert_eq!(recorded(&cluster, "p"), both);
    cluster.apply(service("other").cluster(&["3000::1"]));
    assert_eq!(cluster.status("other"), "fd00::1");
    cluster.apply(sharing("b", 81).dual(FamilyPolicy::RequireDualStack));
    assert_eq!(cluster.status("b"), "10.0.0.0 fd00::");
}

#[test]
fn a_shared_address_is_reserved_under_the_name_of_each() {
    let mut cluster = Cluster::started(false, &[pool("p", &["10.0.0.0/30"])]);
    let shared = |name: &str, port| service(name).sharing("k").ports(&[tcp(port)]);
    cluster.apply(shared("a", 80).reserving("one"));
    cluster.apply(shared("b", 81).reserving("two"));
    let both = r#"{"default/one":["10.0.0.0"],"default/two":["10.0.0.0"]}"#;
    assert_eq!(recorded(&cluster, "p"), both);
    cluster.delete("a");
    cluster.delete("b");
    cluster.apply(service("other"));
    assert_eq!(cluster.status("other"), "10.0.0.1");
    cluster.apply(shared("b", 81).reserving("two"));
    cluster.apply(shared("a", 80).reserving("one"));
    assert_eq!(
        (cluster.status("a"), cluster.status("b")),
        ("10.0.0.0".into(), "10.0.0.0".into())
    );
    cluster.change("a", |s| s.reserving(""));
    assert_eq!(recorded(&cluster, "p"), r#"{"default/two":["10.0.0.0"]}"#);
}

#[test]
fn an_entry_that_an_administrator_removes_is_not_asked_for_again() {
    let mut cluster = Cluster::started(false, &[pool("p", &["10.0.0.0/30"])]);
    cluster.apply(service("a").reserving("front"));
    cluster.show_reservations("p");
    cluster.delete("a");
    // The last word to the writer is what counts, not what it wrote before.
    cluster.edit_reservations("p", "{}");
    assert_eq!(recorded(&cluster, "p"), "{}");
    cluster.apply(service("other"));
    assert_eq!(cluster.status("other"), "10.0.0.0");
}

#[test]
fn who_found_the_list_full_is_recorded_once_there_is_room() {
    let mut cluster = Cluster::started(false, &[pool("p", &["10.0.0.0/16"])]);
    let entry = |n: usize| format!(r#""default/r{n}":["10.0.{}.{}"]"#, 1 + n / 256, n % 256);
    let list = |from: usize| {
        let entries: Vec<String> = (from..Reservations::MOST).map(entry).collect();
        format!("{{{}}}", entries.join(","))
    };
    cluster.edit_reservations("p", &list(0));
    cluster.apply(service("a").reserving("front"));
    cluster.show_reservations("p");
    cluster.edit_reservations("p", &list(1));
    let own = ferrolb_api::ReservationKey::new("default".into(), "front").expect("a name");
    assert_eq!(cluster.recorded["p"].get(&own), Some(&[ip("10.0.0.0")][..]));
}

#[test]
fn who_has_one_family_reserved_in_the_pool_it_asks_for_is_woken_by_an_address_of_the_other() {
    let mut cluster = Cluster::started(false, &[pool("p", &["10.0.0.0/32", "fd00::/127"])]);
    cluster.edit_reservations("p", r#"{"default/front":["fd00::1"],"default/b":["fd00::"]}"#);
    cluster.apply(service("holder"));
    cluster.apply(
        service("a")
            .dual(FamilyPolicy::RequireDualStack)
            .in_pool("p")
            .reserving("front"),
    );
    assert_eq!(cluster.status("a"), "");
    cluster.delete("holder");
    assert_eq!(cluster.status("a"), "10.0.0.0 fd00::1");
}
