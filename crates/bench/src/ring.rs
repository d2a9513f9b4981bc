//! Speakers in one ring, all on the interface of one namespace: what their kernels have in common does not matter here.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use ferrolb_netio::Namespace;
use ferrolb_tests_netns::wait::unix_time;
use ferrolb_types::{IpFamily, IpNet, Ipv4Net};

use crate::cluster::Cluster;
use crate::program::Program;
use crate::report::{Unit, measure, measure_all, say};
use crate::speaker::{INTERFACE, PREFIX_LENGTH, cable};
use crate::wire::Wire;
use crate::{Distribution, objects};

const STARTS: u32 = 21;
const NODES: u32 = 3;
const RING_OF_FIVE: u32 = 5;
const ADDRESSES: u32 = 100;
/// Frames of one burst: eight rounds of two.
const BURST_FRAMES: usize = 16;
/// Longer than the pauses within a burst.
const QUIET: Duration = Duration::from_secs(2);
/// Longer than a burst.
const LISTEN: Duration = Duration::from_secs(7);
/// Hundred times what an idle machine needs.
const PATIENCE: Duration = Duration::from_secs(60);

/// Killed and started again in a ring with another speaker: until its own address is announced.
pub(crate) fn starts_in_a_running_ring() -> Result<()> {
    let mut ring = Ring::new(2, 1, |n| {
        if n == 0 {
            objects::node(n)
        } else {
            objects::bystander(n)
        }
    })?;
    let other = ring.start(1)?;
    other.wait_for_log("everything is known")?;
    let address = objects::address(IpFamily::V4, 0);
    let mut times = Vec::new();
    for _ in 0..STARTS {
        // What the one before has said.
        ring.wire.listen(Duration::ZERO, |_| {})?;
        let begin = unix_time();
        let mut speaker = ring.start(0)?;
        let first = ring
            .wire
            .wait_for(PATIENCE, |said| said.is_gratuitous() && said.address == address)?;
        speaker.check()?;
        speaker.wait_for_log("the ring is joined")?;
        times.push(first.context("nothing is announced")?.saturating_sub(begin));
    }
    let times = Distribution::of(times).context("no speaker was started")?;
    measure_all("speaker/start-to-frame", &times, Unit::Milliseconds);
    Ok(())
}

/// One speaker of three is killed: which addresses the others announce.
pub(crate) fn announces_after_a_death_what_has_moved() -> Result<()> {
    let mut ring = Ring::new(NODES, ADDRESSES, objects::node)?;
    let mut speakers = (0..NODES).map(|n| ring.start(n)).collect::<Result<Vec<_>>>()?;
    ring.wait_until_quiet()?;
    let lost = speakers.remove(0);
    let own: Vec<IpAddr> = (0..ADDRESSES)
        .map(|n| objects::address(IpFamily::V4, n))
        .collect();
    drop(lost);
    let mut frames: HashMap<IpAddr, usize> = HashMap::new();
    ring.wire.listen(LISTEN, |said| {
        if said.is_gratuitous() && own.contains(&said.address) {
            *frames.entry(said.address).or_default() += 1;
        }
    })?;
    // Whoever has moved is announced by a whole burst.
    let moved = frames.values().filter(|count| **count >= BURST_FRAMES).count();
    let other: usize = frames.values().filter(|count| **count < BURST_FRAMES).sum();
    say(format_args!(
        "  {moved} of {ADDRESSES} addresses are announced anew, with {:?} frames",
        frames.values().sum::<usize>()
    ));
    ensure!(moved > 0, "nobody takes the addresses over");
    measure("l2/failover-moved", moved, "addresses");
    measure("l2/failover-other-frames", other, "frames");
    speakers.into_iter().try_for_each(Program::stop)
}

