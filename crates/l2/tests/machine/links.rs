//! Sockets, watched addresses and filters follow the wanted addresses and the links.

use core::net::Ipv4Addr;
use core::time::Duration;

use crate::node::*;
use ferrolb_api::resolved::Interfaces;
use ferrolb_l2::{Input, Link};
use ferrolb_types::{InterfaceIndex, IpFamily};

const NOTHING: [&str; 0] = [];

/// Lines without frames: what concerns sockets.
fn without_frames(lines: Vec<String>) -> Vec<String> {
    lines
        .into_iter()
        .filter(|line| !line.contains(" send "))
        .collect()
}

fn down(link: Link) -> Input {
    Input::LinkChanged(Link { up: false, ..link })
}

#[test]
fn sockets_open_with_the_link_and_close_with_its_carrier() {
    let mut node = Node::new(quiet());
    assert_eq!(
        node.tell(Input::LinkChanged(eth0())),
        ["2 open IPv4", "2 open IPv6"]
    );
    let without_carrier = Link {
        carrier: false,
        ..eth0()
    };
    assert_eq!(
        node.tell(Input::LinkChanged(without_carrier)),
        ["2 close IPv4", "2 close IPv6"]
    );
}

#[test]
fn unqualified_link_opens_nothing() {
    let mut node = Node::new(quiet());
    let excluded = Link {
        excluded: true,
        ..eth0()
    };
    assert_eq!(node.tell(Input::LinkChanged(excluded)), NOTHING);
    assert_eq!(node.tell(wanted(V4, Interfaces::All)), NOTHING);
}

#[test]
fn same_link_again_changes_nothing() {
    let mut node = Node::settled();
    assert_eq!(node.tell(Input::LinkChanged(eth0())), NOTHING);
    assert_eq!(node.machine.next_deadline(), None);
}

#[test]
fn held_addresses_are_watched_on_an_interface_that_comes_later() {
    let mut node = Node::new(quiet());
    assert_eq!(node.tell(wanted(V4, Interfaces::All)), NOTHING);
    assert_eq!(node.tell(wanted(V6, Interfaces::All)), NOTHING);
    assert_eq!(
        without_frames(node.tell(Input::LinkChanged(eth0()))),
        [
            "2 open IPv4",
            "2 watch 192.0.2.10",
            "2 open IPv6",
            "2 join ff02::1:ff00:10",
            "2 watch 2001:db8::10",
            "2 filter",
        ]
    );
}

#[test]
fn link_local_address_that_comes_later_opens_neighbor_discovery_alone() {
    let mut node = Node::new(quiet());
    let without = Link {
        link_local: None,
        ..eth0()
    };
    node.tell(Input::LinkChanged(without));
    node.tell(wanted(V4, Interfaces::All));
    node.tell(wanted(V6, Interfaces::All));
    node.run_for(Duration::from_secs(10));
    assert_eq!(
        without_frames(node.tell(Input::LinkChanged(eth0()))),
        [
            "2 open IPv6",
            "2 join ff02::1:ff00:10",
            "2 watch 2001:db8::10",
            "2 filter"
        ]
    );
}

#[test]
fn losing_the_link_unwatches_before_closing() {
    let mut node = Node::settled();
    assert_eq!(
        node.tell(down(eth0())),
        [
            "2 unwatch 192.0.2.10",
            "2 close IPv4",
            "2 unwatch 2001:db8::10",
            "2 leave ff02::1:ff00:10",
            "2 close IPv6",
        ]
    );
    assert_eq!(node.machine.next_deadline(), None);
}

#[test]
fn link_that_disappears_leaves_nothing_behind() {
    let mut node = Node::settled();
    node.tell(wanted(OTHER_V4, Interfaces::All));
    let lines = node.tell(Input::LinkDisappeared(ETH0));
    assert_eq!(
        lines.len(),
        6,
        "three addresses, one group, two sockets: {lines:?}"
    );
    let rest = node.run_for(Duration::from_secs(60));
    assert!(rest.iter().all(|(_, line)| line.starts_with("3 ")), "{rest:?}");
    assert_eq!(node.tell(Input::LinkDisappeared(ETH0)), NOTHING);
}

