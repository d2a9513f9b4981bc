//! The messages of memberlist: what the original sends is understood, and what is sent is what the original sends.

mod bounds;
mod properties;
mod vectors;

use ferrolb_wire::memberlist::{Key, KeyRing, Message, each_message};

const KEY_32: &[u8] = b"0123456789abcdef0123456789abcdef";
const KEY_16: &[u8] = b"0123456789abcdef";

fn keys(octets: &[u8]) -> Option<KeyRing> {
    Some(KeyRing::new(Key::new(octets).expect("16 or 32 octets")))
}

fn messages(payload: &[u8]) -> Vec<Message<'_>> {
    let mut messages = Vec::new();
    each_message(payload, |bytes| {
        messages.push(Message::decode(bytes).expect("a message"));
    })
    .expect("a whole compound");
    messages
}
