//! The layer 2 machine, whose configuration, links and network do what the octets tell.

#[path = "query.rs"]
mod query;
#[path = "script.rs"]
mod script;

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use core::time::Duration;
use std::collections::BTreeSet;

use ferrolb_api::resolved::Interfaces;
use ferrolb_l2::{Claim, Config, ConflictProbe, Input, Link, Machine, Output};
use ferrolb_types::address::solicited_node_group;
use ferrolb_types::{Instant, InterfaceIndex, IpFamily, MacAddr};
use ferrolb_wire::ndp::{Advertisement, Message, Nonce, Solicitation};
use ferrolb_wire::{Frame, arp, ipv6, ndp};

use script::Script;

/// Frames of one tick, and what belongs to them.
const MOST_OUTPUTS: usize = 2_000;
/// How many groups of an interface the kernel gets at most.
const KERNEL_GROUPS: u8 = 128;
/// More IPv6 addresses with groups of their own than the kernel gets.
const CROWD: u8 = 140;

/// Panics where something does not hold.
pub(crate) fn run(data: &[u8]) {
    let mut script = Script::new(data);
    let (mut now, mut out) = (Instant::ZERO, Vec::new());
    let probe = [ConflictProbe::Off, ConflictProbe::Fast, ConflictProbe::Rfc];
    let first = script.next().unwrap_or(0);
    let config = Config {
        conflict_probe: probe[usize::from(first % 3)],
        ..Config::default()
    };
    let mut machine = Machine::new(config, 1);
    let mut host = Host::default();
    let crowd = [0, 0, KERNEL_GROUPS - 1, CROWD][usize::from(first / 3 % 4)];
    for number in 0..crowd {
        machine.handle(
            now,
            wanted(crowded(number), Interfaces::All, Claim::TakeOver),
            &mut out,
        );
    }
    while let Some(number) = script.next() {
        now += Duration::from_millis(u64::from(script.next().unwrap_or(0)) * 20);
        machine.handle(now, input(number, &mut script), &mut out);
        assert!(out.len() < MOST_OUTPUTS, "{} outputs", out.len());
        out.drain(..).for_each(|output| host.perform(&output));
    }
    let watched = |address| host.watched.iter().any(|(_, watched)| *watched == address);
    for address in (0..8).map(address).chain((0..CROWD).map(crowded)) {
        assert!(
            !watched(address) || machine.holds(address),
            "{address} is watched and not held"
        );
    }
}

/// What a driver has done. It refuses what makes no sense.
#[derive(Default)]
struct Host {
    open: BTreeSet<(InterfaceIndex, IpFamily)>,
    watched: BTreeSet<(InterfaceIndex, IpAddr)>,
    joined: BTreeSet<(InterfaceIndex, Ipv6Addr)>,
    /// Interfaces that let all groups in.
    hears_all: BTreeSet<InterfaceIndex>,
}

impl Host {
    fn perform(&mut self, output: &Output) {
        match *output {
            Output::OpenSocket { interface, family } => assert!(self.open.insert((interface, family))),
            Output::CloseSocket { interface, family } => {
                assert!(self.open.remove(&(interface, family)));
                let left = self
                    .watched
                    .iter()
                    .any(|(i, a)| *i == interface && IpFamily::of(*a) == family);
                assert!(!left, "an address is watched without a socket");
            }
            Output::WatchAddress { interface, address } => {
                assert!(self.open.contains(&(interface, IpFamily::of(address))));
                assert!(self.watched.insert((interface, address)));
            }
            Output::UnwatchAddress { interface, address } => {
                assert!(self.watched.remove(&(interface, address)));
            }
            Output::SendFrame { interface, ref frame } => {
                let family = if arp::Packet::decode(frame).is_ok() {
                    IpFamily::V4
                } else {
                    IpFamily::V6
                };
                assert!(
                    family == IpFamily::V4 || ndp::Packet::decode(frame).is_ok(),
                    "{frame:?} cannot be read"
                );
                assert!(self.open.contains(&(interface, family)), "sent without a socket");
            }
            Output::JoinGroup { interface, group } => {
                assert!(self.open.contains(&(interface, IpFamily::V6)));
                assert!(self.joined.insert((interface, group)));
                let joined = self.joined.iter().filter(|(i, _)| *i == interface);
                assert!(joined.count() <= KERNEL_GROUPS.into());
            }
            Output::LeaveGroup { interface, group } => assert!(self.joined.remove(&(interface, group))),
            Output::HearAllGroups { interface, on: true } => assert!(self.hears_all.insert(interface)),
            Output::HearAllGroups { interface, on: false } => assert!(self.hears_all.remove(&interface)),
            Output::SendReport { interface, ref frame } => {
                assert!(self.open.contains(&(interface, IpFamily::V6)));
                for group in reported(frame) {
                    assert_eq!(solicited_node_group(group), group, "no group of an address");
                    assert!(
                        !self.joined.contains(&(interface, group)),
                        "the kernel reports {group}"
                    );
                }
            }
            Output::ApplyFilter { .. }
            | Output::RefineFilter { .. }
            | Output::ReportConflict { .. }
            | Output::ReportReclaimed { .. }
            | Output::ReportRival { .. } => {}
        }
    }
}

/// The groups in a report, of either version.
fn reported(frame: &[u8]) -> Vec<Ipv6Addr> {
    let message = &frame[62..];
    let (first, each) = match message[0] {
        143 => (12, 20),
        131 | 132 => (8, 16),
        other => panic!("{other} is no report"),
    };
    let groups = message[first..].chunks(each);
    groups
        .map(|group| Ipv6Addr::from(<[u8; 16]>::try_from(&group[..16]).expect("a report is whole")))
        .collect()
}

