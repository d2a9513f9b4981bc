//! A frame of any content, read as Neighbor Discovery.

use ferrolb_wire::ndp::{Message, Packet};

/// Panics where something does not hold.
pub(crate) fn run(data: &[u8]) {
    let Ok(mut packet) = Packet::decode(data) else {
        return;
    };
    // Who tells a link-layer address needs no nonce: it is not written.
    if let Message::Solicitation(asked) = &mut packet.message
        && asked.source_link_layer.is_some()
    {
        asked.nonce = None;
    }
    let again = Packet::decode(&packet.encode());
    assert_eq!(again.as_ref(), Ok(&packet), "written and read again");
}
