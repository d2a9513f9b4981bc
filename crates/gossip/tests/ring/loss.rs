//! Bad networks on which nobody dies.

use ferrolb_gossip::Config;
use ferrolb_sim::{MS, SECOND, Weather, with_seeds};

use crate::world::World;

#[test]
fn nobody_dies_and_nobody_is_out_with_a_fifth_of_the_packets_lost_for_ten_minutes() {
    with_seeds(0..1, |seed| {
        let mut world = World::ring(100, Config::lan(), seed);
        world.network.weather.loss_percent = 20;
        world.run(600 * SECOND);
        assert!(world.alarms().is_empty(), "{:?}", world.alarms());
    });
}

#[test]
fn nobody_is_out_when_the_link_of_one_pair_is_cut() {
    with_seeds(0..5, |seed| {
        for size in [3, 5, 20] {
            let mut world = World::ring(size, Config::lan(), seed);
            world.network.cut(0, 1);
            world.network.cut(1, 0);
            world.run(120 * SECOND);
            assert!(world.alarms().is_empty(), "{size} nodes: {:?}", world.alarms());
        }
    });
}

#[test]
fn nobody_is_out_when_one_direction_of_a_pair_is_cut() {
    with_seeds(0..5, |seed| {
        let mut world = World::ring(5, Config::lan(), seed);
        world.network.cut(0, 1);
        world.run(120 * SECOND);
        assert!(world.alarms().is_empty(), "{:?}", world.alarms());
    });
}

#[test]
fn nobody_is_out_when_packets_are_late_and_out_of_order() {
    with_seeds(0..3, |seed| {
        let mut world = World::ring(10, Config::lan(), seed);
        world.network.weather = Weather {
            loss_percent: 2,
            delay: (MS, 40 * MS),
        };
        world.run(300 * SECOND);
        assert!(world.alarms().is_empty(), "{:?}", world.alarms());
    });
}
