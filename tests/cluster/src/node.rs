//! A node: a network stack with kube-proxy, a speaker, and one pod behind it.

use std::net::IpAddr;
use std::path::Path;
use std::process::Command;

use anyhow::Result;
use ferrolb_netio::{Namespace, VethEnd};
use ferrolb_types::{IpNet, MacAddr};
use serde_json::json;

use crate::assets::Assets;
use crate::control_plane::ControlPlane;
use crate::member::Member;
use crate::page::Page;
use crate::program::Program;

/// A node of the cluster.
#[derive(Debug)]
pub struct Node {
    /// Its Kubernetes name.
    pub name: String,
    _proxy: Program,
    _page: Page,
    _pod: Namespace,
    pods_v4: IpNet,
    pods_v6: IpNet,
    host: Member,
}

impl Node {
    /// Registers the node, connects a pod that serves `hello from NAME`, and starts kube-proxy.
    pub(crate) fn start(
        plane: &ControlPlane,
        assets: &Assets,
        directory: &Path,
        host: Member,
    ) -> Result<Self> {
        let name = host.name.clone();
        register(plane, &name, &host)?;
        // The host's number makes its pods' prefixes its own.
        let number = host.ipv4.octets()[3];
        let (pods_v4, pods_v6) = (
            format!("10.244.{number}.0/24").parse()?,
            format!("fd44:{number}::/64").parse()?,
        );
        let pod = connect_pod(&host.namespace, pods_v4, pods_v6)?;
        let page = Page::serve(&pod, &format!("hello from {name}"))?;
        let proxy = start_proxy(plane, assets, directory, &host, &name)?;
        Ok(Self {
            name,
            _proxy: proxy,
            _page: page,
            _pod: pod,
            pods_v4,
            pods_v6,
            host,
        })
    }

    /// The hardware address that answers for what this node announces.
    #[must_use]
    pub fn mac(&self) -> MacAddr {
        self.host.mac
    }

    /// Its own address, which is also that of pods on its network.
    #[must_use]
    pub fn address(&self) -> IpAddr {
        self.host.ipv4.into()
    }

    /// The pod's address of each family.
    #[must_use]
    pub fn pod_addresses(&self) -> [IpAddr; 2] {
        [nth(self.pods_v4, 2), nth(self.pods_v6, 2)]
    }

    /// Lets this node reach the pods of another, as a cluster's network does.
    pub(crate) fn route_to(&self, other: &Self) -> Result<()> {
        self.host
            .namespace
            .add_route(other.pods_v4, other.host.ipv4.into())?;
        self.host
            .namespace
            .add_route(other.pods_v6, other.host.ipv6.into())?;
        Ok(())
    }

    pub(crate) fn namespace(&self) -> &Namespace {
        &self.host.namespace
    }
}

fn register(plane: &ControlPlane, name: &str, host: &Member) -> Result<()> {
    let node = json!({ "apiVersion": "v1", "kind": "Node", "metadata": {
        "name": name, "labels": { "kubernetes.io/hostname": name, "kubernetes.io/os": "linux" } } });
    plane.kubectl.apply_text(&node.to_string())?;
    let status = json!({ "status": {
        "addresses": [{ "type": "InternalIP", "address": host.ipv4 }, { "type": "InternalIP", "address": host.ipv6 }],
        "conditions": [{ "type": "Ready", "status": "True", "reason": "KubeletReady", "message": "" },
                       { "type": "NetworkUnavailable", "status": "False", "reason": "RouteCreated", "message": "" }] } });
    let patch = status.to_string();
    plane.kubectl.run([
        "patch",
        "node",
        name,
        "--subresource=status",
        "--type=merge",
        "-p",
        &patch,
    ])?;
    Ok(())
}

/// A namespace behind the node's interface `pod0`; the node has the first address of the pods' prefixes.
fn connect_pod(node: &Namespace, pods_v4: IpNet, pods_v6: IpNet) -> Result<Namespace> {
    let pod = Namespace::new()?;
    Namespace::create_veth(
        VethEnd {
            namespace: &pod,
            name: "eth0",
            mac: None,
        },
        VethEnd {
            namespace: node,
            name: "pod0",
            mac: None,
        },
    )?;
    for (prefix, everything) in [(pods_v4, "0.0.0.0/0"), (pods_v6, "::/0")] {
        node.add_address("pod0", IpNet::new(nth(prefix, 1), prefix.prefix_len())?)?;
        pod.add_address("eth0", IpNet::new(nth(prefix, 2), prefix.prefix_len())?)?;
        pod.add_route(everything.parse()?, nth(prefix, 1))?;
    }
    node.set_sysctl("ipv4/ip_forward", "1")?;
    node.set_sysctl("ipv6/conf/all/forwarding", "1")?;
    Ok(pod)
}

fn start_proxy(
    plane: &ControlPlane,
    assets: &Assets,
    directory: &Path,
    host: &Member,
    name: &str,
) -> Result<Program> {
    let mut command = Command::new(assets.program("kube-proxy")?);
    command
        .arg("--kubeconfig")
        .arg(plane.user_kubeconfig("system:kube-proxy")?);
    command.arg(format!("--hostname-override={name}"));
    command.args([
        "--proxy-mode=nftables",
        "--cluster-cidr=10.244.0.0/16,fd44::/16",
        "--conntrack-max-per-core=0",
    ]);
    Program::start(
        &format!("kube-proxy-{name}"),
        &host.namespace,
        directory,
        &mut command,
    )
}

/// The `number`-th address of a prefix.
fn nth(prefix: IpNet, number: u8) -> IpAddr {
    match prefix.network() {
        IpAddr::V4(first) => IpAddr::V4((first.to_bits() + u32::from(number)).into()),
        IpAddr::V6(first) => IpAddr::V6((first.to_bits() + u128::from(number)).into()),
    }
}
