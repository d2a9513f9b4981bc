//! A speaker on a node, seen from a client at the other end of a cable.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, ensure};
use ferrolb_driver::clock::Stopwatch;
use ferrolb_netio::{Namespace, VethEnd};
use ferrolb_tests_netns::wait::unix_time;
use ferrolb_types::{IpFamily, IpNet, Ipv4Net, MacAddr};

use crate::cluster::Cluster;
use crate::program::Program;
use crate::report::{Progress, Unit, measure, measure_all, say};
use crate::wire::{Client, Wire};
use crate::{Distribution, objects};

/// Both ends of the cable.
pub(crate) const INTERFACE: &str = "eth0";
const NODE_MAC: MacAddr = MacAddr([2, 0, 0, 0, 0, 1]);
const NODE: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const CLIENT: Client = Client {
    mac: MacAddr([2, 0, 0, 0, 0, 2]),
    ipv4: Ipv4Addr::new(192, 0, 2, 200),
    link_local: Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0x00ff, 0xfe00, 2),
};
pub(crate) const PREFIX_LENGTH: u8 = 24;

const QUESTIONS: u32 = 10_000;
const ANNOUNCEMENTS: u32 = 200;
/// Between two announcements that are measured: they are not about the throughput.
const PAUSE: Duration = Duration::from_millis(20);
/// No write for so long: there is none to come.
const SILENCE: Duration = Duration::from_secs(2);
/// Hundred times what an idle machine needs.
const PATIENCE: Duration = Duration::from_secs(120);

/// Frames of a storm, and how many a second.
const STORM: u32 = 300_000;
const STORM_PER_SECOND: u32 = 100_000;
/// One question of so many in a storm is for a held address.
const OURS: u32 = 100;
/// Services that change each second while questions are asked, and how many take turns.
const CHANGES_PER_SECOND: u32 = 1_000;
const CHANGING: u32 = 1_000;
/// Changes of EndpointSlices whose Service is no load balancer's.
const FOREIGN_CHANGES: u32 = 10_000;
/// How many of them wait for the speaker at most.
const FOREIGN_BATCH: u32 = 500;

/// The kernel's answers for its own address, then the speaker's for one that it holds.
pub(crate) fn answers_arp_for_one_address() -> Result<()> {
    let mut scene = Scene::new(IpFamily::V4, 1, 0)?;
    let kernel = scene.ask(|_| NODE.into())?;
    measure_all("l2/arp-answer-of-the-kernel", &kernel, Unit::Microseconds);
    let held = scene.address(0);
    let speaker = scene.ask(|_| held)?;
    measure_all("l2/arp-answer", &speaker, Unit::Microseconds);
    scene.speaker.stop()
}

/// From the change of a status in the API server to the first frame; then what it does about EndpointSlices of others.
pub(crate) fn announces_beside_a_thousand_addresses() -> Result<()> {
    let mut scene = Scene::new(IpFamily::V4, 1_000, ANNOUNCEMENTS)?;
    let times = scene.announce()?;
    measure_all("speaker/event-to-frame", &times, Unit::Milliseconds);
    scene.change_foreign_slices()?;
    scene.speaker.stop()
}

/// The same and its memory with 10,000 Services and EndpointSlices of ten endpoints: once all are announced, the most that its
/// start took, and the most from then on, whatever it is asked and told.
pub(crate) fn holds_ten_thousand_addresses() -> Result<()> {
    let mut scene = Scene::new(IpFamily::V4, 10_000, ANNOUNCEMENTS)?;
    measure("speaker/resident", scene.speaker.resident_mib()?, "MiB");
    measure("speaker/resident-peak", scene.speaker.peak_mib()?, "MiB");
    scene.speaker.forget_peak()?;
    measure("speaker/cpu", scene.speaker.cpu_seconds()?, "s");
    scene.ask_and_storm("arp")?;
    let times = scene.announce()?;
    measure_all("speaker/event-to-frame-of-10k", &times, Unit::Milliseconds);
    scene.ask_while_busy("arp")?;
    measure("speaker/resident-after", scene.speaker.resident_mib()?, "MiB");
    measure("speaker/resident-highest", scene.speaker.peak_mib()?, "MiB");
    scene.speaker.stop()
}

/// Answers by Neighbor Discovery.
pub(crate) fn holds_ten_thousand_ipv6_addresses() -> Result<()> {
    let mut scene = Scene::new(IpFamily::V6, 10_000, 0)?;
    scene.ask_and_storm("ndp")?;
    scene.ask_while_busy("ndp")?;
    scene.speaker.stop()
}

/// A node with a speaker that announces addresses, and a client.
struct Scene {
    speaker: Program,
    node: Namespace,
    cluster: Cluster,
    wire: Wire,
    family: IpFamily,
    held: u32,
}

