//! Nodes with speakers as processes of their own, a client, and a control plane that they reach by TCP.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use ferrolb_apiserver::ApiServer;
use ferrolb_plan::election::Key;
use ferrolb_tests_netns::heard::{Said, claim_of};
use ferrolb_tests_netns::kubernetes::{NAMESPACE, advertisement, node, pool, service};
use ferrolb_tests_netns::{Capture, Host, Kubernetes, Process, Segment, process, wait};
use ferrolb_types::{MacAddr, NodeName};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

pub(crate) const NODES: [&str; 5] = ["n1", "n2", "n3", "n4", "n5"];
/// The addresses that are announced.
pub(crate) const ADDRESSES: [&str; 10] = [
    "10.77.0.100",
    "10.77.0.101",
    "10.77.0.102",
    "10.77.0.103",
    "10.77.0.104",
    "10.77.0.105",
    "10.77.0.106",
    "10.77.0.107",
    "10.77.0.108",
    "10.77.0.109",
];
const LABELS: &str = "app=metallb,component=speaker";
const PAGE_PORT: u16 = 8080;
/// Of metrics and state.
const ADMIN_PORT: u16 = 7472;
/// How long the client waits for one page before it tries again.
const FETCH_TIMEOUT: Duration = Duration::from_millis(50);

pub(crate) struct Scene {
    nodes: &'static [&'static str],
    pub(crate) segment: Segment,
    pub(crate) heard: Capture,
    pub(crate) kubernetes: Kubernetes,
    kubeconfig: PathBuf,
    /// What the speakers are told beside what every speaker is.
    flags: &'static [&'static str],
    control: ControlPlane,
    speakers: BTreeMap<&'static str, Process>,
}

impl Scene {
    /// Five nodes that announce [`ADDRESSES`], in one ring. `name` tells the files of tests apart.
    pub(crate) fn new(name: &str) -> anyhow::Result<Self> {
        Self::of(&NODES, name)
    }

