use tokio::sync::mpsc;

use super::*;
use crate::script::{Answer, Asked, Script};

/// 2023-11-14T22:13:20Z.
fn clock() -> std::time::SystemTime {
    std::time::UNIX_EPOCH + Duration::from_secs(1_700_000_000)
}

const STATUS: &str = "/api/v1/namespaces/shop/services/web/status";

fn write(addresses: &[&str], pool: Option<&str>) -> ServiceStatus {
    ServiceStatus {
        key: ObjectKey::new("shop", "web"),
        ticket: 1,
        uid: "u1".into(),
        resource_version: "5".into(),
        is_blank: true,
        addresses: addresses
            .iter()
            .map(|text| text.parse().expect("an address"))
            .collect(),
        pool: pool.map(PoolName::from),
        request_condition: None,
    }
}

fn place(client: Client) -> Place {
    Place {
        status: ObjectClient::new(client, "status"),
        clock,
    }
}

/// A Service with these ingress entries.
fn object(version: &str, ingress: &Value) -> Value {
    json!({
        "metadata": { "name": "web", "namespace": "shop", "uid": "u1", "resourceVersion": version,
            "annotations": { "mine": "stays", IP_ALLOCATED_FROM_POOL: "old" } },
        "spec": { "type": "LoadBalancer", "unknownHere": 1 },
        "status": { "loadBalancer": { "ingress": ingress }, "conditions": [] },
    })
}

fn stored(version: &str) -> Answer {
    Answer::Json(200, json!({ "metadata": { "resourceVersion": version } }))
}

/// Outcomes of the writes in their order of finishing, and what the API server was asked.
async fn carry_out(
    writes: impl IntoIterator<Item = ServiceStatus>,
    answers: impl IntoIterator<Item = Answer>,
) -> (Vec<Outcome>, Vec<Asked>) {
    let (client, script) = Script::client(answers);
    let writer = ServiceStatusWriter::new(client, clock);
    let mut missing = 0;
    for write in writes {
        writer.submit(write);
        missing += 1;
    }
    let (sender, mut outcomes) = mpsc::channel(8);
    let run = writer.run(|_, outcome, _| {
        let sender = sender.clone();
        async move { sender.send(outcome).await.expect("received") }
    });
    let receive = async {
        let mut seen = Vec::new();
        while seen.len() < missing {
            seen.extend(outcomes.recv().await);
        }
        seen
    };
    tokio::select! {
        () = run => unreachable!("runs for ever"),
        seen = receive => (seen, script.asked()),
    }
}

fn written(version: &str) -> Outcome {
    Outcome::Written {
        resource_version: version.into(),
    }
}

#[tokio::test(start_paused = true)]
async fn a_blank_service_is_patched_with_one_request() {
    let job = write(&["192.0.2.1", "2001:db8::1"], Some("office"));
    let (outcomes, asked) = carry_out([job], [stored("6")]).await;
    assert_eq!(outcomes, [written("6")]);
    let want = json!({
        "metadata": { "resourceVersion": "5", "annotations": { IP_ALLOCATED_FROM_POOL: "office" } },
        "status": { "loadBalancer": { "ingress": [{ "ip": "192.0.2.1" }, { "ip": "2001:db8::1" }] } },
    });
    assert_eq!(
        asked,
        [Asked {
            what: format!("PATCH {STATUS}?"),
            body: want
        }]
    );
}

#[tokio::test(start_paused = true)]
async fn entries_whose_address_stays_keep_what_others_wrote_and_host_names_stay() {
    let mut job = write(&["192.0.2.9", "2001:db8::1"], Some("office"));
    job.is_blank = false;
    let kept = json!({ "ip": "2001:DB8::1", "ipMode": "Proxy", "ports": [{ "port": 80 }] });
    let present = json!([{ "ip": "192.0.2.1", "ipMode": "VIP" }, { "hostname": "lb.example" }, kept]);
    let (outcomes, asked) = carry_out([job], [Answer::Json(200, object("5", &present)), stored("6")]).await;
    assert_eq!(outcomes, [written("6")]);
    let want = json!([{ "ip": "192.0.2.9" }, kept, { "hostname": "lb.example" }]);
    assert_eq!(asked[1].body.pointer("/status/loadBalancer/ingress"), Some(&want));
}

