use std::borrow::Cow;

use ferrolb_types::ObjectKey;
use serde_json::{Value, json};

use super::*;
use crate::decode;
use crate::metallb::{
    BfdProfile as RawProfile, BgpAdvertisement as RawBgp, BgpPeer as RawPeer, IpAddressPool,
};

fn running() -> Resolver {
    Resolver::new(Rules {
        keep_last_accepted: true,
        bgp_mode: crate::BgpMode::Frr,
        ..Rules::default()
    })
}

fn object<T: Object>(name: &str, spec: &Value) -> T {
    decode(&json!({ "metadata": { "name": name }, "spec": spec })).unwrap()
}

fn pool(name: &str, addresses: &str) -> Change {
    object::<IpAddressPool>(name, &json!({ "addresses": [addresses] })).into()
}

fn delete(kind: &'static str, name: &str) -> Change {
    Change::Deleted {
        kind: Cow::Borrowed(kind),
        key: ObjectKey::new("", name),
    }
}

fn apply(resolver: &mut Resolver, changes: impl IntoIterator<Item = Change>) -> Delta {
    for change in changes {
        resolver.apply(change);
    }
    resolver.settle()
}

fn text(resolver: &Resolver, pool: &str) -> Option<String> {
    resolver
        .config()
        .pools
        .get(pool)
        .map(|p| p.entries[0].text.to_string())
}

fn fields(resolver: &Resolver) -> Vec<String> {
    resolver
        .problems()
        .map(|p| format!("{} {} {}", p.name, p.field, p.reason))
        .collect()
}

#[test]
fn a_bad_edit_leaves_the_last_accepted_version_in_force() {
    let mut resolver = running();
    apply(&mut resolver, [pool("a", "192.0.2.0/24")]);
    let delta = apply(&mut resolver, [pool("a", "nonsense")]);
    assert!(delta.is_config_unchanged());
    assert_eq!(delta.objects, [ObjectId::new("IPAddressPool", "a")].into());
    assert_eq!(text(&resolver, "a").as_deref(), Some("192.0.2.0/24"));
    assert_eq!(fields(&resolver), ["a spec.addresses[0] InvalidAddress"]);

    let repaired = apply(&mut resolver, [pool("a", "192.0.2.0/25")]);
    assert!(repaired.pools.contains("a") && fields(&resolver).is_empty());
    assert_eq!(text(&resolver, "a").as_deref(), Some("192.0.2.0/25"));
}

#[test]
fn an_edit_that_does_not_decode_is_a_bad_edit() {
    let mut resolver = running();
    apply(&mut resolver, [pool("a", "192.0.2.0/24")]);
    let undecodable = json!({ "metadata": { "name": "a" }, "spec": 7 });
    let problem = decode::<IpAddressPool>(&undecodable).unwrap_err();
    let delta = apply(&mut resolver, [Change::Undecodable(*problem)]);
    assert!(delta.is_config_unchanged());
    assert_eq!(fields(&resolver), ["a spec InvalidField"]);
    assert_eq!(text(&resolver, "a").as_deref(), Some("192.0.2.0/24"));
}

#[test]
fn an_edit_into_an_older_pool_is_refused_and_changes_nothing() {
    let mut resolver = running();
    apply(
        &mut resolver,
        [pool("a", "10.0.0.0/24"), pool("b", "10.0.1.0/24")],
    );
    let delta = apply(&mut resolver, [pool("b", "10.0.0.0/16")]);
    assert!(delta.is_config_unchanged());
    assert_eq!(text(&resolver, "b").as_deref(), Some("10.0.1.0/24"));
    assert_eq!(fields(&resolver), ["b spec.addresses[0] OverlappingAddresses"]);
    let message = &resolver.problems_of(&ObjectId::new("IPAddressPool", "b"))[0].message;
    assert!(
        message.contains("`10.0.0.0/24` of the older pool `a`"),
        "{message}"
    );
}

#[test]
fn a_new_pool_gets_nothing_that_a_refused_one_still_holds() {
    let mut resolver = running();
    apply(&mut resolver, [pool("a", "192.0.2.0/24")]);
    apply(
        &mut resolver,
        [pool("a", "nonsense"), pool("b", "192.0.2.128/25")],
    );
    assert_eq!(text(&resolver, "b"), None);
    let delta = apply(&mut resolver, [delete("IPAddressPool", "a")]);
    assert_eq!(delta.pools.len(), 2);
    assert_eq!(text(&resolver, "b").as_deref(), Some("192.0.2.128/25"));
    assert!(fields(&resolver).is_empty());
}

