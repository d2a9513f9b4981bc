//! Speakers that stop and start, with the API server and without.

use core::time::Duration;

use ferrolb_sim::{MS, SECOND, Segment, Setting, with_seeds};

use crate::{DETECT, GIVE_UP, HEAL};

/// A speaker that leaves goes on answering for so long, while its successor announces.
const HAND_OVER: Duration = Duration::from_millis(100);
/// One that is being replaced and its successor may both answer for so long.
const OVERLAP: Duration = Duration::from_millis(200);

#[test]
fn rolling_restarts_leave_no_address_without_an_owner() {
    with_seeds(0..3, |seed| {
        for size in [3, 7, 20] {
            let mut segment = Segment::new(size, Setting::default(), seed);
            for node in 0..size {
                segment.stop(node);
                segment.run(HAND_OVER + MS);
                segment.assert_one_owner_each("one has left");
                segment.start(node);
                segment.run(DETECT * 2);
                segment.assert_one_owner_each("it is back");
                assert!(segment.node(node).is_ready());
            }
            let record = segment.record();
            assert!(record.none.is_zero(), "{record:?}");
            assert!(record.longest_several <= OVERLAP, "{record:?}");
            assert_eq!(segment.conflicts(), 0);
        }
    });
}

#[test]
fn a_speaker_that_is_killed_and_started_at_once_takes_nothing_that_others_have() {
    with_seeds(0..10, |seed| {
        let mut segment = Segment::new(5, Setting::default(), seed);
        for node in 0..5 {
            segment.kill(node);
            segment.run(MS * 20);
            segment.start(node);
            segment.run(HEAL);
            segment.assert_one_owner_each("it is back");
        }
        let record = segment.record();
        assert!(record.longest_several <= OVERLAP, "{record:?}");
    });
}

#[test]
fn whoever_starts_while_the_api_server_is_away_claims_nothing() {
    with_seeds(0..3, |seed| {
        let mut segment = Segment::new(5, Setting::default(), seed);
        segment.set_api(false);
        for node in [1, 3] {
            segment.kill(node);
            segment.run(DETECT);
            segment.start(node);
            segment.run(SECOND * 20);
            segment.assert_one_owner_each("one has restarted");
            assert!(!segment.node(node).is_ready());
        }
        segment.set_api(true);
        segment.run(DETECT * 2);
        segment.assert_one_owner_each("the API server is back");
        assert!(segment.agrees_on(5, 0) && (0..5).all(|node| segment.node(node).is_ready()));
        assert!(
            segment.record().longest_several <= OVERLAP,
            "{:?}",
            segment.record()
        );
    });
}

#[test]
fn without_the_api_server_nothing_is_withdrawn_and_the_dead_are_replaced() {
    with_seeds(0..3, |seed| {
        let mut segment = Segment::new(6, Setting::default(), seed);
        segment.set_api(false);
        segment.run(SECOND * 30);
        segment.assert_one_owner_each("it is away");
        assert!(segment.record().none.is_zero());
        for node in 0..3 {
            segment.kill(node);
            segment.run(DETECT);
            segment.assert_one_owner_each("one has died meanwhile");
        }
        segment.run(GIVE_UP);
        segment.assert_one_owner_each("they are gone from the membership");
        segment.control.add_service();
        segment.set_api(true);
        segment.run(DETECT);
        segment.assert_one_owner_each("it is back, with one more Service");
    });
}

#[test]
fn a_new_address_has_one_owner_once_nobody_else_was_found_to_have_it() {
    with_seeds(0..5, |seed| {
        let mut segment = Segment::new(5, Setting::default(), seed);
        segment.control.add_service();
        segment.publish();
        segment.run(MS * 100);
        assert_eq!(segment.owners().last().map(Vec::len), Some(0), "it is asked for");
        segment.run(MS * 300);
        segment.assert_one_owner_each("nobody has answered");
    });
}

#[test]
fn a_drained_node_hands_over_and_takes_back_without_a_gap() {
    with_seeds(0..5, |seed| {
        let mut segment = Segment::new(4, Setting::default(), seed);
        let owner = segment.owners()[0][0];
        let name = segment.node(owner).name().to_string();
        segment.control.apply_node(&name, true);
        segment.publish();
        segment.run(MS * 100);
        segment.assert_one_owner_each("it is drained");
        assert!(segment.owners().iter().all(|owners| owners[0] != owner));
        segment.control.apply_node(&name, false);
        segment.publish();
        segment.run(MS * 100);
        assert_eq!(segment.owners()[0], [owner]);
        assert!(segment.record().none <= MS * 20, "{:?}", segment.record());
    });
}
