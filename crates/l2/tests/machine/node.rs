//! A machine with a clock of its own, and outputs as one line of text each.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use core::time::Duration;
use std::collections::BTreeSet;

use ferrolb_api::resolved::Interfaces;
use ferrolb_l2::{AddressCounters, Claim, Config, DropReason, Input, Link, Machine, Output};
use ferrolb_types::address::solicited_node_group;
use ferrolb_types::{Instant, InterfaceIndex, InterfaceName, MacAddr};
use ferrolb_wire::ndp::{Advertisement, Message, Solicitation};
use ferrolb_wire::{arp, ipv6, ndp};

pub(crate) const ETH0: InterfaceIndex = InterfaceIndex(2);
pub(crate) const ETH1: InterfaceIndex = InterfaceIndex(3);
pub(crate) const MAC0: MacAddr = mac(0x10);
pub(crate) const MAC1: MacAddr = mac(0x11);
pub(crate) const CLIENT: MacAddr = mac(0xc1);
pub(crate) const FOREIGNER: MacAddr = mac(0xf0);

pub(crate) const V4: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 10);
pub(crate) const OTHER_V4: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 11);
pub(crate) const CLIENT_V4: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 200);
pub(crate) const V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x10);
pub(crate) const OTHER_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x11);
pub(crate) const CLIENT_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0xc1);

pub(crate) const fn mac(last: u8) -> MacAddr {
    MacAddr([2, 0, 0, 0, 0, last])
}

pub(crate) fn link(index: InterfaceIndex, name: &str, mac: MacAddr) -> Link {
    Link {
        index,
        name: name.into(),
        mac: Some(mac),
        up: true,
        carrier: true,
        carrier_ups: 1,
        broadcast: true,
        noarp: false,
        enslaved: false,
        excluded: false,
        link_local: Some(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, mac.octets()[5].into())),
    }
}

pub(crate) fn eth0() -> Link {
    link(ETH0, "eth0", MAC0)
}

pub(crate) fn eth1() -> Link {
    link(ETH1, "eth1", MAC1)
}

pub(crate) fn named(names: &[&str]) -> Interfaces {
    Interfaces::Named(names.iter().copied().map(InterfaceName::from).collect())
}

pub(crate) fn wanted(address: impl Into<IpAddr>, interfaces: Interfaces) -> Input {
    Input::AddressWanted {
        address: address.into(),
        interfaces,
        claim: Claim::TakeOver,
    }
}

/// Wanted as an address that nobody has used so far.
pub(crate) fn allocated(address: impl Into<IpAddr>) -> Input {
    Input::AddressWanted {
        address: address.into(),
        interfaces: Interfaces::All,
        claim: Claim::FirstUse,
    }
}

pub(crate) fn released(address: impl Into<IpAddr>) -> Input {
    Input::AddressReleased {
        address: address.into(),
    }
}

/// Refreshing is off, so that only what a test asks for is seen.
pub(crate) fn quiet() -> Config {
    Config {
        refresh_interval: None,
        ..Config::default()
    }
}

pub(crate) struct Node {
    pub(crate) machine: Machine,
    pub(crate) now: Instant,
}

impl Node {
    pub(crate) fn new(config: Config) -> Self {
        Self {
            machine: Machine::new(config, 1),
            now: Instant::ZERO,
        }
    }

    /// A node with `eth0` that knows no address.
    pub(crate) fn with_eth0() -> Self {
        let mut node = Self::new(quiet());
        node.tell(Input::LinkChanged(eth0()));
        node
    }

    /// A node with `eth0` and `eth1` that holds one address of each family on all interfaces, with bursts long over.
    pub(crate) fn settled() -> Self {
        let mut node = Self::with_eth0();
        node.tell(Input::LinkChanged(eth1()));
        node.tell(wanted(V4, Interfaces::All));
        node.tell(wanted(V6, Interfaces::All));
        node.run_for(Duration::from_secs(60));
        node
    }

    /// Gives one input now and a tick, if one is due then; the outputs as text.
    pub(crate) fn tell(&mut self, input: Input) -> Vec<String> {
        self.tell_all([input])
    }

