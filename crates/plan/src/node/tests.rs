use std::sync::Arc;

use ferrolb_api::annotations::EXCLUDE_FROM_LOAD_BALANCERS;
use ferrolb_api::facts::{Ingress, NodeFacts, ServiceFacts};
use ferrolb_api::resolved::{Config, L2Advertisement, NodePreference};
use ferrolb_types::Selector;
use ferrolb_types::selector::Requirement;

use super::*;
use crate::event::Members;
use crate::fixture::{self, advertisement, pool, service, slice};
use crate::silence::Bar;

/// Three nodes, one pool, an advertisement without restrictions, complete facts. `n2` owns 192.0.2.1, 192.0.2.3 and
/// 2001:db8::1; `n1` owns 192.0.2.2 and is second for 192.0.2.1; `n3` owns 192.0.2.4 and 2001:db8::2.
struct World {
    planner: NodePlanner,
    config: Config,
}

impl World {
    fn new(me: &str) -> Self {
        let mut world = Self::unsynced(me);
        assert_eq!(world.feed(Input::Synced), []);
        world
    }

    fn unsynced(me: &str) -> Self {
        let mut world = Self {
            planner: NodePlanner::new(Options {
                node: me.into(),
                class: "".into(),
                ignore_exclude_lb: false,
            }),
            config: fixture::config(
                [pool("a", &["192.0.2.0/24", "2001:db8::/64"])],
                [advertisement("ad")],
            ),
        };
        for name in ["n1", "n2", "n3"] {
            world.feed(Input::NodeApplied(fixture::node(name)));
        }
        world.feed_config();
        world
    }

    /// First uses have tests of their own, so they look like others here.
    fn feed(&mut self, input: Input) -> Vec<Output> {
        let mut out = self.feed_raw(input);
        for output in &mut out {
            if let Output::Announce { is_first_use, .. } = output {
                *is_first_use = false;
            }
        }
        out
    }

    fn feed_raw(&mut self, input: Input) -> Vec<Output> {
        let mut out = Vec::new();
        self.planner.handle(input, &mut out);
        out
    }

    /// The addresses that `input` announces, with whether it is their first use.
    fn uses(&mut self, input: Input) -> Vec<(String, bool)> {
        let announced = |output: Output| match output {
            Output::Announce { ip, is_first_use, .. } => Some((ip.to_string(), is_first_use)),
            _ => None,
        };
        self.feed_raw(input).into_iter().filter_map(announced).collect()
    }

    fn feed_config(&mut self) -> Vec<Output> {
        let config = Arc::new(self.config.clone());
        self.feed(Input::ConfigResolved(config))
    }

    fn advertisement(&mut self, change: impl FnOnce(&mut L2Advertisement)) -> Vec<Output> {
        let ad = self.config.l2_advertisements.get_mut("ad").unwrap();
        change(Arc::make_mut(ad));
        self.feed_config()
    }

    fn apply(&mut self, facts: ServiceFacts) -> Vec<Output> {
        self.feed(Input::ServiceApplied(Arc::new(facts)))
    }

    /// A Service with one endpoint on `n1`.
    fn serve(&mut self, facts: ServiceFacts) -> Vec<Output> {
        let slice = slice(&facts.key.to_string(), &["n1"]);
        assert_eq!(self.feed(Input::SliceApplied(slice)), []);
        self.apply(facts)
    }

    fn reason(&self, key: &str) -> &'static str {
        self.silence(key).reason.word()
    }

    fn silence(&self, key: &str) -> Silence {
        match self.planner.verdict(&ObjectKey::from_text(key)) {
            Some(Verdict::Silent(silence)) => silence,
            other => panic!("{key}: {other:?}"),
        }
    }
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn announce(address: &str) -> Output {
    Output::Announce {
        ip: ip(address),
        interfaces: Interfaces::All,
        is_first_use: false,
    }
}

fn withdraw(address: &str) -> Output {
    Output::Withdraw { ip: ip(address) }
}

fn on(names: &[&str]) -> Interfaces {
    Interfaces::Named(names.iter().map(|n| (*n).into()).collect())
}

/// Without the reports: what the wire sees.
fn wire(outputs: Vec<Output>) -> Vec<Output> {
    let on_wire = |o: &Output| matches!(o, Output::Announce { .. } | Output::Withdraw { .. });
    outputs.into_iter().filter(on_wire).collect()
}