#[test]
fn release_unwatches_without_a_frame() {
    let mut node = Node::settled();
    assert_eq!(
        node.tell(released(V4)),
        [
            "2 unwatch 192.0.2.10",
            "3 unwatch 192.0.2.10",
            "2 filter",
            "3 filter"
        ]
    );
    assert_eq!(node.tell(released(V4)), NOTHING);
    assert_eq!(node.machine.next_deadline(), None);
}

#[test]
fn rule_decides_where_an_address_is_watched() {
    let mut node = Node::settled();
    let other = named(&["eth1", "missing"]);
    assert_eq!(
        without_frames(node.tell(wanted(OTHER_V4, other))),
        ["3 watch 192.0.2.11", "3 filter"]
    );
    assert_eq!(
        node.tell(wanted(V4, named(&["eth0"]))),
        ["3 unwatch 192.0.2.10"],
        "the filter of eth1 was applied a moment ago"
    );
    let later = node.run_for(Duration::from_millis(20));
    assert_eq!(later[0], (0, "3 filter".to_owned()));
}

#[test]
fn new_name_is_matched_with_the_rules_again() {
    let mut node = Node::settled();
    node.tell(wanted(V4, named(&["eth0"])));
    node.tell(wanted(OTHER_V4, named(&["lan0"])));
    node.run_for(Duration::from_secs(60));
    let renamed = link(ETH0, "lan0", MAC0);
    assert_eq!(
        without_frames(node.tell(Input::LinkChanged(renamed))),
        ["2 unwatch 192.0.2.10", "2 watch 192.0.2.11", "2 filter"]
    );
}

#[test]
fn a_filter_is_applied_at_once_and_then_rests_the_longer_the_more_addresses_there_are() {
    for (count, rest_ms) in [(500, 1), (9500, 10)] {
        let mut node = Node::with_eth0();
        let addresses =
            (0..count).map(|n| wanted(core::net::Ipv4Addr::from(0x0a00_0000 + n), Interfaces::All));
        let lines = node.tell_all(addresses);
        assert_eq!(lines.iter().filter(|line| *line == "2 filter").count(), 1);
        for last in 20..120 {
            let address = core::net::Ipv4Addr::new(192, 0, 2, last);
            let lines = without_frames(node.tell(wanted(address, Interfaces::All)));
            assert_eq!(lines, [format!("2 watch {address}")]);
        }
        let filters: Vec<u128> = node
            .run_for(Duration::from_secs(1))
            .into_iter()
            .filter_map(|(at, line)| (line == "2 filter").then_some(at))
            .collect();
        assert_eq!(filters, [rest_ms]);
    }
}

#[test]
fn the_exact_filter_of_many_addresses_comes_after_the_changes_and_seldom_amid_them() {
    let exact = |lines: &[(u128, String)]| -> Vec<u128> {
        let lines = lines.iter().filter(|(_, line)| line == "2 exact filter");
        lines.map(|(at, _)| *at).collect()
    };
    let address = |number: u32| Ipv4Addr::from_bits(0x0a00_0000 + number);
    let mut node = Node::with_eth0();
    node.tell_all((0..100).map(|number| wanted(address(number), Interfaces::All)));
    assert_eq!(
        exact(&node.run_for(Duration::from_secs(10))),
        [0; 0],
        "few are told exactly at once"
    );
    node.tell_all((100..1000).map(|number| wanted(address(number), Interfaces::All)));
    assert_eq!(exact(&node.run_for(Duration::from_secs(10))), [200]);

    let mut count = 0;
    for number in 1000..1100 {
        node.tell(wanted(address(number), Interfaces::All));
        count += exact(&node.run_for(Duration::from_millis(10))).len();
    }
    assert!((4..=5).contains(&count), "{count} in a second of changes");
}

