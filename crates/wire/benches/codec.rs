//! Each message read and written once.
//!
//! | What | Budget |
//! |---|---|
//! | ARP, Neighbor Discovery, BFD, one message of a ring | 1 µs: an answer has 60 µs on the wire, a node of a ring handles some hundred a second |
//! | state of a ring of 100 nodes | 50 µs, twice a minute |
//! | a datagram of a ring wrapped or unwrapped, encrypted | 20 µs |

use core::num::{NonZeroU8, NonZeroU32};

use divan::{Bencher, black_box};
use ferrolb_types::MacAddr;
use ferrolb_types::address::solicited_node_group;
use ferrolb_wire::bfd::{ControlPacket, Diagnostic, State};
use ferrolb_wire::memberlist::{
    Ack, Alive, Claim, Envelope, IndirectPing, Key, KeyRing, Message, NodeState, Ping, PushPull,
    PushPullNode, StreamMessage, Versions, compound, each_message,
};
use ferrolb_wire::ndp::{Advertisement, Solicitation};
use ferrolb_wire::{arp, ipv6, ndp};

const MAC: MacAddr = MacAddr([2, 0, 0, 0, 0, 1]);
const NODES: u32 = 100;

fn main() {
    divan::main();
}

fn address<A: core::str::FromStr<Err: core::fmt::Debug>>(text: &str) -> A {
    text.parse().expect("an address")
}

fn question() -> arp::Packet {
    arp::Packet::request(MAC, address("192.0.2.1"), address("192.0.2.2"))
}

#[divan::bench]
fn arp_decode(bencher: Bencher<'_, '_>) {
    let frame = question().encode();
    bencher.bench_local(|| arp::Packet::decode(black_box(&frame)));
}

#[divan::bench]
fn arp_encode(bencher: Bencher<'_, '_>) {
    let packet = question();
    bencher.bench_local(|| black_box(&packet).encode());
}

fn neighbor(message: ndp::Message) -> ndp::Packet {
    let ip = ipv6::Header {
        source: address("fe80::1"),
        destination: solicited_node_group(message.target()),
    };
    ndp::Packet::new(MAC, MacAddr::BROADCAST, ip, message)
}

