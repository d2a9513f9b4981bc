//! Peers in their older version come from the webhook that the definition names, once it says whom to trust there.

#![expect(clippy::unwrap_used, reason = "a test whose set-up fails has failed")]

mod hook;

use bytes::Bytes;
use ferrolb_apiserver::{ApiServer, Options};
use hook::{Hook, within};
use http::Request;
use http_body_util::{BodyExt as _, Full};
use serde_json::{Value, json};

const NAME: &str = "metallb-webhook-service.metallb-system.svc";
const CRD: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/bgppeers.metallb.io";
const OLD: &str = "/apis/metallb.io/v1beta1/namespaces/metallb-system/bgppeers";
const STORED: &str = "/apis/metallb.io/v1beta2/namespaces/metallb-system/bgppeers";
const PEERS: &str = "bgppeers.metallb.io";

/// Converts as the real one does, and marks what it made.
fn convert(review: &Value) -> Value {
    let request = &review["request"];
    let wanted = request["desiredAPIVersion"].as_str().unwrap();
    let objects = request["objects"].as_array().unwrap().iter();
    let objects: Vec<Value> = objects
        .map(|object| {
            let mut converted = ferrolb_api::convert(object, wanted).unwrap();
            converted["metadata"]["annotations"]["made"] = wanted.into();
            converted
        })
        .collect();
    answer(
        review,
        &json!({"result": {"status": "Success"}, "convertedObjects": objects}),
    )
}

fn answer(review: &Value, response: &Value) -> Value {
    let mut response = response.clone();
    response["uid"] = review["request"]["uid"].clone();
    json!({"apiVersion": review["apiVersion"], "kind": "ConversionReview", "response": response})
}

/// A server whose definition trusts the webhook.
async fn server(hook: &Hook) -> ApiServer {
    let options = Options {
        webhook_address: hook.address,
        ..Options::default()
    };
    let server = ApiServer::new(options).unwrap();
    trust(&server, &hook.ca_bundle()).await;
    server
}

async fn trust(server: &ApiServer, bundle: &str) {
    let config = json!({"spec": {"conversion": {"webhook": {"clientConfig": {"caBundle": bundle}}}}});
    let (code, body) = send(server, "PATCH", CRD, &config).await;
    assert_eq!(code, 200, "{body}");
}

async fn send(server: &ApiServer, method: &str, path: &str, body: &Value) -> (u16, Value) {
    let media = match method {
        "PATCH" => "application/merge-patch+json",
        _ => "application/json",
    };
    let request = Request::builder().method(method).uri(path);
    let request = request.header("Content-Type", media);
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    let request = request.body(Full::new(Bytes::from(body))).unwrap();
    let response = within(server.clone().handle(request)).await.unwrap();
    let code = response.status().as_u16();
    let bytes = within(response.into_body().collect()).await.unwrap().to_bytes();
    // The last line of a watch, the whole of anything else.
    let last = bytes
        .trim_ascii_end()
        .rsplit(|b| *b == b'\n')
        .next()
        .unwrap_or_default();
    (code, serde_json::from_slice(last).unwrap_or_default())
}

fn old_peer(name: &str) -> Value {
    json!({"apiVersion": "metallb.io/v1beta1", "kind": "BGPPeer", "metadata": {"name": name},
        "spec": {"myASN": 64512, "peerASN": 64513, "peerAddress": "192.0.2.1", "peerPort": 1179}})
}

fn made(object: &Value) -> &Value {
    &object["metadata"]["annotations"]["made"]
}

