//! Flags and variables of the reference that have no effect here: whoever gives one is told so at start.

#![expect(clippy::unwrap_used, reason = "a test's helpers fail like the test")]

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use clap::{Arg, CommandFactory as _};
use ferrolb_cli::args::{Cli, WITHOUT_EFFECT};
use serde_json::Value;

/// Taken by every flag with a value, also where it has to be a number.
const VALUE: &str = "3000";
/// A flag and the one that it is refused without.
const NEEDS: &[(&str, &str)] = &[("frrk8s-secret-passthrough", "frrk8s-namespace")];

/// The flags that the command line itself lists as such.
fn without_effect(command: &str) -> Vec<Arg> {
    let cli = Cli::command();
    let command = cli.find_subcommand(command).unwrap();
    let flags = command.get_arguments();
    flags
        .filter(|flag| flag.get_help_heading() == Some(WITHOUT_EFFECT))
        .cloned()
        .collect()
}

fn name(flag: &Arg) -> &str {
    flag.get_long().unwrap()
}

fn value(flag: &Arg) -> &'static str {
    let is_boolean = flag.get_num_args().is_some_and(|n| n.min_values() == 0);
    if is_boolean { "true" } else { VALUE }
}

/// A place in which processes start.
fn place() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

/// The log of a process that gets as far as reading its kubeconfig, which is not there.
fn log(place: &Path, command: &str, args: &[String], environment: &[(&str, &str)]) -> Vec<Value> {
    let output = Command::new(env!("CARGO_BIN_EXE_ferrolb"))
        .args([
            command,
            "--namespace=lb",
            "--bgp-type=frr-k8s",
            "--kubeconfig=/nonexistent",
        ])
        .args(args)
        .current_dir(place)
        .env_clear()
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("/nonexistent"), "{args:?} {environment:?}: {said}");
    let lines = output
        .stdout
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_slice(line).unwrap()).collect()
}

/// The flags that the log warns of.
fn warned_of(log: &[Value]) -> Vec<String> {
    let warnings = log.iter().filter(|line| line["level"] == "warn");
    let flags = warnings.filter_map(|line| line["flags"].as_str());
    flags
        .flat_map(|flags| flags.split(','))
        .map(str::to_owned)
        .collect()
}

#[test]
fn a_flag_without_effect_is_accepted_and_named_in_a_warning_at_start() {
    let place = place();
    for command in ["controller", "speaker"] {
        let all = without_effect(command);
        assert!(!all.is_empty(), "{command}");
        for flag in &all {
            let needed = NEEDS.iter().find(|(needs, _)| *needs == name(flag));
            let needed = all
                .iter()
                .filter(|f| needed.is_some_and(|(_, needed)| *needed == name(f)));
            let mut given: Vec<&Arg> = needed.chain([flag]).collect();
            given.sort_by_key(|flag| all.iter().position(|f| name(f) == name(flag)));
            let args: Vec<String> = given
                .iter()
                .map(|f| format!("--{}={}", name(f), value(f)))
                .collect();
            let names: Vec<String> = given.iter().map(|f| format!("--{}", name(f))).collect();
            assert_eq!(
                warned_of(&log(place.path(), command, &args, &[])),
                names,
                "{command}"
            );
        }
    }
}

#[test]
fn a_variable_without_effect_is_accepted_and_its_flag_named_in_a_warning_at_start() {
    let place = place();
    for command in ["controller", "speaker"] {
        for flag in without_effect(command) {
            let Some(variable) = flag.get_env().and_then(|variable| variable.to_str()) else {
                continue;
            };
            let log = log(place.path(), command, &[], &[(variable, value(&flag))]);
            assert_eq!(
                warned_of(&log),
                [format!("--{}", name(&flag))],
                "{command} {variable}"
            );
        }
    }
}

#[test]
fn without_such_a_flag_there_is_no_warning() {
    let place = place();
    for command in ["controller", "speaker"] {
        assert_eq!(warned_of(&log(place.path(), command, &[], &[])), [""; 0]);
        let empty: Vec<String> = without_effect(command)
            .iter()
            .filter(|flag| value(flag) == VALUE)
            .map(|flag| format!("--{}=", name(flag)))
            .collect();
        assert_eq!(
            warned_of(&log(place.path(), command, &empty, &[])),
            [""; 0],
            "empty is not given"
        );
    }
}

/// Operations 6.4: what the reference tells its FRR containers by.
#[test]
fn variables_of_frr_are_not_read() {
    let place = place();
    let file = |name: &str| place.path().join(name).to_str().unwrap().to_owned();
    let (config, pid) = (file("frr.conf"), file("reloader.pid"));
    let frr = [
        ("FRR_CONFIG_FILE", &*config),
        ("FRR_RELOADER_PID_FILE", &*pid),
        ("FRR_LOGGING_LEVEL", "nonsense"),
    ];
    let messages = |environment: &[(&str, &str)]| -> Vec<Value> {
        let log = log(place.path(), "speaker", &[], environment);
        log.into_iter().map(|mut line| line["msg"].take()).collect()
    };
    let plain = messages(&[]);
    assert!(!plain.is_empty() && !plain.contains(&Value::Null), "{plain:?}");
    assert_eq!(messages(&frr), plain);
    assert_eq!(
        fs::read_dir(place.path()).unwrap().count(),
        0,
        "no file was written"
    );
}