    /// The same with several inputs that were there together.
    pub(crate) fn tell_all(&mut self, inputs: impl IntoIterator<Item = Input>) -> Vec<String> {
        let mut out = Vec::new();
        for input in inputs {
            self.machine.handle(self.now, input, &mut out);
        }
        if self.machine.next_deadline().is_some_and(|at| at <= self.now) {
            self.machine.handle(self.now, Input::Tick, &mut out);
        }
        out.iter().map(describe).collect()
    }

    /// Gives a tick now; the outputs as text.
    pub(crate) fn tick(&mut self) -> Vec<String> {
        let mut out = Vec::new();
        self.machine.handle(self.now, Input::Tick, &mut out);
        out.iter().map(describe).collect()
    }

    /// Gives one frame now, without timers; the outputs as text.
    pub(crate) fn hear(&mut self, interface: InterfaceIndex, frame: &[u8]) -> Vec<String> {
        let mut out = Vec::new();
        self.machine.receive(self.now, interface, frame, &mut out);
        out.iter().map(describe).collect()
    }

    /// Ticks at every deadline of the next `duration`; the outputs with the milliseconds since the start of it.
    pub(crate) fn run_for(&mut self, duration: Duration) -> Vec<(u128, String)> {
        let (start, end) = (self.now, self.now + duration);
        let mut lines = Vec::new();
        while let Some(at) = self.machine.next_deadline().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            let elapsed = (self.now - start).as_millis();
            lines.extend(self.tick().into_iter().map(|line| (elapsed, line)));
        }
        self.now = end;
        lines
    }

    pub(crate) fn wait(&mut self, duration: Duration) {
        self.now += duration;
    }

    pub(crate) fn drops(&self, reason: DropReason) -> u64 {
        self.machine.statistics().drops[&reason]
    }

    pub(crate) fn counters(&self, address: impl Into<IpAddr>) -> AddressCounters {
        self.machine.statistics().addresses[&address.into()].counters
    }
}

pub(crate) fn arp_question(target: Ipv4Addr) -> arp::Packet {
    arp::Packet::request(CLIENT, CLIENT_V4, target)
}

/// The multicast solicitation of a client for `target`.
pub(crate) fn solicitation(target: Ipv6Addr) -> ndp::Packet {
    solicitation_from(CLIENT_V6, solicited_node_group(target), target, Some(CLIENT))
}

pub(crate) fn solicitation_from(
    source: Ipv6Addr,
    destination: Ipv6Addr,
    target: Ipv6Addr,
    source_link_layer: Option<MacAddr>,
) -> ndp::Packet {
    let ip = ipv6::Header { source, destination };
    let message = Message::Solicitation(Solicitation {
        target,
        source_link_layer,
        nonce: None,
    });
    ndp::Packet::new(CLIENT, MAC0, ip, message)
}

/// An unsolicited advertisement of `target` by `mac`, sent by an interface with the MAC address `sender`.
pub(crate) fn advertisement(
    target: Ipv6Addr,
    target_link_layer: Option<MacAddr>,
    sender: MacAddr,
) -> ndp::Packet {
    let ip = ipv6::Header {
        source: target,
        destination: ipv6::ALL_NODES,
    };
    let message = Message::Advertisement(Advertisement {
        target,
        target_link_layer,
        router: false,
        solicited: false,
        overrides: true,
    });
    ndp::Packet::new(sender, MacAddr::BROADCAST, ip, message)
}

pub(crate) fn peers(macs: &[MacAddr]) -> Input {
    Input::PeersObserved(BTreeSet::from_iter(macs.iter().copied()))
}

