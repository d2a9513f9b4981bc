//! BFD control packets against the layout and the rules of RFC 5880, sections 4.1 and 6.8.6.

use core::num::{NonZeroU8, NonZeroU32};

use ferrolb_wire::bfd::{ControlPacket, Diagnostic, State};
use proptest::prelude::*;

/// From the packet diagram of RFC 5880 section 4.1, by hand: version 1, diagnostic 3, Up, poll, multiplier 3.
const BY_HAND: [u8; 24] = [
    0x23, 0xe0, 3, 24, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0x04, 0x93, 0xe0, 0, 0x02, 0x49, 0xf0, 0, 0, 0xc3, 0x50,
];

fn packet() -> ControlPacket {
    ControlPacket {
        diagnostic: Diagnostic::NeighborSignaledSessionDown,
        state: State::Up,
        poll: true,
        final_: false,
        control_plane_independent: false,
        demand: false,
        detect_multiplier: NonZeroU8::new(3).expect("not zero"),
        my_discriminator: NonZeroU32::MIN,
        your_discriminator: 2,
        desired_min_tx_us: 300_000,
        required_min_rx_us: 150_000,
        required_min_echo_rx_us: 50_000,
    }
}

fn refused(at: usize, to: u8) -> String {
    let mut octets = BY_HAND;
    octets[at] = to;
    ControlPacket::decode(&octets).expect_err("refused").to_string()
}

#[test]
fn the_layout_is_that_of_the_rfc() {
    assert_eq!(ControlPacket::decode(&BY_HAND), Ok(packet()));
    assert_eq!(packet().encode(), BY_HAND);
}

#[test]
fn what_the_rfc_discards_is_refused_by_name() {
    assert_eq!(refused(0, 0x43), "the version at offset 0 is 2, expected 1");
    assert_eq!(
        refused(1, 0xe1),
        "the multipoint bit at offset 1 is 1, expected 0"
    );
    assert!(refused(1, 0xe4).starts_with("the authentication bit"));
    assert_eq!(
        refused(2, 0),
        "the detection multiplier at offset 2 is 0, expected more than 0"
    );
    assert_eq!(
        refused(3, 23),
        "the length at offset 3 is 23, expected 24 or more"
    );
    assert_eq!(
        refused(3, 25),
        "the packet at offset 4 is cut off, 1 octets are missing"
    );
    assert_eq!(
        refused(7, 0),
        "the my discriminator at offset 4 is 0, expected more than 0"
    );
    assert!(refused(11, 0).starts_with("the your discriminator"));
}

#[test]
fn a_session_that_is_down_need_not_know_the_other_discriminator() {
    let down = ControlPacket {
        state: State::Down,
        your_discriminator: 0,
        ..packet()
    };
    assert_eq!(ControlPacket::decode(&down.encode()), Ok(down));
}

proptest! {
    #[test]
    fn what_decodes_encodes_to_the_same(octets in prop::array::uniform24(any::<u8>())) {
        if let Ok(packet) = ControlPacket::decode(&octets) {
            let mut expected = octets;
            expected[3] = 24;
            prop_assert_eq!(packet.encode(), expected);
        }
    }

    #[test]
    fn no_octets_make_the_decoder_panic(octets in prop::collection::vec(any::<u8>(), 0..40)) {
        let _refused = ControlPacket::decode(&octets).is_err();
    }
}
