//! What an operator sees: metrics, readiness and the state.

use serde_json::json;

use crate::support::*;

#[tokio::test]
async fn pools_are_shown_under_both_names_and_disappear_with_the_pool() {
    let server = server();
    server
        .create(pool("office", &["192.0.2.0/28", "2001:db8::/126"]))
        .unwrap();
    server.create(pool("huge", &["2001:db8:1::/48"])).unwrap();
    let controller = start(&server);
    server.create(service("web")).unwrap();
    until_assigned(&server, "web").await;
    let series =
        |name: &str, pool: &str| controller.metric(&format!("metallb_allocator_{name}{{pool=\"{pool}\"}}"));
    until(&server, "it is counted", || {
        series("addresses_in_use_total", "office") == Some(1.0)
    })
    .await;
    assert_eq!(series("addresses_in_use", "office"), Some(1.0));
    assert_eq!(series("ipv4_addresses_in_use_total", "office"), Some(1.0));
    assert_eq!(series("ipv6_addresses_in_use_total", "office"), Some(0.0));
    assert_eq!(series("addresses_total", "office"), Some(20.0));
    assert_eq!(series("ipv4_addresses_total", "office"), Some(16.0));
    assert_eq!(series("ipv6_addresses_total", "huge"), Some(i64::MAX as f64));
    delete(
        &server,
        "/apis/metallb.io/v1beta1/namespaces/metallb-system/ipaddresspools/huge",
    )
    .await;
    until(&server, "the series is gone", || {
        series("addresses_total", "huge").is_none()
    })
    .await;
    controller.stop().await;
}

#[tokio::test]
async fn waiting_services_are_shown_by_reason() {
    let server = server();
    server.create(pool("office", &["192.0.2.1/32"])).unwrap();
    let controller = start(&server);
    for name in ["one", "two", "three"] {
        server.create(service(name)).unwrap();
    }
    let waiting = || controller.metric("ferrolb_allocator_waiting_services{reason=\"PoolExhausted\"}");
    until(&server, "two wait", || waiting() == Some(2.0)).await;
    server.create(pool("more", &["198.51.100.0/28"])).unwrap();
    until(&server, "none waits", || waiting().is_none()).await;
    controller.stop().await;
}

#[tokio::test]
async fn the_state_tells_what_became_of_each_service_and_pool() {
    let server = server();
    server.create(pool("office", &["192.0.2.1/32"])).unwrap();
    server.create(pool("bad", &["192.0.2.1"])).unwrap();
    let controller = start(&server);
    server.create(service("web")).unwrap();
    until_assigned(&server, "web").await;
    let state = controller.state().await;
    assert_eq!((&state["started"], &state["missing"]), (&json!(true), &json!([])));
    assert_eq!(state["services"]["default/web"]["state"], json!("assigned"));
    assert_eq!(
        state["services"]["default/web"]["addresses"],
        json!(["192.0.2.1"])
    );
    assert_eq!(state["pools"]["office"]["assigned_ipv4"], json!(1));
    assert_eq!(state["problems"][0]["name"], json!("bad"));
    assert_eq!(
        controller.metric("metallb_k8s_client_config_loaded_bool"),
        Some(1.0)
    );
    controller.stop().await;
}