impl Scene {
    /// `held` Services with addresses of `family`, all announced and their bursts over, and `spare` Services without.
    fn new(family: IpFamily, held: u32, spare: u32) -> Result<Self> {
        let (node, wire) = cable()?;
        let cluster = Cluster::start(&node)?;
        cluster.api.create(objects::advertisement())?;
        cluster.api.create(objects::node(0))?;
        cluster.fill("Nodes created", objects::NODES - 1, |n| objects::bystander(n + 1))?;
        let all = held + spare;
        cluster.fill("Services created", all, |n| objects::service(&objects::name(n)))?;
        cluster.fill("EndpointSlices created", all, objects::slice)?;
        (0..held).try_for_each(|number| cluster.assign(number, objects::address(family, number)))?;
        // What is measured is how fast the speaker is, not how long it asks before the first use of an address.
        let arguments = [
            "speaker",
            "--node-name",
            &objects::node_name(0),
            "--conflict-probe=off",
        ];
        let mut speaker = Program::start(&node, cluster.kubeconfig(), &arguments)?;
        speaker.wait_until_ready(&node)?;
        let mut scene = Self {
            speaker,
            node,
            cluster,
            wire,
            family,
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
            self.wire.listen(Duration::from_secs(2), |said| {
                frames += 1;
                if said.is_gratuitous() {
                    heard.insert(said.address);
                }
            })?;
            progress.at(heard.len());
        }
        Ok(())
    }

    fn address(&self, number: u32) -> IpAddr {
        objects::address(self.family, number)
    }

    /// A held address that stays, another one for each question.
    fn some_address(&self, question: u32) -> IpAddr {
        self.address(question * 7919 % (self.held - CHANGING))
    }

    /// One question after another.
    fn ask(&mut self, target: impl Fn(u32) -> IpAddr) -> Result<Distribution> {
        let mut progress = Progress::new("questions answered", QUESTIONS as usize);
        let times = (0..QUESTIONS).map(|question| {
            progress.at(question as usize);
            self.wire.ask(target(question))
        });
        Distribution::of(times.collect::<Result<_>>()?).context("no question was asked")
    }

    /// Quiet, then in a storm of questions for the addresses of others.
    fn ask_and_storm(&mut self, protocol: &str) -> Result<()> {
        let targets = self.targets();
        let quiet = self.ask(|question| targets[question as usize])?;
        measure_all(
            &format!("l2/{protocol}-answer-of-10k"),
            &quiet,
            Unit::Microseconds,
        );
        self.storm(protocol)
    }

    fn targets(&self) -> Vec<IpAddr> {
        (0..QUESTIONS)
            .map(|question| self.some_address(question))
            .collect()
    }

    /// While Services exchange their addresses, each of which is probed for and announced.
    fn ask_while_busy(&mut self, protocol: &str) -> Result<()> {
        let (targets, done) = (self.targets(), AtomicBool::new(false));
        let (cluster, wire, family, first) =
            (&self.cluster, &mut self.wire, self.family, self.held - CHANGING);
        let (times, rate) = std::thread::scope(|scope| {
            let changing = scope.spawn(|| {
                at_rate(CHANGES_PER_SECOND, &done, |turn| {
                    let number = first + turn % CHANGING;
                    let other = number + (turn / CHANGING % 2 + 1) * 2 * self.held;
                    cluster.assign(number, objects::address(family, other))
                })
            });
            let times: Result<Vec<_>> = targets.iter().map(|target| wire.ask(*target)).collect();
            done.store(true, Ordering::Relaxed);
            let rate = changing
                .join()
                .map_err(|_| anyhow!("the thread that changes Services panicked"))?;
            anyhow::Ok((times?, rate?))
        })?;
        let times = Distribution::of(times).context("no question was asked")?;
        measure_all(
            &format!("l2/{protocol}-answer-while-busy"),
            &times,
            Unit::Milliseconds,
        );
        measure(&format!("l2/{protocol}-changes-while-busy"), rate, "changes/s");
        Ok(())
    }

    /// Questions for addresses between the held ones, and now and then for a held one.
    fn storm(&mut self, protocol: &str) -> Result<()> {
        let client = *self.wire.client();
        let ours: Vec<_> = (0..STORM / OURS)
            .map(|n| client.question(self.some_address(n)))
            .collect();
        let foreign: Vec<_> = (0..self.held)
            .map(|n| client.question(objects::neighbour(self.address(n))))
            .collect();
        let before = self.speaker.cpu_seconds()?;
        let (sent, answers) = self
            .wire
            .storm(STORM, STORM_PER_SECOND, |number| match number % OURS {
                0 => &ours[(number / OURS) as usize],
                _ => &foreign[number as usize % foreign.len()],
            })?;
        let used = self.speaker.cpu_seconds()? - before;
        say(format_args!(
            "  {sent:?}, {answers} of {} answered, {used:.2} s of processor time",
            ours.len()
        ));
        measure(
            &format!("l2/{protocol}-storm-rate"),
            sent.per_second(),
            "frames/s",
        );
        measure(
            &format!("l2/{protocol}-storm-core"),
            100.0 * used / sent.took.as_secs_f64(),
            "%",
        );
        measure(
            &format!("l2/{protocol}-storm-lost"),
            STORM / OURS - answers,
            "answers",
        );
        Ok(())
    }

