//! `ferrolb standalone` with webhooks: the embedded API server asks those of the same process.

#![expect(clippy::unwrap_used, reason = "a test's helpers fail like the test")]

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// How long a state may take that comes by itself.
const PATIENCE: Duration = Duration::from_secs(60);

const CONFIGURATION: &str =
    "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/metallb-webhook-configuration";
const DEFINITION: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/bgppeers.metallb.io";
const POOLS: &str = "/apis/metallb.io/v1beta1/namespaces/metallb-system/ipaddresspools";
const OLD_PEERS: &str = "/apis/metallb.io/v1beta1/namespaces/metallb-system/bgppeers";

struct Standalone {
    child: Child,
    /// Host and port of the API server.
    address: String,
}

impl Standalone {
    fn start(dir: &Path) -> Self {
        let manifests = dir.join("manifests");
        fs::create_dir(&manifests).unwrap();
        fs::write(manifests.join("webhooks.yaml"), configuration()).unwrap();
        let kubeconfig = dir.join("kubeconfig");
        let mut child = Command::new(env!("CARGO_BIN_EXE_ferrolb"))
            .args([
                "standalone",
                "--components",
                "api,controller",
                "--listen",
                "127.0.0.1:0",
            ])
            .args(["--port", "0", "--health-probe-port", "0"])
            .args([
                "--webhook-mode",
                "enabled",
                "--webhook-port",
                &free_port().to_string(),
            ])
            .arg("--manifests")
            .arg(&manifests)
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
        let kubeconfig = fs::read_to_string(kubeconfig).unwrap();
        let address = kubeconfig.split("http://").nth(1).unwrap();
        let end = |c: char| !(c.is_ascii_digit() || c == '.' || c == ':');
        let address = address.split(end).next().unwrap().to_owned();
        Self { child, address }
    }

    fn send(&self, method: &str, path: &str, body: &Value) -> Value {
        let body = body.to_string();
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        serde_json::from_str(body).unwrap_or_else(|_| panic!("{answer}"))
    }

    fn get(&self, path: &str) -> Value {
        self.send("GET", path, &Value::Null)
    }
}

impl Drop for Standalone {
    fn drop(&mut self) {
        let _ended_already = self.child.kill();
        let _status = self.child.wait();
    }
}

/// Both sides must know the port, so it cannot be left to the system.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// That of the installation.
fn configuration() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../manifests/parts/60-webhooks.yaml");
    fs::read_to_string(path).unwrap()
}

/// Looks until a value is there that is wanted.
#[expect(
    clippy::disallowed_methods,
    reason = "a condition of another process can only be polled; the wait has a deadline"
)]
fn eventually(what: &str, mut look: impl FnMut() -> Option<Value>) -> Value {
    let since = Instant::now();
    while since.elapsed() < PATIENCE {
        if let Some(found) = look() {
            return found;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("it never came: {what}");
}

fn pool(name: &str, addresses: &str) -> Value {
    json!({"apiVersion": "metallb.io/v1beta1", "kind": "IPAddressPool", "metadata": {"name": name},
        "spec": {"addresses": [addresses]}})
}

#[test]
fn its_webhooks_refuse_a_bad_pool_and_convert_an_old_peer() {
    let dir = tempfile::tempdir().unwrap();
    let standalone = Standalone::start(dir.path());
    let has_bundle = |value: &Value| value.as_str().is_some_and(|bundle| !bundle.is_empty());
    eventually("the API server is told whom to trust", || {
        let (configuration, definition) = (standalone.get(CONFIGURATION), standalone.get(DEFINITION));
        let bundles = [
            configuration.pointer("/webhooks/0/clientConfig/caBundle"),
            definition.pointer("/spec/conversion/webhook/clientConfig/caBundle"),
        ];
        let all = bundles.into_iter().all(|bundle| bundle.is_some_and(has_bundle));
        all.then_some(Value::Null)
    });

    // The schema takes any text, and the policy is `Ignore`: who refuses is the webhook, once it serves.
    let refused = eventually("the pool is refused", || {
        let answer = standalone.send("POST", POOLS, &pool("bad", "192.168.20.1-192.168.20.300"));
        standalone.send("DELETE", &format!("{POOLS}/bad"), &json!({}));
        (answer["kind"] == "Status").then_some(answer)
    });
    let message = refused["message"].as_str().unwrap();
    let begins = "admission webhook \"ipaddresspoolvalidationwebhook.metallb.io\" denied the request: ";
    assert!(
        message.starts_with(begins) && message.contains("192.168.20.300"),
        "{message}"
    );
    let taken = standalone.send("POST", POOLS, &pool("good", "192.168.20.1-192.168.20.30"));
    assert_eq!(taken["kind"], "IPAddressPool", "{taken}");

    let peer = json!({"apiVersion": "metallb.io/v1beta1", "kind": "BGPPeer", "metadata": {"name": "old"},
        "spec": {"myASN": 64512, "peerASN": 64513, "peerAddress": "192.0.2.1", "peerPort": 1179}});
    let made = standalone.send("POST", OLD_PEERS, &peer);
    assert_eq!(made["spec"]["peerPort"], 1179, "{made}");
    let stored = standalone.get(&format!("{}/old", OLD_PEERS.replace("v1beta1", "v1beta2")));
    assert_eq!(stored["apiVersion"], "metallb.io/v1beta2", "{stored}");
}
