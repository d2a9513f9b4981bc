//! A node is killed: how soon is it out for elections everywhere?

use core::time::Duration;

use ferrolb_gossip::{Config, Output};
use ferrolb_sim::{MS, SECOND, name, with_seeds};

use crate::world::World;

/// Times from the kill to the last survivor's report, sorted.
fn times(size: usize, seeds: core::ops::Range<u64>, kills: usize) -> Vec<Duration> {
    let times = core::cell::RefCell::new(Vec::new());
    with_seeds(seeds, |seed| {
        let mut world = World::ring(size, Config::lan(), seed);
        for victim in 0..kills {
            world.run(MS * u32::try_from(seed * 37 % 150 + 5).expect("a small number"));
            world.reports.clear();
            let killed = world.now;
            world.kill(victim);
            world.run(2 * SECOND);
            let out = world.all_reported(
                victim,
                |output| matches!(output, Output::ReportElectionOut { name, .. } if **name == *ferrolb_sim::name(victim)),
            );
            times.borrow_mut().push(out.expect("all notice") - killed);
            let killed =
                |alarm: &String| (0..=victim).any(|killed| alarm.contains(&format!("\"{}\"", name(killed))));
            assert!(world.alarms().iter().all(killed), "{:?}", world.alarms());
        }
        // The membership follows, and the ring closes.
        world.run(60 * SECOND);
        assert!(world.is_one_ring() && world.all_in());
    });
    let mut times = times.into_inner();
    times.sort();
    times
}

fn percentile(times: &[Duration], percent: usize) -> Duration {
    times[(times.len() * percent).div_ceil(100) - 1]
}

#[test]
fn in_a_ring_of_five_a_killed_node_is_out_within_700_ms() {
    let times = times(5, 0..50, 2);
    println!(
        "5 nodes: p50 {:?}, p99 {:?}, max {:?}",
        percentile(&times, 50),
        percentile(&times, 99),
        times.last()
    );
    assert!(percentile(&times, 99) <= 700 * MS, "{times:?}");
}

#[test]
fn in_a_ring_of_a_hundred_a_killed_node_is_out_within_a_second() {
    let times = times(100, 0..2, 8);
    println!(
        "100 nodes: p50 {:?}, p99 {:?}, max {:?}",
        percentile(&times, 50),
        percentile(&times, 99),
        times.last()
    );
    assert!(percentile(&times, 99) <= SECOND, "{times:?}");
}

#[test]
fn in_a_ring_of_two_and_of_three_it_is_noticed_too() {
    for size in [2, 3] {
        let times = times(size, 0..20, 1);
        assert!(percentile(&times, 99) <= 700 * MS, "{size} nodes: {times:?}");
    }
}

#[test]
fn three_of_a_hundred_killed_at_once_are_all_gone_in_the_end() {
    with_seeds(0..2, |seed| {
        let mut world = World::ring(100, Config::lan(), seed);
        [10, 20, 30].into_iter().for_each(|victim| world.kill(victim));
        world.run(60 * SECOND);
        assert!(world.is_one_ring() && world.all_in());
    });
}
