//! What a user meets on the command line: exit status, standard output, standard error.

use std::path::Path;
use std::process::{Command, Output, Stdio};

fn ferrolb(args: &[&str]) -> Output {
    run(Path::new(env!("CARGO_BIN_EXE_ferrolb")), args)
}

/// With an environment of its own, so that the user's does not matter.
fn run(program: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(program);
    command
        .args(args)
        .env_clear()
        .env("COLUMNS", "100")
        .stdin(Stdio::null());
    command.output().expect("the program is there")
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn help_of_every_command_teaches() {
    for command in [
        "",
        "controller",
        "speaker",
        "standalone",
        "demo",
        "plan",
        "crds",
        "completion",
        "version",
    ] {
        let args: Vec<&str> = [command, "--help"]
            .into_iter()
            .filter(|a| !a.is_empty())
            .collect();
        let output = ferrolb(&args);
        assert_eq!(output.status.code(), Some(0), "{command}");
        assert!(output.stderr.is_empty(), "{command}");
        insta::assert_snapshot!(format!("help-{command}"), stdout(&output));
    }
}

#[test]
fn an_unknown_flag_is_refused_with_status_2_and_nothing_on_standard_output() {
    for command in ["controller", "speaker", "standalone", "plan"] {
        let output = ferrolb(&[command, "-nonsense"]);
        assert_eq!(output.status.code(), Some(2), "{command}");
        assert!(output.stdout.is_empty(), "{command}");
        assert!(
            stderr(&output).contains("unexpected argument"),
            "{}",
            stderr(&output)
        );
    }
}

#[test]
fn a_link_called_speaker_is_the_speaker() {
    let dir = tempfile::tempdir().expect("a directory");
    let link = dir.path().join("speaker");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_ferrolb"), &link).expect("a link");
    let output = run(&link, &["-h"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(stdout(&output).contains("--node-name"), "{}", stdout(&output));
}

#[test]
fn definitions_are_valid_yaml_of_all_kinds() {
    let output = ferrolb(&["crds"]);
    let documents: Vec<serde_json::Value> = serde_saphyr::from_multiple(&stdout(&output)).expect("YAML");
    let kinds: Vec<&str> = documents
        .iter()
        .filter_map(|d| d["spec"]["names"]["kind"].as_str())
        .collect();
    assert_eq!(kinds.len(), 9, "{kinds:?}");
    let one = ferrolb(&["crds", "ipaddresspool"]);
    assert!(stdout(&one).contains("name: ipaddresspools.metallb.io"));
}

#[test]
fn an_unknown_kind_is_refused_with_the_known_ones() {
    let output = ferrolb(&["crds", "nonsense"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("IPAddressPool"), "{}", stderr(&output));
}

#[test]
fn the_version_is_data_too() {
    let output = ferrolb(&["version", "-o", "json"]);
    let version: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(version["version"], env!("CARGO_PKG_VERSION"));
}

#[test]
fn a_reader_that_goes_away_is_no_panic() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_ferrolb"))
        .arg("crds")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program is there");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(stderr(&output), "");
}

#[test]
fn what_is_missing_is_said_with_what_to_do() {
    let output = ferrolb(&["speaker", "--namespace", "lb", "--kubeconfig", "/nonexistent"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("/nonexistent"), "{}", stderr(&output));
    let output = ferrolb(&["standalone", "--listen", "0.0.0.0:6443"]);
    assert!(stderr(&output).contains("--token-file"), "{}", stderr(&output));
}
