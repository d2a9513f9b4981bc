//! What becomes of addresses in the life of Services, Namespaces and pools (controller 3.4, 6.4, 9).

use ferrolb_api::facts::{FamilyPolicy, ServiceFacts};
use ferrolb_ipam::{Options, State};

use crate::support::*;
use crate::{BOTH, told};

const PREFER: FamilyPolicy = FamilyPolicy::PreferDualStack;
const REQUIRE: FamilyPolicy = FamilyPolicy::RequireDualStack;

#[test]
fn labels_that_no_longer_match_the_pinned_pool_cost_the_address() {
    for strict in BOTH {
        let pools = [
            pinned(pool("a", &["10.0.0.0/30"]), 0, for_labels("app", "x")),
            pool("b", &["10.0.1.0/30"]),
        ];
        let mut cluster = Cluster::started(strict, &pools);
        cluster.apply(service("s").labelled(&[("app", "x")]));
        cluster.forget();
        cluster.change("s", |facts| facts.labelled(&[]));
        assert_eq!(cluster.status("s"), "10.0.1.0");
        assert_eq!(told(&cluster, "s"), "Normal ClearAssignment, Normal IPAllocated");
    }
}

#[test]
fn labels_of_a_namespace_that_no_longer_match_cost_nothing_unless_requests_are_strict() {
    for (strict, left) in [(false, "10.0.0.0"), (true, "10.0.1.0")] {
        let pools = [
            pinned(pool("a", &["10.0.0.0/30"]), 0, for_namespace_labels("tier", "x")),
            pool("b", &["10.0.1.0/30"]),
        ];
        let mut cluster = Cluster::started(strict, &pools);
        cluster.namespace("n", &[("tier", "x")]);
        cluster.apply(service("n/s"));
        assert_eq!(cluster.status("n/s"), "10.0.0.0");
        cluster.namespace("n", &[]);
        assert_eq!(cluster.status("n/s"), left);
    }
}

#[test]
fn labels_of_a_namespace_that_come_to_match_serve_who_waits() {
    for strict in BOTH {
        let pools = [pinned(
            pool("a", &["10.0.0.0/30"]),
            0,
            for_namespace_labels("tier", "x"),
        )];
        let mut cluster = Cluster::started(strict, &pools);
        cluster.apply(service("n/s"));
        assert_eq!(cluster.status("n/s"), "");
        cluster.namespace("n", &[("tier", "x")]);
        assert_eq!(cluster.status("n/s"), "10.0.0.0");
    }
}

#[test]
fn a_pool_that_ceases_to_be_automatic_and_a_better_pool_move_nobody() {
    for strict in BOTH {
        let mut cluster = Cluster::started(strict, &[pool("p", &["10.0.0.0/30"])]);
        cluster.apply(service("s"));
        cluster.forget();
        cluster.pools(&[manual(pool("p", &["10.0.0.0/30"]))]);
        let everyone = ferrolb_api::resolved::ServiceAllocation {
            service_selectors: vec![ferrolb_types::Selector::everything()],
            ..Default::default()
        };
        let better = pinned(pool("better", &["10.0.1.0/30"]), 1, everyone);
        cluster.pools(&[manual(pool("p", &["10.0.0.0/30"])), better]);
        assert_eq!(cluster.status("s"), "10.0.0.0");
        assert!(cluster.written.is_empty() && cluster.events.is_empty());
    }
}

#[test]
fn a_pool_that_is_deleted_while_others_have_room_is_one_write() {
    for strict in BOTH {
        let mut cluster = Cluster::started(
            strict,
            &[pool("a", &["10.0.0.0/30"]), pool("b", &["10.0.1.0/30"])],
        );
        cluster.apply(service("s"));
        cluster.forget();
        cluster.pools(&[pool("b", &["10.0.1.0/30"])]);
        assert_eq!(
            (&*cluster.status("s"), cluster.annotation("s")),
            ("10.0.1.0", Some("b"))
        );
        assert_eq!(told(&cluster, "s"), "Normal ClearAssignment, Normal IPAllocated");
        assert_eq!(cluster.written.len(), 1);
    }
}

#[test]
fn a_pool_that_is_deleted_while_there_is_no_room_empties_the_status() {
    for strict in BOTH {
        let mut cluster = Cluster::started(
            strict,
            &[pool("a", &["10.0.0.0/30"]), manual(pool("b", &["10.0.1.0/30"]))],
        );
        cluster.apply(service("s"));
        cluster.forget();
        cluster.pools(&[manual(pool("b", &["10.0.1.0/30"]))]);
        assert_eq!((&*cluster.status("s"), cluster.annotation("s")), ("", None));
        assert_eq!(
            told(&cluster, "s"),
            "Normal ClearAssignment, Warning AllocationFailed"
        );
        assert_eq!(cluster.outcome("s").state, State::Pending);
    }
}

