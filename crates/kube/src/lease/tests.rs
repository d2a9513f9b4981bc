use std::time::SystemTime;

use super::*;
use crate::script::{Answer, Script};

const SECOND: Duration = Duration::from_secs(1);

fn leases(answers: impl IntoIterator<Item = Answer>) -> (LeaseClient, std::sync::Arc<Script>) {
    let (client, script) = Script::client(answers);
    let clock = || SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_250);
    (LeaseClient::new(client, ObjectKey::new("lb", "a"), clock), script)
}

fn object(version: &str) -> Value {
    json!({
        "metadata": { "name": "a", "namespace": "lb", "resourceVersion": version, "labels": { "team": "net" } },
        "spec": { "holderIdentity": "other", "leaseDurationSeconds": 15, "acquireTime": "x", "renewTime": "y",
                  "leaseTransitions": 3, "strategy": "OldestEmulationVersion" },
    })
}

fn claim() -> Claim {
    Claim {
        holder: "me".into(),
        duration: 15 * SECOND,
        acquired: None,
        transitions: 4,
    }
}

fn update(version: &str) -> Request {
    Request::Update {
        version: version.into(),
        claim: claim(),
    }
}

#[tokio::test]
async fn a_lease_is_read_as_its_record() {
    let (leases, _) = leases([Answer::Json(200, object("7"))]);
    let Input::Read(Some(lease)) = leases.ask(Request::Get, SECOND).await else {
        panic!("there is one")
    };
    let record = Record {
        holder: "other".into(),
        duration: 15 * SECOND,
        acquired: "x".into(),
        renewed: "y".into(),
        transitions: 3,
    };
    assert_eq!((&*lease.version, lease.record), ("7", record));
}

#[tokio::test]
async fn an_update_names_the_version_and_keeps_what_others_wrote() {
    let (leases, script) = leases([Answer::Json(200, object("7")), Answer::Json(200, object("8"))]);
    leases.ask(Request::Get, SECOND).await;
    assert!(matches!(leases.ask(update("7"), SECOND).await, Input::Written(_)));
    let asked = script.asked().pop().unwrap();
    assert!(
        asked
            .what
            .starts_with("PUT /apis/coordination.k8s.io/v1/namespaces/lb/leases/a"),
        "{asked:?}"
    );
    assert_eq!(asked.body["metadata"], object("7")["metadata"]);
    let spec = json!({ "holderIdentity": "me", "leaseDurationSeconds": 15, "leaseTransitions": 4,
                       "acquireTime": "2023-11-14T22:13:20.250000Z", "renewTime": "2023-11-14T22:13:20.250000Z",
                       "strategy": "OldestEmulationVersion" });
    assert_eq!(asked.body["spec"], spec);
}

#[tokio::test]
async fn a_version_that_only_a_watch_showed_is_read_before_it_is_changed() {
    let (fresh, script) = leases([Answer::Json(200, object("7")), Answer::Json(200, object("8"))]);
    assert!(matches!(fresh.ask(update("7"), SECOND).await, Input::Written(_)));
    assert_eq!(script.paths().len(), 2);
    let (moved_on, script) = leases([Answer::Json(200, object("9"))]);
    assert!(matches!(
        moved_on.ask(update("7"), SECOND).await,
        Input::Read(Some(_))
    ));
    assert_eq!(script.paths().len(), 1, "another version is not written over");
}

#[tokio::test]
async fn answers_are_told_apart() {
    let create = || Request::Create(claim());
    for (code, request, expected) in [
        (404, Request::Get, Input::Read(None)),
        (403, Request::Get, Input::Denied),
        (500, Request::Get, Input::Failed),
        (409, create(), Input::Conflict),
        (403, create(), Input::Denied),
        (404, create(), Input::Denied),
        (201, create(), Input::Failed),
    ] {
        let ready = Answer::Json(200, json!({}));
        let (leases, _) = leases([Answer::status(code, "no"), ready, Answer::status(code, "no")]);
        let name = format!("{code} to {request:?}");
        let answer = leases.ask(request, SECOND).await;
        // A success with something else in it has no record of the own claim.
        let is_other = matches!(&answer, Input::Written(lease) if lease.record.holder.is_empty());
        assert!(answer == expected || is_other, "{name}: {answer:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn no_answer_in_time_is_a_failure() {
    let (leases, _) = leases([]);
    let start = tokio::time::Instant::now();
    assert_eq!(leases.ask(Request::Get, 5 * SECOND).await, Input::Failed);
    assert!(start.elapsed() < 6 * SECOND);
}

#[tokio::test]
async fn what_a_server_denies_before_it_is_ready_is_no_denial() {
    let denied = || Answer::status(403, "no");
    let ready = || Answer::Json(200, json!({}));
    let (leases, script) = leases([
        denied(),
        Answer::status(500, "starting"),
        denied(),
        ready(),
        denied(),
    ]);
    assert_eq!(leases.ask(Request::Get, SECOND).await, Input::Failed);
    assert_eq!(leases.ask(Request::Get, SECOND).await, Input::Denied);
    let asked: Vec<bool> = script
        .paths()
        .iter()
        .map(|path| path.contains("/readyz"))
        .collect();
    assert_eq!(asked, [false, true, false, true, false]);
}

#[tokio::test]
async fn a_role_that_is_read_meanwhile_counts() {
    let ready = Answer::Json(200, json!({}));
    let (leases, _) = leases([Answer::status(403, "no"), ready, Answer::Json(200, object("7"))]);
    assert!(matches!(
        leases.ask(Request::Get, SECOND).await,
        Input::Read(Some(_))
    ));
}

#[tokio::test]
async fn where_readiness_may_not_be_read_a_denial_counts_in_the_end() {
    let (leases, _) = leases((0..99).map(|_| Answer::status(403, "no")));
    for _ in 0..UNREADY_ATTEMPTS {
        assert_eq!(leases.ask(Request::Get, SECOND).await, Input::Failed);
    }
    assert_eq!(leases.ask(Request::Get, SECOND).await, Input::Denied);
}
