//! From a Service to its address, through the API server.

use ferrolb_apiserver::{ApiError, Fault, Target, Verb};
use ferrolb_controller::Config;
use serde_json::json;

use crate::support::*;

const WEB: &str = "/api/v1/namespaces/default/services/web";
const OFFICE: &str = "/apis/metallb.io/v1beta1/namespaces/metallb-system/ipaddresspools/office";

#[tokio::test]
async fn a_service_gets_the_lowest_address_in_one_write_with_pool_and_event() {
    let server = server();
    server.create(pool("office", &["192.0.2.0/28"])).unwrap();
    let controller = start(&server);
    server.create(service("web")).unwrap();
    assert_eq!(until_assigned(&server, "web").await, ["192.0.2.0"]);
    let stored = server.get("services", "default", "web").unwrap();
    assert_eq!(
        stored["metadata"]["annotations"][POOL_ANNOTATION],
        json!("office")
    );
    until(&server, "the pool is counted", || writes(&server).len() == 3).await;
    let mut written = writes(&server);
    written.sort();
    assert_eq!(
        written,
        [
            "Create events ",
            "Patch ipaddresspools.metallb.io/status office",
            "Patch services/status web"
        ]
    );
    assert_eq!(reasons(&server, "web"), ["IPAllocated"]);
    let pool = server
        .get("ipaddresspools.metallb.io", NAMESPACE, "office")
        .unwrap();
    let counters = json!({ "assignedIPv4": 1, "assignedIPv6": 0, "availableIPv4": 15, "availableIPv6": 0 });
    assert_eq!(pool["status"], counters);
    controller.stop().await;
}

#[tokio::test]
async fn a_restart_with_everything_assigned_writes_nothing_at_all() {
    let server = server();
    server
        .create(pool("office", &["192.0.2.0/24", "2001:db8::/120"]))
        .unwrap();
    let first = start(&server);
    for n in 0..50 {
        server.create(service(&format!("web-{n}"))).unwrap();
    }
    for n in 0..50 {
        until_assigned(&server, &format!("web-{n}")).await;
    }
    let counted = || {
        let pool = server
            .get("ipaddresspools.metallb.io", NAMESPACE, "office")
            .unwrap_or_default();
        pool["status"]["assignedIPv4"] == json!(50)
    };
    until(&server, "all are counted", counted).await;
    until_reported(&server, "Valid").await;
    first.stop().await;

    server.clear_requests();
    let second = start(&server);
    until(&server, "the second one is ready", || second.is_ready()).await;
    // One more Service shows that everything before it has been worked off.
    server.create(service("last")).unwrap();
    until_assigned(&server, "last").await;
    until(&server, "its event and its pool are written", || {
        writes(&server).len() >= 3
    })
    .await;
    assert!(
        writes(&server).iter().all(|write| !write.contains("web-")),
        "{:?}",
        writes(&server)
    );
    assert_eq!(writes(&server).len(), 3, "{:?}", writes(&server));
    assert!(reports(&server).is_empty(), "{:?}", reports(&server));
    second.stop().await;
}

#[tokio::test]
async fn a_refused_pool_harms_only_itself_and_says_why() {
    let server = server();
    server.create(pool("office", &["192.0.2.0/28"])).unwrap();
    let controller = start(&server);
    server.create(service("web")).unwrap();
    until_assigned(&server, "web").await;
    assert_eq!(
        controller.metric("metallb_k8s_client_config_stale_bool"),
        Some(0.0)
    );

    merge(
        &server,
        OFFICE,
        &json!({ "spec": { "addresses": ["192.0.2.300-192.0.2.310"] } }),
    )
    .await;
    server.create(pool("lab", &["198.51.100.0/28"])).unwrap();
    until(&server, "there is an event on the pool", || {
        !reasons(&server, "office").is_empty()
    })
    .await;
    assert_eq!(reasons(&server, "office"), ["InvalidAddress"]);
    assert_eq!(
        controller.metric("metallb_k8s_client_config_stale_bool"),
        Some(1.0)
    );

    // Its last version is still in force: the address stays, and the next one is given from it.
    let mut next = service("next");
    next["metadata"]["annotations"] = json!({ "metallb.io/address-pool": "office" });
    server.create(next).unwrap();
    assert_eq!(until_assigned(&server, "next").await, ["192.0.2.1"]);
    let mut other = service("other");
    other["metadata"]["annotations"] = json!({ "metallb.io/address-pool": "lab" });
    server.create(other).unwrap();
    assert_eq!(until_assigned(&server, "other").await, ["198.51.100.0"]);
    assert_eq!(addresses(&server, "web"), ["192.0.2.0"]);

    merge(
        &server,
        OFFICE,
        &json!({ "spec": { "addresses": ["192.0.2.0/28"] } }),
    )
    .await;
    let repaired = || controller.metric("metallb_k8s_client_config_stale_bool") == Some(0.0);
    until(&server, "the pool is accepted again", repaired).await;
    controller.stop().await;
}

