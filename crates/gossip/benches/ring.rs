//! A node of a ring of 100.
//!
//! | What | Budget |
//! |---|---|
//! | a packet | 5 µs: a node of 100 gets 50 a second |
//! | all that a second asks for by itself: gossip, a probe, watching | 1 ms, a thousandth of a core |

use core::net::SocketAddr;
use core::time::Duration;

use divan::{Bencher, black_box};
use ferrolb_gossip::{Config, Identity, Input, Machine, Meta};
use ferrolb_types::Instant;
use ferrolb_wire::memberlist::{Alive, Message, Ping, Versions};

const NODES: u8 = 100;

fn main() {
    divan::main();
}

fn address(number: u8) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, number], Config::PORT))
}

fn alive(number: u8, incarnation: u32) -> Input {
    let meta = Meta {
        fast_watch: true,
        ..Meta::default()
    };
    let payload = Message::Alive(Alive {
        incarnation,
        node: &format!("worker-{number}"),
        address: address(number),
        meta: &meta.encode(),
        versions: Some(Versions::CURRENT),
    });
    Input::PacketReceived {
        from: address(number),
        payload: payload.encode().into(),
    }
}

/// A node that knows all others since a moment ago.
fn machine() -> Machine {
    let identity = Identity {
        name: "worker-0".to_owned(),
        address: address(0),
        meta: Meta::default(),
        packet_overhead: 34,
    };
    let mut machine = Machine::new(Config::lan(), identity, Instant::ZERO, 1);
    let mut out = Vec::new();
    for number in 1..NODES {
        machine.handle(Instant::ZERO, alive(number, 1), &mut out);
    }
    assert_eq!(machine.members().len(), usize::from(NODES));
    machine
}

/// One packet after another at one time, each giving at most `outputs`.
fn receive(bencher: Bencher<'_, '_>, packet: &Input, outputs: usize) {
    let (mut machine, mut out) = (machine(), Vec::new());
    bencher.bench_local(|| {
        out.clear();
        machine.handle(Instant::ZERO, black_box(packet.clone()), &mut out);
        assert_eq!(out.len(), outputs);
    });
}

#[divan::bench]
fn ping(bencher: Bencher<'_, '_>) {
    let ping = Message::Ping(Ping {
        sequence: 1,
        node: "worker-0",
        source: None,
    });
    let packet = Input::PacketReceived {
        from: address(1),
        payload: ping.encode().into(),
    };
    receive(bencher, &packet, 1);
}

#[divan::bench]
fn alive_that_is_known(bencher: Bencher<'_, '_>) {
    receive(bencher, &alive(50, 1), 0);
}

#[divan::bench]
fn a_second_of_ticks(bencher: Bencher<'_, '_>) {
    let end = Instant::ZERO + Duration::from_secs(1);
    bencher.with_inputs(machine).bench_local_values(|mut machine| {
        let mut out = Vec::new();
        while let Some(at) = machine.next_deadline().filter(|at| *at < end) {
            machine.handle(at, Input::Tick, &mut out);
        }
        (machine, out)
    });
}
