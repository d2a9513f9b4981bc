//! `--strict-requests` of `controller` and `standalone`: what an unmet request and a start without pools cost.
//! That of `plan` is in the golden cases `unmet-requests`, `no-pools` and those that end in `-strict`.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::standalone::{Standalone, until};

const SERVICES: &str = "/api/v1/namespaces/default/services";
const WEB: &str = "/api/v1/namespaces/default/services/web";

/// `web` gets 192.0.2.0, and `holder` the only address of pool `full`.
const TWO_POOLS: &str = "
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {name: office, namespace: metallb-system}
spec: {addresses: [192.0.2.0/30]}
---
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {name: full, namespace: metallb-system}
spec: {addresses: [198.51.100.1/32], autoAssign: false}
---
apiVersion: v1
kind: Service
metadata: {name: holder, namespace: default, annotations: {metallb.io/address-pool: full}}
spec: {type: LoadBalancer, ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: default}
spec: {type: LoadBalancer, ports: [{port: 80}]}
";

const NO_POOL: &str = "
apiVersion: v1
kind: Service
metadata: {name: web, namespace: default}
spec: {type: LoadBalancer, ports: [{port: 80}]}
";

/// A running `ferrolb controller`; it is killed with this value.
struct Controller(Child);

impl Controller {
    fn start(server: &Standalone, flags: &[&str]) -> Self {
        let child = Command::new(env!("CARGO_BIN_EXE_ferrolb"))
            .args([
                "controller",
                "--namespace=metallb-system",
                "--port=0",
                "--health-probe-port=0",
            ])
            .args(["--webhook-mode=disabled", "--leader-elect=false", "--kubeconfig"])
            .arg(server.kubeconfig())
            .args(flags)
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Self(child)
    }
}

impl Drop for Controller {
    fn drop(&mut self) {
        let _ended_already = self.0.kill();
        let _status = self.0.wait();
    }
}

fn ingress(service: &Value) -> &Value {
    &service["status"]["loadBalancer"]["ingress"]
}

fn has_address(service: &Value) -> bool {
    ingress(service)[0]["ip"].is_string()
}

/// Once `web` has its address it asks for one of the pool that has none left.
fn ask_in_vain(server: &Standalone) {
    until(|| server.get(&format!("{SERVICES}/holder")), has_address);
    let mut web = until(|| server.get(WEB), has_address);
    assert_eq!(ingress(&web)[0]["ip"], "192.0.2.0");
    web["metadata"]["annotations"]["metallb.io/address-pool"] = json!("full");
    // The controller may have written meanwhile.
    web["metadata"]["resourceVersion"] = Value::Null;
    let answer = server.send("PUT", WEB, &web);
    assert_eq!(answer["kind"], "Service", "{answer:#}");
}

fn expect_unmet(server: &Standalone, is_strict: bool) {
    let condition = |web: &Value| web["status"]["conditions"][0]["reason"] == "PoolExhausted";
    if is_strict {
        let web = until(|| server.get(WEB), |web| !has_address(web));
        assert!(
            web["metadata"]["annotations"]["metallb.io/ip-allocated-from-pool"].is_null(),
            "{web:#}"
        );
    } else {
        let web = until(|| server.get(WEB), condition);
        assert_eq!(ingress(&web)[0]["ip"], "192.0.2.0", "{web:#}");
    }
}

#[test]
fn a_controller_keeps_the_address_of_an_unmet_request_unless_requests_are_strict() {
    for (flags, is_strict) in [(&[][..], false), (&["--strict-requests"], true)] {
        let server = Standalone::start("api", TWO_POOLS, &[]);
        let _controller = Controller::start(&server, flags);
        ask_in_vain(&server);
        expect_unmet(&server, is_strict);
    }
}

#[test]
fn a_standalone_cluster_keeps_the_address_of_an_unmet_request_unless_requests_are_strict() {
    for (flags, is_strict) in [(&[][..], false), (&["--strict-requests"], true)] {
        let server = Standalone::start("api,controller", TWO_POOLS, flags);
        ask_in_vain(&server);
        expect_unmet(&server, is_strict);
    }
}

fn give_by_hand(server: &Standalone) {
    server.set_status(
        WEB,
        &json!({ "loadBalancer": { "ingress": [{ "ip": "192.0.2.5" }] } }),
    );
}

/// The controller says of a Service that came later that there is no pool, and so has decided on `web` before.
fn expect_without_pools(server: &Standalone, is_strict: bool) {
    let late = json!({ "apiVersion": "v1", "kind": "Service", "metadata": { "name": "late", "namespace": "default" },
                       "spec": { "type": "LoadBalancer", "ports": [{ "port": 80 }] } });
    let created = server.send("POST", SERVICES, &late);
    assert_eq!(created["metadata"]["name"], "late", "{created:#}");
    let told = |events: &Value| {
        let mut about = events["items"].as_array().into_iter().flatten();
        about.any(|event| event["involvedObject"]["name"] == "late" && event["reason"] == "AllocationFailed")
    };
    until(|| server.get("/api/v1/namespaces/default/events"), told);
    if is_strict {
        until(|| server.get(WEB), |web| !has_address(web));
    } else {
        assert_eq!(ingress(&server.get(WEB))[0]["ip"], "192.0.2.5");
    }
}

#[test]
fn a_controller_that_starts_without_pools_clears_nothing_unless_requests_are_strict() {
    for (flags, is_strict) in [(&[][..], false), (&["--strict-requests"], true)] {
        let server = Standalone::start("api", NO_POOL, &[]);
        give_by_hand(&server);
        let _controller = Controller::start(&server, flags);
        expect_without_pools(&server, is_strict);
    }
}

fn saved(state: &Path) -> Value {
    let text = std::fs::read_to_string(state).unwrap_or_default();
    json!(text.contains("192.0.2.5"))
}

#[test]
fn a_standalone_cluster_that_starts_without_pools_clears_nothing_unless_requests_are_strict() {
    for (flags, is_strict) in [(&[][..], false), (&["--strict-requests"], true)] {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().join("state");
        let keep = format!("--state={}", state.display());
        let before = Standalone::start("api", NO_POOL, &[&keep]);
        give_by_hand(&before);
        until(|| saved(&state), |saved| *saved == json!(true));
        drop(before);
        let flags: Vec<&str> = flags.iter().copied().chain([&*keep]).collect();
        let server = Standalone::start("api,controller", NO_POOL, &flags);
        expect_without_pools(&server, is_strict);
    }
}