#[tokio::test]
async fn a_write_is_stored_as_the_webhook_made_it_and_shown_as_it_makes_it() {
    let hook = Hook::start(NAME, convert).await;
    let server = server(&hook).await;
    let (code, shown) = send(&server, "POST", OLD, &old_peer("a")).await;
    assert_eq!(
        (code, made(&shown)),
        (201, &json!("metallb.io/v1beta1")),
        "{shown}"
    );
    let stored = server.get(PEERS, "metallb-system", "a").unwrap();
    assert_eq!(
        (&stored["apiVersion"], made(&stored)),
        (&json!("metallb.io/v1beta2"), &json!("metallb.io/v1beta2"))
    );
    let asked = hook.asked();
    assert_eq!(asked.len(), 2, "one there, one back");
    assert_eq!(asked[0]["path"], "/convert");
    assert_eq!(
        asked[0]["apiVersion"], "apiextensions.k8s.io/v1beta1",
        "the first version in the definition that there is"
    );
    assert_eq!(asked[0]["request"]["desiredAPIVersion"], "metallb.io/v1beta2");
    assert_eq!(asked[1]["request"]["objects"][0], stored);

    let port = json!({"spec": {"peerPort": 1180}});
    let (code, shown) = send(&server, "PATCH", &format!("{OLD}/a"), &port).await;
    assert_eq!((code, &shown["spec"]["peerPort"]), (200, &json!(1180)), "{shown}");
    let (code, _) = send(&server, "DELETE", &format!("{OLD}/a"), &Value::Null).await;
    assert_eq!((code, server.objects(PEERS)), (200, Vec::new()));
}

#[tokio::test]
async fn what_was_converted_once_is_not_converted_again_until_the_definition_changes() {
    let hook = Hook::start(NAME, convert).await;
    let server = server(&hook).await;
    for i in 0..3 {
        let mut peer = old_peer(&format!("p{i}"));
        peer["metadata"]["namespace"] = "metallb-system".into();
        server.create(peer).unwrap();
    }
    assert!(hook.asked().is_empty(), "the embedding program asks nobody");
    let (_, list) = send(&server, "GET", OLD, &Value::Null).await;
    let items = list["items"].as_array().unwrap();
    assert!(items.iter().all(|o| made(o) == "metallb.io/v1beta1"), "{list}");
    assert_eq!((items.len(), hook.asked().len()), (3, 1), "all in one review");
    for path in [OLD.to_owned(), format!("{OLD}/p1"), STORED.to_owned()] {
        assert_eq!(send(&server, "GET", &path, &Value::Null).await.0, 200);
    }
    assert_eq!(hook.asked().len(), 1);
    let note = json!({"metadata": {"labels": {"a": "b"}}});
    assert_eq!(send(&server, "PATCH", CRD, &note).await.0, 200);
    send(&server, "GET", OLD, &Value::Null).await;
    assert_eq!(hook.asked().len(), 2);
}

#[tokio::test]
async fn a_watch_shows_additions_changes_and_deletions_in_its_version() {
    let hook = Hook::start(NAME, convert).await;
    let server = server(&hook).await;
    send(&server, "POST", OLD, &old_peer("a")).await;
    let before = server.version() - 1;
    send(&server, "DELETE", &format!("{STORED}/a"), &Value::Null).await;
    for (from, selector) in [(before, ""), (before, "&fieldSelector=metadata.name%3Da")] {
        let path = format!("{OLD}?watch=1&timeoutSeconds=1&resourceVersion={from}{selector}");
        let (_, last) = send(&server, "GET", &path, &Value::Null).await;
        assert_eq!(last["type"], "DELETED", "{last}");
        assert_eq!(made(&last["object"]), "metallb.io/v1beta1");
        assert_eq!(
            last["object"]["metadata"]["resourceVersion"],
            server.version().to_string()
        );
    }
}

#[tokio::test]
async fn without_an_authority_the_server_converts_peers_by_itself() {
    let hook = Hook::start(NAME, convert).await;
    let server = server(&hook).await;
    trust(&server, "").await;
    let (code, shown) = send(&server, "POST", OLD, &old_peer("a")).await;
    assert_eq!((code, &shown["spec"]["peerPort"]), (201, &json!(1179)));
    assert!(hook.asked().is_empty());
}