    /// Endpoints of Services without a load balancer move, and nothing follows from it. Counts what the speaker writes
    /// meanwhile, and the processor time that one such change costs, from the API server's line on.
    fn change_foreign_slices(&mut self) -> Result<()> {
        let number = self.held + ANNOUNCEMENTS;
        let name = objects::name(number);
        self.cluster.api.create(objects::internal_service(&name))?;
        self.cluster.api.create(objects::slice(number))?;
        let path = format!(
            "/apis/discovery.k8s.io/v1/namespaces/{}/endpointslices/{name}-x7k2p",
            objects::NAMESPACE
        );
        self.wait_until_silent()?;
        let (writes, cpu) = (self.cluster.api.writes().len(), self.speaker.cpu_seconds()?);
        let before = self.updates()?;
        for change in 1..=FOREIGN_CHANGES {
            let patch = objects::moved_endpoints(number, change % 50);
            self.cluster.patch(&path, &patch)?;
            if change % FOREIGN_BATCH == 0 {
                self.wait_for_updates(before + f64::from(change))?;
            }
        }
        let cpu = (self.speaker.cpu_seconds()? - cpu) * 1e6 / f64::from(FOREIGN_CHANGES);
        // The patches are requests to the same API server.
        let writes = self.cluster.api.writes().len() - writes - FOREIGN_CHANGES as usize;
        measure("speaker/foreign-slice-writes", writes as f64, "writes");
        measure("speaker/foreign-slice-cpu", cpu, "us");
        Ok(())
    }

    /// What was written about earlier changes, events among it, is written.
    fn wait_until_silent(&mut self) -> Result<()> {
        let (waiting, mut known) = (Stopwatch::start(), usize::MAX);
        while known != self.cluster.api.writes().len() {
            ensure!(waiting.elapsed() < PATIENCE, "the speaker does not stop writing");
            known = self.cluster.api.writes().len();
            self.wire.listen(SILENCE, |_| {})?;
        }
        Ok(())
    }

    /// How many changes of objects the speaker has taken in.
    fn updates(&self) -> Result<f64> {
        self.speaker
            .metric(&self.node, "metallb_k8s_client_updates_total")
    }

    fn wait_for_updates(&mut self, count: f64) -> Result<()> {
        let waiting = Stopwatch::start();
        while self.updates()? < count {
            ensure!(
                waiting.elapsed() < PATIENCE,
                "the speaker does not hear of changed EndpointSlices"
            );
            self.speaker.check()?;
            self.wire.listen(PAUSE, |_| {})?;
        }
        Ok(())
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
        let address = self.address(number);
        let changed = unix_time();
        self.cluster.assign(number, address)?;
        let first = self
            .wire
            .wait_for(PATIENCE, |said| said.is_gratuitous() && said.address == address)?;
        Ok(first
            .with_context(|| format!("{address} is not announced"))?
            .saturating_sub(changed))
    }
}

/// Does `change` with 0, 1, … at most `per_second` until `done`; returns the rate that was reached.
fn at_rate(per_second: u32, done: &AtomicBool, mut change: impl FnMut(u32) -> Result<()>) -> Result<f64> {
    let (begin, mut count) = (Stopwatch::start(), 0);
    while !done.load(Ordering::Relaxed) {
        if f64::from(count) < begin.elapsed().as_secs_f64() * f64::from(per_second) {
            change(count)?;
            count += 1;
        } else {
            std::thread::yield_now();
        }
    }
    Ok(f64::from(count) / begin.elapsed().as_secs_f64())
}

/// The node's namespace, and what the client hears at the other end of its cable.
pub(crate) fn cable() -> Result<(Namespace, Wire)> {
    let (node, client) = (Namespace::new()?, Namespace::new()?);
    let end = |namespace, mac| VethEnd {
        namespace,
        name: INTERFACE,
        mac: Some(mac),
    };
    Namespace::create_veth(end(&node, NODE_MAC), end(&client, CLIENT.mac))?;
    node.add_address(INTERFACE, IpNet::V4(Ipv4Net::new(NODE, PREFIX_LENGTH)?))?;
    // The socket keeps the client's namespace; its kernel has no address, so that it does not answer itself.
    let wire = Wire::open(&client, INTERFACE, CLIENT)?;
    Ok((node, wire))
}
