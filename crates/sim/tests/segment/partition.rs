//! Nodes that do not hear each other.

use std::collections::BTreeSet;

use ferrolb_sim::{MS, SECOND, Segment, Setting, Weather, with_seeds};

use crate::{BURST, DETECT, GIVE_UP, HEAL, assert_given_back, assert_one_owner_each_on, notice};

#[test]
fn each_side_of_a_partition_has_one_owner_and_all_have_one_after_healing() {
    with_seeds(0..4, |seed| {
        for (size, side) in [(3, 1), (5, 2), (6, 3), (8, 2), (30, 1), (30, 2), (30, 15)] {
            let mut segment = Segment::new(size, Setting::default(), seed);
            let mut chosen = BTreeSet::new();
            while chosen.len() < side {
                chosen.insert(segment.below(size));
            }
            segment.partition(&chosen);
            for time in [notice(side), SECOND * 10, GIVE_UP] {
                segment.run(time);
                assert_one_owner_each_on(&mut segment, |node| chosen.contains(&node), "this side");
                assert_one_owner_each_on(&mut segment, |node| !chosen.contains(&node), "that side");
            }
            heal(&mut segment);
        }
    });
}

/// Before anybody is gone from the membership.
#[test]
fn all_have_one_owner_after_a_partition_that_was_short() {
    with_seeds(0..10, |seed| {
        for (size, side) in [(5, 2), (6, 3), (30, 1), (30, 3), (30, 15)] {
            let mut segment = Segment::new(size, Setting::default(), seed);
            segment.partition(&(0..side).collect());
            let time = 1 + segment.below(3000);
            segment.run(MS * u32::try_from(time).expect("a short time"));
            heal(&mut segment);
        }
    });
}

/// It hears one after the other, and each tells it whom else it may count on.
#[test]
fn a_node_that_was_cut_off_from_many_gives_everything_back_at_once() {
    with_seeds(0..4, |seed| {
        for size in [12, 30, 100] {
            let mut segment = Segment::new(size, Setting::default(), seed);
            let before = segment.owners();
            let victim = segment.below(size);
            segment.partition(&BTreeSet::from([victim]));
            segment.run(SECOND * 5);
            assert_one_owner_each_on(&mut segment, |node| node == victim, "it takes what is left");
            assert_given_back(&mut segment, &before, MS * 500);
        }
    });
}

fn heal(segment: &mut Segment) {
    segment.heal();
    segment.begin_record();
    segment.run(HEAL);
    segment.assert_one_owner_each("it has healed");
    let (size, record) = (segment.size(), segment.record());
    assert!(record.longest_several <= BURST, "{size} nodes: {record:?}");
    assert!(record.none <= MS * 500, "{size} nodes: {record:?}");
    assert_eq!(
        segment.conflicts(),
        0,
        "they know each other by their hardware addresses"
    );
}

#[test]
fn a_node_that_nobody_hears_and_that_hears_all_is_replaced() {
    with_seeds(0..5, |seed| {
        let mut segment = Segment::new(5, Setting::default(), seed);
        let victim = segment.owners()[0][0];
        let others: Vec<usize> = (0..5).filter(|node| *node != victim).collect();
        others.iter().for_each(|other| segment.cut(victim, *other));
        segment.run(DETECT);
        segment.assert_one_owner_each("it knows that it is out");
        segment.heal();
        segment.run(HEAL);
        assert_eq!(segment.owners()[0], [victim]);
    });
}

#[test]
fn a_node_that_hears_nobody_and_that_all_hear_gives_way_where_it_is_not_elected() {
    with_seeds(0..5, |seed| {
        let mut segment = Segment::new(5, Setting::default(), seed);
        let victim = segment.below(5);
        let others: Vec<usize> = (0..5).filter(|node| *node != victim).collect();
        others.iter().for_each(|other| segment.cut(*other, victim));
        segment.run(GIVE_UP);
        segment.assert_one_owner_each_at_most(|node| node != victim, "the others");
        segment.heal();
        segment.run(HEAL);
        segment.assert_one_owner_each("it has healed");
    });
}

/// A firewall that keeps the gossip back and not the frames.
#[test]
fn speakers_that_hear_each_other_on_the_segment_alone_have_one_owner_for_each_address() {
    with_seeds(0..4, |seed| {
        for size in [2, 3, 6] {
            let mut segment = Segment::new(size, Setting::default(), seed);
            let side: BTreeSet<usize> = (0..=segment.below(size - 1)).collect();
            segment.muffle(&side);
            segment.run(GIVE_UP);
            segment.assert_one_owner_each("they know each other by their claims");
            assert!(
                segment.record().longest_several <= BURST,
                "{:?}",
                segment.record()
            );
            segment.heal();
            segment.run(HEAL);
            segment.assert_one_owner_each("gossip is back");
            assert_eq!(segment.conflicts(), 0);
        }
    });
}

#[test]
fn one_way_between_two_nodes_makes_no_difference() {
    with_seeds(0..5, |seed| {
        let mut segment = Segment::new(6, Setting::default(), seed);
        let (a, b) = (segment.below(3), 3 + segment.below(3));
        segment.cut(a, b);
        segment.run(SECOND * 30);
        segment.assert_one_owner_each("others reach both");
        let record = segment.record();
        assert!(record.none.is_zero() && record.several.is_zero(), "{record:?}");
    });
}

#[test]
fn packets_that_are_lost_and_late_change_no_owner() {
    with_seeds(0..3, |seed| {
        for size in [3, 5, 20] {
            let mut segment = Segment::new(size, Setting::default(), seed);
            let before = segment.owners();
            segment.set_weather(Weather::FOUL);
            segment.run(SECOND * 60);
            assert_eq!(segment.owners(), before);
            let record = segment.record();
            assert!(
                record.none.is_zero() && record.several.is_zero(),
                "{size}: {record:?}"
            );
        }
    });
}