#[test]
fn the_last_accepted_version_is_the_one_before_the_refusal() {
    let mut resolver = running();
    apply(&mut resolver, [pool("a", "10.0.0.0/24")]);
    apply(&mut resolver, [pool("a", "10.0.1.0/24")]);
    apply(&mut resolver, [pool("a", "nonsense")]);
    assert_eq!(text(&resolver, "a").as_deref(), Some("10.0.1.0/24"));
}

#[test]
fn a_plan_has_no_history() {
    let mut resolver = Resolver::new(Rules::default());
    apply(&mut resolver, [pool("a", "192.0.2.0/24")]);
    let delta = apply(&mut resolver, [pool("a", "nonsense")]);
    assert!(delta.pools.contains("a") && resolver.config().pools.is_empty());
}

#[test]
fn the_same_object_again_and_a_new_status_change_nothing() {
    let mut resolver = running();
    apply(&mut resolver, [pool("a", "192.0.2.0/24")]);
    assert_eq!(
        apply(&mut resolver, [pool("a", "192.0.2.0/24")]),
        Delta::default()
    );
    let mut counted: IpAddressPool = object("a", &json!({ "addresses": ["192.0.2.0/24"] }));
    counted.status = Some(crate::metallb::IpAddressPoolStatus {
        assigned_ipv4: 1,
        ..Default::default()
    });
    counted.metadata.resource_version = "2".into();
    assert_eq!(apply(&mut resolver, [counted.into()]), Delta::default());
}

fn peer(spec: &Value) -> Change {
    let mut full = json!({ "myASN": 64512, "peerASN": 64513, "peerAddress": "198.51.100.1" });
    full.as_object_mut()
        .unwrap()
        .extend(spec.as_object().unwrap().clone());
    object::<RawPeer>("tor", &full).into()
}

#[test]
fn a_peer_waits_for_its_profile_and_outlives_it() {
    let mut resolver = running();
    apply(&mut resolver, [peer(&json!({ "bfdProfile": "fast" }))]);
    assert_eq!(fields(&resolver), ["tor spec.bfdProfile UnknownBFDProfile"]);
    let profile = || Change::from(object::<RawProfile>("fast", &json!({})));
    let delta = apply(&mut resolver, [profile()]);
    assert!(delta.bgp_peers.contains("tor") && fields(&resolver).is_empty());
    let delta = apply(&mut resolver, [delete("BFDProfile", "fast")]);
    assert!(delta.bgp_peers.is_empty() && resolver.config().bgp_peers.contains_key("tor"));
    assert_eq!(fields(&resolver), ["tor spec.bfdProfile UnknownBFDProfile"]);
}

#[test]
fn a_peer_takes_a_changed_password() {
    let rules = Rules {
        with_secrets: true,
        ..running().rules
    };
    let mut resolver = Resolver::new(rules);
    apply(
        &mut resolver,
        [peer(&json!({ "passwordSecret": { "name": "s" } }))],
    );
    assert_eq!(fields(&resolver), ["tor spec.passwordSecret SecretMissing"]);
    let secret = |data: &str| -> Change {
        let value = json!({ "metadata": { "name": "s" }, "type": "kubernetes.io/basic-auth", "data": { "password": data } });
        decode::<Secret>(&value).unwrap().into()
    };
    let password = |resolver: &Resolver| {
        let peer = resolver.config().bgp_peers.get("tor").cloned();
        peer.and_then(|p| p.password.clone())
            .map(|p| p.text.expose().to_owned())
    };
    assert!(apply(&mut resolver, [secret("b25l")]).bgp_peers.contains("tor"));
    assert_eq!(password(&resolver).as_deref(), Some("one"));
    assert!(apply(&mut resolver, [secret("dHdv")]).bgp_peers.contains("tor"));
    assert_eq!(password(&resolver).as_deref(), Some("two"));
    assert_eq!(apply(&mut resolver, [secret("dHdv")]).bgp_peers.len(), 0);
}

fn alias(object_name: &str, name: &str, value: &str) -> Change {
    let spec = json!({ "communities": [{ "name": name, "value": value }] });
    object::<metallb::Community>(object_name, &spec).into()
}

fn advertisement(spec: &Value) -> Change {
    object::<RawBgp>("adv", spec).into()
}

