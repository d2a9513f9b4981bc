//! `ferrolb plan` and `ferrolb check` as programs: the golden inputs of the planner through every flag, the tables, exit statuses and
//! messages.

#![expect(clippy::unwrap_used, reason = "a test's helpers fail like the test")]

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

fn ferrolb(args: &[&str], stdin: &str) -> Output {
    run("plan", args, stdin)
}

fn run(command: &str, args: &[&str], stdin: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_ferrolb"))
        .arg(command)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(stdin.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/plan")
}

/// `options.yaml` of a case as flags: `ignoreExcludeLb: true` is `--ignore-exclude-lb`.
fn flags(case: &Path) -> Vec<String> {
    let text = fs::read_to_string(case.join("options.yaml")).unwrap_or_default();
    let options: BTreeMap<String, Value> = if text.is_empty() {
        BTreeMap::new()
    } else {
        serde_saphyr::from_str(&text).unwrap()
    };
    let mut flags = Vec::new();
    for (name, value) in options {
        let joined = |v: &[Value]| {
            v.iter()
                .map(|v| v.as_str().unwrap())
                .collect::<Vec<_>>()
                .join(",")
        };
        match (&*name, &value) {
            ("speakers", Value::Array(names)) => flags.push(format!("--speakers={}", joined(names))),
            ("nodes", Value::Array(names)) => flags.push(format!("--node={}", joined(names))),
            ("bgpMode", Value::String(mode)) => flags.push(format!("--bgp-type={mode}")),
            ("ignoreExcludeLb", Value::Bool(true)) => flags.push("--ignore-exclude-lb".to_owned()),
            ("strict", Value::Bool(true)) => flags.push("--strict".to_owned()),
            ("strictRequests", Value::Bool(true)) => flags.push("--strict-requests".to_owned()),
            other => panic!("{other:?} has no flag"),
        }
    }
    flags
}

#[test]
fn every_golden_input_gives_its_document_and_exit_status() {
    let mut cases = 0;
    for entry in fs::read_dir(golden()).unwrap() {
        let case = entry.unwrap().path();
        let input = case.join("input.yaml");
        let flags = flags(&case);
        let mut args = vec!["-o", "json", "-f", input.to_str().unwrap()];
        args.extend(flags.iter().map(String::as_str));
        let output = ferrolb(&args, "");
        let expected = fs::read_to_string(case.join("plan.json")).unwrap();
        assert_eq!(stdout(&output), expected, "{}", case.display());
        let valid = serde_json::from_str::<Value>(&expected).unwrap()["valid"] == true;
        assert_eq!(
            output.status.code(),
            Some(i32::from(!valid)),
            "{}",
            case.display()
        );
        cases += 1;
    }
    assert!(cases >= 50);
}

#[expect(
    clippy::disallowed_methods,
    reason = "only a test asks whether to rewrite what it compares with"
)]
fn is_blessing() -> bool {
    let blesses = std::env::var_os("FERROLB_BLESS").is_some_and(|v| v == "1");
    assert!(
        !(blesses && std::env::var_os("CI").is_some()),
        "golden files are not rewritten by CI; commit them"
    );
    blesses
}

/// Runs in the directory of each case, so that places in the output are `input.yaml:7`, and compares with a file there.
///
/// `FERROLB_BLESS=1 cargo test -p ferrolb-cli --test plan` writes the files anew.
fn compare_with_golden(command: &str, extra: &[&str], file: &str, wants: impl Fn(&Path) -> bool) {
    let mut different = Vec::new();
    for entry in fs::read_dir(golden()).unwrap() {
        let case = entry.unwrap().path();
        if !wants(&case) {
            continue;
        }
        let output = Command::new(env!("CARGO_BIN_EXE_ferrolb"))
            .arg(command)
            .args(["-f", "input.yaml"])
            .args(flags(&case))
            .args(extra)
            .current_dir(&case)
            .output()
            .unwrap();
        let seen = stdout(&output);
        if is_blessing() {
            fs::write(case.join(file), &seen).unwrap();
        } else if fs::read_to_string(case.join(file)).unwrap_or_default() != seen {
            different.push((case, seen));
        }
    }
    for (case, seen) in &different {
        println!("{} is now:\n{seen}", case.join(file).display());
    }
    let cases: Vec<_> = different.iter().map(|(case, _)| case).collect();
    assert!(
        cases.is_empty(),
        "{cases:?} differ; look at them, then FERROLB_BLESS=1"
    );
}

