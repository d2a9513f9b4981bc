//! A datagram of any content, read as a BFD control packet.

use ferrolb_wire::bfd::ControlPacket;

/// Panics where something does not hold.
pub(crate) fn run(data: &[u8]) {
    if let Ok(packet) = ControlPacket::decode(data) {
        assert_eq!(
            ControlPacket::decode(&packet.encode()),
            Ok(packet),
            "written and read again"
        );
    }
}