/// One output as a line that begins with the index of its interface.
pub(crate) fn describe(output: &Output) -> String {
    match output {
        Output::OpenSocket { interface, family } => format!("{interface} open {family}"),
        Output::CloseSocket { interface, family } => format!("{interface} close {family}"),
        Output::WatchAddress { interface, address } => format!("{interface} watch {address}"),
        Output::UnwatchAddress { interface, address } => format!("{interface} unwatch {address}"),
        Output::JoinGroup { interface, group } => format!("{interface} join {group}"),
        Output::LeaveGroup { interface, group } => format!("{interface} leave {group}"),
        Output::HearAllGroups { interface, on: true } => format!("{interface} hear all groups"),
        Output::HearAllGroups { interface, on: false } => format!("{interface} hear joined groups"),
        Output::SendReport { interface, frame } => format!("{interface} report {}", describe_report(frame)),
        Output::ApplyFilter { interface } => format!("{interface} filter"),
        Output::RefineFilter { interface } => format!("{interface} exact filter"),
        Output::SendFrame { interface, frame } => format!("{interface} send {}", describe_frame(frame)),
        Output::ReportConflict {
            address,
            interface,
            mac,
            reaction,
        } => format!(
            "{interface} conflict {address} by {} {}",
            short(*mac),
            reaction.as_str()
        ),
        Output::ReportRival {
            address,
            interface,
            mac,
        } => format!("{interface} rival {address} by {}", short(*mac)),
        Output::ReportReclaimed { address, interface } => format!("{interface} reclaimed {address}"),
    }
}

fn describe_frame(frame: &[u8]) -> String {
    arp::Packet::decode(frame)
        .map(|packet| describe_arp(&packet))
        .or_else(|_| ndp::Packet::decode(frame).map(|packet| describe_ndp(&packet)))
        .unwrap()
}

/// Its kind, how many groups it is about and the first one.
fn describe_report(frame: &[u8]) -> String {
    let group = |at: usize| Ipv6Addr::from(<[u8; 16]>::try_from(&frame[at..at + 16]).unwrap());
    match frame[62] {
        131 => format!("v1 {}", group(70)),
        132 => format!("v1 done {}", group(70)),
        _ => {
            let kind = ["", "", "is", "left", "joined"][usize::from(frame[70])];
            format!(
                "{kind} {} from {}",
                u16::from_be_bytes([frame[68], frame[69]]),
                group(74)
            )
        }
    }
}

fn describe_arp(packet: &arp::Packet) -> String {
    assert_eq!(packet.ethernet.source, packet.sender_mac);
    if packet.sender_ip.is_unspecified() {
        return format!("arp probe {} by {}", packet.target_ip, short(packet.sender_mac));
    }
    let kind = match packet.operation {
        arp::Operation::Request => "request",
        arp::Operation::Reply => "reply",
    };
    let (ip, mac) = (packet.sender_ip, short(packet.sender_mac));
    let receiver = short(packet.ethernet.destination);
    format!("arp {kind} {ip} is {mac} to {receiver} {}", packet.target_ip)
}

fn describe_ndp(packet: &ndp::Packet) -> String {
    let said = match packet.message {
        Message::Advertisement(said) => said,
        Message::Solicitation(asked) => return describe_probe(packet, &asked),
    };
    assert_eq!(Some(packet.ethernet.source), said.target_link_layer);
    let flag = |set, letter| if set { letter } else { "" };
    format!(
        "na {} is {} to {} {} {}{}{} from {}",
        said.target,
        short(packet.ethernet.source),
        short(packet.ethernet.destination),
        packet.ip.destination,
        flag(said.router, "R"),
        flag(said.solicited, "S"),
        flag(said.overrides, "O"),
        packet.ip.source,
    )
}

/// A solicitation of duplicate address detection; this node sends no other.
fn describe_probe(packet: &ndp::Packet, asked: &Solicitation) -> String {
    assert!(
        packet.ip.source.is_unspecified() && asked.nonce.is_some(),
        "{packet:?}"
    );
    assert_eq!(packet.ip.destination, solicited_node_group(asked.target));
    format!("ns probe {} by {}", asked.target, short(packet.ethernet.source))
}

/// The last octet of the MAC addresses of these tests, `all` for broadcast, others in full.
fn short(mac: MacAddr) -> String {
    match mac.octets() {
        [2, 0, 0, 0, 0, last] => format!("{last:02x}"),
        _ if mac == MacAddr::BROADCAST => "all".to_owned(),
        _ => mac.to_string(),
    }
}
