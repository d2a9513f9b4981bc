//! Whether the configuration is accepted, who is told, and what a restart amid a bad edit changes.

use ferrolb_apiserver::{ApiError, ApiServer, Fault, Target};
use ferrolb_controller::Config;
use serde_json::{Value, json};

use crate::support::*;

const OFFICE: &str = "/apis/metallb.io/v1beta1/namespaces/metallb-system/ipaddresspools/office";
const STATE: &str = "/apis/metallb.io/v1beta1/namespaces/metallb-system/configurationstates/controller";
const LAST_ACCEPTED: &str = "ferrolb.io/last-accepted";

fn peer(spec: &Value) -> Value {
    let metadata = json!({ "name": "tor", "namespace": NAMESPACE });
    json!({ "apiVersion": "metallb.io/v1beta2", "kind": "BGPPeer", "metadata": metadata, "spec": spec })
}

/// Every request for this resource.
fn of(resource: &str) -> Target {
    Target {
        resource: Some(resource.to_owned()),
        ..Target::default()
    }
}

async fn edit_pool(server: &ApiServer, addresses: &str) {
    merge(server, OFFICE, &json!({ "spec": { "addresses": [addresses] } })).await;
}

fn events(server: &ApiServer, name: &str) -> Vec<(String, u64)> {
    let about = |event: &&Value| event["involvedObject"]["name"] == json!(name);
    let told = |event: &Value| {
        let message = event["message"].as_str().unwrap_or_default().to_owned();
        (message, event["count"].as_u64().unwrap_or_default())
    };
    server.objects("events").iter().filter(about).map(told).collect()
}

/// Brings the next Service about, so that everything before it has been dealt with.
async fn next_service(server: &ApiServer, name: &str) -> Vec<String> {
    server.create(service(name)).expect("a new name");
    until_assigned(server, name).await
}

#[tokio::test]
async fn the_report_turns_invalid_and_valid_again_and_says_when() {
    let server = server();
    server.create(pool("office", &["192.0.2.0/28"])).unwrap();
    let controller = start(&server);
    let valid = until_reported(&server, "Valid").await;
    assert_eq!(
        valid["metadata"]["labels"],
        json!({ "metallb.io/component-type": "controller" })
    );
    assert_eq!(valid["status"].get("errorSummary"), None);
    let condition = |state: &Value, field: &str| state["status"]["conditions"][0][field].clone();
    assert_eq!(condition(&valid, "type"), json!("poolReconcilerValid"));
    assert_eq!(condition(&valid, "status"), json!("True"));
    assert_eq!(condition(&valid, "reason"), json!("Reconciled"));
    assert_eq!(
        condition(&valid, "lastTransitionTime"),
        json!("2023-11-14T22:13:20Z")
    );

    edit_pool(&server, "192.0.2.300/28").await;
    let invalid = until_reported(&server, "Invalid").await;
    let summary = invalid["status"]["errorSummary"].as_str().unwrap_or_default();
    assert!(
        summary.starts_with("configuration error: IPAddressPool office spec.addresses[0]: "),
        "{summary}"
    );
    assert_eq!(condition(&invalid, "status"), json!("False"));
    assert_eq!(condition(&invalid, "reason"), json!("ConfigurationError"));
    assert_eq!(
        controller.metric("metallb_k8s_client_config_stale_bool"),
        Some(1.0)
    );

    edit_pool(&server, "192.0.2.0/28").await;
    let repaired = until_reported(&server, "Valid").await;
    assert_eq!(repaired["status"], valid["status"]);
    assert_eq!(
        controller.metric("metallb_k8s_client_config_stale_bool"),
        Some(0.0)
    );
    let managers: Vec<&Value> = repaired["metadata"]["managedFields"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|entry| &entry["manager"])
        .collect();
    assert!(
        managers
            .iter()
            .all(|manager| **manager == json!("poolReconciler")),
        "{managers:?}"
    );
    controller.stop().await;
}

#[tokio::test]
async fn a_restart_amid_a_bad_edit_changes_no_address_and_tells_nothing_again() {
    let server = server();
    server.create(pool("office", &["192.0.2.0/28"])).unwrap();
    let first = start(&server);
    assert_eq!(next_service(&server, "web").await, ["192.0.2.0"]);
    edit_pool(&server, "nonsense").await;
    let before = until_reported(&server, "Invalid").await;
    until(&server, "the owner is told", || {
        !events(&server, "office").is_empty()
    })
    .await;
    let told = events(&server, "office");
    first.stop().await;

    server.clear_requests();
    let second = start(&server);
    assert_eq!(
        next_service(&server, "next").await,
        ["192.0.2.1"],
        "the pool still gives addresses"
    );
    assert_eq!(addresses(&server, "web"), ["192.0.2.0"]);
    assert_eq!(events(&server, "office"), told, "the same refusal is told once");
    assert!(reports(&server).is_empty(), "{:?}", reports(&server));
    assert_eq!(state(&server), before);

    edit_pool(&server, "192.0.2.0/28").await;
    let repaired = until_reported(&server, "Valid").await;
    assert_eq!(
        repaired["metadata"].get("annotations"),
        None,
        "nothing is left to keep"
    );
    // The clock of the tests stands still: only the count of events tells their names apart.
    next_service(&server, "later").await;
    edit_pool(&server, "nonsense").await;
    until_reported(&server, "Invalid").await;
    until(&server, "it is told anew", || events(&server, "office") != told).await;
    second.stop().await;
}

