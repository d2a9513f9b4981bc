use core::time::Duration;
use std::time::SystemTime;

use ferrolb_apiserver::{ApiServer, Options};
use ferrolb_telemetry::metrics::Registry;
use http::Request;
use serde_json::json;

use super::*;

const NAMESPACE: &str = "metallb-system";
const LEASE: &str = "metallb-controller";

fn clock() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000)
}

/// Whether a write through the fence reaches the API server.
async fn may_write(fence: &Fence, client: &Client) -> bool {
    let write = Request::delete("/api/v1/namespaces/default/services/none").body(Vec::new());
    let answer = fence.client(client).request_text(write.unwrap()).await;
    let error = format!("{:?}", answer.unwrap_err());
    assert!(error.contains("Fenced") || error.contains("404"), "{error}");
    !error.contains("Fenced")
}

/// The Lease names another holder, and the time of the own term is not over yet.
#[tokio::test(start_paused = true)]
async fn who_sees_another_holder_may_not_write_any_more_although_its_time_is_not_over() {
    let server = ApiServer::new(Options::default()).unwrap();
    let client = Client::new(server.clone(), "default");
    let config = ElectionConfig {
        times: crate::ElectionTimes::default(),
        lease: LEASE.into(),
        identity: "one".into(),
        seed: 7,
    };
    let fence = Fence::closed();
    let metrics = Metrics::register(&Registry::new()).unwrap();
    let place = (client.clone(), NAMESPACE.into(), clock as WallClock);
    let (elector, mut standing) = Elector::new(&config, place, fence.clone(), metrics);
    assert!(!may_write(&fence, &client).await);
    let task = tokio::spawn(elector.run(CancellationToken::new()));
    standing
        .wait_for(|standing| standing.term.is_some())
        .await
        .unwrap();
    assert!(may_write(&fence, &client).await);

    let lease = json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": { "name": LEASE, "namespace": NAMESPACE }, "spec": { "holderIdentity": "other" },
    });
    server.apply_manifest(lease).unwrap();
    let taken = fence.now();
    standing
        .wait_for(|standing| standing.term.is_none())
        .await
        .unwrap();
    assert!(
        fence.now() - taken < Duration::from_secs(5),
        "the renew deadline is twice as long"
    );
    assert!(!may_write(&fence, &client).await);
    task.abort();
}
