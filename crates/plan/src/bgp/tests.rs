//! The router by examples.

use core::net::IpAddr;
use std::collections::BTreeSet;
use std::sync::Arc;

use ferrolb_api::facts::NodeFacts;
use ferrolb_api::resolved::{BgpAdvertisement, BgpPeer, Config};
use ferrolb_api::{BgpMode, Community, Rules, node_view};
use ferrolb_types::{Labels, ObjectKey, PoolName};

use super::*;
use crate::fixture::{bgp_advertisement, bgp_peer, config, label, node, pool};
use crate::silence::Reason;

/// One pool of both families, `lan`.
pub(super) fn world(ads: Vec<BgpAdvertisement>, peers: Vec<BgpPeer>) -> Config {
    let mut config = config([pool("lan", &["192.0.2.0/24", "2001:db8::/64"])], []);
    config
        .bgp_advertisements
        .extend(ads.into_iter().map(|ad| (ad.name.clone(), Arc::new(ad))));
    config
        .bgp_peers
        .extend(peers.into_iter().map(|p| (p.name.clone(), Arc::new(p))));
    config
}

pub(super) fn two_peers() -> Vec<BgpPeer> {
    vec![
        bgp_peer("tor-a", "198.51.100.1"),
        bgp_peer("tor-b", "198.51.100.2"),
    ]
}

/// A Service of a test.
#[derive(Clone, Debug)]
pub(super) struct Svc {
    pub(super) key: ObjectKey,
    pub(super) pool: PoolName,
    pub(super) addresses: Vec<IpAddr>,
    pub(super) labels: Labels,
    pub(super) local: bool,
    pub(super) serving: Serving,
}

impl Svc {
    pub(super) fn new(name: &str, addresses: &[&str]) -> Self {
        Self {
            key: ObjectKey::new("default", name),
            pool: "lan".into(),
            addresses: addresses.iter().map(|a| a.parse().unwrap()).collect(),
            labels: Labels::default(),
            local: false,
            serving: Serving::Elsewhere,
        }
    }

    pub(super) fn candidate(&self) -> Candidate<'_> {
        Candidate {
            pool: &self.pool,
            addresses: &self.addresses,
            labels: &self.labels,
            local_traffic_only: self.local,
            serving: self.serving,
        }
    }
}

fn router(config: &Config) -> Router {
    let mut router = Router::new(BgpMode::Native);
    apply(&mut router, config, &[]);
    router
}

/// Takes over a configuration as a speaker does, and tells what it says.
pub(super) fn apply(router: &mut Router, config: &Config, services: &[&Svc]) -> Vec<String> {
    let mut out = Vec::new();
    let view = node_view(config, Some(&node("n1")), &Rules::default());
    let changed = router.set_advertisements(config, &view);
    for service in services.iter().filter(|s| changed.contains(&s.pool)) {
        let _announced_or_not = router.decide(&service.key, &service.candidate());
    }
    router.set_peers(&view.bgp_peers, &mut out);
    out.iter().map(text).collect()
}

fn decide(router: &mut Router, service: &Svc) -> (Result<(), Reason>, Vec<String>) {
    let decided = router.decide(&service.key, &service.candidate());
    (decided, flush(router))
}

/// What is told when a Service is announced against which nothing speaks.
fn announce(router: &mut Router, service: &Svc) -> Vec<String> {
    let (decided, out) = decide(router, service);
    assert_eq!(decided, Ok(()));
    out
}

fn flush(router: &mut Router) -> Vec<String> {
    let mut out = Vec::new();
    router.flush(&mut out);
    out.iter().map(text).collect()
}

fn text(change: &Change) -> String {
    match change {
        Change::Close { peer } => format!("close {peer}"),
        Change::Open(session) => format!("open {}", session.peer),
        Change::Retract { peer, prefix } => format!("{peer} -{prefix}"),
        Change::Offer {
            peer,
            prefix,
            attributes,
        } => {
            let communities = attributes.communities.iter().map(|c| format!(" {c}"));
            let pref = attributes.local_pref;
            format!("{peer} +{prefix} {pref}{}", communities.collect::<String>())
        }
    }
}

