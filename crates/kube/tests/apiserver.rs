//! Watches, status writes and events against the in-memory API server.

use core::time::Duration;
use std::time::SystemTime;

use ferrolb_api::core::Service;
use ferrolb_api::metallb::{IpAddressPool, IpAddressPoolStatus};
use ferrolb_apiserver::{ApiError, ApiServer, Fault, Options, Target, Verb};
use ferrolb_kube::event::{self, Event, Reference, Severity, Tellers};
use ferrolb_kube::watch::{self, Change, watch};
use ferrolb_kube::write::{Outcome, PoolStatusWriter, ServiceStatus, ServiceStatusWriter};
use ferrolb_kube::{Client, Error};
use ferrolb_types::ObjectKey;
use futures::StreamExt;
use futures::stream::BoxStream;
use serde_json::{Value, json};
use tokio::sync::mpsc;

const POOL_ANNOTATION: &str = "metallb.io/ip-allocated-from-pool";

fn server() -> ApiServer {
    ApiServer::new(Options::default()).expect("the bundled definitions are valid")
}

fn client(server: &ApiServer) -> Client {
    Client::new(server.clone(), "default")
}

fn service(name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service", "metadata": { "name": name },
        "spec": { "type": "LoadBalancer", "ports": [{ "port": 80 }] },
    })
}

fn pool(name: &str) -> Value {
    json!({
        "apiVersion": "metallb.io/v1beta1", "kind": "IPAddressPool",
        "metadata": { "name": name, "namespace": "metallb-system" },
        "spec": { "addresses": ["192.0.2.0/28"] },
    })
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), future)
        .await
        .expect("in time")
}

async fn next<T: ferrolb_api::Object>(changes: &mut BoxStream<'static, Change<T>>) -> Change<T> {
    within(changes.next()).await.expect("a watch never ends")
}

async fn delete(server: &ApiServer, path: &str) {
    let request = http::Request::delete(path).body(vec![]).expect("a request");
    client(server).request_text(request).await.expect("deleted");
}

async fn merge(server: &ApiServer, path: &str, patch: &Value) {
    let request = http::Request::patch(path).header("content-type", "application/merge-patch+json");
    let request = request.body(patch.to_string().into_bytes()).expect("a request");
    client(server).request_text(request).await.expect("patched");
}

/// Carries out one write.
async fn write(server: &ApiServer, write: ServiceStatus) -> Outcome {
    let writer = ServiceStatusWriter::new(client(server), || std::time::UNIX_EPOCH);
    writer.submit(write);
    let (sender, mut outcomes) = mpsc::channel(1);
    let run = writer.run(|_, outcome, _| {
        let sender = sender.clone();
        async move { sender.send(outcome).await.expect("received") }
    });
    let outcome = async { outcomes.recv().await.expect("an outcome") };
    within(async {
        tokio::select! {
            () = run => unreachable!("runs for ever"),
            outcome = outcome => outcome,
        }
    })
    .await
}

