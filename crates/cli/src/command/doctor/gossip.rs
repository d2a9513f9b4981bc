//! Whether the gossip ports of the other speakers are open, for TCP and UDP.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use ferrolb_api::Object as _;
use ferrolb_api::core::Pod;
use ferrolb_diagnosis::cluster::component_of;
use ferrolb_diagnosis::roles::Process;
use ferrolb_diagnosis::{Area, Check, Network, Outcome};
use ferrolb_driver::ring;
use ferrolb_speaker::GossipKey;
use serde_json::Value;
use tokio::net::TcpStream;

use crate::args::DoctorArgs;
use crate::live::Survey;

const NAME: &str = "gossip-port";
/// For a connection between nodes.
const TIMEOUT: Duration = Duration::from_secs(2);
/// Speakers that are tried; in a large cluster a sample tells as much.
const SPEAKERS_MAX: usize = 32;
/// Speakers that are named.
const NAMED_MAX: usize = 4;

/// A speaker on another node.
struct Other {
    pod: String,
    node: String,
    address: IpAddr,
}

pub(super) async fn check(network: &Network, survey: Result<&Survey, &str>, args: &DoctorArgs) -> Check {
    let others = match others(network, survey) {
        Ok(others) => others,
        Err(why) => return line(Outcome::NotChecked, why),
    };
    // Only who has the key of an encrypted ring is answered over UDP.
    let key = match args.gossip_key.read() {
        Ok(key) => key,
        Err(error) => return line(Outcome::NotChecked, format!("{error:#}")),
    };
    let (mut closed, mut deaf) = (Vec::new(), Vec::new());
    for other in &others {
        let address = SocketAddr::new(other.address, args.ml_bindport);
        if let Err(why) = connect(address).await {
            closed.push(format!("`{}` at {address} ({why})", other.pod));
        } else if !answers(address, &other.node, key.as_ref()).await {
            deaf.push(format!("`{}` at {address}", other.pod));
        }
    }
    let (port, tried) = (args.ml_bindport, others.len());
    if !closed.is_empty() {
        return complaint(port, "TCP", &closed, tried);
    }
    match (deaf.len(), &key) {
        (0, _) => line(
            Outcome::Ok,
            format!("port {port} of {tried} other speaker(s) answers over TCP and UDP"),
        ),
        (_, Some(_)) => complaint(port, "UDP", &deaf, tried),
        (_, None) => line(
            Outcome::Ok,
            format!(
                "TCP port {port} of {tried} other speaker(s) takes connections; UDP is not shown: an encrypted ring answers only \
                 who has its key, so name it with --ml-secret-key-path, or run this in the pod of a speaker"
            ),
        ),
    }
}

fn line(result: Outcome, message: String) -> Check {
    Check::new(Area::Node, NAME, result, message)
}

fn complaint(port: u16, protocol: &str, closed: &[String], tried: usize) -> Check {
    let result = if closed.len() == tried {
        Outcome::Failed
    } else {
        Outcome::Warning
    };
    let message = format!(
        "{protocol} port {port} is closed towards {} of {tried} speakers: {}; open it, TCP and UDP, between the nodes, or both \
         sides may announce",
        closed.len(),
        closed
            .iter()
            .take(NAMED_MAX)
            .cloned()
            .collect::<Vec<_>>()
            .join(", ")
    );
    line(result, message)
}

async fn connect(address: SocketAddr) -> Result<(), String> {
    match tokio::time::timeout(TIMEOUT, TcpStream::connect(address)).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("no answer within {} s", TIMEOUT.as_secs())),
    }
}

async fn answers(address: SocketAddr, node: &str, key: Option<&GossipKey>) -> bool {
    let asked = ring::ping(address, node, key.map(|key| &key.0)).await;
    asked.unwrap_or(false)
}

/// Speakers on other nodes that have an address, or why they are not known.
fn others(network: &Network, survey: Result<&Survey, &str>) -> Result<Vec<Other>, String> {
    let unknown = |why: &str| format!("the other speakers are not known: {why}");
    let survey = survey.map_err(unknown)?;
    if let Some(why) = survey.unreadable.get(Pod::PLURAL) {
        return Err(unknown(why));
    }
    let speakers = survey
        .objects
        .iter()
        .filter(|object| object["kind"] == Pod::KIND && component_of(object) == Some(Process::Speaker));
    let others: Vec<Other> = speakers
        .filter_map(other)
        .filter(|other| other.node != network.node.as_str())
        .take(SPEAKERS_MAX)
        .collect();
    if others.is_empty() {
        return Err("there is no pod of another speaker".to_owned());
    }
    Ok(others)
}

fn other(pod: &Value) -> Option<Other> {
    Some(Other {
        pod: pod["metadata"]["name"].as_str()?.to_owned(),
        node: pod["spec"]["nodeName"].as_str().unwrap_or_default().to_owned(),
        address: pod["status"]["podIP"].as_str()?.parse().ok()?,
    })
}