#[test]
fn an_alias_that_moves_between_objects_changes_its_users_only_if_its_value_does() {
    let mut resolver = running();
    let user = advertisement(&json!({ "communities": ["mine"] }));
    apply(&mut resolver, [alias("x", "mine", "1:1"), user]);
    let delta = apply(
        &mut resolver,
        [alias("x", "other", "2:2"), alias("y", "mine", "1:1")],
    );
    assert!(delta.bgp_advertisements.is_empty() && fields(&resolver).is_empty());
    let delta = apply(&mut resolver, [alias("y", "mine", "3:3")]);
    assert!(delta.bgp_advertisements.contains("adv"));
    let communities: Vec<String> = resolver.config().bgp_advertisements["adv"]
        .communities
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(communities, ["3:3"]);
}

#[test]
fn an_advertisement_follows_the_pools_that_it_aggregates() {
    let mut resolver = running();
    let wide = advertisement(&json!({ "aggregationLength": 24, "ipAddressPools": ["a", "b"] }));
    apply(
        &mut resolver,
        [pool("a", "10.0.0.0/24"), pool("b", "10.0.1.0/24"), wide],
    );
    assert!(fields(&resolver).is_empty());
    let delta = apply(&mut resolver, [pool("b", "10.0.1.0/25")]);
    assert!(delta.bgp_advertisements.contains("adv"));
    assert_eq!(
        resolver.config().bgp_advertisements["adv"].unusable_pools,
        ["b".into()].into()
    );
    assert_eq!(
        fields(&resolver),
        ["adv spec.aggregationLength AggregationTooShort"]
    );
    apply(&mut resolver, [pool("b", "10.0.0.0/16")]);
    assert_eq!(
        fields(&resolver),
        [
            "b spec.addresses[0] OverlappingAddresses",
            "adv spec.aggregationLength AggregationTooShort"
        ]
        .map(str::to_owned)
        .into_iter()
        .rev()
        .collect::<Vec<_>>()
    );
}

#[test]
fn an_advertisement_without_a_usable_pool_waits_for_one() {
    let mut resolver = Resolver::new(Rules::default());
    let wide = advertisement(&json!({ "aggregationLength": 24 }));
    apply(&mut resolver, [pool("a", "10.0.0.0/28"), wide]);
    assert!(resolver.config().bgp_advertisements.is_empty());
    let delta = apply(&mut resolver, [pool("b", "10.0.1.0/24")]);
    assert!(delta.bgp_advertisements.contains("adv"));
    let delta = apply(&mut resolver, [delete("IPAddressPool", "b")]);
    assert!(delta.bgp_advertisements.contains("adv") && resolver.config().bgp_advertisements.is_empty());
}

#[test]
fn names_of_pools_are_warned_of_until_they_exist() {
    let mut resolver = running();
    apply(
        &mut resolver,
        [advertisement(
            &json!({ "ipAddressPools": ["a"], "peers": ["tor"] }),
        )],
    );
    assert_eq!(
        fields(&resolver),
        [
            "adv spec.ipAddressPools[0] UnknownPool",
            "adv spec.peers[0] UnknownPeer"
        ]
    );
    let delta = apply(&mut resolver, [pool("a", "nonsense"), peer(&json!({}))]);
    assert!(delta.bgp_advertisements.is_empty());
    assert_eq!(
        fields(&resolver),
        [
            "adv spec.ipAddressPools[0] PoolRefused",
            "a spec.addresses[0] InvalidAddress"
        ]
    );
    apply(&mut resolver, [pool("a", "10.0.0.0/24")]);
    assert!(fields(&resolver).is_empty());
}

#[test]
fn what_is_deleted_leaves_nothing_behind() {
    let mut resolver = running();
    let changes = [
        pool("a", "x"),
        peer(&json!({})),
        advertisement(&json!({ "peers": ["nobody"] })),
        alias("x", "m", "y"),
    ];
    apply(&mut resolver, changes);
    let kinds = [
        ("IPAddressPool", "a"),
        ("BGPPeer", "tor"),
        ("BGPAdvertisement", "adv"),
        ("Community", "x"),
    ];
    let delta = apply(&mut resolver, kinds.map(|(kind, name)| delete(kind, name)));
    assert_eq!(delta.objects.len(), 3);
    assert_eq!(resolver.into_parts(), (Config::default(), Vec::new()));
}