/// A write of `addresses` to the object as it was read.
fn assignment(object: &Value, addresses: &[&str]) -> ServiceStatus {
    let text = |pointer: &str| {
        object
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    ServiceStatus {
        key: ObjectKey::new("default", text("/metadata/name")),
        ticket: 1,
        uid: text("/metadata/uid").into(),
        resource_version: text("/metadata/resourceVersion").into(),
        is_blank: object.pointer("/status/loadBalancer/ingress").is_none(),
        addresses: addresses
            .iter()
            .map(|text| text.parse().expect("an address"))
            .collect(),
        pool: (!addresses.is_empty()).then(|| "office".into()),
        request_condition: None,
    }
}

#[tokio::test]
async fn a_watch_follows_objects_through_pages_closings_and_lost_history() {
    let server = server();
    for name in ["a", "b", "c"] {
        server.create(service(name)).expect("valid");
    }
    let options = watch::Options {
        page_size: 2,
        ..watch::Options::default()
    };
    let mut changes = watch::<Service>(client(&server), options);
    for name in ["a", "b", "c"] {
        assert!(matches!(next(&mut changes).await, Change::Applied(s) if &*s.metadata.name == name));
    }
    assert_eq!(next(&mut changes).await, Change::Synced);

    server.create(service("d")).expect("valid");
    assert!(matches!(next(&mut changes).await, Change::Applied(s) if &*s.metadata.name == "d"));
    delete(&server, "/api/v1/namespaces/default/services/d").await;
    assert_eq!(
        next(&mut changes).await,
        Change::Deleted(ObjectKey::new("default", "d"))
    );

    // Gone while nobody watched, and the history with it.
    let refuse = Fault::Refuse(ApiError::expired("too old"));
    server
        .faults()
        .next(1, Target::new(Verb::Watch, "services"), refuse);
    server.close_watches();
    delete(&server, "/api/v1/namespaces/default/services/b").await;
    assert_eq!(
        next(&mut changes).await,
        Change::Deleted(ObjectKey::new("default", "b"))
    );
    server.create(service("e")).expect("valid");
    assert!(matches!(next(&mut changes).await, Change::Applied(s) if &*s.metadata.name == "e"));
}

#[tokio::test]
async fn a_connection_that_breaks_is_away_and_back_once() {
    let server = server();
    server.faults().always(Target::any(), Fault::Drop);
    let mut changes = watch::<Service>(client(&server), watch::Options::default());
    let away = next(&mut changes).await;
    assert!(
        matches!(&away, Change::Away { error } if matches!(**error, Error::Unreachable { .. })),
        "{away:?}"
    );
    server.faults().clear();
    assert_eq!(next(&mut changes).await, Change::Back);
    assert_eq!(next(&mut changes).await, Change::Synced);
}

#[tokio::test]
async fn an_address_is_written_changed_and_taken_away_with_the_rest_left_alone() {
    let server = server();
    let mut web = service("web");
    web["metadata"]["annotations"] = json!({ "mine": "stays" });
    let created = server.create(web).expect("valid");
    let outcome = write(&server, assignment(&created, &["192.0.2.1"])).await;
    let stored = server.get("services", "default", "web").expect("stored");
    let version: Box<str> = stored["metadata"]["resourceVersion"]
        .as_str()
        .expect("a version")
        .into();
    assert_eq!(
        outcome,
        Outcome::Written {
            resource_version: version
        }
    );
    let annotations = json!({ "mine": "stays", POOL_ANNOTATION: "office" });
    assert_eq!(stored["metadata"]["annotations"], annotations);
    assert_eq!(
        stored["status"]["loadBalancer"]["ingress"][0]["ip"],
        json!("192.0.2.1")
    );

    // The decision rests on what was there before.
    assert_eq!(
        write(&server, assignment(&created, &["192.0.2.9"])).await,
        Outcome::Conflict
    );

    let ports = json!([{ "port": 80, "protocol": "TCP" }]);
    let entry = json!({ "ip": "192.0.2.1", "ipMode": "Proxy", "ports": ports });
    let status = json!({ "status": { "loadBalancer": { "ingress": [entry] } } });
    merge(&server, "/api/v1/namespaces/default/services/web/status", &status).await;
    let present = server.get("services", "default", "web").expect("stored");
    write(&server, assignment(&present, &["192.0.2.1", "2001:db8::1"])).await;
    let stored = server.get("services", "default", "web").expect("stored");
    let entries = &stored["status"]["loadBalancer"]["ingress"];
    assert_eq!(
        (&entries[0]["ipMode"], &entries[0]["ports"]),
        (&json!("Proxy"), &ports)
    );
    assert_eq!(entries[1]["ip"], json!("2001:db8::1"));

    let mut clear = assignment(&stored, &[]);
    clear.is_blank = false;
    write(&server, clear).await;
    let stored = server.get("services", "default", "web").expect("stored");
    assert!(
        stored.pointer("/status/loadBalancer/ingress/0").is_none(),
        "{stored}"
    );
    assert_eq!(stored["metadata"]["annotations"], json!({ "mine": "stays" }));
}

#[tokio::test]
async fn with_the_right_to_update_only_the_same_is_stored() {
    let server = server();
    let forbidden = Fault::Refuse(ApiError::forbidden("services", "web", "cannot patch resource"));
    server
        .faults()
        .always(Target::new(Verb::Patch, "services"), forbidden);
    let created = server.create(service("web")).expect("valid");
    let outcome = write(&server, assignment(&created, &["192.0.2.1"])).await;
    assert!(matches!(outcome, Outcome::Written { .. }), "{outcome:?}");
    let stored = server.get("services", "default", "web").expect("stored");
    assert_eq!(
        stored["status"]["loadBalancer"]["ingress"][0]["ip"],
        json!("192.0.2.1")
    );
    assert_eq!(
        stored["metadata"]["annotations"][POOL_ANNOTATION],
        json!("office")
    );
    assert_eq!(stored["spec"], created["spec"]);
}

#[tokio::test]
async fn a_write_whose_answer_is_lost_is_found_done() {
    let server = server();
    let created = server.create(service("web")).expect("valid");
    server
        .faults()
        .next(1, Target::new(Verb::Patch, "services"), Fault::DropAnswer);
    // The second attempt meets the version that the first one made.
    assert_eq!(
        write(&server, assignment(&created, &["192.0.2.1"])).await,
        Outcome::Conflict
    );
    let stored = server.get("services", "default", "web").expect("stored");
    assert_eq!(
        stored["status"]["loadBalancer"]["ingress"][0]["ip"],
        json!("192.0.2.1")
    );
}

#[tokio::test]
async fn a_service_that_is_gone_is_reported_gone() {
    let server = server();
    let created = server.create(service("web")).expect("valid");
    delete(&server, "/api/v1/namespaces/default/services/web").await;
    assert_eq!(
        write(&server, assignment(&created, &["192.0.2.1"])).await,
        Outcome::Gone
    );
}

#[tokio::test]
async fn pool_counters_are_stored_beside_the_spec() {
    let server = server();
    server.create(pool("office")).expect("valid");
    let writer = PoolStatusWriter::new(client(&server), "metallb-system".into());
    let counters = IpAddressPoolStatus {
        assigned_ipv4: 3,
        available_ipv4: 13,
        ..IpAddressPoolStatus::default()
    };
    writer.observed(&"office".into(), None, "");
    writer.want(&"office".into(), Some(counters));
    let mut changes = watch::<IpAddressPool>(client(&server), watch::Options::default());
    let seen = async {
        while let Some(change) = changes.next().await {
            if matches!(&change, Change::Applied(pool) if pool.status == Some(counters)) {
                return;
            }
        }
    };
    within(async {
        tokio::select! {
            () = writer.run() => unreachable!("runs for ever"),
            () = seen => {}
        }
    })
    .await;
    let stored = server
        .get("ipaddresspools.metallb.io", "metallb-system", "office")
        .expect("stored");
    assert_eq!(stored["spec"]["addresses"], json!(["192.0.2.0/28"]));
}

#[tokio::test]
async fn identical_events_are_one_object_with_a_count() {
    let server = server();
    let created = server.create(service("web")).expect("valid");
    let clock = || SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let (recorder, writer) = event::recorder(client(&server), event::CONTROLLER, clock);
    let uid = created["metadata"]["uid"].as_str().expect("a UID");
    for _ in 0..3 {
        recorder.record(Event {
            object: Reference::to::<Service>(ObjectKey::new("default", "web"), uid),
            severity: Severity::Warning,
            reason: "AllocationFailed".into(),
            message: "no available IPs".into(),
            tellers: Tellers::One,
        });
    }
    drop(recorder);
    within(writer.run()).await;
    let events = server.objects("events");
    let [event] = &events[..] else {
        panic!("{events:?}")
    };
    assert_eq!((&event["count"], &event["type"]), (&json!(3), &json!("Warning")));
    assert_eq!(event["source"]["component"], json!("metallb-controller"));
    assert_eq!(event["involvedObject"]["uid"], json!(uid));
}

#[tokio::test]
async fn an_event_that_many_may_tell_exists_once() {
    let server = server();
    for speaker in 0..3 {
        let clock = || SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let (recorder, writer) = event::recorder(client(&server), event::SPEAKER, clock);
        for message in ["there is no Secret `s`", "another"]
            .into_iter()
            .take(1 + speaker / 2)
        {
            recorder.record(Event {
                object: Reference::to::<IpAddressPool>(ObjectKey::new("metallb-system", "office"), "u1"),
                severity: Severity::Warning,
                reason: "SecretMissing".into(),
                message: message.into(),
                tellers: Tellers::Many,
            });
        }
        drop(recorder);
        within(writer.run()).await;
    }
    let mut told: Vec<(String, u64)> = server
        .objects("events")
        .iter()
        .map(|e| {
            (
                e["message"].as_str().unwrap_or_default().to_owned(),
                e["count"].as_u64().unwrap_or_default(),
            )
        })
        .collect();
    told.sort();
    assert_eq!(
        told,
        [
            ("another".to_owned(), 1),
            ("there is no Secret `s`".to_owned(), 1)
        ]
    );
}

#[tokio::test]
async fn pods_of_a_selector_are_found_by_their_addresses_in_whatever_phase() {
    let server = server();
    let pod = |name: &str, labels: Value| {
        json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": { "name": name, "namespace": "metallb-system", "labels": labels },
            "spec": { "containers": [{ "name": "speaker", "image": "ferrolb" }] },
        })
    };
    let speaker = json!({ "app": "metallb", "component": "speaker" });
    let other = json!({ "app": "metallb" });
    for (name, labels, status) in [
        (
            "running",
            &speaker,
            json!({ "phase": "Running", "podIP": "192.0.2.1" }),
        ),
        (
            "failed",
            &speaker,
            json!({ "phase": "Failed", "podIP": "192.0.2.2" }),
        ),
        ("pending", &speaker, json!({ "phase": "Pending" })),
        ("other", &other, json!({ "podIP": "192.0.2.3" })),
    ] {
        server.create(pod(name, labels.clone())).expect("valid");
        let path = format!("/api/v1/namespaces/metallb-system/pods/{name}/status");
        merge(&server, &path, &json!({ "status": status })).await;
    }
    let (client, namespace) = (client(&server), "metallb-system".into());
    let found = ferrolb_kube::pods::addresses(&client, &namespace, "app=metallb,component=speaker").await;
    let expected = ["192.0.2.1", "192.0.2.2"].map(|ip| ip.parse().expect("an address"));
    assert_eq!(found.expect("listed"), expected.into());
}
