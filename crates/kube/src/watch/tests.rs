use serde_json::{Value, json};

use ferrolb_api::core::Service;

use super::*;
use crate::script::{Answer, Script};

fn service(name: &str, version: &str) -> Value {
    json!({ "metadata": { "name": name, "namespace": "ns", "resourceVersion": version }, "spec": {} })
}

fn list(version: &str, items: &[Value]) -> Answer {
    Answer::Json(
        200,
        json!({ "kind": "ServiceList", "metadata": { "resourceVersion": version }, "items": items }),
    )
}

fn event(kind: &str, object: &Value) -> Value {
    json!({ "type": kind, "object": object })
}

/// What changes say, without the objects.
fn text(change: &Change<Service>) -> String {
    match change {
        Change::Applied(service) => {
            format!("{}@{}", service.metadata.name, service.metadata.resource_version)
        }
        Change::Deleted(key) => format!("-{}", key.name),
        Change::Malformed { key, problem, .. } => format!("!{}:{}", key.name, problem.field),
        Change::Synced => "synced".into(),
        Change::Away { error } => format!("away: {error}"),
        Change::Back => "back".into(),
    }
}

/// Everything that is reported until nothing more happens for an hour.
async fn observe(answers: impl IntoIterator<Item = Answer>) -> (Vec<String>, Vec<String>) {
    let (client, script) = Script::client(answers);
    let mut changes = watch::<Service>(client, Options::default());
    let mut seen = Vec::new();
    while let Ok(Some(change)) = tokio::time::timeout(Duration::from_secs(3600), changes.next()).await {
        seen.push(text(&change));
        if seen.len() > 50 {
            break;
        }
    }
    (seen, script.paths())
}

