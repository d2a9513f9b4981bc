//! A cluster in one process.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// How long a state may take that comes by itself, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks, of which one may take a process.
const PAUSE: Duration = Duration::from_millis(50);

/// A node, and a pool that is announced from there.
pub(crate) const LAN: &str = r"
apiVersion: v1
kind: Node
metadata: {name: n1, labels: {kubernetes.io/os: linux}}
---
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {name: lan, namespace: metallb-system}
spec: {addresses: [192.0.2.0/28]}
---
apiVersion: metallb.io/v1beta1
kind: L2Advertisement
metadata: {name: lan, namespace: metallb-system}
---";

/// A running `ferrolb standalone`; it is killed with this value.
pub(crate) struct Standalone {
    child: Child,
    dir: tempfile::TempDir,
}

impl Standalone {
    /// Starts these components and waits until the API server listens. What is in `manifests` is there then or soon.
    pub(crate) fn start(components: &str, manifests: &str, flags: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("manifests")).unwrap();
        fs::write(dir.path().join("manifests/all.yaml"), manifests).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_ferrolb"))
            .args(["standalone", "--components", components, "--listen=127.0.0.1:0"])
            .args(["--port=0", "--health-probe-port=0"])
            .args(flags)
            .arg("--manifests")
            .arg(dir.path().join("manifests"))
            .arg("--write-kubeconfig")
            .arg(dir.path().join("kubeconfig"))
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let listens = lines.any(|line| line.unwrap().contains("the API server listens"));
        // Somebody has to read on, or the server blocks.
        std::thread::spawn(move || lines.for_each(drop));
        let this = Self { child, dir };
        assert!(listens, "the server ended");
        this
    }

    /// A directory for files of the test.
    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// How clients find it.
    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.dir().join("kubeconfig")
    }

    /// Runs `ferrolb COMMAND --kubeconfig ... ARGS`.
    pub(crate) fn run(&self, command: &str, args: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_ferrolb"))
            .args([command, "--kubeconfig"])
            .arg(self.kubeconfig())
            .args(args)
            .output()
            .unwrap()
    }

    /// Sends one request and returns the body of the answer, whatever its status.
    pub(crate) fn send(&self, method: &str, path: &str, body: &Value) -> Value {
        let (address, body) = (self.address(), body.to_string());
        let mut stream = TcpStream::connect(&address).unwrap();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        serde_json::from_str(body).unwrap_or_else(|_| panic!("{answer}"))
    }

    /// Reads one object.
    pub(crate) fn get(&self, path: &str) -> Value {
        self.send("GET", path, &Value::Null)
    }

    /// Writes the status of an object, once it is there, as whoever owns it does.
    pub(crate) fn set_status(&self, path: &str, status: &Value) {
        let mut object = until(|| self.get(path), |object| object["metadata"]["name"].is_string());
        object["status"] = status.clone();
        let answer = self.send("PUT", &format!("{path}/status"), &object);
        assert_ne!(answer["kind"], "Status", "{answer:#}");
    }

    /// Host and port of the API server.
    fn address(&self) -> String {
        let kubeconfig: Value =
            serde_saphyr::from_str(&fs::read_to_string(self.kubeconfig()).unwrap()).unwrap();
        let server = kubeconfig["clusters"][0]["cluster"]["server"].as_str().unwrap();
        server.trim_start_matches("http://").to_owned()
    }
}

impl Drop for Standalone {
    fn drop(&mut self) {
        let _ended_already = self.child.kill();
        let _status = self.child.wait();
    }
}

/// Looks until what is seen is `wanted`.
#[expect(
    clippy::disallowed_methods,
    reason = "a condition of another process can only be polled; the wait has a deadline"
)]
pub(crate) fn until(mut look: impl FnMut() -> Value, wanted: impl Fn(&Value) -> bool) -> Value {
    let since = Instant::now();
    loop {
        let seen = look();
        if wanted(&seen) {
            return seen;
        }
        assert!(since.elapsed() < PATIENCE, "it never came; last seen: {seen:#}");
        std::thread::sleep(PAUSE);
    }
}