#[test]
fn a_pool_that_gets_its_second_family_gives_it_to_who_prefers_or_requires_it() {
    for strict in BOTH {
        let mut cluster = Cluster::started(strict, &[pool("p", &["10.0.0.0/30"])]);
        cluster.apply(service("prefers").dual(PREFER));
        cluster.apply(service("requires").dual(REQUIRE));
        assert_eq!(
            (&*cluster.status("prefers"), &*cluster.status("requires")),
            ("10.0.0.0", "")
        );
        cluster.pools(&[pool("p", &["10.0.0.0/30", "fd00::/126"])]);
        assert_eq!(cluster.status("prefers"), "10.0.0.0 fd00::");
        assert_eq!(cluster.status("requires"), "10.0.0.1 fd00::1");
    }
}

#[test]
fn who_comes_to_require_a_second_family_moves_to_a_pool_with_both() {
    for strict in BOTH {
        let pools = [
            pool("a", &["10.0.0.0/30"]),
            manual(pool("b", &["10.0.1.0/30", "fd00::/126"])),
        ];
        let mut cluster = Cluster::started(strict, &pools);
        cluster.apply(service("s").dual(PREFER));
        assert_eq!(cluster.status("s"), "10.0.0.0");
        cluster.pools(&[
            pool("a", &["10.0.0.0/30"]),
            pool("b", &["10.0.1.0/30", "fd00::/126"]),
        ]);
        cluster.change("s", |facts| facts.dual(REQUIRE));
        assert_eq!(cluster.status("s"), "10.0.1.0 fd00::");
    }
}

#[test]
fn of_two_addresses_the_one_that_still_fits_stays() {
    for strict in BOTH {
        let mut cluster = Cluster::started(strict, &[pool("p", &["10.0.0.0/30", "fd00::/126"])]);
        cluster.apply(service("first"));
        cluster.apply(service("s").dual(PREFER));
        cluster.delete("first");
        cluster.forget();
        cluster.change("s", |facts| facts.cluster(&["10.96.0.1"]));
        assert_eq!(cluster.status("s"), "10.0.0.1", "and not the lower free one");

        let mut cluster = Cluster::started(strict, &[pool("p", &["10.0.0.0/30", "fd00::/126"])]);
        cluster.apply(service("s").dual(PREFER));
        cluster.pools(&[pool("p", &["10.0.0.0/30"])]);
        assert_eq!(cluster.status("s"), "10.0.0.0");
    }
}

#[test]
fn a_pool_that_is_split_by_family_leaves_a_dual_stack_service_the_first_of_its_addresses() {
    for strict in BOTH {
        let mut cluster = Cluster::started(strict, &[pool("p", &["10.0.0.0/30", "fd00::/126"])]);
        cluster.apply(service("s").dual(PREFER));
        cluster.pools(&[pool("four", &["10.0.0.0/30"]), pool("six", &["fd00::/126"])]);
        assert_eq!(
            (&*cluster.status("s"), cluster.annotation("s")),
            ("10.0.0.0", Some("four"))
        );
    }
}

#[test]
fn pools_that_are_merged_keep_both_addresses_of_a_service() {
    for strict in BOTH {
        let mut cluster = Cluster::started(strict, &[pool("p", &["10.0.0.0/30", "fd00::/126"])]);
        cluster.apply(service("s").dual(REQUIRE));
        cluster.pools(&[pool("all", &["fd00::/64", "10.0.0.0/24"])]);
        assert_eq!(
            (&*cluster.status("s"), cluster.annotation("s")),
            ("10.0.0.0 fd00::", Some("all"))
        );
    }
}

#[test]
fn a_status_that_is_emptied_is_put_back_as_it_was() {
    for strict in BOTH {
        let mut cluster = Cluster::started(strict, &[pool("p", &["10.0.0.0/30"])]);
        cluster.apply(service("first"));
        cluster.apply(service("s"));
        cluster.delete("first");
        cluster.change("s", |facts| facts.status(&[]));
        assert_eq!(cluster.status("s"), "10.0.0.1", "and not the lower free one");
    }
}

