//! `--live` against a server of its own: `ferrolb standalone` with the API server alone.

#![expect(clippy::unwrap_used, reason = "a test's helpers fail like the test")]

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

/// How often a state is looked for that comes by itself; each look takes a process.
const LOOKS: usize = 100;

struct Server {
    child: Child,
    kubeconfig: PathBuf,
}

impl Server {
    /// A server that has, or soon will have, what is in `manifests`.
    fn start(dir: &Path, manifests: &Path) -> Self {
        let kubeconfig = dir.join("kubeconfig");
        let mut child = Command::new(env!("CARGO_BIN_EXE_ferrolb"))
            .args(["standalone", "--components", "api", "--listen", "127.0.0.1:0"])
            .args(["--port", "0", "--health-probe-port", "0"])
            .arg("--manifests")
            .arg(manifests)
            .arg("--write-kubeconfig")
            .arg(&kubeconfig)
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let listens = lines.any(|line| line.unwrap().contains("the API server listens"));
        assert!(listens, "the server ended");
        // Somebody has to read on, or the server blocks.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, kubeconfig }
    }

    fn run(&self, command: &str, args: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_ferrolb"))
            .args([command, "--live", "--kubeconfig"])
            .arg(&self.kubeconfig)
            .args(args)
            .output()
            .unwrap()
    }

    /// Looks until the plan is one that `wanted` takes.
    fn plan(&self, args: &[&str], wanted: impl Fn(&Value) -> bool) -> Value {
        let mut last = None;
        for _ in 0..LOOKS {
            let output = self.run("plan", &[&["-o", "json"], args].concat());
            let plan: Value = serde_json::from_slice(&output.stdout)
                .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
            if wanted(&plan) {
                return plan;
            }
            last = Some(plan);
        }
        panic!("it never came; the last was {last:#?}");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ended_already = self.child.kill();
        let _status = self.child.wait();
    }
}

fn golden(case: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/golden/plan")
        .join(case)
}

fn served(case: &str) -> (tempfile::TempDir, Server) {
    let dir = tempfile::tempdir().unwrap();
    let manifests = dir.path().join("manifests");
    fs::create_dir(&manifests).unwrap();
    fs::copy(golden(case).join("input.yaml"), manifests.join("input.yaml")).unwrap();
    let server = Server::start(dir.path(), &manifests);
    (dir, server)
}

#[test]
fn a_cluster_is_planned_like_its_manifests_and_files_take_the_place_of_its_objects() {
    let (dir, server) = served("seed-bgp-mode");
    let expected: Value =
        serde_json::from_str(&fs::read_to_string(golden("seed-bgp-mode").join("plan.json")).unwrap())
            .unwrap();
    server.plan(&["--bgp-type", "frr"], |plan| *plan == expected);

    let file = dir.path().join("pool.yaml");
    let pool = "apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata: {name: default-pool}\n\
                spec: {addresses: [203.0.113.7/32]}\n";
    fs::write(&file, pool).unwrap();
    let changed = server.plan(&["-f", file.to_str().unwrap()], |_| true);
    assert_eq!(changed["services"][0]["ips"], serde_json::json!(["203.0.113.7"]));
    assert_eq!(
        changed["pools"].as_array().map(Vec::len),
        Some(1),
        "the pool of the file is the only one"
    );
}

#[test]
fn secrets_that_peers_name_are_read() {
    let (_dir, server) = served("bgp-passwords");
    let plan = server.plan(&[], |plan| {
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
    let check = server.run("check", &[]);
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
