//! Bursts and refreshing: when, for what, and for nothing else.

use core::num::NonZeroU32;
use core::time::Duration;

use crate::node::*;
use ferrolb_api::resolved::Interfaces;
use ferrolb_l2::{Config, Input, Link};

const BURST_MS: [u128; 8] = [0, 50, 150, 500, 1600, 2700, 3800, 4900];

/// Times at which frames with `part` in their line were sent.
fn times(lines: &[(u128, String)], part: &str) -> Vec<u128> {
    let sent = lines
        .iter()
        .filter(|(_, line)| line.contains(" send ") && line.contains(part));
    sent.map(|(at, _)| *at).collect()
}

/// What `input` causes now and within the next minute.
fn lines_after(node: &mut Node, input: Input) -> Vec<(u128, String)> {
    let mut lines: Vec<_> = node.tell(input).into_iter().map(|line| (0, line)).collect();
    lines.extend(node.run_for(Duration::from_secs(60)));
    lines
}

#[test]
fn new_ipv4_address_is_announced_as_request_and_reply_in_eight_rounds() {
    let mut node = Node::with_eth0();
    let lines = lines_after(&mut node, wanted(V4, Interfaces::All));
    let request = "arp request 192.0.2.10 is 10 to all 192.0.2.10";
    let reply = "arp reply 192.0.2.10 is 10 to all 192.0.2.10";
    assert_eq!(times(&lines, request), BURST_MS);
    assert_eq!(times(&lines, reply), BURST_MS);
    assert_eq!(times(&lines, "").len(), 16);
    assert_eq!(node.counters(V4).gratuitous_sent, 16);
    assert_eq!(node.machine.next_deadline(), None);
}

#[test]
fn request_form_precedes_reply_form() {
    let lines = Node::with_eth0().tell(wanted(V4, Interfaces::All));
    assert!(lines[2].contains("arp request") && lines[3].contains("arp reply"));
}

#[test]
fn new_ipv6_address_is_announced_to_all_nodes_and_three_times_to_routers() {
    let mut node = Node::with_eth0();
    let lines = lines_after(&mut node, wanted(V6, Interfaces::All));
    let nodes = "na 2001:db8::10 is 10 to 33:33:00:00:00:01 ff02::1 O from fe80::10";
    let routers = "na 2001:db8::10 is 10 to 33:33:00:00:00:02 ff02::2  from fe80::10";
    assert_eq!(times(&lines, nodes), BURST_MS);
    assert_eq!(times(&lines, routers), [0, 1600, 2700]);
    assert_eq!(node.counters(V6).gratuitous_sent, 11);
}

#[test]
fn unchanged_address_is_not_announced_again() {
    let mut node = Node::settled();
    assert_eq!(lines_after(&mut node, wanted(V4, Interfaces::All)), []);
}

#[test]
fn unchanged_address_within_its_burst_does_not_begin_another() {
    let mut node = Node::with_eth0();
    node.tell(wanted(V4, Interfaces::All));
    node.run_for(Duration::from_secs(1));
    let lines = lines_after(&mut node, wanted(V4, Interfaces::All));
    assert_eq!(times(&lines, "arp request"), [600, 1700, 2800, 3900]);
}

#[test]
fn address_taken_back_within_its_burst_is_announced_anew_at_once() {
    let mut node = Node::with_eth0();
    node.tell(wanted(V4, Interfaces::All));
    node.run_for(Duration::from_millis(600));
    assert_eq!(node.tell(released(V4)), ["2 unwatch 192.0.2.10", "2 filter"]);
    assert_eq!(node.machine.next_deadline(), None);
    let lines = lines_after(&mut node, wanted(V4, Interfaces::All));
    assert_eq!(times(&lines, "arp request"), BURST_MS);
}

#[test]
fn frames_are_only_about_what_moved() {
    let mut node = Node::settled();
    let lines = lines_after(&mut node, wanted(OTHER_V4, Interfaces::All));
    assert_eq!(times(&lines, ""), times(&lines, "192.0.2.11"));
    assert_eq!(times(&lines, "arp request").len(), 2 * 8, "both interfaces");
}

