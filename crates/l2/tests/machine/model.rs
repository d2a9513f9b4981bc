//! Whatever happened before: what is open, watched, answered and announced follows from the wanted addresses and
//! the links alone.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use ferrolb_api::resolved::Interfaces;
use ferrolb_l2::{Claim, Input, Link, Machine, Output};
use ferrolb_types::address::solicited_node_group;
use ferrolb_types::{Instant, InterfaceIndex, IpFamily, MacAddr};
use ferrolb_wire::{arp, ndp};
use proptest::prelude::*;

use crate::node::{arp_question, link, mac, named, quiet, released, solicitation, wanted};

/// Two of the IPv6 addresses share their solicited-node group.
const ADDRESSES: [IpAddr; 5] = [
    IpAddr::V4(Ipv4Addr::new(192, 0, 2, 10)),
    IpAddr::V4(Ipv4Addr::new(192, 0, 2, 11)),
    IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x10)),
    IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, 0, 0x10)),
    IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x11)),
];
const LINKS: core::ops::Range<u32> = 2..5;
const NAMES: [&str; 3] = ["eth0", "eth1", "lan0"];

#[derive(Clone, Debug)]
enum Step {
    Give(Input),
    Wait(Duration),
}

/// What the inputs so far mean, without any machine.
#[derive(Clone, Default)]
struct Facts {
    wanted: BTreeMap<IpAddr, Interfaces>,
    links: BTreeMap<InterfaceIndex, Link>,
    failed: BTreeSet<(InterfaceIndex, IpFamily)>,
}

impl Facts {
    fn learn(&mut self, input: &Input) {
        match input.clone() {
            Input::AddressWanted {
                address, interfaces, ..
            } => {
                self.wanted.insert(address, interfaces);
            }
            Input::AddressReleased { address } => {
                self.wanted.remove(&address);
            }
            Input::LinkChanged(link) => {
                self.failed.retain(|(index, _)| *index != link.index);
                self.links.insert(link.index, link);
            }
            Input::LinkDisappeared(index) => {
                self.failed.retain(|(failed, _)| *failed != index);
                self.links.remove(&index);
            }
            Input::SocketFailed { interface, family } if self.open().contains(&(interface, family)) => {
                self.failed.insert((interface, family));
            }
            _ => {}
        }
    }

    fn open(&self) -> BTreeSet<(InterfaceIndex, IpFamily)> {
        let mut open = BTreeSet::new();
        for link in self.links.values() {
            let usable = link.up && link.carrier && !link.enslaved && !link.excluded && !link.noarp;
            if usable && link.mac.is_some() && link.broadcast {
                open.insert((link.index, IpFamily::V4));
            }
            if usable && link.mac.is_some() && link.link_local.is_some() {
                open.insert((link.index, IpFamily::V6));
            }
        }
        &open - &self.failed
    }

    /// Each present address with the MAC address that it is answered with.
    fn present(&self) -> BTreeMap<(InterfaceIndex, IpAddr), MacAddr> {
        let mut present = BTreeMap::new();
        for (index, family) in self.open() {
            let link = &self.links[&index];
            for (address, rule) in &self.wanted {
                if IpFamily::of(*address) == family && rule.allow(&link.name) {
                    present.insert((index, *address), link.mac.unwrap());
                }
            }
        }
        present
    }
}

/// What a driver that does as it is told has done. It refuses what makes no sense.
#[derive(Default)]
struct Host {
    open: BTreeSet<(InterfaceIndex, IpFamily)>,
    watched: BTreeSet<(InterfaceIndex, IpAddr)>,
    joined: BTreeSet<(InterfaceIndex, Ipv6Addr)>,
    /// What the filter of each socket lets in.
    applied: BTreeMap<(InterfaceIndex, IpFamily), BTreeSet<IpAddr>>,
}

impl Host {
    fn watched_by(&self, index: InterfaceIndex, family: IpFamily) -> BTreeSet<IpAddr> {
        let watched = self.watched.iter().filter(|(i, _)| *i == index);
        watched
            .map(|(_, address)| *address)
            .filter(|address| IpFamily::of(*address) == family)
            .collect()
    }

