//! A server on a loopback port and `kubectl` pointed at it.

use std::io::{BufRead as _, BufReader, ErrorKind, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use ferrolb_apiserver::{ApiServer, Options};
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::oneshot;

/// A running server; ends with the value.
pub(crate) struct Cluster {
    url: String,
    home: TempDir,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// How long a line of a running `kubectl` may take.
const LINE_TIMEOUT: Duration = Duration::from_secs(30);

impl Cluster {
    /// `None`, with a printed reason, where there is no `kubectl`.
    pub(crate) fn start() -> Option<Self> {
        if !kubectl_exists() {
            let reason = "skipped: `kubectl` is not in PATH";
            assert!(!is_required(), "FERROLB_REQUIRE_KUBECTL is set and {reason}");
            println!("{reason}");
            return None;
        }
        let (stop, stopped) = oneshot::channel();
        let (url, started) = mpsc::channel();
        let thread = std::thread::spawn(move || serve(stopped, &url));
        Some(Self {
            url: started.recv().unwrap(),
            home: tempfile::tempdir().unwrap(),
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new("kubectl");
        command
            .env("HOME", self.home.path())
            .env_remove("KUBECONFIG")
            .arg("--server")
            .arg(&self.url);
        // A flag may stand before a name in one argument: `-n=ns kind/name`.
        command.args(args.iter().flat_map(|a| {
            if a.starts_with("-n=") {
                a.split(' ').collect()
            } else {
                vec![*a]
            }
        }));
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Standard output, or everything that was printed if it failed.
    pub(crate) fn try_run(&self, args: &[&str], input: &str) -> Result<String, String> {
        let mut child = self.command(args).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        // A command that does not read its input may have ended already.
        let _written = stdin.write_all(input.as_bytes());
        drop(stdin);
        let output = child.wait_with_output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        match output.status.success() {
            true => Ok(text(&output.stdout)),
            false => Err(text(&output.stderr) + &text(&output.stdout)),
        }
    }

    /// Standard output of a command that succeeds.
    pub(crate) fn run(&self, args: &[&str]) -> String {
        self.try_run(args, "")
            .unwrap_or_else(|said| panic!("kubectl {args:?} failed: {said}"))
    }

    /// What a command that fails says.
    pub(crate) fn fail(&self, args: &[&str], input: &str) -> String {
        self.try_run(args, input).expect_err("kubectl should have failed")
    }

    /// `kubectl apply -f -`.
    pub(crate) fn apply(&self, manifest: &str) -> String {
        // A document that begins with a brace would be taken for JSON.
        let result = self.try_run(&["apply", "-f", "-"], &format!("---\n{manifest}"));
        result.unwrap_or_else(|said| panic!("apply failed: {said}"))
    }

    /// One field of an object.
    pub(crate) fn field(&self, object: &str, path: &str) -> String {
        self.run(&["get", object, "-o", &format!("jsonpath={path}")])
    }

    /// `kubectl edit` with a `sed` expression as the editor.
    pub(crate) fn edit(&self, object: &str, expression: &str) -> String {
        let editor: PathBuf = self.home.path().join("editor");
        std::fs::write(&editor, format!("#!/bin/sh\nexec sed -i '{expression}' \"$1\"\n")).unwrap();
        let editor = format!("sh {}", editor.display());
        let output = self
            .command(&["edit", object])
            .env("KUBE_EDITOR", editor)
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// POSTs an object as a program would.
    pub(crate) fn create_as_client(&self, path: &str, object: &Value) {
        let said = self.try_run(&["create", "--raw", path, "-f", "-"], &object.to_string());
        said.unwrap_or_else(|said| panic!("create failed: {said}"));
    }

    /// Starts a command that goes on.
    pub(crate) fn spawn(&self, args: &[&str]) -> Running {
        let mut child = self.command(args).spawn().unwrap();
        let stdout = child.stdout.take().unwrap();
        let (lines, received) = mpsc::channel();
        std::thread::spawn(move || forward(stdout, &lines));
        Running {
            child,
            lines: received,
        }
    }
}

fn forward(stdout: ChildStdout, lines: &mpsc::Sender<String>) {
    for line in BufReader::new(stdout).lines().map_while(Result::ok) {
        if lines.send(line).is_err() {
            return;
        }
    }
}

/// A `kubectl` that goes on; ended with the value.
pub(crate) struct Running {
    child: Child,
    lines: mpsc::Receiver<String>,
}

impl Running {
    /// The next line of its output.
    pub(crate) fn line(&mut self) -> String {
        self.lines
            .recv_timeout(LINE_TIMEOUT)
            .expect("kubectl printed no further line")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _killed = self.child.kill();
        let _waited = self.child.wait();
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _joined = thread.join();
        }
    }
}

fn serve(stopped: oneshot::Receiver<()>, url: &mpsc::Sender<String>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        url.send(format!("http://{}", listener.local_addr().unwrap()))
            .unwrap();
        let server = ApiServer::new(Options::default()).unwrap();
        server
            .serve(listener, async { drop(stopped.await) })
            .await
            .unwrap();
    });
}

fn kubectl_exists() -> bool {
    let tried = Command::new("kubectl").arg("version").arg("--client").output();
    !matches!(tried, Err(error) if error.kind() == ErrorKind::NotFound)
}

#[expect(
    clippy::disallowed_methods,
    reason = "CI says by this variable that a skip is a failure"
)]
fn is_required() -> bool {
    std::env::var_os("FERROLB_REQUIRE_KUBECTL").is_some()
}
