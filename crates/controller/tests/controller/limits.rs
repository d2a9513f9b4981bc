//! Fences of Namespaces and quotas of pools: who is refused is told, and so is a fence that cannot be read.

use serde_json::{Value, json};

use crate::support::*;

const DEFAULT: &str = "/api/v1/namespaces/default";

async fn confine(server: &ferrolb_apiserver::ApiServer, pools: Option<&str>) {
    let patch = json!({ "metadata": { "annotations": { "ferrolb.io/pools": pools } } });
    merge(server, DEFAULT, &patch).await;
}

#[tokio::test]
async fn a_confined_namespace_is_told_why_it_gets_nothing() {
    let server = server();
    server.create(pool("office", &["192.0.2.0/28"])).unwrap();
    let controller = start(&server);
    merge(
        &server,
        "/api/v1/namespaces/default",
        &json!({ "metadata": { "annotations": { "ferrolb.io/pools": "lab" } } }),
    )
    .await;
    server.create(service("web")).unwrap();
    let told = || reasons(&server, "web") == ["AllocationFailed"];
    until(&server, "the refusal is told", told).await;
    let waiting = || controller.metric("ferrolb_allocator_waiting_services{reason=\"NamespaceConfined\"}");
    until(&server, "it is counted", || waiting() == Some(1.0)).await;
    server.create(pool("lab", &["198.51.100.0/28"])).unwrap();
    assert_eq!(until_assigned(&server, "web").await, ["198.51.100.0"]);
    controller.stop().await;
}

#[tokio::test]
async fn who_is_beyond_the_quota_of_its_namespace_is_told_and_counted() {
    let server = server();
    let mut office = pool("office", &["192.0.2.0/28"]);
    office["metadata"]["annotations"] = json!({ "ferrolb.io/max-per-namespace": "1" });
    server.create(office).unwrap();
    let controller = start(&server);
    server.create(service("web")).unwrap();
    until_assigned(&server, "web").await;
    server.create(service("api")).unwrap();
    until(&server, "the refusal is told", || {
        reasons(&server, "api") == ["AllocationFailed"]
    })
    .await;
    let waiting = || controller.metric("ferrolb_allocator_waiting_services{reason=\"QuotaReached\"}");
    until(&server, "it is counted", || waiting() == Some(1.0)).await;
    delete(&server, "/api/v1/namespaces/default/services/web").await;
    assert_eq!(until_assigned(&server, "api").await, ["192.0.2.0"]);
    controller.stop().await;
}

#[tokio::test]
async fn a_fence_that_cannot_be_read_is_an_event_of_its_namespace_and_told_once_whatever_restarts() {
    let server = server();
    server.create(pool("office", &["192.0.2.0/28"])).unwrap();
    let mut controller = start(&server);
    server.create(service("web")).unwrap();
    until_assigned(&server, "web").await;
    confine(&server, Some("office, Lab!")).await;
    until(&server, "it is told", || {
        reasons(&server, "default") == ["InvalidValue"]
    })
    .await;
    let events = server.objects("events");
    let told: Vec<&Value> = events
        .iter()
        .filter(|event| event["involvedObject"]["kind"] == "Namespace")
        .collect();
    assert_eq!(told[0]["type"], "Warning");
    let message = told[0]["message"].as_str().unwrap_or_default();
    assert!(
        message.starts_with("metadata.annotations[ferrolb.io/pools]: `Lab!` is no name of a pool"),
        "{message}"
    );
    assert_eq!(
        told[0]["involvedObject"]["uid"],
        server.get("namespaces", "", "default").unwrap()["metadata"]["uid"]
    );
    assert_eq!(
        addresses(&server, "web"),
        ["192.0.2.0"],
        "nobody loses an address to it"
    );

    for name in ["one", "two"] {
        controller.stop().await;
        controller = start(&server);
        server.create(service(name)).unwrap();
        until(&server, "the controller works", || {
            reasons(&server, name) == ["AllocationFailed"]
        })
        .await;
    }
    assert_eq!(reasons(&server, "default"), ["InvalidValue"]);
    confine(&server, None).await;
    assert_eq!(until_assigned(&server, "one").await, ["192.0.2.1"]);
    controller.stop().await;
}
