//! All of it together.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};
use base64::Engine as _;
use ferrolb_netio::Namespace;
use serde_json::json;

use crate::api::Api;
use crate::assets::{self, Assets};
use crate::client::Client;
use crate::control_plane::ControlPlane;
use crate::member::{self, Member};
use crate::node::Node;
use crate::program::{self, Program};
use crate::wait::eventually;

/// A busy machine needs seconds; only a fault lasts until then.
const START: Duration = Duration::from_secs(60);

/// Where the API server of the binary listens; the namespace is private, so the port is free.
const EMBEDDED: &str = "127.0.0.1:7443";

/// What the processes are allowed to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Roles {
    /// The roles of `manifests/ferrolb.yaml`.
    Shipped,
    /// The roles that MetalLB's own manifests give.
    Reference,
}

/// Shows the logs unless the test has passed, also when it panics.
struct Logs<'a> {
    directory: &'a Path,
    shown: bool,
}

impl Drop for Logs<'_> {
    fn drop(&mut self) {
        if self.shown {
            program::show_logs(self.directory);
        }
    }
}

/// A cluster with a client on its segment.
pub struct Cluster {
    // Dropped from top to bottom: first what runs, then what it runs on.
    nodes: Vec<Node>,
    /// The API server.
    pub plane: ControlPlane,
    /// Someone outside the cluster.
    pub client: Client,
    assets: Assets,
    /// Hosts that are not nodes yet.
    spare: Vec<Member>,
    directory: PathBuf,
}

impl Cluster {
    /// Starts an API server, applies what `manifests/ferrolb.yaml` holds, with these roles, and runs `test`. Does nothing
    /// but tell so when the programs that it takes are not there and need not be.
    ///
    /// # Errors
    /// With what failed; the end of every log is printed.
    pub fn run(roles: Roles, test: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        Self::run_as(None, roles, test)
    }

    /// The same with an API server that behaves like an earlier version, as `1.32`.
    ///
    /// # Errors
    /// As [`Cluster::run`].
    pub fn run_as(
        version: Option<&'static str>,
        roles: Roles,
        test: impl FnOnce(&mut Self) -> Result<()>,
    ) -> Result<()> {
        let Some(assets) = Assets::find()? else {
            return Ok(());
        };
        let directory = tempfile::Builder::new().prefix("ferrolb-cluster-").tempdir()?;
        let mut logs = Logs {
            directory: directory.path(),
            shown: true,
        };
        test(&mut Self::start(version, roles, assets, directory.path())?)?;
        logs.shown = false;
        Ok(())
    }

    fn start(version: Option<&'static str>, roles: Roles, assets: Assets, directory: &Path) -> Result<Self> {
        let [plane, client, n1, n2] = member::connect(["control-plane", "client", "n1", "n2"])?;
        let this = Self {
            nodes: Vec::new(),
            plane: ControlPlane::start(&assets, directory, plane, version)?,
            client: Client::new(client),
            assets,
            spare: vec![n2, n1],
            directory: directory.to_path_buf(),
        };
        this.install(roles)?;
        Ok(this)
    }

    /// A file of the repository.
    #[must_use]
    pub fn file(&self, path: &str) -> PathBuf {
        assets::repository().join(path)
    }

    /// Adds one node, or a second: `n1` and `n2`, which reach each other's pods.
    ///
    /// # Errors
    /// With what failed, also when there are two already.
    pub fn add_node(&mut self) -> Result<()> {
        let host = self.spare.pop().context("there are two nodes already")?;
        let node = Node::start(&self.plane, &self.assets, &self.directory, host)?;
        for other in &self.nodes {
            node.route_to(other)?;
            other.route_to(&node)?;
        }
        self.nodes.push(node);
        Ok(())
    }

    /// The nodes, in the order of their numbers.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Starts the controller beside the API server and waits until it is ready.
    ///
    /// # Errors
    /// When it ends or does not get ready, with the end of its log.
    pub fn start_controller(&self) -> Result<Program> {
        let controller = self.spawn_controller(&self.plane.account_kubeconfig("controller")?)?;
        wait_until_ready(controller, &self.plane.host().namespace)
    }

