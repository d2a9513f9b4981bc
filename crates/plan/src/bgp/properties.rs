//! What peers were told, step by step, is what a router that learns everything at once would tell them.

use std::collections::{BTreeMap, BTreeSet};

use ferrolb_api::resolved::{BgpAdvertisement, BgpPeer, Config};
use ferrolb_api::{BgpMode, Community, Rules, node_view};
use ferrolb_types::{IpNet, Labels};
use proptest::prelude::*;

use super::tests::{Svc, world};
use super::*;
use crate::fixture::{bgp_advertisement, bgp_peer, label, node};

#[derive(Clone, Debug)]
enum Step {
    Configure(Config),
    Apply(Svc),
    Forget(usize),
    Bar(bool),
    Flush,
}

const NAMES: [&str; 4] = ["a", "b", "c", "d"];

fn service() -> impl Strategy<Value = Svc> {
    let serving = proptest::sample::select(&[Serving::Nowhere, Serving::Elsewhere, Serving::Here][..]);
    let addresses = proptest::collection::btree_set(0..6_u8, 0..3);
    (0..NAMES.len(), addresses, 0..3_u8, any::<bool>(), serving).prop_map(
        |(name, addresses, app, local, serving)| {
            let texts: Vec<String> = addresses
                .iter()
                .map(|n| match n % 2 {
                    0 => format!("192.0.2.{n}"),
                    _ => format!("2001:db8::{n}"),
                })
                .collect();
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            Svc {
                labels: [("app", NAMES[usize::from(app)])].into_iter().collect::<Labels>(),
                local,
                serving,
                ..Svc::new(NAMES[name], &texts)
            }
        },
    )
}

fn advertisement(name: &'static str) -> impl Strategy<Value = BgpAdvertisement> {
    let communities = proptest::collection::btree_set(0..3_u32, 0..3);
    let selected = proptest::option::of(0..3_usize);
    (communities, 0..2_u32, selected, any::<bool>(), any::<bool>()).prop_map(
        move |(communities, pref, selected, aggregate, one_peer)| BgpAdvertisement {
            communities: communities.into_iter().map(Community::Standard).collect(),
            local_pref: pref,
            aggregation_length: if aggregate && selected.is_none() { 24 } else { 32 },
            peers: if one_peer {
                BTreeSet::from(["tor-a".into()])
            } else {
                BTreeSet::new()
            },
            service_selectors: selected.map(|i| label("app", NAMES[i])).into_iter().collect(),
            ..bgp_advertisement(name)
        },
    )
}

fn configuration() -> impl Strategy<Value = Config> {
    let ads = (
        proptest::option::of(advertisement("x")),
        proptest::option::of(advertisement("y")),
    );
    let peers = (any::<bool>(), any::<bool>(), any::<bool>());
    (ads, peers).prop_map(|((x, y), (a, b, dual))| {
        let first = BgpPeer {
            dual_stack_address_family: dual,
            ..bgp_peer("tor-a", "198.51.100.1")
        };
        let second = bgp_peer("tor-b", "2001:db8:ffff::1");
        let peers = [a.then_some(first), b.then_some(second)];
        world(
            x.into_iter().chain(y).collect(),
            peers.into_iter().flatten().collect(),
        )
    })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => configuration().prop_map(Step::Configure),
        6 => service().prop_map(Step::Apply),
        1 => (0..NAMES.len()).prop_map(Step::Forget),
        1 => any::<bool>().prop_map(Step::Bar),
        3 => Just(Step::Flush),
    ]
}

/// What a peer has been told.
type Told = BTreeMap<Box<str>, BTreeMap<IpNet, Attributes>>;

/// A speaker around a router.
struct Speaker {
    router: Router,
    services: BTreeMap<String, Svc>,
    config: Config,
    bar: bool,
    told: Told,
}

impl Speaker {
    fn new() -> Self {
        Self {
            router: Router::new(BgpMode::Native),
            services: BTreeMap::new(),
            config: Config::default(),
            bar: false,
            told: Told::new(),
        }
    }

    fn take(&mut self, step: Step) {
        let mut out = Vec::new();
        match step {
            Step::Configure(config) => self.configure(config, &mut out),
            Step::Apply(service) => {
                let _announced = self.router.decide(&service.key, &service.candidate());
                self.services.insert(service.key.to_string(), service);
            }
            Step::Forget(name) => {
                if let Some(service) = self.services.remove(&format!("default/{}", NAMES[name])) {
                    self.router.forget(&service.key);
                }
            }
            Step::Bar(bar) => {
                self.bar = bar;
                if self.router.set_bar(bar.then_some(Bar::Excluded)) {
                    self.decide_all();
                }
            }
            Step::Flush => self.router.flush(&mut out),
        }
        self.hear(out);
    }

    fn configure(&mut self, config: Config, out: &mut Vec<Change>) {
        let view = node_view(&config, Some(&node("n1")), &Rules::default());
        let changed = self.router.set_advertisements(&config, &view);
        for service in self.services.values().filter(|s| changed.contains(&s.pool)) {
            let _announced = self.router.decide(&service.key, &service.candidate());
        }
        self.router.set_peers(&view.bgp_peers, out);
        self.config = config;
    }

    fn decide_all(&mut self) {
        for service in self.services.values() {
            let _announced = self.router.decide(&service.key, &service.candidate());
        }
    }

    /// A peer takes what it is told; nothing is told to one without a session, and nothing twice.
    fn hear(&mut self, out: Vec<Change>) {
        for change in out {
            match change {
                Change::Close { peer } => assert!(self.told.remove(&peer).is_some()),
                Change::Open(session) => {
                    let before = self.told.insert(session.peer.clone(), BTreeMap::new());
                    assert_eq!(before, None);
                }
                Change::Offer {
                    peer,
                    prefix,
                    attributes,
                } => {
                    let routes = self.told.get_mut(&peer).expect("a session");
                    assert_ne!(routes.get(&prefix), Some(&attributes), "told twice");
                    routes.insert(prefix, attributes);
                }
                Change::Retract { peer, prefix } => {
                    let routes = self.told.get_mut(&peer).expect("a session");
                    assert!(routes.remove(&prefix).is_some(), "was never offered");
                }
            }
        }
    }

    /// The same facts, all at once.
    fn afresh(&self) -> Told {
        let mut fresh = Self::new();
        fresh.take(Step::Bar(self.bar));
        for service in self.services.values() {
            fresh.services.insert(service.key.to_string(), service.clone());
        }
        fresh.take(Step::Configure(self.config.clone()));
        fresh.decide_all();
        fresh.take(Step::Flush);
        fresh.told
    }
}

proptest! {
    #[test]
    fn whatever_happens_peers_know_what_is_wanted(steps in proptest::collection::vec(step(), 0..40)) {
        let mut speaker = Speaker::new();
        for step in steps {
            speaker.take(step);
        }
        speaker.take(Step::Flush);
        prop_assert_eq!(&speaker.told, &speaker.afresh());
        for session in speaker.router.sessions() {
            let routes: BTreeMap<_, _> = speaker.router.routes(session).collect();
            prop_assert_eq!(&routes, &speaker.told[&session.peer]);
        }
    }
}
