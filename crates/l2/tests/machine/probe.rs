//! The first use of an address: nobody is disturbed who has it already.

use core::time::Duration;

use ferrolb_l2::{Config, ConflictProbe, DropReason, Input};
use ferrolb_types::address::solicited_node_group;
use ferrolb_wire::ndp::{Message, Nonce, Solicitation};
use ferrolb_wire::{arp, ipv6, ndp};

use crate::node::*;

const NOTHING: [&str; 0] = [];

fn probing(conflict_probe: ConflictProbe) -> Node {
    let mut node = Node::new(Config {
        conflict_probe,
        ..quiet()
    });
    node.tell(Input::LinkChanged(eth0()));
    node
}

/// Times of the lines that contain `part`, from the moment when `input` is given, and of the first announcement.
fn story(node: &mut Node, input: Input, part: &str) -> (Vec<u128>, Option<u128>) {
    let mut lines: Vec<(u128, String)> = node.tell(input).into_iter().map(|line| (0, line)).collect();
    lines.extend(node.run_for(Duration::from_secs(30)));
    let probes = lines.iter().filter(|(_, line)| line.contains(part));
    let announced = lines.iter().find(|(_, line)| line.contains(" is 10 to "));
    (probes.map(|(at, _)| *at).collect(), announced.map(|(at, _)| *at))
}

/// A node that has sent its first probes for both addresses.
fn first_probes_sent() -> Node {
    let mut node = probing(ConflictProbe::Fast);
    node.tell(allocated(V4));
    node.tell(allocated(V6));
    node.run_for(Duration::from_millis(50));
    node
}

#[test]
fn fast_probe_is_three_questions_within_300_ms() {
    let mut node = probing(ConflictProbe::Fast);
    let (probes, announced) = story(&mut node, allocated(V4), "2 send arp probe 192.0.2.10 by 10");
    assert_eq!((probes, announced), (vec![0, 100, 200], Some(300)));
    let mut node = probing(ConflictProbe::Fast);
    let (probes, announced) = story(&mut node, allocated(V6), "2 send ns probe 2001:db8::10 by 10");
    assert_eq!((probes, announced), (vec![0, 100, 200], Some(300)));
}

#[test]
fn probe_of_the_rfcs_has_their_times() {
    let mut node = probing(ConflictProbe::Rfc);
    let (probes, announced) = story(&mut node, allocated(V4), "arp probe");
    let [first, second, third] = probes[..] else {
        panic!("{probes:?}")
    };
    assert!(first <= 1000, "PROBE_WAIT: {first}");
    for pause in [second - first, third - second] {
        assert!((1000..=2000).contains(&pause), "PROBE_MIN to PROBE_MAX: {pause}");
    }
    assert_eq!(announced, Some(third + 2000), "ANNOUNCE_WAIT");

    let mut node = probing(ConflictProbe::Rfc);
    let (probes, announced) = story(&mut node, allocated(V6), "ns probe");
    let [only] = probes[..] else { panic!("{probes:?}") };
    assert!(only <= 1000);
    assert_eq!(announced, Some(only + 1000), "RetransTimer");
}

#[test]
fn without_probing_and_at_a_take_over_it_is_announced_at_once() {
    let mut node = probing(ConflictProbe::Off);
    assert_eq!(story(&mut node, allocated(V4), "probe"), (vec![], Some(0)));
    let mut node = probing(ConflictProbe::Rfc);
    let take_over = wanted(V4, ferrolb_api::resolved::Interfaces::All);
    assert_eq!(story(&mut node, take_over, "probe"), (vec![], Some(0)));
}

#[test]
fn probes_are_no_gratuitous_frames_and_nothing_is_answered_meanwhile() {
    let mut node = first_probes_sent();
    assert_eq!(node.counters(V4).gratuitous_sent, 0);
    assert_eq!(node.hear(ETH0, &arp_question(V4).encode()), NOTHING);
    assert_eq!(node.hear(ETH0, &solicitation(V6).encode()), NOTHING);
    assert_eq!(node.drops(DropReason::NotInUse), 2);
    assert!(
        node.machine.statistics().addresses[&V4.into()]
            .interfaces
            .is_empty()
    );
    node.run_for(Duration::from_secs(1));
    assert_eq!(node.hear(ETH0, &arp_question(V4).encode()).len(), 1);
}

#[test]
fn host_that_answers_the_probe_keeps_the_address() {
    let mut node = first_probes_sent();
    let answer = arp::Packet::probe(MAC0, V4).reply_from(FOREIGNER).encode();
    assert_eq!(node.hear(ETH0, &answer), ["2 conflict 192.0.2.10 by f0 notTaken"]);
    let answer = advertisement(V6, Some(FOREIGNER), FOREIGNER).encode();
    assert_eq!(
        node.hear(ETH0, &answer),
        ["2 conflict 2001:db8::10 by f0 notTaken"]
    );
    assert_eq!(node.run_for(Duration::from_secs(9)), []);
    assert_eq!(node.hear(ETH0, &arp_question(V4).encode()), NOTHING);
}

