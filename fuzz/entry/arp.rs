//! A frame of any content, read as ARP.

use ferrolb_types::MacAddr;
use ferrolb_wire::arp::{Operation, Packet};

const MAC: MacAddr = MacAddr([2, 0, 0, 0, 0, 1]);

/// Panics where something does not hold.
pub(crate) fn run(data: &[u8]) {
    let Ok(packet) = Packet::decode(data) else {
        return;
    };
    let again = Packet::decode(&packet.encode());
    assert_eq!(again.as_ref(), Ok(&packet), "written and read again");
    let reply = packet.reply_from(MAC);
    assert_eq!(reply.operation, Operation::Reply);
    assert_eq!(
        Packet::decode(&reply.encode()),
        Ok(reply),
        "what is answered can be read"
    );
}
