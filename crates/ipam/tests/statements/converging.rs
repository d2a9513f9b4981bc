//! Converging one Service (controller 4.1, 4.2).

use ferrolb_api::facts::{FamilyPolicy, Ingress, ServiceFacts};
use ferrolb_ipam::{Event, Reason, State};
use std::sync::Arc;

use crate::support::*;
use crate::{BOTH, told};

#[test]
fn nothing_is_decided_before_pools_are_known_and_everything_has_been_seen() {
    for strict in BOTH {
        let mut cluster = Cluster::stopped(strict);
        cluster.apply(service("new"));
        cluster.apply(service("old").status(&["10.0.0.3"]));
        cluster.feed(Event::Synced);
        assert!(cluster.written.is_empty() && cluster.events.is_empty());
        cluster.pools(&[pool("p", &["10.0.0.0/30"])]);
        assert_eq!(
            (&*cluster.status("old"), &*cluster.status("new")),
            ("10.0.0.3", "10.0.0.0")
        );

        let mut cluster = Cluster::stopped(strict);
        cluster.pools(&[pool("p", &["10.0.0.0/30"])]);
        cluster.apply(service("new"));
        assert!(cluster.written.is_empty(), "an assigned one may still come");
        cluster.feed(Event::Synced);
        assert_eq!(cluster.status("new"), "10.0.0.0");
    }
}

#[test]
fn a_service_that_is_gone_leaves_its_address_to_who_waits() {
    for strict in BOTH {
        let mut cluster = Cluster::started(strict, &[pool("p", &["10.0.0.0/32"])]);
        cluster.apply(service("s"));
        cluster.apply(service("late"));
        cluster.delete("s");
        assert_eq!(cluster.status("late"), "10.0.0.0");
        cluster.forget();
        cluster.delete("unknown");
        assert!(cluster.written.is_empty() && cluster.events.is_empty());
    }
}

#[test]
fn what_is_as_it_should_be_is_not_written() {
    for strict in BOTH {
        let held = service("s").status(&["10.0.0.0"]).with_pool("p");
        let mut cluster = Cluster::restarted(strict, &[pool("p", &["10.0.0.0/30"])], vec![held]);
        cluster.change("s", |facts| facts.labelled(&[("tier", "x")]));
        cluster.change("s", |facts| facts.ports(&[tcp(80), udp(80)]));
        assert!(cluster.written.is_empty() && cluster.events.is_empty());
    }
}

#[test]
fn a_pool_annotation_that_is_missing_is_added_and_the_address_stays() {
    for strict in BOTH {
        let held = service("s").status(&["10.0.0.2"]);
        let cluster = Cluster::restarted(strict, &[pool("p", &["10.0.0.0/30"])], vec![held]);
        assert_eq!(
            (&*cluster.status("s"), cluster.annotation("s")),
            ("10.0.0.2", Some("p"))
        );
        assert_eq!((cluster.written.len(), cluster.events.len()), (1, 0));
    }
}

#[test]
fn a_service_of_another_type_loses_status_and_annotation_without_an_event() {
    for strict in BOTH {
        let mut cluster = Cluster::started(strict, &[pool("p", &["10.0.0.0/30"])]);
        cluster.apply(service("s"));
        cluster.forget();
        cluster.change("s", |facts| ServiceFacts {
            is_load_balancer: false,
            ..facts
        });
        assert_eq!((&*cluster.status("s"), cluster.annotation("s")), ("", None));
        assert_eq!((cluster.written.len(), cluster.events.len()), (1, 0));
    }
}

#[test]
fn a_service_without_cluster_ips_keeps_its_address_in_silence_unless_requests_are_strict() {
    for (strict, left) in [(false, "10.0.0.0"), (true, "")] {
        let mut cluster = Cluster::started(strict, &[pool("p", &["10.0.0.0/30"])]);
        cluster.apply(service("s"));
        cluster.forget();
        cluster.change("s", |facts| facts.cluster(&[]));
        assert_eq!(
            (&*cluster.status("s"), told(&cluster, "s")),
            (left, String::new())
        );
        assert_eq!(cluster.outcome("s").reason, Some(Reason::NotEnoughClusterIPs));
    }
}

#[test]
fn a_status_whose_family_cannot_be_told_is_replaced_with_a_warning() {
    let malformed = || Ingress::Malformed("10.0.0.300".into());
    for strict in BOTH {
        for ingress in [
            vec![malformed()],
            vec![Ingress::Address(ip("10.0.0.1")), malformed()],
            vec![Ingress::Address(ip("10.0.0.1")), Ingress::Address(ip("10.0.0.2"))],
        ] {
            let held = ServiceFacts {
                ingress,
                ..service("s")
            };
            let cluster = Cluster::restarted(strict, &[pool("p", &["10.0.0.0/30"])], vec![held]);
            assert_eq!(cluster.status("s"), "10.0.0.0");
            assert_eq!(told(&cluster, "s"), "Warning nolbIPsIPFamily, Normal IPAllocated");
        }
    }
}