    /// Does what `output` asks for; returns what a frame is about and whom it names.
    fn perform(&mut self, output: &Output) -> Option<((InterfaceIndex, IpAddr), MacAddr)> {
        match output {
            Output::OpenSocket { interface, family } => {
                assert!(self.open.insert((*interface, *family)));
                self.applied.insert((*interface, *family), BTreeSet::new());
            }
            Output::CloseSocket { interface, family } => {
                assert!(self.open.remove(&(*interface, *family)));
                assert_eq!(self.watched_by(*interface, *family), BTreeSet::new());
            }
            Output::WatchAddress { interface, address } => {
                assert!(self.open.contains(&(*interface, IpFamily::of(*address))));
                assert!(self.watched.insert((*interface, *address)));
            }
            Output::UnwatchAddress { interface, address } => {
                assert!(self.watched.remove(&(*interface, *address)));
            }
            Output::ApplyFilter { interface } => {
                for family in [IpFamily::V4, IpFamily::V6] {
                    let watched = self.watched_by(*interface, family);
                    self.applied.insert((*interface, family), watched);
                }
            }
            Output::JoinGroup { interface, group } => {
                assert!(self.open.contains(&(*interface, IpFamily::V6)));
                assert!(self.joined.insert((*interface, *group)));
            }
            Output::LeaveGroup { interface, group } => {
                assert!(self.joined.remove(&(*interface, *group)));
            }
            Output::HearAllGroups { .. } | Output::SendReport { .. } => {
                panic!("the kernel takes so few groups: {output:?}")
            }
            // Lets in less that is not watched, and nothing else.
            Output::RefineFilter { .. } => {}
            Output::SendFrame { interface, frame } => {
                let (address, mac) = subject(frame);
                assert!(self.watched.contains(&(*interface, address)), "{output:?}");
                return Some(((*interface, address), mac));
            }
            Output::ReportConflict { .. } | Output::ReportReclaimed { .. } | Output::ReportRival { .. } => {
                panic!("nobody claims anything: {output:?}")
            }
        }
        None
    }
}

/// The address that one of our frames is about, and the MAC address that it tells.
fn subject(frame: &[u8]) -> (IpAddr, MacAddr) {
    if let Ok(packet) = arp::Packet::decode(frame) {
        let about = if is_probe(frame) {
            packet.target_ip
        } else {
            packet.sender_ip
        };
        return (about.into(), packet.sender_mac);
    }
    let packet = ndp::Packet::decode(frame).unwrap();
    (packet.message.target().into(), packet.ethernet.source)
}

fn is_probe(frame: &[u8]) -> bool {
    match (arp::Packet::decode(frame), ndp::Packet::decode(frame)) {
        (Ok(packet), _) => packet.sender_ip.is_unspecified(),
        (_, Ok(packet)) => packet.ip.source.is_unspecified(),
        _ => false,
    }
}

fn any_link() -> impl Strategy<Value = Link> {
    let identity = (LINKS, prop::sample::select(&NAMES), 0u8..2);
    let mostly = || prop::bool::weighted(0.9);
    (identity, [mostly(), mostly(), mostly(), mostly(), mostly()]).prop_map(
        |((index, name, generation), [up, carrier, broadcast, free, ipv6])| {
            let index = InterfaceIndex(index);
            let plain = link(index, name, mac(u8::try_from(index.0).unwrap() * 16 + generation));
            Link {
                up,
                carrier,
                broadcast,
                enslaved: !free,
                link_local: plain.link_local.filter(|_| ipv6),
                ..plain
            }
        },
    )
}

fn any_rule() -> impl Strategy<Value = Interfaces> {
    let some = prop::sample::subsequence(&NAMES, 0..=NAMES.len());
    prop_oneof![Just(Interfaces::All), some.prop_map(|names| named(&names))]
}

fn any_step() -> impl Strategy<Value = Step> {
    let address = || prop::sample::select(&ADDRESSES);
    let index = || LINKS.prop_map(InterfaceIndex);
    let family = prop::sample::select(&[IpFamily::V4, IpFamily::V6]);
    let failure = (index(), family).prop_map(|(interface, family)| Input::SocketFailed { interface, family });
    prop_oneof![
        4 => (address(), any_rule()).prop_map(|(address, rule)| Step::Give(wanted(address, rule))),
        2 => address().prop_map(|address| Step::Give(released(address))),
        4 => any_link().prop_map(|link| Step::Give(Input::LinkChanged(link))),
        1 => index().prop_map(|index| Step::Give(Input::LinkDisappeared(index))),
        1 => failure.prop_map(Step::Give),
        3 => (0u64..3000).prop_map(|millis| Step::Wait(Duration::from_millis(millis))),
    ]
}

/// The machine, the host that obeys it, and what both should have come to.
struct World {
    machine: Machine,
    now: Instant,
    host: Host,
    facts: Facts,
}

impl World {
    fn new() -> Self {
        Self {
            machine: Machine::new(quiet(), 1),
            now: Instant::ZERO,
            host: Host::default(),
            facts: Facts::default(),
        }
    }

