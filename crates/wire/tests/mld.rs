//! Multicast Listener Discovery against bytes of a Linux kernel, and against damage.
#![expect(clippy::unwrap_used, reason = "helpers of tests may panic")]

use core::net::Ipv6Addr;
use core::time::Duration;

use ferrolb_types::MacAddr;
use ferrolb_wire::mld::{MAX_RECORDS, Message, Query, Record, RecordKind, Version};
use ferrolb_wire::{DecodeError, checksum};
use proptest::prelude::*;

/// The bridge's, and the defaults of RFC 3810.
const VERSION_2: Version = Version::Two {
    robustness: 2,
    interval: Duration::from_secs(125),
};
const HOST: MacAddr = MacAddr([2, 0, 0, 0, 0, 1]);
const LINK_LOCAL: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0xff, 0xfe00, 1);
const GROUP: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xffab, 0x1234);
/// The group of the host's own link-local address.
const OWN_GROUP: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00, 1);

// Captured at a host on a bridge that is a querier, in a network namespace, Linux 6.18.
/// The bridge asks for all groups, version 1.
const QUERY_V1: &str = "3333000000010200000000fe86dd6000000000200001fe80000000000000000000fffe0000feff0200000000\
     000000000000000000013a000502000000008200591a2710000000000000000000000000000000000000";
/// The same for one group.
const QUERY_V1_FOR_GROUP: &str = "3333000000010200000000fe86dd6000000000200001fe80000000000000000000fffe0000feff0200000000\
     000000000000000000013a0005020000000082006b5e03e80000ff0200000000000000000001ffab1234";
/// The bridge asks for all groups, version 2.
const QUERY_V2: &str = "3333000000010200000000fe86dd6000000000240001fe80000000000000000000fffe0000feff0200000000\
     000000000000000000013a00050200000000820056992710000000000000000000000000000000000000027d\
     0000";
/// The same for one group.
const QUERY_V2_FOR_GROUP: &str = "3333ffab12340200000000fe86dd6000000000240001fe80000000000000000000fffe0000feff0200000000\
     000000000001ffab12343a00050200000000820056fd03e80000ff0200000000000000000001ffab1234027d\
     0000";
/// The host joins, version 1.
const REPORT_V1: &str = "3333ffab123402000000000186dd6000000000200001fe80000000000000000000fffe000001ff0200000000\
     000000000001ffab12343a0005020000010083005d6300000000ff0200000000000000000001ffab1234";
/// The host leaves, version 1.
const DONE_V1: &str = "33330000000202000000000186dd6000000000200001fe80000000000000000000fffe000001ff0200000000\
     000000000000000000023a0005020000010084006e4200000000ff0200000000000000000001ffab1234";
/// The host joins, version 2.
const JOIN_V2: &str = "33330000001602000000000186dd6000000000240001fe80000000000000000000fffe000001ff0200000000\
     000000000000000000163a000502000001008f005f290000000104000000ff0200000000000000000001ffab\
     1234";
/// The host answers a query, version 2.
const ANSWER_V2: &str = "33330000001602000000000186dd6000000000380001fe80000000000000000000fffe000001ff0200000000\
     000000000000000000163a000502000001008f00610e0000000202000000ff0200000000000000000001ffab\
     123402000000ff0200000000000000000001ff000001";
/// The host leaves, version 2.
const LEAVE_V2: &str = "33330000001602000000000186dd6000000000240001fe80000000000000000000fffe000001ff0200000000\
     000000000000000000163a000502000001008f0060290000000103000000ff0200000000000000000001ffab\
     1234";

fn bytes(hex: &str) -> Vec<u8> {
    let digit = |c: u8| u8::try_from(char::from(c).to_digit(16).unwrap()).unwrap();
    let digits: Vec<u8> = hex.bytes().map(digit).collect();
    digits
        .chunks_exact(2)
        .map(|pair| pair[0] << 4 | pair[1])
        .collect()
}

fn query(group: Option<Ipv6Addr>, millis: u64, version: Version) -> Query {
    Query {
        group,
        max_response: Duration::from_millis(millis),
        version,
    }
}

fn report(kind: RecordKind, groups: &[Ipv6Addr]) -> Message {
    Message::Report(groups.iter().map(|&group| Record { kind, group }).collect())
}

/// Damage that only the checksum would show is damage with a right one.
fn with_right_checksum(mut frame: Vec<u8>) -> Vec<u8> {
    frame[64..66].copy_from_slice(&[0, 0]);
    let address = |at: usize| Ipv6Addr::from(<[u8; 16]>::try_from(&frame[at..at + 16]).unwrap());
    let sum = checksum::icmpv6(address(22), address(38), &frame[62..]);
    frame[64..66].copy_from_slice(&sum.to_be_bytes());
    frame
}

#[test]
fn queries_of_a_linux_bridge_are_read() {
    for (hex, expected) in [
        (QUERY_V1, query(None, 10_000, Version::One)),
        (QUERY_V1_FOR_GROUP, query(Some(GROUP), 1_000, Version::One)),
        (QUERY_V2, query(None, 10_000, VERSION_2)),
        (QUERY_V2_FOR_GROUP, query(Some(GROUP), 1_000, VERSION_2)),
    ] {
        let frame = bytes(hex);
        assert!(Query::is_likely(&frame));
        assert_eq!(Query::decode(&frame), Ok(expected));
    }
}

