//! Datagrams and streams of any content in rings of each kind: CRC, compression, encryption, label. The first octet chooses
//! the ring.

use ferrolb_wire::memberlist::{
    EncryptionVersion, Envelope, Key, KeyRing, OpenedStream, PACKET_DECOMPRESSED_MAX, PACKET_MAX, STREAM_MAX,
    StreamMessage, compress, decompress,
};

/// The key of the rings that the vectors of the corpus are from.
const KEY: &[u8] = b"0123456789abcdef0123456789abcdef";
const LABELLED_KEY: &[u8] = b"0123456789abcdef";
const USER_MESSAGE: u8 = 8;

fn keys(octets: &[u8]) -> Option<KeyRing> {
    Some(KeyRing::new(Key::new(octets).expect("16 or 32 octets")))
}

fn ring(number: u8) -> Envelope {
    let label = if number & 2 == 0 { "" } else { "blue" };
    let (key, version) = match number & 0b1100 {
        0b0100 => (keys(KEY), EncryptionVersion::Plain),
        0b1000 => (keys(KEY), EncryptionVersion::Padded),
        0b1100 => (keys(LABELLED_KEY), EncryptionVersion::Plain),
        _ => (None, EncryptionVersion::Plain),
    };
    Envelope {
        label: label.to_owned(),
        keys: key,
        compress: number & 1 != 0,
        verify_incoming: number & 16 == 0,
        verify_outgoing: true,
        version,
    }
}

/// Panics where something does not hold.
pub(crate) fn run(data: &[u8]) {
    let Some((&number, rest)) = data.split_first() else {
        return;
    };
    let ring = ring(number);
    if let Ok(opened) = ring.open_packet(rest) {
        assert!(
            opened.len() <= PACKET_DECOMPRESSED_MAX.max(rest.len()),
            "a datagram grows"
        );
    }
    for opened in [ring.open_stream(rest), ring.open_answer(rest)] {
        if let Ok(OpenedStream::Complete(payload)) = opened {
            assert!(payload.len() <= STREAM_MAX.max(rest.len()), "a stream grows");
            assert!(
                StreamMessage::decode(&payload).is_ok(),
                "a stream is complete that is not"
            );
        }
    }
    if let Some(packed) = compress(rest) {
        assert_eq!(
            decompress(&packed, PACKET_MAX.max(rest.len())).as_deref(),
            Ok(rest)
        );
    }
    check_sealing(&ring, number, rest);
}

/// What is wrapped is unwrapped, and is not when a bit has changed on the way where that can be seen.
fn check_sealing(ring: &Envelope, number: u8, rest: &[u8]) {
    let payload = [&[USER_MESSAGE], rest].concat();
    let nonce = [number; 12];
    let mut packet = ring.seal_packet(&payload, number & 32 != 0, nonce);
    assert!(
        packet.len() <= payload.len() + ring.packet_overhead(),
        "more than was promised"
    );
    assert_eq!(ring.open_packet(&packet).as_ref(), Ok(&payload));
    if ring.keys.is_some() && ring.verify_incoming {
        let last = packet.len() - 1;
        packet[last] ^= 1;
        assert!(ring.open_packet(&packet).is_err(), "a changed datagram is taken");
    }
    let payload = StreamMessage::User(rest).encode();
    let stream = ring.seal_stream(&payload, nonce);
    assert_eq!(ring.open_stream(&stream), Ok(OpenedStream::Complete(payload)));
}
