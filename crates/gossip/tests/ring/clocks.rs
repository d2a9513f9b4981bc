//! Processes that stand still and clocks that jump.

use ferrolb_gossip::Config;
use ferrolb_sim::{MS, SECOND, name, with_seeds};

use crate::world::World;

#[test]
fn a_paused_process_is_out_while_it_is_paused_and_in_afterwards() {
    with_seeds(0..10, |seed| {
        let mut world = World::ring(5, Config::lan(), seed);
        world.pause(1, 3 * SECOND);
        world.run(SECOND);
        assert!(
            [0, 2, 3, 4]
                .iter()
                .all(|node| world.nodes[*node].out.contains(&name(1)))
        );
        world.run(2 * SECOND);
        assert!(world.run_until(SECOND, World::all_in));
        world.run(60 * SECOND);
        assert!(world.is_one_ring());
        assert!(
            world
                .alarms()
                .iter()
                .all(|alarm| alarm.contains("ElectionOut") && alarm.contains(&name(1)))
        );
    });
}

#[test]
fn a_process_that_was_paused_accuses_nobody() {
    with_seeds(0..10, |seed| {
        let mut world = World::ring(5, Config::lan(), seed);
        for _ in 0..5 {
            world.pause(1, 3 * SECOND);
            world.run(10 * SECOND);
        }
        let others = world
            .alarms()
            .iter()
            .filter(|alarm| !alarm.contains(&format!("\"{}\"", name(1))))
            .count();
        assert_eq!(others, 0, "{:?}", world.alarms());
    });
}

#[test]
fn a_clock_that_jumps_ahead_kills_nobody() {
    with_seeds(0..10, |seed| {
        let mut world = World::ring(5, Config::lan(), seed);
        for jump in [100, 1_000, 10_000, 600_000] {
            world.nodes[1].process.jump(MS * jump);
            world.run(10 * SECOND);
        }
        assert!(world.alarms().is_empty(), "{:?}", world.alarms());
    });
}
