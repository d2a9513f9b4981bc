use std::borrow::Cow;
use std::time::SystemTime;

use ferrolb_api::core::{Node, Service};

use super::super::{CONTROLLER, Severity, recorder};
use super::*;
use crate::script::{Answer, Script};

const EVENTS: &str = "/api/v1/namespaces/shop/events";

fn clock() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_250)
}

fn event(service: &str, message: &str) -> Event {
    Event {
        object: Reference::to::<Service>(ObjectKey::new("shop", service), "u1"),
        severity: Severity::Normal,
        reason: Cow::Borrowed("IPAllocated"),
        message: message.into(),
        tellers: Tellers::One,
    }
}

fn created() -> Answer {
    Answer::Json(201, json!({}))
}

/// Writes all of `events`; returns the requests and how many events were dropped.
async fn write_all(
    events: impl IntoIterator<Item = Event>,
    answers: impl IntoIterator<Item = Answer>,
) -> (Arc<Script>, u64) {
    let (client, script) = Script::client(answers);
    let (recorder, writer) = recorder(client, CONTROLLER, clock);
    events.into_iter().for_each(|event| recorder.record(event));
    let other = recorder.clone();
    drop(recorder);
    let dropped = Arc::clone(&writer.dropped);
    drop(other);
    writer.run().await;
    (script, dropped.load(Ordering::Relaxed))
}

#[tokio::test(start_paused = true)]
async fn an_event_says_who_what_and_when() {
    let (script, dropped) = write_all([event("web", "Assigned")], [created()]).await;
    assert_eq!(dropped, 0);
    let asked = &script.asked()[0];
    assert_eq!(asked.what, format!("POST {EVENTS}?"));
    let want = json!({
        "apiVersion": "v1", "kind": "Event",
        "metadata": { "name": "web.1797962a18f87280", "namespace": "shop" },
        "involvedObject": {
            "apiVersion": "v1", "kind": "Service", "name": "web", "namespace": "shop", "uid": "u1",
        },
        "type": "Normal", "reason": "IPAllocated", "message": "Assigned",
        "source": { "component": "metallb-controller" },
        "reportingComponent": "metallb-controller", "reportingInstance": "",
        "firstTimestamp": "2023-11-14T22:13:20Z", "lastTimestamp": "2023-11-14T22:13:20Z", "count": 1,
    });
    assert_eq!(
        asked.body["metadata"]["name"].as_str().map(str::len),
        Some("web.".len() + 16)
    );
    let mut body = asked.body.clone();
    body["metadata"]["name"] = want["metadata"]["name"].clone();
    assert_eq!(body, want);
}

#[tokio::test(start_paused = true)]
async fn identical_events_are_counted_up_and_others_are_not() {
    let events = [
        event("web", "a"),
        event("web", "a"),
        event("web", "b"),
        event("web", "a"),
    ];
    let (script, _) = write_all(events, (0..4).map(|_| created())).await;
    let asked = script.asked();
    let name = asked[0].body["metadata"]["name"]
        .as_str()
        .expect("a name")
        .to_owned();
    let (post, patch) = (format!("POST {EVENTS}?"), format!("PATCH {EVENTS}/{name}?"));
    assert_eq!(script.paths(), [post.clone(), patch.clone(), post, patch]);
    assert_eq!(
        (&asked[1].body["count"], &asked[3].body["count"]),
        (&json!(2), &json!(3))
    );
}

#[tokio::test(start_paused = true)]
async fn a_series_that_the_api_server_has_forgotten_begins_anew() {
    let answers = [created(), Answer::status(404, "gone"), created(), created()];
    let (script, dropped) = write_all((0..3).map(|_| event("web", "a")), answers).await;
    let verbs: Vec<_> = script.paths().iter().map(|path| path[..4].to_owned()).collect();
    assert_eq!(
        (&verbs[..], dropped),
        (&["POST", "PATC", "POST", "PATC"].map(String::from)[..], 0)
    );
}

#[tokio::test(start_paused = true)]
async fn one_object_cannot_flood_and_others_are_not_affected() {
    let flood = (0..40)
        .map(|n| event("web", &n.to_string()))
        .chain([event("other", "x")]);
    let (script, dropped) = write_all(flood, (0..40).map(|_| created())).await;
    assert_eq!((script.asked().len(), dropped), (26, 15));
}

#[tokio::test(start_paused = true)]
async fn trouble_is_waited_out_and_a_refusal_drops_the_event() {
    let answers = [
        Answer::Unreachable,
        Answer::status(503, "busy"),
        created(),
        Answer::status(403, "no"),
    ];
    let (script, dropped) = write_all([event("web", "a"), event("web", "b")], answers).await;
    assert_eq!((script.asked().len(), dropped), (4, 1));
}

#[tokio::test(start_paused = true)]
async fn events_of_cluster_scoped_objects_live_in_default() {
    let mut about_node = event("n1", "a");
    about_node.object = Reference::to::<Node>(ObjectKey::new("", "n1"), "u1");
    let (script, _) = write_all([about_node], [created()]).await;
    assert_eq!(script.paths(), ["POST /api/v1/namespaces/default/events?"]);
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_drops_and_counts_without_waiting() {
    let (client, _) = Script::client([]);
    let (recorder, _writer) = recorder(client, CONTROLLER, clock);
    (0..super::super::QUEUE + 3).for_each(|_| recorder.record(event("web", "a")));
    assert_eq!(recorder.dropped(), 3);
}

/// Runs a writer of so many events whose requests are never answered for that long; how many it has sent.
async fn sent(events: usize, pressure: &Pressure, time: Duration) -> usize {
    let (client, script) = Script::client([]);
    let (recorder, writer) = recorder(client, CONTROLLER, clock);
    for number in 0..events {
        recorder.record(event(&format!("web-{number}"), "Assigned"));
    }
    let run = writer.giving_way_to(pressure.clone()).run();
    let _ = tokio::time::timeout(time, run).await;
    script.asked().len()
}

#[tokio::test(start_paused = true)]
async fn while_status_writes_wait_four_events_a_second_are_sent() {
    let pressure = Pressure::default();
    assert_eq!(sent(20, &pressure, Duration::from_millis(1)).await, 8);
    pressure.set(true);
    assert_eq!(sent(20, &pressure, Duration::from_millis(1010)).await, 4);
}

#[tokio::test(start_paused = true)]
async fn events_go_on_as_soon_as_no_status_write_waits() {
    let pressure = Pressure::default();
    pressure.set(true);
    let relief = async {
        tokio::time::sleep(Duration::from_millis(5)).await;
        pressure.set(false);
    };
    let (sent, ()) = tokio::join!(sent(20, &pressure, Duration::from_millis(10)), relief);
    assert_eq!(sent, 8);
}

#[tokio::test(start_paused = true)]
async fn events_do_not_wait_for_status_writes_until_they_are_dropped() {
    let pressure = Pressure::default();
    pressure.set(true);
    assert_eq!(sent(16_000, &pressure, Duration::from_millis(1)).await, 8);
}
