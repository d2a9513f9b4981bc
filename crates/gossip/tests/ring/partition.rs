//! Rings that fall apart and heal.

use std::collections::BTreeSet;

use ferrolb_gossip::{Config, Input};
use ferrolb_sim::{SECOND, address, name, with_seeds};

use crate::world::World;

/// What the pod list does every minute.
fn find_peers(world: &mut World) {
    let all: Vec<_> = (0..world.nodes.len()).map(address).collect();
    for node in 0..world.nodes.len() {
        world.tell(node, Input::PeersFound(all.clone()));
    }
}

#[test]
fn each_side_puts_out_the_other_and_none_of_its_own_and_all_are_one_again_after_healing() {
    with_seeds(0..5, |seed| {
        let mut world = World::ring(7, Config::lan(), seed);
        world.network.partition([0, 1, 2].into());
        world.run(SECOND);
        for node in 0..7 {
            let others = (0..7).filter(|other| (*other < 3) != (node < 3));
            let others: BTreeSet<String> = others.map(name).collect();
            assert_eq!(world.nodes[node].out, others, "{}", name(node));
        }
        world.run(60 * SECOND);
        for node in 0..7 {
            assert_eq!(world.nodes[node].members.len(), if node < 3 { 2 } else { 3 });
        }
        world.network.heal();
        find_peers(&mut world);
        assert!(world.run_until(5 * SECOND, |world| world.is_one_ring() && world.all_in()));
        world.run(5 * SECOND);
        world.reports.clear();
        world.run(60 * SECOND);
        assert!(world.alarms().is_empty(), "{:?}", world.alarms());
    });
}

#[test]
fn a_short_partition_changes_no_membership() {
    with_seeds(0..5, |seed| {
        let mut world = World::ring(7, Config::lan(), seed);
        world.network.partition([0, 1, 2].into());
        world.run(2 * SECOND);
        world.network.heal();
        assert!(world.run_until(2 * SECOND, World::all_in), "all are in again");
        assert!(world.is_one_ring());
        world.run(60 * SECOND);
        assert!(
            world.alarms().iter().all(|alarm| alarm.contains("ElectionOut")),
            "{:?}",
            world.alarms()
        );
    });
}

#[test]
fn a_node_that_is_deaf_is_heard_and_stays() {
    with_seeds(0..5, |seed| {
        let mut world = World::ring(5, Config::lan(), seed);
        (1..5).for_each(|other| world.network.cut(other, 0));
        world.run(3 * SECOND);
        assert!(
            (1..5).all(|node| world.nodes[node].out.is_empty()),
            "it can still answer for its addresses"
        );
    });
}

#[test]
fn a_node_that_is_not_heard_is_out_and_learns_it() {
    with_seeds(0..5, |seed| {
        let mut world = World::ring(5, Config::lan(), seed);
        (1..5).for_each(|other| world.network.cut(0, other));
        world.run(SECOND);
        for node in 0..5 {
            assert_eq!(
                world.nodes[node].out.iter().collect::<Vec<_>>(),
                [&name(0)],
                "{}",
                name(node)
            );
        }
        world.network.heal();
        assert!(world.run_until(2 * SECOND, World::all_in));
    });
}

#[test]
fn halves_that_gave_each_other_up_are_one_again_within_three_seconds_without_a_pod_list() {
    with_seeds(0..5, |seed| {
        // After half a minute a node that is dead is forgotten.
        for time in [12, 100] {
            let mut world = World::ring(7, Config::lan(), seed);
            world.network.partition([0, 1, 2].into());
            world.run(time * SECOND);
            world.network.heal();
            let healed = world.run_until(3 * SECOND, |world| world.is_one_ring() && world.all_in());
            assert!(healed, "apart for {time} s");
            world.run(10 * SECOND);
            world.reports.clear();
            world.run(60 * SECOND);
            assert!(world.alarms().is_empty(), "{:?}", world.alarms());
        }
    });
}

#[test]
fn a_node_without_a_link_comes_back_as_soon_as_it_is_told_where_the_others_are() {
    with_seeds(0..10, |seed| {
        let mut world = World::ring(5, Config::lan(), seed);
        world.network.partition([0].into());
        world.run(20 * SECOND);
        assert!(
            (1..5).all(|node| world.nodes[node].members.len() == 3),
            "it is given up"
        );
        world.network.heal();
        world.tell(0, Input::PeersFound((0..5).map(address).collect()));
        assert!(world.run_until(2 * SECOND, |world| world.is_one_ring() && world.all_in()));
    });
}

#[test]
fn whoever_is_dead_is_called_by_each_other_once_a_second_at_most() {
    let mut world = World::ring(5, Config::lan(), 1);
    world.kill(4);
    world.run(60 * SECOND);
    world.nodes.iter_mut().for_each(|node| node.packets = 0);
    world.run(60 * SECOND);
    let packets = world
        .nodes
        .iter()
        .take(4)
        .map(|node| node.packets / 60)
        .max()
        .unwrap();
    let mut usual = World::ring(4, Config::lan(), 1);
    usual.nodes.iter_mut().for_each(|node| node.packets = 0);
    usual.run(60 * SECOND);
    let without = usual.nodes.iter().map(|node| node.packets / 60).max().unwrap();
    assert!(packets <= without + 1, "{packets} packets/s instead of {without}");
}
