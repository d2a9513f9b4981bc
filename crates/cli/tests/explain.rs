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
const CLUSTER: &str = "tests/data/explain.yaml";

#[test]
fn a_pending_service_is_explained_from_files() {
    let output = explain(&["svc/shop/api", "-f", CLUSTER]);
    assert_eq!((output.status.code(), &*stderr(&output)), (Some(0), ""));
    insta::assert_snapshot!("explain-pending", stdout(&output));
}

#[test]
fn an_announced_service_is_explained_from_files() {
    let output = explain(&["svc/web", "-f", CLUSTER]);
    assert_eq!((output.status.code(), &*stderr(&output)), (Some(0), ""));
    insta::assert_snapshot!("explain-announced", stdout(&output));
}

#[test]
fn a_service_that_is_not_there_is_an_error_that_tells_about_namespaces() {
    let output = explain(&["svc/api", "-f", CLUSTER]);
    assert_eq!((output.status.code(), &*stdout(&output)), (Some(1), ""));
    assert_eq!(
        stderr(&output),
        "error: there is no Service `default/api`; name its namespace with -n\n"
    );
    let unreadable = explain(&["svc/api", "-f", "/nonexistent"]);
    assert_eq!(unreadable.status.code(), Some(2));
}
