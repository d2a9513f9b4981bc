//! `--isolation`: a node that hears nobody.

use std::collections::BTreeSet;

use ferrolb_claim::OnIsolation;
use ferrolb_sim::{MS, SECOND, Segment, Setting, with_seeds};

use crate::{DETECT, HEAL};

/// From the cut until the last question to the gateway has had its time.
const STOP: core::time::Duration = core::time::Duration::from_millis(1800);

fn ring(size: usize, isolation: OnIsolation, seed: u64) -> Segment {
    let setting = Setting {
        isolation,
        ..Setting::default()
    };
    Segment::new(size, setting, seed)
}

/// Cuts a node off from the others, and perhaps from its gateway.
fn cut_off(segment: &mut Segment, node: usize, has_gateway: bool) {
    segment.partition(&BTreeSet::from([node]));
    segment.set_gateway(node, has_gateway);
}

#[test]
fn a_node_without_watchers_and_gateway_stops_and_answers_again_when_it_is_heard() {
    with_seeds(0..5, |seed| {
        for size in [2, 3, 5, 30] {
            let mut segment = ring(size, OnIsolation::Stop, seed);
            let victim = segment.owners()[0][0];
            cut_off(&mut segment, victim, false);
            segment.run(STOP);
            assert!(segment.node(victim).is_isolated(), "{size} nodes");
            segment.assert_one_owner_each("the others answer, and it does not");
            segment.run(SECOND * 90);
            segment.assert_one_owner_each("it stays silent");
            segment.heal();
            segment.begin_record();
            segment.run(HEAL);
            segment.assert_one_owner_each("it is heard again");
            let record = segment.record();
            assert!(record.longest_several <= MS * 200, "{size} nodes: {record:?}");
            assert!(!segment.node(victim).is_isolated());
            assert_eq!(segment.owners()[0], [victim]);
        }
    });
}

#[test]
fn a_node_whose_gateway_answers_goes_on() {
    with_seeds(0..5, |seed| {
        let mut segment = ring(3, OnIsolation::Stop, seed);
        let victim = segment.owners()[0][0];
        cut_off(&mut segment, victim, true);
        segment.run(SECOND * 30);
        assert!(!segment.node(victim).is_isolated());
        assert!(segment.owners()[0].contains(&victim));
    });
}

#[test]
fn the_one_that_is_left_of_a_ring_goes_on_while_its_gateway_answers() {
    with_seeds(0..5, |seed| {
        let mut segment = ring(4, OnIsolation::Stop, seed);
        (0..3).for_each(|node| segment.kill(node));
        segment.run(crate::LAST);
        segment.assert_one_owner_each("three of four are dead");
        segment.run(crate::GIVE_UP);
        segment.assert_one_owner_each("they are gone from the membership, too");
    });
}

#[test]
fn one_whose_others_have_all_left_is_not_cut_off() {
    with_seeds(0..5, |seed| {
        let mut segment = ring(3, OnIsolation::Stop, seed);
        segment.set_gateway(0, false);
        segment.stop(1);
        segment.stop(2);
        segment.run(SECOND * 10);
        segment.assert_one_owner_each("they said goodbye");
    });
}

#[test]
fn by_default_a_node_that_is_cut_off_goes_on() {
    with_seeds(0..3, |seed| {
        let mut segment = ring(3, OnIsolation::Continue, seed);
        let victim = segment.owners()[0][0];
        cut_off(&mut segment, victim, false);
        segment.run(DETECT * 10);
        assert!(segment.owners()[0].contains(&victim));
    });
}

#[test]
fn with_gossip_alone_a_node_that_is_cut_off_stops_when_it_has_given_the_others_up() {
    with_seeds(0..3, |seed| {
        let mut setting = Setting {
            isolation: OnIsolation::Stop,
            ..Setting::default()
        };
        setting.gossip.fast_watch = false;
        let mut segment = Segment::new(3, setting, seed);
        let victim = segment.owners()[0][0];
        cut_off(&mut segment, victim, false);
        segment.run(crate::GIVE_UP);
        assert!(segment.node(victim).is_isolated());
        segment.assert_one_owner_each("the others answer, and it does not");
    });
}
