//! What holds for every configuration: no input panics, its order means nothing, objects harm only themselves, and
//! resolving object by object ends where resolving at once does.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod generate;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use ferrolb_api::core::Secret;
use ferrolb_api::facts::NodeFacts;
use ferrolb_api::resolved::{BgpAdvertisement, Config};
use ferrolb_api::{
    BgpMode, Change, Problem, RawConfig, Resolved, Resolver, Rules, Severity, decode, metallb, node_view,
    resolve,
};
use ferrolb_types::{Labels, ObjectKey};
use proptest::prelude::*;
use serde_json::{Value, json};

use generate::{any_json_object, any_object, any_objects, object, shuffled};

fn rules() -> impl Strategy<Value = Rules> {
    let mode = prop_oneof![Just(BgpMode::Native), Just(BgpMode::Frr), Just(BgpMode::FrrK8s)];
    (mode, any::<bool>(), any::<bool>()).prop_map(|(bgp_mode, strict, with_secrets)| Rules {
        bgp_mode,
        strict,
        with_secrets,
        ..Rules::default()
    })
}

fn raw(objects: &[Value], rules: &Rules) -> RawConfig {
    let mut raw = RawConfig {
        rules: rules.clone(),
        ..RawConfig::default()
    };
    for object in objects {
        assert!(raw.add(object).unwrap(), "{object}");
    }
    raw
}

fn run(objects: &[Value], rules: &Rules) -> Resolved {
    resolve(&raw(objects, rules))
}

fn node() -> NodeFacts {
    NodeFacts {
        name: "n1".into(),
        labels: Labels::from_iter([("l", "a")]),
        network_unavailable: false,
        not_ready: false,
        out_of_service: false,
        draining: false,
    }
}

/// The same, but for the order of problems.
fn sorted((config, mut problems): (Config, Vec<Problem>)) -> (Config, Vec<Problem>) {
    problems.sort();
    (config, problems)
}

fn without_addresses_in_two_pools(config: &Config) -> Result<(), TestCaseError> {
    let mut prefixes: Vec<_> = config
        .pools
        .values()
        .flat_map(|p| p.prefixes().collect::<Vec<_>>())
        .collect();
    prefixes.sort_unstable_by_key(|p| (p.network(), p.prefix_len()));
    for pair in prefixes.windows(2) {
        prop_assert!(!pair[0].contains(&pair[1]), "{} holds {}", pair[0], pair[1]);
    }
    Ok(())
}

/// Names of the universe of [`any_objects`], beside which this is a stranger.
fn stranger() -> Vec<Value> {
    let selector = json!([{ "matchLabels": { "stranger": "yes" } }]);
    vec![
        object(
            "IPAddressPool",
            "stranger",
            2030,
            &json!({ "addresses": ["203.0.113.0/24"] }),
        ),
        object(
            "L2Advertisement",
            "stranger",
            2030,
            &json!({ "ipAddressPools": ["stranger"] }),
        ),
        object(
            "BGPAdvertisement",
            "stranger",
            2030,
            &json!({ "ipAddressPools": ["stranger"], "nodeSelectors": selector }),
        ),
        object(
            "BGPPeer",
            "stranger",
            2030,
            &json!({ "myASN": 1, "peerASN": 2, "peerAddress": "203.0.113.1", "nodeSelectors": selector }),
        ),
        object(
            "Community",
            "stranger",
            2030,
            &json!({ "communities": [{ "name": "stranger", "value": "9:9" }] }),
        ),
        object("BFDProfile", "stranger", 2030, &json!({})),
    ]
}

fn of_others(mut resolved: Resolved, related: &[Box<str>]) -> Resolved {
    for name in related {
        resolved.config.bgp_advertisements.remove(name);
        resolved
            .problems
            .retain(|p| !(p.kind == "BGPAdvertisement" && *p.name == **name));
    }
    let Config {
        pools,
        l2_advertisements,
        bgp_advertisements,
        bgp_peers,
        bfd_profiles,
        communities,
    } = &mut resolved.config;
    pools.remove("stranger");
    l2_advertisements.remove("stranger");
    bgp_advertisements.remove("stranger");
    bgp_peers.remove("stranger");
    bfd_profiles.remove("stranger");
    communities.remove("stranger");
    resolved.problems.retain(|p| p.name != "stranger");
    resolved
}

