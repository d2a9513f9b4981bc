use ferrolb_api::decode;
use serde_json::json;

use super::*;

fn feed() -> Feed {
    let rules = Rules {
        namespace: "lb".into(),
        ..Rules::default()
    };
    Feed::new("n1".into(), rules, Watches::default())
}

/// The problems of a configuration that was just resolved.
fn problems(settled: Option<Settled>) -> Option<Vec<Problem>> {
    settled.map(|settled| settled.problems)
}

fn changed(change: ConfigChange) -> Report {
    Report::Changed {
        uid: "u".into(),
        change: Box::new(change),
    }
}

fn peer(spec: &serde_json::Value) -> Message {
    let mut full = json!({ "myASN": 64512, "peerASN": 64513, "peerAddress": "198.51.100.1" });
    full.as_object_mut()
        .unwrap()
        .extend(spec.as_object().unwrap().clone());
    let meta = json!({ "name": "tor", "namespace": "lb", "uid": "u" });
    let peer = decode::<BgpPeer>(&json!({ "metadata": meta, "spec": full })).unwrap();
    Message::Config(changed(peer.into()))
}

fn node(name: &str, rack: &str) -> Message {
    let meta = json!({ "name": name, "labels": { "rack": rack } });
    Message::Node(Change::Applied(decode(&json!({ "metadata": meta })).unwrap()))
}

fn settled_words(feed: &mut Feed) -> Vec<String> {
    let mut out = Vec::new();
    let settled = feed.settle(true, &mut out).expect("something was touched");
    settled.problems.iter().map(|p| p.reason.to_string()).collect()
}

fn pool(generation: i64, address: &str) -> Message {
    let meta = json!({ "name": "a", "namespace": "lb", "generation": generation });
    let pool = decode::<IpAddressPool>(&json!({ "metadata": meta, "spec": { "addresses": [address] } }));
    Message::Config(Report::Changed {
        uid: "u".into(),
        change: Box::new(pool.unwrap().into()),
    })
}

fn refused(kind: &'static str, code: u16) -> Message {
    let error = Error::Api {
        code,
        reason: String::new(),
        message: String::new(),
    };
    Message::Config(Report::Lost(kind, Arc::new(error)))
}

fn synced_feed() -> Feed {
    let mut feed = feed();
    let mut out = Vec::new();
    feed.take(Message::Service(Change::Synced), &mut out);
    feed.take(Message::Slice(Change::Synced), &mut out);
    feed.take(Message::Node(Change::Synced), &mut out);
    for kind in configuration::KINDS {
        feed.take(Message::Config(Report::Listed(kind)), &mut out);
    }
    assert!(out.is_empty());
    feed
}

#[test]
fn nothing_is_resolved_before_all_kinds_are_listed() {
    let mut feed = feed();
    let mut out = Vec::new();
    feed.take(pool(1, "192.0.2.0/24"), &mut out);
    feed.take(Message::Config(Report::Listed(IpAddressPool::KIND)), &mut out);
    assert_eq!(feed.settle(false, &mut out), None);
    assert!(out.is_empty());
    assert_eq!(
        feed.missing(),
        [
            "Service",
            "EndpointSlice",
            "Node",
            "L2Advertisement",
            "BGPAdvertisement",
            "BGPPeer",
            "BFDProfile",
            "Community"
        ]
    );
}

#[test]
fn the_first_configuration_comes_with_the_end_of_the_lists() {
    let mut feed = synced_feed();
    let mut out = Vec::new();
    assert_eq!(problems(feed.settle(false, &mut out)), Some(Vec::new()));
    assert!(
        matches!(out[..], [Input::ConfigResolved(_), Input::Synced]),
        "{out:?}"
    );
}

#[test]
fn a_batch_without_a_change_of_configuration_resolves_nothing() {
    let mut feed = synced_feed();
    let mut out = Vec::new();
    feed.settle(false, &mut out);
    out.clear();
    assert_eq!(feed.settle(true, &mut out), None);
    feed.take(pool(1, "192.0.2.0/24"), &mut out);
    assert_eq!(problems(feed.settle(true, &mut out)), Some(Vec::new()));
    assert!(matches!(out[..], [Input::ConfigResolved(_)]), "{out:?}");
    feed.take(pool(2, "192.0.2.0/24"), &mut out);
    assert_eq!(problems(feed.settle(true, &mut out)), Some(Vec::new()));
    assert_eq!(out.len(), 1, "the same addresses mean the same");
}

#[test]
fn a_refused_edit_is_a_problem_and_changes_nothing() {
    let mut feed = synced_feed();
    let mut out = Vec::new();
    feed.take(pool(1, "192.0.2.0/24"), &mut out);
    feed.settle(false, &mut out);
    out.clear();
    feed.take(pool(2, "nonsense"), &mut out);
    let settled = feed.settle(true, &mut out).unwrap();
    assert_eq!(settled.problems.len(), 1);
    assert_eq!(settled.kept.ids().count(), 1);
    assert!(out.is_empty(), "{out:?}");
    feed.take(pool(3, "192.0.2.0/24"), &mut out);
    assert_eq!(
        problems(feed.settle(true, &mut out)),
        Some(Vec::new()),
        "it is repaired"
    );
    assert!(out.is_empty(), "{out:?}");
}

