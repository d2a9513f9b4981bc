//! `ferrolb doctor` as users run it.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use crate::standalone::{LAN, Standalone, until};

const CLUSTER: &str = r#"
apiVersion: v1
kind: Pod
metadata: {name: controller-x, namespace: metallb-system, labels: {component: controller}}
spec: {nodeName: n1, serviceAccountName: controller, containers: [{name: controller, image: ferrolb}]}
---
apiVersion: v1
kind: Pod
metadata: {name: speaker-x, namespace: metallb-system, labels: {component: speaker}}
spec: {nodeName: n1, serviceAccountName: speaker, containers: [{name: speaker, image: ferrolb}]}
"#;

/// The cluster, its pods ready, and `more` objects.
fn served(more: &str) -> Standalone {
    let cluster = Standalone::start("api", &format!("{LAN}{CLUSTER}---\n{more}"), &[]);
    let ready = json!({ "conditions": [{ "type": "Ready", "status": "True" }] });
    for pod in ["controller-x", "speaker-x"] {
        cluster.set_status(&format!("/api/v1/namespaces/metallb-system/pods/{pod}"), &ready);
    }
    cluster
}

/// Looks until the report is one that `wanted` takes; with its exit status.
fn look(cluster: &Standalone, args: &[&str], wanted: impl Fn(&Value) -> bool) -> (Option<i32>, Value) {
    let mut code = None;
    let ask = || {
        let output = cluster.run("doctor", &[&["-o", "json"], args].concat());
        code = output.status.code();
        serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)))
    };
    let report = until(ask, wanted);
    (code, report)
}

/// Name and result of every check.
fn results(report: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let checks = report["checks"].as_array().unwrap();
    checks
        .iter()
        .map(|check| (text(&check["name"]), text(&check["result"])))
        .collect()
}

fn has(report: &Value, name: &str, result: &str) -> bool {
    results(report).contains(&(name.to_owned(), result.to_owned()))
}

#[test]
fn a_sound_cluster_is_healthy_and_says_what_could_not_be_checked() {
    let cluster = served("");
    let is_complete = |report: &Value| has(report, "speakers", "ok") && has(report, "pools", "ok");
    let (code, report) = look(&cluster, &["--only", "cluster"], is_complete);
    assert_eq!(
        (code, &report["healthy"]),
        (Some(0), &Value::Bool(true)),
        "{report:#}"
    );
    for name in [
        "api-server",
        "clock",
        "definitions",
        "roles",
        "controller",
        "other-programs",
        "configuration",
        "advertisements",
        "services",
    ] {
        assert!(has(&report, name, "ok"), "{name}: {report:#}");
    }
    for name in ["kube-proxy", "reports"] {
        assert!(has(&report, name, "notChecked"), "{name}: {report:#}");
    }
}

#[test]
fn what_is_wrong_is_told_with_its_word_and_counts_by_its_weight() {
    let service = "apiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: default, annotations: {metallb.io/address-pool: \
                   other}}\nspec: {type: LoadBalancer, ports: [{port: 80}]}\n";
    let cluster = served(service);
    let warned = |report: &Value| has(report, "services", "warning") && has(report, "speakers", "ok");
    let (code, report) = look(&cluster, &["--only", "cluster"], warned);
    assert_eq!(code, Some(0), "a warning is no failure: {report:#}");
    let (code, report) = look(&cluster, &["--only", "cluster", "--strict"], warned);
    assert_eq!(
        (code, &report["healthy"]),
        (Some(1), &Value::Bool(false)),
        "{report:#}"
    );

    let text = cluster.run("doctor", &["--only", "cluster"]);
    let text = String::from_utf8(text.stdout).unwrap();
    assert!(
        text.starts_with("RESULT        CHECK            THE CLUSTER\nok            api-server"),
        "{text}"
    );
    let line = text.lines().find(|line| line.starts_with("warning")).unwrap();
    assert!(
        line.contains("services") && line.contains("Service `default/web` waits for an address"),
        "{line}"
    );
    assert!(text.ends_with("\n1 warning; 2 not checked.\n"), "{text}");
}

#[test]
fn a_refused_object_fails() {
    let pool = "apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata: {name: bad, namespace: metallb-system}\nspec: {addresses: [192.0.2.20-192.0.2.1]}\n";
    let cluster = served(pool);
    let (code, report) = look(&cluster, &["--only", "cluster"], |report| {
        has(report, "configuration", "failed")
    });
    assert_eq!(
        (code, &report["healthy"]),
        (Some(1), &Value::Bool(false)),
        "{report:#}"
    );
}

#[test]
fn a_cluster_that_does_not_answer_fails_and_one_that_is_not_configured_is_not_checked() {
    let dir = tempfile::tempdir().unwrap();
    let kubeconfig = dir.path().join("kubeconfig");
    let text = "apiVersion: v1\nkind: Config\ncurrent-context: a\ncontexts: [{name: a, context: {cluster: a, user: a}}]\n\
                clusters: [{name: a, cluster: {server: 'http://127.0.0.1:1'}}]\nusers: [{name: a, user: {}}]\n";
    fs::write(&kubeconfig, text).unwrap();
    let ask = |kubeconfig: Option<&str>| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ferrolb"));
        command
            .args(["doctor", "--only", "cluster", "-o", "json"])
            .env_clear();
        let output = command
            .args(kubeconfig.map(|path| format!("--kubeconfig={path}")))
            .output()
            .unwrap();
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        (output.status.code(), results(&report))
    };
    let one = |result: &str| vec![("api-server".to_owned(), result.to_owned())];
    assert_eq!(ask(kubeconfig.to_str()), (Some(1), one("failed")));
    assert_eq!(ask(None), (Some(0), one("notChecked")));
}

#[test]
fn this_host_is_looked_at_without_a_cluster_and_is_no_node_of_a_strange_one() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ferrolb"));
    let output = command
        .args(["doctor", "--only", "node", "-o", "json"])
        .env_clear()
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        output.status.code(),
        Some(if report["healthy"] == true { 0 } else { 1 })
    );
    let names: Vec<String> = results(&report).into_iter().map(|(name, _)| name).collect();
    for name in [
        "interfaces",
        "strict-arp",
        "addresses",
        "rp-filter",
        "capability",
        "sockets",
        "speaker",
        "gossip-port",
    ] {
        assert!(names.iter().any(|n| n == name), "{name}: {report:#}");
    }
    assert!(
        has(&report, "addresses", "notChecked") && has(&report, "gossip-port", "notChecked"),
        "{report:#}"
    );

    let cluster = served("");
    let (_, report) = look(&cluster, &[], |report| has(report, "speakers", "ok"));
    assert_eq!(
        results(&report)[0],
        ("host".to_owned(), "notChecked".to_owned()),
        "{report:#}"
    );
}