    /// As [`Scene::new`], with these of the nodes.
    pub(crate) fn of(nodes: &'static [&'static str], name: &str) -> anyhow::Result<Self> {
        Self::with(nodes, name, &[])
    }

    /// As [`Scene::of`], with speakers that have these flags, too.
    pub(crate) fn with(
        nodes: &'static [&'static str],
        name: &str,
        flags: &'static [&'static str],
    ) -> anyhow::Result<Self> {
        let mut scene = Self::prepare(nodes, name, flags)?;
        scene.launch_all(nodes)?;
        scene.wait_for_one_owner_each()?;
        Ok(scene)
    }

    /// As [`Scene::with`], before any speaker is started.
    pub(crate) fn prepare(
        nodes: &'static [&'static str],
        name: &str,
        flags: &'static [&'static str],
    ) -> anyhow::Result<Self> {
        let segment = Segment::new(&[nodes, &["client", "control", "judge"]].concat())?;
        let kubernetes = Kubernetes::new()?;
        let control = ControlPlane::start(segment.host("control"), kubernetes.api())?;
        let scene = Self {
            heard: Capture::start(segment.host("client"))?,
            nodes,
            kubeconfig: write_kubeconfig(name, control.address)?,
            control,
            segment,
            kubernetes,
            flags,
            speakers: BTreeMap::new(),
        };
        scene.fill()?;
        Ok(scene)
    }

    /// Starts the speakers of `nodes` and waits until they are ready.
    pub(crate) fn launch_all(&mut self, nodes: &[&'static str]) -> anyhow::Result<()> {
        nodes.iter().try_for_each(|node| self.launch(node))?;
        nodes.iter().try_for_each(|node| self.wait_until_ready(node))
    }

    fn fill(&self) -> anyhow::Result<()> {
        self.kubernetes.apply(pool("lan", &["10.77.0.100-10.77.0.199"]))?;
        self.kubernetes
            .apply(advertisement("lan", json!({ "ipAddressPools": ["lan"] })))?;
        for name in self.nodes {
            let host = self.segment.host(name);
            self.kubernetes.apply(node(name))?;
            self.kubernetes
                .apply_pod(&format!("speaker-{name}"), LABELS, host.ipv4.into())?;
            // As strictARP does: the kernel does not answer for an address that is only routed to this host.
            host.namespace.set_sysctl("ipv4/conf/all/arp_ignore", "1")?;
            for address in ADDRESSES {
                host.namespace.add_local_address(address.parse()?)?;
            }
            serve_page(host)?;
        }
        for address in ADDRESSES {
            self.kubernetes
                .apply_service(service(&Self::service_at(address)), self.nodes, &[address])?;
        }
        Ok(())
    }

    /// The name of the Service that has `address`.
    pub(crate) fn service_at(address: &str) -> String {
        format!("web-{}", address.replace('.', "-"))
    }

    /// Starts the speaker of `node` as its pod would be.
    pub(crate) fn launch(&mut self, node: &'static str) -> anyhow::Result<()> {
        let host = self.segment.host(node);
        let mut command = Command::new(process::ferrolb()?);
        command
            .args(["speaker", "--node-name", node, "--namespace", NAMESPACE])
            .args(["--health-probe-port=0", "--log-level=debug"])
            .arg(format!("--port={ADMIN_PORT}"))
            .args(["--ml-labels", LABELS, "--ml-bindaddr", &host.ipv4.to_string()])
            .args(self.flags)
            .arg("--kubeconfig")
            .arg(&self.kubeconfig);
        let process = Process::start(&host.namespace, &mut command)?;
        self.speakers.insert(node, process);
        Ok(())
    }

    pub(crate) fn wait_until_ready(&self, node: &str) -> anyhow::Result<()> {
        let process = self.speakers.get(node).context("the speaker was started")?;
        process.wait_for_line("the speaker is ready", |line| {
            line.contains("everything is known")
        })?;
        Ok(())
    }

    /// What `ferrolb doctor` finds on `node` about `check`: result and message.
    pub(crate) fn examine(&self, node: &str, check: &str) -> anyhow::Result<(String, String)> {
        let mut command = Command::new(process::ferrolb()?);
        command
            .args(["doctor", "--only", "node", "-o", "json", "--node-name", node])
            .arg("--kubeconfig")
            .arg(&self.kubeconfig);
        let output = process::run(&self.segment.host(node).namespace, &mut command)?;
        let report: Value = serde_json::from_slice(&output.stdout).with_context(|| format!("{output:?}"))?;
        let checks = report["checks"].as_array().context("checks")?;
        let found = checks
            .iter()
            .find(|found| found["name"] == check)
            .context("the check")?;
        let text = |key| found[key].as_str().unwrap_or_default().to_owned();
        Ok((text("result"), text("message")))
    }

    /// Waits until the speaker of `node` has printed so many lines with one of `words` in them.
    pub(crate) fn wait_for_lines(&self, node: &str, words: &[&str], count: usize) -> anyhow::Result<()> {
        let process = self.speakers.get(node).context("the speaker was started")?;
        let fits = |line: &&String| words.iter().any(|word| line.contains(word));
        wait::until(&format!("{node} to print {words:?}"), || {
            Ok((process.lines().iter().filter(fits).count() >= count).then_some(()))
        })
        .with_context(|| self.logs())
    }

    /// What the speakers printed, for a failure.
    pub(crate) fn logs(&self) -> String {
        let lines = |(node, process): (&&str, &Process)| format!("{node}:\n{}\n", process.lines().join("\n"));
        self.speakers.iter().map(lines).collect()
    }

    /// The process of the API server ends: connections are closed, and new ones refused.
    pub(crate) fn stop_api(&mut self) -> anyhow::Result<()> {
        self.control.stop()
    }

    /// It is there again, with everything that it knew.
    pub(crate) fn start_api(&mut self) -> anyhow::Result<()> {
        self.control = ControlPlane::start(self.segment.host("control"), self.kubernetes.api())?;
        Ok(())
    }

    /// What the speaker of `node` answers to `GET` of `path`.
    pub(crate) fn admin(&self, node: &str, path: &str) -> anyhow::Result<String> {
        let at = SocketAddr::from(([127, 0, 0, 1], ADMIN_PORT));
        let answer = self
            .segment
            .host(node)
            .namespace
            .run(|| get(at, path))?
            .with_context(|| format!("GET {path} from {node}"))?;
        let (_, body) = answer.split_once("\r\n\r\n").context("an empty line")?;
        Ok(body.to_owned())
    }

    /// `/debug/state` of the speaker of `node`.
    pub(crate) fn state(&self, node: &str) -> anyhow::Result<Value> {
        let mut state: Value = serde_json::from_str(&self.admin(node, "/debug/state")?)?;
        Ok(state["speaker"].take())
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self, node: &str) -> anyhow::Result<()> {
        self.speakers.remove(node).context("the speaker runs").map(drop)
    }

    /// SIGTERM; the process is given back, still running.
    pub(crate) fn terminate(&mut self, node: &str) -> anyhow::Result<Process> {
        let process = self.speakers.remove(node).context("the speaker runs")?;
        signal(process.id(), "-TERM")?;
        Ok(process)
    }

    /// Who is elected for `address` among all nodes.
    pub(crate) fn owner(&self, address: IpAddr) -> &'static str {
        Self::owner_among(self.nodes, address)
    }

    /// Who is elected for `address` among `nodes`.
    pub(crate) fn owner_among(nodes: &[&'static str], address: IpAddr) -> &'static str {
        let ballot = Key::new(address);
        let rank = |node: &&&'static str| ballot.rank(&NodeName::from(**node), 0);
        nodes.iter().min_by_key(rank).expect("there are nodes")
    }

    /// The addresses that the election gives to `node` among all nodes.
    pub(crate) fn addresses_of(&self, node: &str) -> anyhow::Result<Vec<IpAddr>> {
        let all = ADDRESSES
            .into_iter()
            .map(str::parse)
            .collect::<Result<Vec<IpAddr>, _>>()?;
        Ok(all
            .into_iter()
            .filter(|address| self.owner(*address) == node)
            .collect())
    }

    /// Changes annotations of a Node as `kubectl annotate` does.
    pub(crate) fn annotate(&self, node: &str, annotations: &Value) -> anyhow::Result<()> {
        let patch = json!({ "metadata": { "annotations": annotations } });
        self.kubernetes.merge("nodes", node, &patch)
    }

    /// Waits for the first claim of `address` after the first `before` frames that is not by `except`.
    pub(crate) fn wait_for_successor(
        &self,
        before: usize,
        address: IpAddr,
        except: MacAddr,
    ) -> anyhow::Result<(Duration, Said)> {
        wait::until(&format!("a successor to claim {address}"), || {
            let claims = self.heard.select_after(before, claim_of(address));
            Ok(claims.into_iter().find(|(_, said)| said.mac != except))
        })
    }

    /// Waits until each address was last claimed by the one that the election names: nodes that start together become ready one
    /// after the other.
    pub(crate) fn wait_for_one_owner_each(&self) -> anyhow::Result<()> {
        for address in ADDRESSES {
            let ip: IpAddr = address.parse()?;
            let mac = self.segment.host(self.owner(ip)).mac;
            wait::until(&format!("{address} to be claimed by its owner"), || {
                let claims = self.heard.select(claim_of(ip));
                Ok(claims.last().filter(|(_, said)| said.mac == mac).map(drop))
            })?;
        }
        Ok(())
    }

    /// Which node serves the client at `address`, if one does at once.
    pub(crate) fn fetch(&self, address: IpAddr) -> anyhow::Result<Option<String>> {
        let at = SocketAddr::new(address, PAGE_PORT);
        let fetched = self.segment.host("client").namespace.run(|| fetch(at))?;
        Ok(fetched.ok())
    }
}

fn signal(process: u32, name: &str) -> anyhow::Result<()> {
    let status = Command::new("kill").arg(name).arg(process.to_string()).status()?;
    ensure!(status.success(), "kill: {status}");
    Ok(())
}

fn fetch(at: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&at, FETCH_TIMEOUT)?;
    stream.set_read_timeout(Some(FETCH_TIMEOUT))?;
    let mut name = String::new();
    stream.read_to_string(&mut name)?;
    Ok(name)
}

