//! Neighbor Discovery against bytes of a Linux kernel, against etherparse in both directions, and against damage.
#![expect(clippy::unwrap_used, reason = "helpers of tests may panic")]

use core::net::Ipv6Addr;

use etherparse::icmpv6::{NdpOptionSlice, NeighborAdvertisementHeader};
use etherparse::{Icmpv6Type, NetSlice, PacketBuilder, SlicedPacket, TransportSlice};
use ferrolb_types::MacAddr;
use ferrolb_types::address::solicited_node_group;
use ferrolb_wire::ndp::{Advertisement, Message, Nonce, Packet, Solicitation};
use ferrolb_wire::{DecodeError, checksum, ipv6};
use proptest::prelude::*;

const A: MacAddr = MacAddr([2, 0, 0, 0, 0, 0x0a]);
const B: MacAddr = MacAddr([2, 0, 0, 0, 0, 0x0b]);
const IP_A: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0xa);
const IP_B: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0xb);
const LINK_LOCAL_B: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0xff, 0xfe00, 0xb);

// Captured with tcpdump on a veth pair between two network namespaces, Linux 6.18.
/// A resolves B.
const KERNEL_SOLICITATION: &str = "3333ff00000b02000000000a86dd6000000000203aff\
     20010db800000000000000000000000aff0200000000000000000001ff00000b\
     87001c030000000020010db800000000000000000000000b010102000000000a";
/// B answers A.
const KERNEL_ADVERTISEMENT: &str = "02000000000a02000000000b86dd6000000000203aff\
     20010db800000000000000000000000b20010db800000000000000000000000a\
     88008a4d6000000020010db800000000000000000000000b020102000000000b";
/// A, about to use its address, asks whether anybody has it; with a nonce option (RFC 7527).
const KERNEL_DAD_PROBE: &str = "3333ff00000a02000000000a86dd6000000000203aff\
     00000000000000000000000000000000ff0200000000000000000001ff00000a\
     87006a2d0000000020010db800000000000000000000000a0e01d0630d36f70a";
/// B asks A alone whether it is still there.
const KERNEL_UNICAST_PROBE: &str = "02000000000a02000000000b86dd6000000000203aff\
     fe80000000000000000000fffe00000b20010db800000000000000000000000a\
     87001c870000000020010db800000000000000000000000a010102000000000b";
/// A answers B without saying its link-layer address.
const KERNEL_SHORT_ADVERTISEMENT: &str = "02000000000b02000000000a86dd6000000000183aff\
     20010db800000000000000000000000afe80000000000000000000fffe00000b\
     8800de9a4000000020010db800000000000000000000000a";

fn bytes(hex: &str) -> Vec<u8> {
    let digit = |c: u8| u8::try_from(char::from(c).to_digit(16).unwrap()).unwrap();
    let digits: Vec<u8> = hex.bytes().filter(|&c| c != b' ').map(digit).collect();
    digits
        .chunks_exact(2)
        .map(|pair| pair[0] << 4 | pair[1])
        .collect()
}

fn solicitation(target: Ipv6Addr, source_link_layer: Option<MacAddr>) -> Message {
    Message::Solicitation(Solicitation {
        target,
        source_link_layer,
        nonce: None,
    })
}

fn ip(source: Ipv6Addr, destination: Ipv6Addr) -> ipv6::Header {
    ipv6::Header { source, destination }
}

/// Puts the right checksum into a frame whose content was changed, so that another rule has to refuse it.
fn with_checksum(mut frame: Vec<u8>) -> Vec<u8> {
    let addr = |at: usize| Ipv6Addr::from(<[u8; 16]>::try_from(&frame[at..at + 16]).unwrap());
    let (source, destination) = (addr(22), addr(38));
    frame[56..58].fill(0);
    let sum = checksum::icmpv6(source, destination, &frame[54..]);
    frame[56..58].copy_from_slice(&sum.to_be_bytes());
    frame
}

fn refusal(frame: &[u8]) -> String {
    Packet::decode(frame).unwrap_err().to_string()
}

/// `hex` with other octets at `at` and a checksum that fits.
fn changed(hex: &str, at: usize, octets: &[u8]) -> Vec<u8> {
    let mut frame = bytes(hex);
    frame[at..at + octets.len()].copy_from_slice(octets);
    with_checksum(frame)
}

