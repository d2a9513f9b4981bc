//! Foreign hosts that claim held addresses.

use core::time::Duration;

use crate::node::*;
use ferrolb_l2::DropReason;
use ferrolb_types::address::solicited_node_group;
use ferrolb_wire::arp;

#[test]
fn foreign_announcement_is_reported_not_answered_and_defended_by_a_burst() {
    let mut node = Node::settled();
    let claim = arp::Packet::announcement(FOREIGNER, V4).encode();
    assert_eq!(node.hear(ETH0, &claim), ["2 conflict 192.0.2.10 by f0"]);
    assert_eq!(node.machine.next_deadline(), Some(node.now), "the defence is due");
    let lines = node.run_for(Duration::from_secs(60));
    let requests: Vec<u128> = lines
        .iter()
        .filter(|(_, line)| line.starts_with("2 send arp request 192.0.2.10 is 10"))
        .map(|(at, _)| *at)
        .collect();
    assert_eq!(requests, [0, 50, 150, 500, 1600, 2700, 3800, 4900]);
    assert_eq!(lines.len(), 16, "nothing on eth1, nothing of IPv6");
    assert_eq!(node.drops(DropReason::ForeignClaim), 1);
}

#[test]
fn every_kind_of_arp_claim_is_noticed() {
    for claim in [
        arp::Packet::announcement(FOREIGNER, V4),
        arp::Packet::gratuitous_reply(FOREIGNER, V4),
        arp::Packet::request(FOREIGNER, V4, CLIENT_V4),
        arp::Packet::request(CLIENT, CLIENT_V4, V4).reply_from(FOREIGNER),
    ] {
        let lines = Node::settled().hear(ETH0, &claim.encode());
        assert_eq!(lines, ["2 conflict 192.0.2.10 by f0"], "{claim:?}");
    }
}

#[test]
fn foreign_advertisement_is_noticed_by_its_option_or_else_by_its_sender() {
    for (option, sender) in [(Some(FOREIGNER), CLIENT), (None, FOREIGNER)] {
        let claim = advertisement(V6, option, sender).encode();
        let lines = Node::settled().hear(ETH0, &claim);
        assert_eq!(lines, ["2 conflict 2001:db8::10 by f0"]);
    }
}

#[test]
fn solicitation_from_a_held_address_is_a_claim() {
    let asked = solicitation_from(V6, solicited_node_group(OTHER_V6), OTHER_V6, Some(FOREIGNER));
    let lines = Node::settled().hear(ETH0, &asked.encode());
    assert_eq!(lines, ["2 conflict 2001:db8::10 by f0"]);
}

#[test]
fn probes_are_questions_and_no_claims() {
    let mut node = Node::settled();
    node.hear(ETH0, &arp::Packet::probe(FOREIGNER, V4).encode());
    let unspecified = "::".parse().unwrap();
    let probe = solicitation_from(unspecified, solicited_node_group(V6), V6, None);
    node.hear(ETH0, &probe.encode());
    assert_eq!((node.counters(V4).conflicts, node.counters(V6).conflicts), (0, 0));
}

#[test]
fn repeated_claims_are_counted_and_reported_once_in_ten_seconds() {
    let mut node = Node::settled();
    let claim = arp::Packet::announcement(FOREIGNER, V4).encode();
    let mut reports = 0;
    for _ in 0..100 {
        reports += node.hear(ETH0, &claim).len();
        node.run_for(Duration::from_millis(200));
    }
    assert_eq!(reports, 2, "20 seconds");
    assert_eq!(node.counters(V4).conflicts, 100);
}

#[test]
fn claims_on_another_interface_are_reported_and_defended_there() {
    let mut node = Node::settled();
    let claim = arp::Packet::announcement(FOREIGNER, V4).encode();
    assert_eq!(node.hear(ETH0, &claim).len(), 1);
    assert_eq!(node.hear(ETH1, &claim), ["3 conflict 192.0.2.10 by f0"]);
}

#[test]
fn claims_of_addresses_that_are_not_present_here_are_nobodys_business() {
    let mut node = Node::settled();
    node.tell(wanted(V4, named(&["eth1"])));
    for address in [V4, OTHER_V4] {
        let claim = arp::Packet::announcement(FOREIGNER, address).encode();
        let lines = node.hear(ETH0, &claim);
        assert!(lines.is_empty(), "{lines:?}");
    }
    assert_eq!(node.counters(V4).conflicts, 0);
}

#[test]
fn claims_of_other_speakers_are_counted_but_neither_reported_nor_defended() {
    let mut node = Node::settled();
    node.tell(peers(&[FOREIGNER]));
    let lines = node.hear(ETH0, &arp::Packet::announcement(FOREIGNER, V4).encode());
    assert!(lines.is_empty(), "{lines:?}");
    node.hear(ETH0, &advertisement(V6, Some(FOREIGNER), FOREIGNER).encode());
    assert_eq!(node.drops(DropReason::PeerClaim), 2);
    assert_eq!(node.counters(V4).conflicts, 0);
    assert_eq!(node.machine.next_deadline(), None);

    node.tell(peers(&[]));
    let lines = node.hear(ETH0, &arp::Packet::announcement(FOREIGNER, V4).encode());
    assert_eq!(lines, ["2 conflict 192.0.2.10 by f0"], "a speaker no more");
}

#[test]
fn advertisement_of_our_own_mac_by_another_sender_is_no_claim() {
    let mut node = Node::settled();
    let proxied = advertisement(V6, Some(MAC1), CLIENT).encode();
    assert!(node.hear(ETH0, &proxied).is_empty());
    assert_eq!(node.drops(DropReason::OwnFrame), 1);
}