/// The reports in short: `+key`, `~key`, `-key reason`.
fn reports(outputs: &[Output]) -> Vec<String> {
    let short = |output: &Output| match output {
        Output::ReportAnnounced { service, .. } => Some(format!("+{service}")),
        Output::ReportInterfaces { service, .. } => Some(format!("~{service}")),
        Output::ReportWithdrawn { service, silence, .. } => Some(format!("-{service} {}", silence.reason)),
        Output::Announce { .. } | Output::Withdraw { .. } => None,
    };
    outputs.iter().filter_map(short).collect()
}

fn named(key: &str, value: &str) -> Selector {
    Selector::new(vec![Requirement::equals(key, value)]).unwrap()
}

#[test]
fn announces_only_on_the_elected_node() {
    for (me, expected) in [("n1", false), ("n2", true), ("n3", false)] {
        let mut world = World::new(me);
        let out = world.serve(service("default/web", &["192.0.2.1"]));
        assert_eq!(!out.is_empty(), expected, "{me}");
    }
}

#[test]
fn an_announcement_tells_the_wire_and_reports_once() {
    let mut world = World::new("n2");
    let facts = service("default/web", &["192.0.2.1", "2001:db8::1"]);
    let out = world.serve(facts.clone());
    let expected = [
        announce("192.0.2.1"),
        announce("2001:db8::1"),
        Output::ReportAnnounced {
            service: facts.key.clone(),
            uid: facts.uid.clone(),
            protocol: Protocol::Layer2,
            addresses: vec![ip("192.0.2.1"), ip("2001:db8::1")],
            interfaces: Interfaces::All,
        },
    ];
    assert_eq!(out, expected);
    assert_eq!(world.apply(facts), [], "the same again is silent");
}

#[test]
fn nothing_is_announced_before_facts_are_complete_or_without_configuration() {
    let mut world = World::unsynced("n2");
    assert_eq!(world.serve(service("default/web", &["192.0.2.1"])), []);
    assert_eq!(wire(world.feed(Input::Synced)), [announce("192.0.2.1")]);
    assert_eq!(world.feed(Input::Synced), [], "a second time changes nothing");

    let mut bare = World::unsynced("n2");
    bare.planner = NodePlanner::new(bare.planner.options().clone());
    bare.feed(Input::NodeApplied(fixture::node("n2")));
    assert_eq!(bare.feed(Input::Synced), []);
    assert_eq!(bare.serve(service("default/web", &["192.0.2.1"])), []);
    assert_eq!(wire(bare.feed_config()), [announce("192.0.2.1")]);
}

#[test]
fn withdraws_with_the_reason_that_comes_first() {
    type Change = fn(&mut ServiceFacts);
    let cases: [(Change, &str); 7] = [
        (|s| s.is_load_balancer = false, "notLoadBalancer"),
        (|s| s.class = Some("other".into()), "otherClass"),
        (|s| s.ingress.clear(), "noIPAllocated"),
        (
            |s| s.ingress.push(Ingress::Hostname("x.example".into())),
            "invalidIP",
        ),
        (|s| s.ingress.push(Ingress::Malformed("x".into())), "invalidIP"),
        (|s| s.ingress = fixture::ingress(&["203.0.113.1"]), "ipNotAllowed"),
        (
            |s| s.ingress = fixture::ingress(&["192.0.2.4"]),
            "loadBalancerIPChanged",
        ),
    ];
    for (change, reason) in cases {
        let mut world = World::new("n2");
        let mut facts = service("default/web", &["192.0.2.1"]);
        world.serve(facts.clone());
        change(&mut facts);
        let out = world.apply(facts);
        assert_eq!(reports(&out), [format!("-default/web {reason}")]);
        assert_eq!(wire(out), [withdraw("192.0.2.1")], "{reason}");
    }
}

#[test]
fn withdraws_when_the_service_is_deleted() {
    let mut world = World::new("n2");
    let facts = service("default/web", &["192.0.2.1"]);
    world.serve(facts.clone());
    let out = world.feed(Input::ServiceDeleted(facts.key.clone()));
    assert_eq!(reports(&out), ["-default/web serviceDeleted"]);
    assert_eq!(wire(out), [withdraw("192.0.2.1")]);
    assert_eq!(world.feed(Input::ServiceDeleted(facts.key)), []);
}