/// One step of a history.
#[derive(Clone, Debug)]
enum Step {
    /// What became of the object of this kind and name.
    Write((String, String), Box<Change>),
    Settle,
}

/// Objects are written, written so that they do not decode, and deleted; Secrets come and go too.
fn step() -> impl Strategy<Value = Step> {
    let secret = Just(object("Secret", "s", 2024, &json!({})));
    (prop_oneof![9 => any_object(), 1 => secret], 0_u8..10).prop_map(|(value, what)| {
        let change = match what {
            0..=1 => return Step::Settle,
            2 => deleted(&value),
            _ if value["kind"] == "Secret" => Change::Secret(secret_of(what)),
            3 => undecodable(&value),
            _ => change(&value),
        };
        Step::Write(key(&value), Box::new(change))
    })
}

fn undecodable(value: &Value) -> Change {
    let text = |pointer| value.pointer(pointer).unwrap().as_str().unwrap().to_owned();
    Change::Undecodable(Problem {
        severity: Severity::Error,
        kind: text("/kind").into(),
        namespace: String::new(),
        name: text("/metadata/name"),
        field: "spec".to_owned(),
        value: None,
        reason: "InvalidField".into(),
        message: "no object".to_owned(),
    })
}

fn secret_of(variant: u8) -> Secret {
    let kind = if variant < 7 {
        "kubernetes.io/basic-auth"
    } else {
        "Opaque"
    };
    let value = json!({ "metadata": { "name": "s" }, "type": kind, "data": { "password": "eA==" } });
    decode(&value).unwrap()
}

/// Decodes for a resolver; every object of [`any_objects`] does.
fn change(value: &Value) -> Change {
    let mut raw = raw(core::slice::from_ref(value), &Rules::default());
    None.or_else(|| raw.pools.pop().map(Change::from))
        .or_else(|| raw.l2_advertisements.pop().map(Change::from))
        .or_else(|| raw.bgp_advertisements.pop().map(Change::from))
        .or_else(|| raw.bgp_peers.pop().map(Change::from))
        .or_else(|| raw.bfd_profiles.pop().map(Change::from))
        .or_else(|| raw.communities.pop().map(Change::from))
        .or_else(|| raw.secrets.pop().map(Change::from))
        .unwrap()
}

fn deleted(value: &Value) -> Change {
    let text = |pointer| value.pointer(pointer).unwrap().as_str().unwrap().to_owned();
    Change::Deleted {
        kind: Cow::Owned(text("/kind")),
        key: ObjectKey::new("", text("/metadata/name")),
    }
}

