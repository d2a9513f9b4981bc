//! Whoever sends whatever.

use ferrolb_gossip::{Config, Identity, Input, Machine, Meta, Output, StreamId};
use ferrolb_sim::{MS, SECOND, address, name};
use ferrolb_types::Instant;
use ferrolb_wire::memberlist::{Alive, Claim, Message, NodeState, PushPull, PushPullNode, Versions};
use proptest::prelude::*;

use crate::world::World;

fn machine() -> Machine {
    let identity = Identity {
        name: name(0),
        address: address(0),
        meta: Meta::default(),
        packet_overhead: 0,
    };
    Machine::new(Config::lan(), identity, Instant::ZERO, 1)
}

/// Messages about few names, so that they meet.
fn message() -> impl Strategy<Value = Vec<u8>> {
    let name = || (0..4usize).prop_map(name);
    prop_oneof![
        (0..9u32, name(), 0..3usize, any::<bool>()).prop_map(|(incarnation, node, at, watch)| {
            let meta = Meta {
                fast_watch: watch,
                subnets: None,
                ..Meta::default()
            };
            Message::Alive(Alive {
                incarnation,
                node: &node,
                address: address(at),
                meta: &meta.encode(),
                versions: Some(Versions::CURRENT),
            })
            .encode()
        }),
        (0..9u32, name(), name(), any::<bool>()).prop_map(|(incarnation, node, from, dead)| {
            let claim = Claim {
                incarnation,
                node: &node,
                from: &from,
            };
            if dead {
                Message::Dead(claim)
            } else {
                Message::Suspect(claim)
            }
            .encode()
        }),
        (0..9u32, name(), name(), any::<bool>()).prop_map(|(serial, watcher, node, silent)| {
            let mut data = b"FLB\x02".to_vec();
            data.push(u8::from(silent));
            data.extend(serial.to_be_bytes());
            for name in [watcher, node] {
                data.push(u8::try_from(name.len()).expect("short"));
                data.extend(name.bytes());
            }
            Message::User(&data).encode()
        }),
        prop::collection::vec(any::<u8>(), 0..60),
        (0..14u8, prop::collection::vec(any::<u8>(), 0..60))
            .prop_map(|(kind, rest)| [&[kind], &rest[..]].concat()),
    ]
}

fn state() -> impl Strategy<Value = Vec<u8>> {
    let node = ((0..4usize), 0..3usize, 0..9u32, 0..4usize);
    prop::collection::vec(node, 0..6).prop_map(|nodes| {
        let names: Vec<String> = nodes.iter().map(|node| name(node.0)).collect();
        let states = [
            NodeState::Alive,
            NodeState::Suspect,
            NodeState::Dead,
            NodeState::Left,
        ];
        let nodes = nodes
            .iter()
            .zip(&names)
            .map(|((_, at, incarnation, state), name)| PushPullNode {
                name,
                address: address(*at),
                meta: &[],
                incarnation: *incarnation,
                state: states[*state],
                versions: Some(Versions::CURRENT),
            });
        PushPull {
            join: false,
            nodes: nodes.collect(),
            user_state: &[],
        }
        .encode()
    })
}

fn input() -> impl Strategy<Value = Input> {
    prop_oneof![
        4 => (message(), 0..3usize).prop_map(|(payload, from)| Input::PacketReceived {
            from: address(from), payload: payload.into(),
        }),
        1 => (state(), 0..9u64).prop_map(|(payload, stream)| Input::StreamRequested {
            stream: StreamId(stream), from: address(1), payload: payload.into(),
        }),
        1 => (state(), 0..9u64).prop_map(|(payload, stream)| Input::StreamAnswered {
            stream: StreamId(stream), payload: payload.into(),
        }),
        1 => Just(Input::PeersFound(vec![address(1)])),
        2 => Just(Input::Tick),
    ]
}

proptest! {
    #[test]
    fn no_script_makes_the_machine_panic_or_lose_itself(script in prop::collection::vec((input(), 0..3000u32), 1..120)) {
        let (mut machine, mut now, mut out) = (machine(), Instant::ZERO, Vec::new());
        let mut members = std::collections::BTreeSet::new();
        for (input, pause) in script {
            now += MS * pause;
            machine.handle(now, input, &mut out);
            prop_assert!(out.len() < 1000, "{} outputs", out.len());
            for output in out.drain(..) {
                match output {
                    Output::ReportMemberJoined(member) => prop_assert!(members.insert(member.name)),
                    Output::ReportMemberGone { name, .. } => prop_assert!(members.remove(&name)),
                    _ => {}
                }
            }
            let seen: Vec<_> = machine.members().into_iter().map(|member| member.name).collect();
            prop_assert!(seen.iter().any(|seen| **seen == *name(0)), "it is always a member of its own ring");
            prop_assert_eq!(seen.len(), members.len() + 1, "reports and members agree");
            prop_assert!(seen.iter().all(|seen| **seen == *name(0) || members.contains(seen)));
        }
    }
}

#[test]
fn a_node_that_is_called_dead_defends_itself_before_anybody_believes_it() {
    let mut world = World::ring(5, Config::lan(), 1);
    let (victim, liar) = (name(2), name(4));
    let claim = Claim {
        incarnation: 1,
        node: &victim,
        from: &liar,
    };
    let lie = Input::PacketReceived {
        from: address(4),
        payload: Message::Suspect(claim).encode().into(),
    };
    world.tell(0, lie);
    world.run(30 * SECOND);
    assert!(world.alarms().is_empty(), "{:?}", world.alarms());
}

#[test]
fn one_liar_puts_nobody_out() {
    let mut world = World::ring(5, Config::lan(), 1);
    let mut data = b"FLB\x02\x01\x00\x00\x00\x01".to_vec();
    for name in [name(4), name(2)] {
        data.push(u8::try_from(name.len()).expect("short"));
        data.extend(name.bytes());
    }
    let lie = Input::PacketReceived {
        from: address(4),
        payload: Message::User(&data).encode().into(),
    };
    world.tell(0, lie);
    world.run(30 * SECOND);
    assert!(world.alarms().is_empty(), "{:?}", world.alarms());
}
