//! The programs are run by an interpreter of the instructions that they use, over frames built by hand.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::program::{Instruction, VLAN_TAG};
use super::*;

/// A frame as the kernel hands it to a filter.
struct Frame {
    bytes: Vec<u8>,
    vlan_tag: u32,
}

/// What the program returns: the octets to keep, zero for a dropped frame. A load beyond the end drops the
/// frame; a jump beyond the program, a loop or a division does not exist here, and the index panics if it
/// did.
fn run(program: &[Instruction], frame: &Frame) -> u32 {
    let (mut at, mut accumulator, mut index) = (0, 0_u32, 0_u32);
    loop {
        let Instruction {
            code,
            when_true,
            when_false,
            operand,
        } = program[at];
        at += 1;
        let class = u32::from(code) & 0x07;
        match class {
            libc::BPF_LD if u32::from(code) & 0xe0 == libc::BPF_IMM => accumulator = operand,
            libc::BPF_MISC if u32::from(code) & 0xf8 == libc::BPF_TAX => index = accumulator,
            libc::BPF_MISC => accumulator = index,
            libc::BPF_ALU => match u32::from(code) & 0xf0 {
                libc::BPF_AND => accumulator &= operand,
                libc::BPF_LSH => accumulator <<= index,
                other => panic!("operation {other:#x} is not used"),
            },
            libc::BPF_LD => match load(frame, u32::from(code) & 0x18, operand) {
                Some(value) => accumulator = value,
                None => return 0,
            },
            libc::BPF_RET => return operand,
            libc::BPF_JMP if u32::from(code) & 0xf0 == libc::BPF_JA => at += operand as usize,
            libc::BPF_JMP => {
                let taken = match u32::from(code) & 0xf0 {
                    libc::BPF_JEQ => accumulator == operand,
                    libc::BPF_JGT => accumulator > operand,
                    libc::BPF_JGE => accumulator >= operand,
                    libc::BPF_JSET => accumulator & operand != 0,
                    other => panic!("condition {other:#x} is not used"),
                };
                at += usize::from(if taken { when_true } else { when_false });
            }
            other => panic!("class {other:#x} is not used"),
        }
    }
}

fn load(frame: &Frame, size: u32, offset: u32) -> Option<u32> {
    if offset == VLAN_TAG {
        return Some(frame.vlan_tag);
    }
    let width = match size {
        libc::BPF_B => 1,
        libc::BPF_H => 2,
        _ => 4,
    };
    let at = offset as usize;
    let bytes = frame.bytes.get(at..at + width)?;
    Some(bytes.iter().fold(0, |value, &byte| value << 8 | u32::from(byte)))
}

fn passes(filter: &Filter, frame: &Frame) -> bool {
    run(filter.program.instructions(), frame) != 0
}

fn arp(operation: u8, sender: Ipv4Addr, target: Ipv4Addr) -> Frame {
    let mut bytes = vec![0xff; 12];
    bytes.extend([8, 6, 0, 1, 8, 0, 6, 4, 0, operation]);
    bytes.extend([2, 0, 0, 0, 0, 9]);
    bytes.extend(sender.octets());
    bytes.extend([0; 6]);
    bytes.extend(target.octets());
    Frame { bytes, vlan_tag: 0 }
}

fn ndp(icmp_type: u8, hop_limit: u8, target: Ipv6Addr) -> Frame {
    let mut bytes = vec![0x33; 12];
    bytes.extend([0x86, 0xdd, 0x60, 0, 0, 0, 0, 24, 58, hop_limit]);
    bytes.extend([0; 32]);
    bytes.extend([icmp_type, 0, 0, 0, 0, 0, 0, 0]);
    bytes.extend(target.octets());
    Frame { bytes, vlan_tag: 0 }
}

fn v4(text: &str) -> Ipv4Addr {
    text.parse().unwrap()
}

fn v6(text: &str) -> Ipv6Addr {
    text.parse().unwrap()
}

const HELD: &str = "192.0.2.10";
const OTHER: &str = "192.0.2.99";

fn arp_filter() -> Filter {
    Filter::arp([v4(HELD)], Filter::MAX_INSTRUCTIONS)
}

#[test]
fn arp_requests_for_held_addresses_pass_and_others_do_not() {
    let filter = arp_filter();
    assert!(passes(&filter, &arp(1, v4(OTHER), v4(HELD))));
    assert!(passes(&filter, &arp(1, v4("0.0.0.0"), v4(HELD))), "a probe");
    assert!(!passes(&filter, &arp(1, v4(OTHER), v4("192.0.2.11"))));
}

