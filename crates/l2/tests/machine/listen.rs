//! Solicited-node groups: some are the kernel's, the others are reported by the machine.

use core::net::Ipv6Addr;
use core::time::Duration;

use ferrolb_api::resolved::Interfaces;
use ferrolb_l2::{DropReason, Input, Link};

use crate::node::*;

/// What the kernel gets.
const KERNELS: u32 = 128;

fn address(number: u32) -> Ipv6Addr {
    Ipv6Addr::from_bits((0x2001_0db8_u128 << 96) + 0x1_0000 + u128::from(number))
}

/// A query of the bridge in the vectors of the `wire` crate: which group, the response time, the version by its length.
fn query(group: Ipv6Addr, millis: u16, version: u8) -> Vec<u8> {
    let (source, all_nodes) = (
        Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0xfe),
        ferrolb_wire::ipv6::ALL_NODES,
    );
    let mut message = vec![130, 0, 0, 0];
    message.extend(millis.to_be_bytes());
    message.extend([0, 0]);
    message.extend(group.octets());
    message.extend(&[2, 125, 0, 0][..if version == 1 { 0 } else { 4 }]);
    let sum = ferrolb_wire::checksum::icmpv6(source, all_nodes, &message);
    message[2..4].copy_from_slice(&sum.to_be_bytes());
    let length = u8::try_from(8 + message.len()).unwrap();
    let mut frame = vec![
        0x33, 0x33, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0xfe, 0x86, 0xdd, 0x60, 0, 0, 0, 0, length, 0, 1,
    ];
    frame.extend(source.octets());
    frame.extend(all_nodes.octets());
    frame.extend([58, 0, 5, 2, 0, 0, 1, 0]);
    frame.extend(message);
    frame
}

/// A node that holds the first `count` addresses, all reports sent.
fn holding(count: u32) -> Node {
    let mut node = Node::with_eth0();
    node.tell_all((0..count).map(|number| wanted(address(number), Interfaces::All)));
    node.run_for(Duration::from_secs(60));
    node
}

fn lines_with(word: &str, lines: impl IntoIterator<Item = String>) -> Vec<String> {
    lines.into_iter().filter(|line| line.contains(word)).collect()
}

/// The reports of the next `duration`, without their times.
fn reports(node: &mut Node, duration: Duration) -> Vec<String> {
    lines_with(
        " report ",
        node.run_for(duration).into_iter().map(|(_, line)| line),
    )
}

#[test]
fn the_kernel_joins_the_first_groups_and_the_next_are_reported_twice() {
    let mut node = Node::with_eth0();
    let wants = |numbers: core::ops::Range<u32>| numbers.map(|n| wanted(address(n), Interfaces::All));
    let lines = node.tell_all(wants(0..KERNELS));
    assert_eq!(lines_with(" join ", lines).len(), KERNELS as usize);
    assert_eq!(reports(&mut node, Duration::from_secs(10)), [""; 0]);

    let lines = node.tell_all(wants(KERNELS..KERNELS + 100));
    assert_eq!(lines_with(" join ", lines.clone()), [""; 0]);
    assert_eq!(lines_with(" groups", lines.clone()), ["2 hear all groups"]);
    let both = [
        "2 report joined 61 from ff02::1:ff01:80",
        "2 report joined 39 from ff02::1:ff01:bd",
    ];
    assert_eq!(lines_with(" report ", lines), both, "at once");
    assert_eq!(
        reports(&mut node, Duration::from_secs(1)),
        both,
        "again within a second"
    );
    assert_eq!(reports(&mut node, Duration::from_secs(600)), [""; 0]);
}

#[test]
fn a_group_of_many_addresses_is_left_with_the_last_of_them() {
    let mut node = holding(KERNELS + 1);
    let group = address(KERNELS);
    let sibling = Ipv6Addr::from_bits(group.to_bits() + (1 << 64));
    let silent = lines_with("report", node.tell(wanted(sibling, Interfaces::All)));
    assert_eq!(silent, [""; 0]);
    assert_eq!(lines_with("report", node.tell(released(group))), [""; 0]);
    let lines = node.tell(released(sibling));
    assert_eq!(
        lines_with("report", lines.clone()),
        ["2 report left 1 from ff02::1:ff01:80"]
    );
    assert_eq!(lines_with(" groups", lines), ["2 hear joined groups"]);
    assert_eq!(
        reports(&mut node, Duration::from_secs(600)),
        ["2 report left 1 from ff02::1:ff01:80"]
    );
}

#[test]
fn a_place_in_the_kernel_that_gets_free_is_used_by_the_next_group() {
    let mut node = holding(KERNELS + 1);
    assert!(
        node.tell(released(address(0)))
            .contains(&"2 leave ff02::1:ff01:0".to_owned())
    );
    let lines = node.tell(wanted(address(500), Interfaces::All));
    assert_eq!(lines_with(" join ", lines), ["2 join ff02::1:ff01:1f4"]);
}

