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
        "check",
        "explain",
        "convert",
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
    for command in ["controller", "speaker", "standalone", "plan", "check"] {
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

/// Go's rules, operations 6.1: the environment is the default, an explicit flag wins, and the last of two counts.
#[test]
fn the_environment_is_the_default_of_a_flag() {
    let start = |args: &[&str], environment: &[(&str, &str)]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ferrolb"));
        command
            .args(args)
            .env_clear()
            .envs(environment.iter().copied())
            .stdin(Stdio::null());
        command.output().expect("the program is there")
    };
    let failing = [
        ("METALLB_NAMESPACE", "lb"),
        ("KUBECONFIG", "/nonexistent/of-the-environment"),
    ];
    let from_environment = start(&["controller"], &failing);
    assert_eq!(from_environment.status.code(), Some(1));
    assert!(stderr(&from_environment).contains("/nonexistent/of-the-environment"));
    let flag = start(
        &[
            "controller",
            "-kubeconfig",
            "/nonexistent/first",
            "-kubeconfig=/nonexistent/last",
        ],
        &failing,
    );
    assert!(stderr(&flag).contains("/nonexistent/last"), "{}", stderr(&flag));
    let unknown = start(&["controller"], &[("METALLB_BGP_TYPE", "quagga")]);
    assert_eq!(unknown.status.code(), Some(1));
    assert!(
        stderr(&unknown).contains("METALLB_BGP_TYPE"),
        "{}",
        stderr(&unknown)
    );
    let explicit = start(
        &["controller", "--bgp-type=frr"],
        &[("METALLB_BGP_TYPE", "quagga")],
    );
    assert!(!stderr(&explicit).contains("quagga"), "{}", stderr(&explicit));
}

/// What the reference refuses at start with status 1, and wrong usage with status 2 (operations 6.1 to 6.3).
#[test]
fn bad_values_are_refused_with_the_status_of_the_reference() {
    for (status, args, said) in [
        (
            1,
            &["controller", "--namespace=lb", "--log-level=loud"][..],
            "loud",
        ),
        (1, &["controller", "--webhook-mode=maybe"], "onlywebhook"),
        (1, &["controller", "--tls-min-version=1.3"], "VersionTLS12"),
        (
            1,
            &[
                "controller",
                "--tls-cipher-suites=TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
            ],
            "no effect with TLS 1.3",
        ),
        (1, &["controller", "-tls-curve-preferences", "29,29"], "29 twice"),
        (1, &["standalone", "--webhook-mode=maybe"], "onlywebhook"),
        (1, &["controller", "--bgp-type=quagga"], "quagga"),
        (1, &["controller", "--namespace="], "METALLB_NAMESPACE"),
        (1, &["speaker", "--bgp-debounce-timeout=0"], "above 0"),
        (1, &["speaker", "--bgp-debounce-timeout", "-5"], "above 0"),
        (1, &["speaker", "--ml-bindport=seven"], "--ml-bindport"),
        (
            1,
            &["speaker", "--ml-secret-key-path=/nonexistent"],
            "/nonexistent/secretkey",
        ),
        (1, &["speaker", "--frrk8s-secret-passthrough"], "frr-k8s"),
        (
            1,
            &["speaker", "--frrk8s-secret-passthrough", "--bgp-type=frr-k8s"],
            "--frrk8s-namespace",
        ),
        (2, &["controller", "--port=http"], "65535"),
        (2, &["controller", "-port"], "--port"),
        (2, &["controller", "-strict-requests=maybe"], "true or false"),
        (
            2,
            &["controller", "-strict-requests", "false"],
            "unexpected argument",
        ),
        (2, &["speaker", "-ml-wan-config=perhaps"], "true or false"),
    ] {
        let output = ferrolb(args);
        assert_eq!(
            output.status.code(),
            Some(status),
            "{args:?}: {}",
            stderr(&output)
        );
        assert!(stderr(&output).contains(said), "{args:?}: {}", stderr(&output));
    }
}

