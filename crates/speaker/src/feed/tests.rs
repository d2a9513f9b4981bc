use ferrolb_api::decode;
use serde_json::json;

use super::*;

fn pool(generation: i64, address: &str) -> IpAddressPool {
    let meta = json!({ "name": "a", "namespace": "lb", "generation": generation });
    decode(&json!({ "metadata": meta, "spec": { "addresses": [address] } })).unwrap()
}

fn synced_feed() -> Feed {
    let mut feed = Feed::new(&"lb".into());
    let mut out = Vec::new();
    feed.take(Message::Service(Change::Synced), &mut out);
    feed.take(Message::Slice(Change::Synced), &mut out);
    feed.take(Message::Node(Change::Synced), &mut out);
    feed.take(Message::Pool(Change::Synced), &mut out);
    feed.take(Message::Advertisement(Change::Synced), &mut out);
    assert!(out.is_empty());
    feed
}

#[test]
fn nothing_is_resolved_before_all_kinds_are_listed() {
    let mut feed = Feed::new(&"lb".into());
    let mut out = Vec::new();
    feed.take(Message::Pool(Change::Applied(pool(1, "192.0.2.0/24"))), &mut out);
    feed.take(Message::Pool(Change::Synced), &mut out);
    assert_eq!(feed.settle(false, &mut out), None);
    assert!(out.is_empty());
    assert_eq!(
        feed.missing(),
        ["Service", "EndpointSlice", "Node", "L2Advertisement"]
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
    feed.take(Message::Pool(Change::Applied(pool(1, "192.0.2.0/24"))), &mut out);
    assert_eq!(feed.settle(true, &mut out), Some(Vec::new()));
    feed.take(Message::Pool(Change::Applied(pool(1, "192.0.2.0/24"))), &mut out);
    assert_eq!(
        feed.settle(true, &mut out),
        None,
        "the same generation means the same"
    );
}

#[test]
fn a_refused_edit_is_a_problem_and_changes_nothing() {
    let mut feed = synced_feed();
    let mut out = Vec::new();
    feed.take(Message::Pool(Change::Applied(pool(1, "192.0.2.0/24"))), &mut out);
    feed.settle(false, &mut out);
    let before = out.swap_remove(0);
    out.clear();
    feed.take(Message::Pool(Change::Applied(pool(2, "nonsense"))), &mut out);
    let problems = feed.settle(true, &mut out).unwrap();
    assert_eq!(problems.len(), 1);
    assert_eq!(out, [before]);
}