#[test]
fn a_service_of_another_class_than_ours_is_not_ours() {
    let classed = |class: Option<&str>| ServiceFacts {
        class: class.map(Into::into),
        ..service("default/web", &["192.0.2.1"])
    };
    let mut world = World::new("n2");
    assert_eq!(world.serve(classed(Some("theirs"))), []);
    let mut ours = World::unsynced("n2");
    ours.planner = NodePlanner::new(Options {
        class: "ours".into(),
        ..ours.planner.options().clone()
    });
    ours.feed(Input::NodeApplied(fixture::node("n2")));
    ours.feed_config();
    ours.feed(Input::Synced);
    assert_eq!(ours.serve(classed(None)), []);
    assert_eq!(wire(ours.apply(classed(Some("ours")))), [announce("192.0.2.1")]);
}

/// The API server clears the class with the type, so that a filter by class alone would never see it (layer2 2.3, **Defect**).
#[test]
fn withdraws_when_a_service_of_our_class_loses_type_and_class() {
    let mut world = World::unsynced("n2");
    world.planner = NodePlanner::new(Options {
        class: "ours".into(),
        ..world.planner.options().clone()
    });
    world.feed(Input::NodeApplied(fixture::node("n2")));
    world.feed_config();
    world.feed(Input::Synced);
    let ours = ServiceFacts {
        class: Some("ours".into()),
        ..service("default/web", &["192.0.2.1"])
    };
    assert_eq!(wire(world.serve(ours.clone())), [announce("192.0.2.1")]);
    let out = world.apply(ServiceFacts {
        class: None,
        is_load_balancer: false,
        ..ours
    });
    assert_eq!(reports(&out), ["-default/web notLoadBalancer"]);
    assert_eq!(wire(out), [withdraw("192.0.2.1")]);
}

#[test]
fn moves_to_new_addresses_without_touching_those_that_stay() {
    let mut world = World::new("n2");
    world.serve(service("default/web", &["192.0.2.1", "2001:db8::1"]));
    let out = world.apply(service("default/web", &["192.0.2.1", "2001:db8::2"]));
    assert_eq!(
        reports(&out),
        ["-default/web loadBalancerIPChanged", "+default/web"]
    );
    assert_eq!(wire(out), [withdraw("2001:db8::1"), announce("2001:db8::2")]);
}

#[test]
fn a_new_service_of_the_same_name_is_reported_but_the_wire_rests() {
    let mut world = World::new("n2");
    let facts = service("default/web", &["192.0.2.1"]);
    world.serve(facts.clone());
    let out = world.apply(ServiceFacts {
        uid: "another".into(),
        ..facts
    });
    assert_eq!(reports(&out), ["-default/web serviceDeleted", "+default/web"]);
    assert_eq!(wire(out), []);
}

#[test]
fn the_order_of_addresses_elects_but_is_no_change_by_itself() {
    let mut world = World::new("n2");
    world.serve(service("default/web", &["192.0.2.1", "2001:db8::1"]));
    assert_eq!(
        world.apply(service("default/web", &["2001:db8::1", "192.0.2.1"])),
        []
    );
    world.apply(service("default/web", &["192.0.2.1", "2001:db8::2"]));
    // 2001:db8::2 belongs to n3 and takes 192.0.2.1 along.
    let out = world.apply(service("default/web", &["2001:db8::2", "192.0.2.1"]));
    assert_eq!(reports(&out), ["-default/web notOwner"]);
    assert_eq!(world.silence("default/web").owner, Some("n3".into()));
}

#[test]
fn all_addresses_must_be_in_one_pool() {
    let mut world = World::new("n2");
    world.config = fixture::config(
        [pool("a", &["192.0.2.0/24"]), pool("b", &["2001:db8::/64"])],
        [advertisement("ad")],
    );
    world.feed_config();
    assert_eq!(
        world.serve(service("default/web", &["192.0.2.1", "2001:db8::1"])),
        []
    );
    assert_eq!(world.reason("default/web"), "ipNotAllowed");
}