    /// Starts the controller and does not wait.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn spawn_controller(&self, kubeconfig: &Path) -> Result<Program> {
        let mut command = Command::new(&self.assets.ferrolb);
        command
            .arg("controller")
            .arg("--kubeconfig")
            .arg(kubeconfig)
            .arg("--namespace=metallb-system");
        Program::start(
            "controller",
            &self.plane.host().namespace,
            &self.directory,
            &mut command,
        )
    }

    /// Starts one of several controllers, with a token and ports of its own, and waits until it is ready.
    ///
    /// # Errors
    /// When it ends or does not get ready, with the end of its log.
    pub fn start_replica(&self, number: u16, flags: &[&str]) -> Result<Program> {
        let token = self.plane.account_token("controller")?;
        let kubeconfig = self
            .plane
            .token_kubeconfig(&format!("controller-{number}"), &token)?;
        let mut command = Command::new(&self.assets.ferrolb);
        command.arg("controller").arg("--kubeconfig").arg(kubeconfig);
        command.arg("--namespace=metallb-system").args(flags);
        command.args([
            format!("--port={}", 7500 + number),
            format!("--health-probe-port={}", 17500 + number),
            format!("--webhook-port={}", 9500 + number),
        ]);
        let namespace = &self.plane.host().namespace;
        let name = format!("controller-{number}");
        let replica = Program::start(&name, namespace, &self.directory, &mut command)?;
        let replica = replica.with_credential(credential_of(&token)?);
        wait_until_ready_at(17500 + number, replica, namespace)
    }

    /// What a process beside the API server serves at this URL.
    ///
    /// # Errors
    /// With what `curl` says, also of an answer that is no success.
    pub fn page(&self, url: &str) -> Result<String> {
        program::output(
            &self.plane.host().namespace,
            Command::new("curl").args(["-fsS", url]),
        )
    }

    /// Runs a command of the binary to its end beside the API server and returns what it prints.
    ///
    /// # Errors
    /// With its messages, when its exit status is not 0.
    pub fn ferrolb<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Result<String> {
        let mut command = Command::new(&self.assets.ferrolb);
        command.args(arguments);
        program::output(&self.plane.host().namespace, &mut command)
    }

    /// Where files of the test may lie.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Starts the API server that is built into the binary, beside the real one, and waits until it answers.
    ///
    /// # Errors
    /// When it ends or does not answer, with the end of its log.
    pub fn start_embedded(&self) -> Result<(Program, Api)> {
        let namespace = &self.plane.host().namespace;
        let mut command = Command::new(&self.assets.ferrolb);
        command.args(["standalone", "--components=api", "--listen", EMBEDDED]);
        let mut server = Program::start("embedded", namespace, &self.directory, &mut command)?;
        let api = Api {
            url: format!("http://{EMBEDDED}"),
            credentials: Vec::new(),
            host: self.plane.host().clone(),
        };
        server.until(START, "answers", || {
            let code = api.get("/readyz")?.code;
            anyhow::ensure!(code == 200, "it answers with {code}");
            Ok(())
        })?;
        Ok((server, api))
    }

    /// What a command of ours that looks at the cluster prints as JSON, whatever its exit status; as the administrator, or as
    /// whom `kubeconfig` stands for.
    ///
    /// # Errors
    /// When it prints no JSON, with what it says instead.
    pub fn ask(&self, arguments: &[&str], kubeconfig: Option<&Path>) -> Result<serde_json::Value> {
        let mut command = Command::new(&self.assets.ferrolb);
        command.args(arguments).args(["-o", "json", "--kubeconfig"]);
        command.arg(kubeconfig.unwrap_or(&self.plane.kubectl.kubeconfig));
        let namespace = &self.plane.host().namespace;
        let output = program::start_piped(namespace, &mut command)?.wait_with_output()?;
        serde_json::from_slice(&output.stdout)
            .with_context(|| format!("{arguments:?}: {}", String::from_utf8_lossy(&output.stderr)))
    }

    /// Starts a speaker on every node and waits until they are ready.
    ///
    /// # Errors
    /// When one ends or does not get ready, with the end of its log.
    pub fn start_speakers(&self) -> Result<Vec<Program>> {
        self.launch_speakers(|_| Vec::new())
    }

    /// As [`Cluster::start_speakers`], in a ring of those whose pods have the label `component=speaker`.
    ///
    /// # Errors
    /// When one ends or does not get ready, with the end of its log.
    pub fn start_ring(&self) -> Result<Vec<Program>> {
        self.launch_speakers(|node| {
            let address = node.address();
            vec![
                "--ml-labels=component=speaker".to_owned(),
                format!("--ml-bindaddr={address}"),
            ]
        })
    }

    fn launch_speakers(&self, flags: impl Fn(&Node) -> Vec<String>) -> Result<Vec<Program>> {
        let kubeconfig = self.plane.account_kubeconfig("speaker")?;
        let start = |node: &Node| {
            let mut command = Command::new(&self.assets.ferrolb);
            command.arg("speaker").arg("--kubeconfig").arg(&kubeconfig);
            command.args(["--namespace=metallb-system", "--node-name", &node.name]);
            command.args(flags(node));
            let name = format!("speaker-{}", node.name);
            let speaker = Program::start(&name, node.namespace(), &self.directory, &mut command)?;
            wait_until_ready(speaker, node.namespace())
        };
        self.nodes.iter().map(start).collect()
    }

    /// Makes the pods of all nodes the endpoints of a Service in namespace `default`.
    ///
    /// # Errors
    /// With what `kubectl` says.
    pub fn set_endpoints(&self, service: &str) -> Result<()> {
        for (family, name) in ["IPv4", "IPv6"].into_iter().enumerate() {
            let endpoints: Vec<_> = self.nodes.iter().map(|node| json!({
                "addresses": [node.pod_addresses()[family]], "nodeName": node.name, "conditions": { "ready": true } })).collect();
            let slice = json!({
                "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": name,
                "metadata": { "name": format!("{service}-{}", name.to_lowercase()), "namespace": "default",
                              "labels": { "kubernetes.io/service-name": service } },
                "endpoints": endpoints, "ports": [{ "name": "http", "port": 80, "protocol": "TCP" }] });
            self.plane.kubectl.apply_text(&slice.to_string())?;
        }
        Ok(())
    }

    /// Makes the controller the endpoint of the Service of the webhooks.
    ///
    /// # Errors
    /// With what `kubectl` says.
    pub fn expose_webhooks(&self) -> Result<()> {
        self.expose_webhooks_at(9443)
    }

    /// As [`Self::expose_webhooks`], of a controller whose webhooks are at another port.
    ///
    /// # Errors
    /// With what `kubectl` says.
    pub fn expose_webhooks_at(&self, port: u16) -> Result<()> {
        let slice = json!({
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
            "metadata": { "name": "webhooks", "namespace": "metallb-system",
                          "labels": { "kubernetes.io/service-name": "metallb-webhook-service" } },
            "endpoints": [{ "addresses": [self.plane.host().ipv4], "conditions": { "ready": true } }],
            "ports": [{ "name": "https", "port": port, "protocol": "TCP" }] });
        self.plane.kubectl.apply_text(&slice.to_string())?;
        Ok(())
    }

    fn install(&self, roles: Roles) -> Result<()> {
        let kubectl = &self.plane.kubectl;
        let shipped = self.file("manifests/ferrolb.yaml");
        match roles {
            Roles::Shipped => kubectl.apply(&shipped)?,
            Roles::Reference => {
                kubectl.apply_text(&without_roles(&shipped)?)?;
                kubectl.apply(&self.file("tests/cluster/fixtures/metallb-roles.yaml"))?
            }
        };
        kubectl.run([
            "wait",
            "--for=condition=Established",
            "--timeout=60s",
            "crd",
            "--all",
        ])?;
        // The server offers a new kind a moment after it has been established.
        eventually("the new kinds are served", || {
            kubectl.run(["get", "ipaddresspools,l2advertisements", "-A"])
        })?;
        Ok(())
    }
}

