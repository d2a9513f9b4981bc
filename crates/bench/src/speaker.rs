//! A speaker on a node, seen from a client at the other end of a cable.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use ferrolb_driver::clock::Stopwatch;
use ferrolb_netio::{Namespace, VethEnd};
use ferrolb_tests_netns::wait::unix_time;
use ferrolb_types::{IpNet, Ipv4Net, MacAddr};

use crate::cluster::Cluster;
use crate::program::Program;
use crate::report::{Progress, Unit, measure, measure_all};
use crate::wire::{Wire, is_gratuitous};
use crate::{Distribution, objects};

/// Both ends of the cable.
const INTERFACE: &str = "eth0";
const NODE_MAC: MacAddr = MacAddr([2, 0, 0, 0, 0, 1]);
const NODE: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const CLIENT_MAC: MacAddr = MacAddr([2, 0, 0, 0, 0, 2]);
const CLIENT: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);
const PREFIX_LENGTH: u8 = 24;

const QUESTIONS: u32 = 10_000;
const ANNOUNCEMENTS: u32 = 200;
/// Between two announcements that are measured: they are not about the throughput.
const PAUSE: Duration = Duration::from_millis(20);
/// Hundred times what an idle machine needs.
const PATIENCE: Duration = Duration::from_secs(120);

/// The kernel's answers for its own address, then the speaker's for one that it holds.
pub(crate) fn answers_arp_for_one_address() -> Result<()> {
    let mut scene = Scene::new(1, 0)?;
    let kernel = scene.ask(|_| NODE)?;
    measure_all("l2/arp-answer-of-the-kernel", &kernel, Unit::Microseconds);
    let speaker = scene.ask(|_| objects::address(0))?;
    measure_all("l2/arp-answer", &speaker, Unit::Microseconds);
    scene.speaker.stop()
}

/// From the change of a status in the API server to the first frame.
pub(crate) fn announces_beside_a_thousand_addresses() -> Result<()> {
    let mut scene = Scene::new(1_000, ANNOUNCEMENTS)?;
    let times = scene.announce()?;
    measure_all("speaker/event-to-frame", &times, Unit::Milliseconds);
    scene.speaker.stop()
}

/// The same and its memory with 10,000 Services and EndpointSlices of ten endpoints.
pub(crate) fn holds_ten_thousand_addresses() -> Result<()> {
    let mut scene = Scene::new(10_000, ANNOUNCEMENTS)?;
    measure("speaker/resident", scene.speaker.resident_mib()?, "MiB");
    measure("speaker/resident-peak", scene.speaker.peak_mib()?, "MiB");
    measure("speaker/cpu", scene.speaker.cpu_seconds()?, "s");
    let answers = scene.ask(|question| objects::address(question * 7919 % 10_000))?;
    measure_all("l2/arp-answer-of-10k", &answers, Unit::Microseconds);
    let times = scene.announce()?;
    measure_all("speaker/event-to-frame-of-10k", &times, Unit::Milliseconds);
    scene.speaker.stop()
}

/// A node with a speaker that announces addresses, and a client.
struct Scene {
    speaker: Program,
    cluster: Cluster,
    wire: Wire,
    held: u32,
}

impl Scene {
    /// `held` Services with addresses, all announced and their bursts over, and `spare` Services without.
    fn new(held: u32, spare: u32) -> Result<Self> {
        let (node, wire) = cable()?;
        let cluster = Cluster::start(&node)?;
        cluster.api.create(objects::advertisement())?;
        cluster.api.create(objects::node(IpAddr::V4(NODE)))?;
        let all = held + spare;
        cluster.fill("Services created", all, |n| objects::service(&objects::name(n)))?;
        cluster.fill("EndpointSlices created", all, objects::slice)?;
        (0..held).try_for_each(|number| cluster.assign(number))?;
        let arguments = ["speaker", "--node-name", objects::NODE];
        let mut speaker = Program::start(&node, cluster.kubeconfig(), &arguments)?;
        speaker.wait_until_ready(&node)?;
        let mut scene = Self {
            speaker,
            cluster,
            wire,
            held,
        };
        scene.wait_for_announcements()?;
        Ok(scene)
    }

    /// Every address is heard of, and then far fewer than in a burst, in which each has two frames a second.
    fn wait_for_announcements(&mut self) -> Result<()> {
        let held = self.held as usize;
        let mut progress = Progress::new("addresses announced", held);
        let (waiting, mut heard) = (Stopwatch::start(), HashSet::new());
        let mut frames = usize::MAX;
        while heard.len() < held || frames > held / 4 + 1 {
            ensure!(
                waiting.elapsed() < PATIENCE,
                "only {} of {held} addresses are announced",
                heard.len()
            );
            self.speaker.check()?;
            frames = 0;
            self.wire.listen(Duration::from_secs(2), |arp| {
                frames += 1;
                if is_gratuitous(arp) {
                    heard.insert(arp.sender);
                }
            })?;
            progress.at(heard.len());
        }
        Ok(())
    }

    /// One question after another.
    fn ask(&mut self, target: impl Fn(u32) -> Ipv4Addr) -> Result<Distribution> {
        let mut progress = Progress::new("questions answered", QUESTIONS as usize);
        let times = (0..QUESTIONS).map(|question| {
            progress.at(question as usize);
            self.wire.ask(target(question))
        });
        Distribution::of(times.collect::<Result<_>>()?).context("no question was asked")
    }

    /// One Service after another gets its address.
    fn announce(&mut self) -> Result<Distribution> {
        let mut progress = Progress::new("announcements measured", ANNOUNCEMENTS as usize);
        let times = (0..ANNOUNCEMENTS).map(|n| {
            progress.at(n as usize);
            self.wire.listen(PAUSE, |_| {})?;
            self.announce_one(self.held + n)
        });
        Distribution::of(times.collect::<Result<_>>()?).context("nothing was announced")
    }

    fn announce_one(&mut self, number: u32) -> Result<Duration> {
        let address = objects::address(number);
        let changed = unix_time();
        self.cluster.assign(number)?;
        let first = self
            .wire
            .wait_for(PATIENCE, |arp| is_gratuitous(arp) && arp.sender == address)?;
        Ok(first
            .with_context(|| format!("{address} is not announced"))?
            .saturating_sub(changed))
    }
}

/// The node's namespace, and what the client hears at the other end of its cable.
fn cable() -> Result<(Namespace, Wire)> {
    let (node, client) = (Namespace::new()?, Namespace::new()?);
    let end = |namespace, mac| VethEnd {
        namespace,
        name: INTERFACE,
        mac: Some(mac),
    };
    Namespace::create_veth(end(&node, NODE_MAC), end(&client, CLIENT_MAC))?;
    node.add_address(INTERFACE, IpNet::V4(Ipv4Net::new(NODE, PREFIX_LENGTH)?))?;
    // The socket keeps the client's namespace; its kernel has no address, so that it does not answer itself.
    let wire = Wire::open(&client, INTERFACE, CLIENT_MAC, CLIENT)?;
    Ok((node, wire))
}
