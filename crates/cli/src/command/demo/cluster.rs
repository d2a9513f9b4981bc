//! The demo's cluster: API server, controller, speakers, and what plays kubelet and kube-proxy.

use std::net::{IpAddr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use ferrolb_apiserver::{ApiServer, Options};
use ferrolb_kube::Client;
use ferrolb_netio::namespace::Namespace;
use ferrolb_types::MacAddr;
use serde_json::Value;

use super::process::Process;
use super::segment::{Host, Segment};
use super::{objects, page};

/// Where the API server listens on the control plane's host.
const API_PORT: u16 = 6443;
/// Longest wait for anything; on an idle machine each takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(15);
/// How often a condition is looked at that nobody reports.
const POLL: Duration = Duration::from_millis(1);

/// Everything that runs.
pub(super) struct Cluster {
    pub(super) client: Arc<Namespace>,
    processes: Vec<Process>,
    api: ApiServer,
    control_plane: Host,
    nodes: Vec<Host>,
    /// Namespace and name of the Service that the demo is about.
    service: Option<(String, String)>,
    /// Keeps the bridge.
    _segment: Segment,
}

/// Five hosts on a bridge, and an API server that does not listen yet.
pub(super) fn build() -> anyhow::Result<(Cluster, String)> {
    let segment = Segment::new()?;
    let control_plane = segment.plug("control-plane", 2)?;
    let nodes = [("n1", 11), ("n2", 12), ("n3", 13)];
    let nodes: Vec<Host> = nodes
        .into_iter()
        .map(|(name, number)| segment.plug(name, number))
        .collect::<anyhow::Result<_>>()?;
    let client = segment.plug("client", 100)?;
    for node in &nodes {
        // As strictARP does: an address that is only routed to this host is not answered for by its kernel.
        node.namespace.set_sysctl("ipv4/conf/all/arp_ignore", "1")?;
    }
    let cluster = Cluster {
        client: client.namespace,
        processes: Vec::new(),
        api: ApiServer::new(Options::default())?,
        control_plane,
        nodes,
        service: None,
        _segment: segment,
    };
    Ok((
        cluster,
        "3 nodes, a control plane and a client on one bridge".to_owned(),
    ))
}

impl Cluster {
    /// Starts everything and waits until it is ready.
    pub(super) async fn start(&mut self, verbose: bool) -> anyhow::Result<((), String)> {
        let server = self.serve_api()?;
        for node in &self.nodes {
            self.api.create(objects::node(node))?;
            self.run_pod(node).await?;
            serve_page(node)?;
        }
        let kubeconfig = objects::kubeconfig(server);
        let common = ["--namespace", "metallb-system", "--log-level", "info"];
        let controller = [&["controller", "--leader-elect=false"][..], &common].concat();
        let namespace = &self.control_plane.namespace;
        self.processes.push(Process::start(
            "controller",
            &controller,
            namespace,
            &kubeconfig,
            verbose,
        )?);
        for node in &self.nodes {
            let address = node.ipv4().to_string();
            let gossip = ["--ml-bindaddr", &address, "--ml-labels", objects::SPEAKERS];
            let speaker = [&["speaker", "--node-name", node.name][..], &gossip, &common].concat();
            let name = speaker_on(node.name);
            self.processes.push(Process::start(
                &name,
                &speaker,
                &node.namespace,
                &kubeconfig,
                verbose,
            )?);
        }
        self.wait_until_ready().await?;
        Ok(((), "API server, controller and 3 speakers are ready".to_owned()))
    }

    /// As the kubelet does for the speaker of its node.
    async fn run_pod(&self, node: &Host) -> anyhow::Result<()> {
        self.api.create(objects::speaker_pod(node))?;
        let client = Client::new(self.api.clone(), "metallb-system");
        client.request_text(objects::speaker_pod_status(node)?).await?;
        Ok(())
    }

    /// Serves the API in the control plane's namespace, from this process.
    fn serve_api(&self) -> anyhow::Result<SocketAddr> {
        let address = SocketAddr::new(self.control_plane.ipv4(), API_PORT);
        let listener = self
            .control_plane
            .namespace
            .run(|| TcpListener::bind(address))??;
        listener.set_nonblocking(true)?;
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let api = self.api.clone();
        tokio::spawn(async move { api.serve(listener, std::future::pending()).await });
        Ok(address)
    }

    async fn wait_until_ready(&mut self) -> anyhow::Result<()> {
        let hosts: Vec<Arc<Namespace>> = [&self.control_plane]
            .into_iter()
            .chain(&self.nodes)
            .map(|host| Arc::clone(&host.namespace))
            .collect();
        for host in hosts {
            self.wait(
                move || Ok(host.run(page::is_ready)?.then_some(())),
                "a process does not become ready",
            )
            .await?;
            self.check()?;
        }
        Ok(())
    }

    /// Creates the manifests' objects, and endpoints for their Services.
    pub(super) fn apply(&mut self, manifests: Vec<Value>) -> anyhow::Result<((), String)> {
        let count = manifests.len();
        for manifest in manifests {
            if objects::is_load_balancer(&manifest) {
                self.service = Some(objects::key(&manifest)?);
                self.api.create(objects::endpoints(&manifest, &self.nodes))?;
            }
            self.api.create(manifest)?;
        }
        Ok(((), format!("{count} objects")))
    }

    /// Waits for the status of the Service, and lets the nodes accept what is sent to its addresses.
    pub(super) async fn wait_for_addresses(&mut self) -> anyhow::Result<(Vec<IpAddr>, String)> {
        let (namespace, name) = self
            .service
            .clone()
            .context("the manifests hold no Service of type LoadBalancer")?;
        let api = self.api.clone();
        let addressed = async {
            let mut seen = 0;
            loop {
                let service = api.get("services", &namespace, &name).unwrap_or_default();
                let addresses = objects::addresses(&service);
                if addresses.len() >= objects::wanted_addresses(&service) {
                    return addresses;
                }
                seen = api.changed_since(seen).await;
            }
        };
        let outcome = tokio::time::timeout(PATIENCE, addressed).await;
        self.check()?;
        let addresses = outcome.with_context(|| format!("Service {namespace}/{name} got no address"))?;
        self.accept(&addresses)?;
        let list: Vec<String> = addresses.iter().map(ToString::to_string).collect();
        Ok((addresses, format!("{namespace}/{name}: {}", list.join(", "))))
    }

    /// What kube-proxy does on a real node: packets to the address are for this host.
    fn accept(&self, addresses: &[IpAddr]) -> anyhow::Result<()> {
        for node in &self.nodes {
            addresses
                .iter()
                .try_for_each(|address| node.namespace.add_local_address(*address))?;
        }
        Ok(())
    }

    /// Kills the speaker on `node` as a crash would: it tells nobody.
    pub(super) fn kill_speaker(&mut self, node: &str) -> anyhow::Result<()> {
        let name = speaker_on(node);
        let position = self.processes.iter().position(|process| process.name == name);
        let position = position.with_context(|| format!("`{name}` does not run"))?;
        drop(self.processes.remove(position));
        Ok(())
    }

    /// The node whose interface has this hardware address.
    pub(super) fn node_with(&self, mac: MacAddr) -> Option<&'static str> {
        self.nodes
            .iter()
            .find(|node| node.mac == mac)
            .map(|node| node.name)
    }

    /// Waits until `look` finds something, off this thread.
    pub(super) async fn wait<T: Send + 'static>(
        &self,
        look: impl Fn() -> anyhow::Result<Option<T>> + Clone + Send + 'static,
        otherwise: &'static str,
    ) -> anyhow::Result<T> {
        let found = async {
            loop {
                let look = look.clone();
                if let Some(found) = tokio::task::spawn_blocking(look).await?? {
                    return Ok(found);
                }
                tokio::time::sleep(POLL).await;
            }
        };
        tokio::time::timeout(PATIENCE, found).await.context(otherwise)?
    }

    /// An error if a process has ended.
    fn check(&mut self) -> anyhow::Result<()> {
        self.processes.iter_mut().try_for_each(Process::check)
    }

    /// Shows the ends of all logs.
    pub(super) fn show_logs(&self) {
        self.processes.iter().for_each(Process::show_log);
    }
}

/// What the demo calls the process.
fn speaker_on(node: &str) -> String {
    format!("speaker on {node}")
}

/// The thread lives as long as this process; the listener is in the node's namespace.
fn serve_page(node: &Host) -> anyhow::Result<()> {
    let listener = node.namespace.run(page::listen)??;
    let name = node.name;
    std::thread::Builder::new()
        .name(format!("page-{name}"))
        .spawn(move || page::serve(&listener, name))?;
    Ok(())
}
