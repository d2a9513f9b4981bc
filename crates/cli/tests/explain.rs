//! `ferrolb explain` as a program.

#![expect(clippy::unwrap_used, reason = "a test's helpers fail like the test")]

use std::process::{Command, Output};

use serde_json::Value;

fn explain(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ferrolb"));
    command.arg("explain").args(args).env_clear();
    command.output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn a_word_is_explained_in_any_case_with_what_to_do() {
    let output = explain(&["poolexhausted"]);
    assert_eq!((output.status.code(), &*stderr(&output)), (Some(0), ""));
    insta::assert_snapshot!("explain-word", stdout(&output));
}

#[test]
fn a_reason_of_several_words_needs_no_quotes() {
    let output = explain(&["not", "enough", "clusterips"]);
    assert!(
        stdout(&output).starts_with("not enough clusterips\n  Means "),
        "{}",
        stdout(&output)
    );
}

#[test]
fn a_near_miss_names_the_nearest_words_and_prints_no_data() {
    let output = explain(&["PoolExausted"]);
    assert_eq!((output.status.code(), &*stdout(&output)), (Some(1), ""));
    assert_eq!(
        stderr(&output),
        "error: there is no reason `PoolExausted`; did you mean `PoolExhausted`?\n"
    );
    let lost = explain(&["xyzzy"]);
    assert_eq!(
        stderr(&lost),
        "error: there is no reason `xyzzy`; `ferrolb explain` lists all words\n"
    );
}

#[test]
fn without_a_word_all_are_listed_by_group() {
    let listed = stdout(&explain(&[]));
    let all: Value = serde_json::from_slice(&explain(&["-o", "json"]).stdout).unwrap();
    let all = all["reasons"].as_array().unwrap();
    assert!(all.len() > 70, "{}", all.len());
    for reason in all {
        assert!(listed.contains(reason["word"].as_str().unwrap()), "{reason}");
        assert!(
            listed.contains(&reason["group"].as_str().unwrap().to_uppercase()),
            "{reason}"
        );
        assert!(
            reason["remedy"].is_string() && reason["seenIn"].is_string(),
            "{reason}"
        );
    }
}

#[test]
fn yaml_and_json_say_the_same() {
    let yaml: Value = serde_saphyr::from_str(&stdout(&explain(&["notOwner", "-o", "yaml"]))).unwrap();
    let json: Value = serde_json::from_slice(&explain(&["notOwner", "-o", "json"]).stdout).unwrap();
    assert_eq!(yaml, json);
    assert_eq!(json["reasons"][0]["word"], "notOwner");
}

/// A cluster of two nodes in which `shop/api` finds no address left.
const CLUSTER: &str = r#"
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {name: a, namespace: metallb-system}
spec: {addresses: [192.0.2.1/32]}
---
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {name: b, namespace: metallb-system}
spec: {addresses: [198.51.100.0/24], autoAssign: false}
---
apiVersion: metallb.io/v1beta1
kind: L2Advertisement
metadata: {name: all, namespace: metallb-system}
---
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: default}
spec: {type: LoadBalancer, ports: [{port: 80}], loadBalancerIP: 192.0.2.1}
---
apiVersion: v1
kind: Service
metadata: {name: api, namespace: shop}
spec: {type: LoadBalancer, ports: [{port: 80}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-1, namespace: default, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
endpoints: [{addresses: [10.0.0.5], nodeName: n1}]
---
apiVersion: v1
kind: Node
metadata: {name: n1}
---
apiVersion: v1
kind: Node
metadata: {name: n2, labels: {node.kubernetes.io/exclude-from-external-load-balancers: ""}}
"#;

fn cluster_file() -> tempfile::NamedTempFile {
    let file = tempfile::Builder::new().suffix(".yaml").tempfile().unwrap();
    std::fs::write(file.path(), CLUSTER).unwrap();
    file
}

#[test]
fn a_pending_service_is_explained_from_files() {
    let file = cluster_file();
    let output = explain(&["svc/shop/api", "-f", file.path().to_str().unwrap()]);
    assert_eq!((output.status.code(), &*stderr(&output)), (Some(0), ""));
    insta::assert_snapshot!("explain-pending", stdout(&output));
}

#[test]
fn an_announced_service_is_explained_from_files() {
    let file = cluster_file();
    let output = explain(&["svc/web", "-f", file.path().to_str().unwrap()]);
    assert_eq!((output.status.code(), &*stderr(&output)), (Some(0), ""));
    insta::assert_snapshot!("explain-announced", stdout(&output));
}

#[test]
fn a_service_that_is_not_there_is_an_error_that_tells_about_namespaces() {
    let file = cluster_file();
    let output = explain(&["svc/api", "-f", file.path().to_str().unwrap()]);
    assert_eq!((output.status.code(), &*stdout(&output)), (Some(1), ""));
    assert_eq!(
        stderr(&output),
        "error: there is no Service `default/api`; name its namespace with -n\n"
    );
    let unreadable = explain(&["svc/api", "-f", "/nonexistent"]);
    assert_eq!(unreadable.status.code(), Some(2));
}

/// Ended with the test.
struct Standalone(std::process::Child);

impl Drop for Standalone {
    fn drop(&mut self) {
        let _gone = self.0.kill();
        let _gone = self.0.wait();
    }
}

#[test]
fn services_are_explained_from_a_running_cluster() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("manifests")).unwrap();
    std::fs::write(dir.path().join("manifests/cluster.yaml"), CLUSTER).unwrap();
    let kubeconfig = dir.path().join("kubeconfig");
    let _standalone = Standalone(
        Command::new(env!("CARGO_BIN_EXE_ferrolb"))
            .args([
                "standalone",
                "--components=api,controller",
                "--listen=127.0.0.1:0",
            ])
            .args([
                "--port=0",
                "--health-probe-port=0",
                "--node-name=n1",
                "--log-level=error",
            ])
            .arg("--manifests")
            .arg(dir.path().join("manifests"))
            .arg("--write-kubeconfig")
            .arg(&kubeconfig)
            .env_clear()
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap(),
    );
    let ask = |service: &str| {
        let output = explain(&[
            service,
            "-o",
            "json",
            "--kubeconfig",
            kubeconfig.to_str().unwrap(),
        ]);
        serde_json::from_slice::<Value>(&output.stdout).unwrap_or_default()
    };
    let watch = ferrolb_driver::Stopwatch::start();
    let until = |service: &str, holds: &dyn Fn(&Value) -> bool| loop {
        let answer = ask(service);
        if holds(&answer) {
            return answer;
        }
        assert!(watch.elapsed().as_secs() < 30, "{answer:#}");
    };
    let web = until("svc/web", &|a| a["statusIps"] == serde_json::json!(["192.0.2.1"]));
    assert_eq!(
        (&web["state"], &web["pool"]),
        (&Value::from("assigned"), &Value::from("a"))
    );
    assert_eq!(web["nodes"][0]["announces"], true, "{web:#}");
    assert_eq!(
        (&web["nodes"][1]["owner"], &web["remedies"]),
        (&Value::from("n1"), &serde_json::json!([]))
    );
    let api = until("svc/shop/api", &|a| a["reason"] == "PoolExhausted");
    assert_eq!(
        (&api["state"], &api["pools"][0]["usable"]),
        (&Value::from("pending"), &Value::from(false))
    );
    let nobody = explain(&["svc/nope", "--kubeconfig", kubeconfig.to_str().unwrap()]);
    assert_eq!(nobody.status.code(), Some(1), "{}", stderr(&nobody));
}