#[test]
fn wider_rule_is_announced_on_the_new_interface_only() {
    let mut node = Node::settled();
    node.tell(wanted(V4, named(&["eth0"])));
    node.run_for(Duration::from_secs(60));
    let lines = lines_after(&mut node, wanted(V4, named(&["eth0", "eth1"])));
    assert_eq!(times(&lines, "3 send arp request"), BURST_MS);
    assert_eq!(times(&lines, "2 send"), [0; 0]);
}

#[test]
fn narrower_rule_is_not_announced() {
    let mut node = Node::settled();
    let lines = lines_after(&mut node, wanted(V4, named(&["eth1"])));
    assert_eq!(times(&lines, ""), [0; 0]);
}

#[test]
fn returning_carrier_is_announced_on_that_interface_for_all_addresses() {
    let mut node = Node::settled();
    let without_carrier = Link {
        carrier: false,
        ..eth1()
    };
    assert_eq!(
        times(&lines_after(&mut node, Input::LinkChanged(without_carrier)), ""),
        [0; 0]
    );
    let lines = lines_after(&mut node, Input::LinkChanged(eth1()));
    assert_eq!(times(&lines, "3 send arp request 192.0.2.10"), BURST_MS);
    assert_eq!(
        times(&lines, "3 send na 2001:db8::10 is 11 to 33:33:00:00:00:01"),
        BURST_MS
    );
    assert_eq!(times(&lines, "2 send"), [0; 0]);
}

#[test]
fn carrier_that_was_away_for_a_moment_is_announced_on_that_interface_for_all_addresses() {
    let mut node = Node::settled();
    let back = Link {
        carrier_ups: 2,
        ..eth0()
    };
    let first = node.tell(Input::LinkChanged(back));
    assert_eq!(first.len(), 4, "a round of each family: {first:?}");
    assert!(first.iter().all(|line| line.starts_with("2 send")), "{first:?}");
    assert!(
        !node.run_for(Duration::from_secs(5)).is_empty(),
        "the rest of the burst"
    );
    let without_carrier = Link {
        carrier: false,
        carrier_ups: 2,
        ..eth0()
    };
    node.tell(Input::LinkChanged(without_carrier.clone()));
    let still_without = Link {
        carrier_ups: 3,
        ..without_carrier
    };
    assert_eq!(
        node.tell(Input::LinkChanged(still_without)).len(),
        0,
        "nothing to announce on"
    );
}

#[test]
fn new_mac_address_is_announced_and_used_from_then_on() {
    let mut node = Node::settled();
    let lines = lines_after(&mut node, Input::LinkChanged(link(ETH0, "eth0", mac(0x20))));
    assert_eq!(times(&lines, "2 send arp request 192.0.2.10 is 20"), BURST_MS);
    assert_eq!(times(&lines, "2 send"), times(&lines, " is 20"));
    assert_eq!(times(&lines, "3 send"), [0; 0]);
    assert!(
        !lines
            .iter()
            .any(|(_, line)| line.contains("open") || line.contains("watch"))
    );
    assert_eq!(
        node.hear(ETH0, &arp_question(V4).encode()),
        ["2 send arp reply 192.0.2.10 is 20 to c1 192.0.2.200"]
    );
}

#[test]
fn new_link_local_address_is_used_without_being_announced() {
    let mut node = Node::settled();
    let changed = Link {
        link_local: Some("fe80::99".parse().unwrap()),
        ..eth0()
    };
    assert_eq!(lines_after(&mut node, Input::LinkChanged(changed)), []);
    let answer = node.hear(ETH0, &solicitation(V6).encode());
    assert!(answer[0].ends_with("from fe80::99"), "{answer:?}");
}

#[test]
fn released_address_is_not_announced_any_more() {
    let mut node = Node::with_eth0();
    node.tell(wanted(V4, Interfaces::All));
    node.tell(wanted(OTHER_V4, Interfaces::All));
    node.run_for(Duration::from_millis(100));
    let lines = lines_after(&mut node, released(V4));
    assert_eq!(times(&lines, "192.0.2.10"), [0; 0]);
    assert_eq!(times(&lines, "arp request 192.0.2.11").len(), 6);
}