#[tokio::test]
async fn a_failing_webhook_fails_what_needs_it_and_nothing_else() {
    type Reply = fn(&Value) -> Value;
    let rows: [(&str, Reply, &str); 6] = [
        (
            NAME,
            |r| answer(r, &json!({"result": {"status": "Failure", "message": "cannot"}})),
            " failed: cannot",
        ),
        (
            NAME,
            |r| {
                answer(
                    r,
                    &json!({"result": {"status": "Success"}, "convertedObjects": []}),
                )
            },
            " returned 0 objects, expected 1",
        ),
        (
            NAME,
            |r| {
                answer(
                    r,
                    &json!({"result": {"status": "Success"}, "convertedObjects": r["request"]["objects"]}),
                )
            },
            "invalid groupVersion (expected metallb.io/v1beta2",
        ),
        (
            NAME,
            |r| {
                let mut answer = convert(r);
                answer["response"]["convertedObjects"][0]["metadata"]["name"] = "other".into();
                answer
            },
            "must have same name",
        ),
        (
            NAME,
            |_| json!({"kind": "Other"}),
            "expected a ConversionReview of apiextensions.k8s.io/v1beta1",
        ),
        ("somebody-else.svc", convert, "cannot trust"),
    ];
    for (name, reply, why) in rows {
        let hook = Hook::start(name, reply).await;
        let server = server(&hook).await;
        let (code, status) = send(&server, "POST", OLD, &old_peer("a")).await;
        let message = status["message"].as_str().unwrap();
        assert_eq!((code, &status["reason"]), (500, &json!("")), "{message}");
        let begins = "conversion webhook for metallb.io/v1beta1, Kind=BGPPeer ";
        assert!(message.starts_with(begins) && message.contains(why), "{message}");
        assert_eq!(server.objects(PEERS), Vec::<Value>::new(), "nothing was stored");
        assert_eq!(send(&server, "GET", STORED, &Value::Null).await.0, 200);
    }
}

#[tokio::test]
async fn reads_and_watches_say_that_the_webhook_failed() {
    let hook = Hook::start("somebody-else.svc", convert).await;
    let server = server(&hook).await;
    let mut peer = old_peer("a");
    peer["metadata"]["namespace"] = "metallb-system".into();
    server.create(peer).unwrap();
    for path in [OLD.to_owned(), format!("{OLD}/a")] {
        let (code, status) = send(&server, "GET", &path, &Value::Null).await;
        let message = status["message"].as_str().unwrap();
        let begins = "conversion webhook for metallb.io/v1beta2, Kind=BGPPeer failed: ";
        assert!(code == 500 && message.starts_with(begins), "{code} {message}");
    }
    let (code, last) = send(&server, "GET", &format!("{OLD}?watch=1"), &Value::Null).await;
    assert_eq!(
        (code, &last["type"], &last["object"]["code"]),
        (200, &json!("ERROR"), &json!(500))
    );
}

#[tokio::test]
async fn nobody_waits_for_a_conversion_but_who_needs_it() {
    let hook = Hook::start(NAME, |_| Value::Null).await;
    let server = server(&hook).await;
    let slow = tokio::spawn({
        let server = server.clone();
        async move { send(&server, "POST", OLD, &old_peer("slow")).await }
    });
    within(async {
        while hook.asked().is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(send(&server, "GET", STORED, &Value::Null).await.0, 200);
    assert!(!slow.is_finished(), "it still waits for the webhook");
    slow.abort();
}

#[tokio::test]
async fn a_definition_whose_webhook_cannot_be_called_is_refused_with_its_field() {
    let server = ApiServer::new(Options::default()).unwrap();
    for (conversion, field) in [
        (json!({"strategy": "Other"}), ""),
        (json!({"webhook": null}), ".webhook.clientConfig"),
        (
            json!({"webhook": {"clientConfig": {"service": null}}}),
            ".webhook.clientConfig",
        ),
        (
            json!({"webhook": {"clientConfig": {"caBundle": "%"}}}),
            ".webhook.clientConfig.caBundle",
        ),
        (
            json!({"webhook": {"conversionReviewVersions": []}}),
            ".webhook.conversionReviewVersions",
        ),
        (
            json!({"webhook": {"conversionReviewVersions": ["v9"]}}),
            ".webhook.conversionReviewVersions",
        ),
    ] {
        let change = json!({"spec": {"conversion": conversion}});
        let (code, status) = send(&server, "PATCH", CRD, &change).await;
        let expected = match field {
            "" => "spec.conversion.strategy".to_owned(),
            field => format!("spec.conversion{field}"),
        };
        assert_eq!(
            (code, &status["details"]["causes"][0]["field"]),
            (422, &expected.into()),
            "{status}"
        );
    }
}
