//! Whatever faults one after the other.

use std::collections::BTreeSet;

use ferrolb_sim::{MS, SECOND, Segment, Setting, Weather, with_seeds};

use crate::{BURST, DETECT, GIVE_UP, HEAL, assert_one_owner_each_on, notice, size, some};

const KINDS: usize = 10;

#[test]
fn owners_are_unique_after_whatever_faults_one_after_the_other() {
    with_seeds(0..12, |seed| {
        let size = size(&[3, 4, 5, 8, 13, 40], seed);
        let mut segment = Segment::new(size, Setting::default(), seed);
        for round in 0..6 {
            let fault = segment.below(KINDS);
            suffer(&mut segment, fault);
            segment.set_weather(Weather::FAIR);
            segment.heal();
            segment.begin_record();
            segment.run(HEAL);
            segment.assert_one_owner_each(&format!("seed {seed}, round {round}, fault {fault} is over"));
            let record = segment.record();
            assert!(
                record.longest_several <= BURST,
                "seed {seed}, round {round}, fault {fault} is over: {record:?}"
            );
            assert!(
                segment.agrees_on(size, 0),
                "seed {seed}, round {round}, fault {fault} is over: somebody is out somewhere"
            );
        }
        assert_eq!(segment.conflicts(), 0, "there are no foreign hosts");
    });
}

/// One fault with what must hold during it. What is killed is started again.
fn suffer(segment: &mut Segment, fault: usize) {
    let victim = segment.below(segment.size());
    match fault {
        0 => {
            segment.kill(victim);
            segment.run(DETECT);
            segment.assert_one_owner_each("one is killed");
            segment.start(victim);
        }
        1 => {
            let killed = some_of_all(segment);
            killed.iter().for_each(|node| segment.kill(*node));
            segment.run(notice(segment.size() - killed.len()));
            segment.assert_one_owner_each("several are killed");
            killed.iter().for_each(|node| segment.start(*node));
        }
        2 => {
            let side = some_of_all(segment);
            segment.partition(&side);
            let bound = notice(side.len().min(segment.size() - side.len()));
            for time in [bound, SECOND * 10, GIVE_UP] {
                segment.run(time);
                assert_one_owner_each_on(segment, |node| side.contains(&node), "parted, this side");
                assert_one_owner_each_on(segment, |node| !side.contains(&node), "parted, that side");
            }
        }
        3 => {
            let others: Vec<usize> = (0..segment.size()).filter(|other| *other != victim).collect();
            others.iter().for_each(|other| segment.cut(victim, *other));
            segment.run(DETECT);
            segment.assert_one_owner_each("one is not heard");
        }
        4 => {
            let side = some_of_all(segment);
            segment.muffle(&side);
            segment.run(GIVE_UP);
            segment.assert_one_owner_each("their gossip is cut, and not their frames");
        }
        5 => {
            let time = MS * (200 + 100 * u32::try_from(segment.below(60)).expect("a small number"));
            segment.pause(victim, time);
            segment.run(time);
        }
        6 => {
            let jump = [100, 3_000, 600_000][segment.below(3)];
            segment.jump(victim, MS * jump);
            segment.run(SECOND);
            segment.assert_one_owner_each("a clock has jumped");
        }
        7 => {
            segment.set_weather(Weather::FOUL);
            segment.run(SECOND * 20);
            segment.assert_one_owner_each("packets are lost and late");
        }
        8 => {
            segment.set_api(false);
            segment.stop(victim);
            segment.run(DETECT);
            segment.assert_one_owner_each("one has left while the API server is away");
            segment.control.add_service();
            segment.set_api(true);
            segment.start(victim);
        }
        _ => {
            for node in 0..segment.size().min(5) {
                segment.stop(node);
                segment.run(MS * 150);
                segment.start(node);
                segment.run(DETECT * 2);
                segment.assert_one_owner_each("a rolling restart");
            }
        }
    }
}

fn some_of_all(segment: &mut Segment) -> BTreeSet<usize> {
    let count = 1 + segment.below(segment.size() - 1);
    some(segment, count)
}