#[test]
fn an_accepted_value_goes_through_to_the_next_step() {
    for args in [
        &[
            "speaker",
            "--frrk8s-secret-passthrough=false",
            "-bgp-debounce-timeout",
            "3000",
        ][..],
        &[
            "speaker",
            "--frrk8s-secret-passthrough",
            "--bgp-type=frr-k8s",
            "--frrk8s-namespace=frr",
        ],
        &[
            "controller",
            "-port=0x1d30",
            "-webhook-mode",
            "disabled",
            "-webhook-http2",
            "-enable-pprof=T",
        ],
    ] {
        let mut args = args.to_vec();
        args.extend(["--namespace=lb", "--kubeconfig=/nonexistent"]);
        let output = ferrolb(&args);
        assert!(
            stderr(&output).contains("/nonexistent"),
            "{args:?}: {}",
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
fn definitions_are_one_list_in_json() {
    let output = ferrolb(&["crds", "BGPPeer", "ipaddresspools", "-o", "json"]);
    let list: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(list["kind"], "List");
    let names: Vec<_> = list["items"]
        .as_array()
        .expect("items")
        .iter()
        .map(|i| &i["metadata"]["name"])
        .collect();
    assert_eq!(names, ["bgppeers.metallb.io", "ipaddresspools.metallb.io"]);
}

#[test]
fn a_reader_that_goes_away_is_no_panic_and_no_failure() {
    for args in [
        &["crds"][..],
        &["--help"],
        &["controller", "-h"],
        &["explain"],
        &["explain", "-o", "json"],
        &["completion", "bash"],
        &["version"],
        &["version", "-o", "yaml"],
        &["reference"],
    ] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let output = Command::new(env!("CARGO_BIN_EXE_ferrolb"))
            .args(args)
            .stdout(writer)
            .output()
            .expect("it ends");
        assert_eq!(
            (output.status.code(), &*stderr(&output)),
            (Some(0), ""),
            "{args:?}"
        );
    }
}

#[test]
fn no_color_is_respected() {
    let help = |no_color: bool| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ferrolb"));
        command.arg("--help").env_clear().env("CLICOLOR_FORCE", "1");
        if no_color {
            command.env("NO_COLOR", "1");
        }
        stdout(&command.output().expect("the program is there"))
    };
    assert!(help(false).contains('\u{1b}'), "colour was forced");
    assert!(!help(true).contains('\u{1b}'));
}

#[test]
fn what_is_missing_is_said_with_what_to_do() {
    let output = ferrolb(&["speaker", "--namespace", "lb", "--kubeconfig", "/nonexistent"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("/nonexistent"), "{}", stderr(&output));
    let output = ferrolb(&["standalone", "--listen", "0.0.0.0:6443"]);
    assert!(stderr(&output).contains("--token-file"), "{}", stderr(&output));
}

/// A kubeconfig of an API server that nobody runs, in `dir`.
fn kubeconfig(dir: &Path) -> String {
    let path = dir.join("kubeconfig");
    let text = "apiVersion: v1\nkind: Config\ncurrent-context: a\ncontexts: [{name: a, context: {cluster: a, user: a}}]\n\
                clusters: [{name: a, cluster: {server: 'http://127.0.0.1:1'}}]\nusers: [{name: a, user: {}}]\n";
    std::fs::write(&path, text).expect("written");
    path.to_str().expect("a text").to_owned()
}

/// A speaker must not guess for which node it speaks (operations 6.3).
#[test]
fn a_speaker_starts_only_when_flag_or_environment_name_its_node() {
    let dir = tempfile::tempdir().expect("a directory");
    let excluded = dir.path().join("excluded.yaml");
    // What is looked at right after the name, and ends the start.
    std::fs::write(&excluded, "announcedInterfacesToExclude: ['(']").expect("written");
    let start = |flag: Option<&str>, variable: Option<&str>| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ferrolb"));
        command
            .args([
                "speaker",
                "--namespace=lb",
                "--kubeconfig",
                &kubeconfig(dir.path()),
            ])
            .arg("--exclude-interfaces-file")
            .arg(&excluded)
            .args(flag.map(|name| format!("--node-name={name}")))
            .env_clear()
            .envs(variable.map(|name| ("METALLB_NODE_NAME", name)))
            .stdin(Stdio::null());
        let output = command.output().expect("the program is there");
        assert_eq!(output.status.code(), Some(1));
        stderr(&output)
    };
    for (flag, variable) in [(None, None), (Some(""), Some("n1")), (None, Some(""))] {
        let said = start(flag, variable);
        assert!(
            said.contains("`METALLB_NODE_NAME`"),
            "{flag:?} {variable:?}: {said}"
        );
    }
    for (flag, variable) in [(Some("n1"), None), (None, Some("n1")), (Some("n1"), Some(""))] {
        let said = start(flag, variable);
        assert!(said.contains("excluded.yaml"), "{flag:?} {variable:?}: {said}");
        assert!(
            !said.contains("METALLB_NODE_NAME"),
            "{flag:?} {variable:?}: {said}"
        );
    }
}
