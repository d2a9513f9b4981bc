//! `--live` of `plan` and `check`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::standalone::{Standalone, until};

/// Looks until the plan is one that `wanted` takes.
fn plan(server: &Standalone, args: &[&str], wanted: impl Fn(&Value) -> bool) -> Value {
    let look = || {
        let output = server.run("plan", &[&["--live", "-o", "json"], args].concat());
        serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)))
    };
    until(look, wanted)
}

fn golden(case: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/golden/plan")
        .join(case)
}

/// The API server alone, with the objects of this case.
fn served(case: &str) -> Standalone {
    let manifests = fs::read_to_string(golden(case).join("input.yaml")).unwrap();
    Standalone::start("api", &manifests, &[])
}

#[test]
fn a_cluster_is_planned_like_its_manifests_and_files_take_the_place_of_its_objects() {
    let server = served("seed-bgp-mode");
    let expected: Value =
        serde_json::from_str(&fs::read_to_string(golden("seed-bgp-mode").join("plan.json")).unwrap())
            .unwrap();
    plan(&server, &["--bgp-type", "frr"], |plan| *plan == expected);

    let file = server.dir().join("pool.yaml");
    let pool = "apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata: {name: default-pool}\n\
                spec: {addresses: [203.0.113.7/32]}\n";
    fs::write(&file, pool).unwrap();
    let changed = plan(&server, &["-f", file.to_str().unwrap()], |_| true);
    assert_eq!(changed["services"][0]["ips"], serde_json::json!(["203.0.113.7"]));
    assert_eq!(
        changed["pools"].as_array().map(Vec::len),
        Some(1),
        "the pool of the file is the only one"
    );
}

#[test]
fn secrets_that_peers_name_are_read() {
    let server = served("bgp-passwords");
    let plan = plan(&server, &[], |plan| {
        plan["nodes"][0]["bgp"]["sessions"]
            .as_array()
            .is_some_and(|s| s.len() == 3)
    });
    let passwords: Vec<_> = plan["nodes"][0]["bgp"]["sessions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| (s["peer"].as_str().unwrap(), s["hasPassword"].as_bool().unwrap()))
        .collect();
    assert_eq!(passwords, [("literal", true), ("none", false), ("secret", true)]);
    let check = server.run("check", &["--live"]);
    let text = String::from_utf8(check.stdout).unwrap();
    assert_eq!(check.status.code(), Some(1));
    assert!(
        text.starts_with("error: BGPPeer metallb-system/missing "),
        "{text}"
    );
}

#[test]
fn a_cluster_that_does_not_answer_ends_with_status_2() {
    let dir = tempfile::tempdir().unwrap();
    let kubeconfig = dir.path().join("kubeconfig");
    let text = "apiVersion: v1\nkind: Config\ncurrent-context: a\ncontexts: [{name: a, context: {cluster: a, user: a}}]\n\
                clusters: [{name: a, cluster: {server: 'http://127.0.0.1:1'}}]\nusers: [{name: a, user: {}}]\n";
    fs::write(&kubeconfig, text).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_ferrolb"))
        .args(["plan", "--live", "--kubeconfig", kubeconfig.to_str().unwrap()])
        .output()
        .unwrap();
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        (output.status.code(), output.stdout.len()),
        (Some(2), 0),
        "{message}"
    );
    assert!(
        message.contains("cannot list ipaddresspools of the cluster"),
        "{message}"
    );
}