#[test]
fn cluster_ips_whose_family_cannot_be_told_take_nothing_away() {
    for strict in BOTH {
        for ips in [&["None"][..], &["10.96.0.1", "10.96.0.2"]] {
            let mut cluster = Cluster::started(strict, &[pool("p", &["10.0.0.0/30"])]);
            cluster.apply(service("s"));
            cluster.forget();
            cluster.change("s", |facts| facts.cluster(ips));
            assert_eq!(cluster.status("s"), "10.0.0.0");
            assert_eq!(told(&cluster, "s"), "Warning noclusterIPsIPFamily");
            cluster.apply(service("new").cluster(ips));
            assert_eq!(told(&cluster, "new"), "Warning AllocationFailed");
            assert_eq!(cluster.outcome("new").reason, Some(Reason::InvalidClusterIPs));
        }
    }
}

#[test]
fn an_address_of_a_family_that_the_cluster_ips_no_longer_have_is_exchanged() {
    for strict in BOTH {
        let mut cluster = Cluster::started(strict, &[pool("p", &["10.0.0.0/30", "fd00::/126"])]);
        cluster.apply(service("s"));
        cluster.forget();
        cluster.change("s", |facts| facts.cluster(&["3000::1"]));
        assert_eq!(
            (&*cluster.status("s"), &*told(&cluster, "s")),
            ("fd00::", "Normal IPAllocated")
        );
        assert_eq!(cluster.written.len(), 1);
    }
}

#[test]
fn a_service_that_prefers_two_families_keeps_the_one_it_has_and_the_other_comes_behind_it() {
    for strict in BOTH {
        let mut cluster = Cluster::started(strict, &[pool("p", &["10.0.0.0/30", "fd00::/126"])]);
        cluster.apply(service("s").cluster(&["3000::1"]));
        cluster.forget();
        cluster.change("s", |facts| facts.dual(FamilyPolicy::PreferDualStack));
        assert_eq!(
            (&*cluster.status("s"), &*told(&cluster, "s")),
            ("fd00:: 10.0.0.0", "Normal IPAllocated")
        );
        assert_eq!(cluster.events[0].message, "Assigned additional IP \"10.0.0.0\"");
    }
}

#[test]
fn a_second_family_that_is_not_to_be_had_is_told_once_and_costs_nothing() {
    for strict in BOTH {
        let mut cluster = Cluster::started(strict, &[pool("p", &["10.0.0.0/30"])]);
        cluster.apply(service("s"));
        cluster.forget();
        cluster.change("s", |facts| facts.dual(FamilyPolicy::PreferDualStack));
        cluster.change("s", |facts| facts.labelled(&[("tier", "x")]));
        assert_eq!(
            (&*cluster.status("s"), &*told(&cluster, "s")),
            ("10.0.0.0", "Normal AdditionalAssignFailed")
        );
        assert!(cluster.written.is_empty());
    }
}

#[test]
fn no_second_family_is_added_where_the_cluster_ips_have_one() {
    for strict in BOTH {
        let mut cluster = Cluster::started(strict, &[pool("p", &["10.0.0.0/30", "fd00::/126"])]);
        let mut one = service("s");
        one.family_policy = FamilyPolicy::PreferDualStack;
        cluster.apply(one);
        assert_eq!((&*cluster.status("s"), cluster.written.len()), ("10.0.0.0", 1));
    }
}

#[test]
fn a_host_name_of_others_in_the_status_stays() {
    for strict in BOTH {
        let mut cluster = Cluster::started(strict, &[pool("p", &["10.0.0.0/30"])]);
        let named = || Ingress::Hostname("lb.example".into());
        cluster.apply(ServiceFacts {
            ingress: vec![named()],
            ..service("s")
        });
        assert_eq!(cluster.status("s"), "10.0.0.0");
        assert!(cluster.objects[&key("s")].ingress.contains(&named()));
        cluster.change("s", |facts| ServiceFacts {
            is_load_balancer: false,
            ..facts
        });
        assert_eq!(cluster.objects[&key("s")].ingress, [named()]);
    }
}

#[test]
fn a_failed_write_leaves_the_decision_in_force() {
    for strict in BOTH {
        let mut cluster = Cluster::started(strict, &[pool("p", &["10.0.0.0/31"])]);
        cluster.writes = Writes::Held;
        cluster.apply(service("s"));
        let write = cluster.held.pop().expect("a write");
        cluster.answer(&write, ferrolb_ipam::WriteOutcome::Failed);
        cluster.apply(service("t"));
        assert_eq!(cluster.held[0].addresses, [ip("10.0.0.1")]);
        assert_eq!(cluster.outcome("s").state, State::Assigned);
    }
}

#[test]
fn one_status_that_cannot_be_written_keeps_nobody_else_waiting() {
    for strict in BOTH {
        let mut cluster = Cluster::started(strict, &[pool("p", &["10.0.0.0/30"])]);
        cluster.writes = Writes::Held;
        cluster.apply(service("bad"));
        let write = cluster.held.pop().expect("a write");
        cluster.answer(
            &write,
            ferrolb_ipam::WriteOutcome::Refused { message: "no".into() },
        );
        cluster.writes = Writes::Immediate;
        cluster.apply(service("good"));
        assert_eq!(cluster.status("good"), "10.0.0.1");
        let object = cluster.objects[&key("good")].clone();
        cluster.feed(Event::ServiceApplied(Arc::new(object)));
        assert_eq!(cluster.status("good"), "10.0.0.1");
    }
}