fn with_communities(ad: BgpAdvertisement, communities: &[&str]) -> BgpAdvertisement {
    let communities = communities.iter().map(|c| c.parse::<Community>().unwrap());
    BgpAdvertisement {
        communities: communities.collect(),
        ..ad
    }
}

#[test]
fn a_service_is_offered_to_every_peer_once() {
    let mut router = router(&world(vec![bgp_advertisement("all")], two_peers()));
    let web = Svc::new("web", &["192.0.2.1"]);
    let offers = ["tor-a +192.0.2.1/32 0", "tor-b +192.0.2.1/32 0"];
    assert_eq!(
        decide(&mut router, &web),
        (Ok(()), offers.map(str::to_owned).to_vec())
    );
    assert_eq!(decide(&mut router, &web), (Ok(()), vec![]), "nothing is new");
    assert!(router.announces(&web.key));
}

#[test]
fn a_new_address_is_withdrawn_and_offered_and_nothing_else_is_touched() {
    let mut router = router(&world(
        vec![bgp_advertisement("all")],
        vec![bgp_peer("tor", "198.51.100.1")],
    ));
    announce(&mut router, &Svc::new("other", &["192.0.2.9"]));
    announce(&mut router, &Svc::new("web", &["192.0.2.1"]));
    let out = announce(&mut router, &Svc::new("web", &["192.0.2.2"]));
    assert_eq!(out, ["tor -192.0.2.1/32", "tor +192.0.2.2/32 0"]);
}

#[test]
fn a_prefix_that_services_share_goes_with_the_last_of_them() {
    let aggregate = BgpAdvertisement {
        aggregation_length: 24,
        ..bgp_advertisement("aggregate")
    };
    let mut router = router(&world(vec![aggregate], vec![bgp_peer("tor", "198.51.100.1")]));
    let (a, b) = (Svc::new("a", &["192.0.2.1"]), Svc::new("b", &["192.0.2.2"]));
    assert_eq!(announce(&mut router, &a), ["tor +192.0.2.0/24 0"]);
    assert!(announce(&mut router, &b).is_empty());
    router.forget(&a.key);
    assert!(flush(&mut router).is_empty());
    router.forget(&b.key);
    assert_eq!(flush(&mut router), ["tor -192.0.2.0/24"]);
}

#[test]
fn a_prefix_that_passes_from_one_service_to_another_is_not_withdrawn() {
    let mut router = router(&world(vec![bgp_advertisement("all")], two_peers()));
    let (a, b) = (Svc::new("a", &["192.0.2.1"]), Svc::new("b", &["192.0.2.1"]));
    announce(&mut router, &a);
    router.forget(&a.key);
    assert_eq!(router.decide(&b.key, &b.candidate()), Ok(()));
    assert!(flush(&mut router).is_empty());
}

#[test]
fn changed_attributes_are_offered_once_without_a_state_in_between() {
    let ad = |communities| with_communities(bgp_advertisement("all"), communities);
    let peers = vec![bgp_peer("tor", "198.51.100.1")];
    let (a, b) = (Svc::new("a", &["192.0.2.1"]), Svc::new("b", &["192.0.2.1"]));
    let mut router = router(&world(vec![ad(&["64512:1"])], peers.clone()));
    announce(&mut router, &a);
    announce(&mut router, &b);
    let out = apply(&mut router, &world(vec![ad(&["64512:2"])], peers), &[&a, &b]);
    assert_eq!(out, ["tor +192.0.2.1/32 0 64512:2"]);
}

#[test]
fn communities_of_all_advertisements_are_united_by_value() {
    let ads = vec![
        with_communities(bgp_advertisement("a"), &["10:1", "large:1:2:3"]),
        with_communities(bgp_advertisement("b"), &["9:1", "10:1"]),
    ];
    let mut router = router(&world(ads, vec![bgp_peer("tor", "198.51.100.1")]));
    let out = announce(&mut router, &Svc::new("web", &["192.0.2.1"]));
    assert_eq!(out, ["tor +192.0.2.1/32 0 large:1:2:3 9:1 10:1"]);
}

