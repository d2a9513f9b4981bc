use serde_json::json;

use super::*;
use crate::metallb::{
    BfdProfile as RawProfile, BgpAdvertisement as RawBgp, BgpPeer as RawPeer, Community as RawCommunity,
    IpAddressPool, L2Advertisement as RawL2,
};
use crate::{Change, Rules, decode};

const ROOM: usize = 1 << 16;

fn running() -> Resolver {
    Resolver::new(Rules {
        keep_last_accepted: true,
        with_secrets: true,
        bgp_mode: crate::BgpMode::Frr,
        ..Rules::default()
    })
}

fn object<T: Object + Into<Change>>(name: &str, spec: &Value) -> Change {
    let meta =
        json!({ "name": name, "uid": format!("uid-{name}"), "creationTimestamp": "2024-01-01T00:00:00Z" });
    decode::<T>(&json!({ "metadata": meta, "spec": spec }))
        .unwrap()
        .into()
}

fn settle(resolver: &mut Resolver, changes: &[Change]) {
    for change in changes {
        resolver.apply(change.clone());
    }
    resolver.settle();
}

/// Another process after this one: it knows only what was stored and what is written.
fn restarted(resolver: &Resolver, written: &[Change]) -> Resolver {
    let mut next = running();
    next.restore(Kept::decode(&resolver.kept().encode(ROOM).text));
    settle(&mut next, written);
    next
}

fn pool(addresses: &str) -> Change {
    object::<IpAddressPool>("a", &json!({ "addresses": [addresses] }))
}

fn peer(spec: &Value) -> Change {
    let mut full = json!({ "myASN": 64512, "peerASN": 64513, "peerAddress": "198.51.100.1" });
    full.as_object_mut()
        .unwrap()
        .extend(spec.as_object().unwrap().clone());
    object::<RawPeer>("tor", &full)
}

fn secret(password: &str) -> Change {
    let (meta, data) = (json!({ "name": "s" }), json!({ "password": password }));
    let value = json!({ "metadata": meta, "type": "kubernetes.io/basic-auth", "stringData": data });
    decode::<Secret>(&value).unwrap().into()
}

fn password(resolver: &Resolver) -> Option<&str> {
    let peer = resolver.config().bgp_peers.get("tor")?;
    peer.password.as_ref().map(|p| p.text.expose())
}

#[test]
fn a_restart_amid_refused_edits_of_every_kind_changes_nothing() {
    let good = [
        pool("10.0.0.0/24"),
        object::<RawL2>(
            "l2",
            &json!({ "nodeSelectors": [{ "matchLabels": { "rack": "1" } }] }),
        ),
        object::<RawCommunity>(
            "c",
            &json!({ "communities": [{ "name": "mine", "value": "1:1" }] }),
        ),
        object::<RawProfile>("fast", &json!({ "transmitInterval": 50 })),
        peer(
            &json!({ "bfdProfile": "fast", "holdTime": "9s", "nodeSelectors": [{ "matchLabels": { "rack": "1" } }] }),
        ),
        object::<RawBgp>(
            "bgp",
            &json!({ "communities": ["mine"], "aggregationLength": 26, "peers": ["tor"] }),
        ),
    ];
    let bad = [
        pool("nonsense"),
        object::<RawL2>(
            "l2",
            &json!({ "nodeSelectors": [{ "matchLabels": { "-": "1" } }] }),
        ),
        object::<RawCommunity>(
            "c",
            &json!({ "communities": [{ "name": "mine", "value": "one" }] }),
        ),
        object::<RawProfile>("fast", &json!({ "transmitInterval": 1 })),
        peer(&json!({ "bfdProfile": "none" })),
        object::<RawBgp>("bgp", &json!({ "communities": ["other"] })),
    ];
    let mut before = running();
    settle(&mut before, &good);
    settle(&mut before, &bad);
    assert_eq!(before.kept().ids().count(), 6);
    let after = restarted(&before, &bad);
    assert_eq!(after.config(), before.config());
    assert_eq!(
        after.kept(),
        before.kept(),
        "so that the next restart changes nothing either"
    );
    assert!(after.problems().eq(before.problems()));
}

#[test]
fn only_what_is_refused_is_kept() {
    let mut resolver = running();
    settle(&mut resolver, &[pool("10.0.0.0/24")]);
    assert!(resolver.kept().is_empty());
    assert_eq!(resolver.kept().encode(ROOM), Encoded::default());
    settle(&mut resolver, &[pool("x")]);
    assert_eq!(
        resolver.kept().ids().collect::<Vec<_>>(),
        [ObjectId::new("IPAddressPool", "a")]
    );
    settle(&mut resolver, &[pool("10.0.1.0/24")]);
    assert!(resolver.kept().is_empty());
}

#[test]
fn an_object_that_was_never_accepted_is_not_kept() {
    let mut resolver = running();
    settle(&mut resolver, &[pool("x")]);
    assert!(resolver.kept().is_empty());
}

#[test]
fn a_repair_that_came_while_no_process_ran_counts() {
    let mut before = running();
    settle(&mut before, &[pool("10.0.0.0/24")]);
    settle(&mut before, &[pool("x")]);
    let after = restarted(&before, &[pool("10.0.9.0/24")]);
    assert_eq!(after.config().pools["a"].entries[0].text.as_ref(), "10.0.9.0/24");
    assert!(after.kept().is_empty());
}

