//! Webhooks are asked over HTTPS before something is stored, and nobody waits for them but who wrote.

#![expect(clippy::unwrap_used, reason = "a test whose set-up fails has failed")]

mod hook;

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use ferrolb_apiserver::{ApiServer, Options};
use hook::{Hook, within};
use http::Request;
use http_body_util::{BodyExt as _, Full};
use serde_json::{Value, json};
use tokio::sync::Notify;

/// A webhook that answers a request with `response`, or never where that is null.
async fn start(name: &str, respond: impl Fn(&Value) -> Value + Send + Sync + 'static) -> Hook {
    let answer = move |review: &Value| {
        let mut response = respond(&review["request"]);
        if response.is_null() {
            return Value::Null;
        }
        response["uid"] = review["request"]["uid"].clone();
        json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response})
    };
    Hook::start(name, answer).await
}

fn allow(_: &Value) -> Value {
    json!({"allowed": true})
}

fn deny(_: &Value) -> Value {
    json!({"allowed": false, "status": {"code": 403, "reason": "Forbidden", "message": "not like this"},
        "warnings": ["mind the gap"]})
}

/// A server with one webhook about pools, changed by `changes`.
fn server(hook: &Hook, changes: &Value) -> ApiServer {
    let server = ApiServer::new(Options {
        webhook_address: hook.address,
        ..Options::default()
    })
    .unwrap();
    server.create(configuration(hook, changes)).unwrap();
    server
}

fn configuration(hook: &Hook, changes: &Value) -> Value {
    let mut webhook = json!({
        "name": "pools.example.org", "sideEffects": "None", "admissionReviewVersions": ["v1"],
        "clientConfig": {"caBundle": hook.ca_bundle(), "service": {"namespace": "metallb-system", "name": "hooks", "path": "/pools"}},
        "rules": [{"apiGroups": ["metallb.io"], "apiVersions": ["v1beta1"], "resources": ["ipaddresspools"],
            "operations": ["CREATE", "UPDATE", "DELETE"]}],
    });
    json_patch::merge(&mut webhook, changes);
    json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": "hooks"}, "webhooks": [webhook]})
}

struct Said {
    code: u16,
    message: String,
    warnings: Vec<String>,
}

async fn send(server: &ApiServer, method: &str, path: &str, body: &Value) -> Said {
    let media = if method == "PATCH" {
        "application/merge-patch+json"
    } else {
        "application/json"
    };
    let request = Request::builder().method(method).uri(format!("{POOLS}{path}"));
    let request = request
        .header("Content-Type", media)
        .body(Full::new(Bytes::from(body.to_string())))
        .unwrap();
    let response = server.clone().handle(request).await.unwrap();
    let warnings = response.headers().get_all("Warning").iter();
    let warnings = warnings.map(|w| w.to_str().unwrap().to_owned()).collect();
    let code = response.status().as_u16();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    let body: Value = serde_json::from_slice(&bytes).unwrap();
    let message = body["message"].as_str().unwrap_or_default().to_owned();
    Said {
        code,
        message,
        warnings,
    }
}

const POOLS: &str = "/apis/metallb.io/v1beta1/namespaces/metallb-system/ipaddresspools";
const NAME: &str = "hooks.metallb-system.svc";

fn pool(name: &str) -> Value {
    json!({"apiVersion": "metallb.io/v1beta1", "kind": "IPAddressPool", "metadata": {"name": name},
        "spec": {"addresses": ["192.0.2.0/24"]}})
}

#[tokio::test]
async fn a_webhook_sees_what_is_to_be_stored_and_its_warnings_arrive() {
    let hook = start(NAME, |_| json!({"allowed": true, "warnings": ["mind the gap"]})).await;
    let server = server(&hook, &json!({}));
    let said = within(send(&server, "POST", "", &pool("a"))).await;
    assert_eq!(
        (said.code, said.warnings),
        (201, vec!["299 - \"mind the gap\"".to_owned()])
    );
    let patch = json!({"spec": {"autoAssign": false}});
    assert_eq!(within(send(&server, "PATCH", "/a", &patch)).await.code, 200);
    assert_eq!(within(send(&server, "DELETE", "/a", &json!({}))).await.code, 200);

    let asked = hook.asked();
    let of = |i: usize, pointer: &str| asked[i].pointer(pointer).cloned().unwrap_or_default();
    assert_eq!(asked.len(), 3);
    assert_eq!(of(0, "/path"), "/pools");
    assert_eq!(of(0, "/request/operation"), "CREATE");
    assert_eq!(
        of(0, "/request/object/spec/autoAssign"),
        true,
        "defaults are there"
    );
    assert_eq!(of(0, "/request/oldObject"), Value::Null);
    assert_eq!(
        of(0, "/request/kind"),
        json!({"group": "metallb.io", "version": "v1beta1", "kind": "IPAddressPool"})
    );
    assert_eq!(of(0, "/request/namespace"), "metallb-system");
    assert_eq!(of(0, "/request/dryRun"), false);
    assert_eq!(of(1, "/request/operation"), "UPDATE");
    assert_eq!(
        (
            of(1, "/request/object/spec/autoAssign"),
            of(1, "/request/oldObject/spec/autoAssign")
        ),
        (false.into(), true.into())
    );
    assert_eq!(
        (of(2, "/request/operation"), of(2, "/request/object")),
        ("DELETE".into(), Value::Null)
    );
    assert_eq!(of(2, "/request/oldObject/metadata/name"), "a");
}

