use ferrolb_api::decode;
use serde_json::json;

use super::*;

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
    let mut feed = Feed::new(&"lb".into());
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
    let mut feed = Feed::new(&"lb".into());
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
    assert_eq!(feed.settle(false, &mut out), Some(Vec::new()));
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
    assert_eq!(feed.settle(true, &mut out), None, "there are no problems");
    assert!(matches!(out[..], [Input::ConfigResolved(_)]), "{out:?}");
    feed.take(pool(2, "192.0.2.0/24"), &mut out);
    assert_eq!(feed.settle(true, &mut out), None);
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
    let problems = feed.settle(true, &mut out).unwrap();
    assert_eq!(problems.len(), 1);
    assert!(out.is_empty(), "{out:?}");
    feed.take(pool(3, "192.0.2.0/24"), &mut out);
    assert_eq!(feed.settle(true, &mut out), Some(Vec::new()), "it is repaired");
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
