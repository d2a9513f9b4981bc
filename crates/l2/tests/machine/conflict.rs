//! Foreign hosts that claim held addresses.

use core::time::Duration;

use crate::node::*;
use ferrolb_l2::{DropReason, Input};
use ferrolb_types::address::solicited_node_group;
use ferrolb_wire::arp;

#[test]
fn foreign_announcement_is_reported_not_answered_and_defended_by_a_burst() {
    let mut node = Node::settled();
    let claim = arp::Packet::announcement(FOREIGNER, V4).encode();
    assert_eq!(node.hear(ETH0, &claim), ["2 conflict 192.0.2.10 by f0 defended"]);
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
        assert_eq!(lines, ["2 conflict 192.0.2.10 by f0 defended"], "{claim:?}");
    }
}

#[test]
fn foreign_advertisement_is_noticed_by_its_option_or_else_by_its_sender() {
    for (option, sender) in [(Some(FOREIGNER), CLIENT), (None, FOREIGNER)] {
        let claim = advertisement(V6, option, sender).encode();
        let lines = Node::settled().hear(ETH0, &claim);
        assert_eq!(lines, ["2 conflict 2001:db8::10 by f0 defended"]);
    }
}

#[test]
fn solicitation_from_a_held_address_is_a_claim() {
    let asked = solicitation_from(V6, solicited_node_group(OTHER_V6), OTHER_V6, Some(FOREIGNER));
    let lines = Node::settled().hear(ETH0, &asked.encode());
    assert_eq!(lines, ["2 conflict 2001:db8::10 by f0 defended"]);
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
fn frames_of_one_claim_are_counted_and_answered_by_one_defence() {
    let mut node = Node::settled();
    let claim = arp::Packet::announcement(FOREIGNER, V4).encode();
    let mut reports = 0;
    for _ in 0..5 {
        reports += node.hear(ETH0, &claim).len();
        node.run_for(Duration::from_millis(199));
    }
    assert_eq!(reports, 1);
    assert_eq!(node.counters(V4).conflicts, 5);
    assert_eq!(
        node.hear(ETH0, &arp_question(V4).encode()).len(),
        1,
        "still in use"
    );
}

#[test]
fn claims_more_than_ten_seconds_apart_are_all_defended() {
    let mut node = Node::settled();
    let claim = arp::Packet::announcement(FOREIGNER, V4).encode();
    for _ in 0..5 {
        assert_eq!(node.hear(ETH0, &claim), ["2 conflict 192.0.2.10 by f0 defended"]);
        node.run_for(Duration::from_secs(10));
    }
}

#[test]
fn second_claim_within_ten_seconds_ends_the_use_on_that_interface() {
    let mut node = Node::settled();
    let claim = arp::Packet::announcement(FOREIGNER, V4).encode();
    node.hear(ETH0, &claim);
    node.run_for(Duration::from_secs(2));
    assert_eq!(node.hear(ETH0, &claim), ["2 conflict 192.0.2.10 by f0 givenUp"]);
    assert_eq!(
        node.run_for(Duration::from_secs(9)),
        [],
        "the burst has ended, too"
    );
    let nothing: [&str; 0] = [];
    assert_eq!(node.hear(ETH0, &arp_question(V4).encode()), nothing);
    assert_eq!(node.drops(DropReason::NotInUse), 1);
    assert_eq!(node.hear(ETH1, &arp_question(V4).encode()).len(), 1);
    let address = &node.machine.statistics().addresses[&V4.into()];
    assert_eq!(
        (&address.interfaces[..], &address.yielded[..]),
        (&[ETH1][..], &[ETH0][..])
    );
}

#[test]
fn address_given_up_is_used_again_when_a_probe_finds_nobody() {
    let mut node = Node::settled();
    let claim = arp::Packet::announcement(FOREIGNER, V4).encode();
    node.hear(ETH0, &claim);
    node.run_for(Duration::from_secs(2));
    node.hear(ETH0, &claim);
    let lines = node.run_for(Duration::from_secs(11));
    let probes: Vec<u128> = lines
        .iter()
        .filter(|(_, line)| line == "2 send arp probe 192.0.2.10 by 10")
        .map(|(at, _)| *at)
        .collect();
    assert_eq!(probes, [10_000, 10_100, 10_200]);
    assert_eq!(lines[3], (10_300, "2 reclaimed 192.0.2.10".to_owned()));
    assert!(
        lines[4].1.starts_with("2 send arp request 192.0.2.10 is 10"),
        "{lines:?}"
    );
    assert_eq!(node.hear(ETH0, &arp_question(V4).encode()).len(), 1);
}

#[test]
fn neighbor_advertisements_are_defended_and_given_way_to_alike() {
    let mut node = Node::settled();
    let claim = advertisement(V6, Some(FOREIGNER), FOREIGNER).encode();
    assert_eq!(
        node.hear(ETH0, &claim),
        ["2 conflict 2001:db8::10 by f0 defended"]
    );
    node.run_for(Duration::from_secs(2));
    assert_eq!(node.hear(ETH0, &claim), ["2 conflict 2001:db8::10 by f0 givenUp"]);
    assert!(node.hear(ETH0, &solicitation(V6).encode()).is_empty());
    assert_eq!(
        node.run_for(Duration::from_secs(12))
            .iter()
            .filter(|(_, l)| l.contains("ns probe"))
            .count(),
        3
    );
}

#[test]
fn claims_on_another_interface_are_reported_and_defended_there() {
    let mut node = Node::settled();
    let claim = arp::Packet::announcement(FOREIGNER, V4).encode();
    assert_eq!(node.hear(ETH0, &claim).len(), 1);
    assert_eq!(node.hear(ETH1, &claim), ["3 conflict 192.0.2.10 by f0 defended"]);
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
fn claims_of_other_speakers_are_for_the_election_and_no_conflicts() {
    let mut node = Node::settled();
    node.tell(peers(&[FOREIGNER]));
    let lines = node.hear(ETH0, &arp::Packet::announcement(FOREIGNER, V4).encode());
    assert_eq!(lines, ["2 rival 192.0.2.10 by f0"]);
    let lines = node.hear(ETH0, &advertisement(V6, Some(FOREIGNER), FOREIGNER).encode());
    assert_eq!(lines, ["2 rival 2001:db8::10 by f0"]);
    assert_eq!(node.drops(DropReason::PeerClaim), 2);
    assert_eq!(node.counters(V4).conflicts, 0);
    assert_eq!(node.machine.next_deadline(), None);

    node.tell(peers(&[]));
    let lines = node.hear(ETH0, &arp::Packet::announcement(FOREIGNER, V4).encode());
    assert_eq!(
        lines,
        ["2 conflict 192.0.2.10 by f0 defended"],
        "a speaker no more"
    );
}

fn judged(prevails: bool) -> Input {
    Input::RivalJudged {
        address: V4.into(),
        prevails,
    }
}

/// A node that another speaker contests the IPv4 address of.
fn contested() -> (Node, ferrolb_wire::Frame) {
    let mut node = Node::settled();
    node.tell(peers(&[FOREIGNER]));
    let claim = arp::Packet::announcement(FOREIGNER, V4).encode();
    assert_eq!(node.hear(ETH0, &claim).len(), 1);
    (node, claim)
}

#[test]
fn election_is_asked_about_a_rival_once_a_second() {
    let (mut node, claim) = contested();
    let mut reports = 0;
    for _ in 0..20 {
        node.run_for(Duration::from_millis(100));
        reports += node.hear(ETH0, &claim).len();
    }
    assert_eq!(reports, 2);
}

#[test]
fn speaker_that_the_election_names_announces_again() {
    let (mut node, _) = contested();
    let lines = node.tell(judged(true));
    assert!(
        lines.iter().all(|line| line.contains(" send arp ")) && lines.len() == 4,
        "{lines:?}"
    );
}

#[test]
fn speaker_that_the_election_does_not_name_gives_way_at_once_and_everywhere() {
    let (mut node, _) = contested();
    node.tell(judged(false));
    for interface in [ETH0, ETH1] {
        assert!(node.hear(interface, &arp_question(V4).encode()).is_empty());
    }
    assert_eq!(
        node.hear(ETH0, &solicitation(V6).encode()).len(),
        1,
        "the other address stays"
    );
    assert_eq!(node.counters(V4).conflicts, 0);
}

#[test]
fn speaker_that_gave_way_comes_back_only_when_the_other_is_silent() {
    let (mut node, claim) = contested();
    node.tell(judged(false));
    for _ in 0..3 {
        node.run_for(Duration::from_millis(2050));
        assert!(node.hear(ETH0, &claim).is_empty(), "the other answers the probe");
        assert!(node.hear(ETH0, &arp_question(V4).encode()).is_empty());
    }
    node.run_for(Duration::from_millis(2300));
    assert_eq!(node.hear(ETH0, &arp_question(V4).encode()).len(), 1);
}

#[test]
fn advertisement_of_our_own_mac_by_another_sender_is_no_claim() {
    let mut node = Node::settled();
    let proxied = advertisement(V6, Some(MAC1), CLIENT).encode();
    assert!(node.hear(ETH0, &proxied).is_empty());
    assert_eq!(node.drops(DropReason::OwnFrame), 1);
}
