//! What one node says and does, message by message, as memberlist does.

use core::net::SocketAddr;
use core::time::Duration;

use ferrolb_gossip::{Config, Identity, Input, Machine, Meta, Output, StreamId};
use ferrolb_sim::{MS, SECOND, address, name};
use ferrolb_types::Instant;
use ferrolb_wire::memberlist::{
    Ack, Alive, Claim, Message, NodeState, PushPull, PushPullNode, StreamMessage, Versions, each_message,
};

/// A node that others are told by the test; nobody of them is asked for BFD.
struct Node {
    machine: Machine,
    now: Instant,
    out: Vec<Output>,
}

const OVERHEAD: usize = 34;

impl Node {
    fn new(config: Config) -> Self {
        let identity = Identity {
            name: name(0),
            address: address(0),
            meta: Meta::default(),
            packet_overhead: OVERHEAD,
        };
        Self {
            machine: Machine::new(config, identity, Instant::ZERO, 1),
            now: Instant::ZERO,
            out: Vec::new(),
        }
    }

    /// A node that knows so many others.
    fn among(others: usize, config: Config) -> Self {
        let mut node = Self::new(config);
        for other in 1..=others {
            node.hear(&alive(other, address(other), 1));
        }
        node.out.clear();
        node
    }

    fn tell(&mut self, input: Input) {
        self.machine.handle(self.now, input, &mut self.out);
    }

    fn hear(&mut self, payload: &[u8]) {
        self.tell(Input::PacketReceived {
            from: address(9),
            payload: payload.into(),
        });
    }

    fn exchange(&mut self, nodes: Vec<PushPullNode<'_>>) {
        let state = PushPull {
            join: true,
            nodes,
            user_state: &[],
        };
        self.tell(Input::StreamRequested {
            stream: StreamId(1),
            from: address(9),
            payload: state.encode().into(),
        });
    }

    fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(at) = self.machine.next_deadline().filter(|at| *at <= end) {
            self.now = at;
            self.tell(Input::Tick);
        }
        self.now = end;
    }

    /// Every message of every datagram so far, with where it went.
    fn said(&self) -> Vec<(SocketAddr, String)> {
        let mut said = Vec::new();
        for output in &self.out {
            if let Output::SendPacket { to, payload, .. } = output {
                each_message(payload, |bytes| {
                    let message = Message::decode(bytes).expect("it is ours");
                    said.push((*to, format!("{message:?}")));
                })
                .expect("it is whole");
            }
        }
        said
    }

    fn is_member(&self, who: usize) -> bool {
        self.machine
            .members()
            .iter()
            .any(|member| *member.name == *name(who))
    }
}

fn alive(node: usize, at: SocketAddr, incarnation: u32) -> Vec<u8> {
    Message::Alive(Alive {
        incarnation,
        node: &name(node),
        address: at,
        meta: &[],
        versions: Some(Versions::CURRENT),
    })
    .encode()
}

fn dead(node: usize, from: usize) -> Vec<u8> {
    Message::Dead(Claim {
        incarnation: 1,
        node: &name(node),
        from: &name(from),
    })
    .encode()
}

fn entry(name: &str, at: SocketAddr, state: NodeState) -> PushPullNode<'_> {
    PushPullNode {
        name,
        address: at,
        meta: &[],
        incarnation: 1,
        state,
        versions: Some(Versions::CURRENT),
    }
}

/// Probes one node a second after the start, at the latest, and hears nothing.
fn probing(config: Config) -> Node {
    let mut node = Node::among(4, config);
    // Those that are new were asked whether they hear datagrams; that is not what this is about.
    node.run(2 * SECOND);
    node
}

#[test]
fn who_does_not_answer_is_asked_for_by_three_others_and_over_a_stream() {
    let node = probing(Config::lan());
    let said = node.said();
    let first = said
        .iter()
        .position(|(_, message)| message.contains("IndirectPing"));
    let first = first.expect("others are asked");
    let indirect: Vec<_> = said.iter().filter(|(_, m)| m.contains("IndirectPing")).collect();
    assert!(indirect.len() >= 3, "{indirect:?}");
    let asked: Vec<SocketAddr> = said[first..first + 3].iter().map(|(to, _)| *to).collect();
    let streams: Vec<(SocketAddr, bool)> = node
        .out
        .iter()
        .filter_map(|output| match output {
            Output::OpenStream { to, payload, .. } => {
                let is_ping = matches!(StreamMessage::decode(payload), Ok(StreamMessage::Ping(_)));
                Some((*to, is_ping))
            }
            _ => None,
        })
        .collect();
    let (target, is_ping) = streams[0];
    assert!(
        is_ping && !asked.contains(&target),
        "{asked:?} are asked for {target}"
    );
    assert!(
        said.iter().any(|(_, message)| message.starts_with("Suspect")),
        "{said:?}"
    );
}

