//! How statuses are written: how many at a time, and what becomes of a write that is refused. Time is virtual.

use core::time::Duration;

use ferrolb_apiserver::{ApiError, ApiServer, Cause, Fault, Target, Verb};
use serde_json::json;

use crate::support::*;

const SECOND: Duration = Duration::from_secs(1);
const SERVICES: usize = 100;

fn statuses() -> Target {
    Target {
        subresource: Some("status".to_owned()),
        ..Target::new(Verb::Patch, "services")
    }
}

/// Status writes of Services that the API server has not answered.
fn under_way(server: &ApiServer) -> usize {
    let requests = server.requests();
    let is_status = |request: &&ferrolb_apiserver::Request| {
        request.verb == Verb::Patch && request.resource == "services" && request.subresource == "status"
    };
    requests
        .iter()
        .filter(is_status)
        .filter(|request| request.status == 0)
        .count()
}

fn patches(server: &ApiServer) -> usize {
    let writes = writes(server).into_iter();
    writes
        .filter(|write| write.starts_with("Patch services/status"))
        .count()
}

#[tokio::test(start_paused = true)]
async fn thirty_two_statuses_are_written_at_a_time_and_the_others_follow() {
    let server = server();
    server.create(pool("office", &["192.0.2.0/24"])).unwrap();
    for n in 0..SERVICES {
        server.create(service(&format!("web-{n}"))).unwrap();
    }
    server.faults().always(statuses(), Fault::Delay(10 * SECOND));
    let controller = start(&server);
    until(&server, "writes are under way", || under_way(&server) > 0).await;
    for (round, want) in [32, 32, 32, 4].into_iter().enumerate() {
        tokio::time::sleep(5 * SECOND).await;
        assert_eq!(under_way(&server), want, "in round {round}");
        tokio::time::sleep(5 * SECOND).await;
    }
    tokio::time::sleep(5 * SECOND).await;
    assert_eq!((under_way(&server), patches(&server)), (0, SERVICES), "one each");
    controller.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_second_decision_on_a_service_waits_for_the_write_of_the_first_and_others_do_not() {
    let server = server();
    server.create(pool("office", &["192.0.2.0/24"])).unwrap();
    let slow = Target {
        name: Some("web".to_owned()),
        ..statuses()
    };
    server.faults().next(1, slow, Fault::Delay(10 * SECOND));
    let controller = start(&server);
    server.create(service("web")).unwrap();
    until(&server, "the first write is under way", || {
        under_way(&server) == 1
    })
    .await;
    let wish = json!({ "metadata": { "annotations": { "metallb.io/loadBalancerIPs": "192.0.2.77" } } });
    merge(&server, "/api/v1/namespaces/default/services/web", &wish).await;
    server.create(service("other")).unwrap();
    until_assigned(&server, "other").await;
    tokio::time::sleep(5 * SECOND).await;
    let of_web = |server: &ApiServer| {
        let writes = writes(server).into_iter();
        writes
            .filter(|write| write.ends_with("services/status web"))
            .count()
    };
    assert_eq!(
        of_web(&server),
        0,
        "the first one is before the change, and there is no second one yet"
    );
    until(&server, "the second write lands", || {
        addresses(&server, "web") == ["192.0.2.77"]
    })
    .await;
    assert_eq!(of_web(&server), 1);
    controller.stop().await;
}

/// Refuses every status write for an hour: how often it is tried, and what is told.
#[expect(clippy::unwrap_used, reason = "a test's helper fails like the test")]
async fn refused(error: ApiError) {
    let server = server();
    server.create(pool("office", &["192.0.2.0/28"])).unwrap();
    for verb in [Verb::Patch, Verb::Update] {
        let target = Target {
            verb: Some(verb),
            ..statuses()
        };
        server.faults().always(target, Fault::Refuse(error.clone()));
    }
    let controller = start(&server);
    server.create(service("web")).unwrap();
    until(&server, "it is told", || {
        reasons(&server, "web").contains(&"StatusRefused".to_owned())
    })
    .await;
    assert_eq!(patches(&server), 1);
    tokio::time::sleep(25 * SECOND).await;
    assert_eq!(patches(&server), 1, "not before half a minute");
    tokio::time::sleep(3600 * SECOND).await;
    assert!((5..12).contains(&patches(&server)), "{}", patches(&server));
    let told = reasons(&server, "web");
    assert_eq!(told, ["IPAllocated", "StatusRefused"], "once");

    // The address is held all the same, and written as soon as that is permitted.
    server.faults().clear();
    server.create(service("other")).unwrap();
    assert_eq!(until_assigned(&server, "other").await, ["192.0.2.1"]);
    tokio::time::sleep(600 * SECOND).await;
    assert_eq!(addresses(&server, "web"), ["192.0.2.0"]);
    controller.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_status_that_may_not_be_written_is_told_once_and_tried_ever_more_slowly() {
    refused(ApiError::forbidden("services", "web", "cannot write")).await;
}

#[tokio::test(start_paused = true)]
async fn a_status_that_is_not_valid_is_told_once_and_tried_ever_more_slowly() {
    let cause = Cause::invalid("status.loadBalancer.ingress[0].ip", &json!("192.0.2.0"), "no");
    refused(ApiError::invalid("", "Service", "web", vec![cause])).await;
}

#[tokio::test(start_paused = true)]
async fn a_conflict_is_decided_anew_on_the_fresh_object_and_costs_no_pause() {
    let server = server();
    server.create(pool("office", &["192.0.2.0/28"])).unwrap();
    let controller = start(&server);
    until(&server, "it is ready", || controller.is_ready()).await;
    // The write is held up while somebody changes the Service: its version is gone when it arrives.
    server.faults().next(1, statuses(), Fault::Delay(2 * SECOND));
    server.create(service("web")).unwrap();
    until(&server, "the write is under way", || under_way(&server) == 1).await;
    let wish = json!({ "metadata": { "annotations": { "metallb.io/loadBalancerIPs": "192.0.2.7" } } });
    merge(&server, "/api/v1/namespaces/default/services/web", &wish).await;
    let begun = tokio::time::Instant::now();
    assert_eq!(until_assigned(&server, "web").await, ["192.0.2.7"]);
    assert!(begun.elapsed() < 3 * SECOND, "{:?}", begun.elapsed());
    assert_eq!(
        controller.metric("metallb_k8s_client_update_errors_total"),
        Some(0.0)
    );
    assert!(!reasons(&server, "web").contains(&"StatusRefused".to_owned()));
    controller.stop().await;
}