fn neighbors() -> [(&'static str, ndp::Packet); 2] {
    let target = address("2001:db8::1");
    let solicitation = Solicitation {
        target,
        source_link_layer: Some(MAC),
        nonce: None,
    };
    let advertisement = Advertisement {
        target,
        target_link_layer: Some(MAC),
        router: false,
        solicited: false,
        overrides: true,
    };
    [
        ("solicitation", neighbor(ndp::Message::Solicitation(solicitation))),
        (
            "advertisement",
            neighbor(ndp::Message::Advertisement(advertisement)),
        ),
    ]
}

#[divan::bench(args = ["solicitation", "advertisement"])]
fn ndp_decode(bencher: Bencher<'_, '_>, name: &str) {
    let frame = named(neighbors(), name).encode();
    bencher.bench_local(|| ndp::Packet::decode(black_box(&frame)));
}

#[divan::bench(args = ["solicitation", "advertisement"])]
fn ndp_encode(bencher: Bencher<'_, '_>, name: &str) {
    let packet = named(neighbors(), name);
    bencher.bench_local(|| black_box(&packet).encode());
}

fn named<T>(all: impl IntoIterator<Item = (&'static str, T)>, name: &str) -> T {
    let found = all.into_iter().find(|(other, _)| *other == name);
    found.expect("a name of the list").1
}

fn control_packet() -> ControlPacket {
    ControlPacket {
        diagnostic: Diagnostic::None,
        state: State::Up,
        poll: false,
        final_: false,
        control_plane_independent: false,
        demand: false,
        detect_multiplier: NonZeroU8::MIN,
        my_discriminator: NonZeroU32::MIN,
        your_discriminator: 2,
        desired_min_tx_us: 150_000,
        required_min_rx_us: 150_000,
        required_min_echo_rx_us: 0,
    }
}

#[divan::bench]
fn bfd_decode(bencher: Bencher<'_, '_>) {
    let datagram = control_packet().encode();
    bencher.bench_local(|| ControlPacket::decode(black_box(&datagram)));
}

#[divan::bench]
fn bfd_encode(bencher: Bencher<'_, '_>) {
    let packet = control_packet();
    bencher.bench_local(|| black_box(&packet).encode());
}

/// Every kind of message of a datagram.
fn ring_messages() -> [(&'static str, Message<'static>); 8] {
    let claim = Claim {
        incarnation: 7,
        node: "worker-17",
        from: "worker-3",
    };
    let ping = Ping {
        sequence: 4711,
        node: "worker-17",
        source: None,
    };
    let indirect = IndirectPing {
        sequence: 4711,
        target: "192.0.2.17:7946".parse().expect("an address"),
        node: "worker-17",
        nack: true,
        source: None,
    };
    let alive = Alive {
        incarnation: 7,
        node: "worker-17",
        address: "192.0.2.17:7946".parse().expect("an address"),
        meta: b"FLB\x01\x01\x01\x01\x02\x04\x18\xc0\x00\x02",
        versions: Some(Versions::CURRENT),
    };
    let ack = Ack {
        sequence: 4711,
        payload: b"",
    };
    [
        ("ping", Message::Ping(ping)),
        ("indirect_ping", Message::IndirectPing(indirect)),
        ("ack", Message::Ack(ack)),
        ("nack", Message::Nack { sequence: 4711 }),
        ("suspect", Message::Suspect(claim.clone())),
        ("dead", Message::Dead(claim)),
        ("alive", Message::Alive(alive)),
        ("user", Message::User(b"FLB\x01watch")),
    ]
}

const RING: [&str; 8] = [
    "ping",
    "indirect_ping",
    "ack",
    "nack",
    "suspect",
    "dead",
    "alive",
    "user",
];

#[divan::bench(args = RING)]
fn ring_decode(bencher: Bencher<'_, '_>, name: &str) {
    let bytes = named(ring_messages(), name).encode();
    bencher.bench_local(|| Message::decode(black_box(&bytes)).is_ok());
}

#[divan::bench(args = RING)]
fn ring_encode(bencher: Bencher<'_, '_>, name: &str) {
    let message = named(ring_messages(), name);
    bencher.bench_local(|| black_box(&message).encode());
}

/// All that a node of a ring of 100 knows.
#[divan::bench]
fn ring_state_decode(bencher: Bencher<'_, '_>) {
    let names: Vec<String> = (0..NODES).map(|n| format!("worker-{n}")).collect();
    let bytes = state(&names).encode();
    bencher.bench_local(|| StreamMessage::decode(black_box(&bytes)).is_ok());
}

#[divan::bench]
fn ring_state_encode(bencher: Bencher<'_, '_>) {
    let names: Vec<String> = (0..NODES).map(|n| format!("worker-{n}")).collect();
    let state = state(&names);
    bencher.bench_local(|| black_box(&state).encode());
}

fn state(names: &[String]) -> PushPull<'_> {
    let node = |name| PushPullNode {
        name,
        address: "192.0.2.17:7946".parse().expect("an address"),
        meta: b"FLB\x01\x01\x01\x01\x02\x04\x18\xc0\x00\x02",
        incarnation: 7,
        state: NodeState::Alive,
        versions: Some(Versions::CURRENT),
    };
    PushPull {
        join: false,
        nodes: names.iter().map(|name| node(name.as_str())).collect(),
        user_state: &[],
    }
}

/// A full datagram of a ring with a key, as usual: a compound of all kinds of messages.
fn datagram() -> (Envelope, Vec<u8>) {
    let envelope = Envelope {
        keys: Some(KeyRing::new(Key::new(&[7; 32]).expect("32 octets"))),
        compress: true,
        verify_incoming: true,
        verify_outgoing: true,
        ..Envelope::default()
    };
    let parts: Vec<Vec<u8>> = ring_messages()
        .iter()
        .map(|(_, message)| message.encode())
        .collect();
    (envelope, compound(&parts))
}

#[divan::bench]
fn datagram_seal(bencher: Bencher<'_, '_>) {
    let (envelope, payload) = datagram();
    bencher.bench_local(|| envelope.seal_packet(black_box(&payload), true, [9; 12]));
}

#[divan::bench]
fn datagram_open(bencher: Bencher<'_, '_>) {
    let (envelope, payload) = datagram();
    let packet = envelope.seal_packet(&payload, true, [9; 12]);
    bencher.bench_local(|| {
        let opened = envelope.open_packet(black_box(&packet)).expect("what was sealed");
        let mut count = 0;
        each_message(&opened, |message| {
            count += usize::from(Message::decode(message).is_ok());
        })
        .map(|()| count)
    });
}