/// Asks the process at its usual port, which is free in a namespace of its own.
fn wait_until_ready(process: Program, namespace: &Namespace) -> Result<Program> {
    wait_until_ready_at(17472, process, namespace)
}

fn wait_until_ready_at(port: u16, mut process: Program, namespace: &Namespace) -> Result<Program> {
    let url = format!("http://127.0.0.1:{port}/readyz");
    process.until(START, "is ready", || {
        program::output(namespace, Command::new("curl").args(["-fsS", &url]))
    })?;
    Ok(process)
}

/// As the audit log names a token: by its `jti`.
fn credential_of(token: &str) -> Result<String> {
    let claims = token.split('.').nth(1).context("the token is no JWT")?;
    let claims = base64::prelude::BASE64_URL_SAFE_NO_PAD.decode(claims)?;
    let claims: serde_json::Value = serde_json::from_slice(&claims)?;
    let id = claims["jti"].as_str().context("the token has no `jti`")?;
    Ok(format!("JTI={id}"))
}

/// The documents of a manifest that are no role and bind none.
fn without_roles(path: &Path) -> Result<String> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let is_role = |document: &&str| document.lines().any(|line| line.starts_with("apiVersion: rbac."));
    let kept: Vec<&str> = text
        .split("\n---\n")
        .filter(|document| !is_role(document))
        .collect();
    Ok(kept.join("\n---\n"))
}
