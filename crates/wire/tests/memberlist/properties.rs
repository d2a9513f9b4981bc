//! Whatever comes in, and whatever goes out.

use core::net::{IpAddr, SocketAddr};

use ferrolb_wire::memberlist::{
    Ack, Alive, Claim, EncryptionVersion, Envelope, IndirectPing, Message, NodeState, OpenedStream, Ping,
    PushPull, PushPullNode, Source, StreamMessage, Versions, compound, each_message,
};
use proptest::prelude::*;

use crate::{KEY_32, keys};

fn address() -> impl Strategy<Value = SocketAddr> {
    let ip = prop_oneof![
        any::<[u8; 4]>().prop_map(IpAddr::from),
        any::<[u8; 16]>().prop_map(|octets| IpAddr::from(octets).to_canonical()),
    ];
    (ip, 1..=u16::MAX).prop_map(|(ip, port)| SocketAddr::new(ip, port))
}

fn name() -> impl Strategy<Value = String> {
    "[a-z0-9.-]{0,40}"
}

fn source() -> impl Strategy<Value = Option<(SocketAddr, String)>> {
    prop::option::of((address(), name()))
}

fn borrowed(source: &Option<(SocketAddr, String)>) -> Option<Source<'_>> {
    source.as_ref().map(|(address, node)| Source {
        address: *address,
        node,
    })
}

fn octets(max: usize) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..max)
}

fn message() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        (any::<u32>(), name(), source()).prop_map(|(sequence, node, source)| Message::Ping(Ping {
            sequence,
            node: &node,
            source: borrowed(&source),
        })
        .encode()),
        (any::<u32>(), name(), address(), any::<bool>(), source()).prop_map(
            |(sequence, node, target, nack, source)| Message::IndirectPing(IndirectPing {
                sequence,
                target,
                node: &node,
                nack,
                source: borrowed(&source),
            })
            .encode()
        ),
        (any::<u32>(), octets(40)).prop_map(|(sequence, payload)| Message::Ack(Ack {
            sequence,
            payload: &payload,
        })
        .encode()),
        (any::<u32>(), name(), name(), any::<bool>()).prop_map(|(incarnation, node, from, dead)| {
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
        (any::<u32>(), name(), address(), octets(512), any::<bool>()).prop_map(
            |(incarnation, node, address, meta, versions)| Message::Alive(Alive {
                incarnation,
                node: &node,
                address,
                meta: &meta,
                versions: versions.then_some(Versions::CURRENT),
            })
            .encode()
        ),
        octets(600).prop_map(|data| Message::User(&data).encode()),
    ]
}

fn state() -> impl Strategy<Value = Vec<u8>> {
    let node = (name(), address(), octets(80), any::<u32>(), 0..4u8);
    (any::<bool>(), prop::collection::vec(node, 0..20), octets(50)).prop_map(|(join, nodes, user_state)| {
        let nodes = nodes
            .iter()
            .map(|(name, address, meta, incarnation, state)| PushPullNode {
                name,
                address: *address,
                meta,
                incarnation: *incarnation,
                state: [
                    NodeState::Alive,
                    NodeState::Suspect,
                    NodeState::Dead,
                    NodeState::Left,
                ][usize::from(*state)],
                versions: Some(Versions::CURRENT),
            });
        PushPull {
            join,
            nodes: nodes.collect(),
            user_state: &user_state,
        }
        .encode()
    })
}

fn envelopes() -> impl Strategy<Value = Envelope> {
    (any::<bool>(), any::<bool>(), any::<bool>(), "[a-z]{0,9}").prop_map(
        |(encrypt, padded, compress, label)| Envelope {
            label,
            keys: if encrypt { keys(KEY_32) } else { None },
            compress,
            verify_incoming: true,
            verify_outgoing: true,
            version: if padded {
                EncryptionVersion::Padded
            } else {
                EncryptionVersion::Plain
            },
        },
    )
}

proptest! {
    #[test]
    fn decoding_what_was_encoded_gives_the_same(bytes in message()) {
        let decoded = Message::decode(&bytes).unwrap();
        prop_assert_eq!(decoded.encode(), bytes);
    }

    #[test]
    fn states_come_back(bytes in state()) {
        let decoded = StreamMessage::decode(&bytes).unwrap();
        prop_assert_eq!(decoded.encode(), bytes);
    }

    #[test]
    fn datagrams_come_through_every_envelope(
        envelope in envelopes(), parts in prop::collection::vec(message(), 1..5), crc: bool, nonce: [u8; 12],
    ) {
        let payload = compound(&parts);
        let sealed = envelope.seal_packet(&payload, crc, nonce);
        prop_assert!(sealed.len() <= payload.len() + envelope.packet_overhead());
        let opened = envelope.open_packet(&sealed).unwrap();
        let mut seen = Vec::new();
        each_message(&opened, |bytes| seen.push(bytes.to_vec())).unwrap();
        prop_assert_eq!(seen, parts);
    }

    #[test]
    fn streams_come_through_every_envelope(envelope in envelopes(), bytes in state(), nonce: [u8; 12]) {
        let sealed = envelope.seal_stream(&bytes, nonce);
        prop_assert_eq!(envelope.open_stream(&sealed), Ok(OpenedStream::Complete(bytes)));
        if let Some((_, cut)) = sealed.split_last() {
            prop_assert_eq!(envelope.open_stream(cut), Ok(OpenedStream::Incomplete));
        }
    }

    #[test]
    fn no_octets_make_a_decoder_panic(bytes in octets(300), kind in 0..14u8) {
        let typed = [&[kind], &bytes[..]].concat();
        for bytes in [&bytes, &typed] {
            let _refused = Message::decode(bytes).is_err();
            let _refused = StreamMessage::decode(bytes).is_err();
            let _refused = Envelope::default().open_packet(bytes).is_err();
            let _refused = Envelope::default().open_stream(bytes).is_err();
        }
    }

    #[test]
    fn a_changed_octet_makes_no_decoder_panic(mut bytes in prop_oneof![message(), state()], at: prop::sample::Index, to: u8) {
        let at = at.index(bytes.len());
        bytes[at] = to;
        let _refused = Message::decode(&bytes).is_err();
        let _refused = StreamMessage::decode(&bytes).is_err();
    }
}