#[test]
fn conflict_that_lasts_is_reported_once_and_probed_for_ever_more_rarely() {
    let mut node = first_probes_sent();
    let answer = arp::Packet::probe(MAC0, V4).reply_from(FOREIGNER).encode();
    node.tell(released(V6));
    assert_eq!(node.hear(ETH0, &answer).len(), 1);
    for _ in 0..9 {
        let lines = node.run_for(Duration::from_millis(10_000));
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert_eq!(node.hear(ETH0, &answer), NOTHING);
    }
    node.run_for(Duration::from_millis(10_000));
    assert_eq!(node.hear(ETH0, &answer), NOTHING);
    assert_eq!(
        node.run_for(Duration::from_millis(59_999)),
        [],
        "MAX_CONFLICTS reached"
    );
    assert_eq!(node.run_for(Duration::from_millis(1)).len(), 1);
    let lines = node.run_for(Duration::from_secs(1));
    assert!(
        lines.contains(&(300, "2 reclaimed 192.0.2.10".to_owned())),
        "{lines:?}"
    );
}

#[test]
fn host_that_probes_for_the_same_address_is_a_conflict() {
    let mut node = first_probes_sent();
    let probe = arp::Packet::probe(FOREIGNER, V4).encode();
    assert_eq!(node.hear(ETH0, &probe), ["2 conflict 192.0.2.10 by f0 notTaken"]);
    let unspecified = "::".parse().unwrap();
    let probe = solicitation_from(unspecified, solicited_node_group(V6), V6, None).encode();
    assert_eq!(
        node.hear(ETH0, &probe),
        ["2 conflict 2001:db8::10 by c1 notTaken"]
    );
}

#[test]
fn another_speaker_that_probes_for_the_same_address_is_none() {
    let mut node = first_probes_sent();
    node.tell(peers(&[FOREIGNER]));
    assert_eq!(
        node.hear(ETH0, &arp::Packet::probe(FOREIGNER, V4).encode()),
        NOTHING
    );
    node.run_for(Duration::from_secs(1));
    assert_eq!(node.hear(ETH0, &arp_question(V4).encode()).len(), 1);
}

#[test]
fn address_that_another_speaker_uses_is_left_to_it_without_a_report() {
    let mut node = first_probes_sent();
    node.tell(peers(&[FOREIGNER]));
    let claim = arp::Packet::announcement(FOREIGNER, V4).encode();
    assert_eq!(node.hear(ETH0, &claim), NOTHING);
    node.run_for(Duration::from_secs(1));
    assert_eq!(node.hear(ETH0, &arp_question(V4).encode()), NOTHING);
    assert_eq!(node.counters(V4).conflicts, 0);
}

#[test]
fn own_probe_that_comes_back_is_known_by_its_nonce() {
    let mut node = probing(ConflictProbe::Fast);
    let mut out = Vec::new();
    node.machine.handle(node.now, allocated(V6), &mut out);
    node.machine.handle(node.now, Input::Tick, &mut out);
    let nonce = out.iter().find_map(own_nonce).unwrap();
    for (nonce, expected) in [
        (nonce, vec![]),
        (Nonce([0; 6]), vec!["2 conflict 2001:db8::10 by c1 notTaken"]),
    ] {
        let message = Message::Solicitation(Solicitation {
            target: V6,
            source_link_layer: None,
            nonce: Some(nonce),
        });
        let ip = ipv6::Header {
            source: "::".parse().unwrap(),
            destination: solicited_node_group(V6),
        };
        // A switch or an access point has put its own address into the frame.
        let looped = ndp::Packet::new(CLIENT, MAC0, ip, message).encode();
        assert_eq!(node.hear(ETH0, &looped), expected);
    }
}

fn own_nonce(output: &ferrolb_l2::Output) -> Option<Nonce> {
    let ferrolb_l2::Output::SendFrame { frame, .. } = output else {
        return None;
    };
    match ndp::Packet::decode(frame).ok()?.message {
        Message::Solicitation(asked) => asked.nonce,
        Message::Advertisement(_) => None,
    }
}

#[test]
fn interface_that_comes_later_does_not_probe_again() {
    let mut node = probing(ConflictProbe::Fast);
    node.tell(allocated(V4));
    node.run_for(Duration::from_secs(10));
    let lines = node.tell(Input::LinkChanged(eth1()));
    assert!(lines.iter().all(|line| !line.contains("probe")), "{lines:?}");
    assert!(
        lines
            .iter()
            .any(|line| line.starts_with("3 send arp request 192.0.2.10"))
    );
}

#[test]
fn address_released_while_it_is_probed_for_is_forgotten() {
    let mut node = first_probes_sent();
    node.tell(released(V4));
    node.tell(released(V6));
    assert!(
        node.run_for(Duration::from_secs(60))
            .iter()
            .all(|(_, line)| !line.contains("send"))
    );
    assert_eq!(node.machine.next_deadline(), None);
}
