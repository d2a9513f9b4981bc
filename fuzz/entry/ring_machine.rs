//! A node of a ring to which a stranger says whatever the octets tell.

#[path = "script.rs"]
mod script;

use core::net::SocketAddr;
use core::time::Duration;
use std::collections::BTreeSet;

use ferrolb_gossip::{Config, Identity, Input, Machine, Meta, Output, StreamId};
use ferrolb_types::Instant;
use ferrolb_wire::memberlist::{Alive, Claim, Message, NodeState, PushPull, PushPullNode, Versions};

use script::Script;

/// Names that meet each other; the first is the node's own.
const NAMES: [&str; 5] = ["node-0", "node-1", "node-2", "node-3", "node-4"];
const STATES: [NodeState; 4] = [
    NodeState::Alive,
    NodeState::Suspect,
    NodeState::Dead,
    NodeState::Left,
];
/// One input asks for less.
const MOST_OUTPUTS: usize = 2_000;
/// What comes later in a longer script meets a node that has seen it all: each input costs some microseconds, whatever
/// was before, and there are five names, nine incarnations and pauses up to [`LONG_PAUSE`].
pub(crate) const MOST_OCTETS: usize = 384;
/// Longer than the machine waits for anything but the return of a lost member.
const LONG_PAUSE: Duration = Duration::from_mins(10);

/// Panics where something does not hold.
pub(crate) fn run(data: &[u8]) {
    let mut script = Script::new(&data[..data.len().min(MOST_OCTETS)]);
    let (mut now, mut out) = (Instant::ZERO, Vec::new());
    let mut machine = Machine::new(Config::lan(), identity(), now, 1);
    let mut members = BTreeSet::new();
    while let Some(number) = script.next() {
        now += pause(script.next().unwrap_or(0));
        machine.handle(now, input(number, &mut script), &mut out);
        assert!(out.len() < MOST_OUTPUTS, "{} outputs", out.len());
        for output in out.drain(..) {
            match output {
                Output::ReportMemberJoined(member) => {
                    assert!(members.insert(member.name), "a member joins twice");
                }
                Output::ReportMemberGone { name, .. } => {
                    assert!(members.remove(&name), "who is no member goes");
                }
                _ => {}
            }
        }
        let seen: BTreeSet<_> = machine.members().into_iter().map(|member| member.name).collect();
        let others = seen.iter().filter(|name| &***name != NAMES[0]);
        assert!(others.eq(members.iter()), "reports and members disagree");
    }
}

fn pause(number: u8) -> Duration {
    match number {
        u8::MAX => LONG_PAUSE,
        hundredths => Duration::from_millis(u64::from(hundredths) * 10),
    }
}

fn identity() -> Identity {
    Identity {
        name: NAMES[0].to_owned(),
        address: address(0),
        meta: Meta::default(),
        packet_overhead: 0,
    }
}

fn address(number: u8) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, number], Config::PORT))
}

fn input(number: u8, script: &mut Script<'_>) -> Input {
    match number % 16 {
        0 => Input::LeaveRequested,
        1 => Input::PeersFound(vec![address(script.below(5)), address(script.below(5))]),
        2 => Input::MetaChanged(Meta::decode(script.octets()).unwrap_or_default()),
        3 => Input::StreamFailed {
            stream: StreamId(script.below(9).into()),
            reason: String::from_utf8_lossy(script.octets()).into_owned(),
        },
        4 => Input::StreamAnswered {
            stream: StreamId(script.below(9).into()),
            payload: state(script).into(),
        },
        5 => Input::StreamRequested {
            stream: StreamId(script.below(9).into()),
            from: address(script.below(5)),
            payload: state(script).into(),
        },
        6 => Input::StreamRequested {
            stream: StreamId(script.below(9).into()),
            from: address(script.below(5)),
            payload: script.octets().into(),
        },
        7 => Input::PacketReceived {
            from: address(script.below(5)),
            payload: script.octets().into(),
        },
        8..=12 => Input::PacketReceived {
            from: address(script.below(5)),
            payload: message(script).into(),
        },
        _ => Input::Tick,
    }
}

/// A message of a kind that says something about nodes.
fn message(script: &mut Script<'_>) -> Vec<u8> {
    let (incarnation, node) = (script.below(9).into(), name(script));
    let claim = Claim {
        incarnation,
        node,
        from: name(script),
    };
    match script.below(5) {
        0 => Message::Suspect(claim).encode(),
        1 => Message::Dead(claim).encode(),
        2 => watch_message(script),
        _ => Message::Alive(Alive {
            incarnation,
            node,
            address: address(script.below(5)),
            meta: script.octets(),
            versions: Some(Versions::CURRENT),
        })
        .encode(),
    }
}

/// A user message of fast watching, its kind and content from the script.
fn watch_message(script: &mut Script<'_>) -> Vec<u8> {
    let kind = [b'F', b'L', b'B', script.below(4)];
    Message::User(&[&kind, script.octets()].concat()).encode()
}

fn state(script: &mut Script<'_>) -> Vec<u8> {
    let count = script.below(6);
    let nodes = (0..count).map(|_| PushPullNode {
        name: name(script),
        address: address(script.below(5)),
        meta: script.octets(),
        incarnation: script.below(9).into(),
        state: STATES[usize::from(script.below(4))],
        versions: Some(Versions::CURRENT),
    });
    let nodes = nodes.collect();
    PushPull {
        join: script.below(2) == 0,
        nodes,
        user_state: script.octets(),
    }
    .encode()
}

fn name(script: &mut Script<'_>) -> &'static str {
    NAMES[usize::from(script.below(5))]
}