#[test]
fn solicitation_of_a_kernel_is_understood_and_written_alike() {
    let asked = Packet::new(
        A,
        MacAddr::ZERO,
        ip(IP_A, solicited_node_group(IP_B)),
        solicitation(IP_B, Some(A)),
    );
    assert_eq!(Packet::decode(&bytes(KERNEL_SOLICITATION)), Ok(asked));
    assert_eq!(asked.encode().to_vec(), bytes(KERNEL_SOLICITATION));
}

#[test]
fn advertisement_of_a_kernel_is_understood_and_written_alike() {
    let answer = Packet::new(
        B,
        A,
        ip(IP_B, IP_A),
        Message::Advertisement(Advertisement {
            target: IP_B,
            target_link_layer: Some(B),
            router: false,
            solicited: true,
            overrides: true,
        }),
    );
    assert_eq!(Packet::decode(&bytes(KERNEL_ADVERTISEMENT)), Ok(answer));
    assert_eq!(answer.encode().to_vec(), bytes(KERNEL_ADVERTISEMENT));
}

#[test]
fn probe_of_duplicate_address_detection_is_understood_and_written_alike_with_its_nonce() {
    let message = Message::Solicitation(Solicitation {
        target: IP_A,
        source_link_layer: None,
        nonce: Some(Nonce([0xd0, 0x63, 0x0d, 0x36, 0xf7, 0x0a])),
    });
    let to_group = ip(Ipv6Addr::UNSPECIFIED, solicited_node_group(IP_A));
    let probe = Packet::new(A, MacAddr::ZERO, to_group, message);
    assert_eq!(Packet::decode(&bytes(KERNEL_DAD_PROBE)), Ok(probe));
    assert_eq!(probe.encode().to_vec(), bytes(KERNEL_DAD_PROBE));
}

#[test]
fn nonce_longer_than_ours_is_passed_over() {
    let mut frame = bytes(KERNEL_DAD_PROBE);
    frame.extend([0; 8]);
    // Payload length and option length.
    (frame[19], frame[79]) = (0x28, 2);
    let probe = Packet::decode(&with_checksum(frame)).unwrap();
    assert_eq!(probe.message, solicitation(IP_A, None));
}

#[test]
fn unicast_probe_and_its_short_answer_are_understood() {
    let probe = Packet::decode(&bytes(KERNEL_UNICAST_PROBE)).unwrap();
    assert_eq!(
        (probe.ethernet.destination, probe.ip),
        (A, ip(LINK_LOCAL_B, IP_A))
    );
    let answer = Packet::decode(&bytes(KERNEL_SHORT_ADVERTISEMENT)).unwrap();
    let Message::Advertisement(said) = answer.message else {
        panic!("{answer:?}")
    };
    assert_eq!((said.target, said.target_link_layer), (IP_A, None));
    assert!(said.solicited && !said.overrides && !said.router);
    assert_eq!(answer.encode().to_vec(), bytes(KERNEL_SHORT_ADVERTISEMENT));
}

#[test]
fn forwarded_packets_are_refused() {
    let mut frame = bytes(KERNEL_SOLICITATION);
    frame[21] = 254;
    assert_eq!(
        refusal(&frame),
        "the IPv6 hop limit at offset 21 is 254, expected 255 (sent on this link)"
    );
}

#[test]
fn each_wrong_number_is_named_with_its_offset() {
    for (offset, octet, field) in [
        (12, 0x08, "EtherType"),
        (14, 0x40, "IP version"),
        (20, 0, "IPv6 next header"),
        (54, 133, "ICMPv6 type"),
        (55, 1, "ICMPv6 code"),
        (79, 0, "option length"),
    ] {
        let text = refusal(&changed(KERNEL_SOLICITATION, offset, &[octet]));
        let start = format!("the {field} at offset {offset} is ");
        assert!(text.starts_with(&start), "{text}");
    }
}

#[test]
fn option_longer_than_an_ethernet_address_is_refused() {
    let mut frame = bytes(KERNEL_SOLICITATION);
    frame[19] += 8;
    frame[79] = 2;
    frame.extend([0; 8]);
    assert_eq!(
        refusal(&with_checksum(frame)),
        "the option length at offset 79 is 2, expected 1 on Ethernet"
    );
}

