//! A controller against the in-memory API server.

use core::time::Duration;
use std::time::SystemTime;

use ferrolb_apiserver::{ApiServer, Options, Request};
use ferrolb_controller::{Config, Controller, Telemetry};
use ferrolb_kube::connection::Connection;
use ferrolb_kube::{Client, WallClock};
use ferrolb_telemetry::admin::{Admin, Readiness, StateSource};
use ferrolb_telemetry::metrics::{ClientMetrics, Registry};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub(crate) const NAMESPACE: &str = "metallb-system";
pub(crate) const POOL_ANNOTATION: &str = "metallb.io/ip-allocated-from-pool";
const REPORT: &str = "configurationstates";
const LEASES: &str = " leases";
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) fn server() -> ApiServer {
    ApiServer::new(Options::default()).expect("the bundled definitions are valid")
}

pub(crate) fn service(name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service", "metadata": { "name": name, "namespace": "default" },
        "spec": { "type": "LoadBalancer", "ports": [{ "port": 80 }], "selector": { "app": name } },
    })
}

pub(crate) fn pool(name: &str, addresses: &[&str]) -> Value {
    json!({
        "apiVersion": "metallb.io/v1beta1", "kind": "IPAddressPool",
        "metadata": { "name": name, "namespace": NAMESPACE },
        "spec": { "addresses": addresses },
    })
}

/// A controller that runs until it is stopped.
pub(crate) struct Running {
    pub(crate) registry: Registry,
    pub(crate) readiness: Readiness,
    pub(crate) state: StateSource,
    shutdown: CancellationToken,
    task: JoinHandle<anyhow::Result<()>>,
}

pub(crate) fn start(server: &ApiServer) -> Running {
    start_with(server, Config::in_namespace(NAMESPACE.into()))
}

pub(crate) fn start_with(server: &ApiServer, config: Config) -> Running {
    start_by(server, config, || {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000)
    })
}

/// With a wall clock.
pub(crate) fn start_by(server: &ApiServer, config: Config, clock: WallClock) -> Running {
    let registry = Registry::new();
    let telemetry = Telemetry {
        client: ClientMetrics::register(&registry).expect("a new registry"),
        registry: registry.clone(),
        clock,
        connection: Connection::default(),
    };
    let client = Client::new(server.clone(), "default");
    let controller = Controller::new(config, client, &telemetry).expect("a new registry");
    let (readiness, state) = (controller.readiness(), controller.state());
    let shutdown = CancellationToken::new();
    let task = tokio::spawn(controller.run(shutdown.clone()));
    Running {
        registry,
        readiness,
        state,
        shutdown,
        task,
    }
}

impl Running {
    pub(crate) async fn stop(self) {
        self.shutdown.cancel();
        self.task.await.expect("no panic").expect("a clean end");
    }

    /// As SIGKILL: nothing is finished.
    pub(crate) async fn kill(self) {
        self.task.abort();
        assert!(self.task.await.expect_err("broken off").is_cancelled());
    }

    pub(crate) fn is_ready(&self) -> bool {
        (self.readiness)().is_none()
    }

    /// The value of a series, by its name and labels as they are shown.
    pub(crate) fn metric(&self, series: &str) -> Option<f64> {
        let text = self.registry.encode();
        let line = text.lines().find(|line| {
            line.strip_prefix(series)
                .is_some_and(|rest| rest.starts_with(' '))
        });
        line?.rsplit(' ').next()?.parse().ok()
    }

    /// `/debug/state`.
    pub(crate) async fn state(&self) -> Value {
        let admin = Admin {
            registry: self.registry.clone(),
            readiness: self.readiness.clone(),
            state: vec![("allocator", self.state.clone())],
            level: None,
        };
        admin.state().await["allocator"].clone()
    }
}

/// Waits until `condition` holds. It is asked again after every change on the server, and twenty times a second for
/// what changes elsewhere.
pub(crate) async fn until(server: &ApiServer, what: &str, mut condition: impl FnMut() -> bool) {
    let wait = async {
        let mut version = server.version();
        while !condition() {
            let again = Duration::from_millis(50);
            version = tokio::time::timeout(again, server.changed_since(version))
                .await
                .unwrap_or(version);
        }
    };
    assert!(
        tokio::time::timeout(PATIENCE, wait).await.is_ok(),
        "waited in vain until {what}"
    );
}

/// Addresses in the status of a Service in `default`.
pub(crate) fn addresses(server: &ApiServer, name: &str) -> Vec<String> {
    let service = server.get("services", "default", name).unwrap_or_default();
    let entries = service
        .pointer("/status/loadBalancer/ingress")
        .and_then(Value::as_array);
    let ips = entries
        .into_iter()
        .flatten()
        .filter_map(|entry| entry["ip"].as_str());
    ips.map(str::to_owned).collect()
}

pub(crate) async fn until_assigned(server: &ApiServer, name: &str) -> Vec<String> {
    until(server, &format!("{name} has an address"), || {
        !addresses(server, name).is_empty()
    })
    .await;
    addresses(server, name)
}

/// Writes so far, as `Patch services/status web`, without the reports on the configuration (see [`reports`])
/// and without renewals of the Lease.
pub(crate) fn writes(server: &ApiServer) -> Vec<String> {
    let all = all_writes(server).into_iter();
    all.filter(|write| !write.contains(REPORT) && !write.contains(LEASES))
        .collect()
}

/// Writes of ConfigurationStates so far.
pub(crate) fn reports(server: &ApiServer) -> Vec<String> {
    let all = all_writes(server).into_iter();
    all.filter(|write| write.contains(REPORT)).collect()
}

fn all_writes(server: &ApiServer) -> Vec<String> {
    let text = |request: &Request| {
        let slash = if request.subresource.is_empty() { "" } else { "/" };
        format!(
            "{:?} {}{slash}{} {}",
            request.verb, request.resource, request.subresource, request.name
        )
    };
    server.writes().iter().map(text).collect()
}

/// The controller's ConfigurationState; `null` if there is none.
pub(crate) fn state(server: &ApiServer) -> Value {
    server
        .get("configurationstates.metallb.io", NAMESPACE, "controller")
        .unwrap_or_default()
}

/// Waits until the controller reports this result.
pub(crate) async fn until_reported(server: &ApiServer, result: &str) -> Value {
    until(server, &format!("the report is {result}"), || {
        state(server)["status"]["result"] == json!(result)
    })
    .await;
    state(server)
}

/// Reasons of the events on an object.
pub(crate) fn reasons(server: &ApiServer, name: &str) -> Vec<String> {
    let events = server.objects("events");
    let about = events
        .iter()
        .filter(|event| event["involvedObject"]["name"] == json!(name));
    about
        .filter_map(|event| event["reason"].as_str().map(str::to_owned))
        .collect()
}

/// Changes an object as a user does. Not counted among [`writes`], which are then those since the change.
pub(crate) async fn merge(server: &ApiServer, path: &str, patch: &Value) {
    let request = http::Request::patch(path).header("content-type", "application/merge-patch+json");
    send(server, request.body(patch.to_string().into_bytes())).await;
}

/// Deletes an object as a user does; see [`merge`].
pub(crate) async fn delete(server: &ApiServer, path: &str) {
    send(server, http::Request::delete(path).body(vec![])).await;
}

async fn send(server: &ApiServer, request: http::Result<http::Request<Vec<u8>>>) {
    server.clear_requests();
    let client = Client::new(server.clone(), "default");
    client
        .request_text(request.expect("a request"))
        .await
        .expect("accepted");
}
