//! What most tests begin with: nodes with speakers, a client, and a way to prove that nobody answers.
//!
//! Each node holds *marker* addresses that no other node may announce. A speaker handles questions in the order in which
//! they come, so when it has answered for a marker, it has answered everything that was asked before, or never will.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::net::IpAddr;

use anyhow::{Context, ensure};
use ferrolb_speaker::Config;
use ferrolb_tests_netns::frame::{Arp, Solicitation};
use ferrolb_tests_netns::heard::{answer_of, claim_of};
use ferrolb_tests_netns::kubernetes::{advertisement, node, pool, selecting, service};
use ferrolb_tests_netns::{
    Capture, Host, Kubernetes, RunningSpeaker, Segment, SegmentBuilder, speaker, wait,
};
use ferrolb_types::{IpFamily, MacAddr};
use serde_json::json;

/// The pool and the advertisement that tests work with.
pub(crate) const LAN: &str = "lan";
/// Addresses of that pool.
pub(crate) const V4: &str = "10.77.0.100";
pub(crate) const V6: &str = "fd77::100";

pub(crate) struct Scene {
    pub(crate) segment: Segment,
    pub(crate) kubernetes: Kubernetes,
    /// What the client hears.
    pub(crate) heard: Capture,
    /// By node; dropped before the segment's namespaces.
    speakers: BTreeMap<String, RunningSpeaker>,
    /// How many markers each node has by now.
    markers: Cell<u8>,
}

impl Scene {
    /// Speakers on the nodes `names`, everything announced from everywhere.
    pub(crate) fn new(names: &[&str]) -> anyhow::Result<Self> {
        Self::build(SegmentBuilder::default(), names)
    }

    pub(crate) fn build(segment: SegmentBuilder, names: &[&str]) -> anyhow::Result<Self> {
        let segment = segment.build(&[names, &["client"]].concat())?;
        let mut scene = Self {
            heard: Capture::start(segment.host("client"))?,
            segment,
            kubernetes: Kubernetes::new()?,
            speakers: BTreeMap::new(),
            markers: Cell::new(0),
        };
        let kubernetes = &scene.kubernetes;
        kubernetes.apply(pool(LAN, &["10.77.0.100-10.77.0.199", "fd77::100-fd77::199"]))?;
        kubernetes.apply(advertisement(LAN, json!({ "ipAddressPools": [LAN] })))?;
        for (name, number) in names.iter().zip(1..) {
            kubernetes.apply(node(name))?;
            let ranges = [IpFamily::V4, IpFamily::V6]
                .map(|family| format!("{}-{}", marker(number, 1, family), marker(number, 9, family)));
            let spec = json!({ "ipAddressPools": [marker_name(name)], "nodeSelectors": selecting(name) });
            kubernetes.apply(pool(&marker_name(name), &ranges.each_ref().map(String::as_str)))?;
            kubernetes.apply(advertisement(&marker_name(name), spec))?;
        }
        for name in names {
            scene.start_speaker(name)?;
        }
        scene.settle()?;
        Ok(scene)
    }

    /// Starts the speaker on the node `name`.
    pub(crate) fn start_speaker(&mut self, name: &str) -> anyhow::Result<()> {
        self.start_speaker_with(name, speaker::config(self.segment.host(name)))
    }

    /// Starts the speaker on the node `name` with other settings.
    pub(crate) fn start_speaker_with(&mut self, name: &str, config: Config) -> anyhow::Result<()> {
        let host = self.segment.host(name);
        let running = RunningSpeaker::start(host, self.kubernetes.api(), config)?;
        self.speakers.insert(name.to_owned(), running);
        Ok(())
    }

    /// Stops the speaker on the node `name`, whose markers are gone with it.
    pub(crate) fn stop_speaker(&mut self, name: &str) -> anyhow::Result<()> {
        let running = self
            .speakers
            .remove(name)
            .context("the scene was built with this node")?;
        running.stop()
    }

    /// The speaker on the node `name`.
    #[track_caller]
    pub(crate) fn speaker(&self, name: &str) -> &RunningSpeaker {
        self.speakers
            .get(name)
            .expect("the scene was built with this node")
    }

    pub(crate) fn client(&self) -> &Host {
        self.segment.host("client")
    }

    fn nodes(&self) -> Vec<&str> {
        self.speakers.keys().map(String::as_str).collect()
    }

    /// Creates a Service that has `addresses` and an endpoint on each node, and waits until they are announced.
    pub(crate) fn announce(&self, name: &str, addresses: &[&str]) -> anyhow::Result<()> {
        self.announce_from(name, &self.nodes(), addresses)
    }