#[tokio::test]
async fn a_conflicting_write_is_decided_again_from_the_fresh_object() {
    let server = server();
    server.create(pool("office", &["192.0.2.0/28"])).unwrap();
    let stale = Fault::Refuse(ApiError::stale("services", "web"));
    server
        .faults()
        .next(2, Target::new(Verb::Patch, "services"), stale);
    let controller = start(&server);
    server.create(service("web")).unwrap();
    assert_eq!(until_assigned(&server, "web").await, ["192.0.2.0"]);
    assert_eq!(
        controller.metric("metallb_k8s_client_update_errors_total"),
        Some(0.0)
    );
    controller.stop().await;
}

#[tokio::test]
async fn with_metallbs_own_role_the_status_is_written_by_update() {
    let server = server();
    for resource in ["services", "ipaddresspools.metallb.io"] {
        let forbidden = Fault::Refuse(ApiError::forbidden(resource, "", "cannot patch"));
        server
            .faults()
            .always(Target::new(Verb::Patch, resource), forbidden);
    }
    server.create(pool("office", &["192.0.2.0/28"])).unwrap();
    let controller = start(&server);
    for name in ["one", "two"] {
        server.create(service(name)).unwrap();
        until_assigned(&server, name).await;
    }
    let counted = || {
        let pool = server
            .get("ipaddresspools.metallb.io", NAMESPACE, "office")
            .unwrap_or_default();
        pool["status"]["assignedIPv4"] == json!(2)
    };
    until(&server, "the pool is counted", counted).await;
    assert_eq!(
        writes(&server)
            .iter()
            .filter(|w| w.starts_with("Patch services/"))
            .count(),
        1
    );
    controller.stop().await;
}

#[tokio::test]
async fn an_api_server_that_is_away_is_waited_for_and_costs_nothing_later() {
    let server = server();
    server.create(pool("office", &["192.0.2.0/28"])).unwrap();
    server.create(service("web")).unwrap();
    server.faults().always(Target::any(), Fault::Drop);
    let controller = start(&server);
    until(&server, "it has asked in vain", || server.requests().len() >= 6).await;
    assert!(!controller.is_ready());
    server.faults().clear();
    assert_eq!(until_assigned(&server, "web").await, ["192.0.2.0"]);
    assert!(controller.is_ready());

    server.faults().always(Target::any(), Fault::Drop);
    server.close_watches();
    server.clear_requests();
    until(&server, "it has noticed", || server.requests().len() >= 6).await;
    server.create(service("meanwhile")).unwrap();
    server.faults().clear();
    assert_eq!(until_assigned(&server, "meanwhile").await, ["192.0.2.1"]);
    assert_eq!(addresses(&server, "web"), ["192.0.2.0"]);
    assert!(controller.is_ready());
    controller.stop().await;
}

#[tokio::test]
async fn a_released_address_wakes_who_waits_for_it() {
    let server = server();
    server.create(pool("office", &["192.0.2.1/32"])).unwrap();
    let controller = start(&server);
    server.create(service("web")).unwrap();
    until_assigned(&server, "web").await;
    server.create(service("late")).unwrap();
    until(&server, "it is told", || {
        reasons(&server, "late") == ["AllocationFailed"]
    })
    .await;
    delete(&server, WEB).await;
    assert_eq!(until_assigned(&server, "late").await, ["192.0.2.1"]);
    controller.stop().await;
}

#[tokio::test]
async fn what_others_wrote_into_the_status_stays_and_their_removal_is_healed() {
    let server = server();
    server.create(pool("office", &["192.0.2.0/28"])).unwrap();
    let controller = start(&server);
    server.create(service("web")).unwrap();
    until_assigned(&server, "web").await;
    until(&server, "all is written", || writes(&server).len() == 3).await;

    let entry = json!({ "ip": "192.0.2.0", "ipMode": "Proxy" });
    let status = json!({ "status": { "loadBalancer": { "ingress": [entry] } } });
    merge(&server, &format!("{WEB}/status"), &status).await;
    server.create(service("next")).unwrap();
    until_assigned(&server, "next").await;
    assert!(
        writes(&server)
            .iter()
            .all(|w| !w.contains("services/status web") || w.starts_with("Patch services/status web"))
    );
    let stored = server.get("services", "default", "web").unwrap();
    assert_eq!(
        stored["status"]["loadBalancer"]["ingress"][0]["ipMode"],
        json!("Proxy")
    );

    merge(
        &server,
        &format!("{WEB}/status"),
        &json!({ "status": { "loadBalancer": { "ingress": null } } }),
    )
    .await;
    assert_eq!(until_assigned(&server, "web").await.len(), 1);
    controller.stop().await;
}