#[tokio::test(start_paused = true)]
async fn taking_everything_away_clears_list_and_annotation() {
    let mut job = write(&[], None);
    job.is_blank = false;
    let answers = [
        Answer::Json(200, object("5", &json!([{ "ip": "192.0.2.1" }]))),
        stored("6"),
    ];
    let (_, asked) = carry_out([job], answers).await;
    assert_eq!(
        asked[1].body["status"]["loadBalancer"],
        json!({ "ingress": null })
    );
    assert_eq!(
        asked[1].body["metadata"]["annotations"],
        json!({ IP_ALLOCATED_FROM_POOL: null })
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_stored_already_is_not_written() {
    let mut job = write(&["192.0.2.1"], Some("old"));
    job.is_blank = false;
    let present = json!([{ "ip": "192.0.2.1", "ipMode": "VIP" }]);
    let (outcomes, asked) = carry_out([job], [Answer::Json(200, object("5", &present))]).await;
    assert_eq!(outcomes, [written("5")]);
    assert_eq!(asked.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn another_version_or_another_object_is_left_alone() {
    let mut job = write(&["192.0.2.1"], None);
    job.is_blank = false;
    let (outcomes, asked) = carry_out([job.clone()], [Answer::Json(200, object("6", &json!([])))]).await;
    assert_eq!((&outcomes[..], asked.len()), (&[Outcome::Conflict][..], 1));
    job.uid = "u0".into();
    let (outcomes, asked) = carry_out([job], [Answer::Json(200, object("5", &json!([])))]).await;
    assert_eq!((&outcomes[..], asked.len()), (&[Outcome::Gone][..], 1));
}

#[tokio::test(start_paused = true)]
async fn refusals_are_told_apart() {
    let cases = [
        (404, Outcome::Gone),
        (409, Outcome::Conflict),
        (
            422,
            Outcome::Refused {
                message: "the API server answered 422: no".into(),
            },
        ),
    ];
    for (code, want) in cases {
        let (outcomes, asked) = carry_out([write(&["192.0.2.1"], None)], [Answer::status(code, "no")]).await;
        assert_eq!((&outcomes[..], asked.len()), (&[want][..], 1), "{code}");
    }
}

#[tokio::test(start_paused = true)]
async fn where_patch_is_forbidden_the_full_object_is_put_and_that_is_remembered() {
    let present = || Answer::Json(200, object("5", &json!([])));
    let answers = [
        Answer::status(403, "no patch"),
        present(),
        stored("6"),
        present(),
        stored("7"),
    ];
    let mut second = write(&["192.0.2.2"], Some("office"));
    second.key = ObjectKey::new("shop", "other");
    let (client, script) = Script::client(answers);
    let place = place(client);
    for (job, version) in [(write(&["192.0.2.1"], Some("office")), "6"), (second, "7")] {
        assert_eq!(attempt(&place, &job).await, written(version));
    }
    let verbs: Vec<_> = script
        .paths()
        .iter()
        .map(|p| p.split(' ').next().unwrap_or_default().to_owned())
        .collect();
    assert_eq!(verbs, ["PATCH", "GET", "PUT", "GET", "PUT"]);
    let put = &script.asked()[2].body;
    assert_eq!(
        put["status"]["loadBalancer"]["ingress"],
        json!([{ "ip": "192.0.2.1" }])
    );
    assert_eq!(put["spec"]["unknownHere"], json!(1));
    let annotations = json!({ "mine": "stays", IP_ALLOCATED_FROM_POOL: "office" });
    assert_eq!(put["metadata"]["annotations"], annotations);
}

#[tokio::test(start_paused = true)]
async fn neither_patch_nor_put_permitted_is_refused_and_patch_is_tried_again_next_time() {
    let answers = [
        Answer::status(403, "no patch"),
        Answer::Json(200, object("5", &json!([]))),
        Answer::status(403, "no update"),
        stored("8"),
    ];
    let jobs = [write(&["192.0.2.1"], None)];
    let (client, script) = Script::client(answers);
    let place = place(client);
    let refused = attempt(&place, &jobs[0]).await;
    assert!(
        matches!(&refused, Outcome::Refused { message } if message.contains("no update")),
        "{refused:?}"
    );
    assert_eq!(attempt(&place, &jobs[0]).await, written("8"));
    assert_eq!(script.paths().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn trouble_is_retried_a_bounded_number_of_times() {
    let answers = [
        Answer::Unreachable,
        Answer::status(503, "overloaded"),
        stored("6"),
    ];
    let (outcomes, _) = carry_out([write(&["192.0.2.1"], None)], answers).await;
    assert_eq!(outcomes, [written("6")]);
    let (outcomes, asked) =
        carry_out([write(&["192.0.2.1"], None)], (0..9).map(|_| Answer::Unreachable)).await;
    assert!(matches!(outcomes[0], Outcome::Failed { .. }), "{outcomes:?}");
    assert_eq!(asked.len(), 6);
}

#[tokio::test(start_paused = true)]
async fn no_more_than_the_limit_are_under_way_at_a_time() {
    let (client, script) = Script::client([]);
    let writer = ServiceStatusWriter::new(client, clock);
    for number in 0..100 {
        let mut job = write(&["192.0.2.1"], None);
        job.key = ObjectKey::new("shop", format!("web-{number}"));
        writer.submit(job);
    }
    let run = writer.run(|_, _, _| std::future::ready(()));
    let _ = tokio::time::timeout(Duration::from_secs(1), run).await;
    assert_eq!(script.asked().len(), IN_FLIGHT);
}

fn unmet(reason: &str, generation: i64) -> Option<Box<RequestCondition>> {
    Some(Box::new(RequestCondition {
        status: "False".into(),
        reason: reason.into(),
        message: "taken".into(),
        observed_generation: generation,
    }))
}

/// A Service that holds 192.0.2.1 of pool `old`, with these conditions.
fn with_conditions(conditions: &Value) -> Value {
    let mut object = object("5", &json!([{ "ip": "192.0.2.1", "ipMode": "VIP" }]));
    object["status"]["conditions"] = conditions.clone();
    object
}

/// A write that changes nothing of what [`with_conditions`] holds but the condition.
fn about_the_request(condition: Option<Box<RequestCondition>>) -> ServiceStatus {
    ServiceStatus {
        is_blank: false,
        request_condition: condition,
        ..write(&["192.0.2.1"], Some("old"))
    }
}

fn foreign() -> Value {
    json!({ "type": "example.com/Ready", "status": "True", "reason": "Is", "extra": 1 })
}

fn ours(reason: &str, since: &str) -> Value {
    json!({ "type": "ferrolb.io/RequestMet", "status": "False", "reason": reason, "message": "taken",
        "lastTransitionTime": since })
}

const NOW: &str = "2023-11-14T22:13:20Z";
const EARLIER: &str = "2023-01-01T00:00:00Z";

#[tokio::test(start_paused = true)]
async fn an_unmet_request_is_told_in_a_condition_beside_those_of_others() {
    let present = with_conditions(&json!([foreign()]));
    let job = about_the_request(unmet("AddressInUse", 7));
    let (outcomes, asked) = carry_out([job], [Answer::Json(200, present), stored("6")]).await;
    assert_eq!(outcomes, [written("6")]);
    let mut ours = ours("AddressInUse", NOW);
    ours["observedGeneration"] = json!(7);
    assert_eq!(asked[1].body["status"]["conditions"], json!([foreign(), ours]));
    assert_eq!(asked[1].body["metadata"]["resourceVersion"], json!("5"));
    let kept = json!([{ "ip": "192.0.2.1", "ipMode": "VIP" }]);
    assert_eq!(asked[1].body["status"]["loadBalancer"]["ingress"], kept);
}

#[tokio::test(start_paused = true)]
async fn another_reason_is_no_transition_and_keeps_its_place_and_time() {
    let present = with_conditions(&json!([ours("AddressInUse", EARLIER), foreign()]));
    let job = about_the_request(unmet("NoMatchingPool", 0));
    let (_, asked) = carry_out([job], [Answer::Json(200, present), stored("6")]).await;
    let want = json!([ours("NoMatchingPool", EARLIER), foreign()]);
    assert_eq!(asked[1].body["status"]["conditions"], want);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_met_loses_its_condition_and_others_keep_theirs() {
    let alone = json!([ours("AddressInUse", EARLIER)]);
    let beside = json!([foreign(), ours("AddressInUse", EARLIER)]);
    for (present, want) in [(alone, Value::Null), (beside, json!([foreign()]))] {
        let answers = [Answer::Json(200, with_conditions(&present)), stored("6")];
        let (_, asked) = carry_out([about_the_request(None)], answers).await;
        assert_eq!(asked[1].body["status"]["conditions"], want);
    }
}

#[tokio::test(start_paused = true)]
async fn a_condition_that_says_so_already_is_not_written_and_foreign_ones_are_not_mentioned() {
    let present = with_conditions(&json!([foreign(), ours("AddressInUse", EARLIER)]));
    let job = about_the_request(unmet("AddressInUse", 0));
    let (outcomes, asked) = carry_out([job], [Answer::Json(200, present)]).await;
    assert_eq!((&outcomes[..], asked.len()), (&[written("5")][..], 1));

    let mut moved = about_the_request(None);
    moved.addresses = vec!["192.0.2.9".parse().expect("an address")];
    let present = with_conditions(&json!([foreign()]));
    let (_, asked) = carry_out([moved], [Answer::Json(200, present), stored("6")]).await;
    assert_eq!(asked[1].body["status"].get("conditions"), None);
}

#[tokio::test(start_paused = true)]
async fn the_first_address_together_with_an_unmet_request_is_written_on_what_is_there() {
    let present = with_conditions(&json!([foreign()]));
    let mut job = about_the_request(unmet("AddressInUse", 0));
    job.is_blank = true;
    let (_, asked) = carry_out([job], [Answer::Json(200, present), stored("6")]).await;
    let want = json!([foreign(), ours("AddressInUse", NOW)]);
    assert_eq!(asked[1].body["status"]["conditions"], want);
}

#[tokio::test(start_paused = true)]
async fn where_patch_is_forbidden_the_condition_is_put_in_the_same_object() {
    let present = || Answer::Json(200, with_conditions(&json!([foreign()])));
    let answers = [present(), Answer::status(403, "no patch"), stored("6")];
    let (outcomes, asked) = carry_out([about_the_request(unmet("AddressInUse", 0))], answers).await;
    assert_eq!(outcomes, [written("6")]);
    assert!(asked[2].what.starts_with("PUT "), "{}", asked[2].what);
    let want = json!([foreign(), ours("AddressInUse", NOW)]);
    assert_eq!(asked[2].body["status"]["conditions"], want);
    let mut rest = asked[2].body.clone();
    rest["status"]["conditions"] = json!([foreign()]);
    assert_eq!(rest, with_conditions(&json!([foreign()])), "nothing else changed");
}