#[test]
fn withdraws_when_the_last_endpoint_cannot_serve() {
    let mut world = World::new("n2");
    world.serve(service("default/web", &["192.0.2.1"]));
    let out = world.feed(Input::SliceApplied(slice("default/web", &[])));
    assert_eq!(reports(&out), ["-default/web notOwner"]);
    assert_eq!(world.silence("default/web").reason, Reason::NoServingEndpoint);
    assert_eq!(
        wire(world.feed(Input::SliceApplied(slice("default/web", &["n3"])))),
        [announce("192.0.2.1")]
    );
    let out = world.feed(Input::SliceDeleted(ObjectKey::from_text("default/web-slice")));
    assert_eq!(reports(&out), ["-default/web noEndpoints"]);
}

#[test]
fn endpoints_that_come_and_go_elsewhere_change_nothing_with_policy_cluster() {
    let mut world = World::new("n2");
    world.serve(service("default/web", &["192.0.2.1"]));
    for nodes in [&["n1", "n3"][..], &["n2"], &["elsewhere"]] {
        assert_eq!(world.feed(Input::SliceApplied(slice("default/web", nodes))), []);
    }
    assert_eq!(
        world.feed(Input::SliceApplied(slice("default/unknown", &["n2"]))),
        []
    );
}

#[test]
fn with_policy_local_the_address_follows_the_endpoints() {
    let mut world = World::new("n1");
    let facts = ServiceFacts {
        local_traffic_only: true,
        ..service("default/web", &["192.0.2.1"])
    };
    assert_eq!(wire(world.serve(facts)), [announce("192.0.2.1")]);
    let out = world.feed(Input::SliceApplied(slice("default/web", &["n3"])));
    assert_eq!(reports(&out), ["-default/web notOwner"]);
    let silence = world.silence("default/web");
    assert_eq!(
        (silence.owner, silence.bar),
        (Some("n3".into()), Some(Bar::NoLocalEndpoint))
    );
    let out = world.feed(Input::SliceApplied(slice("default/web", &["n1", "n3"])));
    assert_eq!(
        !out.is_empty(),
        fixture::winner("192.0.2.1", &["n1", "n3"]) == "n1".into()
    );
}

#[test]
fn slices_of_one_service_add_up() {
    let mut world = World::new("n2");
    world.serve(service("default/web", &["192.0.2.1"]));
    let mut second = slice("default/web", &["n3"]);
    second.key = ObjectKey::from_text("default/web-second");
    assert_eq!(world.feed(Input::SliceApplied(second.clone())), []);
    assert_eq!(
        world.feed(Input::SliceDeleted(ObjectKey::from_text("default/web-slice"))),
        []
    );
    second.service = Some(ObjectKey::from_text("default/other"));
    let out = world.feed(Input::SliceApplied(second));
    assert_eq!(
        reports(&out),
        ["-default/web noEndpoints"],
        "the slice went to another Service"
    );
}

#[test]
fn services_that_share_an_address_share_its_interfaces() {
    let mut world = World::new("n2");
    let labelled = |key: &str, app: &str| ServiceFacts {
        labels: [("app", app)].into_iter().collect(),
        ..service(key, &["192.0.2.1"])
    };
    let on_eth0 = L2Advertisement {
        interfaces: on(&["eth0"]),
        service_selectors: vec![named("app", "a")],
        ..advertisement("a")
    };
    let on_eth1 = L2Advertisement {
        interfaces: on(&["eth1"]),
        service_selectors: vec![named("app", "b")],
        ..advertisement("b")
    };
    world.config = fixture::config([pool("a", &["192.0.2.0/24"])], [on_eth0, on_eth1]);
    world.feed_config();
    let rule = |interfaces| Output::Announce {
        ip: ip("192.0.2.1"),
        interfaces,
        is_first_use: false,
    };
    assert_eq!(
        wire(world.serve(labelled("default/a", "a"))),
        [rule(on(&["eth0"]))]
    );
    assert_eq!(
        wire(world.serve(labelled("default/b", "b"))),
        [rule(on(&["eth0", "eth1"]))]
    );
    let gone = |key: &str| Input::ServiceDeleted(ObjectKey::from_text(key));
    assert_eq!(wire(world.feed(gone("default/a"))), [rule(on(&["eth1"]))]);
    assert_eq!(wire(world.feed(gone("default/b"))), [withdraw("192.0.2.1")]);
}

#[test]
fn a_shared_address_stays_while_one_service_needs_it() {
    let mut world = World::new("n2");
    world.serve(service("default/a", &["192.0.2.1"]));
    assert_eq!(wire(world.serve(service("default/b", &["192.0.2.1"]))), []);
    let out = world.feed(Input::SliceApplied(slice("default/a", &[])));
    assert_eq!(reports(&out), ["-default/a notOwner"]);
    assert_eq!(wire(out), []);
}