#[tokio::test]
async fn a_service_of_another_class_is_left_alone() {
    let server = server();
    server.create(pool("office", &["192.0.2.0/28"])).unwrap();
    let mut config = Config::in_namespace(NAMESPACE.into());
    config.class = "example.com/lb".into();
    let controller = start_with(&server, config);
    server.create(service("web")).unwrap();
    let mut ours = service("ours");
    ours["spec"]["loadBalancerClass"] = json!("example.com/lb");
    server.create(ours).unwrap();
    until_assigned(&server, "ours").await;
    assert!(addresses(&server, "web").is_empty());
    controller.stop().await;
}

#[tokio::test]
async fn a_deprecated_annotation_is_honoured_and_complained_about() {
    let server = server();
    server.create(pool("office", &["192.0.2.0/28"])).unwrap();
    server.create(pool("lab", &["198.51.100.0/28"])).unwrap();
    let controller = start(&server);
    let mut web = service("web");
    web["metadata"]["annotations"] = json!({ "metallb.universe.tf/address-pool": "lab" });
    server.create(web).unwrap();
    assert_eq!(until_assigned(&server, "web").await, ["198.51.100.0"]);
    let told = || {
        reasons(&server, "web")
            .iter()
            .any(|reason| reason == "deprecatedAnnotation")
    };
    until(&server, "the annotation is complained about", told).await;
    controller.stop().await;
}

#[tokio::test]
async fn a_reserved_address_is_recorded_in_its_pool_and_comes_back_after_a_restart() {
    let server = server();
    server.create(pool("office", &["192.0.2.0/28"])).unwrap();
    let first = start(&server);
    let mut web = service("web");
    web["metadata"]["annotations"] = json!({ "ferrolb.io/reserve-as": "front" });
    server.create(web.clone()).unwrap();
    until_assigned(&server, "web").await;
    let recorded = || {
        let office = server
            .get("ipaddresspools.metallb.io", NAMESPACE, "office")
            .unwrap_or_default();
        let annotation = &office["metadata"]["annotations"]["ferrolb.io/reservations"];
        annotation.as_str().unwrap_or_default().to_owned()
    };
    until(&server, "the reservation is recorded", || {
        recorded() == r#"{"default/front":["192.0.2.0"]}"#
    })
    .await;
    delete(&server, WEB).await;
    first.stop().await;

    let second = start(&server);
    server.create(service("other")).unwrap();
    assert_eq!(until_assigned(&server, "other").await, ["192.0.2.1"]);
    web["metadata"]["name"] = json!("again");
    server.create(web).unwrap();
    assert_eq!(until_assigned(&server, "again").await, ["192.0.2.0"]);
    second.stop().await;
}

#[tokio::test]
async fn a_role_that_may_not_patch_pools_costs_the_record_and_nothing_else() {
    let server = server();
    server.create(pool("office", &["192.0.2.0/28"])).unwrap();
    let forbidden = Fault::Refuse(ApiError::forbidden(
        "ipaddresspools.metallb.io",
        "office",
        "cannot patch",
    ));
    for verb in [Verb::Patch, Verb::Update] {
        let pools = Target {
            subresource: Some(String::new()),
            ..Target::new(verb, "ipaddresspools.metallb.io")
        };
        server.faults().always(pools, forbidden.clone());
    }
    let controller = start(&server);
    let mut web = service("web");
    web["metadata"]["annotations"] = json!({ "ferrolb.io/reserve-as": "front" });
    server.create(web).unwrap();
    assert_eq!(until_assigned(&server, "web").await, ["192.0.2.0"]);
    delete(&server, WEB).await;
    server.create(service("other")).unwrap();
    assert_eq!(until_assigned(&server, "other").await, ["192.0.2.1"]);
    controller.stop().await;
}

#[tokio::test]
async fn decisions_and_writes_are_timed() {
    let server = server();
    server.create(pool("office", &["192.0.2.0/28"])).unwrap();
    let controller = start(&server);
    server.create(service("web")).unwrap();
    until_assigned(&server, "web").await;
    let count = |name: &str| {
        controller
            .metric(&format!("ferrolb_allocator_{name}_seconds_count"))
            .unwrap_or_default()
    };
    until(&server, "the write is timed", || count("write") >= 1.0).await;
    assert!(count("decision") >= 2.0);
    controller.stop().await;
}
