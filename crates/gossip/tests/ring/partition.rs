//! Rings that fall apart and heal.

use ferrolb_gossip::{Config, Input};

use crate::world::{SECOND, World, address, name, with_seeds};

/// What the pod list does every minute.
fn find_peers(world: &mut World) {
    let all: Vec<_> = (0..world.nodes.len()).map(address).collect();
    for node in 0..world.nodes.len() {
        world.tell(node, Input::PeersFound(all.clone()));
    }
}

#[test]
fn neither_side_puts_its_own_out_and_all_are_one_again_after_healing() {
    with_seeds(0..5, |seed| {
        let mut world = World::ring(7, Config::lan(), seed);
        world.partition(&[0, 1, 2]);
        world.run(SECOND);
        for node in 0..7 {
            // Those of whom two watchers are on this side. Of the others SWIM decides.
            let ours = |other: usize| (other < 3) == (node < 3);
            assert!(
                (0..7)
                    .filter(|other| ours(*other))
                    .all(|other| !world.nodes[node].out.contains(&name(other)))
            );
        }
        world.run(60 * SECOND);
        for node in 0..7 {
            assert_eq!(world.nodes[node].members.len(), if node < 3 { 2 } else { 3 });
        }
        world.cut.clear();
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
        world.partition(&[0, 1, 2]);
        world.run(2 * SECOND);
        world.cut.clear();
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
        world.cut.extend((1..5).map(|other| (other, 0)));
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
        world.cut.extend((1..5).map(|other| (0, other)));
        world.run(SECOND);
        for node in 0..5 {
            assert_eq!(
                world.nodes[node].out.iter().collect::<Vec<_>>(),
                [&name(0)],
                "{}",
                name(node)
            );
        }
        world.cut.clear();
        assert!(world.run_until(2 * SECOND, World::all_in));
    });
}
