//! Two controllers, of which one writes. Time is virtual: nothing here waits for a clock of the machine.

use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use std::time::SystemTime;

use ferrolb_apiserver::{ApiError, ApiServer, Fault, Target, Verb};
use ferrolb_controller::{Config, ElectionConfig, ElectionTimes};
use serde_json::json;
use tokio::time::Instant;

use crate::support::{
    NAMESPACE, Running, addresses, pool, reasons, server, service, start_by, until, until_assigned, writes,
};

const LEADER: &str = "ferrolb_leader";

fn start(server: &ApiServer, identity: &str) -> Running {
    let election = ElectionConfig {
        times: ElectionTimes::default(),
        lease: "metallb-controller".into(),
        identity: identity.into(),
        seed: 7,
    };
    let config = Config {
        election: Some(election),
        ..Config::in_namespace(NAMESPACE.into())
    };
    start_by(server, config, running)
}

/// A wall clock that shows another time whenever it is read.
fn running() -> SystemTime {
    static READ: AtomicU64 = AtomicU64::new(1_700_000_000_000);
    SystemTime::UNIX_EPOCH + Duration::from_millis(READ.fetch_add(1, Ordering::Relaxed))
}

async fn until_leader(server: &ApiServer, controller: &Running) {
    until(server, "it is the leader", || {
        controller.metric(LEADER) == Some(1.0)
    })
    .await;
}

/// One that leads and is about to write the status of `web`, which takes the server `time`.
#[expect(clippy::unwrap_used, reason = "a test's helper fails like the test")]
async fn leader_about_to_write(server: &ApiServer, time: Duration) -> Running {
    server.create(pool("office", &["192.0.2.0/28"])).unwrap();
    let only = start(server, "only");
    until_leader(server, &only).await;
    until(server, "it is ready", || only.is_ready()).await;
    let status = Target {
        subresource: Some("status".to_owned()),
        ..Target::new(Verb::Patch, "services")
    };
    server.faults().next(1, status, Fault::Delay(time));
    server.create(service("web")).unwrap();
    only
}

/// Whether the write of `web`'s status has reached the server.
fn is_writing(server: &ApiServer) -> bool {
    writes(server)
        .iter()
        .any(|write| write == "Patch services/status web")
}

/// Somebody else takes the Lease, and no controller gets to do anything while that happens.
#[expect(clippy::unwrap_used, reason = "a test's helper fails like the test")]
fn take_lease(server: &ApiServer, holder: &str) {
    let mut lease = server
        .get("leases.coordination.k8s.io", NAMESPACE, "metallb-controller")
        .unwrap();
    lease["spec"]["holderIdentity"] = json!(holder);
    lease["spec"]["renewTime"] = json!("2026-01-01T00:00:00.000000Z");
    lease["metadata"] = json!({ "name": "metallb-controller", "namespace": NAMESPACE });
    server.apply_manifest(lease).unwrap();
}

/// HTTP status of the answer to each status write of a Service; 0 for those without one.
fn answers_to_writes_of(server: &ApiServer, name: &str) -> Vec<u16> {
    let requests = server.writes().into_iter();
    requests
        .filter(|request| request.subresource == "status" && request.name == name)
        .map(|request| request.status)
        .collect()
}

/// One that leads and has given `web` an address, and one that stands by.
#[expect(clippy::unwrap_used, reason = "a test's helper fails like the test")]
async fn pair(server: &ApiServer) -> (Running, Running) {
    server.create(pool("office", &["192.0.2.0/28"])).unwrap();
    let first = start(server, "first");
    until_leader(server, &first).await;
    server.create(service("web")).unwrap();
    until_assigned(server, "web").await;
    until(server, "it is told", || !reasons(server, "web").is_empty()).await;
    let second = start(server, "second");
    until(server, "the other one is ready", || second.is_ready()).await;
    (first, second)
}

/// Lets time pass; it costs none.
async fn pass(time: Duration) {
    tokio::time::sleep(time).await;
}