fn key(value: &Value) -> (String, String) {
    (value["kind"].to_string(), value["metadata"]["name"].to_string())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(192) })]

    #[test]
    fn no_json_makes_it_panic(objects in proptest::collection::vec(any_json_object(), 0..8), rules in rules()) {
        let mut raw = RawConfig { rules: rules.clone(), ..RawConfig::default() };
        for object in &objects {
            let _ = raw.add(object);
        }
        let resolved = resolve(&raw);
        for node in [None, Some(&node())] {
            let _ = node_view(&resolved.config, node, &rules);
        }
    }

    #[test]
    fn the_order_of_the_input_means_nothing((one, other) in shuffled(), rules in rules()) {
        prop_assert_eq!(run(&one, &rules), run(&other, &rules));
    }

    #[test]
    fn no_address_is_in_two_pools(objects in any_objects(), rules in rules()) {
        without_addresses_in_two_pools(&run(&objects, &rules).config)?;
    }

    #[test]
    fn a_stranger_changes_what_nobody_else_means(objects in any_objects(), rules in rules()) {
        let alone = run(&objects, &rules);
        let together = run(&[objects, stranger()].concat(), &rules);
        prop_assert!(together.config.pools.contains_key("stranger"));
        prop_assert_eq!(&together.config.l2_advertisements.len(), &(alone.config.l2_advertisements.len() + 1));
        // One that selects the stranger's pool is no stranger to it.
        let pool = &together.config.pools["stranger"];
        let selects = |a: &&Arc<BgpAdvertisement>| a.pools.reaches(pool) && &*a.name != "stranger";
        let related: Vec<Box<str>> =
            together.config.bgp_advertisements.values().filter(selects).map(|a| a.name.clone()).collect();
        prop_assert_eq!(of_others(together.clone(), &related), of_others(alone, &related));
    }

    #[test]
    fn object_by_object_ends_where_all_at_once_does(
        steps in proptest::collection::vec((any_objects(), any::<prop::sample::Index>(), any::<bool>()), 1..6),
        rules in rules(),
    ) {
        let mut resolver = Resolver::new(rules.clone());
        let mut present: BTreeMap<(String, String), Value> = BTreeMap::new();
        for (objects, index, settle) in steps {
            for object in &objects {
                resolver.apply(change(object));
                present.insert(key(object), object.clone());
            }
            if let Some(victim) = (!present.is_empty()).then(|| present.values().nth(index.index(present.len())).cloned()).flatten() {
                resolver.apply(deleted(&victim));
                present.remove(&key(&victim));
            }
            if settle {
                resolver.settle();
            }
        }
        resolver.settle();
        let objects: Vec<Value> = present.into_values().collect();
        let at_once = run(&objects, &rules);
        prop_assert_eq!(sorted(resolver.into_parts()), sorted((at_once.config, at_once.problems)));
    }

    #[test]
    fn only_the_last_version_of_each_object_counts(
        steps in proptest::collection::vec(step(), 1..40), rules in rules(), reversed in any::<bool>(),
    ) {
        let (mut resolver, mut last) = (Resolver::new(rules.clone()), BTreeMap::new());
        for step in steps {
            match step {
                Step::Settle => {
                    resolver.settle();
                }
                Step::Write(key, change) => {
                    resolver.apply((*change).clone());
                    last.insert(key, change);
                }
            }
        }
        resolver.settle();
        let mut afresh = Resolver::new(rules);
        let mut changes: Vec<_> = last.into_values().collect();
        if reversed {
            changes.reverse();
        }
        changes.into_iter().for_each(|change| afresh.apply(*change));
        afresh.settle();
        prop_assert_eq!(sorted(resolver.into_parts()), sorted(afresh.into_parts()));
    }

    #[test]
    fn a_delta_names_exactly_what_changed(
        first in any_objects(), second in any_objects(), keep in any::<bool>(), rules in rules(),
    ) {
        let mut resolver = Resolver::new(Rules { keep_last_accepted: keep, ..rules });
        first.iter().for_each(|o| resolver.apply(change(o)));
        resolver.settle();
        let before = resolver.config().clone();
        second.iter().for_each(|o| resolver.apply(change(o)));
        let delta = resolver.settle();
        let after = resolver.config();
        without_addresses_in_two_pools(after)?;
        let pools: Vec<_> = before.pools.keys().chain(after.pools.keys()).filter(|n| before.pools.get(*n) != after.pools.get(*n)).collect();
        prop_assert!(delta.pools.iter().all(|n| pools.contains(&n)) && pools.iter().all(|n| delta.pools.contains(*n)));
        let peers: Vec<_> = before.bgp_peers.keys().chain(after.bgp_peers.keys()).filter(|n| before.bgp_peers.get(*n) != after.bgp_peers.get(*n)).collect();
        prop_assert!(delta.bgp_peers.iter().all(|n| peers.contains(&n)) && peers.iter().all(|n| delta.bgp_peers.contains(*n)));
        let all = before.bgp_advertisements.keys().chain(after.bgp_advertisements.keys());
        let advertisements: Vec<_> = all.filter(|n| before.bgp_advertisements.get(*n) != after.bgp_advertisements.get(*n)).collect();
        prop_assert!(delta.bgp_advertisements.iter().all(|n| advertisements.contains(&n)));
        prop_assert!(advertisements.iter().all(|n| delta.bgp_advertisements.contains(*n)));
    }

    #[test]
    fn a_node_never_sees_two_peers_of_one_session(objects in any_objects(), rules in rules()) {
        let config = run(&objects, &rules).config;
        let view = node_view(&config, Some(&node()), &rules);
        for (i, a) in view.bgp_peers.iter().enumerate() {
            for b in &view.bgp_peers[i + 1..] {
                let same = a.remote == b.remote && a.port == b.port && a.vrf == b.vrf && a.source == b.source;
                prop_assert!(!same, "{} and {}", a.name, b.name);
            }
        }
    }
}

#[test]
fn every_generated_kind_is_one_that_configures() {
    for kind in generate::KINDS {
        let value = object(kind, "a", 2024, &json!({}));
        assert!(RawConfig::default().add(&value).unwrap(), "{kind}");
    }
    assert_eq!(metallb::GROUP, "metallb.io");
}