#[test]
fn inputs_that_are_there_together_share_one_filter_before_their_frames() {
    let mut node = Node::with_eth0();
    let lines = node.tell_all([wanted(V4, Interfaces::All), wanted(V6, Interfaces::All)]);
    assert_eq!(
        lines[..4],
        [
            "2 watch 192.0.2.10",
            "2 join ff02::1:ff00:10",
            "2 watch 2001:db8::10",
            "2 filter"
        ]
    );
    assert!(
        lines[4..].iter().all(|line| line.starts_with("2 send ")),
        "{lines:?}"
    );
}

#[test]
fn filter_of_a_new_address_precedes_its_frames_also_while_it_rests() {
    let mut node = Node::with_eth0();
    let lines = node.tell(wanted(V4, Interfaces::All));
    assert_eq!(lines[..2], ["2 watch 192.0.2.10", "2 filter"]);
    assert!(lines[2].starts_with("2 send "));

    assert_eq!(
        node.tell(wanted(OTHER_V4, Interfaces::All)),
        ["2 watch 192.0.2.11"]
    );
    let later: Vec<String> = node
        .run_for(Duration::from_millis(20))
        .into_iter()
        .map(|(_, line)| line)
        .collect();
    assert_eq!(later[0], "2 filter");
    assert!(later[1].starts_with("2 send arp request 192.0.2.11"), "{later:?}");
}

#[test]
fn failed_socket_is_opened_again_after_a_second() {
    let mut node = Node::settled();
    let failed = Input::SocketFailed {
        interface: ETH0,
        family: IpFamily::V4,
    };
    assert_eq!(
        node.tell(failed.clone()),
        ["2 unwatch 192.0.2.10", "2 close IPv4"]
    );
    assert_eq!(node.tell(failed), NOTHING, "it is closed already");
    assert_eq!(node.run_for(Duration::from_millis(999)), []);
    let lines: Vec<String> = node
        .run_for(Duration::from_millis(1))
        .into_iter()
        .map(|(_, line)| line)
        .collect();
    assert_eq!(
        without_frames(lines),
        ["2 open IPv4", "2 watch 192.0.2.10", "2 filter"]
    );
}

#[test]
fn failed_socket_is_opened_at_once_when_its_link_changes() {
    let mut node = Node::settled();
    node.tell(Input::SocketFailed {
        interface: ETH0,
        family: IpFamily::V6,
    });
    let lines = node.tell(Input::LinkChanged(eth0()));
    assert_eq!(lines[0], "2 open IPv6");
    let later = node.run_for(Duration::from_secs(60));
    assert!(later.iter().all(|(_, line)| !line.contains("open")), "{later:?}");
}

#[test]
fn failures_of_unknown_sockets_are_ignored() {
    let mut node = Node::settled();
    let failed = Input::SocketFailed {
        interface: InterfaceIndex(99),
        family: IpFamily::V4,
    };
    assert_eq!(node.tell(failed), NOTHING);
    assert_eq!(node.machine.next_deadline(), None);
}

#[test]
fn addresses_that_no_host_can_have_are_not_held() {
    let mut node = Node::with_eth0();
    for address in [
        "0.0.0.0",
        "255.255.255.255",
        "224.0.0.1",
        "127.0.0.1",
        "::",
        "ff02::1",
        "::1",
    ] {
        let address: core::net::IpAddr = address.parse().unwrap();
        assert_eq!(node.tell(wanted(address, Interfaces::All)), NOTHING, "{address}");
        assert!(!node.machine.holds(address));
    }
}

#[test]
fn statistics_say_where_an_address_is_present() {
    let mut node = Node::settled();
    assert_eq!(
        node.machine.statistics().addresses[&V4.into()].interfaces,
        [ETH0, ETH1]
    );
    node.tell(down(eth0()));
    assert_eq!(node.machine.statistics().addresses[&V4.into()].interfaces, [ETH1]);
    node.tell(down(eth1()));
    assert_eq!(node.machine.statistics().addresses[&V4.into()].interfaces, []);
    assert!(node.machine.holds(V4.into()));
}
