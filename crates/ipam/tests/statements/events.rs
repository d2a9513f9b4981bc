//! Events (controller 4.4): on transitions only, in the words of the reference.

use ferrolb_ipam::EventSeverity;

use crate::support::*;
use crate::{BOTH, told};

/// Severity, reason and message of the only event.
fn only(cluster: &Cluster) -> (EventSeverity, &str, &str) {
    let [event] = &cluster.events[..] else {
        panic!("{:?}", cluster.events)
    };
    (event.severity, &event.reason, &event.message)
}

#[test]
fn an_address_that_is_given_is_told_in_quotes() {
    use ferrolb_api::facts::FamilyPolicy::RequireDualStack;
    for strict in BOTH {
        let mut cluster = Cluster::started(strict, &[pool("p", &["10.0.0.0/30", "fd00::/126"])]);
        cluster.apply(service("s").dual(RequireDualStack));
        let expected = "Assigned IP [\"10.0.0.0\" \"fd00::\"]";
        assert_eq!(only(&cluster), (EventSeverity::Normal, "IPAllocated", expected));
    }
}

#[test]
fn a_refusal_names_the_service_and_the_cause() {
    for strict in BOTH {
        let mut cluster = Cluster::started(strict, &[pool("p", &["10.0.0.0/32"])]);
        cluster.apply(service("holder"));
        cluster.forget();
        cluster.apply(service("s").asking("10.0.0.0"));
        let expected =
            "Failed to allocate IP for \"default/s\": `10.0.0.0` is held by Service `default/holder`";
        assert_eq!(
            only(&cluster),
            (EventSeverity::Warning, "AllocationFailed", expected)
        );
    }
}

#[test]
fn who_is_in_the_way_of_sharing_is_named_with_the_port() {
    for strict in BOTH {
        let mut cluster = Cluster::started(strict, &[pool("p", &["10.0.0.0/32"])]);
        cluster.apply(service("holder").sharing("k").ports(&[udp(53)]));
        cluster.forget();
        cluster.apply(service("s").sharing("k").ports(&[udp(53)]).asking("10.0.0.0"));
        assert!(
            only(&cluster)
                .2
                .ends_with("port UDP/53 of `10.0.0.0` is taken by Service `default/holder`")
        );
    }
}

#[test]
fn deprecated_annotations_are_told_each_once_and_only_with_a_write() {
    for strict in BOTH {
        let deprecated = |names: &[&str]| {
            let mut facts = service("s");
            facts.deprecated_annotations = names.iter().map(|name| (*name).into()).collect();
            facts
        };
        let names = [
            "metallb.universe.tf/address-pool",
            "metallb.universe.tf/allow-shared-ip",
        ];
        let mut cluster = Cluster::started(strict, &[pool("p", &["10.0.0.0/30"])]);
        cluster.apply(deprecated(&names));
        assert_eq!(
            told(&cluster, "s"),
            "Normal IPAllocated, Warning deprecatedAnnotation, Warning deprecatedAnnotation"
        );
        for (event, name) in cluster.events[1..].iter().zip(names) {
            assert!(event.message.contains(name), "{}", event.message);
        }
        cluster.forget();
        cluster.pools(&[pool("q", &["10.0.0.0/30"])]);
        assert_eq!(cluster.written.len(), 1, "the annotation of the pool");
        assert!(cluster.events.is_empty());

        let held = deprecated(&names).status(&["10.0.0.0"]).with_pool("p");
        let cluster = Cluster::restarted(strict, &[pool("p", &["10.0.0.0/30"])], vec![held]);
        assert!(cluster.events.is_empty(), "nothing is written");
    }
}

#[test]
fn a_refusal_is_told_again_when_its_cause_is_another_or_it_comes_back() {
    for strict in BOTH {
        let mut cluster = Cluster::started(strict, &[pool("p", &["10.0.0.0/32"])]);
        cluster.apply(service("holder"));
        cluster.forget();
        cluster.apply(service("s"));
        for _ in 0..3 {
            cluster.change("s", |facts| facts.labelled(&[("tier", "x")]));
            cluster.change("s", |facts| facts.labelled(&[]));
        }
        assert_eq!(told(&cluster, "s"), "Warning AllocationFailed");
        cluster.forget();
        cluster.change("s", |facts| facts.in_pool("none"));
        assert_eq!(told(&cluster, "s"), "Warning AllocationFailed");
        cluster.forget();
        cluster.change("s", |facts| facts.in_pool(""));
        assert_eq!(told(&cluster, "s"), "Warning AllocationFailed");
    }
}

#[test]
fn without_any_pool_who_waits_is_told_so_and_who_loses_its_address_with_the_last_one_too() {
    for strict in BOTH {
        let mut cluster = Cluster::started(strict, &[]);
        cluster.apply(service("s"));
        assert!(only(&cluster).2.ends_with("there is no IPAddressPool"));
        cluster.pools(&[pool("p", &["10.0.0.0/32"])]);
        cluster.forget();
        cluster.pools(&[]);
        assert_eq!(
            (&*cluster.status("s"), &*told(&cluster, "s")),
            ("", "Warning AllocationFailed")
        );
    }
}