    /// Gives one input and the tick that is due then, and performs the outputs; what was sent.
    fn give(&mut self, input: Input) -> Vec<((InterfaceIndex, IpAddr), MacAddr)> {
        self.facts.learn(&input);
        let mut out = Vec::new();
        self.machine.handle(self.now, input, &mut out);
        if self.machine.next_deadline().is_some_and(|at| at <= self.now) {
            self.machine.handle(self.now, Input::Tick, &mut out);
        }
        out.iter()
            .filter_map(|output| self.host.perform(output))
            .collect()
    }

    /// Lets the time pass, with ticks; a failed socket is opened again on the way.
    fn wait(&mut self, duration: Duration) {
        let end = self.now + duration;
        while let Some(at) = self.machine.next_deadline().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.give(Input::Tick);
            self.facts.failed = &self.facts.failed - &self.host.open;
        }
        self.now = end;
    }

    fn check(&self) {
        let present: BTreeSet<_> = self.facts.present().into_keys().collect();
        let groups: BTreeSet<_> = present
            .iter()
            .filter_map(|(index, address)| group(*index, *address))
            .collect();
        assert_eq!(self.host.open, self.facts.open());
        assert_eq!(self.host.joined, groups);
        assert_eq!(self.host.watched, present);
    }

    /// Every question on every interface is answered if and only if the address is present there.
    fn check_answers(&mut self) {
        let present = self.facts.present();
        for index in LINKS.map(InterfaceIndex) {
            for address in ADDRESSES {
                let mut out = Vec::new();
                self.machine
                    .receive(self.now, index, &question(address), &mut out);
                let answers: Vec<MacAddr> = out
                    .iter()
                    .filter_map(|output| self.host.perform(output))
                    .map(|(_, mac)| mac)
                    .collect();
                let expected: Vec<MacAddr> = present.get(&(index, address)).copied().into_iter().collect();
                assert_eq!(answers, expected, "{address} on {index}");
            }
        }
    }

    fn check_filters(&self) {
        for socket in &self.host.open {
            let watched = self.host.watched_by(socket.0, socket.1);
            assert_eq!(self.host.applied[socket], watched, "filter of {socket:?}");
        }
    }
}

fn group(index: InterfaceIndex, address: IpAddr) -> Option<(InterfaceIndex, Ipv6Addr)> {
    match address {
        IpAddr::V4(_) => None,
        IpAddr::V6(v6) => Some((index, solicited_node_group(v6))),
    }
}

fn question(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(v4) => arp_question(v4).encode().to_vec(),
        IpAddr::V6(v6) => solicitation(v6).encode().to_vec(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn what_is_done_follows_from_what_is_wanted(steps in prop::collection::vec(any_step(), 1..60)) {
        let mut world = World::new();
        for step in steps {
            match step {
                Step::Give(input) => drop(world.give(input)),
                Step::Wait(duration) => world.wait(duration),
            }
            world.check();
            world.check_answers();
        }
        world.wait(Duration::from_secs(10));
        world.check();
        world.check_filters();
        prop_assert_eq!(world.machine.next_deadline(), None, "refreshing is off, so it comes to rest");
    }

    #[test]
    fn probing_before_the_first_use_delays_it_and_changes_nothing_else(
        steps in prop::collection::vec(any_step(), 1..40),
    ) {
        let mut world = World::new();
        for step in steps {
            match step {
                Step::Give(Input::AddressWanted { address, interfaces, .. }) => {
                    let claim = Claim::FirstUse;
                    drop(world.give(Input::AddressWanted { address, interfaces, claim }));
                }
                Step::Give(input) => drop(world.give(input)),
                Step::Wait(duration) => world.wait(duration),
            }
            world.check();
        }
        world.wait(Duration::from_secs(10));
        world.check();
        world.check_filters();
        world.check_answers();
        prop_assert_eq!(world.machine.next_deadline(), None);
    }

    #[test]
    fn only_what_moved_is_announced(steps in prop::collection::vec(any_step(), 1..40)) {
        let mut world = World::new();
        for step in steps {
            world.wait(Duration::from_secs(10));
            let before = world.facts.present();
            let Step::Give(input) = step else { continue };
            let sent: BTreeMap<_, _> = world.give(input).into_iter().collect();
            let after = world.facts.present();
            let moved: BTreeMap<_, _> =
                after.into_iter().filter(|(key, mac)| before.get(key) != Some(mac)).collect();
            prop_assert_eq!(sent, moved);
        }
    }
}
