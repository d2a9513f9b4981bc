//! What a Service asks for in vain while it keeps its address: an event, and a condition in the status.

use ferrolb_apiserver::{ApiError, ApiServer, Fault, Target, Verb};
use serde_json::{Value, json};

use crate::support::*;

const WEB: &str = "/api/v1/namespaces/default/services/web";
const STATUS: &str = "/api/v1/namespaces/default/services/web/status";

/// `other` holds 192.0.2.1, and `web` holds 192.0.2.0; others have written into the status of `web`.
#[expect(clippy::unwrap_used, reason = "a test's helper fails like the test")]
async fn two(server: &ApiServer) -> Running {
    server.create(pool("office", &["192.0.2.0/30"])).unwrap();
    let controller = start(server);
    server.create(service("web")).unwrap();
    until_assigned(server, "web").await;
    server.create(service("other")).unwrap();
    until_assigned(server, "other").await;
    let ports = json!([{ "port": 80, "protocol": "TCP" }]);
    let ingress =
        json!([{ "ip": "192.0.2.0", "ipMode": "Proxy", "ports": ports }, { "hostname": "lb.example" }]);
    let status = json!({ "status": { "loadBalancer": { "ingress": ingress }, "conditions": [foreign()] } });
    merge(server, STATUS, &status).await;
    controller
}

fn foreign() -> Value {
    json!({ "type": "example.com/Ready", "status": "True", "reason": "Is", "message": "",
            "lastTransitionTime": "2023-01-01T00:00:00Z" })
}

async fn ask(server: &ApiServer, address: Option<&str>) {
    let patch = json!({ "metadata": { "annotations": { "metallb.io/loadBalancerIPs": address } } });
    merge(server, WEB, &patch).await;
}

fn conditions(server: &ApiServer) -> Vec<Value> {
    let web = server.get("services", "default", "web").unwrap_or_default();
    let list = web.pointer("/status/conditions").and_then(Value::as_array);
    list.cloned().unwrap_or_default()
}

fn entry(server: &ApiServer) -> Value {
    let web = server.get("services", "default", "web").unwrap_or_default();
    web["status"]["loadBalancer"]["ingress"].clone()
}

fn status_writes(server: &ApiServer) -> usize {
    let writes = writes(server).into_iter();
    writes
        .filter(|write| write.ends_with("services/status web"))
        .count()
}

#[tokio::test]
async fn it_is_told_in_one_write_that_leaves_everything_of_others_alone() {
    let server = server();
    let controller = two(&server).await;
    let before = entry(&server);
    ask(&server, Some("192.0.2.1")).await;
    until(&server, "it is told", || conditions(&server).len() == 2).await;
    let [others, ours] = &conditions(&server)[..] else {
        panic!("two conditions")
    };
    assert_eq!(*others, foreign());
    assert_eq!(ours["type"], json!("ferrolb.io/RequestMet"));
    assert_eq!(
        (&ours["status"], &ours["reason"]),
        (&json!("False"), &json!("AddressInUse"))
    );
    assert_eq!(ours["lastTransitionTime"], json!("2023-11-14T22:13:20Z"));
    assert_eq!(entry(&server), before);
    let shown = &controller.state().await["services"]["default/web"];
    assert_eq!(
        (&shown["reason"], &shown["message"]),
        (&ours["reason"], &ours["message"])
    );

    // A change that has nothing to do with it is no write and no event.
    merge(
        &server,
        WEB,
        &json!({ "metadata": { "labels": { "tier": "x" } } }),
    )
    .await;
    server.create(service("last")).unwrap();
    until_assigned(&server, "last").await;
    assert_eq!(status_writes(&server), 0);
    let told = reasons(&server, "web");
    assert_eq!(told, ["IPAllocated", "AllocationFailed"]);

    ask(&server, None).await;
    until(&server, "it is gone", || conditions(&server) == [foreign()]).await;
    assert_eq!((entry(&server), status_writes(&server)), (before, 1));
    controller.stop().await;
}

#[tokio::test]
async fn it_goes_together_with_the_address_when_the_request_can_be_met() {
    let server = server();
    let controller = two(&server).await;
    ask(&server, Some("192.0.2.1")).await;
    until(&server, "it is told", || conditions(&server).len() == 2).await;
    delete(&server, "/api/v1/namespaces/default/services/other").await;
    until(&server, "it moves", || addresses(&server, "web") == ["192.0.2.1"]).await;
    assert_eq!(conditions(&server), [foreign()]);
    assert_eq!(status_writes(&server), 1);
    assert_eq!(
        entry(&server),
        json!([{ "ip": "192.0.2.1", "ipMode": "VIP" }, { "hostname": "lb.example" }]),
        "what others wrote goes with the address that they wrote it of"
    );
    controller.stop().await;
}

#[tokio::test]
async fn it_is_told_under_metallbs_own_role_too_and_costs_nothing_at_a_restart() {
    let server = server();
    let forbidden = Fault::Refuse(ApiError::forbidden("services", "", "cannot patch"));
    let target = Target {
        subresource: Some("status".to_owned()),
        ..Target::new(Verb::Patch, "services")
    };
    let controller = two(&server).await;
    let before = entry(&server);
    server.faults().always(target, forbidden);
    ask(&server, Some("192.0.2.1")).await;
    until(&server, "it is told", || conditions(&server).len() == 2).await;
    assert_eq!(entry(&server), before);
    until(&server, "there is an event", || {
        reasons(&server, "web").contains(&"AllocationFailed".to_owned())
    })
    .await;
    controller.stop().await;

    server.clear_requests();
    let again = start(&server);
    server.create(service("last")).unwrap();
    until_assigned(&server, "last").await;
    assert_eq!(status_writes(&server), 0);
    assert!(
        !writes(&server).iter().any(|write| write.contains("web")),
        "{:?}",
        writes(&server)
    );
    assert_eq!(reasons(&server, "web"), ["IPAllocated", "AllocationFailed"]);
    again.stop().await;
}

#[tokio::test]
async fn of_several_restarts_a_service_that_waits_is_told_once_why() {
    let server = server();
    server.create(pool("office", &["192.0.2.0/32"])).unwrap();
    server.create(service("web")).unwrap();
    let mut controller = start(&server);
    until_assigned(&server, "web").await;
    server.create(service("late")).unwrap();
    until(&server, "it is told", || {
        reasons(&server, "late") == ["AllocationFailed"]
    })
    .await;
    for restart in 1..=3 {
        controller.stop().await;
        server.clear_requests();
        controller = start(&server);
        // The answer to the event of the start is there before that of a later one on the same Service.
        until(&server, "it is told again, or is known", || {
            let requests = server.requests();
            let mut events = requests
                .iter()
                .filter(|r| r.resource == "events" && r.status != 0);
            events.next().is_some()
        })
        .await;
        assert_eq!(reasons(&server, "late").len(), 2, "restart {restart}");
    }
    controller.stop().await;
}