#[test]
fn interfaces_of_all_advertisements_that_cover_this_node_add_up() {
    let mut world = World::new("n2");
    world.serve(service("default/web", &["192.0.2.1"]));
    let out = world.advertisement(|ad| ad.interfaces = on(&["eth0"]));
    assert_eq!(reports(&out), ["~default/web"]);
    assert_eq!(
        wire(out),
        [Output::Announce {
            ip: ip("192.0.2.1"),
            interfaces: on(&["eth0"]),
            is_first_use: false,
        }]
    );
    let elsewhere = L2Advertisement {
        node_selectors: vec![named("name", "n1")],
        ..advertisement("elsewhere")
    };
    world
        .config
        .l2_advertisements
        .insert("elsewhere".into(), elsewhere.into());
    assert_eq!(
        world.feed_config(),
        [],
        "an advertisement of another node adds no interface here"
    );
    let everywhere = advertisement("everywhere");
    world
        .config
        .l2_advertisements
        .insert("everywhere".into(), everywhere.into());
    assert_eq!(wire(world.feed_config()), [announce("192.0.2.1")]);
}

#[test]
fn node_selectors_restrict_the_election() {
    let mut world = World::new("n2");
    world.serve(service("default/web", &["192.0.2.1"]));
    let out = world.advertisement(|ad| ad.node_selectors = vec![named("name", "n1"), named("name", "n3")]);
    assert_eq!(reports(&out), ["-default/web noMatchingAdvertisement"]);
    let relabelled = NodeFacts {
        labels: [("name", "n1")].into_iter().collect(),
        ..fixture::node("n2")
    };
    assert_eq!(
        wire(world.feed(Input::NodeApplied(relabelled))),
        [announce("192.0.2.1")]
    );
}

#[test]
fn preferred_nodes_come_first_and_reclaim() {
    let mut world = World::new("n2");
    world.serve(service("default/web", &["192.0.2.1"]));
    let out = world.advertisement(|ad| {
        ad.preferred_nodes = vec![NodePreference {
            weight: 1,
            preference: named("name", "n3"),
        }];
    });
    assert_eq!(reports(&out), ["-default/web notOwner"]);
    assert_eq!(
        wire(world.feed(Input::NodeDeleted("n3".into()))),
        [announce("192.0.2.1")]
    );
    assert_eq!(
        wire(world.feed(Input::NodeApplied(fixture::node("n3")))),
        [withdraw("192.0.2.1")]
    );
}

#[test]
fn weights_of_several_advertisements_are_summed() {
    let mut world = World::new("n1");
    let prefer = |name: &str, node: &str, weight| L2Advertisement {
        preferred_nodes: vec![NodePreference {
            weight,
            preference: named("name", node),
        }],
        ..advertisement(name)
    };
    world.config = fixture::config(
        [pool("a", &["192.0.2.0/24"])],
        [
            prefer("x", "n1", 60),
            prefer("y", "n1", 60),
            prefer("z", "n3", 100),
        ],
    );
    world.feed_config();
    assert_eq!(
        wire(world.serve(service("default/web", &["192.0.2.1"]))),
        [announce("192.0.2.1")]
    );
}

#[test]
fn sharing_with_service_selectors_is_refused_even_when_they_cover_other_nodes_only() {
    let mut world = World::new("n2");
    let mut facts = service("default/web", &["192.0.2.1"]);
    facts.request.has_sharing_annotation = true;
    facts.labels = [("app", "web")].into_iter().collect();
    assert_eq!(
        wire(world.serve(facts)),
        [announce("192.0.2.1")],
        "no selector, no harm"
    );
    let selective = |value| L2Advertisement {
        node_selectors: vec![named("name", "n1")],
        service_selectors: vec![named("app", value)],
        ..advertisement("selective")
    };
    let mut install = |ad: L2Advertisement| {
        world
            .config
            .l2_advertisements
            .insert("selective".into(), ad.into());
        world.feed_config()
    };
    assert_eq!(
        install(selective("other")),
        [],
        "a selector that does not match does not count"
    );
    let out = install(selective("web"));
    assert_eq!(reports(&out), ["-default/web sharedIPWithServiceSelector"]);
}