#[test]
fn claims_of_held_addresses_pass_whatever_their_operation() {
    let filter = arp_filter();
    assert!(passes(&filter, &arp(2, v4(HELD), v4(HELD))));
    assert!(passes(&filter, &arp(2, v4(HELD), v4(OTHER))));
    assert!(passes(&filter, &arp(1, v4(HELD), v4(OTHER))));
    assert!(
        !passes(&filter, &arp(2, v4(OTHER), v4(HELD))),
        "an answer to nobody's question"
    );
    assert!(!passes(&filter, &arp(3, v4(HELD), v4(HELD))), "reverse ARP");
}

#[test]
fn malformed_and_short_arp_frames_are_dropped() {
    let good = arp(1, v4(OTHER), v4(HELD)).bytes;
    for (at, byte) in [(12, 0x86), (17, 0xdd), (18, 8), (19, 16)] {
        let mut bytes = good.clone();
        bytes[at] = byte;
        assert!(
            !passes(&arp_filter(), &Frame { bytes, vlan_tag: 0 }),
            "octet {at}"
        );
    }
    for length in 0..good.len() {
        let bytes = good[..length].to_vec();
        assert!(
            !passes(&arp_filter(), &Frame { bytes, vlan_tag: 0 }),
            "{length} octets"
        );
    }
}

#[test]
fn frames_of_another_vlan_are_dropped_and_priority_tagged_ones_pass() {
    let mut frame = arp(1, v4(OTHER), v4(HELD));
    frame.vlan_tag = 0x6000;
    assert!(passes(&arp_filter(), &frame));
    frame.vlan_tag = 0x6005;
    assert!(!passes(&arp_filter(), &frame));
}

#[test]
fn solicitations_and_advertisements_of_held_addresses_pass() {
    let filter = Filter::ndp([v6("2001:db8::10")], Filter::MAX_INSTRUCTIONS);
    assert!(passes(&filter, &ndp(135, 255, v6("2001:db8::10"))));
    assert!(passes(&filter, &ndp(136, 255, v6("2001:db8::10"))));
    assert!(!passes(&filter, &ndp(135, 255, v6("2001:db8::11"))));
    assert!(
        !passes(&filter, &ndp(135, 254, v6("2001:db8::10"))),
        "forwarded by a router"
    );
    assert!(
        !passes(&filter, &ndp(134, 255, v6("2001:db8::10"))),
        "a router advertisement"
    );
}

#[test]
fn multicast_listener_queries_pass_and_nothing_else_with_options() {
    let filter = Filter::ndp([v6("2001:db8::10")], Filter::MAX_INSTRUCTIONS);
    let frame = |after_options: u8, icmp_type: u8| {
        let mut bytes = vec![0x33; 12];
        bytes.extend([0x86, 0xdd, 0x60, 0, 0, 0, 0, 36, 0, 1]);
        bytes.extend([0; 32]);
        bytes.extend([after_options, 0, 5, 2, 0, 0, 1, 0]);
        bytes.extend([icmp_type; 28]);
        Frame { bytes, vlan_tag: 0 }
    };
    assert!(passes(&filter, &frame(58, 130)));
    assert!(!passes(&filter, &frame(58, 143)), "a report of another host");
    assert!(!passes(&filter, &frame(58, 135)));
    assert!(!passes(&filter, &frame(17, 130)));
}

#[test]
fn ipv6_packets_that_are_not_icmpv6_and_short_ones_are_dropped() {
    let filter = Filter::ndp([v6("::1")], Filter::MAX_INSTRUCTIONS);
    let good = ndp(135, 255, v6("::1")).bytes;
    let mut udp = good.clone();
    udp[20] = 17;
    assert!(!passes(
        &filter,
        &Frame {
            bytes: udp,
            vlan_tag: 0
        }
    ));
    for length in 0..good.len() {
        assert!(!passes(
            &filter,
            &Frame {
                bytes: good[..length].to_vec(),
                vlan_tag: 0
            }
        ));
    }
}

#[test]
fn without_held_addresses_nothing_passes() {
    assert!(!passes(&Filter::arp([], 4096), &arp(1, v4(OTHER), v4(HELD))));
    assert!(!passes(&Filter::ndp([], 4096), &ndp(135, 255, v6("::1"))));
    assert!(!passes(&Filter::nothing(), &arp(1, v4(HELD), v4(HELD))));
    assert!(passes(&Filter::everything(), &arp(1, v4(HELD), v4(HELD))));
}

