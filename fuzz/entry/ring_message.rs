//! What is inside the wrapping of a ring, of any content: messages, compounds, and what streams carry.

use ferrolb_wire::memberlist::{COMPOUND_PARTS_MAX, Message, StreamMessage, each_message};

/// Panics where something does not hold.
pub(crate) fn run(data: &[u8]) {
    let mut parts = 0;
    let _whole = each_message(data, |part| {
        parts += 1;
        if let Ok(message) = Message::decode(part) {
            let written = message.encode();
            assert_eq!(
                Message::decode(&written).as_ref(),
                Ok(&message),
                "written and read again"
            );
        }
    });
    assert!(parts <= COMPOUND_PARTS_MAX, "{parts} parts");
    if let Ok(message) = StreamMessage::decode(data) {
        let written = message.encode();
        assert_eq!(
            StreamMessage::decode(&written).as_ref(),
            Ok(&message),
            "written and read again"
        );
    }
}
