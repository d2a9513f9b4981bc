//! The machine with 10,000 held addresses.
//!
//! | What | Budget |
//! |---|---|
//! | answer to a question, from frame to frame | 60 µs on the wire; 1 µs of it here |
//! | question for somebody else | 100,000 in a second on 10 % of a core, so 1 µs each |
//! | 1,000 addresses change | 1,000 in a second beside answers: 10 ms of work |

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use divan::{Bencher, black_box};
use ferrolb_api::resolved::Interfaces;
use ferrolb_l2::{Claim, Config, Input, Link, Machine, Output};
use ferrolb_types::address::solicited_node_group;
use ferrolb_types::{Instant, InterfaceIndex, MacAddr};
use ferrolb_wire::ndp::{Message, Solicitation};
use ferrolb_wire::{Frame, arp, ipv6, ndp};

const ETH0: InterfaceIndex = InterfaceIndex(2);
const CLIENT: MacAddr = MacAddr([2, 0, 0, 0, 0, 9]);
const ADDRESSES_PER_FAMILY: u32 = 5_000;
const LATER: Instant = Instant::from_millis(600_000);

/// Shows that answers allocate nothing.
#[global_allocator]
static ALLOCATOR: divan::AllocProfiler = divan::AllocProfiler::system();

fn main() {
    divan::main();
}

fn v4(number: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits(0x0a00_0000 + number)
}

fn v6(number: u32) -> Ipv6Addr {
    Ipv6Addr::from_bits((0x2001_0db8 << 96) + u128::from(number))
}

fn want(address: impl Into<IpAddr>) -> Input {
    Input::AddressWanted {
        address: address.into(),
        interfaces: Interfaces::All,
        claim: Claim::TakeOver,
    }
}

/// A machine with all addresses held and their bursts over.
fn full_machine() -> Machine {
    let config = Config {
        refresh_interval: None,
        ..Config::default()
    };
    let mut machine = Machine::new(config, 1);
    let mut out = Vec::new();
    let link = Link {
        index: ETH0,
        name: "eth0".into(),
        mac: Some(MacAddr([2, 0, 0, 0, 0, 1])),
        up: true,
        carrier: true,
        carrier_ups: 1,
        broadcast: true,
        noarp: false,
        enslaved: false,
        excluded: false,
        link_local: Some(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1)),
    };
    machine.handle(Instant::ZERO, Input::LinkChanged(link), &mut out);
    for number in 0..ADDRESSES_PER_FAMILY {
        machine.handle(Instant::ZERO, want(v4(number)), &mut out);
        machine.handle(Instant::ZERO, want(v6(number)), &mut out);
    }
    while let Some(at) = machine.next_deadline() {
        machine.handle(at, Input::Tick, &mut out);
        out.clear();
    }
    machine
}

fn arp_question(target: Ipv4Addr) -> Frame {
    arp::Packet::request(CLIENT, Ipv4Addr::new(10, 255, 0, 1), target).encode()
}

fn solicitation(target: Ipv6Addr) -> Frame {
    let ip = ipv6::Header {
        source: Ipv6Addr::new(0x2001, 0xdb8, 0, 0xffff, 0, 0, 0, 1),
        destination: solicited_node_group(target),
    };
    let message = Message::Solicitation(Solicitation {
        target,
        source_link_layer: Some(CLIENT),
        nonce: None,
    });
    ndp::Packet::new(CLIENT, MacAddr::BROADCAST, ip, message).encode()
}

/// Receives `frames` in turn, each call one of them.
fn receive(bencher: Bencher<'_, '_>, frames: &[Frame], answers: usize) {
    let mut machine = full_machine();
    let mut out: Vec<Output> = Vec::with_capacity(4);
    let mut turn = frames.iter().cycle();
    bencher.bench_local(|| {
        out.clear();
        let frame = turn.next().expect("the cycle has no end");
        machine.receive(LATER, ETH0, black_box(frame), &mut out);
        assert_eq!(out.len(), answers);
    });
}

#[divan::bench]
fn arp_answer_of_10_000_held(bencher: Bencher<'_, '_>) {
    let frames: Vec<Frame> = (0..ADDRESSES_PER_FAMILY).map(|n| arp_question(v4(n))).collect();
    receive(bencher, &frames, 1);
}

#[divan::bench]
fn arp_question_for_others(bencher: Bencher<'_, '_>) {
    let frames: Vec<Frame> = (10_000..15_000).map(|n| arp_question(v4(n))).collect();
    receive(bencher, &frames, 0);
}

#[divan::bench]
fn ndp_answer_of_10_000_held(bencher: Bencher<'_, '_>) {
    let frames: Vec<Frame> = (0..ADDRESSES_PER_FAMILY).map(|n| solicitation(v6(n))).collect();
    receive(bencher, &frames, 1);
}

#[divan::bench]
fn ndp_question_for_others(bencher: Bencher<'_, '_>) {
    let frames: Vec<Frame> = (10_000..15_000).map(|n| solicitation(v6(n))).collect();
    receive(bencher, &frames, 0);
}

/// 500 addresses go and 500 others come; with their first rounds.
#[divan::bench]
fn a_thousand_changes_with_10_000_held(bencher: Bencher<'_, '_>) {
    let mut machine = full_machine();
    let mut out: Vec<Output> = Vec::new();
    let (mut now, mut gone) = (LATER, 0);
    bencher.bench_local(|| {
        out.clear();
        for number in gone..gone + 500 {
            let released = Input::AddressReleased {
                address: v4(number).into(),
            };
            machine.handle(now, released, &mut out);
            machine.handle(now, want(v4(number + ADDRESSES_PER_FAMILY)), &mut out);
        }
        while machine.next_deadline().is_some_and(|at| at <= now) {
            machine.handle(now, Input::Tick, &mut out);
        }
        gone += 500;
        now += core::time::Duration::from_secs(1);
        black_box(out.len())
    });
}
