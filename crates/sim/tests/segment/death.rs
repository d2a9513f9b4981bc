//! Speakers that die.

use ferrolb_sim::{MS, Segment, Setting, with_seeds};

use crate::DETECT;

#[test]
fn whoever_is_killed_has_a_successor_for_each_address_within_a_second() {
    with_seeds(0..3, |seed| {
        for size in [3, 4, 5, 10, 30, 100] {
            let mut segment = Segment::new(size, Setting::default(), seed);
            segment.assert_one_owner_each("all are there");
            let victim = segment.below(size);
            segment.kill(victim);
            segment.run(DETECT);
            segment.assert_one_owner_each("one is killed");
            let record = segment.record();
            assert!(
                record.none <= DETECT && record.several.is_zero(),
                "{size} nodes: {record:?}"
            );
            segment.start(victim);
            segment.run(DETECT * 2);
            segment.assert_one_owner_each("it is back");
        }
    });
}

#[test]
fn clients_of_a_ring_of_five_wait_for_seven_tenths_of_a_second_at_most() {
    with_seeds(0..40, |seed| {
        let mut segment = Segment::new(5, Setting::default(), seed);
        let owner = segment.owners()[0][0];
        segment.kill(owner);
        segment.run(DETECT);
        let record = segment.record();
        assert!(record.none <= MS * 700, "{record:?}");
    });
}