/// Four addresses of each family.
fn address(number: u8) -> IpAddr {
    match number % 8 {
        v4 @ 0..4 => Ipv4Addr::new(192, 0, 2, v4).into(),
        v6 => Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, v6.into()).into(),
    }
}

/// One of the addresses that are many.
fn crowded(number: u8) -> IpAddr {
    let last = 0x100 + u16::from(number % CROWD);
    Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 1, last).into()
}

/// One of the few, or of the many.
fn any_address(script: &mut Script<'_>) -> IpAddr {
    match script.below(16) {
        few @ 0..8 => address(few),
        _ => crowded(script.next().unwrap_or(0)),
    }
}

fn wanted(address: IpAddr, interfaces: Interfaces, claim: Claim) -> Input {
    Input::AddressWanted {
        address,
        interfaces,
        claim,
    }
}

/// The node's own, another speaker's, others'.
fn mac(number: u8) -> MacAddr {
    match number % 6 {
        5 => MacAddr([1, 0, 0x5e, 0, 0, 1]),
        other => MacAddr([2, 0, 0, 0, 0, other]),
    }
}

fn interface(script: &mut Script<'_>) -> InterfaceIndex {
    InterfaceIndex(script.below(3).into())
}

fn input(number: u8, script: &mut Script<'_>) -> Input {
    match number % 16 {
        0 => Input::AddressReleased {
            address: any_address(script),
        },
        1 | 2 => {
            let address = any_address(script);
            let interfaces = match script.below(3) {
                0 => Interfaces::Named(BTreeSet::from(["eth0".into()])),
                _ => Interfaces::All,
            };
            let claim = [Claim::TakeOver, Claim::FirstUse];
            wanted(address, interfaces, claim[usize::from(script.below(2))])
        }
        3 | 4 => Input::LinkChanged(link(script)),
        5 => Input::LinkDisappeared(interface(script)),
        6 => Input::SocketFailed {
            interface: interface(script),
            family: if script.below(2) == 0 {
                IpFamily::V4
            } else {
                IpFamily::V6
            },
        },
        7 => Input::PeersObserved(BTreeSet::from([mac(script.below(6))])),
        8 => Input::RivalJudged {
            address: address(script.below(8)),
            prevails: script.below(2) == 0,
        },
        9 => Input::FrameReceived {
            interface: interface(script),
            frame: script.octets().into(),
        },
        10 | 11 => Input::FrameReceived {
            interface: interface(script),
            frame: arp_frame(script).to_vec().into(),
        },
        12 | 13 => Input::FrameReceived {
            interface: interface(script),
            frame: ndp_frame(script).to_vec().into(),
        },
        14 => Input::FrameReceived {
            interface: interface(script),
            frame: mld_query(script).into(),
        },
        _ => Input::Tick,
    }
}

fn mld_query(script: &mut Script<'_>) -> Vec<u8> {
    let querier = [script.below(8), script.next().unwrap_or(0)];
    let response = u16::from_be_bytes([script.next().unwrap_or(0), script.next().unwrap_or(0)]);
    let group = match any_address(script) {
        IpAddr::V4(_) => Ipv6Addr::UNSPECIFIED,
        IpAddr::V6(address) => solicited_node_group(address),
    };
    query::frame(querier, group, response, 1 + script.below(2))
}

fn link(script: &mut Script<'_>) -> Link {
    let (index, flags) = (interface(script), script.next().unwrap_or(0));
    Link {
        index,
        name: format!("eth{index}").as_str().into(),
        mac: (flags & 1 == 0).then(|| mac(script.below(6))),
        up: flags & 2 == 0,
        carrier: flags & 4 == 0,
        carrier_ups: script.below(3).into(),
        broadcast: flags & 8 == 0,
        noarp: flags & 16 != 0,
        enslaved: flags & 32 != 0,
        excluded: flags & 64 != 0,
        link_local: (flags & 128 == 0).then(|| Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1)),
    }
}

fn ipv4(script: &mut Script<'_>) -> Ipv4Addr {
    match script.below(5) {
        4 => Ipv4Addr::UNSPECIFIED,
        last => Ipv4Addr::new(192, 0, 2, last),
    }
}

fn arp_frame(script: &mut Script<'_>) -> Frame {
    let sender = mac(script.below(6));
    let question = arp::Packet::request(sender, ipv4(script), ipv4(script));
    match script.below(3) {
        0 => question.reply_from(mac(script.below(6))).encode(),
        1 => arp::Packet::gratuitous_reply(sender, ipv4(script)).encode(),
        _ => question.encode(),
    }
}

fn ipv6_address(script: &mut Script<'_>) -> Ipv6Addr {
    match script.below(6) {
        4 => Ipv6Addr::UNSPECIFIED,
        5 => ipv6::ALL_NODES,
        last => Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, u16::from(last) + 4),
    }
}

fn ndp_frame(script: &mut Script<'_>) -> Frame {
    let option = |script: &mut Script<'_>| (script.below(2) == 0).then(|| mac(script.below(6)));
    let target = ipv6_address(script);
    let message = if script.below(2) == 0 {
        Message::Solicitation(Solicitation {
            target,
            source_link_layer: option(script),
            nonce: (script.below(2) == 0).then(|| Nonce([script.below(3); 6])),
        })
    } else {
        let flags = script.below(8);
        Message::Advertisement(Advertisement {
            target,
            target_link_layer: option(script),
            router: flags & 1 != 0,
            solicited: flags & 2 != 0,
            overrides: flags & 4 != 0,
        })
    };
    let ip = ipv6::Header {
        source: ipv6_address(script),
        destination: ipv6_address(script),
    };
    ndp::Packet::new(mac(script.below(6)), mac(script.below(6)), ip, message).encode()
}