#[test]
fn an_object_that_was_created_anew_inherits_nothing() {
    let mut before = running();
    settle(&mut before, &[pool("10.0.0.0/24")]);
    settle(&mut before, &[pool("x")]);
    let meta = json!({ "name": "a", "uid": "another" });
    let anew = decode::<IpAddressPool>(&json!({ "metadata": meta, "spec": { "addresses": ["x"] } }));
    let after = restarted(&before, &[anew.unwrap().into()]);
    assert!(after.config().pools.is_empty());
}

#[test]
fn an_edit_that_does_not_decode_keeps_what_was_in_force_and_its_age() {
    let younger = || {
        let meta = json!({ "name": "b", "creationTimestamp": "2025-01-01T00:00:00Z" });
        let spec = json!({ "addresses": ["10.0.0.0/25"] });
        Change::from(decode::<IpAddressPool>(&json!({ "metadata": meta, "spec": spec })).unwrap())
    };
    let undecodable =
        decode::<IpAddressPool>(&json!({ "metadata": { "name": "a" }, "spec": 7 })).unwrap_err();
    let undecodable = Change::Undecodable(*undecodable);
    let mut before = running();
    settle(&mut before, &[pool("10.0.0.0/24")]);
    settle(&mut before, &[undecodable.clone(), younger()]);
    let after = restarted(&before, &[younger(), undecodable]);
    assert_eq!(after.config(), before.config());
    assert_eq!(after.kept(), before.kept());
}

#[test]
fn what_is_kept_of_an_object_that_is_gone_is_forgotten_when_all_are_known() {
    let mut before = running();
    settle(&mut before, &[pool("10.0.0.0/24")]);
    settle(&mut before, &[pool("x")]);
    let mut after = running();
    after.restore(before.kept());
    after.settle();
    assert!(after.config().pools.is_empty());
    after.forget_restored("IPAddressPool");
    settle(&mut after, &[pool("x")]);
    assert!(after.config().pools.is_empty());
}

#[test]
fn a_password_is_not_kept_and_comes_back_from_the_object() {
    let mut before = running();
    settle(&mut before, &[peer(&json!({ "password": "hunter2" }))]);
    let bad = peer(&json!({ "password": "hunter2", "holdTime": "1s" }));
    settle(&mut before, std::slice::from_ref(&bad));
    let text = before.kept().encode(ROOM).text;
    assert!(
        text.contains("tor") && !text.contains("hunter2") && !text.contains("aHVudGVyMg"),
        "{text}"
    );
    let after = restarted(&before, &[bad]);
    assert_eq!(after.config(), before.config());
    let without = restarted(&before, &[peer(&json!({ "holdTime": "1s" }))]);
    assert!(
        without.config().bgp_peers.is_empty(),
        "not even without a password"
    );
}

#[test]
fn a_password_of_a_secret_comes_back_from_the_secret() {
    let with = |hold: &str| peer(&json!({ "passwordSecret": { "name": "s" }, "holdTime": hold }));
    let mut before = running();
    settle(&mut before, &[secret("hunter2"), with("9s")]);
    settle(&mut before, &[with("1s")]);
    assert_eq!(password(&before), Some("hunter2"));
    assert!(!before.kept().encode(ROOM).text.contains("hunter2"));
    let after = restarted(&before, &[with("1s"), secret("another")]);
    assert_eq!(password(&after), Some("another"));
}

#[test]
fn what_has_no_room_is_named_and_the_rest_is_kept() {
    let mut before = running();
    settle(&mut before, &[pool("10.0.0.0/24"), peer(&json!({}))]);
    settle(&mut before, &[pool("x"), peer(&json!({ "holdTime": "1s" }))]);
    let all = before.kept().encode(ROOM);
    assert!(all.left_out.is_empty());
    let encoded = before.kept().encode(all.text.len() - 1);
    assert_eq!(encoded.left_out, [ObjectId::new("BGPPeer", "tor")]);
    assert_eq!(Kept::decode(&encoded.text).ids().count(), 1);
    assert_eq!(before.kept().encode(all.text.len()), all);
}

#[test]
fn what_cannot_be_read_is_left_out_alone() {
    let mut before = running();
    settle(&mut before, &[pool("10.0.0.0/24")]);
    settle(&mut before, &[pool("x")]);
    let text = before.kept().encode(ROOM).text;
    let with_others = text.replacen(
        '[',
        r#"[{"kind":"Later","name":"z"},7,{"kind":"BGPPeer","name":"p","inForce":{}},"#,
        1,
    );
    assert_eq!(Kept::decode(&with_others), before.kept());
    for text in ["", "{", "null", "{}", "[[]]"] {
        assert!(Kept::decode(text).is_empty(), "{text}");
    }
}

#[test]
fn the_own_record_comes_before_that_of_another() {
    let kept = |addresses: &str| {
        let mut resolver = running();
        settle(&mut resolver, &[pool(addresses)]);
        settle(&mut resolver, &[pool("x")]);
        resolver.kept()
    };
    let mut mine = kept("10.0.0.0/24");
    mine.fill_up(kept("10.0.1.0/24"));
    assert_eq!(mine, kept("10.0.0.0/24"));
    let mut nothing = Kept::default();
    nothing.fill_up(kept("10.0.1.0/24"));
    assert_eq!(nothing, kept("10.0.1.0/24"));
}