#[tokio::test(start_paused = true)]
async fn of_two_controllers_one_writes_and_the_other_one_is_ready_and_says_that_it_stands_by() {
    let server = server();
    let (first, second) = pair(&server).await;
    server.create(service("api")).unwrap();
    until_assigned(&server, "api").await;
    pass(Duration::from_secs(60)).await;
    let status = |name: &str| format!("Patch services/status {name}");
    let count = |name: &str| writes(&server).iter().filter(|w| **w == status(name)).count();
    assert_eq!((count("web"), count("api")), (1, 1));
    assert_eq!(
        (first.metric(LEADER), second.metric(LEADER)),
        (Some(1.0), Some(0.0))
    );
    assert_eq!(first.state().await["election"]["standing"], "leader");
    let standby = &second.state().await["election"];
    assert_eq!(
        *standby,
        json!({ "standing": "standby", "identity": "second", "holder": "first" })
    );
    let used = "metallb_allocator_addresses_in_use{pool=\"office\"}";
    assert_eq!(
        (first.metric(used), second.metric(used)),
        (Some(2.0), None),
        "counted once"
    );
    first.stop().await;
    second.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_standby_follows_a_leader_that_leaves_and_writes_nothing_for_what_is_assigned() {
    let server = server();
    let (first, second) = pair(&server).await;
    first.stop().await;
    server.clear_requests();
    let left = Instant::now();
    until_leader(&server, &second).await;
    assert!(left.elapsed() < Duration::from_secs(2), "{:?}", left.elapsed());
    pass(Duration::from_secs(30)).await;
    assert_eq!(writes(&server), [""; 0]);
    server.create(service("api")).unwrap();
    assert_eq!(until_assigned(&server, "api").await, ["192.0.2.1"]);
    assert_eq!(addresses(&server, "web"), ["192.0.2.0"]);
    second.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_standby_follows_a_leader_that_died_when_the_lease_expires() {
    let server = server();
    let (first, second) = pair(&server).await;
    first.kill().await;
    let died = Instant::now();
    server.create(service("api")).unwrap();
    until_leader(&server, &second).await;
    let took = died.elapsed();
    assert!(
        took > Duration::from_secs(10),
        "not before the other one would have stopped: {took:?}"
    );
    assert!(took < Duration::from_secs(16), "{took:?}");
    assert_eq!(until_assigned(&server, "api").await, ["192.0.2.1"]);
    second.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_process_that_comes_back_under_its_name_does_not_wait() {
    let server = server();
    let (first, second) = pair(&server).await;
    first.kill().await;
    let died = Instant::now();
    let again = start(&server, "first");
    until_leader(&server, &again).await;
    assert!(died.elapsed() < Duration::from_secs(2), "{:?}", died.elapsed());
    assert_eq!(second.metric(LEADER), Some(0.0));
    again.stop().await;
    second.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_cannot_renew_writes_nothing_until_it_can() {
    let server = server();
    server.create(pool("office", &["192.0.2.0/28"])).unwrap();
    let only = start(&server, "only");
    server.create(service("web")).unwrap();
    until_assigned(&server, "web").await;
    server.faults().always(
        Target::new(Verb::Update, "leases.coordination.k8s.io"),
        Fault::Drop,
    );
    let cut = Instant::now();
    until(&server, "it stands by", || only.metric(LEADER) == Some(0.0)).await;
    assert!(cut.elapsed() <= Duration::from_secs(11), "{:?}", cut.elapsed());
    server.create(service("api")).unwrap();
    until(&server, "it is ready again", || only.is_ready()).await;
    pass(Duration::from_secs(60)).await;
    assert_eq!(addresses(&server, "api"), [""; 0]);
    server.faults().clear();
    assert_eq!(until_assigned(&server, "api").await, ["192.0.2.1"]);
    let transitions = |to: &str| only.metric(&format!("ferrolb_leader_transitions_total{{to=\"{to}\"}}"));
    assert_eq!(
        (transitions("leader"), transitions("standby")),
        (Some(2.0), Some(1.0))
    );
    only.stop().await;
}

/// Fails where writes do not pass the fence: the write wakes up before the election does.
#[tokio::test(start_paused = true)]
async fn a_leader_that_was_stopped_in_the_midst_of_a_write_does_not_go_on_with_it() {
    let server = server();
    let only = leader_about_to_write(&server, Duration::from_millis(1)).await;
    // No time passes, so the write is not done yet.
    while !is_writing(&server) {
        tokio::task::yield_now().await;
    }

    // Stopped for longer than the Lease lives, so that somebody else may lead. What goes on first is the write.
    tokio::time::advance(Duration::from_secs(60)).await;
    let stood_by = "ferrolb_leader_transitions_total{to=\"standby\"}";
    until(&server, "it has stood by", || only.metric(stood_by) == Some(1.0)).await;
    assert_eq!(until_assigned(&server, "web").await, ["192.0.2.0"]);
    let answers = answers_to_writes_of(&server, "web");
    assert_eq!(
        answers,
        [0, 200],
        "one was broken off, the other one is of the next term"
    );
    only.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_leader_whose_lease_somebody_else_took_while_it_was_stopped_writes_nothing() {
    let server = server();
    let only = leader_about_to_write(&server, Duration::from_millis(1)).await;
    while !is_writing(&server) {
        tokio::task::yield_now().await;
    }
    take_lease(&server, "other");
    tokio::time::advance(Duration::from_secs(60)).await;
    until(&server, "it stands by", || only.metric(LEADER) == Some(0.0)).await;
    pass(Duration::from_secs(5)).await;
    assert_eq!(answers_to_writes_of(&server, "web"), [0]);
    assert_eq!(addresses(&server, "web"), [""; 0]);

    // The other one never renews, so this one leads again.
    assert_eq!(until_assigned(&server, "web").await, ["192.0.2.0"]);
    only.stop().await;
}

/// Fails where writes do not pass the fence, which knows what is under way.
#[tokio::test(start_paused = true)]
async fn a_leader_that_leaves_ends_the_write_that_is_under_way_before_it_gives_the_lease_back() {
    let server = server();
    let only = leader_about_to_write(&server, Duration::from_millis(500)).await;
    until(&server, "the write is under way", || is_writing(&server)).await;
    let leaves = Instant::now();
    only.stop().await;
    assert_eq!(addresses(&server, "web"), ["192.0.2.0"]);
    assert!(
        leaves.elapsed() < Duration::from_secs(1),
        "{:?}",
        leaves.elapsed()
    );
    let lease = server.get("leases.coordination.k8s.io", NAMESPACE, "metallb-controller");
    assert_eq!(lease.unwrap()["spec"]["holderIdentity"], "", "it is given back");
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_leaves_begins_no_write_while_it_ends_another() {
    let server = server();
    let only = leader_about_to_write(&server, Duration::from_millis(500)).await;
    until(&server, "the write is under way", || is_writing(&server)).await;
    let stops = tokio::spawn(only.stop());
    tokio::task::yield_now().await;
    server.create(service("api")).unwrap();
    stops.await.unwrap();
    assert_eq!(addresses(&server, "web"), ["192.0.2.0"]);
    assert_eq!(answers_to_writes_of(&server, "api"), [0; 0]);
}

#[tokio::test(start_paused = true)]
async fn without_access_to_leases_there_is_no_election() {
    let server = server();
    server.create(pool("office", &["192.0.2.0/28"])).unwrap();
    let forbidden = Fault::Refuse(ApiError::forbidden(
        "leases.coordination.k8s.io",
        "metallb-controller",
        "no",
    ));
    for verb in [Verb::Get, Verb::Create, Verb::Update] {
        let target = Target::new(verb, "leases.coordination.k8s.io");
        server.faults().always(target, forbidden.clone());
    }
    let controller = start(&server, "only");
    server.create(service("web")).unwrap();
    until_assigned(&server, "web").await;
    assert_eq!(controller.metric(LEADER), Some(1.0));
    assert_eq!(
        controller.state().await["election"]["standing"],
        "withoutElection"
    );
    controller.stop().await;
}