    fn announce_from(&self, name: &str, nodes: &[&str], addresses: &[&str]) -> anyhow::Result<()> {
        let before = self.heard.len();
        self.kubernetes.apply_service(service(name), nodes, addresses)?;
        for address in addresses {
            self.wait_for_claim(before, address.parse()?)?;
        }
        Ok(())
    }

    /// Waits until the client has heard a gratuitous frame about `address` beside the first `before` frames; returns
    /// whose it was.
    pub(crate) fn wait_for_claim(&self, before: usize, address: IpAddr) -> anyhow::Result<MacAddr> {
        wait::until(&format!("{address} to be announced"), || {
            let claims = self.heard.select_after(before, claim_of(address));
            Ok(claims.first().map(|(_, said)| said.mac))
        })
    }

    /// Gives each node one more marker and waits until it is announced. Everything that the nodes' layer 2 threads were
    /// told before is done by then.
    pub(crate) fn settle(&self) -> anyhow::Result<()> {
        let serial = self.markers.get() + 1;
        self.markers.set(serial);
        for (node, number) in self.nodes().into_iter().zip(1..) {
            let addresses = [IpFamily::V4, IpFamily::V6].map(|family| marker(number, serial, family));
            let name = format!("{}-{serial}", marker_name(node));
            self.announce_from(&name, &[node], &addresses.each_ref().map(String::as_str))?;
        }
        Ok(())
    }

    /// Has the client ask who has `address`.
    pub(crate) fn ask(&self, address: IpAddr) -> anyhow::Result<()> {
        ask(self.client(), address)
    }

    /// Everyone who answers the client's question for `address`.
    pub(crate) fn who_has(&self, address: IpAddr) -> anyhow::Result<Vec<MacAddr>> {
        let before = self.heard.len();
        self.ask(address)?;
        let family = IpFamily::of(address);
        for (node, number) in self.nodes().into_iter().zip(1..) {
            let marker = marker(number, self.markers.get(), family).parse()?;
            let by = self.wait_for_answer_after(before, marker)?;
            ensure!(
                by == self.segment.host(node).mac,
                "{by} answers for the marker of {node}"
            );
        }
        let answers = self
            .heard
            .select_after(before, answer_of(address, self.client().mac));
        Ok(answers.into_iter().map(|(_, said)| said.mac).collect())
    }

    /// Asks for `address` again and again until somebody answers; returns who.
    pub(crate) fn wait_for_answer(&self, address: IpAddr) -> anyhow::Result<MacAddr> {
        self.wait_for_answer_after(self.heard.len(), address)
    }

    fn wait_for_answer_after(&self, before: usize, address: IpAddr) -> anyhow::Result<MacAddr> {
        wait::until(&format!("an answer for {address}"), || {
            self.ask(address)?;
            let answers = self
                .heard
                .select_after(before, answer_of(address, self.client().mac));
            Ok(answers.first().map(|(_, said)| said.mac))
        })
    }

    /// That the node `name` and nobody else answers for each of `addresses`.
    pub(crate) fn ensure_answered_by(&self, name: &str, addresses: &[&str]) -> anyhow::Result<()> {
        let mac = self.segment.host(name).mac;
        for address in addresses {
            let who = self.who_has(address.parse()?)?;
            ensure!(who == [mac], "{who:?} answer for {address}, not {name} alone");
        }
        Ok(())
    }

    /// That nobody answers for any of `addresses`.
    pub(crate) fn ensure_silent(&self, addresses: &[&str]) -> anyhow::Result<()> {
        for address in addresses {
            let who = self.who_has(address.parse()?)?;
            ensure!(who.is_empty(), "{who:?} answer for {address}");
        }
        Ok(())
    }

    /// The node whose `eth0` has the hardware address `mac`.
    pub(crate) fn node_with(&self, mac: MacAddr) -> anyhow::Result<&Host> {
        let found = self.segment.hosts().iter().find(|host| host.mac == mac);
        found.with_context(|| format!("{mac} is no host of the segment"))
    }
}

/// Has `host` ask who has `address`, as its kernel would: with a broadcast or to the solicited-node group.
pub(crate) fn ask(host: &Host, address: IpAddr) -> anyhow::Result<()> {
    match address {
        IpAddr::V4(v4) => host.send_frame(&Arp::request(host.mac, host.ipv4, v4).to_bytes()),
        IpAddr::V6(v6) => host.send_frame(&Solicitation::multicast(host.mac, host.link_local, v6).to_bytes()),
    }
}

fn marker_name(node: &str) -> String {
    format!("marker-{node}")
}

/// The address of a node's marker; the digits after the last separator are the same for both families.
fn marker(node_number: u8, serial: u8, family: IpFamily) -> String {
    let last = 200 + 10 * node_number + serial;
    match family {
        IpFamily::V4 => format!("10.77.0.{last}"),
        IpFamily::V6 => format!("fd77::{last}"),
    }
}