#[test]
fn who_answers_over_a_stream_alone_is_not_suspected() {
    let mut node = Node::among(1, Config::lan());
    for _ in 0..100 {
        node.run(100 * MS);
        let asked: Vec<(StreamId, Vec<u8>)> = node
            .out
            .drain(..)
            .filter_map(|output| match output {
                Output::OpenStream { stream, payload, .. } => Some((stream, payload)),
                Output::SendPacket { payload, .. } => {
                    each_message(&payload, |bytes| {
                        let message = Message::decode(bytes).expect("it is ours");
                        assert!(!matches!(message, Message::Suspect(_)), "{message:?}");
                    })
                    .expect("it is whole");
                    None
                }
                _ => None,
            })
            .collect();
        for (stream, payload) in asked {
            if let Ok(StreamMessage::Ping(ping)) = StreamMessage::decode(&payload) {
                let sequence = ping.sequence;
                let payload = StreamMessage::Ack(Ack {
                    sequence,
                    payload: &[],
                })
                .encode()
                .into();
                node.tell(Input::StreamAnswered { stream, payload });
            }
        }
    }
    assert_eq!(node.machine.health_score(), 0);
}

#[test]
fn pings_over_streams_can_be_switched_off() {
    let node = probing(Config {
        disable_tcp_pings: true,
        ..Config::lan()
    });
    let is_ping = |payload: &[u8]| matches!(StreamMessage::decode(payload), Ok(StreamMessage::Ping(_)));
    assert!(
        !node
            .out
            .iter()
            .any(|output| matches!(output, Output::OpenStream { payload, .. } if is_ping(payload)))
    );
}

#[test]
fn a_node_whose_probes_and_helpers_stay_unanswered_doubts_itself() {
    let node = probing(Config::lan());
    assert!(
        node.machine.health_score() >= 3,
        "three helpers said nothing at all"
    );
}

#[test]
fn whom_another_one_calls_dead_in_a_comparison_may_defend_itself_and_who_left_is_gone() {
    for (state, is_member) in [
        (NodeState::Dead, true),
        (NodeState::Suspect, true),
        (NodeState::Left, false),
    ] {
        let mut node = Node::among(3, Config::lan());
        let two = name(2);
        node.exchange(vec![entry(&two, address(2), state)]);
        assert_eq!(node.is_member(2), is_member, "{state:?}");
    }
}

#[test]
fn a_join_of_who_does_not_understand_us_is_refused_and_changes_nothing() {
    let mut node = Node::new(Config::lan());
    let one = name(1);
    let old = Versions {
        protocol_min: 1,
        protocol_max: 1,
        ..Versions::CURRENT
    };
    node.exchange(vec![PushPullNode {
        versions: Some(old),
        ..entry(&one, address(1), NodeState::Alive)
    }]);
    let Some(Output::AnswerStream { payload, .. }) = node.out.last() else {
        panic!("{:?}", node.out);
    };
    let answer = StreamMessage::decode(payload);
    assert!(
        matches!(&answer, Ok(StreamMessage::Error(reason)) if reason.contains("node-1")),
        "{answer:?}"
    );
    assert!(!node.is_member(1));
}

#[test]
fn no_datagram_is_longer_than_the_configuration_allows() {
    for udp_buffer_size in [576, 1400, 9000] {
        let mut node = Node::among(
            200,
            Config {
                udp_buffer_size,
                ..Config::lan()
            },
        );
        node.hear(&alive(200, address(200), 2));
        node.run(5 * SECOND);
        let lengths = node.out.iter().filter_map(|output| match output {
            Output::SendPacket { payload, .. } => Some(payload.len()),
            _ => None,
        });
        let longest = lengths.max().expect("it speaks");
        assert!(
            longest + OVERHEAD <= udp_buffer_size,
            "{longest} of {udp_buffer_size}"
        );
        assert!(
            longest * 2 > udp_buffer_size,
            "{longest} of {udp_buffer_size}: room is used"
        );
    }
}

#[test]
fn a_long_queue_is_told_at_its_interval() {
    let mut node = Node::among(
        50,
        Config {
            gossip_interval: Duration::from_hours(1),
            queue_check_interval: 7 * SECOND,
            ..Config::lan()
        },
    );
    node.run(15 * SECOND);
    let told = |output: &&Output| matches!(output, Output::ReportQueue { length } if *length > 0);
    assert_eq!(node.out.iter().filter(told).count(), 2);
}

#[test]
fn the_name_of_a_dead_node_is_free_after_the_reclaim_time_or_when_it_is_forgotten() {
    let elsewhere: SocketAddr = ([192, 0, 2, 7], 7946).into();
    let has_moved = |node: &Node| {
        let members = node.machine.members();
        members.iter().any(|member| member.address == elsewhere)
    };
    for (reclaim, wait, is_free) in [
        (10 * SECOND, 9 * SECOND, false),
        (10 * SECOND, 11 * SECOND, true),
        (Duration::ZERO, 29 * SECOND, false),
        // Forgotten after GossipToTheDeadTime, when the prober begins anew.
        (Duration::ZERO, 40 * SECOND, true),
    ] {
        let mut node = Node::among(
            1,
            Config {
                dead_node_reclaim_time: reclaim,
                ..Config::lan()
            },
        );
        node.hear(&dead(1, 5));
        assert!(!node.is_member(1));
        node.run(wait);
        node.hear(&alive(1, elsewhere, 9));
        assert_eq!(has_moved(&node), is_free, "{reclaim:?} after {wait:?}");
    }
}