#[test]
fn late_driver_does_not_bunch_the_rounds() {
    let mut node = Node::with_eth0();
    node.tell(wanted(V4, Interfaces::All));
    node.wait(Duration::from_secs(3));
    let late = node.tick();
    assert_eq!(late.len(), 2, "one round: {late:?}");
    let lines = node.run_for(Duration::from_secs(60));
    assert_eq!(times(&lines, "arp request"), [100, 450, 1550, 2650, 3750, 4850]);
}

#[test]
fn many_addresses_are_announced_in_pieces() {
    let mut node = Node::new(quiet());
    for last in 0..=255 {
        let address = core::net::Ipv4Addr::new(10, 0, 0, last);
        node.tell(wanted(address, Interfaces::All));
    }
    let first = node.tell(Input::LinkChanged(eth0()));
    let sent = |lines: &[String]| lines.iter().filter(|line| line.contains(" send ")).count();
    assert_eq!(sent(&first), 2 * 127, "one of 128 timers was the filter's");
    assert_eq!(node.machine.next_deadline(), Some(node.now), "the rest is due");
    let rest = sent(&node.tick()) + sent(&node.tick());
    assert_eq!(rest, 2 * 256 - 2 * 127);
}

fn refreshing(interval: Duration, per_second: u32) -> Config {
    Config {
        refresh_interval: Some(interval),
        refresh_per_second: NonZeroU32::new(per_second).unwrap(),
        ..Config::default()
    }
}

#[test]
fn held_address_is_refreshed_by_one_frame_at_jittered_times() {
    let mut node = Node::new(refreshing(Duration::from_secs(30), 50));
    node.tell(Input::LinkChanged(eth0()));
    node.tell(wanted(V4, Interfaces::All));
    node.run_for(Duration::from_secs(5));
    let lines = node.run_for(Duration::from_secs(3600));
    let all = times(&lines, "");
    assert_eq!(all, times(&lines, "arp request"));
    assert!((100..=145).contains(&all.len()), "about 120: {}", all.len());
    let pauses: Vec<u128> = all.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(pauses.iter().all(|pause| (15_000..=45_000).contains(pause)));
    assert!(pauses.iter().any(|pause| *pause != pauses[0]));
}

#[test]
fn ipv6_refresh_goes_to_all_nodes_only() {
    let mut node = Node::new(refreshing(Duration::from_secs(30), 50));
    node.tell(Input::LinkChanged(eth0()));
    node.tell(wanted(V6, Interfaces::All));
    node.run_for(Duration::from_secs(5));
    let lines = node.run_for(Duration::from_secs(300));
    assert!(!lines.is_empty());
    assert!(
        lines.iter().all(|(_, line)| line.contains("ff02::1 O")),
        "{lines:?}"
    );
}

#[test]
fn refreshing_of_all_addresses_together_is_capped() {
    let mut node = Node::new(refreshing(Duration::from_secs(1), 20));
    node.tell(Input::LinkChanged(eth0()));
    for last in 0..100 {
        let address = core::net::Ipv4Addr::new(10, 0, 0, last);
        node.tell(wanted(address, Interfaces::All));
    }
    node.run_for(Duration::from_secs(20));
    let lines = node.run_for(Duration::from_secs(10));
    let all = times(&lines, "arp request");
    assert!((198..=201).contains(&all.len()), "{}", all.len());
    assert!(
        all.windows(2).all(|pair| pair[1] - pair[0] >= 50),
        "no two together"
    );
    for last in 0..100 {
        let own = times(&lines, &format!(" 10.0.0.{last} is "));
        assert!((1..=3).contains(&own.len()), "each has its turn: {own:?}");
    }
}

#[test]
fn same_seed_and_inputs_give_the_same_outputs() {
    let run = || {
        let mut node = Node::new(refreshing(Duration::from_secs(1), 20));
        for last in 0..50 {
            let address = core::net::Ipv4Addr::new(10, 0, 0, last);
            node.tell(wanted(address, Interfaces::All));
        }
        node.tell(Input::LinkChanged(eth0()));
        node.run_for(Duration::from_secs(30))
    };
    assert_eq!(run(), run());
}