#[test]
fn peers_are_offered_what_is_meant_for_them_in_their_family() {
    let only_a = BgpAdvertisement {
        peers: BTreeSet::from(["tor-a".into()]),
        ..bgp_advertisement("only-a")
    };
    let both = BgpPeer {
        dual_stack_address_family: true,
        ..bgp_peer("tor-a", "198.51.100.1")
    };
    let mut router = router(&world(
        vec![only_a],
        vec![both, bgp_peer("tor-b", "198.51.100.2")],
    ));
    let out = announce(&mut router, &Svc::new("web", &["192.0.2.1", "2001:db8::1"]));
    assert_eq!(out, ["tor-a +192.0.2.1/32 0", "tor-a +2001:db8::1/128 0"]);
}

#[test]
fn a_session_goes_on_unless_its_parameters_differ() {
    let ads = || vec![bgp_advertisement("all")];
    let mut router = router(&world(ads(), vec![bgp_peer("tor", "198.51.100.1")]));
    announce(&mut router, &Svc::new("web", &["192.0.2.1"]));
    let selected = BgpPeer {
        node_selectors: vec![label("name", "n1")],
        created_at: "2026-01-01T00:00:00Z".into(),
        ..bgp_peer("tor", "198.51.100.1")
    };
    assert!(apply(&mut router, &world(ads(), vec![selected]), &[]).is_empty());
    let moved = bgp_peer("tor", "198.51.100.9");
    let out = apply(&mut router, &world(ads(), vec![moved]), &[]);
    assert_eq!(out, ["close tor", "open tor", "tor +192.0.2.1/32 0"]);
    let elsewhere = BgpPeer {
        node_selectors: vec![label("name", "n2")],
        ..bgp_peer("tor", "198.51.100.9")
    };
    let out = apply(&mut router, &world(ads(), vec![elsewhere]), &[]);
    assert_eq!(out, ["close tor"]);
}

#[test]
fn reasons_come_in_the_order_of_the_specification() {
    let web = |serving| Svc {
        local: true,
        serving,
        ..Svc::new("web", &["192.0.2.1"])
    };
    let plain = |serving| Svc {
        local: false,
        ..web(serving)
    };
    let selecting = |name, pref| BgpAdvertisement {
        service_selectors: vec![label("app", "web")],
        local_pref: pref,
        ..bgp_advertisement(name)
    };
    let none = world(vec![], two_peers());
    let unmatched = world(vec![selecting("a", 0)], two_peers());
    let all = world(vec![bgp_advertisement("all")], two_peers());
    let cases = [
        (
            &none,
            Some(Bar::Excluded),
            plain(Serving::NoSlice),
            Reason::NotAdvertised,
        ),
        (
            &unmatched,
            Some(Bar::Excluded),
            plain(Serving::NoSlice),
            Reason::NoMatchingAdvertisement,
        ),
        (
            &all,
            Some(Bar::NetworkUnavailable),
            plain(Serving::NoSlice),
            Reason::NodeNetworkUnavailable,
        ),
        (
            &all,
            Some(Bar::Excluded),
            web(Serving::Nowhere),
            Reason::NodeExcluded,
        ),
        (&all, None, web(Serving::Elsewhere), Reason::NoLocalEndpoints),
        (&all, None, web(Serving::Nowhere), Reason::NoLocalEndpoints),
        (&all, None, web(Serving::NoSlice), Reason::NoEndpointSlice),
        (&all, None, plain(Serving::Nowhere), Reason::NoEndpoints),
    ];
    for (config, bar, service, expected) in cases {
        let mut router = router(config);
        router.set_bar(bar);
        assert_eq!(
            decide(&mut router, &service),
            (Err(expected), vec![]),
            "{service:?}"
        );
        assert!(!router.announces(&service.key));
    }
}

