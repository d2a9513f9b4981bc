//! Many speakers that die together: as long as two are left that hear each other, each address has an owner again about a second
//! after the last of them has died.
//!
//! | Dead | Each address has an owner after |
//! |---|---|
//! | any number of up to seven, where all watch all | 0.7 s |
//! | up to three of any ring | 0.7 s |
//! | any number of up to a hundred | 1.6 s |
//! | all but one | 3 s |

use core::cell::Cell;
use core::time::Duration;
use std::collections::BTreeSet;

use ferrolb_sim::{MS, SECOND, Segment, Setting, Weather, with_seeds};

use crate::{DETECT, LAST, MANY, assert_given_back, size, some};

/// Where all watch all, or few are dead.
const FEW: Duration = Duration::from_millis(700);

/// Kills `victims` at random times within `within`, and returns how long after the last of them each address had one owner, for
/// good, which is `bound` at most.
fn kill_within(
    segment: &mut Segment,
    victims: &BTreeSet<usize>,
    within: Duration,
    bound: Duration,
) -> Duration {
    let steps = usize::try_from(within.as_millis()).expect("a short time") + 1;
    let mut times: Vec<(usize, usize)> = victims
        .iter()
        .map(|victim| (segment.below(steps), *victim))
        .collect();
    times.sort_unstable();
    segment.begin_record();
    let start = segment.now;
    for (at, victim) in times {
        let at = start + MS * u32::try_from(at).expect("a short time");
        segment.run(at - segment.now);
        segment.kill(victim);
    }
    let text = format!("{victims:?} of {} are dead", segment.size());
    let is_whole = |segment: &mut Segment| segment.owners().iter().all(|owners| owners.len() == 1);
    let time = segment.run_until(bound, is_whole);
    let time = time.unwrap_or_else(|| panic!("{text}: {:?}", segment.owners()));
    segment.begin_record();
    segment.run(SECOND * 3);
    let record = segment.record();
    assert!(
        record.none.is_zero() && record.several.is_zero(),
        "{text}: {record:?}"
    );
    time
}

/// Does `scenario` for all seeds, and prints the longest time.
fn measure(what: &str, seeds: core::ops::Range<u64>, scenario: impl Fn(u64) -> Duration) {
    let longest = Cell::new(Duration::ZERO);
    with_seeds(seeds, |seed| longest.set(longest.get().max(scenario(seed))));
    println!(
        "{what}: each address has an owner after {:?} at most",
        longest.get()
    );
}

#[test]
fn three_of_six_may_die_a_second_apart() {
    measure("3 of 6, 1 s apart", 0..40, |seed| {
        let mut segment = Segment::new(6, Setting::default(), seed);
        for victim in some(&mut segment, 3) {
            segment.kill(victim);
            segment.run(DETECT);
            segment.assert_one_owner_each("one more is dead");
        }
        let record = segment.record();
        assert!(record.longest_none <= DETECT, "{record:?}");
        record.longest_none
    });
}

#[test]
fn in_a_ring_of_seven_any_may_die_that_leave_two() {
    measure("any of 3 to 7", 0..60, |seed| {
        let size = size(&[3, 4, 5, 6, 7], seed);
        let mut segment = Segment::new(size, Setting::default(), seed);
        let count = 1 + segment.below(size - 2);
        let victims = some(&mut segment, count);
        let within = [Duration::ZERO, SECOND][segment.below(2)];
        kill_within(&mut segment, &victims, within, FEW)
    });
}

#[test]
fn three_of_any_ring_may_die_within_a_second() {
    measure("3 of 5 to 100", 0..60, |seed| {
        let size = size(&[5, 8, 13, 30, 100], seed);
        let mut segment = Segment::new(size, Setting::default(), seed);
        let victims = some(&mut segment, 3);
        let within = [Duration::ZERO, MS * 300, SECOND][segment.below(3)];
        kill_within(&mut segment, &victims, within, FEW)
    });
}

#[test]
fn half_of_a_ring_may_die_at_once() {
    measure("half at once", 0..12, |seed| {
        let size = size(&[4, 7, 20, 60], seed);
        let mut segment = Segment::new(size, Setting::default(), seed);
        let victims = (0..size / 2).collect();
        kill_within(&mut segment, &victims, Duration::ZERO, MANY)
    });
}

#[test]
fn any_number_may_die_within_a_second_that_leaves_two() {
    measure("any of 8 to 100", 0..40, |seed| {
        let size = size(&[8, 12, 20, 40, 100], seed);
        let mut segment = Segment::new(size, Setting::default(), seed);
        let count = 1 + segment.below(size - 2);
        let victims = some(&mut segment, count);
        let within = [Duration::ZERO, MS * 300, SECOND][segment.below(3)];
        kill_within(&mut segment, &victims, within, MANY)
    });
}

#[test]
fn all_but_two_may_die_at_once() {
    measure("all but 2 of 10 to 100", 0..12, |seed| {
        let size = size(&[10, 20, 40, 100], seed);
        let mut segment = Segment::new(size, Setting::default(), seed);
        let victims = some(&mut segment, size - 2);
        kill_within(&mut segment, &victims, Duration::ZERO, MANY)
    });
}

#[test]
fn the_last_one_takes_everything() {
    measure("all but 1 of 3 to 100", 0..20, |seed| {
        let size = size(&[3, 4, 7, 12, 100], seed);
        let mut segment = Segment::new(size, Setting::default(), seed);
        let victims = some(&mut segment, size - 1);
        let within = [Duration::ZERO, SECOND][segment.below(2)];
        kill_within(&mut segment, &victims, within, LAST)
    });
}

#[test]
fn three_may_die_in_foul_weather() {
    measure("3 of 5 to 30, a fifth of the packets lost", 0..20, |seed| {
        let size = size(&[5, 8, 13, 30], seed);
        let mut segment = Segment::new(size, Setting::default(), seed);
        segment.set_weather(Weather::FOUL);
        segment.run(SECOND * 3);
        let victims = some(&mut segment, 3);
        kill_within(&mut segment, &victims, SECOND, MANY)
    });
}

/// The port of a switch blinks.
#[test]
fn a_node_that_hears_nobody_for_a_second_takes_nothing() {
    with_seeds(0..30, |seed| {
        let size = size(&[3, 5, 7, 12, 40], seed);
        let mut segment = Segment::new(size, Setting::default(), seed);
        let before = segment.owners();
        let victim = segment.below(size);
        let others: BTreeSet<usize> = (0..size).filter(|node| *node != victim).collect();
        segment.partition(&others);
        for _ in 0..20 {
            segment.run(MS * 50);
            for (owners, before) in segment.owners().iter().zip(&before) {
                assert!(
                    !owners.contains(&victim) || before.contains(&victim),
                    "{size} nodes: {owners:?}"
                );
            }
        }
        assert_given_back(&mut segment, &before, MS * 200);
    });
}