#[test]
fn tables_and_problems_of_every_case_are_those_that_were_reviewed() {
    compare_with_golden("plan", &[], "plan.txt", |_| true);
    compare_with_golden("check", &[], "check.txt", |_| true);
}

fn is_for_frr_k8s(case: &Path) -> bool {
    flags(case).contains(&"--bgp-type=frr-k8s".to_owned())
}

#[test]
fn objects_for_frr_k8s_are_those_that_were_reviewed() {
    compare_with_golden("plan", &["-o", "frr-k8s"], "frr-k8s.yaml", is_for_frr_k8s);
}

/// By the API server itself, whose schema of the kind was written from its field list.
#[test]
fn objects_for_frr_k8s_fit_their_schema() {
    let server = ferrolb_apiserver::ApiServer::new(ferrolb_apiserver::Options::default()).unwrap();
    let crd = include_str!("data/frrconfigurations.yaml");
    server.create(serde_saphyr::from_str(crd).unwrap()).unwrap();
    let mut objects = 0;
    for entry in fs::read_dir(golden()).unwrap() {
        let case = entry.unwrap().path();
        let input = case.join("input.yaml");
        let output = ferrolb(&["-o", "frr-k8s", "-f", input.to_str().unwrap()], "");
        let documents: Vec<Value> = serde_saphyr::from_multiple(&stdout(&output)).unwrap();
        for object in documents.into_iter().filter(|d| !d.is_null()) {
            let (warnings, error) = server.review(object);
            assert!(warnings.is_empty(), "{}: {warnings:?}", case.display());
            assert!(error.is_none(), "{}: {error:?}", case.display());
            objects += 1;
        }
    }
    assert!(objects >= 30, "{objects}");
    let misspelt = serde_json::json!({ "apiVersion": "frrk8s.metallb.io/v1beta1", "kind": "FRRConfiguration",
        "metadata": { "name": "a", "namespace": "metallb-system" }, "spec": { "bgp": { "routers": [{ "asNumber": 1 }] } } });
    let (warnings, error) = server.review(misspelt);
    assert!(!warnings.is_empty() && error.is_some(), "the schema is looked at");
}

#[test]
fn passwords_show_only_where_they_are_asked_for() {
    let input = golden().join("bgp-frr-k8s/input.yaml");
    let run = |args: &[&str]| {
        let output = ferrolb(&[&["-f", input.to_str().unwrap()], args].concat(), "");
        stdout(&output) + &stderr(&output)
    };
    let secret = |text: &str| text.contains("battery-staple") || text.contains("correct-horse");
    for args in [
        &["-o", "text"][..],
        &["-o", "json"],
        &["-o", "frr-k8s"],
        &["-o", "frr-k8s", "--frrk8s-namespace", "frr-k8s-system"],
    ] {
        assert!(!secret(&run(args)), "{args:?}");
    }
    let shown = run(&["-o", "frr-k8s", "--show-secrets"]);
    assert!(
        shown.contains("battery-staple") && !shown.contains("correct-horse"),
        "{shown}"
    );
    let elsewhere = run(&[
        "-o",
        "frr-k8s",
        "--show-secrets",
        "--frrk8s-namespace",
        "frr-k8s-system",
    ]);
    assert!(
        elsewhere.contains("correct-horse") && elsewhere.contains("namespace: frr-k8s-system"),
        "a daemon in another namespace does not find the Secret: {elsewhere}"
    );
}

#[test]
fn standard_input_and_directories_are_read_and_yaml_says_the_same() {
    let input = golden().join("dual-stack/input.yaml");
    let text = fs::read_to_string(&input).unwrap();
    let from_stdin = ferrolb(&["-f", "-", "-o", "yaml"], &text);
    let plan: Value = serde_saphyr::from_str(&stdout(&from_stdin)).unwrap();
    let expected = fs::read_to_string(golden().join("dual-stack/plan.json")).unwrap();
    assert_eq!(plan, serde_json::from_str::<Value>(&expected).unwrap());

    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("a.yaml"), text).unwrap();
    fs::write(dir.path().join("b.txt"), "not: [read").unwrap();
    let from_dir = ferrolb(&["-f", dir.path().to_str().unwrap(), "-o", "json"], "");
    assert_eq!(stdout(&from_dir), expected);
}

