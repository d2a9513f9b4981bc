//! `ferrolb plan` as a program: the golden inputs of the planner through every flag, the tables, exit statuses and
//! messages.

#![expect(clippy::unwrap_used, reason = "a test's helpers fail like the test")]

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

fn ferrolb(args: &[&str], stdin: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_ferrolb"))
        .arg("plan")
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

#[test]
fn tables_tell_what_is_wrong_first() {
    let input = golden().join("overlapping-pools/input.yaml");
    let output = ferrolb(&["-f", input.to_str().unwrap()], "");
    let expected = "\
PROBLEMS
  error: IPAddressPool metallb-system/newer, spec.addresses[0] (OverlappingAddresses)
    `192.0.2.100-192.0.2.200` shares addresses with `192.0.2.0/25` of the older pool `older`; take them out of one of the two
  warning: L2Advertisement metallb-system/of-newer, spec.ipAddressPools[0] (PoolRefused)
    pool `newer` is refused, so nothing of it is announced; repair the pool
  warning: Service default/keeps-its-address (PoolRefused)
    pool `newer`, from which the address came, is refused; the address is kept

POOLS
  NAME    IPV4 USED   FREE   IPV6 USED   FREE   PREFIXES
  older   1           127    0           0      192.0.2.0/25

SERVICES
  NAME                        STATE      ADDRESSES      POOL    REASON
  default/keeps-its-address   assigned   198.51.100.7   -       PoolRefused
  default/web                 assigned   192.0.2.0      older   -

ANNOUNCED
  NODE   ADDRESS     BY    INTERFACES   SERVICES
  n2     192.0.2.0   ARP   *            default/web

NOT ANNOUNCED
  SERVICE                     BY       NODES   REASON         WHY
  default/keeps-its-address   layer2   all     ipNotAllowed   no single pool contains all its addresses

The plan is not valid: 1 error, 2 warnings.
";
    assert_eq!(stdout(&output), expected);
    assert_eq!((output.status.code(), &*stderr(&output)), (Some(1), ""));
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
