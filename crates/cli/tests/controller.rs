//! `ferrolb controller` as a process, against an API server that is in trouble.

#![expect(clippy::unwrap_used, reason = "a test's helpers fail like the test")]

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

/// Asked for by parts of the process that know nothing of each other: the webhooks' certificates, the record of an earlier
/// process, its writer.
const ASKED: [&str; 4] = [
    "secrets?",
    "validatingwebhookconfigurations?",
    "customresourcedefinitions?",
    "configurationstates",
];

struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ended_already = self.0.kill();
        let _status = self.0.wait();
    }
}

/// Answers every request with 503, until each of [`ASKED`] has been asked for three times.
fn answer_with_trouble(listener: &TcpListener) {
    let mut asked: BTreeMap<&str, u32> = ASKED.into_iter().map(|what| (what, 0)).collect();
    while asked.values().any(|times| *times < 3) {
        let (mut stream, _) = listener.accept().unwrap();
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut request = String::new();
        reader.read_line(&mut request).unwrap();
        let mut line = String::from("x");
        while !line.trim().is_empty() {
            line.clear();
            reader.read_line(&mut line).unwrap();
        }
        for (what, times) in &mut asked {
            *times += u32::from(request.contains(what));
        }
        let body = r#"{"kind":"Status","status":"Failure","message":"trouble","reason":"ServiceUnavailable","code":503}"#;
        let length = body.len();
        let head = "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nConnection: close";
        write!(stream, "{head}\r\nContent-Length: {length}\r\n\r\n{body}").unwrap();
    }
}

#[test]
fn an_outage_of_the_api_server_is_one_warning_whatever_watches_it() {
    let place = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = format!("http://{}", listener.local_addr().unwrap());
    let kubeconfig = place.path().join("kubeconfig");
    let text = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: a\ncontexts: [{{name: a, context: {{cluster: a, user: a}}}}]\n\
         clusters: [{{name: a, cluster: {{server: '{server}'}}}}]\nusers: [{{name: a, user: {{}}}}]\n"
    );
    fs::write(&kubeconfig, text).unwrap();
    let mut controller = Command::new(env!("CARGO_BIN_EXE_ferrolb"))
        .args([
            "controller",
            "--namespace=lb",
            "--port=0",
            "--health-probe-port=0",
        ])
        .args(["--webhook-port=0", "--leader-elect=false", "--kubeconfig"])
        .arg(&kubeconfig)
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map(Ended)
        .unwrap();
    answer_with_trouble(&listener);
    controller.0.kill().unwrap();
    let mut log = String::new();
    controller
        .0
        .stdout
        .take()
        .expect("piped")
        .read_to_string(&mut log)
        .unwrap();
    let warnings: Vec<&str> = log
        .lines()
        .filter(|line| line.contains(r#""level":"warn""#))
        .collect();
    let [only] = &warnings[..] else {
        panic!("one warning, not {warnings:#?}")
    };
    assert!(only.contains("the API server is away"), "{only}");
}