#[test]
fn an_empty_input_is_a_valid_plan_in_both_forms() {
    let text = ferrolb(&["-f", "-"], "# nothing\n");
    assert_eq!(
        (text.status.code(), &*stdout(&text)),
        (Some(0), "The plan is valid.\n")
    );
    let json = ferrolb(&["-f", "-", "-o", "json"], "");
    let plan: Value = serde_json::from_str(&stdout(&json)).unwrap();
    assert_eq!(
        (&plan["valid"], &plan["nodes"]),
        (&true.into(), &serde_json::json!([]))
    );
}

#[test]
fn yaml_that_does_not_parse_is_told_with_file_document_and_line() {
    let output = ferrolb(&["-f", "-"], "a: 1\n---\nb: [\n");
    assert_eq!((output.status.code(), &*stdout(&output)), (Some(2), ""));
    let message = stderr(&output);
    assert!(
        message.starts_with("error: `-`, document 2, line 3: not valid YAML: "),
        "{message}"
    );
}

#[test]
fn unusable_arguments_end_with_status_2() {
    for args in [
        &[][..],
        &["-f", "/nonexistent/file.yaml"],
        &["-f", "-", "--node", "no-such-node"],
        &["-f", "-", "-o", "table"],
        &["-f", "-", "--bgp-type", "bird"],
    ] {
        let output = ferrolb(args, "");
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(
            stdout(&output).is_empty() && stderr(&output).starts_with("error: "),
            "{args:?}"
        );
    }
}

#[test]
fn services_without_nodes_get_a_hint_how_to_add_them() {
    let service = "{apiVersion: v1, kind: Service, metadata: {name: web}, spec: {type: LoadBalancer}}";
    let output = ferrolb(&["-f", "-"], service);
    assert!(
        stdout(&output).contains("\nhint: without Node objects "),
        "{}",
        stdout(&output)
    );
}

const TYPOS: &str = "\
apiVersion: v1
kind: List
items:
  - apiVersion: metallb.io/v1beta1
    kind: BFDProfile
    metadata: {name: slow, namespace: metallb-system}
    spec:
      receiveInterval: 5
      receiveIntervalMs: 500
---
apiVersion: metallb.io/v1beta1
kind: L2Advertisement
metadata: {name: lan}
spec:
  interfaces: eth0
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  type: LoadBalancer
  externalPolicy: Local
  ports: [{port: 80}]
";

#[test]
fn check_tells_file_and_line_of_unknown_fields_and_of_values_outside_the_schema() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("typos.yaml"), TYPOS).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_ferrolb"))
        .args(["check", "-f", "typos.yaml"])
        .current_dir(dir.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let seen = stdout(&output);
    let starts: Vec<&str> = seen
        .lines()
        .filter_map(|l| l.split_once(": ").map(|(at, _)| at))
        .collect();
    assert_eq!(
        starts,
        [6, 8, 9, 15, 19, 22].map(|line| format!("typos.yaml:{line}")),
        "BFD in native mode and no pool are warnings beside the typos: {seen}"
    );
    for word in ["OutOfRange", "UnknownField", "InvalidField"] {
        assert!(seen.contains(word), "{word}: {seen}");
    }
}

#[test]
fn check_as_json_has_place_and_severity_and_strict_makes_errors_of_warnings() {
    let service = "apiVersion: v1\nkind: Service\nmetadata:\n  name: web\nspec:\n  serviceType: LoadBalancer\n  ports: [{port: 80}]\n";
    let lax = run("check", &["-f", "-", "-o", "json"], service);
    let report: Value = serde_json::from_str(&stdout(&lax)).unwrap();
    assert_eq!((lax.status.code(), &report["valid"]), (Some(0), &true.into()));
    let problem = &report["problems"][0];
    assert_eq!(
        (
            &problem["severity"],
            &problem["file"],
            &problem["line"],
            &problem["field"]
        ),
        (
            &"warning".into(),
            &"-".into(),
            &6.into(),
            &"spec.serviceType".into()
        )
    );
    let strict = run("check", &["-f", "-", "--strict"], service);
    assert_eq!(strict.status.code(), Some(1));
    assert!(
        stdout(&strict).starts_with("-:6: error: Service "),
        "{}",
        stdout(&strict)
    );
}

#[test]
fn check_says_that_nothing_is_wrong() {
    let input = golden().join("seed-default-pool/input.yaml");
    let output = run("check", &["-f", input.to_str().unwrap()], "");
    assert_eq!(
        (output.status.code(), &*stdout(&output)),
        (Some(0), "Nothing is wrong.\n")
    );
}
