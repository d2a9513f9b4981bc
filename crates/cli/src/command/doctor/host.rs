//! The host that the command runs on.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use ferrolb_api::core::Service;
use ferrolb_api::facts::Ingress;
use ferrolb_api::{Object as _, decode};
use ferrolb_diagnosis::{Area, Check, Network, Outcome, inspect};
use ferrolb_netio::capability::{self, Capability};
use ferrolb_netio::{EtherProtocol, Filter, Namespace, PacketSocket};
use ferrolb_speaker::{ExcludedInterfaces, observe_network};
use ferrolb_types::ObjectKey;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::gossip;
use crate::args::{DoctorArgs, Subject};
use crate::command::process::host_name;
use crate::live::Survey;

/// For a connection on the host.
const TIMEOUT: Duration = Duration::from_secs(2);
/// Of the answer of a probe only the first line matters.
const ANSWER_BYTES: u64 = 512;

pub(super) async fn examine(args: &DoctorArgs, survey: Result<&Survey, &str>) -> anyhow::Result<Vec<Check>> {
    let excluded = ExcludedInterfaces::read(&args.exclude_interfaces_file)?;
    let name = host_name().unwrap_or_else(|_| "this host".to_owned());
    let given = args.node_name.as_deref().filter(|name| !name.is_empty());
    let mut network = observe_network(given.unwrap_or(&name).into(), Vec::new(), excluded)?;
    // Without a cluster the host is all that can be looked at.
    if let (None, Ok(survey)) = (given, survey) {
        match node_of(&network, &name, &survey.objects) {
            Some(node) => network.node = node.as_str().into(),
            None if args.only == Some(Subject::Node) => {}
            None => return Ok(vec![no_node(&name)]),
        }
    }
    let services = survey.and_then(|survey| match survey.unreadable.get(Service::PLURAL) {
        Some(why) => Err(&**why),
        None => Ok(addresses(&survey.objects)),
    });
    let mut checks = inspect(&network, services.as_deref().map_err(|why| &**why));
    checks.push(rights());
    checks.push(sockets(&network));
    checks.push(speaker(args.health_probe_port).await);
    checks.push(gossip::check(&network, survey, args).await);
    Ok(checks)
}

fn check(name: &'static str, result: Outcome, message: impl Into<String>) -> Check {
    Check::new(Area::Node, name, result, message)
}

fn no_node(name: &str) -> Check {
    check(
        "host",
        Outcome::NotChecked,
        format!(
            "`{name}` is no node of the cluster; run it on one, as with `kubectl exec -n metallb-system SPEAKER-POD -- /ferrolb \
             doctor`, or look at this host with --only node"
        ),
    )
}

/// The Node that has the host's name or one of its addresses.
fn node_of(network: &Network, name: &str, objects: &[Value]) -> Option<String> {
    let own: BTreeSet<String> = network
        .interfaces
        .iter()
        .flat_map(|interface| &interface.addresses)
        .map(ferrolb_types::IpNet::addr)
        .filter(|address| !address.is_loopback())
        .map(|address| address.to_string())
        .collect();
    let is_own = |node: &&Value| {
        let addresses = node["status"]["addresses"].as_array().into_iter().flatten();
        let is_internal = |address: &Value| {
            address["type"] == "InternalIP" && address["address"].as_str().is_some_and(|a| own.contains(a))
        };
        node["metadata"]["name"] == name || addresses.into_iter().any(is_internal)
    };
    let node = objects
        .iter()
        .filter(|object| object["kind"] == "Node")
        .find(is_own)?;
    Some(node["metadata"]["name"].as_str()?.to_owned())
}

/// Services with the addresses in their status.
fn addresses(objects: &[Value]) -> Vec<(ObjectKey, Vec<IpAddr>)> {
    let services = objects.iter().filter(|object| object["kind"] == Service::KIND);
    let facts = services.filter_map(|object| {
        let service: Service = decode(object).ok()?;
        Some(service.observe())
    });
    facts
        .filter(|facts| facts.is_load_balancer)
        .map(|facts| {
            let addresses = facts.ingress.iter().filter_map(|entry| match entry {
                Ingress::Address(address) => Some(*address),
                Ingress::Malformed(_) | Ingress::Hostname(_) => None,
            });
            (facts.key.clone(), addresses.collect())
        })
        .collect()
}

fn rights() -> Check {
    const NAME: &str = "capability";
    match capability::has(Capability::NetRaw) {
        Ok(true) => check(NAME, Outcome::Ok, "NET_RAW is there, which packet sockets need"),
        Ok(false) => check(
            NAME,
            Outcome::Failed,
            "NET_RAW is missing, without which a speaker cannot announce; run it as root, or add the capability to the container",
        ),
        Err(error) => check(
            NAME,
            Outcome::NotChecked,
            format!("the kernel does not tell the capabilities: {error}"),
        ),
    }
}

/// Opens what a speaker opens, and closes it again.
fn sockets(network: &Network) -> Check {
    const NAME: &str = "sockets";
    let namespace = match Namespace::current() {
        Ok(namespace) => namespace,
        Err(error) => return check(NAME, Outcome::NotChecked, error.to_string()),
    };
    let usable = network
        .interfaces
        .iter()
        .filter(|interface| interface.is_usable());
    let mut opened = 0;
    for interface in usable {
        let outcome = namespace
            .interface_index(interface.name.as_str())
            .map_err(|error| error.to_string())
            .and_then(|index| {
                PacketSocket::open(index, EtherProtocol::Arp, &Filter::nothing())
                    .map_err(|error| error.to_string())
            });
        match outcome {
            Ok(_) => opened += 1,
            Err(error) => {
                return check(
                    NAME,
                    Outcome::Failed,
                    format!("no packet socket on `{}`: {error}", interface.name),
                );
            }
        }
    }
    match opened {
        0 => check(NAME, Outcome::NotChecked, "there is no interface to open one on"),
        n => check(
            NAME,
            Outcome::Ok,
            format!("packet sockets can be opened on {n} interface(s)"),
        ),
    }
}

/// Asks the speaker of this host whether it is ready.
async fn speaker(port: u16) -> Check {
    const NAME: &str = "speaker";
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    match status_line(address).await {
        Ok(line) if line.contains(" 200") => check(
            NAME,
            Outcome::Ok,
            format!("the one on this host is ready ({address})"),
        ),
        Ok(line) => check(
            NAME,
            Outcome::Failed,
            format!("the one on this host is not ready: `{line}` from http://{address}/readyz; see its log"),
        ),
        Err(error) => check(
            NAME,
            Outcome::NotChecked,
            format!("none answers on {address} (--health-probe-port): {error}"),
        ),
    }
}

async fn status_line(address: SocketAddr) -> anyhow::Result<String> {
    let ask = async {
        let mut stream = TcpStream::connect(address).await?;
        let request = format!("GET /readyz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.take(ANSWER_BYTES).read_to_end(&mut answer).await?;
        let text = String::from_utf8_lossy(&answer);
        anyhow::Ok(text.lines().next().unwrap_or_default().to_owned())
    };
    tokio::time::timeout(TIMEOUT, ask).await?
}