#[test]
fn option_beyond_the_end_is_refused() {
    let frame = changed(KERNEL_SOLICITATION, 79, &[2]);
    assert_eq!(
        refusal(&frame),
        "the option at offset 80 is cut off, 8 octets are missing"
    );
}

#[test]
fn group_as_target_or_source_is_refused() {
    let target = changed(KERNEL_SOLICITATION, 62, &[0xff, 2]);
    assert!(refusal(&target).starts_with("the target address at offset 62 is `ff02:db8::b`"));
    let source = changed(KERNEL_SOLICITATION, 22, &[0xff, 2]);
    assert!(refusal(&source).starts_with("the IPv6 source at offset 22 is `ff02:db8::a`"));
}

#[test]
fn unspecified_source_must_ask_the_solicited_node_group_without_an_address_of_its_own() {
    let elsewhere = changed(KERNEL_DAD_PROBE, 38, &ipv6::ALL_NODES.octets());
    assert!(refusal(&elsewhere).starts_with("the IPv6 destination at offset 38 is `ff02::1`"));
    let with_option = changed(KERNEL_DAD_PROBE, 78, &[1]);
    assert!(refusal(&with_option).starts_with("the option type at offset 78 is 1"));
}

#[test]
fn advertisement_to_a_group_must_not_be_solicited() {
    let frame = changed(KERNEL_ADVERTISEMENT, 38, &ipv6::ALL_NODES.octets());
    assert_eq!(
        refusal(&frame),
        "the solicited flag at offset 58 is 1, expected 0, because the destination is a group"
    );
}

#[test]
fn every_cut_is_refused_and_padding_is_not_read() {
    let frame = bytes(KERNEL_SOLICITATION);
    for length in 0..frame.len() {
        let error = Packet::decode(&frame[..length]).unwrap_err();
        assert!(matches!(error, DecodeError::Truncated { .. }), "{error}");
    }
    let padded = [frame.clone(), vec![0xee; 9]].concat();
    assert_eq!(Packet::decode(&padded), Packet::decode(&frame));
}

#[test]
fn payload_shorter_than_a_message_is_refused() {
    let mut frame = bytes(KERNEL_SOLICITATION);
    frame[19] = 23;
    assert_eq!(
        refusal(&frame),
        "the target address at offset 62 is cut off, 1 octets are missing"
    );
}

#[test]
fn wrong_checksum_is_reported_with_the_right_one() {
    let mut frame = bytes(KERNEL_ADVERTISEMENT);
    frame[56..58].copy_from_slice(&[0x12, 0x34]);
    assert_eq!(
        refusal(&frame),
        "the checksum at offset 56 is 0x1234, expected 0x8a4d"
    );
}

fn any_mac() -> impl Strategy<Value = MacAddr> {
    any::<[u8; 6]>().prop_map(MacAddr)
}

fn any_unicast() -> impl Strategy<Value = Ipv6Addr> {
    any::<u128>().prop_map(|bits| Ipv6Addr::from_bits((bits & !(0xff << 120)) | 0x20 << 120))
}

fn any_advertisement() -> impl Strategy<Value = Advertisement> {
    (any_unicast(), proptest::option::of(any_mac()), any::<[bool; 3]>()).prop_map(
        |(target, target_link_layer, [router, solicited, overrides])| Advertisement {
            target,
            target_link_layer,
            router,
            solicited,
            overrides,
        },
    )
}

fn any_message() -> impl Strategy<Value = Message> {
    let asked = (any_unicast(), proptest::option::of(any_mac()));
    prop_oneof![
        asked.prop_map(|(target, option)| solicitation(target, option)),
        any_advertisement().prop_map(Message::Advertisement),
    ]
}

fn any_packet() -> impl Strategy<Value = Packet> {
    let addresses = (any_unicast(), any_unicast()).prop_map(|(source, destination)| ip(source, destination));
    (any_mac(), any_mac(), addresses, any_message())
        .prop_map(|(mac, receiver, ip, message)| Packet::new(mac, receiver, ip, message))
}