#[test]
fn an_advertisement_for_other_services_does_not_count() {
    let mut world = World::new("n2");
    world.serve(service("default/web", &["192.0.2.1"]));
    let out = world.advertisement(|ad| ad.service_selectors = vec![named("app", "other")]);
    assert_eq!(reports(&out), ["-default/web noMatchingAdvertisement"]);
}

#[test]
fn barred_nodes_lose_and_tell_why() {
    let excluded = NodeFacts {
        labels: [(EXCLUDE_FROM_LOAD_BALANCERS, ""), ("name", "n2")]
            .into_iter()
            .collect(),
        ..fixture::node("n2")
    };
    let cut_off = NodeFacts {
        network_unavailable: true,
        ..fixture::node("n2")
    };
    for (facts, bar) in [(excluded, Bar::Excluded), (cut_off, Bar::NetworkUnavailable)] {
        let mut world = World::new("n2");
        world.serve(service("default/web", &["192.0.2.1"]));
        let out = world.feed(Input::NodeApplied(facts));
        assert_eq!(reports(&out), ["-default/web notOwner"]);
        let silence = world.silence("default/web");
        assert_eq!(silence.bar, Some(bar));
        assert_eq!(silence.owner, Some(fixture::winner("192.0.2.1", &["n1", "n3"])));
        assert_eq!(
            wire(world.feed(Input::NodeApplied(fixture::node("n2")))),
            [announce("192.0.2.1")]
        );
    }
}

#[test]
fn only_members_of_the_ring_are_elected() {
    let ring =
        |names: &[&str]| Input::MembersChanged(Members::ring(names.iter().map(|n| NodeName::from(*n))));
    let mut world = World::new("n1");
    world.serve(service("default/web", &["192.0.2.1"]));
    assert_eq!(wire(world.feed(ring(&["n1"]))), [announce("192.0.2.1")]);
    assert_eq!(wire(world.feed(ring(&["n1", "n2"]))), [withdraw("192.0.2.1")]);
    assert_eq!(wire(world.feed(ring(&["n1"]))), [announce("192.0.2.1")]);
    let out = world.feed(ring(&[]));
    assert_eq!(reports(&out), ["-default/web notOwner"]);
    assert_eq!(world.silence("default/web").bar, Some(Bar::NoSpeaker));
    let out = world.feed(Input::MembersChanged(Members::AllNodes));
    assert_eq!(out, [], "n2 has it again");
    assert_eq!(world.silence("default/web").owner, Some("n2".into()));
}

#[test]
fn a_pool_that_goes_takes_its_announcements_along_and_no_others() {
    let mut world = World::new("n2");
    let pools = [pool("a", &["192.0.2.0/31"]), pool("b", &["192.0.2.2/31"])];
    world.config = fixture::config(pools, [advertisement("ad")]);
    world.feed_config();
    world.serve(service("default/a", &["192.0.2.1"]));
    world.serve(service("default/b", &["192.0.2.3"]));
    world.config.pools.remove("a");
    let out = world.feed_config();
    assert_eq!(reports(&out), ["-default/a ipNotAllowed"]);
    assert_eq!(wire(out), [withdraw("192.0.2.1")]);
    assert_eq!(world.planner.addresses().count(), 1);
    world
        .config
        .pools
        .insert("renamed".into(), pool("renamed", &["192.0.2.0/31"]).into());
    assert_eq!(wire(world.feed_config()), [announce("192.0.2.1")]);
}

#[test]
fn the_same_configuration_again_changes_nothing() {
    let mut world = World::new("n2");
    world.serve(service("default/web", &["192.0.2.1"]));
    assert_eq!(world.feed_config(), []);
}

#[test]
fn endpoints_that_vanish_with_most_nodes_withdraw_nothing_until_the_nodes_are_back() {
    let not_ready = |name: &str, not_ready| {
        Input::NodeApplied(NodeFacts {
            not_ready,
            ..fixture::node(name)
        })
    };
    let mut world = World::new("n2");
    world.serve(service("default/web", &["192.0.2.1"]));
    for node in ["n1", "n3"] {
        assert_eq!(world.feed(not_ready(node, true)), []);
    }
    assert!(world.planner.is_frozen());
    assert_eq!(world.feed(Input::SliceApplied(slice("default/web", &[]))), []);
    assert_eq!(
        world.feed(Input::SliceDeleted(ObjectKey::from_text("default/web-slice"))),
        []
    );
    assert_eq!(world.feed(Input::SliceApplied(slice("default/web", &[]))), []);
    let out = world.feed(not_ready("n1", false));
    assert_eq!(reports(&out), ["-default/web notOwner"], "now it is believed");
    assert!(!world.planner.is_frozen());
}