#[tokio::test(start_paused = true)]
async fn lists_pages_then_follows_from_their_version() {
    let first = Answer::Json(
        200,
        json!({ "metadata": { "resourceVersion": "7", "continue": "next+" }, "items": [service("a", "1")] }),
    );
    let changes = Answer::Silence(vec![
        event("MODIFIED", &service("a", "8")),
        event(
            "BOOKMARK",
            &json!({ "kind": "Service", "metadata": { "resourceVersion": "9" } }),
        ),
        event("DELETED", &service("b", "10")),
    ]);
    let (seen, asked) = observe([first, list("7", &[service("b", "2")]), changes]).await;
    assert_eq!(seen[..5], ["a@1", "b@2", "synced", "a@8", "-b"]);
    assert_eq!(asked[0], "GET /api/v1/services?&limit=200");
    assert_eq!(asked[1], "GET /api/v1/services?&limit=200&continue=next%2B");
    assert!(
        asked[2].starts_with("GET /api/v1/services?&watch=true&timeoutSeconds="),
        "{}",
        asked[2]
    );
    assert!(asked[2].contains("allowWatchBookmarks=true") && asked[2].ends_with("resourceVersion=7"));
    // After the silence, from where the watch ended.
    assert!(asked[3].ends_with("resourceVersion=10"), "{}", asked[3]);
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_ends_is_taken_up_without_a_word() {
    let watches = [
        Answer::Lines(vec![event("ADDED", &service("b", "8"))]),
        Answer::Lines(vec![]),
        Answer::Silence(vec![event("ADDED", &service("c", "9"))]),
        Answer::Silence(vec![]),
    ];
    let (seen, asked) = observe([list("7", &[service("a", "1")])].into_iter().chain(watches)).await;
    assert_eq!(seen[..4], ["a@1", "synced", "b@8", "c@9"]);
    let versions: Vec<_> = asked[1..5]
        .iter()
        .map(|uri| uri.rsplit('=').next().unwrap_or_default())
        .collect();
    assert_eq!(versions, ["7", "8", "8", "9"]);
}

#[tokio::test(start_paused = true)]
async fn an_expired_version_leads_to_a_list_that_reports_differences_only() {
    let expired =
        json!({ "type": "ERROR", "object": { "kind": "Status", "code": 410, "reason": "Expired" } });
    for gone in [
        Answer::Lines(vec![expired]),
        Answer::status(410, "too old resource version"),
    ] {
        let (seen, _) = observe([
            list("7", &[service("a", "1"), service("b", "2"), service("c", "3")]),
            gone,
            list("20", &[service("a", "1"), service("c", "19"), service("d", "20")]),
            Answer::Silence(vec![]),
        ])
        .await;
        assert_eq!(seen[..7], ["a@1", "b@2", "c@3", "synced", "c@19", "d@20", "-b"]);
    }
}

#[tokio::test(start_paused = true)]
async fn away_and_back_are_reported_once_per_change_of_state() {
    let (seen, _) = observe([
        Answer::Unreachable,
        Answer::Unreachable,
        Answer::status(500, "etcd is away"),
        list("7", &[service("a", "1")]),
        Answer::Lines(vec![]),
        Answer::Unreachable,
        Answer::Unreachable,
        Answer::Silence(vec![event("ADDED", &service("b", "8"))]),
    ])
    .await;
    let away = "away: the API server cannot be reached: connection refused";
    assert_eq!(seen[..7], [away, "back", "a@1", "synced", away, "back", "b@8"]);
}

#[tokio::test(start_paused = true)]
async fn missing_permission_and_missing_kind_say_what_to_do() {
    let (seen, _) = observe([Answer::status(403, "no")]).await;
    let want = "away: not permitted to list `services`: no; grant it in the role of this ServiceAccount";
    assert_eq!(seen[0], want);
    let (seen, _) = observe([Answer::status(404, "page not found")]).await;
    assert_eq!(
        seen[0],
        "away: the API server does not know `services`; install the CRDs"
    );
}

#[tokio::test(start_paused = true)]
async fn one_malformed_object_is_reported_and_the_rest_goes_on() {
    let mut bad = service("bad", "2");
    bad["spec"]["clusterIPs"] = json!([7]);
    let (seen, _) = observe([
        list("7", &[service("a", "1"), bad.clone(), service("c", "3")]),
        Answer::Silence(vec![
            event("MODIFIED", &bad),
            event("MODIFIED", &service("bad", "9")),
        ]),
    ])
    .await;
    assert_eq!(
        seen[..5],
        ["a@1", "!bad:spec.clusterIPs[0]", "c@3", "synced", "bad@9"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_page_token_that_expired_starts_the_list_over() {
    let page = Answer::Json(
        200,
        json!({ "metadata": { "resourceVersion": "7", "continue": "x" }, "items": [service("a", "1")] }),
    );
    let (seen, asked) = observe([
        page,
        Answer::status(410, "continue token expired"),
        list("9", &[service("b", "8")]),
        Answer::Silence(vec![]),
    ])
    .await;
    assert_eq!(seen[0], "a@1");
    assert_eq!(seen[seen.len() - 4..][..3], ["b@8", "-a", "synced"]);
    assert!(!asked[2].contains("continue"), "{}", asked[2]);
}

#[tokio::test(start_paused = true)]
async fn what_may_not_be_watched_is_listed_again_and_again_and_told_once() {
    let (seen, asked) = observe([
        list("7", &[service("a", "1")]),
        Answer::status(403, "no"),
        list("9", &[service("a", "1"), service("b", "8")]),
        Answer::status(403, "no"),
        list("11", &[service("b", "8")]),
        Answer::Silence(vec![]),
    ])
    .await;
    let away = "away: not permitted to watch `services`: no; grant it in the role of this ServiceAccount";
    assert_eq!(seen[..6], ["a@1", "synced", away, "b@8", "-a", "back"]);
    let lists = asked.iter().filter(|path| !path.contains("watch=true"));
    assert_eq!(lists.count(), 3, "{asked:?}");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_refuses_while_it_starts_is_followed_again_within_seconds() {
    let (client, _script) = Script::client([
        list("7", &[service("a", "1")]),
        Answer::Unreachable,
        Answer::status(403, "the roles are not read yet"),
        Answer::status(403, "the roles are not read yet"),
        list("9", &[service("a", "1"), service("b", "8")]),
        Answer::Silence(vec![event("ADDED", &service("c", "10"))]),
    ]);
    let began = tokio::time::Instant::now();
    let changes = watch::<Service>(client, Options::default());
    let seen: Vec<String> = changes.take(6).map(|change| text(&change)).collect().await;
    assert_eq!(seen[3..], ["back", "b@8", "c@10"]);
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}