/// What follows the first 8 octets of the ICMPv6 message.
fn body(target: Ipv6Addr, option: Option<(u8, MacAddr)>) -> Vec<u8> {
    let mut body = target.octets().to_vec();
    if let Some((option_type, mac)) = option {
        body.extend([option_type, 1]);
        body.extend(mac.octets());
    }
    body
}

fn to_etherparse(message: &Message) -> (Icmpv6Type, Vec<u8>) {
    match message {
        Message::Solicitation(s) => (
            Icmpv6Type::NeighborSolicitation,
            body(s.target, s.source_link_layer.map(|mac| (1, mac))),
        ),
        Message::Advertisement(a) => (
            Icmpv6Type::NeighborAdvertisement(NeighborAdvertisementHeader {
                router: a.router,
                solicited: a.solicited,
                r#override: a.overrides,
            }),
            body(a.target, a.target_link_layer.map(|mac| (2, mac))),
        ),
    }
}

proptest! {
    #[test]
    fn what_is_encoded_decodes_to_the_same(packet in any_packet()) {
        let frame = packet.encode();
        prop_assert!([78, 86].contains(&frame.len()));
        prop_assert_eq!(Packet::decode(&frame), Ok(packet));
    }

    #[test]
    fn arbitrary_bytes_never_panic(frame in proptest::collection::vec(any::<u8>(), 0..256)) {
        let _ = Packet::decode(&frame);
    }

    #[test]
    fn damaged_packets_never_panic(
        packet in any_packet(),
        changes in proptest::collection::vec((0usize..78, any::<u8>()), 1..4),
        cut in 0usize..=78,
    ) {
        let mut frame = packet.encode().to_vec();
        for (at, octet) in changes {
            frame[at] = octet;
        }
        let _ = Packet::decode(&frame);
        prop_assert!(Packet::decode(&frame[..cut]).is_err() || cut == 78);
    }

    #[test]
    fn any_single_wrong_bit_from_the_addresses_on_is_refused(packet in any_packet(), bit in 22usize * 8..78 * 8) {
        let mut frame = packet.encode().to_vec();
        frame[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(Packet::decode(&frame).is_err(), "bit {bit}");
    }

    #[test]
    fn etherparse_reads_what_we_write(packet in any_packet()) {
        let frame = packet.encode();
        let sliced = SlicedPacket::from_ethernet(&frame).unwrap();
        let Some(NetSlice::Ipv6(header)) = &sliced.net else { panic!("not IPv6: {sliced:?}") };
        prop_assert_eq!(header.header().source_addr(), packet.ip.source);
        prop_assert_eq!(header.header().hop_limit(), 255);
        let Some(TransportSlice::Icmpv6(icmp)) = sliced.transport else { panic!("not ICMPv6: {sliced:?}") };
        prop_assert!(icmp.is_checksum_valid(packet.ip.source.octets(), packet.ip.destination.octets()));
        let (icmp_type, body) = to_etherparse(&packet.message);
        prop_assert_eq!(icmp.icmp_type(), icmp_type);
        prop_assert_eq!(icmp.payload(), body);
    }

    #[test]
    fn we_read_what_etherparse_writes(packet in any_packet()) {
        let (icmp_type, body) = to_etherparse(&packet.message);
        let mut frame = Vec::new();
        PacketBuilder::ethernet2(packet.ethernet.source.octets(), packet.ethernet.destination.octets())
            .ipv6(packet.ip.source.octets(), packet.ip.destination.octets(), 255)
            .icmpv6(icmp_type)
            .write(&mut frame, &body)
            .unwrap();
        prop_assert_eq!(Packet::decode(&frame), Ok(packet));
    }
}

#[test]
fn etherparse_agrees_on_the_option_of_a_kernel_frame() {
    let frame = bytes(KERNEL_ADVERTISEMENT);
    let options = etherparse::icmpv6::NdpOptionsIterator::from_slice(&frame[78..]);
    let found: Vec<_> = options.map(Result::unwrap).collect();
    let [NdpOptionSlice::TargetLinkLayerAddress(option)] = found.as_slice() else {
        panic!("{found:?}")
    };
    assert_eq!(option.link_layer_address(), B.octets());
}
