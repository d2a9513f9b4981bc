//! What hashicorp/memberlist sends.

use ferrolb_wire::memberlist::{
    Envelope, Message, NodeState, OpenedStream, Ping, PushPull, StreamMessage, Versions, compound,
    each_message,
};

use crate::{KEY_16, KEY_32, keys, messages};

const VECTORS: &str = include_str!("vectors.txt");

struct Vector {
    ring: &'static str,
    form: &'static str,
    octets: Vec<u8>,
}

fn vectors() -> impl Iterator<Item = Vector> {
    VECTORS.lines().filter(|line| !line.starts_with('#')).map(|line| {
        let mut words = line.split(' ');
        let (ring, form, hex) = (
            words.next().expect("three words"),
            words.next().expect("three words"),
            words.next().expect("three words"),
        );
        let octets = (0..hex.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal"))
            .collect();
        Vector { ring, form, octets }
    })
}

fn envelope(ring: &str) -> Envelope {
    let encrypted = Envelope {
        verify_incoming: true,
        verify_outgoing: true,
        ..Envelope::default()
    };
    match ring {
        "plain" | "compressed" => Envelope::default(),
        "encrypted" | "padded" => Envelope {
            keys: keys(KEY_32),
            ..encrypted
        },
        "label" => Envelope {
            keys: keys(KEY_16),
            label: "blue".to_owned(),
            ..encrypted
        },
        other => panic!("no ring `{other}`"),
    }
}

fn opened_packets(ring: &str) -> Vec<Vec<u8>> {
    vectors()
        .filter(|vector| vector.ring == ring && vector.form == "packet")
        .map(|vector| {
            envelope(ring)
                .open_packet(&vector.octets)
                .expect("a vector opens")
        })
        .collect()
}

#[test]
fn every_datagram_of_every_ring_is_understood() {
    for ring in ["plain", "compressed", "encrypted", "label", "padded"] {
        let payloads = opened_packets(ring);
        assert!(payloads.len() >= 5, "{ring}");
        for payload in payloads {
            assert!(!messages(&payload).is_empty());
        }
    }
}

#[test]
fn encoding_what_was_decoded_gives_the_octets_of_the_original() {
    let mut kinds = std::collections::BTreeSet::new();
    for payload in ["plain", "compressed", "encrypted", "label", "padded"]
        .iter()
        .flat_map(|ring| opened_packets(ring))
    {
        let mut parts = Vec::new();
        each_message(&payload, |bytes| parts.push(bytes)).unwrap();
        for bytes in &parts {
            kinds.insert(bytes[0]);
            assert_eq!(Message::decode(bytes).unwrap().encode(), *bytes);
        }
        if payload[0] == 7 {
            assert_eq!(compound(&parts), payload);
        }
    }
    assert_eq!(kinds.into_iter().collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5, 8, 11]);
}

#[test]
fn sealing_a_plain_datagram_gives_the_octets_of_the_original() {
    for vector in vectors().filter(|vector| vector.ring == "plain" && vector.form == "packet") {
        let envelope = Envelope::default();
        let payload = envelope.open_packet(&vector.octets).unwrap();
        let with_crc = vector.octets[0] == 12;
        assert_eq!(envelope.seal_packet(&payload, with_crc, [0; 12]), vector.octets);
    }
}

#[test]
fn sealing_an_encrypted_datagram_with_its_nonce_gives_the_octets_of_the_original() {
    for vector in vectors().filter(|vector| vector.ring == "encrypted" && vector.form == "packet") {
        let envelope = envelope("encrypted");
        let payload = envelope.open_packet(&vector.octets).unwrap();
        let nonce = vector.octets[1..13].try_into().unwrap();
        let both = [false, true].map(|crc| envelope.seal_packet(&payload, crc, nonce));
        assert!(both.contains(&vector.octets));
    }
}

#[test]
fn streams_of_every_ring_are_understood_and_encoded_alike() {
    for vector in vectors().filter(|vector| vector.form == "stream") {
        let OpenedStream::Complete(payload) = envelope(vector.ring).open_stream(&vector.octets).unwrap()
        else {
            panic!("{} is not complete", vector.ring);
        };
        let message = StreamMessage::decode(&payload).unwrap();
        assert_eq!(message.encode(), payload, "{}", vector.ring);
        match message {
            StreamMessage::PushPull(state) => check_join(&state, vector.ring),
            // A node asks over TCP when datagrams are lost.
            StreamMessage::Ping(ping) => assert_eq!(ping.node, "gamma"),
            other => panic!("{other:?}"),
        }
    }
}

fn check_join(state: &PushPull<'_>, ring: &str) {
    assert!(state.join && state.user_state.is_empty());
    assert_eq!(state.nodes.len(), 1);
    assert_eq!(state.nodes[0].state, NodeState::Alive);
    let spoken = if ring == "padded" { 1 } else { 2 };
    let versions = state.nodes[0].versions.expect("the original tells them");
    assert_eq!(versions.protocol, spoken);
}

#[test]
fn a_stream_that_is_cut_off_anywhere_waits_for_more() {
    for vector in vectors().filter(|vector| vector.form == "stream") {
        let envelope = envelope(vector.ring);
        for length in 0..vector.octets.len() {
            let opened = envelope.open_stream(&vector.octets[..length]);
            assert_eq!(opened, Ok(OpenedStream::Incomplete), "{} {length}", vector.ring);
        }
    }
}

#[test]
fn fields_have_the_values_that_the_nodes_had() {
    let payloads = opened_packets("plain");
    let all: Vec<Message<'_>> = payloads.iter().flat_map(|payload| messages(payload)).collect();
    let ping = all.iter().find_map(|message| match message {
        Message::Ping(ping) => Some(ping),
        _ => None,
    });
    let Some(Ping {
        source: Some(source), ..
    }) = ping
    else {
        panic!("{ping:?}");
    };
    assert!(source.address.ip().is_loopback());
    assert!(["alpha", "beta", "gamma"].contains(&source.node));
    assert!(all.contains(&Message::User(b"hello")));
    let left = |message: &Message<'_>| matches!(message, Message::Dead(claim) if claim.node == "alpha" && claim.from == "alpha");
    assert!(all.iter().any(left));
    for message in &all {
        if let Message::Alive(alive) = message {
            assert_eq!((alive.incarnation, alive.versions), (1, Some(Versions::CURRENT)));
        }
    }
}

#[test]
fn metadata_comes_through_compression() {
    let payloads = opened_packets("compressed");
    let mut metas =
        payloads
            .iter()
            .flat_map(|payload| messages(payload))
            .filter_map(|message| match message {
                Message::Alive(alive) => Some(alive.meta.to_vec()),
                _ => None,
            });
    assert!(metas.any(|meta| meta == [b'a'; 300]));
}
