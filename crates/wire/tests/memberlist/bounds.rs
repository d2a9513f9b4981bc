//! What is refused.

use ferrolb_wire::memberlist::{
    Ack, Claim, EncryptionVersion, Envelope, Key, KeyRing, Message, OpenError, OpenedStream, StreamMessage,
    compress, decompress,
};

use crate::{KEY_16, KEY_32, keys};

const NONCE: [u8; 12] = [7; 12];

fn ping() -> Vec<u8> {
    Message::Nack { sequence: 1 }.encode()
}

fn encrypting(octets: &[u8]) -> Envelope {
    Envelope {
        keys: keys(octets),
        verify_incoming: true,
        verify_outgoing: true,
        ..Envelope::default()
    }
}

#[test]
fn a_bomb_is_defused() {
    let bomb = compress(&vec![0; 8 * 1024 * 1024]).unwrap();
    assert!(bomb.len() < 20_000, "{}", bomb.len());
    assert_eq!(
        decompress(&bomb, 100_000),
        Err(OpenError::TooLong { limit: 100_000 })
    );
    let packet = Envelope::default().open_packet(&bomb);
    assert!(matches!(packet, Err(OpenError::TooLong { .. })));
}

#[test]
fn a_length_that_promises_too_much_is_refused_at_once() {
    let header = [10, 0xff, 0xff, 0xff, 0xff];
    let opened = encrypting(KEY_32).open_stream(&header);
    assert!(matches!(opened, Err(OpenError::TooLong { .. })));
}

#[test]
fn another_key_or_a_changed_octet_opens_nothing() {
    let packet = encrypting(KEY_32).seal_packet(&ping(), true, NONCE);
    assert_eq!(encrypting(KEY_16).open_packet(&packet), Err(OpenError::Decrypt));
    for at in 0..packet.len() {
        let mut changed = packet.clone();
        changed[at] ^= 1;
        assert!(encrypting(KEY_32).open_packet(&changed).is_err(), "octet {at}");
    }
}

#[test]
fn plain_text_is_refused_where_it_must_be_encrypted_and_taken_where_it_need_not() {
    let mut envelope = encrypting(KEY_32);
    let stream = StreamMessage::Error("no").encode();
    assert_eq!(envelope.open_packet(&ping()), Err(OpenError::Decrypt));
    assert_eq!(envelope.open_stream(&stream), Err(OpenError::PlainText));
    envelope.verify_incoming = false;
    assert_eq!(envelope.open_packet(&ping()), Ok(ping()));
    assert_eq!(envelope.open_stream(&stream), Ok(OpenedStream::Complete(stream)));
}

#[test]
fn an_encrypted_stream_without_a_key_says_so() {
    let stream = encrypting(KEY_32).seal_stream(&StreamMessage::Error("no").encode(), NONCE);
    assert_eq!(Envelope::default().open_stream(&stream), Err(OpenError::NoKey));
}

#[test]
fn rings_with_different_labels_do_not_hear_each_other() {
    let labelled = |label: &str| Envelope {
        label: label.to_owned(),
        ..encrypting(KEY_32)
    };
    let packet = labelled("blue").seal_packet(&ping(), false, NONCE);
    assert_eq!(labelled("blue").open_packet(&packet), Ok(ping()));
    for other in ["", "green"] {
        assert_eq!(
            labelled(other).open_packet(&packet),
            Err(OpenError::Label),
            "`{other}`"
        );
    }
    // An answer has no label, and belongs to its ring all the same.
    let answer = StreamMessage::Error("no").encode();
    let sealed = labelled("blue").seal_answer(&answer, NONCE);
    assert_eq!(sealed[0], 10);
    assert_eq!(
        labelled("blue").open_answer(&sealed),
        Ok(OpenedStream::Complete(answer))
    );
    assert_eq!(labelled("green").open_answer(&sealed), Err(OpenError::Decrypt));
    // Whoever takes the label off cannot pass the packet on into a ring without one.
    assert_eq!(labelled("").open_packet(&packet[6..]), Err(OpenError::Decrypt));
    assert_eq!(labelled("blue").open_packet(&packet[6..]), Err(OpenError::Label));
}

#[test]
fn keys_change_without_a_gap() {
    let key = |octets: &[u8]| Key::new(octets).unwrap();
    let mut ring = KeyRing::new(key(KEY_16));
    ring.add(key(KEY_32));
    let changing = Envelope {
        keys: Some(ring),
        ..encrypting(KEY_16)
    };
    for sender in [KEY_16, KEY_32] {
        let packet = encrypting(sender).seal_packet(&ping(), false, NONCE);
        assert_eq!(changing.open_packet(&packet), Ok(ping()));
    }
    let mut keys = changing.keys.unwrap();
    keys.promote(key(KEY_32));
    keys.remove(&key(KEY_16));
    keys.remove(&key(KEY_32));
    let changed = Envelope {
        keys: Some(keys),
        ..encrypting(KEY_16)
    };
    let sent = changed.seal_packet(&ping(), false, NONCE);
    assert_eq!(
        encrypting(KEY_32).open_packet(&sent),
        Ok(ping()),
        "the primary key stays"
    );
    let old = encrypting(KEY_16).seal_packet(&ping(), false, NONCE);
    assert_eq!(changed.open_packet(&old), Err(OpenError::Decrypt));
}

#[test]
fn a_key_is_never_shown_and_its_length_is_checked() {
    let error = Key::new(&[0; 24]).unwrap_err().to_string();
    assert!(
        error.contains("24 octets") && error.contains("AES-192"),
        "{error}"
    );
    let shown = format!("{:?}", Key::new(KEY_32).unwrap());
    assert_eq!(shown, "Key(256 bits)");
}

#[test]
fn padded_streams_announce_the_length_that_they_have() {
    for length in 0..40 {
        let message = StreamMessage::User(&vec![1; length]).encode();
        let mut envelope = encrypting(KEY_32);
        envelope.version = EncryptionVersion::Padded;
        let stream = envelope.seal_stream(&message, NONCE);
        assert_eq!(
            envelope.open_stream(&stream),
            Ok(OpenedStream::Complete(message)),
            "{length}"
        );
    }
}

#[test]
fn a_broken_sum_is_named() {
    let mut packet = Envelope::default().seal_packet(&ping(), true, NONCE);
    packet[1] ^= 0xff;
    assert!(matches!(
        Envelope::default().open_packet(&packet),
        Err(OpenError::Crc { .. })
    ));
}

#[test]
fn names_and_payloads_are_bounded() {
    let long = "x".repeat(256);
    let claim = Claim {
        incarnation: 1,
        node: &long,
        from: "a",
    };
    let error = Message::decode(&Message::Suspect(claim).encode())
        .unwrap_err()
        .to_string();
    assert_eq!(error, "the Node at offset 27 is 256, expected 255 octets at most");
    let ack = Message::Ack(Ack {
        sequence: 1,
        payload: &[1; 3],
    })
    .encode();
    assert!(Message::decode(&ack[..ack.len() - 1]).is_err());
}