#[tokio::test]
async fn a_denial_stops_every_kind_of_write_with_the_words_of_the_webhook() {
    let hook = start(NAME, deny).await;
    let server = server(&hook, &json!({}));
    let mut present = pool("present");
    present["metadata"]["namespace"] = "metallb-system".into();
    let before = server.create(present).unwrap();
    for (method, path, body) in [
        ("POST", "", pool("new")),
        ("PATCH", "/present", json!({"spec": {"autoAssign": false}})),
        ("DELETE", "/present", json!({})),
        ("DELETE", "", json!({})),
    ] {
        let said = within(send(&server, method, path, &body)).await;
        assert_eq!(said.code, 403, "{method}");
        assert_eq!(
            said.message,
            "admission webhook \"pools.example.org\" denied the request: not like this"
        );
        assert_eq!(said.warnings, ["299 - \"mind the gap\""], "{method}");
    }
    assert_eq!(
        server.objects("ipaddresspools.metallb.io"),
        [before],
        "nothing was stored"
    );
}

#[tokio::test]
async fn what_the_schema_refuses_is_not_asked_about_and_other_kinds_are_not_either() {
    let hook = start(NAME, deny).await;
    let server = server(&hook, &json!({}));
    let mut bad = pool("bad");
    bad["spec"] = json!({});
    assert_eq!(within(send(&server, "POST", "", &bad)).await.code, 422);
    assert_eq!(
        within(send(&server, "PATCH", "/x/status", &json!({}))).await.code,
        404
    );
    assert_eq!(hook.asked(), [Value::Null; 0]);
}

#[tokio::test]
async fn nobody_waits_for_a_webhook_but_who_wrote() {
    let asked = Arc::new(Notify::new());
    let tell = Arc::clone(&asked);
    let hook = start(NAME, move |_| {
        tell.notify_one();
        Value::Null
    })
    .await;
    let server = server(&hook, &json!({"timeoutSeconds": 1}));
    let slow = {
        let server = server.clone();
        tokio::spawn(async move { send(&server, "POST", "", &pool("slow")).await })
    };
    within(asked.notified()).await;
    let config = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "meanwhile"}});
    server.create(config).unwrap();
    assert!(!slow.is_finished(), "it still waits for the webhook");
    let said = within(slow).await.unwrap();
    assert_eq!(said.code, 500);
    assert!(
        said.message
            .contains("failed calling webhook \"pools.example.org\""),
        "{}",
        said.message
    );
    assert!(said.message.contains("no answer within 1s"), "{}", said.message);
}

#[tokio::test]
async fn a_webhook_that_fails_is_ignored_only_where_the_configuration_says_so() {
    let hook = start("somebody-else.svc", allow).await;
    for (policy, code) in [("Fail", 500), ("Ignore", 201)] {
        let server = server(&hook, &json!({"failurePolicy": policy}));
        let said = within(send(&server, "POST", "", &pool("a"))).await;
        assert_eq!(said.code, code, "{policy}: {}", said.message);
    }
    assert_eq!(
        hook.asked(),
        [Value::Null; 0],
        "its certificate is for another name"
    );
}

#[tokio::test]
async fn a_write_in_between_is_seen_by_the_webhook_and_not_lost() {
    let server: Arc<Mutex<Option<ApiServer>>> = Arc::default();
    let other = Arc::clone(&server);
    let hook = start(NAME, move |request| {
        let server = other.lock().unwrap().take();
        if let Some(server) = server.filter(|_| request["operation"] == "UPDATE") {
            let manifest = json!({"apiVersion": "metallb.io/v1beta1", "kind": "IPAddressPool",
                "metadata": {"name": "a", "namespace": "metallb-system", "labels": {"by": "another"}},
                "spec": {"addresses": ["192.0.2.0/24"]}});
            server.apply_manifest(manifest).unwrap();
        }
        json!({"allowed": true})
    })
    .await;
    let running = self::server(&hook, &json!({}));
    assert_eq!(within(send(&running, "POST", "", &pool("a"))).await.code, 201);
    *server.lock().unwrap() = Some(running.clone());
    let patch = json!({"spec": {"autoAssign": false}});
    assert_eq!(within(send(&running, "PATCH", "/a", &patch)).await.code, 200);
    let stored = running
        .get("ipaddresspools.metallb.io", "metallb-system", "a")
        .unwrap();
    assert_eq!(
        (&stored["metadata"]["labels"]["by"], &stored["spec"]["autoAssign"]),
        (&json!("another"), &json!(false))
    );
    let asked = hook.asked();
    assert_eq!(asked.len(), 3, "the patch was asked about twice");
    assert_eq!(
        asked[2]["request"]["oldObject"]["metadata"]["labels"]["by"],
        "another"
    );
}

#[tokio::test]
async fn a_configuration_that_cannot_be_honoured_is_refused_with_its_field() {
    let hook = start(NAME, allow).await;
    let server = ApiServer::new(Options::default()).unwrap();
    for (changes, field) in [
        (json!({"timeoutSeconds": 31}), "webhooks[0].timeoutSeconds"),
        (json!({"sideEffects": "Some"}), "webhooks[0].sideEffects"),
        (
            json!({"admissionReviewVersions": ["v1beta1"]}),
            "webhooks[0].admissionReviewVersions",
        ),
        (
            json!({"matchConditions": [{"name": "a", "expression": "true"}]}),
            "webhooks[0].matchConditions",
        ),
        (
            json!({"clientConfig": {"url": "https://127.0.0.1/"}}),
            "webhooks[0].clientConfig",
        ),
        (
            json!({"objectSelector": {"matchExpressions": [{"key": "a", "operator": "Near"}]}}),
            "webhooks[0].objectSelector",
        ),
    ] {
        let refused = server.create(configuration(&hook, &changes)).unwrap_err();
        assert_eq!(
            (refused.code, refused.details.unwrap().causes[0].field.as_str()),
            (422, field)
        );
    }
}