#[test]
fn while_frozen_what_adds_counts_and_a_deleted_service_goes() {
    let mut world = World::new("n2");
    world.serve(service("default/web", &["192.0.2.1"]));
    for node in ["n1", "n2", "n3"] {
        world.feed(Input::NodeApplied(NodeFacts {
            not_ready: true,
            ..fixture::node(node)
        }));
    }
    world.feed(Input::SliceApplied(slice("default/web", &[])));
    let out = world.feed(Input::ServiceDeleted(ObjectKey::from_text("default/web")));
    assert_eq!(wire(out), [withdraw("192.0.2.1")]);
    world.serve(service("default/new", &["192.0.2.1"]));
    assert!(
        world
            .planner
            .announcement(&ObjectKey::from_text("default/new"))
            .is_some()
    );
}

#[test]
fn a_node_that_cannot_announce_an_address_is_passed_over() {
    use crate::event::Speaker;
    let on = |subnets: &[&str]| Speaker::Ferrolb {
        subnets: Some(subnets.iter().map(|net| net.parse().unwrap()).collect()),
    };
    let ring = |n2: Speaker, n3: Speaker| {
        let speakers = [("n1", on(&["192.0.2.0/24"])), ("n2", n2), ("n3", n3)];
        Input::MembersChanged(Members::Ring(
            speakers
                .into_iter()
                .map(|(name, speaker)| (name.into(), speaker))
                .collect(),
        ))
    };
    let mut world = World::new("n2");
    world.serve(service("default/web", &["192.0.2.1"]));
    let other = on(&["198.51.100.0/24"]);
    assert_eq!(
        wire(world.feed(ring(other.clone(), other.clone()))),
        [withdraw("192.0.2.1")]
    );
    assert_eq!(world.silence("default/web").owner, Some("n1".into()));
    assert_eq!(
        wire(world.feed(ring(other, Speaker::Reference))),
        [announce("192.0.2.1")],
        "the reference would elect this node"
    );
    let none = on(&[]);
    let out = world.feed(ring(on(&["192.0.2.0/25"]), none));
    assert_eq!(out, [], "it can announce the address, so the hash counts");
}

/// 192.0.2.1 is elected to `n2` of `n1`, `n2` and `n3`.
fn only(address: &str, is_first_use: bool) -> [(String, bool); 1] {
    [(address.to_owned(), is_first_use)]
}

#[test]
fn address_allocated_while_running_is_used_for_the_first_time() {
    let mut world = World::new("n2");
    world.feed(Input::SliceApplied(slice("default/web", &["n1"])));
    let applied = Input::ServiceApplied(Arc::new(service("default/web", &["192.0.2.1"])));
    assert_eq!(world.uses(applied), only("192.0.2.1", true));
}

#[test]
fn address_waits_unused_for_the_first_endpoint() {
    let mut world = World::new("n2");
    world.apply(service("default/web", &["192.0.2.1"]));
    let served = Input::SliceApplied(slice("default/web", &["n1"]));
    assert_eq!(world.uses(served), only("192.0.2.1", true));
    world.feed(Input::SliceApplied(slice("default/web", &[])));
    let served_again = Input::SliceApplied(slice("default/web", &["n1"]));
    assert_eq!(world.uses(served_again), only("192.0.2.1", false));
}

#[test]
fn what_existed_at_the_start_is_never_a_first_use() {
    let mut world = World::unsynced("n2");
    world.serve(service("default/web", &["192.0.2.1"]));
    assert_eq!(world.uses(Input::Synced), only("192.0.2.1", false));
}

#[test]
fn take_over_is_never_a_first_use() {
    let mut world = World::new("n1");
    world.serve(service("default/web", &["192.0.2.1"]));
    assert_eq!(world.silence("default/web").owner, Some("n2".into()));
    let mut uses = world.uses(Input::NodeDeleted("n2".into()));
    uses.extend(world.uses(Input::NodeDeleted("n3".into())));
    assert_eq!(uses, only("192.0.2.1", false));
}

