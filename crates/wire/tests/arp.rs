//! ARP against bytes of a Linux kernel, of arping, of RFC layouts, and against etherparse in both directions.
#![expect(clippy::unwrap_used, reason = "helpers of tests may panic")]

use core::net::Ipv4Addr;

use etherparse::{ArpEthIpv4Packet, ArpOperation, NetSlice, PacketBuilder, SlicedPacket};
use ferrolb_types::MacAddr;
use ferrolb_wire::arp::{Operation, Packet};
use ferrolb_wire::{DecodeError, Frame, ethernet};
use proptest::prelude::*;

const A: MacAddr = MacAddr([2, 0, 0, 0, 0, 0x0a]);
const B: MacAddr = MacAddr([2, 0, 0, 0, 0, 0x0b]);
const IP_A: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const IP_B: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);

// Captured with tcpdump on a veth pair between two network namespaces, Linux 6.18: A resolves B, B answers.
const KERNEL_REQUEST: &str = "ffffffffffff02000000000a08060001080006040001\
     02000000000ac0000201000000000000c0000202";
const KERNEL_REPLY: &str = "02000000000a02000000000b08060001080006040002\
     02000000000bc000020202000000000ac0000201";
// The same place: `arping -0` (Thomas Habets' arping 2.x) probes for B, and the kernel of B answers.
const ARPING_PROBE: &str = "ffffffffffff02000000000a08060001080006040001\
     02000000000a00000000000000000000c0000202\
     00000000000000000000000000000000";
const KERNEL_REPLY_TO_PROBE: &str = "02000000000a02000000000b08060001080006040002\
     02000000000bc000020202000000000a00000000";

fn bytes(hex: &str) -> Vec<u8> {
    let digit = |c: u8| u8::try_from(char::from(c).to_digit(16).unwrap()).unwrap();
    hex.as_bytes()
        .chunks_exact(2)
        .map(|pair| digit(pair[0]) << 4 | digit(pair[1]))
        .collect()
}

fn decode(hex: &str) -> Packet {
    Packet::decode(&bytes(hex)).unwrap()
}

/// The unpadded frame `hex` is `frame` up to its padding.
fn assert_encodes(packet: &Packet, hex: &str) {
    let (frame, expected) = (packet.encode(), bytes(hex));
    let (content, padding) = frame.split_at(42);
    assert_eq!(content, &expected[..42]);
    assert_eq!(padding, [0; 18]);
}

#[test]
fn request_of_a_kernel_is_understood_and_written_alike() {
    let request = Packet::request(A, IP_A, IP_B);
    assert_eq!(decode(KERNEL_REQUEST), request);
    assert_encodes(&request, KERNEL_REQUEST);
}

#[test]
fn reply_is_the_one_that_a_kernel_sends() {
    let reply = decode(KERNEL_REQUEST).reply_from(B);
    assert_eq!(decode(KERNEL_REPLY), reply);
    assert_encodes(&reply, KERNEL_REPLY);
}

#[test]
fn probe_claims_nothing_and_is_answered_as_by_a_kernel() {
    let probe = Packet::probe(A, IP_B);
    assert_eq!(decode(ARPING_PROBE), probe);
    assert_encodes(&probe, ARPING_PROBE);
    assert_encodes(&probe.reply_from(B), KERNEL_REPLY_TO_PROBE);
}

#[test]
fn announcement_asks_for_the_senders_own_address() {
    // RFC 5227 section 2.3: "identical to the ARP Probe [...] except that now the sender and target IP addresses are
    // both set to the host's newly selected IPv4 address".
    let announcement = Packet::announcement(A, IP_A);
    assert_encodes(
        &announcement,
        "ffffffffffff02000000000a0806000108000604000102000000000ac0000201000000000000c0000201",
    );
    let reply = Packet::gratuitous_reply(A, IP_A);
    assert_encodes(
        &reply,
        "ffffffffffff02000000000a0806000108000604000202000000000ac0000201ffffffffffffc0000201",
    );
}

#[test]
fn reply_goes_to_the_sender_in_the_packet_not_to_the_ethernet_source() {
    let mut relayed = decode(KERNEL_REQUEST);
    relayed.ethernet.source = MacAddr([2, 0, 0, 0, 0, 0x99]);
    assert_eq!(relayed.reply_from(B).ethernet.destination, A);
}