#[tokio::test]
async fn a_report_that_is_deleted_comes_back_with_all_that_it_held() {
    let server = server();
    server.create(pool("office", &["192.0.2.0/28"])).unwrap();
    let controller = start(&server);
    until_reported(&server, "Valid").await;
    edit_pool(&server, "nonsense").await;
    let before = until_reported(&server, "Invalid").await;
    delete(&server, STATE).await;
    let is_back = || state(&server)["status"]["result"] == json!("Invalid");
    until(&server, "it is back", is_back).await;
    let after = state(&server);
    assert_eq!(after["status"], before["status"]);
    assert_eq!(
        after["metadata"]["annotations"],
        before["metadata"]["annotations"]
    );
    assert_ne!(after["metadata"]["uid"], before["metadata"]["uid"]);
    controller.stop().await;
}

#[tokio::test]
async fn a_refused_object_of_bgp_is_told_once_and_makes_no_pool_stale() {
    let server = server();
    server.create(pool("office", &["192.0.2.0/28"])).unwrap();
    let spec = json!({ "myASN": 64512, "peerASN": 64513, "peerAddress": "192.0.2.1", "bfdProfile": "none" });
    server.create(peer(&spec)).unwrap();
    let controller = start(&server);
    until(&server, "the owner is told", || {
        reasons(&server, "tor") == ["UnknownBFDProfile"]
    })
    .await;
    assert_eq!(next_service(&server, "web").await, ["192.0.2.0"]);
    until_reported(&server, "Valid").await;
    assert_eq!(
        controller.metric("metallb_k8s_client_config_stale_bool"),
        Some(0.0)
    );
    controller.stop().await;

    let second = start(&server);
    next_service(&server, "next").await;
    assert_eq!(events(&server, "tor").len(), 1);
    assert_eq!(events(&server, "tor")[0].1, 1);
    second.stop().await;
}

#[tokio::test]
async fn the_report_goes_with_the_pod_unless_it_holds_what_must_outlive_it() {
    let server = server();
    server.create(pool("office", &["192.0.2.0/28"])).unwrap();
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "controller-x", "namespace": NAMESPACE },
        "spec": { "containers": [{ "name": "controller", "image": "i" }] },
    });
    let pod = server.create(pod).unwrap();
    let mut config = Config::in_namespace(NAMESPACE.into());
    config.pod = Some("controller-x".into());
    let controller = start_with(&server, config);
    let owner =
        json!([{ "apiVersion": "v1", "kind": "Pod", "name": "controller-x", "uid": pod["metadata"]["uid"] }]);
    let valid = until_reported(&server, "Valid").await;
    assert_eq!(valid["metadata"]["ownerReferences"], owner);

    edit_pool(&server, "nonsense").await;
    let invalid = until_reported(&server, "Invalid").await;
    assert_eq!(invalid["metadata"].get("ownerReferences"), None);
    let kept = invalid["metadata"]["annotations"][LAST_ACCEPTED]
        .as_str()
        .unwrap_or_default();
    assert!(kept.contains("192.0.2.0/28"), "{kept}");

    edit_pool(&server, "192.0.2.0/28").await;
    let repaired = until_reported(&server, "Valid").await;
    assert_eq!(repaired["metadata"]["ownerReferences"], owner);
    controller.stop().await;
}

#[tokio::test]
async fn an_installation_without_reports_works_without_them() {
    let server = server();
    server.create(pool("office", &["192.0.2.0/28"])).unwrap();
    let unknown = Fault::Refuse(ApiError::no_such_path());
    server
        .faults()
        .always(of("configurationstates.metallb.io"), unknown);
    let controller = start(&server);
    assert_eq!(next_service(&server, "web").await, ["192.0.2.0"]);
    edit_pool(&server, "nonsense").await;
    until(&server, "the owner is told", || {
        reasons(&server, "office") == ["InvalidAddress"]
    })
    .await;
    assert!(reports(&server).is_empty(), "{:?}", reports(&server));
    controller.stop().await;
}

#[tokio::test]
async fn kinds_that_may_not_be_read_are_left_out_alone() {
    let server = server();
    server.create(pool("office", &["192.0.2.0/28"])).unwrap();
    server.create(pool("bad", &["nonsense"])).unwrap();
    for resource in ["bgppeers.metallb.io", "bfdprofiles.metallb.io"] {
        let refusal = ApiError::forbidden(resource, "", "not permitted");
        server.faults().always(of(resource), Fault::Refuse(refusal));
    }
    let controller = start(&server);
    assert_eq!(next_service(&server, "web").await, ["192.0.2.0"]);
    until_reported(&server, "Invalid").await;
    until(&server, "the owner is told", || {
        reasons(&server, "bad") == ["InvalidAddress"]
    })
    .await;
    controller.stop().await;
}
