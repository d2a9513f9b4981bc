//! What is answered, with which frame, and what is not.

use crate::node::*;
use ferrolb_l2::{AddressCounters, DropReason, Input};
use ferrolb_types::MacAddr;
use ferrolb_types::address::solicited_node_group;
use ferrolb_wire::arp;

/// The node says nothing to `frame`, for `reason`, and nothing else is counted.
fn assert_dropped(node: &mut Node, frame: &[u8], reason: DropReason) {
    let before = node.machine.statistics();
    assert_eq!(node.hear(ETH0, frame), [""; 0]);
    let mut expected = before.drops.clone();
    *expected.get_mut(&reason).unwrap() += 1;
    let after = node.machine.statistics();
    assert_eq!(after.drops, expected);
    assert_eq!(after.addresses, before.addresses);
}

#[test]
fn arp_request_is_answered_from_the_interface_it_came_through() {
    let mut node = Node::settled();
    let question = arp_question(V4).encode();
    assert_eq!(
        node.hear(ETH0, &question),
        ["2 send arp reply 192.0.2.10 is 10 to c1 192.0.2.200"]
    );
    assert_eq!(
        node.hear(ETH1, &question),
        ["3 send arp reply 192.0.2.10 is 11 to c1 192.0.2.200"]
    );
}

#[test]
fn arp_request_to_our_mac_alone_is_answered() {
    let mut question = arp_question(V4);
    question.ethernet.destination = MAC0;
    assert_eq!(Node::settled().hear(ETH0, &question.encode()).len(), 1);
}

#[test]
fn arp_probe_is_answered_so_that_the_address_is_defended() {
    let probe = arp::Packet::probe(CLIENT, V4).encode();
    assert_eq!(
        Node::settled().hear(ETH0, &probe),
        ["2 send arp reply 192.0.2.10 is 10 to c1 0.0.0.0"]
    );
}

#[test]
fn answers_are_counted_for_their_address_only() {
    let mut node = Node::settled();
    let (v4, v6) = (node.counters(V4), node.counters(V6));
    node.hear(ETH0, &arp_question(V4).encode());
    let expected = AddressCounters {
        requests_received: 1,
        responses_sent: 1,
        ..v4
    };
    assert_eq!((node.counters(V4), node.counters(V6)), (expected, v6));
}

#[test]
fn solicitation_is_answered_with_the_override_flag() {
    assert_eq!(
        Node::settled().hear(ETH0, &solicitation(V6).encode()),
        ["2 send na 2001:db8::10 is 10 to c1 2001:db8::c1 SO from fe80::10"]
    );
}

#[test]
fn unicast_solicitation_without_option_is_answered_to_the_ethernet_source() {
    let question = solicitation_from(CLIENT_V6, V6, V6, None);
    assert_eq!(question.ethernet.destination, MAC0);
    assert_eq!(
        Node::settled().hear(ETH0, &question.encode()),
        ["2 send na 2001:db8::10 is 10 to c1 2001:db8::c1 SO from fe80::10"]
    );
}

#[test]
fn multicast_solicitation_without_option_is_answered_too() {
    let question = solicitation_from(CLIENT_V6, solicited_node_group(V6), V6, None);
    assert_eq!(Node::settled().hear(ETH0, &question.encode()).len(), 1);
}

#[test]
fn answer_goes_to_the_option_not_to_the_ethernet_source() {
    let mut question = solicitation(V6);
    question.ethernet.source = mac(0x99);
    let answer = Node::settled().hear(ETH0, &question.encode());
    assert_eq!(
        answer,
        ["2 send na 2001:db8::10 is 10 to c1 2001:db8::c1 SO from fe80::10"]
    );
}

#[test]
fn duplicate_address_detection_is_answered_to_all_nodes() {
    let unspecified = "::".parse().unwrap();
    let probe = solicitation_from(unspecified, solicited_node_group(V6), V6, None);
    assert_eq!(
        Node::settled().hear(ETH0, &probe.encode()),
        ["2 send na 2001:db8::10 is 10 to 33:33:00:00:00:01 ff02::1 O from fe80::10"]
    );
}

#[test]
fn question_as_an_input_gives_the_same_answer() {
    let frame = arp_question(V4).encode();
    let input = Input::FrameReceived {
        interface: ETH0,
        frame: frame.to_vec().into(),
    };
    let mut node = Node::settled();
    assert_eq!(node.tell(input), node.hear(ETH0, &frame));
    assert_eq!(node.counters(V4).requests_received, 2);
}

#[test]
fn questions_for_others_are_not_answered() {
    let mut node = Node::settled();
    assert_dropped(&mut node, &arp_question(OTHER_V4).encode(), DropReason::NotHeld);
    assert_dropped(&mut node, &solicitation(OTHER_V6).encode(), DropReason::NotHeld);
}

#[test]
fn questions_on_an_interface_outside_the_rule_are_not_answered() {
    let mut node = Node::settled();
    node.tell(wanted(V4, named(&["eth1"])));
    node.tell(wanted(V6, named(&["eth1"])));
    assert_dropped(&mut node, &arp_question(V4).encode(), DropReason::OtherInterface);
    assert_dropped(&mut node, &solicitation(V6).encode(), DropReason::OtherInterface);
    assert_eq!(node.hear(ETH1, &arp_question(V4).encode()).len(), 1);
}

#[test]
fn released_addresses_are_not_answered_and_their_counters_are_gone() {
    let mut node = Node::settled();
    node.tell(released(V4));
    assert_dropped(&mut node, &arp_question(V4).encode(), DropReason::NotHeld);
    assert!(!node.machine.statistics().addresses.contains_key(&V4.into()));
    assert_eq!(node.hear(ETH0, &solicitation(V6).encode()).len(), 1);
}