#[test]
fn a_variable_is_the_default_of_its_flag() {
    let cli = Cli::command();
    for (commands, flag, variable) in [
        (&["controller", "speaker"][..], "namespace", "METALLB_NAMESPACE"),
        (&["controller", "speaker"], "bgp-type", "METALLB_BGP_TYPE"),
        (&["controller", "speaker"], "pod-name", "METALLB_POD_NAME"),
        (&["controller"], "ml-secret-name", "METALLB_ML_SECRET_NAME"),
        (&["controller"], "deployment", "METALLB_DEPLOYMENT"),
        (&["speaker"], "node-name", "METALLB_NODE_NAME"),
        (&["speaker"], "host", "METALLB_HOST"),
        (&["speaker"], "ml-bindaddr", "METALLB_ML_BIND_ADDR"),
        (&["speaker"], "ml-bindport", "METALLB_ML_BIND_PORT"),
        (&["speaker"], "ml-labels", "METALLB_ML_LABELS"),
        (&["speaker"], "ml-secret-key-path", "METALLB_ML_SECRET_KEY_PATH"),
        (&["speaker"], "frrk8s-namespace", "FRRK8S_NAMESPACE"),
    ] {
        for command in commands {
            let mut flags = cli.find_subcommand(command).unwrap().get_arguments();
            let flag = flags.find(|f| f.get_long() == Some(flag)).unwrap();
            assert_eq!(
                flag.get_env().and_then(|v| v.to_str()),
                Some(variable),
                "{command} {flag}"
            );
        }
    }
}

/// Ports on which a process waits for others, by protocol.
fn listening(process: u32) -> BTreeSet<(&'static str, u16)> {
    let directory = format!("/proc/{process}/fd");
    let files = fs::read_dir(directory).unwrap().filter_map(Result::ok);
    let own: BTreeSet<String> = files
        .filter_map(|file| fs::read_link(file.path()).ok())
        .filter_map(|link| {
            let inode = link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?;
            Some(inode.to_owned())
        })
        .collect();
    let mut ports = BTreeSet::new();
    // TCP sockets that listen are in state 0A, UDP sockets that are not connected in 07.
    for (file, protocol, state) in [
        ("tcp", "tcp", "0A"),
        ("tcp6", "tcp", "0A"),
        ("udp", "udp", "07"),
        ("udp6", "udp", "07"),
    ] {
        let table = fs::read_to_string(format!("/proc/{process}/net/{file}")).unwrap();
        for line in table.lines().skip(1) {
            let columns: Vec<&str> = line.split_whitespace().collect();
            if columns[3] == state && own.contains(columns[9]) {
                let port = columns[1].rsplit(':').next().unwrap();
                ports.insert((protocol, u16::from_str_radix(port, 16).unwrap()));
            }
        }
    }
    ports
}

struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ended_already = self.0.kill();
        let _status = self.0.wait();
    }
}

/// No 9120 for metrics over HTTPS, no 7473 of an FRR exporter, and no 7946 unless gossip is asked for (operations 6.3).
#[test]
fn a_speaker_listens_on_the_port_of_its_metrics_alone() {
    let place = place();
    let kubeconfig = place.path().join("kubeconfig");
    let text = "apiVersion: v1\nkind: Config\ncurrent-context: a\ncontexts: [{name: a, context: {cluster: a, user: a}}]\n\
                clusters: [{name: a, cluster: {server: 'http://127.0.0.1:1'}}]\nusers: [{name: a, user: {}}]\n";
    fs::write(&kubeconfig, text).unwrap();
    // The interfaces of whoever runs the test are none of its business.
    let excluded = place.path().join("excluded.yaml");
    fs::write(&excluded, "announcedInterfacesToExclude: ['.*']").unwrap();
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let mut speaker = Command::new(env!("CARGO_BIN_EXE_ferrolb"))
        .args([
            "speaker",
            "--namespace=lb",
            "--node-name=n1",
            "--health-probe-port=0",
        ])
        .arg(format!("--port={port}"))
        .arg("--kubeconfig")
        .arg(&kubeconfig)
        .arg("--exclude-interfaces-file")
        .arg(&excluded)
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map(Ended)
        .unwrap();
    // It runs, all that it opens at start is open, once it complains that the API server does not answer.
    let log = BufReader::new(speaker.0.stdout.take().unwrap());
    let complains = |line: std::io::Result<String>| line.unwrap().contains("the API server is away");
    assert!(log.lines().any(complains), "it ended");
    assert_eq!(listening(speaker.0.id()), [("tcp", port)].into());
}