#[test]
fn a_pool_of_addresses_in_a_row_is_a_short_program() {
    let pool = (0..65_536_u32).map(|i| Ipv4Addr::from_bits(0x0a00_0000 + i));
    let filter = Filter::arp(pool, Filter::MAX_INSTRUCTIONS);
    assert!(filter.instruction_count() < 32, "{}", filter.instruction_count());
    assert_eq!(filter.foreign_keys(), 0);
}

#[test]
fn a_third_of_a_pool_of_thirty_thousand_addresses_is_matched_exactly() {
    let held: BTreeSet<_> = (0..10_000_u32).map(|i| 0xc000_0000 + i * 3).collect();
    let filter = Filter::arp(held.iter().copied().map(Ipv4Addr::from_bits), 4096);
    assert_eq!(filter.foreign_keys(), 0);
    for key in 0xc000_0000 - 40..0xc000_0000 + 30_040_u32 {
        let question = arp(1, v4("198.51.100.1"), Ipv4Addr::from_bits(key));
        assert_eq!(passes(&filter, &question), held.contains(&key), "{key:#x}");
    }
}

#[test]
fn thirteen_hundred_addresses_without_neighbours_are_matched_exactly() {
    let held = (0..1_300_u32).map(|i| Ipv4Addr::from_bits(i * 1_000_003));
    assert_eq!(Filter::arp(held, Filter::MAX_INSTRUCTIONS).foreign_keys(), 0);
}

#[test]
fn senders_are_matched_exactly_while_there_is_room() {
    let held = (0..1_000_u32).map(|i| Ipv4Addr::from_bits(0xc000_0000 + i * 3));
    let filter = Filter::arp(held, Filter::MAX_INSTRUCTIONS);
    for key in 0xc000_0000..0xc000_0000 + 3_000_u32 {
        let claim = arp(2, Ipv4Addr::from_bits(key), v4(OTHER));
        assert_eq!(passes(&filter, &claim), (key - 0xc000_0000) % 3 == 0, "{key:#x}");
    }
}

fn sets() -> impl Strategy<Value = BTreeSet<u32>> {
    // Close together and far apart, so that ranges, single keys and both kinds of jump come up.
    let near = prop::collection::btree_set(0xc0a8_0000_u32..0xc0a8_2000, 0..2500);
    let far = prop::collection::btree_set(any::<u32>(), 0..1500);
    (near, far).prop_map(|(near, far)| near.into_iter().chain(far).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_held_address_passes_and_a_foreign_one_only_if_accounted_for(
        held in sets(),
        foreign in prop::collection::vec(any::<u32>(), 200),
        limit in prop_oneof![Just(Filter::MAX_INSTRUCTIONS), 64_usize..4096],
    ) {
        let asker = Ipv4Addr::UNSPECIFIED;
        let filter = Filter::arp(held.iter().copied().map(Ipv4Addr::from_bits), limit);
        prop_assert!(filter.instruction_count() <= limit, "{} instructions", filter.instruction_count());
        for &key in &held {
            let address = Ipv4Addr::from_bits(key);
            prop_assert!(passes(&filter, &arp(1, asker, address)));
            prop_assert!(passes(&filter, &arp(2, address, asker)) || key == 0);
        }
        let near = held.iter().flat_map(|key| [key.wrapping_sub(1), key.wrapping_add(1)]);
        if filter.foreign_keys() == 0 && !held.contains(&0) {
            for key in foreign.into_iter().chain(near).filter(|key| !held.contains(key)) {
                prop_assert!(!passes(&filter, &arp(1, asker, Ipv4Addr::from_bits(key))));
            }
        }
    }

    #[test]
    fn ndp_programs_fit_and_match_by_the_low_bits(held in sets(), prefix in any::<u32>()) {
        let addresses = held.iter().map(|&low| Ipv6Addr::from_bits(u128::from(prefix) << 96 | u128::from(low)));
        let filter = Filter::ndp(addresses.clone(), Filter::MAX_INSTRUCTIONS);
        prop_assert!(filter.instruction_count() <= Filter::MAX_INSTRUCTIONS);
        for target in addresses {
            prop_assert!(passes(&filter, &ndp(135, 255, target)));
        }
    }
}