#[test]
fn a_free_address_of_a_pool_that_somebody_writes_into_the_status_is_adopted() {
    for strict in BOTH {
        let mut cluster = Cluster::started(
            strict,
            &[pool("p", &["10.0.0.0/30"]), manual(pool("q", &["10.0.1.0/30"]))],
        );
        cluster.apply(service("s"));
        cluster.change("s", |facts| facts.status(&["10.0.1.2"]));
        assert_eq!(
            (&*cluster.status("s"), cluster.annotation("s")),
            ("10.0.1.2", Some("q"))
        );
        cluster.change("s", |facts| facts.status(&["192.0.2.1"]));
        assert_eq!(cluster.status("s"), "10.0.1.2", "one of no pool is not");
    }
}

#[test]
fn at_a_restart_nobody_takes_what_a_later_one_holds() {
    for strict in BOTH {
        let services = vec![
            service("a")
                .status(&["192.0.2.1"])
                .created("2026-01-01T00:00:00Z"),
            service("b")
                .dual(PREFER)
                .status(&["10.0.0.2"])
                .created("2026-01-02T00:00:00Z"),
            service("c").status(&["10.0.0.0"]).created("2026-01-03T00:00:00Z"),
            service("d")
                .cluster(&["3000::1"])
                .status(&["fd00::"])
                .created("2026-01-04T00:00:00Z"),
        ];
        let cluster = Cluster::restarted(strict, &[pool("p", &["10.0.0.0/30", "fd00::/126"])], services);
        assert_eq!(cluster.status("c"), "10.0.0.0");
        assert_eq!(cluster.status("d"), "fd00::");
        assert_eq!(cluster.status("a"), "10.0.0.1");
        assert_eq!(cluster.status("b"), "10.0.0.2 fd00::1");
    }
}

#[test]
fn of_two_that_a_status_gives_one_address_the_older_keeps_it_after_a_restart() {
    for strict in BOTH {
        let services = vec![
            service("a").status(&["10.0.0.0"]).created("2026-01-02T00:00:00Z"),
            service("b").status(&["10.0.0.0"]).created("2026-01-01T00:00:00Z"),
        ];
        let cluster = Cluster::restarted(strict, &[pool("p", &["10.0.0.0/30"])], services);
        assert_eq!(
            (&*cluster.status("a"), &*cluster.status("b")),
            ("10.0.0.1", "10.0.0.0")
        );
    }
}

fn of_class(class: &str) -> Cluster {
    let options = Options {
        class: class.into(),
        ..Options::default()
    };
    let mut cluster = Cluster::with(options);
    cluster.pools(&[pool("p", &["10.0.0.0/32"])]);
    cluster.feed(ferrolb_ipam::Event::Synced);
    cluster
}

#[test]
fn the_class_decides_who_is_served() {
    let classed = |name, class: Option<&str>| ServiceFacts {
        class: class.map(Into::into),
        ..service(name)
    };
    for (own, class, served) in [
        ("", None, true),
        ("", Some("example.com/lb"), false),
        ("example.com/lb", None, false),
        ("example.com/lb", Some("example.com/lb"), true),
        ("example.com/lb", Some("other"), false),
    ] {
        let mut cluster = of_class(own);
        cluster.apply(classed("s", class));
        assert_eq!(!cluster.status("s").is_empty(), served, "{own:?} {class:?}");
        assert_eq!(cluster.events.is_empty(), !served);
    }
}

#[test]
fn with_a_class_of_its_own_a_change_of_the_type_leaves_nothing_behind() {
    let mut cluster = of_class("example.com/lb");
    let classed = |name| ServiceFacts {
        class: Some("example.com/lb".into()),
        ..service(name)
    };
    cluster.apply(classed("s"));
    cluster.apply(classed("waits"));
    // The API server takes class and status away together with the type.
    cluster.change("s", |facts| ServiceFacts {
        is_load_balancer: false,
        class: None,
        ingress: Vec::new(),
        ..facts
    });
    assert_eq!(cluster.annotation("s"), None);
    assert_eq!(cluster.status("waits"), "10.0.0.0");
}

#[test]
fn a_type_change_that_leaves_nothing_to_clear_serves_who_waits() {
    for strict in BOTH {
        let mut cluster = Cluster::started(strict, &[pool("p", &["10.0.0.0/32"])]);
        cluster.apply(service("s"));
        cluster.apply(service("waits"));
        cluster.forget();
        cluster.change("s", |facts| ServiceFacts {
            is_load_balancer: false,
            ingress: Vec::new(),
            pool_annotation: None,
            ..facts
        });
        assert_eq!(cluster.status("waits"), "10.0.0.0");
        assert!(cluster.written.iter().all(|write| write.key == key("waits")));
    }
}