#[test]
fn a_service_at_which_preferences_conflict_is_not_announced_and_the_newer_advertisement_is_named() {
    let ad = |name, pref, created_at: &str| BgpAdvertisement {
        service_selectors: vec![label("app", "web")],
        local_pref: pref,
        created_at: created_at.into(),
        ..bgp_advertisement(name)
    };
    let ads = vec![ad("a", 1, "2026-02"), ad("b", 2, "2026-01")];
    let mut router = router(&world(ads, two_peers()));
    let web = Svc {
        labels: [("app", "web")].into_iter().collect(),
        ..Svc::new("web", &["192.0.2.1"])
    };
    assert_eq!(
        decide(&mut router, &web),
        (Err(Reason::ConflictingAdvertisements), vec![])
    );
    let found = router.contradiction(&web.candidate()).unwrap();
    assert_eq!((&*found.newer, &*found.older), ("a", "b"));
}

#[test]
fn services_that_share_a_route_get_the_attributes_of_the_older_advertisement() {
    let ad = |name, pref, app: &str| BgpAdvertisement {
        service_selectors: vec![label("app", app)],
        local_pref: pref,
        ..with_communities(bgp_advertisement(name), &["64512:1"])
    };
    let mut router = router(&world(
        vec![ad("a", 100, "tcp"), ad("b", 200, "udp")],
        vec![bgp_peer("tor", "198.51.100.1")],
    ));
    let svc = |app: &str| Svc {
        labels: [("app", app)].into_iter().collect(),
        ..Svc::new(app, &["192.0.2.1"])
    };
    assert_eq!(
        announce(&mut router, &svc("udp")),
        ["tor +192.0.2.1/32 200 64512:1"]
    );
    assert_eq!(
        announce(&mut router, &svc("tcp")),
        ["tor +192.0.2.1/32 100 64512:1"]
    );
    let (prefix, found) = router.contradictions().next().unwrap();
    assert_eq!(
        (prefix.to_string().as_str(), &*found.newer),
        ("192.0.2.1/32", "b")
    );
    router.forget(&svc("tcp").key);
    assert_eq!(flush(&mut router), ["tor +192.0.2.1/32 200 64512:1"]);
    assert_eq!(router.contradictions().count(), 0);
}

#[test]
fn a_bar_asks_for_all_services_once() {
    let excluded = NodeFacts {
        labels: [(ferrolb_api::annotations::EXCLUDE_FROM_LOAD_BALANCERS, "false")]
            .into_iter()
            .collect(),
        ..node("n1")
    };
    let mut router = router(&world(vec![], vec![]));
    assert!(router.set_bar(Bar::of(Some(&excluded), false)));
    assert!(!router.set_bar(Bar::of(Some(&excluded), false)));
    assert_eq!(Bar::of(Some(&excluded), true), None);
    assert_eq!(Bar::of(None, false), None);
}

#[test]
fn timers_are_those_of_the_wire() {
    use core::time::Duration;
    use ferrolb_api::resolved::Timers;

    let millis = Duration::from_millis;
    let cases = [
        (BgpMode::Native, None, Some((90, 30))),
        (BgpMode::Frr, None, Some((180, 60))),
        (BgpMode::FrrK8s, None, None),
        (BgpMode::FrrK8s, Some((10_000, 3_333)), Some((10, 3))),
        (BgpMode::Native, Some((9_500, 500)), Some((9, 3))),
        (BgpMode::Native, Some((500, 166)), Some((0, 0))),
        (BgpMode::Native, Some((65_535_000, 0)), Some((65_535, 21_845))),
    ];
    for (mode, written, expected) in cases {
        let peer = BgpPeer {
            timers: written.map(|(hold, keepalive)| Timers {
                hold: millis(hold),
                keepalive: millis(keepalive),
            }),
            ..bgp_peer("tor", "198.51.100.1")
        };
        let seen = Session::new(&peer, mode).timers;
        let seen = seen.map(|t| (t.hold_seconds, t.keepalive_seconds));
        assert_eq!(seen, expected, "{mode} {written:?}");
    }
}