/// Of five speakers one after another is killed, started again, asked to leave and started again: how long its addresses
/// wait for their next owner, and whether it claims addresses of others when it comes back.
pub(crate) fn takes_over_from_the_dead_and_the_leaving() -> Result<()> {
    let mut ring = Ring::new(RING_OF_FIVE, ADDRESSES, objects::node)?;
    let mut speakers = (0..RING_OF_FIVE)
        .map(|n| ring.start(n).map(Some))
        .collect::<Result<Vec<_>>>()?;
    ring.wait_until_quiet()?;
    let (mut deaths, mut leaves, mut claims) = (Vec::new(), Vec::new(), 0);
    for (speaker, number) in speakers.iter_mut().zip(0..) {
        let killed = unix_time();
        drop(speaker.take());
        let moved = ring.announced_until_quiet()?;
        deaths.push(moved.first_since(killed)?);
        let returned = ring.start(number)?;
        let back = ring.announced_until_quiet()?;
        claims += back.addresses.difference(&moved.addresses).count();
        let asked = unix_time();
        returned.stop()?;
        leaves.push(ring.announced_until_quiet()?.first_since(asked)?);
        *speaker = Some(ring.start(number)?);
        claims += ring
            .announced_until_quiet()?
            .addresses
            .difference(&moved.addresses)
            .count();
        say(format_args!(
            "  {} of {RING_OF_FIVE} speakers killed and asked to leave",
            number + 1
        ));
    }
    let deaths = Distribution::of(deaths).context("no speaker was killed")?;
    let leaves = Distribution::of(leaves).context("no speaker was asked to leave")?;
    measure_all("l2/failover", &deaths, Unit::Milliseconds);
    measure_all("l2/leave", &leaves, Unit::Milliseconds);
    measure("l2/restart-claims", claims, "addresses");
    speakers.into_iter().flatten().try_for_each(Program::stop)
}

/// What was announced, and when the first of it came.
struct Announced {
    addresses: BTreeSet<IpAddr>,
    first: Option<Duration>,
}

impl Announced {
    fn first_since(&self, begin: Duration) -> Result<Duration> {
        let first = self.first.context("nobody takes the addresses over")?;
        Ok(first.saturating_sub(begin))
    }
}

/// An API server, and a namespace with the addresses of all nodes.
struct Ring {
    node: Namespace,
    cluster: Cluster,
    wire: Wire,
}

impl Ring {
    /// No speaker runs yet.
    fn new(nodes: u32, addresses: u32, node: impl Fn(u32) -> serde_json::Value) -> Result<Self> {
        let (namespace, wire) = cable()?;
        for number in 1..nodes {
            let address = Ipv4Net::new(objects::node_address(number), PREFIX_LENGTH)?;
            namespace.add_address(INTERFACE, IpNet::V4(address))?;
        }
        let cluster = Cluster::start(&namespace)?;
        cluster.api.create(objects::advertisement())?;
        cluster.fill("Nodes created", nodes, node)?;
        (0..nodes).try_for_each(|n| cluster.run_pod(objects::speaker_pod(n)))?;
        cluster.fill("Services created", addresses, |n| {
            objects::service(&objects::name(n))
        })?;
        cluster.fill("EndpointSlices created", addresses, objects::slice)?;
        (0..addresses).try_for_each(|n| cluster.assign(n, objects::address(IpFamily::V4, n)))?;
        Ok(Self {
            node: namespace,
            cluster,
            wire,
        })
    }

    /// Starts the speaker of a node.
    fn start(&self, number: u32) -> Result<Program> {
        let (name, own) = (
            objects::node_name(number),
            objects::node_address(number).to_string(),
        );
        let ring = [
            "--ml-labels",
            objects::SPEAKER_LABEL,
            "--ml-bindaddr",
            own.as_str(),
        ];
        let others = ["--port=0", "--health-probe-port=0", "--announce-refresh=0"];
        let arguments = [&["speaker", "--node-name", name.as_str()], &ring[..], &others[..]].concat();
        Program::start(&self.node, self.cluster.kubeconfig(), &arguments)
    }

    /// Listens until nothing was announced for two seconds, which is longer than a burst pauses.
    fn announced_until_quiet(&mut self) -> Result<Announced> {
        let (mut addresses, mut first) = (BTreeSet::new(), None);
        let mut patience = PATIENCE;
        while let Some((at, said)) = self.wire.next(patience)? {
            if said.is_gratuitous() {
                first = first.or(Some(at));
                addresses.insert(said.address);
                patience = QUIET;
            }
        }
        Ok(Announced { addresses, first })
    }

    /// Waits until every address was announced, and then nothing for two seconds.
    fn wait_until_quiet(&mut self) -> Result<()> {
        for frame in 0..ADDRESSES as usize * BURST_FRAMES {
            let said = self.wire.next(PATIENCE)?;
            said.with_context(|| format!("only {frame} frames at the start"))?;
        }
        while self.wire.next(QUIET)?.is_some() {}
        Ok(())
    }
}
