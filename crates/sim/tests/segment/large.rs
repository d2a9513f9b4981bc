//! A thousand nodes.

use core::time::Duration;
use std::collections::BTreeSet;

use ferrolb_gossip::Config;
use ferrolb_sim::{MS, SECOND, Segment, Setting};

use crate::DETECT;

/// That all know each other is where it begins, so they need not tell each other again and again: it would be most of the work.
fn thousand(seed: u64) -> Segment {
    let gossip = Config {
        gossip_interval: Duration::from_secs(60),
        retransmit_mult: 0,
        ..Config::lan()
    };
    let setting = Setting {
        gossip,
        services: 3,
        ..Setting::default()
    };
    Segment::new(1000, setting, seed)
}

#[test]
fn in_a_ring_of_a_thousand_owners_that_are_cut_off_or_killed_are_replaced_within_a_second() {
    let mut segment = thousand(1);
    segment.assert_one_owner_each("all are there");
    assert!(segment.agrees_on(1000, 0));
    let owner = segment.owners()[0][0];
    segment.partition(&BTreeSet::from([owner]));
    segment.run(DETECT);
    segment.assert_one_owner_each_at_most(|node| node != owner, "one is cut off");
    segment.heal();
    segment.begin_record();
    segment.run(SECOND);
    segment.assert_one_owner_each("it is back");
    assert_eq!(segment.owners()[0], [owner]);
    assert!(
        segment.record().longest_several <= MS * 1500,
        "{:?}",
        segment.record()
    );

    segment.begin_record();
    segment.kill(owner);
    segment.run(DETECT);
    segment.assert_one_owner_each("it is dead");
    assert!(
        segment.agrees_on(1000, 1),
        "all have noticed, and nobody else is out"
    );
    let record = segment.record();
    assert!(record.none <= DETECT && record.several.is_zero(), "{record:?}");
    assert_eq!(segment.conflicts(), 0);
}
