//! Sharing (controller 7); the vectors show the rest.

use ferrolb_api::facts::{FamilyPolicy, ServiceFacts};

use crate::BOTH;
use crate::support::*;

/// Whether both get the one address that there is.
fn share(strict: bool, first: ServiceFacts, second: ServiceFacts) -> bool {
    let mut cluster = Cluster::started(strict, &[pool("p", &["10.0.0.0/32"])]);
    let name = second.key.to_string();
    cluster.apply(first);
    cluster.apply(second);
    !cluster.status(&name).is_empty()
}

fn sharer(name: &str, key: &str, port: u16) -> ServiceFacts {
    service(name).sharing(key).ports(&[tcp(port)])
}

#[test]
fn local_traffic_without_a_selector_is_like_cluster_wide_traffic() {
    for strict in BOTH {
        assert!(share(
            strict,
            sharer("a", "k", 80).local(""),
            sharer("b", "k", 443)
        ));
        assert!(share(
            strict,
            sharer("a", "k", 80).local("app=x"),
            sharer("b", "k", 443).local("app=x")
        ));
        assert!(!share(
            strict,
            sharer("a", "k", 80).local("app=x"),
            sharer("b", "k", 443)
        ));
    }
}

#[test]
fn equal_selectors_of_two_namespaces_are_not_the_same_pods() {
    for strict in BOTH {
        assert!(!share(
            strict,
            sharer("n/a", "k", 80).local("app=x"),
            sharer("m/b", "k", 443).local("app=x")
        ));
        assert!(
            share(strict, sharer("n/a", "k", 80), sharer("m/b", "k", 443)),
            "the key is global"
        );
    }
}

#[test]
fn sharing_key_and_backends_are_compared_each_for_itself() {
    for strict in BOTH {
        let first = sharer("a", "c=dk", 80).local("a=b");
        let second = sharer("b", "k", 443).local("a=bc=d");
        assert!(!share(strict, first, second));
    }
}

#[test]
fn ports_are_told_apart_by_protocol() {
    for strict in BOTH {
        let dns = |name, port| service(name).sharing("k").ports(&[port]);
        assert!(share(strict, dns("a", tcp(53)), dns("b", udp(53))));
        assert!(!share(strict, dns("a", udp(53)), dns("b", udp(53))));
    }
}

#[test]
fn each_family_is_shared_for_itself() {
    for strict in BOTH {
        let mut cluster = Cluster::started(strict, &[pool("p", &["10.0.0.0/32", "fd00::/127"])]);
        cluster.apply(service("six").cluster(&["3000::1"]));
        cluster.apply(sharer("a", "k", 80).dual(FamilyPolicy::RequireDualStack));
        assert_eq!(cluster.status("a"), "10.0.0.0 fd00::1");
        cluster.delete("six");
        cluster.apply(sharer("b", "k", 443).dual(FamilyPolicy::RequireDualStack));
        assert_eq!(cluster.status("b"), "10.0.0.0 fd00::");
    }
}

#[test]
fn a_lower_free_address_comes_before_a_higher_shared_one() {
    for strict in BOTH {
        let mut cluster = Cluster::started(strict, &[pool("p", &["10.0.0.0/31"])]);
        cluster.apply(service("low"));
        cluster.apply(sharer("a", "k", 80));
        cluster.delete("low");
        cluster.apply(sharer("b", "k", 443));
        assert_eq!(
            (&*cluster.status("a"), &*cluster.status("b")),
            ("10.0.0.1", "10.0.0.0")
        );
    }
}

#[test]
fn a_port_that_conflicts_later_costs_the_address() {
    for strict in BOTH {
        let mut cluster = Cluster::started(strict, &[pool("p", &["10.0.0.0/31"])]);
        cluster.apply(sharer("a", "k", 80));
        cluster.apply(sharer("b", "k", 443));
        cluster.forget();
        cluster.change("b", |facts| facts.ports(&[tcp(80)]));
        assert_eq!(
            (&*cluster.status("a"), &*cluster.status("b")),
            ("10.0.0.0", "10.0.0.1")
        );
        assert_eq!(
            cluster.events_of("b"),
            ["Normal ClearAssignment", "Normal IPAllocated"]
        );
    }
}

#[test]
fn a_port_that_a_holder_frees_serves_who_waits_for_it() {
    for strict in BOTH {
        let mut cluster = Cluster::started(strict, &[pool("p", &["10.0.0.0/32"])]);
        cluster.apply(sharer("a", "k", 80));
        cluster.apply(sharer("b", "k", 80));
        assert_eq!(cluster.status("b"), "");
        cluster.change("a", |facts| facts.ports(&[tcp(81)]));
        assert_eq!(cluster.status("b"), "10.0.0.0");
    }
}