#[test]
fn layer_2_does_without_what_may_not_be_read_and_waits_for_what_is_only_late() {
    let mut feed = synced_feed();
    let mut out = Vec::new();
    feed.missing = vec!["BGPPeer", "L2Advertisement"];
    feed.take(refused("BGPPeer", 503), &mut out);
    assert_eq!(feed.missing(), ["BGPPeer", "L2Advertisement"]);
    feed.take(refused("BGPPeer", 403), &mut out);
    feed.take(refused("L2Advertisement", 403), &mut out);
    assert_eq!(feed.missing(), ["L2Advertisement"]);
}

#[test]
fn what_an_earlier_process_had_accepted_is_in_force_from_the_first_configuration_on() {
    let mut before = synced_feed();
    let mut out = Vec::new();
    before.take(pool(1, "192.0.2.0/24"), &mut out);
    before.settle(false, &mut out);
    before.take(pool(2, "nonsense"), &mut out);
    let kept = before.settle(true, &mut out).unwrap().kept;

    let mut feed = feed();
    feed.missing.clear();
    let mut out = Vec::new();
    feed.take(Message::Restored(kept.clone()), &mut out);
    feed.take(pool(2, "nonsense"), &mut out);
    let settled = feed.settle(false, &mut out).unwrap();
    let [Input::ConfigResolved(config), Input::Synced] = &out[..] else {
        panic!("{out:?}")
    };
    assert!(config.pools.contains_key("a"));
    assert_eq!((settled.problems.len(), settled.kept), (1, kept));
}

#[test]
fn a_refused_peer_of_another_node_is_no_problem_here() {
    let mut feed = synced_feed();
    let mut out = Vec::new();
    feed.take(node("n1", "1"), &mut out);
    feed.take(node("n2", "2"), &mut out);
    feed.settle(false, &mut out);
    let bad = json!({ "bfdProfile": "none", "nodeSelectors": [{ "matchLabels": { "rack": "2" } }] });
    feed.take(peer(&bad), &mut out);
    assert_eq!(feed.settle(true, &mut out), None);
    feed.take(node("n1", "2"), &mut out);
    assert_eq!(
        settled_words(&mut feed),
        ["UnknownBFDProfile", "ReferenceWouldRefuse"]
    );
    feed.take(node("n1", "1"), &mut out);
    assert!(settled_words(&mut feed).is_empty());
}

#[test]
fn a_peer_is_judged_when_its_secret_was_looked_up() {
    let mut feed = synced_feed();
    let mut out = Vec::new();
    feed.take(peer(&json!({ "passwordSecret": { "name": "s" } })), &mut out);
    assert_eq!(feed.changed_secrets(), Some(["s".into()].into()));
    assert_eq!(feed.changed_secrets(), None);
    assert_eq!(feed.missing(), ["Secret"]);
    feed.take(Message::Secret("s".into(), Report::Listed("Secret")), &mut out);
    assert!(feed.is_synced());
    assert_eq!(settled_words(&mut feed), ["SecretMissing"]);
    let value = json!({ "metadata": { "name": "s", "namespace": "lb" }, "type": "kubernetes.io/basic-auth",
                        "data": { "password": "aHVudGVyMg==" } });
    let secret = decode::<Secret>(&value).unwrap();
    feed.take(Message::Secret("s".into(), changed(secret.into())), &mut out);
    assert!(settled_words(&mut feed).is_empty());
}

#[test]
fn secrets_that_may_not_be_read_are_not_said_to_be_missing() {
    let mut feed = synced_feed();
    let mut out = Vec::new();
    feed.take(peer(&json!({ "passwordSecret": { "name": "s" } })), &mut out);
    let Message::Config(lost) = refused("Secret", 403) else {
        panic!("it is about configuration")
    };
    feed.take(Message::Secret("s".into(), lost), &mut out);
    assert!(settled_words(&mut feed).is_empty());
}

#[test]
fn raw_configuration_for_frr_is_warned_of_once_it_is_there() {
    let mut feed = synced_feed();
    let mut out = Vec::new();
    let map = json!({ "metadata": { "name": "bgpextras", "namespace": "lb" }, "data": { "extras": "x" } });
    feed.take(Message::Extras(Change::Applied(decode(&map).unwrap())), &mut out);
    assert_eq!(settled_words(&mut feed), ["ExtrasIgnored"]);
    feed.take(
        Message::Extras(Change::Deleted(ObjectKey::new("lb", "bgpextras"))),
        &mut out,
    );
    assert!(settled_words(&mut feed).is_empty());
}