#[test]
fn each_wrong_field_is_named_with_its_offset() {
    for (offset, field) in [
        (12, "EtherType"),
        (14, "hardware type"),
        (16, "protocol type"),
        (18, "hardware address length"),
        (19, "protocol address length"),
        (20, "operation"),
    ] {
        let mut frame = bytes(KERNEL_REQUEST);
        frame[offset] = 0x77;
        let error = Packet::decode(&frame).unwrap_err();
        let text = error.to_string();
        assert!(
            text.starts_with(&format!("the {field} at offset {offset} is ")),
            "{text}"
        );
        assert!(matches!(error, DecodeError::Unexpected { .. }));
    }
}

#[test]
fn reverse_and_inverse_arp_are_refused() {
    let mut frame = bytes(KERNEL_REQUEST);
    for operation in [0, 3, 4, 8, 9, 10] {
        frame[21] = operation;
        assert!(Packet::decode(&frame).is_err(), "{operation}");
    }
}

#[test]
fn every_cut_is_refused_and_padding_is_not_read() {
    let frame = bytes(KERNEL_REPLY);
    for length in 0..frame.len() {
        let error = Packet::decode(&frame[..length]).unwrap_err();
        assert!(matches!(error, DecodeError::Truncated { .. }), "{error}");
        assert!(error.offset() <= length);
    }
    let padded = [frame, vec![0xee; 18]].concat();
    assert_eq!(Packet::decode(&padded).unwrap(), decode(KERNEL_REPLY));
}

#[test]
fn vlan_tagged_frames_are_refused() {
    let frame = bytes(KERNEL_REPLY);
    let tagged = [&frame[..12], &[0x81, 0x00, 0x00, 0x05], &frame[12..]].concat();
    let error = Packet::decode(&tagged).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the EtherType at offset 12 is 33024, expected 0x0806 (ARP)"
    );
}

fn any_mac() -> impl Strategy<Value = MacAddr> {
    any::<[u8; 6]>().prop_map(MacAddr)
}

fn any_packet() -> impl Strategy<Value = Packet> {
    let macs = [any_mac(), any_mac(), any_mac(), any_mac()];
    (macs, any::<[u32; 2]>(), any::<bool>()).prop_map(|(macs, ips, request)| Packet {
        ethernet: ethernet::Header {
            destination: macs[0],
            source: macs[1],
        },
        operation: if request {
            Operation::Request
        } else {
            Operation::Reply
        },
        sender_mac: macs[2],
        sender_ip: ips[0].into(),
        target_mac: macs[3],
        target_ip: ips[1].into(),
    })
}

fn to_etherparse(packet: &Packet) -> ArpEthIpv4Packet {
    ArpEthIpv4Packet {
        operation: match packet.operation {
            Operation::Request => ArpOperation::REQUEST,
            Operation::Reply => ArpOperation::REPLY,
        },
        sender_mac: packet.sender_mac.octets(),
        sender_ipv4: packet.sender_ip.octets(),
        target_mac: packet.target_mac.octets(),
        target_ipv4: packet.target_ip.octets(),
    }
}

proptest! {
    #[test]
    fn what_is_encoded_decodes_to_the_same(packet in any_packet()) {
        let frame: Frame = packet.encode();
        prop_assert_eq!(frame.len(), 60);
        prop_assert_eq!(Packet::decode(&frame), Ok(packet));
    }

    #[test]
    fn arbitrary_bytes_never_panic(frame in proptest::collection::vec(any::<u8>(), 0..128)) {
        if let Err(error) = Packet::decode(&frame) {
            prop_assert!(error.offset() <= frame.len());
        }
    }

    #[test]
    fn damaged_packets_never_panic(packet in any_packet(), at in 0usize..60, octet in any::<u8>(), cut in 0usize..=60) {
        let mut frame = packet.encode().to_vec();
        frame[at] = octet;
        let _ = Packet::decode(&frame[..cut]);
    }

    #[test]
    fn etherparse_reads_what_we_write(packet in any_packet()) {
        let frame = packet.encode();
        let sliced = SlicedPacket::from_ethernet(&frame).unwrap();
        let Some(NetSlice::Arp(arp)) = sliced.net else { panic!("not ARP: {sliced:?}") };
        prop_assert_eq!(arp.to_packet().try_eth_ipv4().unwrap(), to_etherparse(&packet));
    }

    #[test]
    fn we_read_what_etherparse_writes(packet in any_packet()) {
        let source = packet.ethernet.source.octets();
        let destination = packet.ethernet.destination.octets();
        let mut frame = Vec::new();
        PacketBuilder::ethernet2(source, destination)
            .arp(to_etherparse(&packet).into())
            .write(&mut frame)
            .unwrap();
        prop_assert_eq!(Packet::decode(&frame), Ok(packet));
    }
}