#[test]
fn replies_and_advertisements_of_others_are_not_answered() {
    let mut node = Node::settled();
    let reply = arp_question(OTHER_V4).reply_from(mac(0x99));
    assert_dropped(&mut node, &reply.encode(), DropReason::NotARequest);
    let advertised = advertisement(OTHER_V6, Some(CLIENT), CLIENT);
    assert_dropped(&mut node, &advertised.encode(), DropReason::NotARequest);
}

#[test]
fn frames_to_other_hosts_are_not_answered() {
    let mut node = Node::settled();
    let mut question = arp_question(V4);
    question.ethernet.destination = mac(0x99);
    assert_dropped(&mut node, &question.encode(), DropReason::OtherDestination);
    let mut question = solicitation_from(CLIENT_V6, V6, V6, None);
    question.ethernet.destination = mac(0x99);
    assert_dropped(&mut node, &question.encode(), DropReason::OtherDestination);
}

#[test]
fn answers_never_go_to_groups_or_to_nobody() {
    let mut node = Node::settled();
    for sender in [MacAddr::BROADCAST, MacAddr([3, 0, 0, 0, 0, 1]), MacAddr::ZERO] {
        let question = arp::Packet::request(sender, CLIENT_V4, V4);
        assert_dropped(&mut node, &question.encode(), DropReason::InvalidSender);
        let question = solicitation_from(CLIENT_V6, solicited_node_group(V6), V6, Some(sender));
        assert_dropped(&mut node, &question.encode(), DropReason::InvalidSender);
    }
}

#[test]
fn own_frames_that_come_back_are_ignored_on_every_interface() {
    let mut node = Node::settled();
    for own in [MAC0, MAC1] {
        let question = arp::Packet::request(own, CLIENT_V4, V4);
        assert_dropped(&mut node, &question.encode(), DropReason::OwnFrame);
        let announcement = arp::Packet::announcement(own, V4);
        assert_dropped(&mut node, &announcement.encode(), DropReason::OwnFrame);
        let advertised = advertisement(V6, Some(own), own);
        assert_dropped(&mut node, &advertised.encode(), DropReason::OwnFrame);
    }
}

#[test]
fn mac_of_an_interface_that_cannot_announce_is_our_own_too() {
    let mut node = Node::settled();
    let mut slave = link(ferrolb_types::InterfaceIndex(9), "slave", mac(0x77));
    slave.enslaved = true;
    assert_eq!(node.tell(Input::LinkChanged(slave)), [""; 0]);
    let announcement = arp::Packet::announcement(mac(0x77), V4);
    assert_dropped(&mut node, &announcement.encode(), DropReason::OwnFrame);
}

#[test]
fn own_mac_is_forgotten_with_the_last_link_that_has_it() {
    let mut node = Node::settled();
    let (vlan_a, vlan_b) = (ferrolb_types::InterfaceIndex(8), ferrolb_types::InterfaceIndex(9));
    for (index, name) in [(vlan_a, "a"), (vlan_b, "b")] {
        let mut vlan = link(index, name, mac(0x77));
        vlan.up = false;
        node.tell(Input::LinkChanged(vlan));
    }
    let question = arp::Packet::request(mac(0x77), CLIENT_V4, V4).encode();
    node.tell(Input::LinkDisappeared(vlan_a));
    assert_dropped(&mut node, &question, DropReason::OwnFrame);
    node.tell(Input::LinkDisappeared(vlan_b));
    assert_eq!(node.hear(ETH0, &question).len(), 1);
}

#[test]
fn damaged_frames_are_dropped() {
    let mut node = Node::settled();
    let mut frame = solicitation(V6).encode().to_vec();
    frame[70] ^= 1;
    assert_dropped(&mut node, &frame, DropReason::Malformed);
    assert_dropped(&mut node, &arp_question(V4).encode()[..41], DropReason::Malformed);
    assert_dropped(&mut node, &[], DropReason::Malformed);
}

#[test]
fn frames_from_closed_interfaces_are_dropped() {
    let mut node = Node::settled();
    let mut without_carrier = eth0();
    without_carrier.carrier = false;
    node.tell(Input::LinkChanged(without_carrier));
    let question = arp_question(V4).encode();
    assert_dropped(&mut node, &question, DropReason::InterfaceClosed);
    assert_eq!(node.hear(ETH1, &question).len(), 1);
    assert_eq!(node.hear(ferrolb_types::InterfaceIndex(99), &question), [""; 0]);
}

#[test]
fn arp_is_not_answered_where_only_neighbor_discovery_is_open() {
    let mut node = Node::settled();
    let mut point_to_point = eth0();
    point_to_point.broadcast = false;
    node.tell(Input::LinkChanged(point_to_point));
    assert_dropped(&mut node, &arp_question(V4).encode(), DropReason::InterfaceClosed);
    assert_eq!(node.hear(ETH0, &solicitation(V6).encode()).len(), 1);
}

#[test]
fn addresses_in_the_notation_of_the_other_family_are_the_same() {
    let mut node = Node::with_eth0();
    node.tell(wanted(
        V4.to_ipv6_mapped(),
        ferrolb_api::resolved::Interfaces::All,
    ));
    assert_eq!(node.hear(ETH0, &arp_question(V4).encode()).len(), 1);
    assert!(node.machine.holds(V4.into()));
    node.tell(released(V4.to_ipv6_mapped()));
    assert!(!node.machine.holds(V4.into()));
}