#[test]
fn reports_are_those_of_a_linux_host() {
    for (message, hex) in [
        (Message::ReportV1(GROUP), REPORT_V1),
        (Message::DoneV1(GROUP), DONE_V1),
        (report(RecordKind::ChangeToExclude, &[GROUP]), JOIN_V2),
        (report(RecordKind::ModeIsExclude, &[GROUP, OWN_GROUP]), ANSWER_V2),
        (report(RecordKind::ChangeToInclude, &[GROUP]), LEAVE_V2),
    ] {
        assert_eq!(message.encode(HOST, LINK_LOCAL)[..], bytes(hex), "{message:?}");
    }
}

#[test]
fn a_report_stays_within_the_smallest_packet() {
    let full = report(RecordKind::ModeIsExclude, &[GROUP; MAX_RECORDS]).encode(HOST, LINK_LOCAL);
    assert!(full.len() <= 14 + 1280);
    let more = report(RecordKind::ModeIsExclude, &[GROUP; MAX_RECORDS + 1]).encode(HOST, LINK_LOCAL);
    assert_eq!(more, full);
}

#[test]
fn long_response_times_have_an_exponent() {
    // RFC 3810 section 5.1.3: (0x1000 + 1) << (1 + 3).
    let mut frame = bytes(QUERY_V2);
    frame[66..68].copy_from_slice(&[0x90, 0x01]);
    let read = Query::decode(&with_right_checksum(frame)).unwrap();
    assert_eq!(read.max_response, Duration::from_millis(65_552));
    let mut frame = bytes(QUERY_V1);
    frame[66..68].copy_from_slice(&[0x90, 0x01]);
    let read = Query::decode(&with_right_checksum(frame)).unwrap();
    assert_eq!(
        read.max_response,
        Duration::from_millis(0x9001),
        "version 1 has none"
    );
}

#[test]
fn the_robustness_has_three_bits_and_long_intervals_have_an_exponent() {
    // RFC 3810 section 5.1.9: (0x10 + mantissa) << (exponent + 3).
    for (octets, robustness, seconds) in [
        ([0xf8, 0], 0, 0),
        ([0x0b, 127], 3, 127),
        ([0xff, 0x80], 7, 128),
        ([0x07, 0x9a], 7, 416),
        ([0x02, 0xff], 2, 31_744),
    ] {
        let mut frame = bytes(QUERY_V2);
        frame[86..88].copy_from_slice(&octets);
        let read = Query::decode(&with_right_checksum(frame)).unwrap();
        let interval = Duration::from_secs(seconds);
        assert_eq!(read.version, Version::Two { robustness, interval });
    }
}

#[test]
fn what_a_router_may_have_forwarded_or_nobody_on_the_link_has_sent_is_refused() {
    let changed = |at: usize, octet: u8| {
        let mut frame = bytes(QUERY_V2);
        frame[at] = octet;
        Query::decode(&with_right_checksum(frame))
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        changed(21, 64),
        "the IPv6 hop limit at offset 21 is 64, expected 1 (for this link only)"
    );
    assert!(changed(22, 0x20).starts_with("the IPv6 source at offset 22 is `2080:"));
    assert_eq!(
        changed(56, 1),
        "the hop-by-hop option at offset 56 is 0, expected 5 (router alert) among them"
    );
    assert_eq!(
        changed(62, 131),
        "the ICMPv6 type at offset 62 is 131, expected 130 (Multicast Listener Query)"
    );
    assert!(changed(70, 0x20).starts_with("the group at offset 70 is `2000::`"));
}

#[test]
fn a_length_between_the_versions_is_refused() {
    let mut frame = bytes(QUERY_V2);
    frame.truncate(frame.len() - 2);
    frame[19] -= 2;
    assert!(matches!(
        Query::decode(&with_right_checksum(frame)),
        Err(DecodeError::Truncated { .. })
    ));
}

#[test]
fn neighbor_discovery_is_not_taken_for_a_query() {
    let mut frame = bytes(QUERY_V2);
    frame[20] = 58;
    assert!(!Query::is_likely(&frame));
    assert!(!Query::is_likely(&frame[..20]));
}

proptest! {
    #[test]
    fn every_damaged_octet_of_the_message_is_noticed(at in 62_usize..90, flip in 1_u8..=255) {
        let mut frame = bytes(QUERY_V2);
        frame[at] ^= flip;
        prop_assert!(Query::decode(&frame).is_err());
    }

    #[test]
    fn no_content_makes_the_decoder_panic(mut frame in prop::collection::vec(any::<u8>(), 0..120)) {
        let _refused = Query::decode(&frame);
        let start = bytes(QUERY_V2);
        let length = frame.len().min(56);
        frame[..length].copy_from_slice(&start[..length]);
        let _refused = Query::decode(&frame);
    }
}