/// Tells everybody who connects the name of the node; lives as long as this process.
fn serve_page(host: &Host) -> anyhow::Result<()> {
    let listener = host
        .namespace
        .run(|| TcpListener::bind(SocketAddr::from(([0, 0, 0, 0], PAGE_PORT))))??;
    let name = host.name.clone();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            // A client that goes away harms only itself.
            let _gone = stream.write_all(name.as_bytes());
        }
    });
    Ok(())
}

fn get(at: SocketAddr, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&at, wait::PATIENCE)?;
    stream.set_read_timeout(Some(wait::PATIENCE))?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {at}\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

/// The API server on a port of a host; without it it is there for this process alone.
struct ControlPlane {
    address: SocketAddr,
    shutdown: CancellationToken,
    thread: Option<JoinHandle<anyhow::Result<()>>>,
}

impl ControlPlane {
    fn start(host: &Host, api: &ApiServer) -> anyhow::Result<Self> {
        let address = SocketAddr::from((host.ipv4, 6443));
        let listener = host.namespace.run(|| TcpListener::bind(address))??;
        listener.set_nonblocking(true)?;
        let (api, shutdown) = (api.clone(), CancellationToken::new());
        let asked = shutdown.clone();
        let thread = std::thread::spawn(move || -> anyhow::Result<()> {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener)?;
                Ok(api.serve(listener, asked.cancelled()).await?)
            })
        });
        Ok(Self {
            address,
            shutdown,
            thread: Some(thread),
        })
    }

    fn stop(&mut self) -> anyhow::Result<()> {
        self.shutdown.cancel();
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(outcome)) => outcome,
            Some(Err(_)) => anyhow::bail!("the API server panicked"),
            None => Ok(()),
        }
    }
}

fn write_kubeconfig(name: &str, server: SocketAddr) -> anyhow::Result<PathBuf> {
    let config = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "test",
        "clusters": [{ "name": "test", "cluster": { "server": format!("http://{server}") } }],
        "users": [{ "name": "test", "user": {} }],
        "contexts": [{ "name": "test", "context": { "cluster": "test", "user": "test" } }],
    });
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.kubeconfig"));
    std::fs::write(&path, config.to_string())?;
    Ok(path)
}
