//! Solicited-node groups: some are the kernel's, the others are reported by the machine.

use core::net::Ipv6Addr;
use core::time::Duration;

use ferrolb_api::resolved::Interfaces;
use ferrolb_l2::{DropReason, Input, Link};

use crate::node::*;
use crate::query;

/// What the kernel gets.
const KERNELS: u32 = 128;

fn address(number: u32) -> Ipv6Addr {
    Ipv6Addr::from_bits((0x2001_0db8_u128 << 96) + 0x1_0000 + u128::from(number))
}

/// A query of the bridge in the vectors of the `wire` crate: which group, the response time, the version by its length.
fn query(group: Ipv6Addr, millis: u16, version: u8) -> Vec<u8> {
    let defaults = [2, 125];
    query::frame(defaults, group, millis, version)
}

/// A general query of a querier with this robustness (three bits) and interval in seconds (up to 127).
fn general_query_of(querier: [u8; 2]) -> Vec<u8> {
    query::frame(querier, Ipv6Addr::UNSPECIFIED, 1_000, 2)
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

/// RFC 3810 section 6.1: "retransmitted [Robustness Variable] - 1 more times, at intervals chosen at random from the range (0,
/// [Unsolicited Report Interval])".
#[test]
fn a_change_is_reported_as_often_as_the_querier_asks_for() {
    // Section 5.1.8: 0 means the default, which is 2; section 9.1: 1 "SHOULD NOT" be used.
    for (robustness, times) in [(0, 2), (1, 2), (2, 2), (3, 3), (7, 7)] {
        let mut node = holding(KERNELS + 1);
        node.hear(ETH0, &general_query_of([robustness, 125]));
        node.run_for(Duration::from_secs(10));
        let told = lines_with("report", node.tell(released(address(KERNELS))));
        assert_eq!(told, ["2 report left 1 from ff02::1:ff01:80"]);
        let again = reports(&mut node, Duration::from_secs(times - 1));
        assert_eq!(
            again,
            vec![told[0].clone(); usize::try_from(times).unwrap() - 1],
            "robustness {robustness}"
        );
        assert_eq!(reports(&mut node, Duration::from_secs(600)), [""; 0]);
    }
}

/// RFC 3810 section 9.12: the Robustness Variable times the Query Interval in the last Query received, and one response time.
#[test]
fn an_older_querier_is_present_for_as_long_as_the_last_query_says() {
    let mut node = holding(KERNELS + 1);
    node.hear(ETH0, &general_query_of([3, 20]));
    node.run_for(Duration::from_secs(10));
    node.hear(ETH0, &query(Ipv6Addr::UNSPECIFIED, 5_000, 1));
    node.run_for(Duration::from_secs(3 * 20 + 5));
    node.hear(ETH0, &general_query_of([3, 20]));
    let answers = reports(&mut node, Duration::from_secs(1));
    assert_eq!(answers, ["2 report is 1 from ff02::1:ff01:80"]);
    node.hear(ETH0, &query(Ipv6Addr::UNSPECIFIED, 5_000, 1));
    node.run_for(Duration::from_secs(63));
    node.hear(ETH0, &general_query_of([3, 20]));
    assert_eq!(
        reports(&mut node, Duration::from_secs(1)),
        ["2 report v1 ff02::1:ff01:80"],
        "a query of version 2 does not end it"
    );
}

/// RFC 2710 sections 4 and 7.10.
#[test]
fn a_change_is_repeated_to_a_querier_of_version_1_within_ten_seconds() {
    let mut node = holding(KERNELS + 1);
    node.hear(ETH0, &query(Ipv6Addr::UNSPECIFIED, 1_000, 1));
    node.run_for(Duration::from_secs(10));
    let told = lines_with("report", node.tell(wanted(address(KERNELS + 1), Interfaces::All)));
    assert_eq!(told, ["2 report v1 ff02::1:ff01:81"]);
    assert_eq!(reports(&mut node, Duration::from_secs(10)), told);
    assert_eq!(reports(&mut node, Duration::from_secs(200)), [""; 0]);
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
