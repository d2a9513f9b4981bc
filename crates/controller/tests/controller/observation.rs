//! What an operator sees: metrics, readiness and the state.

use core::time::Duration;

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

#[tokio::test(start_paused = true)]
async fn the_status_of_a_pool_is_written_on_change_only_and_once_a_second() {
    let server = server();
    server
        .create(pool("office", &["192.0.2.0/24", "2001:db8::/48"]))
        .unwrap();
    server.create(pool("lab", &["198.51.100.0/30"])).unwrap();
    let controller = start(&server);
    let status = |name: &str| {
        let pool = server.get("ipaddresspools.metallb.io", NAMESPACE, name);
        pool.unwrap_or_default()["status"].clone()
    };
    let count = |name: &str| {
        let wanted = format!("Patch ipaddresspools.metallb.io/status {name}");
        writes(&server).iter().filter(|write| **write == wanted).count()
    };
    until(&server, "both are counted", || {
        !status("office").is_null() && !status("lab").is_null()
    })
    .await;
    let most = i64::MAX;
    let empty = json!({ "assignedIPv4": 0, "assignedIPv6": 0, "availableIPv4": 256, "availableIPv6": most });
    assert_eq!(status("office"), empty);
    let begun = tokio::time::Instant::now();
    for n in 0..40 {
        let mut web = service(&format!("web-{n}"));
        web["metadata"]["annotations"] = json!({ "metallb.io/address-pool": "office" });
        server.create(web).unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    until(&server, "all are counted", || {
        status("office")["assignedIPv4"] == json!(40)
    })
    .await;
    let seconds = begun.elapsed().as_secs() as usize;
    assert!(
        count("office") <= seconds + 2,
        "{} in {seconds} s",
        count("office")
    );
    let office = count("office");
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert_eq!(
        (count("office"), count("lab")),
        (office, 1),
        "nothing changes, nothing is written"
    );

    // What somebody else writes there is put right.
    let path = "/apis/metallb.io/v1beta1/namespaces/metallb-system/ipaddresspools/office/status";
    merge(&server, path, &json!({ "status": { "assignedIPv4": 7 } })).await;
    until(&server, "it is put right", || {
        status("office")["assignedIPv4"] == json!(40)
    })
    .await;
    controller.stop().await;
}

#[tokio::test]
async fn metrics_of_the_reference_are_there_from_the_start_and_no_others_of_its_names() {
    let server = server();
    let controller = start(&server);
    for name in [
        "updates_total",
        "update_errors_total",
        "config_loaded_bool",
        "config_stale_bool",
    ] {
        let name = format!("metallb_k8s_client_{name}");
        assert!(controller.metric(&name).is_some(), "{name}");
    }
    server.create(pool("office", &["192.0.2.0/28"])).unwrap();
    server.create(service("web")).unwrap();
    until_assigned(&server, "web").await;
    until(&server, "it is counted", || {
        controller.metric("metallb_allocator_addresses_in_use{pool=\"office\"}") == Some(1.0)
    })
    .await;
    let text = controller.registry.encode();
    let names: std::collections::BTreeSet<&str> = text
        .lines()
        .filter(|line| line.starts_with("metallb_allocator_"))
        .filter_map(|line| line.split('{').next())
        .collect();
    let wanted = [
        "metallb_allocator_addresses_in_use",
        "metallb_allocator_addresses_in_use_total",
        "metallb_allocator_addresses_total",
        "metallb_allocator_ipv4_addresses_in_use_total",
        "metallb_allocator_ipv4_addresses_total",
        "metallb_allocator_ipv6_addresses_in_use_total",
        "metallb_allocator_ipv6_addresses_total",
    ];
    assert_eq!(names.into_iter().collect::<Vec<_>>(), wanted);
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