#[test]
fn a_general_query_is_answered_in_time_with_all_groups_that_the_kernel_does_not_have() {
    let mut node = holding(10_000);
    let asked = node.hear(ETH0, &query(Ipv6Addr::UNSPECIFIED, 1_000, 2));
    assert_eq!(
        asked, [""; 0],
        "not at once, since every host hears it at the same time"
    );
    let answers = reports(&mut node, Duration::from_secs(1));
    assert_eq!(answers.len(), (10_000 - 128_usize).div_ceil(61));
    assert!(answers.iter().all(|line| line.starts_with("2 report is ")));
    assert_eq!(reports(&mut node, Duration::from_secs(600)), [""; 0]);
}

#[test]
fn ten_thousand_groups_do_not_go_out_in_one_piece() {
    let mut node = holding(10_000);
    node.hear(ETH0, &query(Ipv6Addr::UNSPECIFIED, 0, 2));
    let mut at_once = std::collections::BTreeMap::new();
    for (millis, _) in node.run_for(Duration::from_secs(1)) {
        *at_once.entry(millis).or_insert(0) += 1;
    }
    assert!(at_once.values().all(|frames| *frames <= 16), "{at_once:?}");
}

#[test]
fn a_query_for_a_group_is_answered_by_those_in_it() {
    let mut node = holding(KERNELS + 2);
    for silent in [address(0), address(9_999)] {
        let group = ferrolb_types::address::solicited_node_group(silent);
        node.hear(ETH0, &query(group, 1_000, 2));
    }
    assert_eq!(
        reports(&mut node, Duration::from_secs(2)),
        [""; 0],
        "the kernel's, and nobody's"
    );
    let group = ferrolb_types::address::solicited_node_group(address(KERNELS));
    node.hear(ETH0, &query(group, 1_000, 2));
    assert_eq!(
        reports(&mut node, Duration::from_secs(1)),
        ["2 report is 1 from ff02::1:ff01:80"]
    );
}

#[test]
fn a_querier_of_version_1_is_answered_in_its_version_until_it_is_gone() {
    let mut node = holding(KERNELS + 1);
    node.hear(ETH0, &query(Ipv6Addr::UNSPECIFIED, 10_000, 1));
    assert_eq!(
        reports(&mut node, Duration::from_secs(10)),
        ["2 report v1 ff02::1:ff01:80"]
    );
    let lines = node.tell(released(address(KERNELS)));
    assert_eq!(lines_with("report", lines), ["2 report v1 done ff02::1:ff01:80"]);
    node.run_for(Duration::from_secs(260));
    let lines = node.tell(wanted(address(KERNELS), Interfaces::All));
    assert_eq!(
        lines_with("report", lines),
        ["2 report joined 1 from ff02::1:ff01:80"]
    );
}

#[test]
fn ten_thousand_groups_are_reported_to_a_querier_of_version_1_in_time() {
    let mut node = holding(10_000);
    node.hear(ETH0, &query(Ipv6Addr::UNSPECIFIED, 10_000, 1));
    assert_eq!(reports(&mut node, Duration::from_secs(10)).len(), 10_000 - 128);
}

#[test]
fn a_switch_that_may_have_forgotten_the_node_is_told_again() {
    let mut node = holding(KERNELS + 1);
    let lines = node.tell(Input::LinkChanged(Link {
        carrier_ups: 2,
        ..eth0()
    }));
    assert_eq!(
        lines_with("report", lines),
        ["2 report joined 1 from ff02::1:ff01:80"]
    );
}

#[test]
fn a_closed_socket_reports_nothing_and_an_opened_one_everything() {
    let mut node = holding(KERNELS + 1);
    let lines = node.tell(Input::LinkChanged(Link { up: false, ..eth0() }));
    assert_eq!(lines_with("report", lines), [""; 0]);
    assert_eq!(reports(&mut node, Duration::from_secs(10)), [""; 0]);
    node.hear(ETH0, &query(Ipv6Addr::UNSPECIFIED, 1_000, 2));
    assert_eq!(node.drops(DropReason::InterfaceClosed), 1);
    assert_eq!(node.machine.next_deadline(), None);
    let lines = node.tell(Input::LinkChanged(eth0()));
    assert_eq!(
        lines_with("report", lines.clone()),
        ["2 report joined 1 from ff02::1:ff01:80"]
    );
    assert_eq!(lines_with(" join ", lines).len(), KERNELS as usize);
}

#[test]
fn what_is_no_query_is_dropped() {
    let mut node = holding(KERNELS + 1);
    let mut damaged = query(Ipv6Addr::UNSPECIFIED, 1_000, 2);
    damaged[70] ^= 1;
    assert_eq!(node.hear(ETH0, &damaged), [""; 0]);
    assert_eq!(node.drops(DropReason::Malformed), 1);
    assert_eq!(reports(&mut node, Duration::from_secs(10)), [""; 0]);
}