#[test]
fn address_that_another_service_gets_later_is_used_for_the_first_time_again() {
    let mut world = World::new("n2");
    world.serve(service("default/a", &["192.0.2.1"]));
    world.feed(Input::ServiceDeleted(ObjectKey::from_text("default/a")));
    world.feed(Input::SliceApplied(slice("default/b", &["n1"])));
    let applied = Input::ServiceApplied(Arc::new(service("default/b", &["192.0.2.1"])));
    assert_eq!(world.uses(applied), only("192.0.2.1", true));
}

fn ferrolb(subnets: Option<&[&str]>) -> Speaker {
    let subnets = subnets.map(|nets| nets.iter().map(|net| net.parse().unwrap()).collect());
    Speaker::Ferrolb { subnets }
}

/// `n1` in a ring without `n2`, so that it stands in for it.
fn world_that_lost_n2() -> World {
    let mut world = World::new("n1");
    world.serve(service("ns/a", &["192.0.2.1"]));
    world.feed(Input::MembersChanged(Members::ring(["n1".into(), "n3".into()])));
    assert!(world.planner.announces(ip("192.0.2.1")));
    world
}

#[test]
fn gives_way_to_a_lost_speaker_that_the_election_would_name_and_to_no_other() {
    let world = world_that_lost_n2();
    let yields =
        |rival: &str, speaker: Speaker| world.planner.yields_to(ip("192.0.2.1"), &rival.into(), &speaker);
    assert!(yields("n2", ferrolb(None)));
    assert!(yields("n2", ferrolb(Some(&["192.0.2.0/24"]))));
    assert!(
        !yields("n2", ferrolb(Some(&["198.51.100.0/24"]))),
        "it cannot announce there"
    );
    assert!(
        !yields("n3", ferrolb(None)),
        "it is in the ring and has lost the election"
    );
    assert!(!yields("n9", ferrolb(None)), "there is no such Node");
    assert!(
        world
            .planner
            .yields_to(ip("192.0.2.9"), &"n3".into(), &ferrolb(None)),
        "not announced from here"
    );
}

#[test]
fn does_not_give_way_to_a_lost_speaker_that_is_second() {
    let mut world = World::new("n2");
    world.serve(service("ns/a", &["192.0.2.1"]));
    world.feed(Input::MembersChanged(Members::ring(["n2".into()])));
    for rival in ["n1", "n3"] {
        assert!(
            !world
                .planner
                .yields_to(ip("192.0.2.1"), &rival.into(), &ferrolb(None)),
            "{rival}"
        );
    }
}

#[test]
fn does_not_give_way_to_a_lost_speaker_whose_node_may_not_announce() {
    let mut world = world_that_lost_n2();
    world.feed(Input::NodeApplied(NodeFacts {
        draining: true,
        ..fixture::node("n2")
    }));
    assert!(
        !world
            .planner
            .yields_to(ip("192.0.2.1"), &"n2".into(), &ferrolb(None))
    );
    world.feed(Input::NodeApplied(fixture::node("n2")));
    assert!(
        world
            .planner
            .yields_to(ip("192.0.2.1"), &"n2".into(), &ferrolb(None))
    );
}

#[test]
fn does_not_give_way_with_policy_local_to_a_lost_speaker_without_an_endpoint() {
    let mut world = World::new("n1");
    world.serve(ServiceFacts {
        local_traffic_only: true,
        ..service("ns/a", &["192.0.2.1"])
    });
    world.feed(Input::MembersChanged(Members::ring(["n1".into()])));
    assert!(
        !world
            .planner
            .yields_to(ip("192.0.2.1"), &"n2".into(), &ferrolb(None))
    );
}

#[test]
fn the_last_link_of_each_counts_between_two_that_have_lost_each_other() {
    let lan = || ferrolb(Some(&["192.0.2.0/24"]));
    for (own, yields) in [(lan(), true), (ferrolb(Some(&[])), true)] {
        let mut world = World::new("n1");
        world.serve(service("ns/a", &["192.0.2.1"]));
        let both = [("n1".into(), own.clone()), ("n2".into(), lan())];
        world.feed(Input::MembersChanged(Members::Ring(both.into())));
        world.feed(Input::MembersChanged(Members::Ring([("n1".into(), own)].into())));
        assert_eq!(
            world.planner.yields_to(ip("192.0.2.1"), &"n2".into(), &lan()),
            yields
        );
    }
}
