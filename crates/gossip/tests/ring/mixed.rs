//! Nodes that do not watch: speakers of MetalLB, or `--fast-watch=false`.

use ferrolb_gossip::{Config, Output};
use ferrolb_sim::{SECOND, name, with_seeds};

use crate::world::World;

const SLOW: Config = Config {
    fast_watch: false,
    ..Config::lan()
};

/// The first `slow` of five nodes do not watch.
fn mixed(slow: usize, seed: u64) -> World {
    let mut world = World::new(seed);
    for node in 0..5 {
        world.add(if node < slow { SLOW } else { Config::lan() });
        let peers = vec![ferrolb_sim::address(0)];
        world.tell(node, ferrolb_gossip::Input::PeersFound(peers));
    }
    assert!(world.run_until(10 * SECOND, World::is_one_ring));
    world.run(5 * SECOND);
    world.reports.clear();
    world
}

#[test]
fn whoever_does_not_watch_is_watched_by_swim_alone() {
    with_seeds(0..10, |seed| {
        let mut world = mixed(2, seed);
        let killed = world.now;
        world.kill(0);
        world.run(40 * SECOND);
        let gone = world.all_reported(0, |output| {
            matches!(output, Output::ReportMemberGone { left: false, .. })
        });
        let time = gone.expect("all notice") - killed;
        assert!((4 * SECOND..=30 * SECOND).contains(&time), "{time:?}");
        assert!(
            world.alarms().iter().all(|alarm| alarm.contains("MemberGone")),
            "{:?}",
            world.alarms()
        );
    });
}

#[test]
fn those_that_watch_watch_each_other() {
    with_seeds(0..10, |seed| {
        let mut world = mixed(2, seed);
        world.kill(4);
        world.run(SECOND);
        for node in 0..4 {
            let expected = usize::from(node >= 2);
            assert_eq!(world.nodes[node].out.len(), expected, "{}", name(node));
        }
    });
}

#[test]
fn a_single_watcher_is_enough_where_there_is_only_one() {
    with_seeds(0..10, |seed| {
        let mut world = mixed(3, seed);
        world.kill(4);
        world.run(SECOND);
        assert!(world.nodes[3].out.contains(&name(4)));
    });
}

#[test]
fn a_ring_that_does_not_watch_is_quiet() {
    let mut world = World::ring(5, SLOW, 1);
    world.nodes.iter_mut().for_each(|node| node.packets = 0);
    world.run(60 * SECOND);
    for node in &world.nodes {
        let per_second = node.packets / 60;
        assert!(per_second <= 4, "{per_second} packets/s");
    }
}
